//! From trees to programs: contexts are inferred, paths and functions found, arguments bound; whatever is wrong is collected.

mod args;
mod fault;
mod infer;
mod kinds;
mod library;
mod lint;
mod oddities;
mod paths;
mod symbols;
#[cfg(test)]
mod tests;

pub use fault::{Fault, Source};
pub use oddities::Oddities;

use crate::editors::Strategy;
use crate::program::{Action, CallExpr, Condition, Conditions, Expr, Group, Remarks, Statement};
use crate::record::Context;
use crate::syntax::{self, parse_condition, parse_statement};
use crate::value::Val;
use args::Bound;
use fault::Problem;
use infer::NotInferred;
use library::Found;
use paths::Prefix;
use std::collections::HashMap;
use warren_pdata::{Attrs, Signal, Text};

/// Compiles the statements of one group and the conditions for which records it is for.
///
/// Without a context, every path must begin with the name of one, and the context is inferred from all of them together. With one, paths without
/// prefix belong to it.
///
/// # Errors
/// Everything that is wrong.
pub fn compile<T: AsRef<str>>(
    signal: Signal,
    context: Option<Context>,
    conditions: &[T],
    statements: &[T],
) -> Result<Group, Vec<Fault>> {
    compile_as(Oddities::Mended, signal, context, conditions, statements)
}

/// As [`compile`], with what upstream does oddly mended or as it is there.
///
/// # Errors
/// Everything that is wrong.
pub fn compile_as<T: AsRef<str>>(
    oddities: Oddities,
    signal: Signal,
    context: Option<Context>,
    conditions: &[T],
    statements: &[T],
) -> Result<Group, Vec<Fault>> {
    let mut faults = Vec::new();
    let statements = parse_all(statements, Source::Statement, &mut faults, |text| {
        parse_statement(text).map_err(|error| Problem::syntax("statement", error, text))
    });
    let conditions = parse_all(conditions, Source::Condition, &mut faults, |text| {
        parse_condition(text).map_err(|error| Problem::syntax("condition", error, text))
    });
    let prefix = if context.is_some() { Prefix::Added } else { Prefix::Required };
    let mut unknown = None;
    let context = match context {
        Some(context) => context,
        None => match infer::infer(signal, &statements, &conditions) {
            Ok(context) => context,
            Err(NotInferred { fault, nearest: Some(nearest) }) => {
                unknown = Some(fault);
                nearest
            }
            // What cannot be read may be what names the context.
            Err(NotInferred { fault, nearest: None }) => {
                return Err(if faults.is_empty() { vec![fault] } else { faults });
            }
        },
    };
    let compiler = Compiler { context, prefix, oddities };
    let modified = compiler.modified(&statements, &conditions);
    let doubts = compiler.doubts(&statements, &conditions);
    let conditions = compile_all(conditions, &mut faults, |condition| compiler.condition(condition));
    let statements = compile_all(statements, &mut faults, |statement| compiler.statement(statement));
    if faults.is_empty() {
        faults.extend(unknown);
    }
    if faults.is_empty() { Ok(Group::new(context, conditions, statements, Remarks { modified, doubts })) } else { Err(faults) }
}

/// Compiles conditions of which one must hold. The context's name before a path may be left out.
///
/// # Errors
/// Everything that is wrong.
pub fn compile_conditions<T: AsRef<str>>(context: Context, conditions: &[T]) -> Result<Conditions, Vec<Fault>> {
    compile_conditions_as(Oddities::Mended, context, conditions)
}

