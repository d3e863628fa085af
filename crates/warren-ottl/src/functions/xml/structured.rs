//! Documents as maps: `ParseXML` with everything, `ParseSimplifiedXML` with elements and their text alone.

use super::super::entries::Entries;
use super::token::{Attribute, Name, Token, Tokens, parameter};
use super::tree::{self, DEPTH_MAX, Document, Id, Kind, NODES_MAX, ROOT};
use crate::{Failure, Val};
use warren_pdata::{Attrs, Value};

/// An element that is not read to its end.
struct Open<'a> {
    name: Name<'a>,
    attributes: Entries,
    text: String,
    children: Vec<Value>,
}

impl Open<'_> {
    fn into_map(self) -> Attrs {
        let mut map = Entries::default();
        map.set("tag".into(), self.name.local);
        if !self.text.is_empty() {
            map.set("content".into(), self.text);
        }
        if !self.attributes.is_empty() {
            map.set("attributes".into(), Value::Map(self.attributes.into()));
        }
        if !self.children.is_empty() {
            map.set("children".into(), Value::list(self.children));
        }
        map.into()
    }
}

/// An element as `{tag, content, attributes, children}`, by local names, texts trimmed and joined.
///
/// # Errors
/// When the text is no document, or anything follows the element.
pub(super) fn parse(text: &str) -> Result<Val, Failure> {
    let mut tokens = Tokens::new(text);
    let map = element(&mut tokens).map_err(|failure| Failure::new(format!("unmarshal xml: {failure}")))?;
    if !tokens.rest().is_empty() {
        return Err(Failure::new("trailing bytes after parsing xml"));
    }
    Ok(Val::Map(map))
}

fn element(tokens: &mut Tokens<'_>) -> Result<Attrs, Failure> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut count = 0;
    loop {
        let within = !open.is_empty();
        let token = tokens.next().map_err(|failure| wrap(within, &failure))?;
        count += 1;
        if count > NODES_MAX {
            return Err(Failure::new(format!("the document has more than {NODES_MAX} parts")));
        }
        let done = match token {
            None if within => return Err(wrap(true, &tokens.cut_off())),
            None => return Err(Failure::new("EOF")),
            Some(Token::Start { name, attributes, closed }) => {
                if open.len() == DEPTH_MAX {
                    return Err(Failure::new(format!("elements are nested more than {DEPTH_MAX} deep")));
                }
                open.push(Open { name, attributes: by_local_name(attributes), text: String::new(), children: Vec::new() });
                closed
            }
            Some(Token::End(name)) => {
                let Some(last) = open.last() else {
                    return Err(tokens.fault(format_args!("unexpected end element </{name}>")));
                };
                tree::check_end(tokens, last.name, name).map_err(|failure| wrap(true, &failure))?;
                true
            }
            Some(Token::Text(text) | Token::Data(text)) => {
                if let Some(last) = open.last_mut() {
                    last.text.push_str(text.trim());
                }
                false
            }
            Some(Token::Instruction { target: "xml", content }) => {
                let encoding = parameter(content, "encoding");
                if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("utf-8") {
                    let encoding = warren_gotext::quoted(encoding);
                    let fault = format!("xml: encoding {encoding} declared but Decoder.CharsetReader is nil");
                    return Err(wrap(within, &Failure::new(fault)));
                }
                false
            }
            Some(Token::Comment(_) | Token::Instruction { .. } | Token::Directive(_)) => false,
        };
        if done && let Some(element) = open.pop() {
            let map = element.into_map();
            match open.last_mut() {
                Some(parent) => parent.children.push(Value::Map(map)),
                None => return Ok(map),
            }
        }
    }
}

/// A fault within an element has upstream's words around it.
fn wrap(within: bool, failure: &Failure) -> Failure {
    Failure::new(if within { format!("decode next token: {failure}") } else { failure.to_string() })
}

fn by_local_name(attributes: Vec<Attribute<'_>>) -> Entries {
    let mut entries = Entries::default();
    for attribute in attributes {
        entries.set(attribute.name.local.into(), attribute.value.as_ref());
    }
    entries
}

/// Elements by their names: text as it is, several of one name as a list, elements in elements as maps; nothing else is kept.
pub(super) fn simplified(document: &Document<'_>) -> Val {
    simplify(document, ROOT).into()
}

fn simplify(document: &Document<'_>, parent: Id) -> Entries {
    let elements = || document.children(parent).filter(|(_, node)| node.kind == Kind::Element);
    let mut counts = std::collections::HashMap::<&str, usize>::new();
    for (_, node) in elements() {
        *counts.entry(&node.data).or_default() += 1;
    }
    let mut map = Entries::default();
    for (id, node) in elements() {
        if document.children(id).next().is_none() {
            continue;
        }
        let value = content(document, id);
        let name = node.data.as_ref();
        if counts.get(name).is_some_and(|count| *count > 1) {
            let entry = map.value_mut(name.into());
            let mut list = match std::mem::take(entry) {
                Value::List(list) => list,
                _ => triomphe::Arc::default(),
            };
            triomphe::Arc::make_mut(&mut list).extend(value);
            *entry = Value::List(list);
        } else if let Some(value) = value {
            map.set(name.into(), value);
        }
    }
    map
}

/// What an element holds: its elements if it has any, else its first text.
fn content(document: &Document<'_>, id: Id) -> Option<Value> {
    if document.children(id).any(|(_, node)| node.kind == Kind::Element) {
        let map = simplify(document, id);
        return (!map.is_empty()).then(|| Value::Map(map.into()));
    }
    let (_, text) = document.children(id).find(|(_, node)| matches!(node.kind, Kind::Text | Kind::Data))?;
    (!text.data.is_empty()).then(|| Value::from(text.data.as_ref()))
}
