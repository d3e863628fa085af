//! Expressions on metrics: `match_type: expr`.

use std::borrow::Cow;
use warren_expr::{Function, Language, Subject, Type, Val};
use warren_pdata::{Attrs, Data, Metric};

pub use warren_expr::{EXPRESSION_BYTES_MAX, ExprError};

const NAME: u16 = 0;
const KIND: u16 = 1;
const HAS_LABEL: u16 = 0;
const LABEL: u16 = 1;

/// What expressions on metrics know.
const METRICS: Language = Language {
    about: "expressions on metrics",
    names: &[("MetricName", NAME, Type::Text), ("MetricType", KIND, Type::Text)],
    functions: &[
        Function { name: "HasLabel", number: HAS_LABEL, params: &[Type::Text], yields: Type::Bool },
        Function { name: "Label", number: LABEL, params: &[Type::Text], yields: Type::Text },
    ],
    refused: &[],
    unknown_is_nil: false,
};

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Expression(warren_expr::Expression);

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// What is no expression, does not fit together, yields no boolean, or is not supported.
    pub fn new(text: &str) -> Result<Self, ExprError> {
        warren_expr::Expression::condition(text, &METRICS).map(Self)
    }

    /// Whether it holds for any point of the metric. A metric without points has none for which it could. Where values do not fit what is done
    /// with them it does not hold.
    pub fn matches(&self, metric: &Metric) -> bool {
        let kind = match &metric.data {
            Data::Empty => return false,
            Data::Gauge(_) => "Gauge",
            Data::Sum(_) => "Sum",
            Data::Histogram { .. } => "Histogram",
            Data::ExponentialHistogram { .. } => "ExponentialHistogram",
            Data::Summary(_) => "Summary",
        };
        let points = if self.0.calls() { metric.data.len() } else { metric.data.len().min(1) };
        let holds = |index| self.0.holds(&Point { name: &metric.name, kind, attrs: metric.data.attrs(index) });
        (0..points).any(|index| holds(index).unwrap_or(false))
    }
}

/// What an expression is about: one point of a metric.
struct Point<'a> {
    name: &'a str,
    kind: &'static str,
    attrs: &'a Attrs,
}

impl Subject for Point<'_> {
    fn value(&self, number: u16) -> Val<'_> {
        Val::Str(Cow::Borrowed(if number == NAME { self.name } else { self.kind }))
    }

    fn call(&self, number: u16, args: &[Val<'_>]) -> Result<Val<'_>, String> {
        let Some(Val::Str(key)) = args.first() else { return Err("a label has a text as its key".to_owned()) };
        let label = self.attrs.get(key);
        Ok(match number {
            HAS_LABEL => Val::Bool(label.is_some()),
            // What is no text has none, as upstream.
            _ => Val::Str(Cow::Borrowed(label.and_then(|value| value.as_str()).unwrap_or_default())),
        })
    }
}

#[cfg(test)]
mod tests;
