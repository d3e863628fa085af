//! Operators that change fields.

use super::{TEXT_BYTES_MAX, Transform};
use crate::entry::type_name;
use crate::field::Root;
use crate::{Entry, Field};
use warren_expr::Expression;
use warren_pdata::{Attrs, KeyValue, Text, Value};
use warren_regex::{Regex, Replaced, Template};

/// `noop`
#[derive(Debug)]
pub(crate) struct Nothing;

impl Transform for Nothing {
    fn apply(&self, _: &mut Entry) -> Result<(), String> {
        Ok(())
    }
}

/// `add`
#[derive(Debug)]
pub(crate) struct Add {
    pub(crate) field: Field,
    pub(crate) value: Added,
}

/// What is added.
#[derive(Debug)]
pub(crate) enum Added {
    /// What upstream accepts, and then fails on.
    Nothing,
    Constant(Value),
    Expression(Expression),
}

impl Transform for Add {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let value = match &self.value {
            Added::Nothing => return Err("add: missing required field 'value'".to_owned()),
            Added::Constant(value) => value.clone(),
            Added::Expression(expression) => expression.value(entry).map_err(|error| format!("evaluate value_expr: {error}"))?,
        };
        self.field.set(entry, value)
    }
}

/// `copy`
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) from: Field,
    pub(crate) to: Field,
}

impl Transform for Copy {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let missing = || format!("copy: from field does not exist in this entry: {}", self.from);
        let value = self.from.get(entry).ok_or_else(missing)?;
        self.to.set(entry, value)
    }
}

/// `move`
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) from: Field,
    pub(crate) to: Field,
}

impl Transform for Move {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let value = self.from.take(entry).ok_or_else(|| format!("move: field does not exist: {}", self.from))?;
        self.to.set(entry, value)
    }
}

/// `remove`
#[derive(Debug)]
pub(crate) struct Remove {
    pub(crate) field: Field,
}

impl Transform for Remove {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let all = self.field.keys.is_empty() && self.field.root != Root::Body;
        match self.field.take(entry) {
            None if !all => Err(format!("remove: field does not exist: {}", self.field)),
            _ => Ok(()),
        }
    }
}

/// `retain`
#[derive(Debug)]
pub(crate) struct Retain {
    pub(crate) fields: Vec<Field>,
}

impl Transform for Retain {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let kept: Vec<(&Field, Option<Value>)> = self.fields.iter().map(|field| (field, field.get(entry))).collect();
        let names = |root| self.fields.iter().any(|field| field.root == root);
        // Of what no field is named it all stays.
        if names(Root::Body) {
            entry.record.body = Value::Empty;
        }
        if names(Root::Attributes) {
            entry.record.attrs = Attrs::EMPTY;
        }
        if names(Root::Resource) {
            entry.resource = Attrs::EMPTY;
        }
        kept.into_iter().try_for_each(|(field, value)| value.map_or(Ok(()), |value| field.set(entry, value)))
    }
}

/// `flatten`
#[derive(Debug)]
pub(crate) struct Flatten {
    pub(crate) field: Field,
}

impl Transform for Flatten {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        match self.field.get(entry) {
            None => Err(format!("apply flatten: field {} does not exist on entry", self.field)),
            Some(Value::Map(map)) => {
                self.field.take(entry);
                map.iter().try_for_each(|inner| self.field.sibling(inner.key.clone()).set(entry, inner.value.clone()))
            }
            Some(_) => Err(format!("apply flatten: field {} is not a map", self.field)),
        }
    }
}

/// `regex_replace`
#[derive(Debug)]
pub(crate) struct Replace {
    pub(crate) field: Field,
    pub(crate) regex: Regex,
    pub(crate) with: Template,
}

impl Transform for Replace {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let value = match self.field.get(entry) {
            None => return Ok(()),
            Some(Value::Str(text)) => text,
            Some(other) => return Err(format!("type {} cannot be handled by regex_replace", type_name(&other))),
        };
        let mut out = String::new();
        match self.regex.replace_within(&value, &self.with, &mut out, TEXT_BYTES_MAX.max(value.len())) {
            Replaced::Nothing | Replaced::Same => Ok(()),
            Replaced::New => self.field.set(entry, out.into()),
            Replaced::TooLong => Err(format!("the text would have more than {TEXT_BYTES_MAX} bytes")),
        }
    }
}

/// `unquote`
#[derive(Debug)]
pub(crate) struct Unquote {
    pub(crate) field: Field,
}

impl Transform for Unquote {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        match self.field.get(entry) {
            None => Ok(()),
            Some(Value::Str(text)) => {
                let inner = warren_gotext::unquote(&text).ok_or("invalid syntax")?;
                self.field.set(entry, inner.into_owned().into())
            }
            Some(other) => Err(format!("type {} cannot be unquoted", type_name(&other))),
        }
    }
}

/// `assign_keys`
#[derive(Debug)]
pub(crate) struct AssignKeys {
    pub(crate) field: Field,
    pub(crate) keys: Vec<Text>,
}

impl Transform for AssignKeys {
    fn apply(&self, entry: &mut Entry) -> Result<(), String> {
        let field = &self.field;
        match field.get(entry) {
            None => Err(format!("apply assign_keys: field {field} does not exist on entry")),
            Some(Value::List(list)) if list.len() == self.keys.len() => {
                let pairs = self.keys.iter().zip(list.iter());
                let map: Attrs = pairs.map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect();
                field.set(entry, Value::Map(map))
            }
            Some(Value::List(list)) => {
                let (has, wants) = (list.len(), self.keys.len());
                Err(format!("apply assign_keys: field {field} contains {has} values while expected keys contain {wants} keys"))
            }
            Some(_) => Err(format!("apply assign_keys: couldn't convert field {field} to []any")),
        }
    }
}
