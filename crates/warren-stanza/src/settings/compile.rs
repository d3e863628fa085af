//! Where faults go while an operator is compiled.

use crate::{Field, language};
use warren_expr::Expression;

/// Something that is wrong with an operator.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Which one, by its rank.
    pub(crate) operator: usize,
    /// The block that has the key; empty for the operator itself.
    pub(crate) block: &'static str,
    pub(crate) key: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Fault {
    pub(crate) fn new(operator: usize, key: &'static str, message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { operator, block: "", key, message: message.into(), hint }
    }
}

/// An operator that is being compiled.
pub(crate) struct Compile<'a> {
    pub(crate) operator: usize,
    pub(crate) faults: &'a mut Vec<Fault>,
}

impl Compile<'_> {
    pub(crate) fn fault(&mut self, key: &'static str, message: impl Into<String>) {
        self.fault_of("", key, message, None);
    }

    /// A fault of a key in a block; the block is empty for the operator itself.
    pub(crate) fn fault_of(
        &mut self,
        block: &'static str,
        key: &'static str,
        message: impl Into<String>,
        hint: Option<&'static str>,
    ) {
        self.faults.push(Fault { operator: self.operator, block, key, message: message.into(), hint });
    }

    pub(crate) fn missing<T>(&mut self, block: &'static str, key: &'static str, message: &str) -> Option<T> {
        self.fault_of(block, key, message, None);
        None
    }

    /// A field that is not all attributes nor a whole resource.
    pub(crate) fn field(&mut self, key: &'static str, text: &str) -> Option<Field> {
        self.field_of("", key, text, false)
    }

    /// A field that may be.
    pub(crate) fn rootable(&mut self, key: &'static str, text: &str) -> Option<Field> {
        self.field_of("", key, text, true)
    }

    /// A field that must be given.
    pub(crate) fn required(&mut self, key: &'static str, text: &str, missing: &str) -> Option<Field> {
        if text.is_empty() { self.missing("", key, missing) } else { self.field(key, text) }
    }

    /// A field that must be given, and may be all attributes or the whole resource.
    pub(crate) fn required_rootable(&mut self, key: &'static str, text: &str, missing: &str) -> Option<Field> {
        if text.is_empty() { self.missing("", key, missing) } else { self.rootable(key, text) }
    }

    pub(crate) fn field_of(&mut self, block: &'static str, key: &'static str, text: &str, rootable: bool) -> Option<Field> {
        match Field::parse(text, rootable) {
            Ok(field) => Some(field),
            Err(message) => {
                let hint = "a field begins with body, attributes or resource: body.MESSAGE, attributes[\"a.b\"]";
                self.fault_of(block, key, format!("{text}: {message}"), Some(hint));
                None
            }
        }
    }

    pub(crate) fn condition(&mut self, key: &'static str, text: &str) -> Option<Expression> {
        match language::condition(text) {
            Ok(expression) => Some(expression),
            Err(message) => {
                self.fault(key, message);
                None
            }
        }
    }
}
