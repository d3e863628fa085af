//! Walks a tree: every path, function name and symbol in it.

use super::ast::*;

/// What a walk meets.
pub trait Visitor {
    /// A path.
    fn path(&mut self, path: &Path);
    /// The name of a function that is called.
    fn function(&mut self, name: &Spanned<String>);
    /// A symbol in upper case.
    fn symbol(&mut self, name: &Spanned<String>);
}

impl Statement {
    /// Shows everything in the statement to a visitor.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        self.editor.visit(visitor);
        if let Some(condition) = &self.condition {
            condition.visit(visitor);
        }
    }
}

impl Boolean {
    /// Shows everything in the condition to a visitor.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        match self {
            Self::Or(parts) | Self::And(parts) => parts.iter().for_each(|part| part.visit(visitor)),
            Self::Not(inner) => inner.visit(visitor),
            Self::Compare(comparison) => {
                comparison.left.visit(visitor);
                comparison.right.visit(visitor);
            }
            Self::Literal(_) => {}
            Self::Call(call) => call.visit(visitor),
        }
    }
}

impl Value {
    /// Shows everything in the value to a visitor.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        match self {
            Self::Nil(_) | Self::Bytes(_) | Self::Text(_) | Self::Boolean(_) | Self::Int(_) | Self::Float(_) => {}
            Self::Enum(name) => visitor.symbol(name),
            Self::Path(path) => {
                visitor.path(path);
                path.fields.iter().for_each(|field| visit_keys(&field.keys, visitor));
            }
            Self::Call(call) => call.visit(visitor),
            Self::List(items) => items.node.iter().for_each(|item| item.visit(visitor)),
            Self::Map(entries) => entries.node.iter().for_each(|entry| entry.value.visit(visitor)),
            Self::Arithmetic(node) => {
                node.left.visit(visitor);
                node.right.visit(visitor);
            }
        }
    }
}

impl Call {
    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.function(&self.name);
        for argument in &self.arguments {
            if let ArgumentValue::Value(value) = &argument.value {
                value.visit(visitor);
            }
        }
        visit_keys(&self.keys, visitor);
    }
}

fn visit_keys(keys: &[Key], visitor: &mut dyn Visitor) {
    for key in keys {
        if let Key::Expression(value) = key {
            value.visit(visitor);
        }
    }
}
