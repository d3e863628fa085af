//! Pairs in one text, such as `name=ottl func="key value"`, as the Go collector splits them (`parseutils.SplitString`).
//!
//! Quotes hold delimiters together and are taken off; a backslash lets the quote behind it stand, and stays. Unlike upstream's, characters
//! beyond ASCII come out as they went in.

/// The parts between delimiters that stand outside of quotes, without those quotes; nothing if a quote is left open.
pub fn split_pairs(input: &str, delimiter: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut current = String::new();
    let mut quote = None;
    let mut escaped = false;
    let mut rest = input;
    while let Some(c) = rest.chars().next() {
        if quote.is_none()
            && let Some(after) = rest.strip_prefix(delimiter)
        {
            if !current.is_empty() {
                parts.push(std::mem::take(&mut current));
            }
            rest = after;
            continue;
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        if escaped {
            escaped = false;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
            continue;
        } else if quote == Some(c) {
            quote = None;
            continue;
        } else {
            escaped = c == '\\';
        }
        current.push(c);
    }
    if quote.is_some() {
        return None;
    }
    if !current.is_empty() {
        parts.push(current);
    }
    Some(parts)
}
