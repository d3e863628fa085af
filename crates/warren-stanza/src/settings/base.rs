//! What all operators have, and what all parsers have.

use super::Compile;
use crate::Field;
use crate::work::time::TimeReader;
use crate::work::{Blocks, Parse, Parser, Work, severity, trace};
use indexmap::IndexMap;
use warren_config::{Block, Custom, Fields, Keyword, Node, Report, Value};

/// What is done with an entry that an operator fails on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnError {
    /// It goes on, and the failure is told.
    #[default]
    Send,
    /// It goes on.
    SendQuiet,
    /// It is dropped, and the failure is told.
    Drop,
    /// It is dropped.
    DropQuiet,
}

impl OnError {
    pub(crate) fn drops(self) -> bool {
        matches!(self, Self::Drop | Self::DropQuiet)
    }

    pub(crate) fn is_quiet(self) -> bool {
        matches!(self, Self::SendQuiet | Self::DropQuiet)
    }
}

impl Keyword for OnError {
    const TYPE: &'static str = "string";
    const WORDS: &'static [(&'static str, Self)] =
        &[("send", Self::Send), ("send_quiet", Self::SendQuiet), ("drop", Self::Drop), ("drop_quiet", Self::DropQuiet)];

    fn unknown(_: &str) -> String {
        "operator config has an invalid `on_error` field.".to_owned()
    }
}

/// Keys of every operator.
#[derive(Debug, Default)]
pub(crate) struct Base {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) output: Vec<String>,
    pub(crate) on_error: OnError,
    pub(crate) condition: String,
}

impl Block for Base {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("type", &mut self.kind);
        f.scalar("id", &mut self.id);
        f.list("output", &mut self.output);
        f.scalar("on_error", &mut self.on_error);
        f.scalar("if", &mut self.condition);
    }
}

/// Keys of every parser.
#[derive(Debug)]
pub(crate) struct ParserBase {
    pub(crate) base: Base,
    parse_from: String,
    parse_to: String,
    body: Option<String>,
    timestamp: Option<Timestamp>,
    severity: Option<Severity>,
    trace: Option<Trace>,
    scope_name: Option<ScopeName>,
}

impl Default for ParserBase {
    fn default() -> Self {
        Self {
            base: Base::default(),
            parse_from: "body".to_owned(),
            parse_to: "attributes".to_owned(),
            body: None,
            timestamp: None,
            severity: None,
            trace: None,
            scope_name: None,
        }
    }
}

impl Block for ParserBase {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.base);
        f.scalar("parse_from", &mut self.parse_from);
        f.scalar("parse_to", &mut self.parse_to);
        f.optional_scalar("body", &mut self.body);
        f.optional("timestamp", &mut self.timestamp);
        f.optional("severity", &mut self.severity);
        f.optional("trace", &mut self.trace);
        f.optional("scope_name", &mut self.scope_name);
    }
}

impl ParserBase {
    /// The parser around what reads a text.
    pub(crate) fn compile(&self, parse: impl Parse + 'static, cx: &mut Compile<'_>) -> Option<Work> {
        let from = cx.field("parse_from", &self.parse_from);
        let to = cx.rootable("parse_to", &self.parse_to);
        let body = self.body.as_deref().map(|body| cx.field("body", body));
        if body.is_some() && to == Some(Field::body()) {
            cx.fault("parse_to", "`parse_to: body` not allowed when `body` is configured");
        }
        let blocks = Blocks {
            time: lift(self.timestamp.as_ref().map(|block| block.compile("timestamp", cx)))?,
            severity: lift(self.severity.as_ref().map(|block| block.compile("severity", cx)))?,
            trace: lift(self.trace.as_ref().map(|block| block.compile("trace", cx)))?,
            scope_name: lift(self.scope_name.as_ref().map(|block| block.compile("scope_name", cx)))?,
        };
        let parser = Parser { parse: Box::new(parse), from: from?, to: to?, body: lift(body)?, blocks };
        Some(Work::transform(parser))
    }
}

/// Nothing only if there was a fault.
fn lift<T>(compiled: Option<Option<T>>) -> Option<Option<T>> {
    match compiled {
        None => Some(None),
        Some(None) => None,
        Some(some) => Some(some),
    }
}

/// The block `timestamp`, and the keys of `time_parser`.
#[derive(Debug, Default)]
pub(crate) struct Timestamp {
    parse_from: String,
    layout: String,
    layout_type: String,
    location: String,
}