/// As [`compile_conditions`], with what upstream does oddly mended or as it is there.
///
/// # Errors
/// Everything that is wrong.
pub fn compile_conditions_as<T: AsRef<str>>(
    oddities: Oddities,
    context: Context,
    conditions: &[T],
) -> Result<Conditions, Vec<Fault>> {
    let mut faults = Vec::new();
    let conditions = parse_all(conditions, Source::Condition, &mut faults, |text| {
        parse_condition(text).map_err(|error| Problem::syntax("condition", error, text))
    });
    let compiler = Compiler { context, prefix: Prefix::Optional, oddities };
    let doubts = compiler.doubts(&[], &conditions);
    let conditions = compile_all(conditions, &mut faults, |condition| compiler.condition(condition));
    if faults.is_empty() { Ok(Conditions::new(context, conditions, doubts)) } else { Err(faults) }
}

/// A text that was read, with its place.
struct Parsed<T> {
    source: Source,
    text: String,
    tree: T,
}

fn parse_all<S: AsRef<str>, T>(
    texts: &[S],
    source: impl Fn(usize) -> Source,
    faults: &mut Vec<Fault>,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Vec<Parsed<T>> {
    let mut parsed = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let text = text.as_ref();
        match parse(text) {
            Ok(tree) => parsed.push(Parsed { source: source(index), text: text.to_owned(), tree }),
            Err(problem) => faults.push(problem.at(source(index), text)),
        }
    }
    parsed
}

fn compile_all<T, C>(
    parsed: Vec<Parsed<T>>,
    faults: &mut Vec<Fault>,
    compile: impl Fn(&T) -> Result<C, Problem>,
) -> Vec<(String, C)> {
    let mut compiled = Vec::new();
    for Parsed { source, text, tree } in parsed {
        match compile(&tree) {
            Ok(tree) => compiled.push((text, tree)),
            Err(problem) => faults.push(problem.at(source, &text)),
        }
    }
    compiled
}

/// Compiles for one context.
struct Compiler {
    context: Context,
    prefix: Prefix,
    oddities: Oddities,
}

impl Compiler {
    /// What is probably not meant, in statements and conditions that compile.
    fn doubts(&self, statements: &[Parsed<syntax::Statement>], conditions: &[Parsed<syntax::Boolean>]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for Parsed { source, text, tree } in statements.iter().filter(|parsed| self.statement(&parsed.tree).is_ok()) {
            faults.extend(self.doubts_of_statement(tree).into_iter().map(|doubt| doubt.at(*source, text).into_warning()));
        }
        for Parsed { source, text, tree } in conditions.iter().filter(|parsed| self.condition(&parsed.tree).is_ok()) {
            let mut doubts = Vec::new();
            self.doubts_of_condition(tree, &mut doubts);
            faults.extend(doubts.into_iter().map(|doubt| doubt.at(*source, text).into_warning()));
        }
        faults
    }

    fn statement(&self, statement: &syntax::Statement) -> Result<Statement, Problem> {
        let action = self.editor(&statement.editor)?;
        let condition = match &statement.condition {
            Some(condition) => self.condition(condition)?,
            None => Condition::Const(true),
        };
        Ok(Statement { condition, action })
    }

    fn editor(&self, call: &syntax::Call) -> Result<Action, Problem> {
        let name = &call.name.node;
        let Some(editor) = library::editor(self.context, name) else {
            return Err(self.undefined(&call.name));
        };
        let within = |problem: Problem| problem.within(format_args!("error while parsing arguments for call to {name:?}"));
        let bound = self.bind(call, editor.params).map_err(within)?;
        let couldnt = |error| Problem::new(call.span, error).within("couldn't create function");
        let edit = (editor.bind)(&bound.literals()).map_err(couldnt)?;
        let strategy = bound.literals().text(2).map(Strategy::of);
        let Bound { mut arguments, target, .. } = bound;
        let changes = self.changes(editor);
        match (editor.name, target, arguments.values.get_mut(1).and_then(Option::take)) {
            ("set", Some(target), Some((_, value))) => Ok(Action::set(target, value)),
            ("merge_maps", Some(target), Some((kind, source))) => {
                let merged = match strategy {
                    Some(Ok(strategy)) => Action::merge(&target, source, strategy),
                    _ => Err(source),
                };
                match merged {
                    Ok(action) => Ok(action),
                    Err(source) => {
                        if let Some(place) = arguments.values.get_mut(1) {
                            *place = Some((kind, source));
                        }
                        Ok(Action::edit(edit, Some(target), arguments, changes))
                    }
                }
            }
            (_, target, taken) => {
                if let (Some(place), taken @ Some(_)) = (arguments.values.get_mut(1), taken) {
                    *place = taken;
                }
                Ok(Action::edit(edit, target, arguments, changes))
            }
        }
    }

