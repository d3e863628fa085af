//! What is allowed and yet most likely a mistake: comparisons that never hold, settings that change nothing, values that have no stored form.
//!
//! Only what is certain from the text alone is told; a path is known by the name of its last segment.

use crate::function::Yields;
use crate::functions::CONVERTERS;
use crate::syntax::{
    ArgumentValue, Boolean, Comparator, Comparison, Field, Path, Span, Statement, Value, parse_condition, parse_statement,
};

/// What is doubtful in a statement, in words; nothing if the text is none.
pub fn lint_statement(text: &str) -> Vec<String> {
    let Ok(Statement { editor, condition }) = parse_statement(text) else { return Vec::new() };
    let mut lint = Lint { text, found: Vec::new() };
    if let ("set", [target, value]) = (editor.name.node.as_str(), editor.arguments.as_slice())
        && let (ArgumentValue::Value(Value::Path(target)), ArgumentValue::Value(value)) = (&target.value, &value.value)
    {
        lint.set(target, value);
    }
    if let Some(condition) = &condition {
        lint.condition(condition);
    }
    lint.found
}

/// What is doubtful in a condition.
pub fn lint_condition(text: &str) -> Vec<String> {
    let mut lint = Lint { text, found: Vec::new() };
    if let Ok(condition) = parse_condition(text) {
        lint.condition(&condition);
    }
    lint.found
}

/// A kind of values of which each equals only values of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Boolean,
    Number,
    Text,
    Bytes,
    Map,
    List,
    Time,
    Duration,
    Identity,
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Map => "a map",
            Self::List => "a list",
            Self::Time => "a time",
            Self::Duration => "a duration",
            Self::Identity => "an identity",
        }
    }

    /// What a value is, as far as that is certain: this or nothing.
    fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Text(_) => Self::Text,
            Value::Boolean(_) => Self::Boolean,
            Value::Int(_) | Value::Float(_) | Value::Enum(_) => Self::Number,
            Value::Bytes(_) => Self::Bytes,
            Value::List(_) => Self::List,
            Value::Map(_) => Self::Map,
            Value::Path(path) => return Self::of_path(path),
            Value::Call(call) if call.keys.is_empty() => {
                let known = CONVERTERS.iter().flat_map(|group| group.iter()).find(|known| known.name == call.name.node)?;
                match known.yields {
                    Yields::Any => return None,
                    Yields::Str => Self::Text,
                    Yields::Int | Yields::Float => Self::Number,
                    Yields::Bool => Self::Boolean,
                    Yields::Bytes => Self::Bytes,
                    Yields::Map => Self::Map,
                    Yields::List => Self::List,
                    Yields::Time => Self::Time,
                    Yields::Duration => Self::Duration,
                    Yields::TraceId | Yields::SpanId => Self::Identity,
                }
            }
            Value::Call(_) | Value::Nil(_) | Value::Arithmetic(_) => return None,
        })
    }

    fn of_path(path: &Path) -> Option<Self> {
        let Field { name, keys } = path.fields.last()?;
        if !keys.is_empty() {
            return None;
        }
        Some(match name.node.as_str() {
            "name" | "version" | "schema_url" | "description" | "unit" | "severity_text" | "event_name" | "message"
            | "string" | "deprecated_string" => Self::Text,
            "attributes" | "cache" | "metadata" => Self::Map,
            "is_monotonic" => Self::Boolean,
            "time" | "start_time" | "end_time" | "observed_time" => Self::Time,
            "trace_id" | "span_id" | "parent_span_id" => Self::Identity,
            "time_unix_nano"
            | "start_time_unix_nano"
            | "end_time_unix_nano"
            | "observed_time_unix_nano"
            | "severity_number"
            | "flags"
            | "dropped_attributes_count"
            | "dropped_events_count"
            | "dropped_links_count"
            | "kind"
            | "code"
            | "aggregation_temporality"
            | "value_int"
            | "value_double"
            | "count"
            | "sum"
            | "scale"
            | "zero_count" => Self::Number,
            _ => return None,
        })
    }
}

/// Whether the value stands in the text itself, so that it is never nothing.
fn is_literal(value: &Value) -> bool {
    !matches!(value, Value::Nil(_) | Value::Path(_) | Value::Call(_) | Value::Arithmetic(_))
}

