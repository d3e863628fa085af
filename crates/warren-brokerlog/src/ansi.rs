//! Colours of terminals, which RabbitMQ writes also where no terminal is.

use std::borrow::Cow;

/// The text without control sequences (`ESC [ … letter`).
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        // Parameters, then a letter. What is no whole sequence loses its mark alone.
        let parameters = behind.trim_start_matches(|c: char| ('\u{20}'..='\u{3f}').contains(&c));
        rest = parameters.strip_prefix(|c: char| ('\u{40}'..='\u{7e}').contains(&c)).unwrap_or(behind);
    }
    out.push_str(rest);
    Cow::Owned(out)
}
