//! Expressions over a document.

use super::super::tree::{Document, Id, Kind, ROOT};
use super::{Axis, Expr, Operator, Selected, Start, Step, Test};
use crate::Failure;
use std::collections::HashSet;

/// Steps that one path may take in one document: nodes looked at, and bytes of text by the sixteen.
const STEPS_MAX: usize = 2_000_000;

pub(super) fn select(expr: &Expr, document: &Document<'_>) -> Result<Vec<Selected>, Failure> {
    let mut run = Run { document, steps: 0 };
    match run.value(expr, Context::at(Selected { node: ROOT, attribute: None }))? {
        Value::Nodes(nodes) => Ok(nodes),
        _ => Ok(Vec::new()),
    }
}

/// What an expression yields.
pub(super) enum Value {
    Nodes(Vec<Selected>),
    Number(f64),
    Text(String),
    Bool(bool),
}

/// What an expression is evaluated for.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) item: Selected,
    pub(super) position: usize,
    pub(super) size: usize,
}

impl Context {
    fn at(item: Selected) -> Self {
        Self { item, position: 1, size: 1 }
    }
}

pub(super) struct Run<'d> {
    pub(super) document: &'d Document<'d>,
    steps: usize,
}

impl<'d> Run<'d> {
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Failure> {
        self.steps += steps;
        if self.steps > STEPS_MAX { Err(Failure::new(format!("the XPath takes more than {STEPS_MAX} steps"))) } else { Ok(()) }
    }

    pub(super) fn value(&mut self, expr: &Expr, context: Context) -> Result<Value, Failure> {
        self.spend(1)?;
        Ok(match expr {
            Expr::Number(value) => Value::Number(*value),
            Expr::Text(text) => Value::Text(text.to_string()),
            Expr::Path { start, steps } => {
                let mut nodes = match start {
                    Start::Root => vec![Selected { node: ROOT, attribute: None }],
                    Start::Context => vec![context.item],
                    Start::Expr(expr) => self.nodes(expr, context)?,
                };
                for step in steps {
                    nodes = self.step(step, &nodes)?;
                }
                Value::Nodes(nodes)
            }
            Expr::Filter { input, predicate } => {
                let nodes = self.nodes(input, context)?;
                Value::Nodes(self.filtered(nodes, predicate)?)
            }
            Expr::Union(left, right) => {
                let mut nodes = self.nodes(left, context)?;
                let mut seen: HashSet<Selected> = nodes.iter().copied().collect();
                nodes.extend(self.nodes(right, context)?.into_iter().filter(|node| seen.insert(*node)));
                Value::Nodes(nodes)
            }
            Expr::Binary(operator, left, right) => self.binary(*operator, left, right, context)?,
            Expr::Negated(expr) => {
                let value = self.value(expr, context)?;
                Value::Number(-self.number(&value)?)
            }
            Expr::Call(function, arguments) => function.call(self, arguments, context)?,
        })
    }

    /// The nodes that an expression yields; none if it yields anything else.
    pub(super) fn nodes(&mut self, expr: &Expr, context: Context) -> Result<Vec<Selected>, Failure> {
        Ok(match self.value(expr, context)? {
            Value::Nodes(nodes) => nodes,
            _ => Vec::new(),
        })
    }

