//! A document as a tree in one vector, in the order of the text.
//!
//! As upstream's library: what stands before the first element or declaration is no part of the document, prefixes stay with the names, and a
//! document without an element is none. Unlike there, an instruction within an element does not draw what follows into itself.

use super::token::{Attribute, Name, Token, Tokens, parameter};
use crate::Failure;
use std::borrow::Cow;

/// Elements within each other.
pub(super) const DEPTH_MAX: usize = 256;

/// Parts of one document.
pub(super) const NODES_MAX: usize = 1 << 18;

/// The place of a node in its document.
pub(super) type Id = usize;

/// The document itself.
pub(super) const ROOT: Id = 0;

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    Element,
    Text,
    /// A CDATA section.
    Data,
    Comment,
    /// `<?target …?>`
    Instruction,
    /// `<!…>`
    Directive,
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) kind: Kind,
    pub(super) parent: Id,
    pub(super) children: Vec<Id>,
    /// The prefix of an element's name.
    pub(super) prefix: Cow<'a, str>,
    /// The local name of an element, the target of an instruction, else the text.
    pub(super) data: Cow<'a, str>,
    pub(super) attributes: Vec<Attr<'a>>,
    pub(super) removed: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Attr<'a> {
    pub(super) prefix: Cow<'a, str>,
    pub(super) local: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) nodes: Vec<Node<'a>>,
}

impl<'a> Document<'a> {
    /// A document with nothing in it.
    pub(super) fn empty() -> Self {
        let mut document = Self { nodes: Vec::new() };
        document.nodes.push(Node {
            kind: Kind::Document,
            parent: ROOT,
            children: Vec::new(),
            prefix: Cow::Borrowed(""),
            data: Cow::Borrowed(""),
            attributes: Vec::new(),
            removed: false,
        });
        document
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    /// Adds a node as the last child of another.
    pub(super) fn add(&mut self, parent: Id, kind: Kind, data: impl Into<Cow<'a, str>>) -> Id {
        let id = self.nodes.len();
        let data = data.into();
        self.nodes.push(Node {
            kind,
            parent,
            children: Vec::new(),
            prefix: Cow::Borrowed(""),
            data,
            attributes: Vec::new(),
            removed: false,
        });
        self.nodes[parent].children.push(id);
        id
    }

    /// The namespace that a prefix stands for at a node.
    pub(super) fn namespace(&self, id: Id, prefix: &str) -> &str {
        let mut current = id;
        loop {
            let node = self.node(current);
            let declares = |attribute: &&Attr<'_>| match prefix {
                "" => attribute.prefix.is_empty() && attribute.local == "xmlns",
                _ => attribute.prefix == "xmlns" && attribute.local == prefix,
            };
            if let Some(attribute) = node.attributes.iter().find(declares) {
                return &attribute.value;
            }
            if current == ROOT {
                return "";
            }
            current = node.parent;
        }
    }

    /// The children that were not removed.
    pub(super) fn children(&self, id: Id) -> impl DoubleEndedIterator<Item = (Id, &Node<'a>)> {
        self.nodes[id].children.iter().map(|&child| (child, &self.nodes[child])).filter(|(_, node)| !node.removed)
    }
}

/// Hands a document to `then`. A declaration is part of it only if the text begins with one.
///
/// # Errors
/// When the text is no well-formed document with one element at least, or larger than the bounds.
pub(super) fn with_document<T>(text: &str, then: impl FnOnce(Document<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let refuse = |failure: Failure| Failure::new(format!("parse xml: {failure}"));
    let rewritten = recoded(text).map_err(refuse)?;
    let text = rewritten.as_deref().unwrap_or(text);
    let mut document = read(text).map_err(refuse)?;
    let first = document.node(ROOT).children.first().copied();
    if !text.starts_with("<?xml")
        && let Some(first) = first.filter(|&first| document.node(first).kind == Kind::Instruction)
    {
        document.nodes[first].removed = true;
    }
    then(document)
}

/// The text in the encoding that its declaration names, if that is another one than UTF-8.
fn recoded(text: &str) -> Result<Option<String>, Failure> {
    let Some((start, content)) = text.split_once("<?xml").filter(|(before, _)| before.trim().is_empty()) else { return Ok(None) };
    let Some((content, _)) = content.split_once("?>") else { return Ok(None) };
    let name = parameter(content, "encoding");
    if name.is_empty() || name.eq_ignore_ascii_case("utf-8") {
        return Ok(None);
    }
    let Some(encoding) = encoding_rs::Encoding::for_label(name.as_bytes()) else {
        let name = warren_gotext::quoted(name);
        return Err(Failure::new(format!("xml: opening charset {name}: unsupported charset: {name}")));
    };
    let (head, body) = text.split_at(start.len() + "<?xml".len() + content.len() + "?>".len());
    let (body, _) = encoding.decode_without_bom_handling(body.as_bytes());
    Ok(Some(format!("{head}{body}")))
}

fn read(text: &str) -> Result<Document<'_>, Failure> {
    let mut tokens = Tokens::new(text);
    let mut document = Document::empty();
    let mut names = Vec::new();
    let mut spaces = Namespaces::default();
    let mut current = ROOT;
    // Whether the document has begun.
    let mut begun = false;
    while let Some(token) = tokens.next()? {
        if document.nodes.len() > NODES_MAX {
            return Err(Failure::new(format!("the document has more than {NODES_MAX} parts")));
        }
        match token {
            Token::Start { name, attributes, closed } => {
                begun = true;
                if names.len() == DEPTH_MAX {
                    return Err(Failure::new(format!("elements are nested more than {DEPTH_MAX} deep")));
                }
                let level = spaces.enter(&attributes);
                let uri = spaces.of_element(name)?;
                let id = document.add(current, Kind::Element, name.local);
                document.nodes[id].prefix = spaces.shown_prefix(name, uri.as_deref());
                document.nodes[id].attributes = attributes.into_iter().map(|attribute| spaces.attribute(attribute)).collect();
                if closed {
                    spaces.leave(level);
                } else {
                    names.push((name, level));
                    current = id;
                }
            }
            Token::End(name) => {
                let (open, level) = names.pop().ok_or_else(|| tokens.fault(format_args!("unexpected end element </{name}>")))?;
                check_end(&tokens, open, name)?;
                spaces.leave(level);
                current = document.node(current).parent;
            }
            Token::Instruction { target, content } => {
                begun = true;
                let id = document.add(current, Kind::Instruction, target);
                document.nodes[id].attributes = pairs(content);
            }
            _ if !begun => {}
            Token::Text(text) => drop(document.add(current, Kind::Text, text)),
            Token::Data(text) => drop(document.add(current, Kind::Data, text)),
            Token::Comment(text) => drop(document.add(current, Kind::Comment, text)),
            Token::Directive(text) => drop(document.add(current, Kind::Directive, text)),
        }
    }
    if !names.is_empty() {
        return Err(tokens.cut_off());
    }
    if !document.children(ROOT).any(|(_, node)| node.kind == Kind::Element) {
        return Err(Failure::new("xmlquery: invalid XML document"));
    }
    Ok(document)
}

