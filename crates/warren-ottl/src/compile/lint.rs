//! What compiles but is probably not meant: warnings that upstream lacks.

use super::fault::Problem;
use super::kinds::{Kinds, stores, taken};
use super::{Compiler, library};
use crate::function::Changes;
use crate::program::Level;
use crate::record::Context;
use crate::syntax::{ArgumentValue, Boolean, Call, Comparator, Comparison, Path, Spanned, Statement, Value, Visitor};

impl Compiler {
    /// Warnings about a statement that compiles.
    pub(super) fn doubts_of_statement(&self, statement: &Statement) -> Vec<Problem> {
        let mut doubts = Vec::new();
        if let Some(condition) = &statement.condition {
            self.doubts_of_condition(condition, &mut doubts);
        }
        let call = &statement.editor;
        if call.name.node.starts_with("replace_") {
            doubts.extend(call.arguments.iter().filter_map(|argument| self.doubt_of_function(&argument.value)));
        }
        match call.name.node.as_str() {
            "set" => self.doubts_of_set(call, statement.condition.is_some(), &mut doubts),
            "replace_pattern" | "replace_all_patterns" => doubts.extend(lost_reference(call)),
            name => {
                let adds = library::editor(self.context, name).is_some_and(|editor| editor.changes == Changes::Metrics);
                if adds && name == "copy_metric" && statement.condition.is_none() {
                    let problem = Problem::new(call.span, "every metric is copied, those too that other statements add");
                    doubts.push(problem.help(Some("say which with `where`".into())));
                }
            }
        }
        doubts
    }

    /// Warnings about a condition that compiles.
    pub(super) fn doubts_of_condition(&self, condition: &Boolean, doubts: &mut Vec<Problem>) {
        match condition {
            Boolean::Or(parts) | Boolean::And(parts) => parts.iter().for_each(|part| self.doubts_of_condition(part, doubts)),
            Boolean::Not(inner) => self.doubts_of_condition(inner, doubts),
            Boolean::Compare(comparison) => doubts.extend(self.doubt_of_comparison(comparison)),
            Boolean::Literal(_) | Boolean::Call(_) => {}
        }
    }

    fn doubt_of_comparison(&self, comparison: &Comparison) -> Option<Problem> {
        let (left, right) = (self.kinds(&comparison.left), self.kinds(&comparison.right));
        let both = left.comparable().and(right.comparable());
        let orders = !matches!(comparison.comparator, Comparator::Equal | Comparator::NotEqual);
        let never = if orders { both.and(Kinds::ORDERED) } else { both };
        if !never.is_none() {
            return None;
        }
        let result = if comparison.comparator == Comparator::NotEqual { "always true" } else { "never true" };
        let message = if both.is_none() {
            format!("this comparison is {result}: the left side is {left}, the right side {right}")
        } else {
            format!("this comparison is {result}: {both} can only be compared with == and !=")
        };
        let help = (left == Kinds::TRACE_ID || left == Kinds::SPAN_ID)
            .then(|| "compare with `TraceID(0x…)`, `SpanID(0x…)`, or `.string` with text".to_owned());
        Some(Problem::new(comparison.span, message).help(help))
    }

    fn doubts_of_set(&self, call: &Call, conditional: bool, doubts: &mut Vec<Problem>) {
        let argument = |at: usize, name: &str| {
            let named = call.arguments.iter().find(|argument| argument.name.as_ref().is_some_and(|given| given.node == name));
            match &named.or_else(|| call.arguments.get(at))?.value {
                ArgumentValue::Value(value) => Some(value),
                ArgumentValue::Function(_) => None,
            }
        };
        let (Some(Value::Path(target)), Some(value)) = (argument(0, "target"), argument(1, "value")) else { return };
        let Ok(place) = self.path(target) else { return };
        if let Value::Nil(span) = value {
            let problem = Problem::new(*span, "setting nil changes nothing");
            doubts.push(problem.help(Some("`delete_key` removes an attribute".into())));
            return;
        }
        let keyed = target.fields.last().is_some_and(|field| !field.keys.is_empty());
        let kinds = self.kinds(value).without(Kinds::NIL);
        let takes = taken(place.field, keyed);
        if !kinds.is_none() && kinds.and(takes).is_none() {
            doubts
                .push(Problem::new(value.span(), format!("the value is {kinds} and will be ignored: the target takes {takes}")));
        } else if stores(place.field, keyed) && !kinds.is_none() && kinds.and(Kinds::STORED).is_none() {
            let problem = Problem::new(value.span(), format!("{kinds} cannot be stored here: an empty value will be"));
            let help = match kinds {
                Kinds::TIME => "store `UnixNano(…)` or `FormatTime(…)`",
                Kinds::DURATION => "store `Nanoseconds(…)`",
                Kinds::TRACE_ID | Kinds::SPAN_ID => "store its `.string`",
                _ => "store a field of it",
            };
            doubts.push(problem.help(Some(help.into())));
        }
        let level = Level::of(place.field.context(), self.context);
        if !conditional && level < Level::Record && self.highest(value) <= level {
            let owner = place.field.context().map_or("", Context::name);
            let problem =
                Problem::new(target.span, format!("the {owner} is set again for each {} below it", self.context.name()));
            doubts.push(problem.help(Some(format!("put the statement into a group of the context {owner}"))));
        }
    }

    /// The lowest record that an expression looks at.
    fn highest(&self, value: &Value) -> Level {
        struct Highest<'c>(&'c Compiler, Level);
        impl Visitor for Highest<'_> {
            fn path(&mut self, path: &Path) {
                let level = self.0.path(path).map_or(Level::Record, |path| Level::of(path.field.context(), self.0.context));
                self.1 = self.1.max(level);
            }
            fn function(&mut self, name: &Spanned<String>) {
                if matches!(name.node.as_str(), "Now" | "UUID" | "UUIDv7" | "IsRootSpan") {
                    self.1 = Level::Record;
                }
            }
            fn symbol(&mut self, _: &Spanned<String>) {}
        }
        let mut highest = Highest(self, Level::Const);
        value.visit(&mut highest);
        highest.1
    }
}

/// A replacement whose `$1` the configuration has eaten.
fn lost_reference(call: &Call) -> Option<Problem> {
    let texts = call.arguments.iter().filter_map(|argument| match &argument.value {
        ArgumentValue::Value(Value::Text(text)) => Some(text),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    let [.., pattern, replacement] = texts.as_slice() else { return None };
    let groups = pattern.node.replace("\\(", "").replace("(?:", "").replace("(?i)", "").replace("(?s)", "");
    if !replacement.node.is_empty() || !groups.contains('(') {
        return None;
    }
    let problem = Problem::new(replacement.span, "the pattern has groups, and the replacement is empty");
    Some(problem.help(Some("in a configuration, `$1` is written `$$1`".into())))
}
