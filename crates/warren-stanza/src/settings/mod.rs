//! The list of operators as a configuration writes it.

mod base;
mod compile;
mod parsers;
mod recombine;
mod router;
mod transformers;

pub(crate) use base::{Base, OnError};
pub(crate) use compile::{Compile, Fault};
pub(crate) use recombine::Recombine;

use crate::{Chain, graph};
use std::sync::Arc;
use warren_config::{Block, Custom, Node, Report, Value};

use crate::work::Work;
use crate::work::recombine::HELD_BYTES_MAX;

/// Most operators of one receiver.
const OPERATORS_MAX: usize = 200;

/// The settings of one operator.
pub(crate) trait Settings: Block + std::fmt::Debug + Send + Sync {
    /// What all operators have.
    fn base(&self) -> &Base;

    /// What it does. Nothing when a fault was told.
    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work>;
}

type Make = fn() -> Box<dyn Settings>;

/// Makes settings with their defaults.
fn make<T: Settings + Default + 'static>() -> Box<dyn Settings> {
    Box::new(T::default())
}

/// The operators there are.
const TYPES: &[(&str, Make)] = &[
    ("regex_parser", make::<parsers::RegexParser>),
    ("json_parser", make::<parsers::JsonParser>),
    ("key_value_parser", make::<parsers::KeyValueParser>),
    ("csv_parser", make::<parsers::CsvParser>),
    ("severity_parser", make::<parsers::SeverityParser>),
    ("time_parser", make::<parsers::TimeParser>),
    ("trace_parser", make::<parsers::TraceParser>),
    ("scope_name_parser", make::<parsers::ScopeNameParser>),
    ("add", make::<transformers::Add>),
    ("copy", make::<transformers::Copy>),
    ("move", make::<transformers::Move>),
    ("remove", make::<transformers::Remove>),
    ("retain", make::<transformers::Retain>),
    ("flatten", make::<transformers::Flatten>),
    ("regex_replace", make::<transformers::RegexReplace>),
    ("assign_keys", make::<transformers::AssignKeys>),
    ("unquote", make::<transformers::Unquote>),
    ("filter", make::<transformers::Filter>),
    ("noop", make::<transformers::Noop>),
    ("router", make::<router::Router>),
    ("recombine", make::<Recombine>),
];

/// Operators of upstream that are not here, and what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("json_array_parser", "use a transform processor with ParseJSON"),
    ("syslog_parser", "the journal has the parts of a syslog message as fields: SYSLOG_IDENTIFIER, SYSLOG_PID, PRIORITY"),
    ("uri_parser", "use regex_parser, or a transform processor with URL"),
    ("container", "the journal has the container as fields: CONTAINER_NAME, CONTAINER_ID"),
    ("sanitize_utf8", "texts are always valid here"),
    ("file_output", "use an exporter"),
    ("stdout", "use the debug exporter"),
    ("drop_output", "use filter"),
];

/// A list of operators.
#[derive(Debug, Default)]
pub struct Operators {
    written: Vec<Node>,
    all: Vec<Option<Box<dyn Settings>>>,
    /// Where the receiver hands its entries to, by id; empty for the first operator.
    pub entrance: Vec<String>,
}

impl Operators {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Most bytes that they hold back.
    pub fn held_bytes_max(&self) -> u64 {
        let holders = self.all.iter().flatten().filter(|one| one.base().kind == "recombine").count();
        (holders as u64).saturating_mul(HELD_BYTES_MAX as u64)
    }

    /// Compiles them; nothing if there is none.
    ///
    /// # Errors
    /// What is wrong with the first of them that is not right. All faults are told by [`Custom::validate`].
    pub fn compile(&self) -> Result<Option<Chain>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut faults = Vec::new();
        let operators = graph::compile(&self.all, &self.entrance, &mut faults);
        match (operators, faults.into_iter().next()) {
            (Some(graph), None) => Ok(Some(Chain::new(Arc::new(graph)))),
            (_, Some(fault)) => Err(format!("operators[{}]: {}", fault.operator, fault.message)),
            (None, None) => Err("operators cannot be built".to_owned()),
        }
    }
}

impl Custom for Operators {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        let Some(list) = node.as_list() else {
            let kind = node.value.go_kind();
            report.error("", format!("source data must be an array or slice, got {kind}"));
            return;
        };
        if list.len() > OPERATORS_MAX {
            report.error("", format!("more than {OPERATORS_MAX} operators"));
            return;
        }
        self.written = list.to_vec();
        self.all = Vec::new();
        for (index, node) in list.iter().enumerate() {
            self.all.push(decode(node, report.at_index(index, node)));
        }
    }

    fn validate(&self, report: &mut Report<'_>) {
        // What could not be read was told; the rest cannot be judged without it.
        if self.all.iter().any(Option::is_none) {
            return;
        }
        let mut faults = Vec::new();
        graph::compile(&self.all, &self.entrance, &mut faults);
        for fault in faults {
            let Some(node) = self.written.get(fault.operator) else { continue };
            let mut report = report.at_index(fault.operator, node);
            let tell = |report: &mut Report<'_>, key: &str| match &fault.hint {
                Some(hint) => report.error_with_hint(key, &fault.message, *hint),
                None => report.error(key, &fault.message),
            };
            match node.get(fault.block) {
                Some(inner) => tell(&mut report.at_key(fault.block, inner), fault.key),
                None => tell(&mut report, fault.key),
            }
        }
    }

    fn encode(&self) -> Value {
        Value::List(self.written.clone())
    }
}

fn decode(node: &Node, mut report: Report<'_>) -> Option<Box<dyn Settings>> {
    if node.as_map().is_none() {
        report.error("", format!("expected a map or struct, got {:?}", node.value.go_kind()));
        return None;
    }
    let Some(kind) = node.get("type").filter(|kind| !kind.is_null()) else {
        report.error("", "missing required field 'type'");
        return None;
    };
    let Some(kind) = kind.as_text() else {
        report.error("type", format!("non-string type {} for field 'type'", kind.value.go_type()));
        return None;
    };
    if let Some((_, make)) = TYPES.iter().find(|(name, _)| *name == kind) {
        let mut settings = make();
        report.block(&mut *settings);
        return Some(settings);
    }
    match REFUSED.iter().find(|(name, _)| *name == kind) {
        Some((_, hint)) => report.error_with_hint("type", format!("operator '{kind}' is not supported here"), *hint),
        None => {
            let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
            report.error_with_hint("type", format!("unsupported type '{kind}'"), format!("one of {}", names.join(", ")));
        }
    }
    None
}
