//! Texts with expressions in them: `host-EXPR(body._HOSTNAME)`.

use crate::{Entry, language};
use warren_expr::Expression;
use warren_pdata::{Text, Value};

const START: &str = "EXPR(";

/// A text, each part of it literal or an expression.
#[derive(Clone, Debug)]
pub struct Template {
    /// Literal texts, each with the expression behind it.
    parts: Vec<(Text, Expression)>,
    /// The literal text at the end.
    end: Text,
}

impl Template {
    /// Compiles a text. What follows `EXPR(` goes to the last closing parenthesis before the next one.
    ///
    /// # Errors
    /// What is wrong with an expression.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(START) {
            let range = behind.find(START).unwrap_or(behind.len());
            let Some(end) = behind.get(..range).and_then(|range| range.rfind(')')) else { break };
            let (inner, after) = behind.split_at(end);
            parts.push((
                before.into(),
                language::expression(inner).map_err(|error| format!("compile embedded expression: {error}"))?,
            ));
            rest = after.get(1..).unwrap_or_default();
        }
        Ok(Self { parts, end: rest.into() })
    }

    /// The text, if there is no expression in it.
    pub fn literal(&self) -> Option<&Text> {
        self.parts.is_empty().then_some(&self.end)
    }

    /// The text for an entry.
    ///
    /// # Errors
    /// When an expression yields no text.
    pub fn render(&self, entry: &Entry) -> Result<Text, String> {
        if let Some(literal) = self.literal() {
            return Ok(literal.clone());
        }
        let mut out = String::new();
        for (before, expression) in &self.parts {
            out.push_str(before);
            match expression.value(entry).map_err(|error| format!("render embedded expression: {error}"))? {
                Value::Str(text) => out.push_str(&text),
                other => {
                    let name = crate::entry::type_name(&other);
                    return Err(format!("embedded expression returned non-string value of type {name}"));
                }
            }
        }
        out.push_str(&self.end);
        Ok(out.into())
    }
}
