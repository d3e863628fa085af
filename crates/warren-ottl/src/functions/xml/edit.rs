//! What is done to the parts of a document that an XPath selects.

use super::tree::{Attr, Document, Id, Kind, ROOT};
use super::write;
use super::xpath::{Selected, XPath};
use crate::Failure;
use std::borrow::Cow;

/// The parts themselves, one behind the other: elements as XML, all else as text.
pub(super) fn get(document: &Document<'_>, path: &XPath) -> Result<String, Failure> {
    let mut out = String::new();
    for selected in path.select(document)? {
        let node = document.node(selected.node);
        match (selected.attribute, node.kind) {
            (Some(index), _) => {
                if let Some(attribute) = node.attributes.get(index) {
                    write::escape(&attribute.value, &mut out);
                }
            }
            (None, Kind::Element) => write::node(document, selected.node, true, &mut out)?,
            (None, Kind::Text | Kind::Data) => write::escape(&node.data, &mut out),
            _ => {}
        }
    }
    Ok(out)
}

/// The document without the parts.
pub(super) fn remove(mut document: Document<'_>, path: &XPath) -> Result<String, Failure> {
    for selected in in_reverse(path.select(&document)?) {
        let node = &mut document.nodes[selected.node];
        match (selected.attribute, node.kind) {
            (Some(index), _) => remove_attribute(&mut node.attributes, index),
            (None, Kind::Document | Kind::Instruction | Kind::Directive) => {}
            (None, _) => node.removed = true,
        }
    }
    text(&document)
}

/// Attributes of one element are removed from the last to the first, so that those before keep their places.
fn in_reverse(mut selected: Vec<Selected>) -> Vec<Selected> {
    selected.sort_unstable();
    selected.reverse();
    selected
}

/// As upstream, an attribute with a prefix stays.
fn remove_attribute(attributes: &mut Vec<Attr<'_>>, index: usize) {
    if attributes.get(index).is_some_and(|attribute| attribute.prefix.is_empty()) {
        attributes.remove(index);
    }
}

/// The document with another one at the end of each selected element.
pub(super) fn insert(document: &mut Document<'_>, path: &XPath, inserted: &Document<'_>) -> Result<String, Failure> {
    let mut faults = Vec::new();
    for selected in path.select(document)? {
        let node = document.node(selected.node);
        match (selected.attribute, node.kind) {
            (None, Kind::Document | Kind::Element) => graft(document, selected.node, inserted, ROOT)?,
            (Some(index), _) => faults.extend(node.attributes.get(index).map(|attribute| attribute.local.to_string())),
            _ => faults.push(node.data.to_string()),
        }
    }
    if faults.is_empty() {
        return text(document);
    }
    let fault = |data: &String| format!("InsertXML XPath selected non-element: {}", warren_gotext::quoted(data));
    Err(Failure::new(faults.iter().map(fault).collect::<Vec<_>>().join("\n")))
}

/// Copies the children of a node of another document.
fn graft(document: &mut Document<'_>, parent: Id, from: &Document<'_>, source: Id) -> Result<(), Failure> {
    for (child, node) in from.children(source) {
        if document.nodes.len() > super::tree::NODES_MAX {
            return Err(Failure::new(format!("the document has more than {} parts", super::tree::NODES_MAX)));
        }
        let id = document.add(parent, node.kind, node.data.clone().into_owned());
        document.nodes[id].prefix = Cow::Owned(node.prefix.clone().into_owned());
        document.nodes[id].attributes = node.attributes.iter().map(owned).collect();
        graft(document, id, from, child)?;
    }
    Ok(())
}

fn owned(attribute: &Attr<'_>) -> Attr<'static> {
    Attr {
        prefix: Cow::Owned(attribute.prefix.to_string()),
        local: Cow::Owned(attribute.local.to_string()),
        value: Cow::Owned(attribute.value.to_string()),
    }
}

/// The document with elements in place of the selected attributes, at the end of the element that had them.
pub(super) fn attributes_to_elements(mut document: Document<'_>, path: &XPath) -> Result<String, Failure> {
    let selected = path.select(&document)?;
    for Selected { node, attribute } in &selected {
        let Some(attribute) = attribute.and_then(|index| document.node(*node).attributes.get(index).cloned()) else { continue };
        let element = document.add(*node, Kind::Element, attribute.local);
        document.add(element, Kind::Text, attribute.value);
    }
    for Selected { node, attribute } in in_reverse(selected) {
        if let Some(index) = attribute {
            remove_attribute(&mut document.nodes[node].attributes, index);
        }
    }
    text(&document)
}

/// The document with texts that stand beside other texts or elements made elements of their own.
pub(super) fn text_to_elements(mut document: Document<'_>, path: &XPath, name: &str) -> Result<String, Failure> {
    for Selected { node, attribute } in path.select(&document)? {
        if attribute.is_none() && matches!(document.node(node).kind, Kind::Element | Kind::Document) {
            wrap_texts(&mut document, node, name);
        }
    }
    text(&document)
}

fn wrap_texts(document: &mut Document<'_>, parent: Id, name: &str) {
    let children: Vec<(Id, Kind)> = document.children(parent).map(|(id, node)| (id, node.kind)).collect();
    for (id, _) in children.iter().filter(|(_, kind)| *kind == Kind::Element) {
        wrap_texts(document, *id, name);
    }
    let counted = children.iter().filter(|(_, kind)| matches!(kind, Kind::Element | Kind::Text)).count();
    if counted <= 1 {
        return;
    }
    for (id, _) in children.into_iter().filter(|(_, kind)| *kind == Kind::Text) {
        let node = &mut document.nodes[id];
        node.kind = Kind::Element;
        let data = std::mem::replace(&mut node.data, Cow::Owned(name.to_owned()));
        document.add(id, Kind::Text, data);
    }
}

fn text(document: &Document<'_>) -> Result<String, Failure> {
    let mut out = String::new();
    write::children(document, ROOT, &mut out)?;
    Ok(out)
}