impl Block for Timestamp {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("parse_from", &mut self.parse_from);
        f.scalar("layout", &mut self.layout);
        f.scalar("layout_type", &mut self.layout_type);
        f.scalar("location", &mut self.location);
    }
}

impl Timestamp {
    pub(crate) fn compile(&self, block: &'static str, cx: &mut Compile<'_>) -> Option<TimeReader> {
        let from = match self.parse_from.as_str() {
            "" => cx.missing(block, "parse_from", "missing required parameter 'parse_from'"),
            text => cx.field_of(block, "parse_from", text, false),
        };
        if self.layout.is_empty() && self.layout_type != "native" {
            return cx.missing(block, "layout", "missing required configuration parameter `layout`");
        }
        match TimeReader::new(from?, &self.layout_type, &self.layout, &self.location) {
            Ok(reader) => Some(reader),
            Err((key, message, hint)) => {
                cx.fault_of(block, key, message, hint);
                None
            }
        }
    }
}

/// The block `severity`, and the keys of `severity_parser`.
#[derive(Debug, Default)]
pub(crate) struct Severity {
    parse_from: String,
    preset: String,
    mapping: Mapping,
    overwrite_text: bool,
}

/// Severities and the values that stand for them.
#[derive(Debug, Default)]
struct Mapping(IndexMap<String, Node>);

impl Block for Severity {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("parse_from", &mut self.parse_from);
        f.scalar("preset", &mut self.preset);
        f.custom("mapping", &mut self.mapping);
        f.scalar("overwrite_text", &mut self.overwrite_text);
    }
}

impl Custom for Mapping {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        match node.as_map() {
            Some(map) => self.0 = map.iter().map(|(name, entry)| (name.to_owned(), entry.node.clone())).collect(),
            None => report.error("", format!("expected a map, got '{}'", node.value.go_kind())),
        }
    }

    fn encode(&self) -> Value {
        let mut map = warren_config::Map::new();
        for (name, node) in &self.0 {
            map.insert(name.clone(), node.place.clone(), node.clone());
        }
        Value::Map(map)
    }
}

impl Severity {
    pub(crate) fn compile(&self, block: &'static str, cx: &mut Compile<'_>) -> Option<severity::SeverityReader> {
        let from = match self.parse_from.as_str() {
            "" => cx.missing(block, "parse_from", "missing required field 'parse_from'"),
            text => cx.field_of(block, "parse_from", text, false),
        };
        let mapping = self.mapping.0.iter().map(|(name, node)| (name.as_str(), &node.value));
        match severity::SeverityReader::new(from?, &self.preset, mapping, self.overwrite_text) {
            Ok(reader) => Some(reader),
            Err(message) => {
                cx.fault_of(block, "mapping", message, None);
                None
            }
        }
    }
}

/// The block `trace`, and the keys of `trace_parser`.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    trace_id: From,
    span_id: From,
    trace_flags: From,
}

/// A block that names a field.
#[derive(Debug, Default)]
struct From(Option<String>);

impl Block for From {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("parse_from", &mut self.0);
    }
}

impl Block for Trace {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("trace_id", &mut self.trace_id);
        f.block("span_id", &mut self.span_id);
        f.block("trace_flags", &mut self.trace_flags);
    }
}

impl Trace {
    pub(crate) fn compile(&self, block: &'static str, cx: &mut Compile<'_>) -> Option<trace::TraceReader> {
        let mut field = |named: &From, key: &'static str| match &named.0 {
            Some(text) => cx.field_of(block, key, text, false),
            None => Some(Field::of_body(key)),
        };
        let trace_id = field(&self.trace_id, "trace_id");
        let span_id = field(&self.span_id, "span_id");
        let flags = field(&self.trace_flags, "trace_flags");
        Some(trace::TraceReader { trace_id: trace_id?, span_id: span_id?, flags: flags? })
    }
}

/// The block `scope_name`, and the keys of `scope_name_parser`.
#[derive(Debug, Default)]
pub(crate) struct ScopeName {
    parse_from: String,
}

impl Block for ScopeName {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("parse_from", &mut self.parse_from);
    }
}

impl ScopeName {
    pub(crate) fn compile(&self, block: &'static str, cx: &mut Compile<'_>) -> Option<trace::ScopeNameReader> {
        let from = match self.parse_from.as_str() {
            "" => cx.missing(block, "parse_from", "missing required field 'parse_from'"),
            text => cx.field_of(block, "parse_from", text, false),
        };
        from.map(|from| trace::ScopeNameReader { from })
    }
}
