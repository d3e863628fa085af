//! Builds a tree from the events of a reader: scalars, starts and ends of lists and mappings.

use std::collections::HashMap;

use arcstr::ArcStr;

use super::{Document, Fault, MAX_DEPTH, MAX_NODES, MAX_SOURCE, ReadError, place};
use crate::{Map, Node, Place, Value};

/// What a reader saw: a scalar, or a list or mapping that has just ended.
pub(super) struct Item {
    pub(super) node: Node,
    /// The text that the item is as a key.
    pub(super) key: Key,
}

/// An item as the key of a mapping.
#[derive(Clone)]
pub(super) enum Key {
    /// A text.
    Text(String),
    /// A scalar of another type: the reference accepts it below the root, as Go prints it. Duplicates are told by the text as written.
    Other { printed: String, written: String },
    /// `<<`
    Merge,
    /// A list or mapping.
    Invalid,
}

impl Key {
    fn written(&self) -> &str {
        match self {
            Key::Text(text) => text,
            Key::Other { written, .. } => written,
            Key::Merge => "<<",
            Key::Invalid => "",
        }
    }
}

/// A list or mapping that has not ended yet.
struct Frame {
    place: Place,
    /// The anchor on it; 0 for none.
    anchor: usize,
    /// How many nodes stood before it.
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(MapFrame),
}

/// A mapping that has not ended yet.
#[derive(Default)]
struct MapFrame {
    map: Map,
    /// The key that waits for its value.
    pending: Option<(Key, Place)>,
    /// Where keys stand that are no text, as they are written, and `<<`; for duplicates.
    others: HashMap<String, Place>,
    /// What `<<` brings in.
    merge: Option<Node>,
    untyped_keys: bool,
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    key: Key,
    /// Its number of nodes and bytes of text.
    nodes: usize,
}

/// Collects events into a tree, within the bounds of a source.
pub(super) struct Builder {
    source: ArcStr,
    frames: Vec<Frame>,
    root: Option<(Node, bool)>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    /// Bytes of text that aliases have copied.
    copied: usize,
    /// Further faults that do not stop the reading: duplicate keys.
    faults: Vec<(String, Place)>,
}

/// How many anchors one source may have; each keeps a copy of what it stands for.
const MAX_ANCHORS: usize = 10_000;

/// How many duplicate keys are told.
const MAX_FAULTS: usize = 20;

impl Builder {
    pub(super) fn new(source: &ArcStr) -> Self {
        Self {
            source: source.clone(),
            frames: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            nodes: 0,
            copied: 0,
            faults: Vec::new(),
        }
    }

    pub(super) fn place(&self, line: usize, column: usize) -> Place {
        place(&self.source, line, column)
    }

