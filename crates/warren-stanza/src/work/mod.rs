//! What operators do.

pub(crate) mod csv;
pub(crate) mod edit;
pub(crate) mod filter;
pub(crate) mod json;
pub(crate) mod key_value;
pub(crate) mod pattern;
pub(crate) mod recombine;
pub(crate) mod severity;
pub(crate) mod time;
pub(crate) mod trace;

use crate::{Entry, Field, Template};
use std::fmt::Debug;
use warren_expr::Expression;
use warren_pdata::{Text, Value};

/// Longest text that is parsed, and that a replacement may make.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// What an operator does with an entry.
#[derive(Debug)]
pub(crate) enum Work {
    /// Changes it.
    Transform(Box<dyn Transform>),
    /// Drops it or lets it pass.
    Filter(filter::Filter),
    /// Hands it to the operators of one route.
    Route(Vec<Route>),
    /// Puts it together with others.
    Recombine(Box<recombine::Rule>),
}

impl Work {
    pub(crate) fn transform(transform: impl Transform + 'static) -> Self {
        Self::Transform(Box::new(transform))
    }
}

/// Changes an entry.
pub(crate) trait Transform: Debug + Send + Sync {
    /// # Errors
    /// Why it cannot. The entry may be changed in part, as upstream's is.
    fn apply(&self, entry: &mut Entry) -> Result<(), String>;
}

/// A route of a router.
#[derive(Debug)]
pub(crate) struct Route {
    /// Nothing for the default.
    pub(crate) condition: Option<Expression>,
    pub(crate) attributes: Vec<(Text, Template)>,
    pub(crate) outputs: Vec<usize>,
    /// The outputs by id.
    pub(crate) named: Vec<String>,
}

/// Reads a value of a field of an entry.
pub(crate) trait Parse: Debug + Send + Sync {
    /// # Errors
    /// Why it cannot be read.
    fn parse(&self, value: &Value, from: &Field, entry: &Entry) -> Result<Value, String>;
}

/// Reads a field into another.
#[derive(Debug)]
pub(crate) struct Parser {
    pub(crate) parse: Box<dyn Parse>,
    pub(crate) from: Field,
    pub(crate) to: Field,
    pub(crate) body: Option<Field>,
    pub(crate) blocks: Blocks,
}

/// What a parser does besides with what it read.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) time: Option<time::TimeReader>,
    pub(crate) severity: Option<severity::SeverityReader>,
    pub(crate) trace: Option<trace::TraceReader>,
    pub(crate) scope_name: Option<trace::ScopeNameReader>,
}

impl Transform for Parser {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let Some(value) = self.from.get(entry) else {
            return Err(format!("Entry is missing the expected parse_from field. (parse_from: {})", self.from));
        };
        let value = self.parse.parse(&value, &self.from, entry)?;
        self.to.set(entry, value).map_err(|error| format!("set parse_to: {error}"))?;
        if let Some(body) = self.body.as_ref().and_then(|body| body.get(entry)) {
            entry.record.body = body;
        }
        // All are tried; the first that failed is told.
        let mut failed = None;
        let blocks: [(&str, Option<&dyn Transform>); 4] = [
            ("time parser", self.blocks.time.as_ref().map(|block| block as _)),
            ("severity parser", self.blocks.severity.as_ref().map(|block| block as _)),
            ("trace parser", self.blocks.trace.as_ref().map(|block| block as _)),
            ("scope_name parser", self.blocks.scope_name.as_ref().map(|block| block as _)),
        ];
        for (name, block) in blocks {
            if let Some(Err(error)) = block.map(|block| block.apply(entry)) {
                failed.get_or_insert_with(|| format!("{name}: {error}"));
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The value of a field that an entry must have.
pub(crate) fn expected(field: &Field, entry: &Entry) -> Result<Value, String> {
    let missing = || format!("log entry does not have the expected parse_from field (parse_from: {field})");
    field.get(entry).ok_or_else(missing)
}

/// The text to be parsed.
pub(crate) fn text_of(value: &Value, refusal: impl FnOnce(&'static str) -> String) -> Result<&str, String> {
    match value {
        Value::Str(text) if text.len() > TEXT_BYTES_MAX => {
            Err(format!("a text of more than {TEXT_BYTES_MAX} bytes is not parsed"))
        }
        Value::Str(text) => Ok(text),
        other => Err(refusal(crate::entry::type_name(other))),
    }
}
