//! Telling what is wrong with the value at hand.
//!
//! A [`Report`] knows where in the configuration its user is: the path from the root, the component, and the node with its place. It is
//! handed down while settings are decoded and validated; all it is told goes into one [`Diagnostics`].

use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Diagnostics, FileReference, Reference, ReferenceKind, Severity, Stage};
use crate::sections::RawComponent;
use crate::{ComponentId, Node, Place, Scalar};

/// One step of the way from the root of the configuration to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// The root itself.
    Root,
    /// A key of a block.
    Field(&'a str),
    /// A key of a map that the user names: `headers[a]`.
    Element(&'a str),
    /// A rank in a list.
    Index(usize),
    /// A component of a section: paths in messages start anew below it.
    Component(&'a ComponentId),
}

/// The way from the root to a value, as a list through the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(crate) fn child(&'a self, step: Step<'a>) -> Path<'a> {
        Path { parent: Some(self), step }
    }

    /// `exporters::otlphttp::tls::min_version`
    fn colons(&self, out: &mut String) {
        let Some(parent) = self.parent else { return };
        parent.colons(out);
        if !out.is_empty() {
            out.push_str("::");
        }
        self.write_step(out, str::to_owned);
    }

    /// `/exporters/otlphttp/tls/min_version`
    fn pointer(&self, out: &mut String) {
        let Some(parent) = self.parent else { return };
        parent.pointer(out);
        out.push('/');
        self.write_step(out, |key| key.replace('~', "~0").replace('/', "~1"));
    }

    fn write_step(&self, out: &mut String, escape: impl Fn(&str) -> String) {
        match self.step {
            Step::Root => {}
            Step::Field(key) | Step::Element(key) => out.push_str(&escape(key)),
            Step::Index(index) => push(out, index),
            Step::Component(id) => out.push_str(&escape(&id.to_string())),
        }
    }

    /// `tls.min_version`, `headers[a]`: from the component, else from the root, as upstream's decoder quotes it.
    fn quoted(&self, out: &mut String) {
        let Some(parent) = self.parent else { return };
        match self.step {
            Step::Root | Step::Component(_) => {}
            Step::Field(key) => {
                parent.quoted(out);
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            Step::Element(key) => {
                parent.quoted(out);
                out.push('[');
                out.push_str(key);
                out.push(']');
            }
            Step::Index(index) => {
                parent.quoted(out);
                out.push('[');
                push(out, index);
                out.push(']');
            }
        }
    }

    fn component(&self) -> Option<&ComponentId> {
        match self.step {
            Step::Component(id) => Some(id),
            _ => self.parent?.component(),
        }
    }
}

fn push(out: &mut String, index: usize) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{index}");
}

/// Where findings about the value at hand are told. Given to [`crate::Block::validate`] and [`crate::Custom::decode`].
pub struct Report<'a> {
    pub(crate) diagnostics: &'a mut Diagnostics,
    pub(crate) path: Path<'a>,
    /// The node at hand; none when the configuration does not mention it and defaults stand.
    pub(crate) node: Option<&'a Node>,
    /// Where the key of the node stands.
    pub(crate) key_place: Option<&'a Place>,
    pub(crate) stage: Stage,
}

impl<'a> Report<'a> {
    /// A report about the root of a configuration.
    pub fn root(diagnostics: &'a mut Diagnostics, node: Option<&'a Node>) -> Self {
        Self { diagnostics, path: Path::ROOT, node, key_place: None, stage: Stage::Decode }
    }