    /// Whether the next item is the key of a mapping.
    pub(super) fn wants_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { content: Content::Map(MapFrame { pending: None, .. }), .. }))
    }

    /// Whether the root has ended.
    pub(super) fn is_complete(&self) -> bool {
        self.root.is_some() && self.frames.is_empty()
    }

    pub(super) fn start_list(&mut self, place: Place, anchor: usize) -> Result<(), ReadError> {
        self.start(place, anchor, Content::List(Vec::new()))
    }

    pub(super) fn start_map(&mut self, place: Place, anchor: usize) -> Result<(), ReadError> {
        self.start(place, anchor, Content::Map(MapFrame::default()))
    }

    fn start(&mut self, place: Place, anchor: usize, content: Content) -> Result<(), ReadError> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(ReadError::limit(format!("nested deeper than {MAX_DEPTH} levels"), place));
        }
        self.frames.push(Frame { place, anchor, nodes_before: self.nodes, content });
        Ok(())
    }

    /// Ends the innermost list or mapping.
    pub(super) fn end(&mut self) -> Result<(), ReadError> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let (value, untyped) = match frame.content {
            Content::List(list) => (Value::List(list), false),
            Content::Map(map) => {
                let untyped = map.untyped_keys;
                (Value::Map(map.finish()?), untyped)
            }
        };
        let nodes = self.nodes - frame.nodes_before + 1;
        let item = Item { node: Node::new(value, frame.place), key: Key::Invalid };
        self.anchor(frame.anchor, &item, nodes)?;
        self.add(item, untyped)
    }

    /// A scalar.
    pub(super) fn scalar(&mut self, item: Item, anchor: usize) -> Result<(), ReadError> {
        self.anchor(anchor, &item, 1)?;
        self.add(item, false)
    }

    /// An alias: a copy of what the anchor stands for.
    pub(super) fn alias(&mut self, anchor: usize, place: Place) -> Result<(), ReadError> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(ReadError::syntax("yaml: anchor value contains itself", place));
        };
        let item = Item { node: anchored.node.clone(), key: anchored.key.clone() };
        let nodes = anchored.nodes;
        self.copy(&item.node, nodes - 1, &place)?;
        self.add(item, false)
    }

    fn anchor(&mut self, anchor: usize, item: &Item, nodes: usize) -> Result<(), ReadError> {
        if anchor != 0 {
            if self.anchors.len() >= MAX_ANCHORS {
                return Err(ReadError::limit(format!("more than {MAX_ANCHORS} anchors"), item.node.place.clone()));
            }
            self.copy(&item.node, 0, &item.node.place)?;
            self.anchors.insert(anchor, Anchored { node: item.node.clone(), key: item.key.clone(), nodes });
        }
        Ok(())
    }

    /// Counts a copy, so that a small text cannot grow into a large tree.
    fn copy(&mut self, node: &Node, nodes: usize, place: &Place) -> Result<(), ReadError> {
        self.nodes += nodes;
        self.copied += text_size(node);
        if self.nodes > MAX_NODES || self.copied > MAX_SOURCE {
            return Err(ReadError::limit("yaml: document contains excessive aliasing", place.clone()));
        }
        Ok(())
    }

    /// Adds a finished item to the innermost list or mapping, or makes it the root.
    fn add(&mut self, item: Item, untyped_keys: bool) -> Result<(), ReadError> {
        self.nodes += usize::from(!self.wants_key());
        if self.nodes > MAX_NODES {
            return Err(ReadError::limit(format!("more than {MAX_NODES} values"), item.node.place));
        }
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some((item.node, untyped_keys)),
            Some(Content::List(list)) => list.push(item.node),
            Some(Content::Map(map)) => match map.pending.take() {
                Some((key, place)) => map.insert(key, place, item.node),
                None => {
                    if let Some(fault) = map.key(item)?
                        && self.faults.len() < MAX_FAULTS
                    {
                        self.faults.push(fault);
                    }
                }
            },
        }
        Ok(())
    }

    /// The finished tree.
    pub(super) fn finish(self) -> Result<Document, ReadError> {
        if let Some((_, place)) = self.faults.first() {
            let lines: Vec<&str> = self.faults.iter().map(|(line, _)| line.as_str()).collect();
            let message = format!("yaml: unmarshal errors:\n  {}", lines.join("\n  "));
            return Err(ReadError { message, place: place.clone(), kind: Fault::DuplicateKey });
        }
        let (node, untyped_keys) = self.root.unwrap_or_else(|| (Node::new(Value::Null, place(&self.source, 1, 1)), false));
        Ok(Document { node, untyped_keys, nodes: self.nodes, rest: None })
    }
}

impl MapFrame {
    /// Takes a key. Gives the fault when it is there already.
    fn key(&mut self, item: Item) -> Result<Option<(String, Place)>, ReadError> {
        let place = item.node.place;
        if matches!(item.key, Key::Invalid) {
            return Err(ReadError::syntax(format!("yaml: line {}: invalid map key: a list or mapping", place.line()), place));
        }
        self.untyped_keys |= matches!(item.key, Key::Other { .. });
        let written = item.key.written();
        let first = self.map.entry(written).map(|entry| &entry.key_place).or_else(|| self.others.get(written));
        let fault = first.map(|first| {
            let text = format!("line {}: mapping key {written:?} already defined at line {}", place.line(), first.line());
            (text, place.clone())
        });
        if !matches!(item.key, Key::Text(_)) {
            self.others.insert(written.to_owned(), place.clone());
        }
        self.pending = Some((item.key, place));
        Ok(fault)
    }

    fn insert(&mut self, key: Key, place: Place, node: Node) {
        match key {
            Key::Text(text) => self.map.insert(text, place, node),
            Key::Other { printed, .. } => self.map.insert(printed, place, node),
            Key::Merge => self.merge = Some(node),
            Key::Invalid => {}
        }
    }

    /// The mapping with what `<<` brings in: its own keys win, then earlier merged mappings over later ones.
    fn finish(mut self) -> Result<Map, ReadError> {
        let Some(merge) = self.merge else { return Ok(self.map) };
        let merged = match merge.value {
            Value::List(list) => list,
            value => vec![Node { value, ..merge }],
        };
        for node in merged {
            let Value::Map(map) = node.value else {
                let message = "yaml: map merge requires map or sequence of maps as the value";
                return Err(ReadError::syntax(message, node.place));
            };
            for (key, entry) in map {
                if self.map.get(&key).is_none() {
                    self.map.insert(key, entry.key_place, entry.node);
                }
            }
        }
        Ok(self.map)
    }
}

/// Bytes of text in a tree.
fn text_size(node: &Node) -> usize {
    match &node.value {
        Value::String(text) | Value::Timestamp(text) => text.len(),
        Value::List(list) => list.iter().map(text_size).sum(),
        Value::Map(map) => map.iter().map(|(key, entry)| key.len() + text_size(&entry.node)).sum(),
        _ => 0,
    }
}
