//! Settings of operators that change or choose entries.

use super::{Base, Compile, Settings};
use crate::language;
use crate::work::{Work, edit, filter};
use warren_config::{Block, Fields, Node, Value as Written};
use warren_pdata::{Attrs, KeyValue, Value};
use warren_regex::{Regex, Template};

/// What matches escape sequences of terminals: ECMA-48's control sequences.
const ANSI_CONTROL_SEQUENCES: &str = r"\x1B\[[\x30-\x3F]*[\x20-\x2F]*[\x40-\x7E]";

macro_rules! settings {
    ($name:ident, |$this:ident, $f:ident| $fields:expr, |$that:ident, $cx:ident| $compile:expr) => {
        impl Block for $name {
            fn fields(&mut self, $f: &mut Fields<'_>) {
                let $this = self;
                $f.squash(&mut $this.base);
                $fields
            }
        }

        impl Settings for $name {
            fn base(&self) -> &Base {
                &self.base
            }

            fn compile(&self, $cx: &mut Compile<'_>) -> Option<Work> {
                let $that = self;
                $compile
            }
        }
    };
}

/// `noop`
#[derive(Debug, Default)]
pub(crate) struct Noop {
    base: Base,
}

impl Block for Noop {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.base);
    }
}

impl Settings for Noop {
    fn base(&self) -> &Base {
        &self.base
    }

    fn compile(&self, _: &mut Compile<'_>) -> Option<Work> {
        Some(Work::transform(edit::Nothing))
    }
}

/// `add`
#[derive(Debug, Default)]
pub(crate) struct Add {
    base: Base,
    field: String,
    value: Option<Node>,
}

settings!(
    Add,
    |this, f| {
        f.scalar("field", &mut this.field);
        f.any("value", &mut this.value);
    },
    |this, cx| {
        let field = cx.required("field", &this.field, "add: missing field");
        let value = added(this.value.as_ref(), cx);
        Some(Work::transform(edit::Add { field: field?, value: value? }))
    }
);

/// A constant, or what an expression yields.
fn added(node: Option<&Node>, cx: &mut Compile<'_>) -> Option<edit::Added> {
    let Some(node) = node.filter(|node| !node.is_null()) else { return Some(edit::Added::Nothing) };
    let inner = node.as_text().and_then(|text| text.strip_prefix("EXPR(")?.strip_suffix(')'));
    if let Some(inner) = inner {
        return match language::expression(inner) {
            Ok(expression) => Some(edit::Added::Expression(expression)),
            Err(message) => cx.missing("", "value", &message),
        };
    }
    match constant(node) {
        Some(value) => Some(edit::Added::Constant(value)),
        None => cx.missing("", "value", "a time is not supported as a value; put it in quotes"),
    }
}

/// A value as it was written.
fn constant(node: &Node) -> Option<Value> {
    if let Some(text) = node.as_text() {
        return Some(text.into());
    }
    Some(match &node.value {
        Written::Null => Value::Empty,
        Written::Bool(value) => Value::Bool(*value),
        Written::Int(value) => Value::Int(*value),
        Written::Uint(value) => Value::Int(*value as i64),
        Written::Float(value) => Value::Double(*value),
        Written::String(text) => text.as_str().into(),
        Written::Timestamp(_) => return None,
        Written::List(list) => Value::list(list.iter().map(constant).collect::<Option<Vec<_>>>()?),
        Written::Map(map) => {
            let entries = map.iter().map(|(key, entry)| Some(KeyValue { key: key.into(), value: constant(&entry.node)? }));
            Value::Map(entries.collect::<Option<Attrs>>()?)
        }
    })
}

/// `copy`
#[derive(Debug, Default)]
pub(crate) struct Copy {
    base: Base,
    from: String,
    to: String,
}

settings!(
    Copy,
    |this, f| {
        f.scalar("from", &mut this.from);
        f.scalar("to", &mut this.to);
    },
    |this, cx| {
        let from = cx.required_rootable("from", &this.from, "copy: missing from field");
        let to = cx.required_rootable("to", &this.to, "copy: missing to field");
        Some(Work::transform(edit::Copy { from: from?, to: to? }))
    }
);

/// `move`
#[derive(Debug, Default)]
pub(crate) struct Move {
    base: Base,
    from: String,
    to: String,
}

settings!(
    Move,
    |this, f| {
        f.scalar("from", &mut this.from);
        f.scalar("to", &mut this.to);
    },
    |this, cx| {
        let from = cx.required_rootable("from", &this.from, "move: missing from field");
        let to = cx.required_rootable("to", &this.to, "move: missing to field");
        Some(Work::transform(edit::Move { from: from?, to: to? }))
    }
);