/// An element ends by the name it began with.
pub(super) fn check_end(tokens: &Tokens<'_>, open: Name<'_>, close: Name<'_>) -> Result<(), Failure> {
    if open.local != close.local {
        return Err(tokens.fault(format_args!("element <{open}> closed by </{close}>")));
    }
    if open.prefix != close.prefix {
        let (a, b) = (open.prefix, close.prefix);
        return Err(tokens.fault(format_args!("element <{open}> in space {a} closed by </{close}> in space {b}")));
    }
    Ok(())
}

/// `a="b" c='d'` of an instruction, split at spaces.
fn pairs(content: &str) -> Vec<Attr<'_>> {
    let mut attributes = Vec::new();
    for pair in content.split(' ').map(str::trim) {
        if let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) {
            let (prefix, local) = match name.split_once(':') {
                Some((prefix, local)) if !prefix.is_empty() => (prefix, local),
                _ => ("", name),
            };
            let value = value.trim_matches(['"', '\'']);
            attributes.push(Attr { prefix: prefix.into(), local: local.into(), value: value.into() });
        }
    }
    attributes
}

/// Which prefixes stand for which namespaces.
#[derive(Default)]
struct Namespaces<'a> {
    /// Prefixes and their namespaces, innermost last.
    open: Vec<(&'a str, Cow<'a, str>)>,
    /// Namespaces and the prefix that was last declared for each.
    prefixes: std::collections::HashMap<Cow<'a, str>, &'a str>,
}

const XML: &str = "http://www.w3.org/XML/1998/namespace";

impl<'a> Namespaces<'a> {
    /// Takes the declarations of an element, and says how to leave it again.
    fn enter(&mut self, attributes: &[Attribute<'a>]) -> usize {
        let level = self.open.len();
        for attribute in attributes {
            let prefix = match attribute.name {
                Name { prefix: "xmlns", local } => local,
                Name { prefix: "", local: "xmlns" } => "",
                _ => continue,
            };
            self.open.push((prefix, attribute.value.clone()));
            if prefix.is_empty() {
                self.prefixes.entry(attribute.value.clone()).or_insert("");
            } else {
                self.prefixes.insert(attribute.value.clone(), prefix);
            }
        }
        level
    }

    fn leave(&mut self, level: usize) {
        self.open.truncate(level);
    }

    fn uri(&self, prefix: &str) -> Option<&Cow<'a, str>> {
        self.open.iter().rev().find(|(open, _)| *open == prefix).map(|(_, uri)| uri)
    }

    /// The namespace of an element.
    fn of_element(&self, name: Name<'_>) -> Result<Option<Cow<'a, str>>, Failure> {
        match self.uri(name.prefix) {
            Some(uri) => Ok(Some(uri.clone())),
            None if name.prefix.is_empty() => Ok(None),
            None if name.prefix == "xml" => Ok(Some(Cow::Borrowed(XML))),
            None => Err(Failure::new(format!("xmlquery: invalid XML document, namespace {} is missing", name.prefix))),
        }
    }

    /// The prefix with which an element is written: its own, unless another one was declared for its namespace since.
    fn shown_prefix(&self, name: Name<'a>, uri: Option<&str>) -> Cow<'a, str> {
        let last = uri.and_then(|uri| self.prefixes.get(uri)).copied();
        let own = name.prefix == "xml" || last == Some(name.prefix);
        Cow::Borrowed(if own { name.prefix } else { "" })
    }

    fn attribute(&self, attribute: Attribute<'a>) -> Attr<'a> {
        let Name { prefix, local } = attribute.name;
        let uri = if prefix.is_empty() || prefix == "xmlns" { None } else { self.uri(prefix) };
        let shown = uri.and_then(|uri| self.prefixes.get(uri)).copied().unwrap_or(prefix);
        Attr { prefix: shown.into(), local: local.into(), value: attribute.value }
    }
}
