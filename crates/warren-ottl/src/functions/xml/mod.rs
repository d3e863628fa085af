//! The converters of XML: text is read into tokens ([`token`]), those into a tree ([`tree`]), an XPath ([`xpath`]) selects parts of it, which are
//! taken out, removed or replaced ([`edit`]), and the tree is written again ([`write`]). Maps are made of documents by [`structured`].
//!
//! Depth, parts of a document, steps of a path and the length of the result are bounded; no document can declare entities.

mod edit;
mod structured;
#[cfg(test)]
mod tests;
mod token;
mod tree;
mod write;
mod xpath;

use crate::function::{Args, Call, Converter, Kind, Literals, Yields, optional, param};
use crate::{Failure, Val};
use tree::{Document, with_document};
use xpath::XPath;

/// The converters of this folder.
pub(super) const CONVERTERS: &[Converter] = &[
    Converter {
        name: "ParseXML",
        params: &[param("target", Kind::Str)],
        yields: Yields::Map,
        bind: |_| Ok(Call::new(|args| structured::parse(args.text(0)))),
    },
    Converter {
        name: "ParseSimplifiedXML",
        params: &[param("target", Kind::Str)],
        yields: Yields::Map,
        bind: |_| Ok(Call::new(|args| with_document(args.text(0), |document| Ok(structured::simplified(&document))))),
    },
    Converter {
        name: "GetXML",
        params: &[param("target", Kind::Str), param("x_path", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| on_filled(literals, |document, path| edit::get(&document, path)),
    },
    Converter {
        name: "RemoveXML",
        params: &[param("target", Kind::Str), param("x_path", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| on_filled(literals, edit::remove),
    },
    Converter {
        name: "InsertXML",
        params: &[param("target", Kind::Str), param("x_path", Kind::LitStr), param("sub_document", Kind::Str)],
        yields: Yields::Str,
        bind: |literals| {
            let path = path(literals, "")?;
            Ok(Call::new(move |args: Args<'_>| {
                with_document(args.text(2), |inserted| {
                    let insert = |mut document: Document<'_>| edit::insert(&mut document, &path, &inserted);
                    let target = args.text(0);
                    let text = if target.is_empty() { insert(Document::empty())? } else { with_document(target, insert)? };
                    Ok(text.into())
                })
            }))
        },
    },
    Converter {
        name: "ConvertAttributesToElementsXML",
        params: &[param("target", Kind::Str), optional("x_path", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let path = path(literals, "//@*")?;
            Ok(Call::new(move |args: Args<'_>| {
                with_document(args.text(0), |document| edit::attributes_to_elements(document, &path)).map(Val::from)
            }))
        },
    },
    Converter {
        name: "ConvertTextToElementsXML",
        params: &[param("target", Kind::Str), optional("x_path", Kind::LitStr), optional("element_name", Kind::LitStr)],
        yields: Yields::Str,
        bind: |literals| {
            let path = path(literals, "/")?;
            let name: Box<str> = literals.text(2).filter(|name| !name.is_empty()).unwrap_or("value").into();
            Ok(Call::new(move |args: Args<'_>| {
                with_document(args.text(0), |document| edit::text_to_elements(document, &path, &name)).map(Val::from)
            }))
        },
    },
];

/// The path of a call; an optional one that is left out or empty is the default.
fn path(literals: &Literals<'_>, default: &str) -> Result<XPath, String> {
    let text = literals.text(1).filter(|text| !text.is_empty()).unwrap_or(default);
    XPath::new(text).map_err(|fault| format!("invalid xpath: {fault}"))
}

/// A call for which an empty text stays empty.
fn on_filled(
    literals: &Literals<'_>,
    then: impl Fn(Document<'_>, &XPath) -> Result<String, Failure> + Send + Sync + 'static,
) -> Result<Call, String> {
    let path = path(literals, "")?;
    Ok(Call::new(move |args: Args<'_>| match args.text(0) {
        "" => Ok(Val::from("")),
        text => with_document(text, |document| then(document, &path)).map(Val::from),
    }))
}