    /// The node at hand; none when the configuration does not mention it.
    pub fn node(&self) -> Option<&'a Node> {
        self.node
    }

    /// Tells an error about a key of the block at hand; `""` means the block itself. Use the path below the block for inner keys only
    /// when there is no inner block to tell it: `"tls"`, not `"tls::min_version"`.
    pub fn error(&mut self, key: &str, message: impl Into<String>) {
        self.tell(Severity::Error, "invalid-value", key, message.into(), None);
    }

    /// Like [`Report::error`], with a word on how to put it right.
    pub fn error_with_hint(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.tell(Severity::Error, "invalid-value", key, message.into(), Some(hint.into()));
    }

    /// Tells an error that stands at another place than the key itself, such as inside a long text.
    pub fn error_at(&mut self, key: &str, place: &Place, message: impl Into<String>) {
        let mut finding = self.finding(Severity::Error, "invalid-value", key, message.into(), None);
        finding.place = place.clone();
        self.diagnostics.push(finding);
    }

    /// Tells that a setting is accepted but probably not meant.
    pub fn warning(&mut self, key: &str, message: impl Into<String>) {
        self.tell(Severity::Warning, "questionable-value", key, message.into(), None);
    }

    /// Tells that a setting names another component, which the service must find.
    pub fn reference(&mut self, key: &str, kind: ReferenceKind, id: &ComponentId) {
        let at = self.finding(Severity::Error, "", key, String::new(), None);
        let reference =
            Reference { kind, id: id.clone(), component: at.component, path: at.path, pointer: at.pointer, place: at.place };
        self.diagnostics.references.push(reference);
    }

    /// Tells that a setting names a file that must be readable.
    pub fn file(&mut self, key: &str, file: impl Into<String>) {
        self.names(key, file.into(), false);
    }

    /// Tells that a setting names a directory that must be there.
    pub fn directory(&mut self, key: &str, directory: impl Into<String>) {
        self.names(key, directory.into(), true);
    }

    fn names(&mut self, key: &str, file: String, directory: bool) {
        let at = self.finding(Severity::Error, "", key, String::new(), None);
        let reference =
            FileReference { file, directory, component: at.component, path: at.path, pointer: at.pointer, place: at.place };
        self.diagnostics.files.push(reference);
    }

    /// Whether a feature gate is on.
    pub fn has_gate(&self, id: &str) -> bool {
        self.diagnostics.gates.contains(id)
    }

    /// Decodes the node at hand as one scalar; none when it does not fit, which is told. For [`crate::Custom`] types.
    pub fn scalar<T: Scalar>(&mut self, node: &Node) -> Option<T> {
        crate::scalar::decode(node, self)
    }

    /// Decodes the node at hand as a block. For [`crate::Custom`] types.
    pub fn block(self, target: &mut dyn crate::Block) {
        crate::fields::decode_block(target, self);
    }

    /// A report about an entry of the mapping at hand.
    pub fn at_key<'b>(&'b mut self, key: &'b str, node: &'b Node) -> Report<'b> {
        let key_place = self.node.and_then(Node::as_map).and_then(|map| map.entry(key)).map(|entry| &entry.key_place);
        self.step(Step::Field(key), Some(node), key_place)
    }

    /// A report about an element of the list at hand.
    pub fn at_index<'b>(&'b mut self, index: usize, node: &'b Node) -> Report<'b> {
        self.step(Step::Index(index), Some(node), None)
    }

    /// A report about a component of the section at hand.
    pub(crate) fn at_component<'b>(&'b mut self, id: &'b ComponentId, raw: &'b RawComponent) -> Report<'b> {
        self.step(Step::Component(id), Some(&raw.node), Some(&raw.key_place))
    }

    pub(crate) fn step<'b>(&'b mut self, step: Step<'b>, node: Option<&'b Node>, key_place: Option<&'b Place>) -> Report<'b> {
        Report {
            diagnostics: self.diagnostics,
            path: Path { parent: Some(&self.path), step },
            node,
            key_place,
            stage: self.stage,
        }
    }

    /// The same place in the step of validation.
    pub fn validating(self) -> Self {
        Self { stage: Stage::Validate, ..self }
    }

    /// Tells a fault of decoding in upstream's form: `'tls.min_version' MESSAGE`.
    pub(crate) fn decode_error(&mut self, code: &'static str, message: &str, hint: Option<String>) {
        self.decode_finding(code, message, hint, false);
    }

    /// The same about a value that may be secret.
    pub(crate) fn decode_finding(&mut self, code: &'static str, message: &str, hint: Option<String>, sensitive: bool) {
        let mut quoted = String::new();
        self.path.quoted(&mut quoted);
        let mut finding = self.finding(Severity::Error, code, "", format!("'{quoted}' {message}"), hint);
        finding.sensitive = sensitive;
        self.diagnostics.push(finding);
    }

    /// Tells a fault of a section's entry in upstream's form: `'processors' MESSAGE`, shown at the entry's key.
    pub(crate) fn error_in_section(&mut self, code: &'static str, section: &str, message: &str, hint: Option<String>) {
        let mut finding = self.finding(Severity::Error, code, "", format!("'{section}' {message}"), hint);
        finding.component = None;
        finding.place = self.key_place.cloned().unwrap_or(finding.place);
        self.diagnostics.push(finding);
    }

    /// Tells that the value at hand has the wrong type, in these words.
    pub(crate) fn tell_wrong_type(&mut self, message: String) {
        self.tell(Severity::Error, "wrong-type", "", message, None);
    }

    /// Tells about a key that the block at hand does not know: `'tls' has invalid keys: nope`, shown at the key.
    pub(crate) fn unknown_key(&mut self, key: &str, place: &Place, hint: Option<String>) {
        let mut quoted = String::new();
        self.path.quoted(&mut quoted);
        self.refused_key(key, place, format!("'{quoted}' has invalid keys: {key}"), hint);
    }

    /// The same in other words.
    pub(crate) fn refused_key(&mut self, key: &str, place: &Place, message: String, hint: Option<String>) {
        let mut finding = self.finding(Severity::Error, "unknown-key", key, message, hint);
        finding.place = place.clone();
        self.diagnostics.push(finding);
    }

    /// Notes a key that only Warren knows.
    pub(crate) fn own_key(&mut self, key: &str) {
        let at = self.finding(Severity::Warning, "", key, String::new(), None);
        self.diagnostics.own_keys.push((at.path, at.place));
    }

    pub(crate) fn tell(&mut self, severity: Severity, code: &'static str, key: &str, message: String, hint: Option<String>) {
        let finding = self.finding(severity, code, key, message, hint);
        self.diagnostics.push(finding);
    }

    fn finding(&self, severity: Severity, code: &'static str, key: &str, message: String, hint: Option<String>) -> Diagnostic {
        let path = if key.is_empty() { self.path } else { self.path.child(Step::Field(key)) };
        let (mut colons, mut pointer) = (String::new(), String::new());
        path.colons(&mut colons);
        path.pointer(&mut pointer);
        Diagnostic {
            severity,
            stage: self.stage,
            code,
            message,
            path: colons,
            pointer,
            place: self.place_of(key),
            component: path.component().cloned(),
            hint,
            sensitive: false,
        }
    }

    /// Where a key of the block at hand stands: its value, else the block.
    fn place_of(&self, key: &str) -> Place {
        let entry = self.node.and_then(Node::as_map).and_then(|map| map.entry(key));
        match (entry, self.node) {
            (Some(entry), _) => place_to_show(&entry.node, Some(&entry.key_place)),
            (None, Some(node)) => place_to_show(node, self.key_place),
            (None, None) => self.key_place.cloned().unwrap_or_else(Place::none),
        }
    }
}

/// A scalar is shown where it stands; a block, a list or nothing at its key, which is where the user looks for it.
fn place_to_show(node: &Node, key_place: Option<&Place>) -> Place {
    let at_key = node.is_null() || node.as_map().is_some() || node.as_list().is_some();
    match key_place {
        Some(place) if at_key || !node.place.is_known() => place.clone(),
        _ => node.place.clone(),
    }
}
