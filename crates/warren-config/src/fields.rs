//! Settings as Rust structs: what a block of the configuration declares, and what is done with the declaration.
//!
//! A [`Block`] lists its keys once, in [`Block::fields`]. The same list serves four visitors: decoding over defaults, validating,
//! writing the settings out again, and describing them (known keys, secrets). Which of the four is running is the business of
//! [`Fields`], not of the block.

#[cfg(test)]
mod tests;
mod values;

use indexmap::IndexMap;

use crate::diagnostic::Severity;
use crate::report::{Report, Step};
use crate::scalar::{self, Scalar};
use crate::{Map, Node, Value};
use values::{decode_entries, decode_list, elements, list_of, map_of, warn_of_null, write, write_some};

/// A struct of settings.
///
/// Its `Default`, or whatever instance decoding starts from, holds the defaults. A block must not contain itself: describing it would not
/// end. See the crate's documentation for a complete example.
pub trait Block {
    /// Names every key of the block, always all of them and in a fixed order.
    fn fields(&mut self, f: &mut Fields<'_>);

    /// Checks what decoding cannot: ranges, combinations, references to other components and files. Inner blocks are checked by
    /// themselves.
    fn validate(&self, _report: &mut Report<'_>) {}
}

/// A setting whose form depends on its content, such as a list whose elements are texts or blocks. Prefer the other forms.
pub trait Custom {
    /// Takes the value over from the configuration. Null does not come here: it keeps what is.
    fn decode(&mut self, node: &Node, report: &mut Report<'_>);

    /// Checks what decoding cannot.
    fn validate(&self, _report: &mut Report<'_>) {}

    /// The value as it would be written.
    fn encode(&self) -> Value;
}

/// What a block says about one of its keys.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldInfo {
    /// The key.
    pub key: &'static str,
    /// Its form.
    pub form: Form,
    /// Whether the value (for lists and maps: each value) must never be shown.
    pub secret: bool,
    /// The keys below, when it is a block or holds blocks.
    pub fields: Vec<FieldInfo>,
}

/// The form of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One value, by its type's name.
    Scalar(&'static str),
    /// A list of values, by their type's name.
    List(&'static str),
    /// A map of values, by their type's name.
    Map(&'static str),
    /// A block.
    Block,
    /// A list of blocks.
    Blocks,
    /// A map of blocks.
    BlockMap,
    /// Anything.
    Any,
}

/// The visitor that a block shows its settings to.
pub struct Fields<'a> {
    visitor: Visitor<'a>,
}

enum Visitor<'a> {
    Decode(Decoding<'a>),
    Validate(Report<'a>),
    Write(&'a mut Map),
    Describe(&'a mut Vec<FieldInfo>),
}

/// Decoding of one mapping: which keys the block has named so far.
struct Decoding<'a> {
    report: Report<'a>,
    map: &'a Map,
    known: Vec<&'static str>,
    /// In which words an unknown key is refused, when not in the usual ones.
    refusal: Option<fn(&str) -> String>,
}

impl Decoding<'_> {
    /// The value under a key, with the report about it.
    fn take(&mut self, key: &'static str) -> Option<Report<'_>> {
        self.known.push(key);
        let entry = self.map.entry(key)?;
        Some(self.report.step(Step::Field(key), Some(&entry.node), Some(&entry.key_place)))
    }

    /// Tells about keys that nobody named.
    fn finish(mut self) {
        for (key, entry) in self.map.iter().filter(|(key, _)| !self.known.contains(key)) {
            let hint = self.report.diagnostics.did_you_mean(key, self.known.iter().copied());
            match self.refusal {
                Some(words) => self.report.refused_key(key, &entry.key_place, words(key), hint),
                None => self.report.unknown_key(key, &entry.key_place, hint),
            }
        }
    }
}

/// Decodes a node over a block's present values. Null keeps them all.
pub(crate) fn decode_block(block: &mut dyn Block, mut report: Report<'_>) {
    match report.node.map(|node| &node.value) {
        None | Some(Value::Null) => {
            if report.node.is_some_and(|node| node.original.is_some()) {
                report.tell(
                    Severity::Warning,
                    "unset-block",
                    "",
                    "a variable without a value stands for a block: its defaults hold".to_owned(),
                    None,
                );
            }
        }
        Some(Value::Map(map)) => {
            let mut fields = Fields { visitor: Visitor::Decode(Decoding { report, map, known: Vec::new(), refusal: None }) };
            block.fields(&mut fields);
            if let Visitor::Decode(decoding) = fields.visitor {
                decoding.finish();
            }
        }
        Some(other) => {
            let message = format!("expected a map or struct, got {:?}", other.go_kind());
            report.decode_error("wrong-type", &message, None);
        }
    }
}

/// Validates a block and the blocks in it.
pub(crate) fn validate_block(block: &mut dyn Block, mut report: Report<'_>) {
    block.validate(&mut report);
    block.fields(&mut Fields { visitor: Visitor::Validate(report) });
}

/// Writes a block out, secrets included.
pub(crate) fn write_block(block: &mut dyn Block) -> Value {
    let mut map = Map::new();
    block.fields(&mut Fields { visitor: Visitor::Write(&mut map) });
    Value::Map(map)
}

/// Lists a block's keys.
pub(crate) fn describe_block(block: &mut dyn Block) -> Vec<FieldInfo> {
    let mut fields = Vec::new();
    block.fields(&mut Fields { visitor: Visitor::Describe(&mut fields) });
    fields
}

impl FieldInfo {
    fn leaf(key: &'static str, form: Form, secret: bool) -> Self {
        Self { key, form, secret, fields: Vec::new() }
    }
}

impl Fields<'_> {
    /// A single value. Null sets the zero value of its type; that is told when it changes something.
    pub fn scalar<T: Scalar>(&mut self, key: &'static str, target: &mut T) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                let Some(node) = report.node else { return };
                if let Some(value) = scalar::decode::<T>(node, &mut report) {
                    warn_of_null(node, target, &value, &mut report);
                    *target = value;
                }
            }
            Visitor::Validate(_) => {}
            Visitor::Write(map) => write(map, key, target.encode()),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::Scalar(T::TYPE), T::SECRET)),
        }
    }

    /// A single value that may be absent. Null leaves it as it is.
    pub fn optional_scalar<T: Scalar>(&mut self, key: &'static str, target: &mut Option<T>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                let Some(node) = report.node.filter(|node| !node.is_null()) else { return };
                if let Some(value) = scalar::decode(node, &mut report) {
                    *target = Some(value);
                }
            }
            Visitor::Validate(_) => {}
            Visitor::Write(map) => write_some(map, key, target.as_ref().map(T::encode)),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::Scalar(T::TYPE), T::SECRET)),
        }
    }

    /// A list of values. Given, it replaces the default; null keeps it. A list of plain strings may be written as one text with commas.
    pub fn list<T: Scalar>(&mut self, key: &'static str, target: &mut Vec<T>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                if let Some(mut report) = decoding.take(key) {
                    decode_list(target, &mut report);
                }
            }
            Visitor::Validate(_) => {}
            Visitor::Write(map) => write(map, key, list_of(target.iter().map(T::encode))),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::List(T::TYPE), T::SECRET)),
        }
    }

    /// A map from names of the user's to values, such as headers. Entries are added to the default's; null keeps it.
    pub fn map<T: Scalar>(&mut self, key: &'static str, target: &mut IndexMap<String, T>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                decode_entries(&mut report, &format!("map[string]{}", T::TYPE), |name, mut report| {
                    let Some(node) = report.node else { return };
                    if let Some(value) = scalar::decode(node, &mut report) {
                        target.insert(name.to_owned(), value);
                    }
                });
            }
            Visitor::Validate(_) => {}
            Visitor::Write(map) => write(map, key, map_of(target.iter().map(|(name, value)| (name, value.encode())))),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::Map(T::TYPE), T::SECRET)),
        }
    }

    /// A block. Null keeps its defaults.
    pub fn block(&mut self, key: &'static str, target: &mut dyn Block) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                if let Some(report) = decoding.take(key) {
                    decode_block(target, report);
                }
            }
            Visitor::Validate(report) => validate_field(report, key, target),
            Visitor::Write(map) => write(map, key, write_block(target)),
            Visitor::Describe(fields) => {
                fields.push(FieldInfo { key, form: Form::Block, secret: false, fields: describe_block(target) });
            }
        }
    }

    /// A block whose keys stand among those of this block (`squash`).
    pub fn squash(&mut self, target: &mut dyn Block) {
        if let Visitor::Validate(report) = &mut self.visitor {
            target.validate(report);
        }
        target.fields(self);
    }

    /// A block that is absent unless the configuration has it: null leaves it absent, `{}` switches it on with its defaults.
    pub fn optional<B: Block + Default>(&mut self, key: &'static str, target: &mut Option<B>) {
        self.optional_block(key, target, B::default, false);
    }

    /// A block that is absent unless the configuration names it, be it with null: `protocols: {grpc:}` switches gRPC on. `default` makes
    /// the settings it starts from.
    pub fn defaulted<B: Block>(&mut self, key: &'static str, target: &mut Option<B>, default: impl FnOnce() -> B) {
        self.optional_block(key, target, default, true);
    }

    fn optional_block<B: Block>(
        &mut self,
        key: &'static str,
        target: &mut Option<B>,
        default: impl FnOnce() -> B,
        null_switches_on: bool,
    ) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(report) = decoding.take(key) else { return };
                let Some(node) = report.node else { return };
                // An expanded variable without a value is not a null that somebody wrote: upstream switches the block off.
                if node.is_null() && target.is_none() && (!null_switches_on || node.original.is_some()) {
                    return;
                }
                decode_block(target.get_or_insert_with(default), report);
            }
            Visitor::Validate(report) => {
                if let Some(block) = target {
                    validate_field(report, key, block);
                }
            }
            Visitor::Write(map) => write_some(map, key, target.as_mut().map(|block| write_block(block))),
            Visitor::Describe(fields) => {
                let inner = describe_block(&mut default());
                fields.push(FieldInfo { key, form: Form::Block, secret: false, fields: inner });
            }
        }
    }

    /// A list of blocks. Given, it replaces the default; null keeps it.
    pub fn blocks<B: Block + Default>(&mut self, key: &'static str, target: &mut Vec<B>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                let Some(nodes) = elements(&mut report) else { return };
                target.clear();
                for (index, node) in nodes.iter().enumerate() {
                    let mut block = B::default();
                    decode_block(&mut block, report.step(Step::Index(index), Some(node), None));
                    target.push(block);
                }
            }
            Visitor::Validate(report) => {
                let node = report.node.and_then(|node| node.get(key));
                let mut report = report.step(Step::Field(key), node, None);
                for (index, block) in target.iter_mut().enumerate() {
                    let node = node.and_then(Node::as_list).and_then(|list| list.get(index));
                    validate_block(block, report.step(Step::Index(index), node, None));
                }
            }
            Visitor::Write(map) => write(map, key, list_of(target.iter_mut().map(|block| write_block(block)))),
            Visitor::Describe(fields) => {
                fields.push(FieldInfo { key, form: Form::Blocks, secret: false, fields: describe_block(&mut B::default()) });
            }
        }
    }

    /// A map from names of the user's to blocks. Entries are added to the default's; null keeps it.
    pub fn block_map<B: Block + Default>(&mut self, key: &'static str, target: &mut IndexMap<String, B>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                decode_entries(&mut report, "map[string]interface {}", |name, report| {
                    let mut block = B::default();
                    decode_block(&mut block, report);
                    target.insert(name.to_owned(), block);
                });
            }
            Visitor::Validate(report) => {
                let node = report.node.and_then(|node| node.get(key));
                let mut report = report.step(Step::Field(key), node, None);
                for (name, block) in target {
                    let entry = node.and_then(Node::as_map).and_then(|map| map.entry(name));
                    let node = entry.map(|entry| &entry.node);
                    validate_block(block, report.step(Step::Element(name), node, entry.map(|entry| &entry.key_place)));
                }
            }
            Visitor::Write(map) => write(map, key, map_of(target.iter_mut().map(|(name, block)| (name, write_block(block))))),
            Visitor::Describe(fields) => {
                fields.push(FieldInfo { key, form: Form::BlockMap, secret: false, fields: describe_block(&mut B::default()) });
            }
        }
    }

    /// Anything, taken as it stands: the settings of another system, or statements of a language of its own.
    pub fn any(&mut self, key: &'static str, target: &mut Option<Node>) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(report) = decoding.take(key) else { return };
                if let Some(node) = report.node.filter(|node| !node.is_null()) {
                    *target = Some(node.clone());
                }
            }
            Visitor::Validate(_) => {}
            Visitor::Write(map) => write_some(map, key, target.as_ref().map(|node| node.value.clone())),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::Any, false)),
        }
    }

    /// A setting that decodes itself.
    pub fn custom(&mut self, key: &'static str, target: &mut dyn Custom) {
        match &mut self.visitor {
            Visitor::Decode(decoding) => {
                let Some(mut report) = decoding.take(key) else { return };
                if let Some(node) = report.node.filter(|node| !node.is_null()) {
                    target.decode(node, &mut report);
                }
            }
            Visitor::Validate(report) => {
                let entry = report.node.and_then(Node::as_map).and_then(|map| map.entry(key));
                let node = entry.map(|entry| &entry.node);
                target.validate(&mut report.step(Step::Field(key), node, entry.map(|entry| &entry.key_place)));
            }
            Visitor::Write(map) => write(map, key, target.encode()),
            Visitor::Describe(fields) => fields.push(FieldInfo::leaf(key, Form::Any, false)),
        }
    }

    /// Keys that only Warren knows: the block `warren`. Absent, it holds its defaults; `validate --strict-upstream` refuses it.
    pub fn warren(&mut self, target: &mut dyn Block) {
        self.own("warren");
        self.block("warren", target);
    }

    /// Marks a key of this block as one that upstream does not know. The key itself is declared besides.
    pub fn own(&mut self, key: &'static str) {
        if let Visitor::Decode(decoding) = &mut self.visitor
            && decoding.map.get(key).is_some()
        {
            decoding.report.own_key(key);
        }
    }

    /// Says in which words an unknown key of this block is refused, for a block whose keys are things of one kind.
    pub fn unknown_keys(&mut self, words: fn(&str) -> String) {
        if let Visitor::Decode(decoding) = &mut self.visitor {
            decoding.refusal = Some(words);
        }
    }

    /// A key of former versions: refused, with a word on what replaced it.
    pub fn removed(&mut self, key: &'static str, hint: &str) {
        if let Visitor::Decode(decoding) = &mut self.visitor
            && let Some(entry) = decoding.map.entry(key)
        {
            decoding.known.push(key);
            decoding.report.unknown_key(key, &entry.key_place, Some(hint.to_owned()));
        }
    }

    /// A key of later versions or without effect here: accepted with a warning.
    pub fn accepted(&mut self, key: &'static str, note: &str) {
        if let Visitor::Decode(decoding) = &mut self.visitor
            && let Some(mut report) = decoding.take(key)
        {
            report.tell(Severity::Warning, "no-effect", "", note.to_owned(), None);
        }
    }

    /// Whether the configuration being decoded has a key, with whatever value. Always false for the other visitors.
    pub fn is_set(&self, key: &str) -> bool {
        matches!(&self.visitor, Visitor::Decode(decoding) if decoding.map.get(key).is_some())
    }
}

/// Validates a block under a key.
fn validate_field(report: &mut Report<'_>, key: &'static str, block: &mut dyn Block) {
    let entry = report.node.and_then(Node::as_map).and_then(|map| map.entry(key));
    let node = entry.map(|entry| &entry.node);
    validate_block(block, report.step(Step::Field(key), node, entry.map(|entry| &entry.key_place)));
}
