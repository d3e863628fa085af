//! The functions of paths.

use super::Expr;
use super::eval::{Context, Run, Value, truth};
use crate::Failure;
use warren_regex::{Regex, Template};

#[derive(Debug)]
pub(super) enum Function {
    Boolean,
    Ceiling,
    Concat,
    Contains,
    Count,
    EndsWith,
    False,
    Floor,
    Last,
    LocalName,
    LowerCase,
    Matches(Regex),
    Name,
    NamespaceUri,
    NormalizeSpace,
    Not,
    Number,
    Position,
    Replace(Regex, Template),
    Reverse,
    Round,
    StartsWith,
    String,
    StringJoin,
    StringLength,
    Substring,
    SubstringAfter,
    SubstringBefore,
    Sum,
    Translate,
    True,
}

impl Function {
    /// The function of a name, for these arguments.
    pub(super) fn new(name: &str, arguments: &[Expr]) -> Result<Self, String> {
        let (function, least, most) = match name {
            "boolean" => (Self::Boolean, 1, 1),
            "ceiling" => (Self::Ceiling, 1, 1),
            "concat" => (Self::Concat, 2, usize::MAX),
            "contains" => (Self::Contains, 2, 2),
            "count" => (Self::Count, 1, 1),
            "ends-with" => (Self::EndsWith, 2, 2),
            "false" => (Self::False, 0, 0),
            "floor" => (Self::Floor, 1, 1),
            "last" => (Self::Last, 0, 0),
            "local-name" => (Self::LocalName, 0, 1),
            "lower-case" => (Self::LowerCase, 1, 1),
            "matches" => (Self::Matches(pattern(name, arguments)?), 2, 2),
            "name" => (Self::Name, 0, 1),
            "namespace-uri" => (Self::NamespaceUri, 0, 1),
            "normalize-space" => (Self::NormalizeSpace, 0, 1),
            "not" => (Self::Not, 1, 1),
            "number" => (Self::Number, 0, 1),
            "position" => (Self::Position, 0, 0),
            "replace" => {
                let pattern = pattern(name, arguments)?;
                let Some(Expr::Text(replacement)) = arguments.get(2) else {
                    return Err("replace() needs a replacement in quotes".to_owned());
                };
                let template = Template::new(replacement, &pattern);
                (Self::Replace(pattern, template), 3, 3)
            }
            "reverse" => (Self::Reverse, 1, 1),
            "round" => (Self::Round, 1, 1),
            "starts-with" => (Self::StartsWith, 2, 2),
            "string" => (Self::String, 0, 1),
            "string-join" => (Self::StringJoin, 2, 2),
            "string-length" => (Self::StringLength, 0, 1),
            "substring" => (Self::Substring, 2, 3),
            "substring-after" => (Self::SubstringAfter, 2, 2),
            "substring-before" => (Self::SubstringBefore, 2, 2),
            "sum" => (Self::Sum, 1, 1),
            "translate" => (Self::Translate, 3, 3),
            "true" => (Self::True, 0, 0),
            _ => return Err(format!("not yet support this function {name}()")),
        };
        let count = arguments.len();
        if count < least || count > most {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return Err(format!("xpath: {name} function must have {wanted} parameters, not {count}"));
        }
        Ok(function)
    }

