//! Expressions on metrics: `match_type: expr`.
//!
//! The part of expr-lang (v1.17) that is used to choose metrics: `MetricName`, `MetricType`, `HasLabel("k")`, `Label("k")`; text, numbers, `true`,
//! `false` and lists; `not`, `and`, `or` (also `!`, `&&`, `||`), comparisons, `in`, `matches`, `contains`, `startsWith`, `endsWith` (each also after
//! `not`), `c ? a : b`, parentheses and comments. The rest is refused by name. Precedence is that of expr-lang, where `not` binds tighter than comparisons.
//!
//! A text is read into tokens ([`lexer`]) and compiled at once ([`parser`]): the type of everything is known before it runs, so that what would fail at
//! each metric is refused when it is loaded, and nothing can fail at run time.

mod lexer;
mod parser;

use warren_pdata::{Attrs, Data, Metric, Text};
use warren_regex::Regex;

/// Longest expression that is accepted, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 64 << 10;

/// Why an expression cannot be used: what is wrong, where, and the line with a mark under the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({line}:{column})\n | {shown}\n | {mark}^")]
pub struct ExprError {
    message: String,
    /// Line in the expression, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
    shown: String,
    mark: String,
}

/// Most tokens of an expression.
const TOKENS_MAX: usize = 10_000;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression {
    condition: Condition,
    asks_labels: bool,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is no expression, does not fit together, yields no boolean, or is not supported.
    pub fn new(text: &str) -> Result<Self, ExprError> {
        let fault = |fault: Fault| ExprError::new(text, fault);
        let tokens = lexer::tokens(text).map_err(fault)?;
        if tokens.len() > TOKENS_MAX {
            return Err(fault(Fault::new(0, "expression exceeds maximum allowed nodes")));
        }
        let (condition, asks_labels) = parser::compile(&tokens, text.len()).map_err(fault)?;
        Ok(Self { condition, asks_labels })
    }

    /// Whether it holds for any point of the metric. A metric without points has none for which it could.
    pub fn matches(&self, metric: &Metric) -> bool {
        let kind = match &metric.data {
            Data::Empty => return false,
            Data::Gauge(_) => "Gauge",
            Data::Sum(_) => "Sum",
            Data::Histogram { .. } => "Histogram",
            Data::ExponentialHistogram { .. } => "ExponentialHistogram",
            Data::Summary(_) => "Summary",
        };
        let points = if self.asks_labels { metric.data.len() } else { metric.data.len().min(1) };
        (0..points).any(|index| self.condition.holds(&Subject { name: &metric.name, kind, attrs: metric.data.attrs(index) }))
    }
}

/// A fault at a byte of the text.
#[derive(Debug)]
struct Fault {
    at: usize,
    message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

impl ExprError {
    fn new(text: &str, fault: Fault) -> Self {
        const SHOWN_CHARS_MAX: usize = 200;
        let before = text.get(..fault.at).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        Self {
            message: fault.message,
            line: before.matches('\n').count() + 1,
            column: column + 1,
            shown: line.chars().take(SHOWN_CHARS_MAX).collect(),
            mark: ".".repeat(column.min(SHOWN_CHARS_MAX)),
        }
    }
}

/// What an expression is about: one point of a metric.
struct Subject<'a> {
    name: &'a str,
    kind: &'static str,
    attrs: &'a Attrs,
}

/// Something that holds or does not.
#[derive(Clone, Debug)]
enum Condition {
    Always(bool),
    HasLabel(Text),
    Not(Box<Condition>),
    And(Vec<Condition>),
    Or(Vec<Condition>),
    /// Both hold, or neither does.
    Same(Box<[Condition; 2]>),
    Choice(Box<[Condition; 3]>),
    Compare(Comparison, Words, Words),
    OneOf(Words, Box<[Words]>),
    Matches(Words, Regex),
}

/// Something of text.
#[derive(Clone, Debug)]
enum Words {
    Literal(Text),
    Name,
    Kind,
    Label(Text),
    Choice(Box<(Condition, [Words; 2])>),
}

/// How two texts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

impl Condition {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Always(value) => *value,
            Self::HasLabel(key) => subject.attrs.contains_key(key),
            Self::Not(inner) => !inner.holds(subject),
            Self::And(all) => all.iter().all(|one| one.holds(subject)),
            Self::Or(all) => all.iter().any(|one| one.holds(subject)),
            Self::Same(both) => {
                let [left, right] = &**both;
                left.holds(subject) == right.holds(subject)
            }
            Self::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                if condition.holds(subject) { yes.holds(subject) } else { no.holds(subject) }
            }
            Self::Compare(comparison, left, right) => comparison.holds(left.text(subject), right.text(subject)),
            Self::OneOf(words, list) => {
                let text = words.text(subject);
                list.iter().any(|one| one.text(subject) == text)
            }
            Self::Matches(words, pattern) => pattern.is_match(words.text(subject)),
        }
    }
}

impl Comparison {
    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Contains => left.contains(right),
            Self::StartsWith => left.starts_with(right),
            Self::EndsWith => left.ends_with(right),
        }
    }
}

impl Words {
    fn text<'a>(&'a self, subject: &Subject<'a>) -> &'a str {
        match self {
            Self::Literal(text) => text,
            Self::Name => subject.name,
            Self::Kind => subject.kind,
            // What is no text has none, as upstream.
            Self::Label(key) => subject.attrs.get(key).and_then(|value| value.as_str()).unwrap_or_default(),
            Self::Choice(parts) => {
                let (condition, [yes, no]) = &**parts;
                if condition.holds(subject) { yes.text(subject) } else { no.text(subject) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