struct Lint<'t> {
    text: &'t str,
    found: Vec<String>,
}

impl Lint<'_> {
    fn shown(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn condition(&mut self, condition: &Boolean) {
        match condition {
            Boolean::Or(parts) | Boolean::And(parts) => parts.iter().for_each(|part| self.condition(part)),
            Boolean::Not(inner) => self.condition(inner),
            Boolean::Compare(comparison) => self.comparison(comparison),
            Boolean::Literal(_) | Boolean::Call(_) => {}
        }
    }

    fn comparison(&mut self, comparison: &Comparison) {
        let Comparison { left, comparator, right, span } = comparison;
        let (Some(first), Some(second)) = (Sort::of(left), Sort::of(right)) else { return };
        if first != second && (is_literal(left) || is_literal(right)) {
            let always = if *comparator == Comparator::NotEqual { "always" } else { "never" };
            let (first, second) = (first.name(), second.name());
            self.found.push(format!("`{}` is {always} true: {first} is compared with {second}", self.shown(*span)));
        }
    }

    fn set(&mut self, target: &Path, value: &Value) {
        let shown = self.shown(target.span).to_owned();
        if let Value::Nil(_) = value {
            self.found.push(format!("setting `{shown}` to nil changes nothing; delete_key removes an attribute"));
            return;
        }
        let Some(sort) = Sort::of(value) else { return };
        let into_map = target.fields.last().is_some_and(|field| {
            !field.keys.is_empty() && matches!(field.name.node.as_str(), "attributes" | "cache" | "metadata" | "body")
        });
        if into_map && matches!(sort, Sort::Time | Sort::Duration | Sort::Identity) {
            let name = sort.name();
            self.found.push(format!("`{shown}` gets an empty value: {name} has no stored form; use its number or its text"));
        }
        if let Some(wanted) = Sort::of_path(target).filter(|wanted| *wanted != sort && is_literal(value)) {
            self.found.push(format!(
                "setting `{shown}` changes nothing: it takes {}, and {} is ignored",
                wanted.name(),
                sort.name()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certainly_without_effect_is_told() {
        for (statement, wanted) in [
            (
                r#"set(log.severity_number, "ERROR")"#,
                "setting `log.severity_number` changes nothing: it takes a number, and text is ignored",
            ),
            (
                r#"set(log.attributes["t"], log.time)"#,
                "`log.attributes[\"t\"]` gets an empty value: a time has no stored form; use its number or its text",
            ),
            (
                r#"set(log.attributes["t"], log.trace_id)"#,
                "`log.attributes[\"t\"]` gets an empty value: an identity has no stored form; use its number or its text",
            ),
            ("set(log.body, nil)", "setting `log.body` to nil changes nothing; delete_key removes an attribute"),
            (
                r#"set(log.body, "x") where log.severity_text == 5"#,
                "`log.severity_text == 5` is never true: text is compared with a number",
            ),
            (
                r#"set(log.body, "x") where true and not (Len(log.body) != "3")"#,
                "`Len(log.body) != \"3\"` is always true: a number is compared with text",
            ),
            (
                r#"set(log.body, "x") where log.trace_id == 0x00"#,
                "`log.trace_id == 0x00` is never true: an identity is compared with bytes",
            ),
        ] {
            assert_eq!(lint_statement(statement), [wanted], "{statement}");
        }
        assert_eq!(lint_condition(r#"metric.name == 1"#), ["`metric.name == 1` is never true: text is compared with a number"]);
    }

    #[test]
    fn what_may_have_an_effect_is_not_told() {
        for statement in [
            r#"set(log.severity_number, 5) where log.body == "x" and log.attributes["n"] == 5"#,
            r#"set(log.attributes["t"], log.time_unix_nano) where log.severity_number >= SEVERITY_NUMBER_WARN"#,
            r#"set(log.severity_text, log.attributes["level"]) where log.attributes["level"] != nil"#,
            r#"set(log.attributes["id"], log.trace_id.string) where String(log.body) == log.severity_number"#,
            r#"set(span.trace_id, TraceID(0x00000000000000000000000000000001)) where span.kind == 1.0"#,
            "no statement",
        ] {
            assert_eq!(lint_statement(statement), Vec::<String>::new(), "{statement}");
        }
    }
}