    pub(super) fn call(&self, run: &mut Run<'_>, arguments: &[Expr], context: Context) -> Result<Value, Failure> {
        let mut call = Call { run, arguments, context };
        Ok(match self {
            Self::True => Value::Bool(true),
            Self::False => Value::Bool(false),
            Self::Position => Value::Number(context.position as f64),
            Self::Last => Value::Number(context.size as f64),
            Self::Boolean => Value::Bool(truth(&call.value(0)?)),
            Self::Not => Value::Bool(!truth(&call.value(0)?)),
            Self::Number => Value::Number(call.number(0)?),
            Self::Ceiling => Value::Number(call.number(0)?.ceil()),
            Self::Floor => Value::Number(call.number(0)?.floor()),
            // Halves go up, also below zero.
            Self::Round => Value::Number((call.number(0)? + 0.5).floor()),
            Self::Count => match call.value(0)? {
                Value::Nodes(nodes) => Value::Number(nodes.len() as f64),
                _ => Value::Number(0.0),
            },
            Self::Sum => {
                let mut sum = 0.0;
                match call.value(0)? {
                    Value::Nodes(nodes) => {
                        for node in nodes {
                            let text = Value::Text(call.run.text_of(node)?);
                            let number = call.run.number(&text)?;
                            sum += if number.is_nan() { 0.0 } else { number };
                        }
                    }
                    other => sum = call.run.number(&other)?,
                }
                Value::Number(sum)
            }
            Self::Reverse => match call.value(0)? {
                Value::Nodes(mut nodes) => {
                    nodes.reverse();
                    Value::Nodes(nodes)
                }
                other => other,
            },
            Self::Name | Self::LocalName | Self::NamespaceUri => Value::Text(call.name(self)?),
            Self::String => Value::Text(call.text(0)?),
            Self::Concat => {
                let mut out = String::new();
                for index in 0..arguments.len() {
                    out.push_str(&call.text(index)?);
                }
                Value::Text(out)
            }
            Self::StringJoin => Value::Text(call.joined()?),
            Self::StartsWith => Value::Bool(call.text(0)?.starts_with(&call.text(1)?)),
            Self::EndsWith => Value::Bool(call.text(0)?.ends_with(&call.text(1)?)),
            Self::Contains => Value::Bool(call.text(0)?.contains(&call.text(1)?)),
            Self::Matches(regex) => Value::Bool(regex.is_match(&call.text(0)?)),
            Self::Replace(regex, template) => {
                let mut out = String::new();
                regex.replace_all(&call.text(0)?, template, &mut out);
                Value::Text(out)
            }
            Self::LowerCase => Value::Text(call.text(0)?.to_lowercase()),
            Self::StringLength => Value::Number(call.text(0)?.chars().count() as f64),
            Self::NormalizeSpace => Value::Text(call.text(0)?.split_whitespace().collect::<Vec<_>>().join(" ")),
            Self::Substring => {
                let start = (call.number(1)? + 0.5).floor();
                let end = if arguments.len() > 2 { start + (call.number(2)? + 0.5).floor() } else { f64::INFINITY };
                let text = call.text(0)?;
                let within = |index: usize| (index + 1) as f64 >= start && ((index + 1) as f64) < end;
                Value::Text(text.chars().enumerate().filter(|(index, _)| within(*index)).map(|(_, c)| c).collect())
            }
            Self::SubstringBefore | Self::SubstringAfter => {
                let (text, word) = (call.text(0)?, call.text(1)?);
                let after = matches!(self, Self::SubstringAfter);
                let found = text.split_once(word.as_str()).filter(|_| !word.is_empty());
                Value::Text(found.map_or("", |(before, behind)| if after { behind } else { before }).to_owned())
            }
            Self::Translate => {
                let (text, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
                let mut pairs = std::collections::HashMap::new();
                let mut to = to.chars();
                for c in from.chars() {
                    let replacement = to.next();
                    pairs.entry(c).or_insert(replacement);
                }
                Value::Text(text.chars().filter_map(|c| pairs.get(&c).copied().unwrap_or(Some(c))).collect())
            }
        })
    }
}

fn pattern(name: &str, arguments: &[Expr]) -> Result<Regex, String> {
    let Some(Expr::Text(pattern)) = arguments.get(1) else { return Err(format!("{name}() needs a pattern in quotes")) };
    Regex::new(pattern).map_err(|error| format!("{name}() got error. {error}"))
}

struct Call<'r, 'd, 'e> {
    run: &'r mut Run<'d>,
    arguments: &'e [Expr],
    context: Context,
}

impl Call<'_, '_, '_> {
    /// An argument; the node itself if there is none.
    fn value(&mut self, index: usize) -> Result<Value, Failure> {
        match self.arguments.get(index) {
            Some(expr) => self.run.value(expr, self.context),
            None => Ok(Value::Nodes(vec![self.context.item])),
        }
    }

    fn text(&mut self, index: usize) -> Result<String, Failure> {
        let value = self.value(index)?;
        self.run.text(&value)
    }

    fn number(&mut self, index: usize) -> Result<f64, Failure> {
        let value = self.value(index)?;
        self.run.number(&value)
    }

    fn joined(&mut self) -> Result<String, Failure> {
        let separator = self.text(1)?;
        let Value::Nodes(nodes) = self.value(0)? else { return self.text(0) };
        let mut out = String::new();
        for (index, node) in nodes.into_iter().enumerate() {
            if index > 0 {
                out.push_str(&separator);
            }
            out.push_str(&self.run.text_of(node)?);
        }
        self.run.spend(out.len() / 16)?;
        Ok(out)
    }

    /// The name of the first node of the argument.
    fn name(&mut self, function: &Function) -> Result<String, Failure> {
        let Value::Nodes(nodes) = self.value(0)? else { return Ok(String::new()) };
        let Some(item) = nodes.first() else { return Ok(String::new()) };
        let node = self.run.document.node(item.node);
        let (prefix, local) = match item.attribute {
            Some(index) => match node.attributes.get(index) {
                Some(attribute) => (&attribute.prefix, &attribute.local),
                None => return Ok(String::new()),
            },
            None => (&node.prefix, &node.data),
        };
        Ok(match function {
            Function::LocalName => local.to_string(),
            Function::NamespaceUri => self.run.document.namespace(item.node, prefix).to_owned(),
            _ if prefix.is_empty() => local.to_string(),
            _ => format!("{prefix}:{local}"),
        })
    }
}
