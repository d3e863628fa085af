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
        let end = behind.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c));
        rest = end.and_then(|end| behind.get(end + 1..)).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}