    fn undefined(&self, name: &syntax::Spanned<String>) -> Problem {
        let problem = Problem::new(name.span, format!("undefined function {:?}", name.node));
        problem.help(library::suggestion(self.context, &name.node))
    }

    fn condition(&self, condition: &syntax::Boolean) -> Result<Condition, Problem> {
        let all = |parts: &[syntax::Boolean]| parts.iter().map(|part| self.condition(part)).collect::<Result<_, _>>();
        Ok(match condition {
            syntax::Boolean::Or(parts) => Condition::Or(all(parts)?),
            syntax::Boolean::And(parts) => Condition::And(all(parts)?),
            syntax::Boolean::Not(inner) => Condition::Not(Box::new(self.condition(inner)?)),
            syntax::Boolean::Literal(value) => Condition::Const(value.node),
            syntax::Boolean::Call(call) => Condition::Value(self.converter(call)?),
            syntax::Boolean::Compare(comparison) => {
                let left = self.value(&comparison.left)?;
                let right = self.value(&comparison.right)?;
                Condition::Compare(Box::new((left, comparison.comparator, right)))
            }
        })
    }

    fn value(&self, value: &syntax::Value) -> Result<Expr, Problem> {
        Ok(match value {
            syntax::Value::Nil(_) => Expr::Const(Val::Nil),
            syntax::Value::Bytes(bytes) => Expr::Const(Val::Bytes(triomphe::Arc::new(bytes.node.clone()))),
            syntax::Value::Text(text) => Expr::Const(Val::from(text.node.as_str())),
            syntax::Value::Boolean(value) => Expr::Const(Val::Bool(value.node)),
            syntax::Value::Int(value) => Expr::Const(Val::Int(value.node)),
            syntax::Value::Float(value) => Expr::Const(Val::Float(value.node)),
            syntax::Value::Enum(name) => match symbols::symbol(self.context, &name.node) {
                Some(value) => Expr::Const(Val::Int(value)),
                None => {
                    let near = warren_config::nearest(&name.node, symbols::symbols(self.context).map(|(known, _)| known));
                    let problem = Problem::new(name.span, format!("enum symbol not found: {}", name.node));
                    return Err(problem.help(near.map(|near| format!("did you mean `{near}`?"))));
                }
            },
            syntax::Value::Path(path) => Expr::Path(self.path(path)?),
            syntax::Value::Call(call) => self.converter(call)?,
            syntax::Value::List(items) => list(items.node.iter().map(|item| self.value(item)).collect::<Result<_, _>>()?),
            syntax::Value::Map(entries) => {
                let entry = |entry: &syntax::MapEntry| Ok((entry.key.node.as_str().into(), self.within_map(&entry.value)?));
                let entries = last_of_each(entries.node.iter().map(entry).collect::<Result<_, Problem>>()?);
                constant_map(&entries).unwrap_or_else(|| Expr::Map(entries.into()))
            }
            syntax::Value::Arithmetic(node) => {
                let left = self.value(&node.left)?;
                let right = self.value(&node.right)?;
                let known = match (&left, &right) {
                    (Expr::Const(left), Expr::Const(right)) => crate::arithmetic::calculate(left, node.operator, right).ok(),
                    _ => None,
                };
                known.map_or_else(|| Expr::Arithmetic(Box::new((left, node.operator, right))), Expr::Const)
            }
        })
    }

