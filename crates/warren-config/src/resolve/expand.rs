//! Expanding `${scheme:rest}` in values, with the rules of `confmap/expand.go`.
//!
//! A value that is one reference becomes the retrieved value, whatever its type, and keeps the retrieved text besides; a reference
//! inside a longer text is replaced by the retrieved text. Inner references come first. What was retrieved is expanded in turn. At the
//! end `$$` becomes `$` everywhere.

use crate::diagnostic::{Diagnostics, Severity, Stage};
use crate::reader::{MAX_NODES, MAX_SOURCE};
use crate::report::{Path, Report, Step};
use crate::resolve::provider::{Failure, Location, Providers, Retrieved};
use crate::{Map, Node, Place, Value};

/// How often one value is expanded before its references are taken for endless.
const MAX_ROUNDS: usize = 1000;

/// How much text all expansions together may make, steps in between included.
const MAX_WORK: usize = 16 * MAX_SOURCE;

/// Expands all references of a tree. What cannot be expanded is told.
pub(super) fn expand(root: &mut Map, providers: &mut Providers<'_>, diagnostics: &mut Diagnostics) {
    let mut expander = Expander { providers, diagnostics, work: 0, nodes: 0 };
    for (key, node) in root.iter_mut() {
        expander.node(node, Path::ROOT.child(Step::Field(key)), 0);
    }
    unescape_map(root);
}

struct Expander<'a, 'p> {
    providers: &'a mut Providers<'p>,
    diagnostics: &'a mut Diagnostics,
    /// Bytes of text made so far.
    work: usize,
    /// Values retrieved so far.
    nodes: usize,
}

/// What one round makes of a text.
enum Round {
    /// It holds no reference that counts.
    Done,
    /// One reference of it has been replaced.
    Text(String),
    /// The whole of it was one reference.
    Whole(Retrieved),
}

impl Expander<'_, '_> {
    /// Expands a value and everything below it; `rounds` have been used on the way to it.
    fn node(&mut self, node: &mut Node, path: Path<'_>, rounds: usize) {
        match &mut node.value {
            Value::String(text) if is_candidate(text) => {
                let text = std::mem::take(text);
                let place = node.place.clone();
                if let Err(failure) = self.text(node, text, path, rounds) {
                    self.tell(Severity::Error, "invalid-reference", failure, path, place);
                }
            }
            Value::List(list) => {
                for (index, element) in list.iter_mut().enumerate() {
                    self.node(element, path.child(Step::Index(index)), rounds);
                }
            }
            Value::Map(map) => {
                for (key, value) in map.iter_mut() {
                    self.node(value, path.child(Step::Field(key)), rounds);
                }
            }
            _ => {}
        }
    }

    /// Expands a text until nothing changes, and puts the result into the node.
    fn text(&mut self, node: &mut Node, mut text: String, path: Path<'_>, mut rounds: usize) -> Result<(), Failure> {
        loop {
            match self.round(&text, &node.place)? {
                Round::Done => {
                    self.warn_of_stopped_search(&text, path, &node.place);
                    node.value = Value::String(text);
                    return Ok(());
                }
                Round::Text(replaced) => text = replaced,
                Round::Whole(retrieved) => match retrieved.node.value {
                    Value::String(inner) => text = inner,
                    value => {
                        node.value = value;
                        let original = self.original(&retrieved.original, &node.place, rounds + 1)?;
                        self.node(node, path, rounds + 1);
                        node.original = original.map(Into::into);
                        return Ok(());
                    }
                },
            }
            rounds += 1;
            if rounds >= MAX_ROUNDS {
                return Err(Failure::new("too many recursive expansions"));
            }
        }
    }

    /// The original text with its references expanded; none when one of them cannot be, for then no text field may take it.
    fn original(&mut self, text: &str, place: &Place, rounds: usize) -> Result<Option<String>, Failure> {
        let mut text = text.to_owned();
        for _ in rounds..MAX_ROUNDS {
            match self.round(&text, place) {
                Ok(Round::Done) => return Ok(Some(text)),
                Ok(Round::Text(replaced)) => text = replaced,
                Ok(Round::Whole(_)) | Err(_) => return Ok(None),
            }
        }
        Err(Failure::new("too many recursive expansions"))
    }

    /// Expands the first reference of a text, everywhere it stands in it.
    fn round(&mut self, text: &str, place: &Place) -> Result<Round, Failure> {
        let Some(reference) = is_candidate(text).then(|| find_reference(text)).flatten() else { return Ok(Round::Done) };
        let inside = reference.get(2..reference.len() - 1).unwrap_or_default();
        let location = Location::of_reference(inside)?;
        let retrieved = self.providers.retrieve(&location, self.diagnostics, place)?;
        self.nodes += retrieved.nodes;
        let count = text.matches(reference).count();
        let made = text.len() + count * retrieved.original.len();
        self.work += made;
        if made > MAX_SOURCE || self.work > MAX_WORK || self.nodes > MAX_NODES {
            return Err(Failure::new("the expanded configuration is too large"));
        }
        if reference == text {
            Ok(Round::Whole(retrieved))
        } else {
            Ok(Round::Text(text.replace(reference, &retrieved.original)))
        }
    }

    /// The search for references ends at the first escaped one; a later one that stays is hardly meant to.
    fn warn_of_stopped_search(&mut self, text: &str, path: Path<'_>, place: &Place) {
        if !is_candidate(text) {
            return;
        }
        let stays = text.match_indices("${").any(|(at, _)| {
            let (before, after) = text.split_at(at);
            dollars_at_end(before).is_multiple_of(2) && after.contains('}')
        });
        if stays {
            let failure = Failure::new("a reference after an escaped one ($${...}) is not expanded");
            self.tell(Severity::Warning, "unexpanded-reference", failure, path, place.clone());
        }
    }

    fn tell(&mut self, severity: Severity, code: &'static str, failure: Failure, path: Path<'_>, place: Place) {
        let node = Node::new(Value::String(String::new()), failure.place.unwrap_or(place));
        let mut report =
            Report { diagnostics: self.diagnostics, path, node: Some(&node), key_place: None, stage: Stage::Resolve };
        report.tell(severity, code, "", failure.message, failure.hint);
    }
}

/// Whether a text can hold a reference at all.
fn is_candidate(text: &str) -> bool {
    text.contains("${") && text.contains('}')
}

/// The first innermost reference, `${` and `}` included. None when there is none or the first one is escaped.
fn find_reference(mut text: &str) -> Option<&str> {
    loop {
        let close = text.find('}')?;
        let (head, rest) = text.split_at_checked(close + 1)?;
        if let Some(open) = head.rfind("${") {
            let (before, reference) = head.split_at_checked(open)?;
            return dollars_at_end(before).is_multiple_of(2).then_some(reference);
        }
        text = rest;
    }
}

/// How many `$` a text ends with.
fn dollars_at_end(text: &str) -> usize {
    text.bytes().rev().take_while(|b| *b == b'$').count()
}

/// Turns `$$` into `$`.
fn unescape_map(map: &mut Map) {
    map.iter_mut().for_each(|(_, node)| unescape(node));
}

fn unescape(node: &mut Node) {
    if let Some(original) = node.original.as_mut().filter(|original| original.contains("$$")) {
        *original = original.replace("$$", "$").into();
    }
    match &mut node.value {
        Value::String(text) if text.contains("$$") => *text = text.replace("$$", "$"),
        Value::List(list) => list.iter_mut().for_each(unescape),
        Value::Map(map) => unescape_map(map),
        _ => {}
    }
}