/// `remove`
#[derive(Debug, Default)]
pub(crate) struct Remove {
    base: Base,
    field: String,
}

settings!(Remove, |this, f| f.scalar("field", &mut this.field), |this, cx| {
    if this.field.is_empty() {
        return cx.missing("", "field", "remove: field is empty");
    }
    let field = cx.rootable("field", &this.field)?;
    Some(Work::transform(edit::Remove { field }))
});

/// `retain`
#[derive(Debug, Default)]
pub(crate) struct Retain {
    base: Base,
    fields: Vec<String>,
}

settings!(Retain, |this, f| f.list("fields", &mut this.fields), |this, cx| {
    if this.fields.is_empty() {
        return cx.missing("", "fields", "retain: 'fields' is empty");
    }
    let fields: Vec<_> = this.fields.iter().map(|field| cx.rootable("fields", field)).collect();
    Some(Work::transform(edit::Retain { fields: fields.into_iter().collect::<Option<_>>()? }))
});

/// `flatten`
#[derive(Debug, Default)]
pub(crate) struct Flatten {
    base: Base,
    field: String,
}

settings!(Flatten, |this, f| f.scalar("field", &mut this.field), |this, cx| {
    let field = cx.required("field", &this.field, "flatten: missing field")?;
    Some(Work::transform(edit::Flatten { field }))
});

/// `regex_replace`
#[derive(Debug, Default)]
pub(crate) struct RegexReplace {
    base: Base,
    field: String,
    regex: String,
    regex_name: String,
    replace_with: String,
}

settings!(
    RegexReplace,
    |this, f| {
        f.scalar("field", &mut this.field);
        f.scalar("regex", &mut this.regex);
        f.scalar("regex_name", &mut this.regex_name);
        f.scalar("replace_with", &mut this.replace_with);
    },
    |this, cx| {
        let field = cx.required("field", &this.field, "regex_replace: missing field");
        if this.regex.is_empty() == this.regex_name.is_empty() {
            return cx.missing("", "regex", "either regex or regex_name must be set");
        }
        let pattern = match this.regex_name.as_str() {
            "" => &this.regex,
            "ansi_control_sequences" => ANSI_CONTROL_SEQUENCES,
            other => return cx.missing("", "regex_name", &format!("regex_name {other} is unknown")),
        };
        match Regex::new(pattern) {
            Ok(regex) => {
                let with = Template::new(&this.replace_with, &regex);
                Some(Work::transform(edit::Replace { field: field?, regex, with }))
            }
            Err(error) => cx.missing("", "regex", &error.to_string()),
        }
    }
);

/// `assign_keys`
#[derive(Debug, Default)]
pub(crate) struct AssignKeys {
    base: Base,
    field: String,
    keys: Vec<String>,
}

settings!(
    AssignKeys,
    |this, f| {
        f.scalar("field", &mut this.field);
        f.list("keys", &mut this.keys);
    },
    |this, cx| {
        let field = cx.required("field", &this.field, "assign_keys missing required field \"field\"");
        if this.keys.is_empty() {
            return cx.missing("", "keys", "assign_keys missing required field keys");
        }
        let keys = this.keys.iter().map(|key| key.as_str().into()).collect();
        Some(Work::transform(edit::AssignKeys { field: field?, keys }))
    }
);

/// `unquote`
#[derive(Debug, Default)]
pub(crate) struct Unquote {
    base: Base,
    field: String,
}

settings!(Unquote, |this, f| f.scalar("field", &mut this.field), |this, cx| {
    let field = cx.required("field", &this.field, "unquote: missing field")?;
    Some(Work::transform(edit::Unquote { field }))
});

/// `filter`
#[derive(Debug)]
pub(crate) struct Filter {
    base: Base,
    expr: String,
    drop_ratio: f64,
}

impl Default for Filter {
    fn default() -> Self {
        Self { base: Base::default(), expr: String::new(), drop_ratio: 1.0 }
    }
}

settings!(
    Filter,
    |this, f| {
        f.scalar("expr", &mut this.expr);
        f.scalar("drop_ratio", &mut this.drop_ratio);
    },
    |this, cx| {
        let condition = cx.condition("expr", &this.expr);
        if !(0.0..=1.0).contains(&this.drop_ratio) {
            return cx.missing("", "drop_ratio", "drop_ratio must be a number between 0 and 1");
        }
        Some(Work::Filter(filter::Filter::new(condition?, this.drop_ratio)))
    }
);