    /// A value where a list is taken: what is written out holds plain values only, as upstream has it.
    fn list_argument(&self, value: &syntax::Value) -> Result<Expr, Problem> {
        let syntax::Value::List(items) = value else { return self.value(value) };
        Ok(list(items.node.iter().map(|item| self.within_list(item)).collect::<Result<_, _>>()?))
    }

    /// A value within a list that holds plain values only.
    fn within_list(&self, value: &syntax::Value) -> Result<Expr, Problem> {
        match value {
            syntax::Value::List(_) => self.list_argument(value),
            value if is_sorted(value) => self.value(value),
            value => Ok(self.value(value)?.plain(true)),
        }
    }

    /// A value within a map that is written out.
    fn within_map(&self, value: &syntax::Value) -> Result<Expr, Problem> {
        match value {
            syntax::Value::List(_) => self.list_argument(value),
            value if is_sorted(value) => self.value(value),
            value => Ok(self.value(value)?.plain(false)),
        }
    }

    fn converter(&self, call: &syntax::Call) -> Result<Expr, Problem> {
        let name = &call.name.node;
        let within = |problem: Problem| problem.within(format_args!("error while parsing arguments for call to {name:?}"));
        let couldnt = |error| Problem::new(call.span, error).within("couldn't create function");
        match self.converter_named(name) {
            None => Err(self.undefined(&call.name)),
            Some(Found::OfRecord(converter)) => {
                let bound = self.bind(call, converter.params).map_err(within)?;
                Ok(Expr::RecordCall((converter.bind)(&bound.literals()).map_err(couldnt)?))
            }
            Some(Found::Converter(converter)) => {
                let bound = self.bind(call, converter.params).map_err(within)?;
                let function = (converter.bind)(&bound.literals()).map_err(couldnt)?;
                let pure = is_pure(converter.name, &bound);
                let call = CallExpr::new(function, pure, bound.arguments, self.keys(&call.keys)?);
                Ok(call.folded())
            }
        }
    }
}

/// Whether a value is what `Sort` yields: a plain list, other than those of upstream's other functions.
fn is_sorted(value: &syntax::Value) -> bool {
    matches!(value, syntax::Value::Call(call) if call.name.node == "Sort")
}

/// Whether equal arguments give equal results.
fn is_pure(name: &str, bound: &Bound) -> bool {
    match name {
        "Now" | "UUID" | "UUIDv7" => false,
        // A time without a year is one of the present year.
        "Time" => {
            let format = bound.literals().text(1).unwrap_or_default();
            ["%Y", "%y", "%c", "%D", "%F", "%x"].iter().any(|year| format.contains(year))
        }
        _ => true,
    }
}

/// A list of these items; a constant, if all are.
fn list(items: Vec<Expr>) -> Expr {
    let constant = |item: &Expr| if let Expr::Const(value) = item { Some(value.clone().stored()) } else { None };
    match items.iter().map(constant).collect::<Option<Vec<warren_pdata::Value>>>() {
        Some(items) => Expr::Const(Val::List(triomphe::Arc::new(items))),
        None => Expr::List(items.into()),
    }
}

/// Of several entries of one key the last one, at the place of the first; the others are never evaluated.
fn last_of_each(entries: Vec<(Text, Expr)>) -> Vec<(Text, Expr)> {
    let mut places = HashMap::with_capacity(entries.len());
    let mut kept: Vec<(Text, Expr)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let place = *places.entry(key.clone()).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(before) => before.1 = value,
            None => kept.push((key, value)),
        }
    }
    kept
}

fn constant_map(entries: &[(Text, Expr)]) -> Option<Expr> {
    let mut map = Attrs::EMPTY;
    for (key, value) in entries {
        let Expr::Const(value) = value else { return None };
        map.upsert(key.clone(), value.clone().stored());
    }
    Some(Expr::Const(Val::Map(map)))
}