    fn step(&mut self, step: &Step, from: &[Selected]) -> Result<Vec<Selected>, Failure> {
        let mut all = Vec::new();
        for item in from {
            let mut found = Vec::new();
            self.axis(step, *item, &mut found)?;
            for predicate in &step.predicates {
                found = self.filtered(found, predicate)?;
            }
            all.append(&mut found);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn filtered(&mut self, nodes: Vec<Selected>, predicate: &Expr) -> Result<Vec<Selected>, Failure> {
        let size = nodes.len();
        let mut kept = Vec::new();
        for (index, item) in nodes.into_iter().enumerate() {
            let position = index + 1;
            let holds = match self.value(predicate, Context { item, position, size })? {
                Value::Number(number) => number == position as f64,
                value => truth(&value),
            };
            if holds {
                kept.push(item);
            }
        }
        Ok(kept)
    }

    /// Nodes of an axis that pass the test, nearest first.
    fn axis(&mut self, step: &Step, item: Selected, found: &mut Vec<Selected>) -> Result<(), Failure> {
        let document = self.document;
        let node = item.node;
        if step.axis == Axis::Attribute {
            if item.attribute.is_none() && document.node(node).kind == Kind::Element {
                for (index, attribute) in document.node(node).attributes.iter().enumerate() {
                    self.spend(1)?;
                    let fits = match &step.test {
                        Test::Name { prefix, local } => named(prefix, local.as_deref(), &attribute.prefix, &attribute.local),
                        test => matches!(test, Test::Node),
                    };
                    if fits {
                        found.push(Selected { node, attribute: Some(index) });
                    }
                }
            }
            return Ok(());
        }
        // What belongs to an attribute begins at its element.
        let own = item.attribute.is_some();
        if own
            && matches!(step.axis, Axis::SelfNode | Axis::AncestorOrSelf | Axis::DescendantOrSelf)
            && matches!(step.test, Test::Node)
        {
            found.push(item);
        }
        match step.axis {
            Axis::Attribute => {}
            Axis::SelfNode if own => {}
            Axis::SelfNode => self.test(step, node, found)?,
            Axis::Child | Axis::Descendant | Axis::DescendantOrSelf | Axis::FollowingSibling | Axis::PrecedingSibling if own => {}
            Axis::Child => {
                for child in visible(document, node) {
                    self.test(step, child, found)?;
                }
            }
            Axis::Descendant => self.descendants(step, node, found)?,
            Axis::DescendantOrSelf => {
                self.test(step, node, found)?;
                self.descendants(step, node, found)?;
            }
            Axis::Parent if own => self.test(step, node, found)?,
            Axis::Parent if node == ROOT => {}
            Axis::Parent => self.test(step, document.node(node).parent, found)?,
            Axis::Ancestor | Axis::AncestorOrSelf => {
                let mut current = node;
                if own || step.axis == Axis::AncestorOrSelf {
                    self.test(step, current, found)?;
                }
                while current != ROOT {
                    current = document.node(current).parent;
                    self.test(step, current, found)?;
                }
            }
            Axis::FollowingSibling => {
                for sibling in siblings(document, node).skip_while(|sibling| *sibling <= node) {
                    self.test(step, sibling, found)?;
                }
            }
            Axis::PrecedingSibling => {
                for sibling in siblings(document, node).rev().skip_while(|sibling| *sibling >= node) {
                    self.test(step, sibling, found)?;
                }
            }
            // Nodes stand in the order of the document, those within another one right behind it.
            Axis::Following => {
                let mut within = HashSet::from([node]);
                for other in node + 1..document.nodes.len() {
                    self.spend(1)?;
                    if within.contains(&document.node(other).parent) {
                        within.insert(other);
                    } else if is_visible(document, other) {
                        self.test(step, other, found)?;
                    }
                }
            }
            Axis::Preceding => {
                let mut ancestor = node;
                for other in (1..node).rev() {
                    while ancestor > other {
                        ancestor = document.node(ancestor).parent;
                    }
                    self.spend(1)?;
                    if ancestor != other && is_visible(document, other) {
                        self.test(step, other, found)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn descendants(&mut self, step: &Step, node: Id, found: &mut Vec<Selected>) -> Result<(), Failure> {
        let document = self.document;
        for child in visible(document, node) {
            self.test(step, child, found)?;
            self.descendants(step, child, found)?;
        }
        Ok(())
    }

    fn test(&mut self, step: &Step, id: Id, found: &mut Vec<Selected>) -> Result<(), Failure> {
        self.spend(1)?;
        let node = self.document.node(id);
        let fits = match &step.test {
            Test::Node => true,
            Test::Text => matches!(node.kind, Kind::Text | Kind::Data),
            Test::Comment => node.kind == Kind::Comment,
            Test::Instruction(None) => node.kind == Kind::Instruction,
            Test::Instruction(Some(target)) => node.kind == Kind::Instruction && node.data == **target,
            Test::Name { prefix, local } => {
                node.kind == Kind::Element && named(prefix, local.as_deref(), &node.prefix, &node.data)
            }
        };
        if fits {
            found.push(Selected { node: id, attribute: None });
        }
        Ok(())
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr, context: Context) -> Result<Value, Failure> {
        let first = self.value(left, context)?;
        if let Operator::Or | Operator::And = operator {
            let first = truth(&first);
            let decided = first == (operator == Operator::Or);
            return Ok(Value::Bool(if decided { first } else { truth(&self.value(right, context)?) }));
        }
        let second = self.value(right, context)?;
        let calculate: fn(f64, f64) -> f64 = match operator {
            Operator::Add => |a, b| a + b,
            Operator::Subtract => |a, b| a - b,
            Operator::Multiply => |a, b| a * b,
            Operator::Divide => |a, b| a / b,
            Operator::Modulo => |a, b| a % b,
            _ => return self.compare(operator, &first, &second).map(Value::Bool),
        };
        Ok(Value::Number(calculate(self.number(&first)?, self.number(&second)?)))
    }

    /// Comparison by the recommendation (3.4): sets hold if one of their nodes does.
    fn compare(&mut self, operator: Operator, left: &Value, right: &Value) -> Result<bool, Failure> {
        let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
        match (left, right) {
            (Value::Bool(_), _) | (_, Value::Bool(_)) => Ok(ordered(operator, number_of(truth(left)), number_of(truth(right)))),
            (Value::Nodes(nodes), other) | (other, Value::Nodes(nodes)) => {
                let swapped = !matches!(left, Value::Nodes(_));
                for node in nodes {
                    let text = Value::Text(self.text_of(*node)?);
                    let holds =
                        if swapped { self.compare(operator, other, &text)? } else { self.compare(operator, &text, other)? };
                    if holds {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Text(a), Value::Text(b)) if equality => {
                self.spend(a.len().min(b.len()) / 16)?;
                Ok((a == b) == (operator == Operator::Equal))
            }
            _ => Ok(ordered(operator, self.number(left)?, self.number(right)?)),
        }
    }

    pub(super) fn number(&mut self, value: &Value) -> Result<f64, Failure> {
        Ok(match value {
            Value::Number(number) => *number,
            Value::Bool(value) => number_of(*value),
            value => self.text(value)?.trim().parse().unwrap_or(f64::NAN),
        })
    }

    pub(super) fn text(&mut self, value: &Value) -> Result<String, Failure> {
        Ok(match value {
            Value::Text(text) => {
                self.spend(text.len() / 16)?;
                text.clone()
            }
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => {
                let mut out = String::new();
                warren_gotext::float(&mut out, *number, warren_gotext::Float::General);
                out
            }
            Value::Nodes(nodes) => match nodes.first() {
                Some(node) => self.text_of(*node)?,
                None => String::new(),
            },
        })
    }

    /// The text of a node: of an element, of all that is within it.
    pub(super) fn text_of(&mut self, item: Selected) -> Result<String, Failure> {
        let node = self.document.node(item.node);
        let mut out = String::new();
        match (item.attribute, node.kind) {
            (Some(index), _) => out.push_str(node.attributes.get(index).map_or("", |attribute| &attribute.value)),
            (None, Kind::Element | Kind::Document) => self.inner_text(item.node, &mut out)?,
            (None, Kind::Text | Kind::Data | Kind::Comment) => out.push_str(&node.data),
            (None, Kind::Instruction | Kind::Directive) => {}
        }
        self.spend(out.len() / 16)?;
        Ok(out)
    }

    fn inner_text(&mut self, id: Id, out: &mut String) -> Result<(), Failure> {
        let document = self.document;
        for (child, node) in document.children(id) {
            self.spend(1)?;
            match node.kind {
                Kind::Text | Kind::Data => out.push_str(&node.data),
                Kind::Element => self.inner_text(child, out)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether a value counts as true.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => !text.is_empty(),
        Value::Nodes(nodes) => !nodes.is_empty(),
    }
}

fn number_of(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

fn ordered(operator: Operator, a: f64, b: f64) -> bool {
    match operator {
        Operator::Equal => a == b,
        Operator::NotEqual => a != b,
        Operator::Less => a < b,
        Operator::LessOrEqual => a <= b,
        Operator::Greater => a > b,
        Operator::GreaterOrEqual => a >= b,
        _ => false,
    }
}

fn named(prefix: &str, local: Option<&str>, own_prefix: &str, own_local: &str) -> bool {
    match local {
        Some(local) => prefix == own_prefix && local == own_local,
        None => prefix.is_empty() || prefix == own_prefix,
    }
}

/// Whether a node is there for paths: a text of nothing but spaces is only where it stands first.
fn is_visible(document: &Document<'_>, id: Id) -> bool {
    let node = document.node(id);
    node.kind != Kind::Text
        || !node.data.trim().is_empty()
        || document.children(node.parent).next().is_some_and(|(first, _)| first == id)
}

fn visible<'d>(document: &'d Document<'d>, id: Id) -> impl DoubleEndedIterator<Item = Id> {
    document.children(id).map(|(child, _)| child).filter(|&child| is_visible(document, child))
}

fn siblings<'d>(document: &'d Document<'d>, id: Id) -> impl DoubleEndedIterator<Item = Id> {
    visible(document, document.node(id).parent).filter(move |_| id != ROOT)
}
