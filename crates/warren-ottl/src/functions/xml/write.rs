//! Documents as text again, as upstream's library writes them: no element is written in its short form.

use super::tree::{Document, Id, Kind};
use crate::Failure;
use crate::functions::TEXT_BYTES_MAX;

/// The children of a node.
pub(super) fn children(document: &Document<'_>, id: Id, out: &mut String) -> Result<(), Failure> {
    let keep = keeps_spaces(document, id, true);
    for (child, _) in document.children(id) {
        node(document, child, keep, out)?;
    }
    Ok(())
}

/// Whether spaces at the ends of texts within an element are kept.
fn keeps_spaces(document: &Document<'_>, id: Id, otherwise: bool) -> bool {
    let setting = document.node(id).attributes.iter().find(|attribute| attribute.prefix == "xml" && attribute.local == "space");
    match setting.map(|attribute| &*attribute.value) {
        Some("preserve") => true,
        Some("default") => false,
        _ => otherwise,
    }
}

/// A node with what is within it.
pub(super) fn node(document: &Document<'_>, id: Id, keep: bool, out: &mut String) -> Result<(), Failure> {
    // What was taken out of a document may be in it many times.
    if out.len() > TEXT_BYTES_MAX {
        return Err(Failure::new(format!("the XML text is longer than {TEXT_BYTES_MAX} bytes")));
    }
    let node = document.node(id);
    match node.kind {
        Kind::Document => children(document, id, out)?,
        Kind::Text => escape(if keep { &node.data } else { node.data.trim() }, out),
        Kind::Data => out.extend(["<![CDATA[", &node.data, "]]>"]),
        Kind::Comment => out.extend(["<!--", &node.data, "-->"]),
        Kind::Directive => out.extend(["<!", &node.data, ">"]),
        Kind::Instruction => {
            out.extend(["<?", &node.data]);
            attributes(document, id, out);
            out.push_str("?>");
        }
        Kind::Element => {
            let keep = keeps_spaces(document, id, keep);
            let colon = if node.prefix.is_empty() { "" } else { ":" };
            out.extend(["<", &node.prefix, colon, &node.data]);
            attributes(document, id, out);
            out.push('>');
            for (child, _) in document.children(id) {
                self::node(document, child, keep, out)?;
            }
            out.extend(["</", &node.prefix, colon, &node.data, ">"]);
        }
    }
    Ok(())
}

fn attributes(document: &Document<'_>, id: Id, out: &mut String) {
    for attribute in &document.node(id).attributes {
        let colon = if attribute.prefix.is_empty() { "" } else { ":" };
        out.extend([" ", &attribute.prefix, colon, &attribute.local, "=\""]);
        escape(&attribute.value, out);
        out.push('"');
    }
}

/// Text within an element or a value.
pub(super) fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(place) = rest.find(['&', '<', '>', '"', '\'']) {
        let (before, after) = rest.split_at(place);
        out.push_str(before);
        out.push_str(match after.bytes().next() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&#34;",
            _ => "&#39;",
        });
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}
