//! Arguments: which belongs to which parameter, and whether it is what the parameter takes.

use super::Compiler;
use super::fault::Problem;
use super::library::{self, Found};
use crate::function::{Converter, Function, Kind, Literal, Literals, Param};
use crate::program::{Arguments, PathExpr};
use crate::syntax::{self, Argument, ArgumentValue, Spanned, Value};

/// The arguments of a call, bound to parameters.
pub(super) struct Bound {
    literals: Vec<Option<Literal>>,
    pub target: Option<PathExpr>,
    pub arguments: Arguments,
}

impl Bound {
    pub(super) fn literals(&self) -> Literals<'_> {
        Literals(&self.literals)
    }
}

impl Compiler {
    /// Binds the arguments of a call.
    pub(super) fn bind(&self, call: &syntax::Call, params: &'static [Param]) -> Result<Bound, Problem> {
        let given = &call.arguments;
        let mut named = given.iter().skip_while(|argument| argument.name.is_none());
        if let Some(argument) = named.find(|argument| argument.name.is_none()) {
            return Err(Problem::new(argument.span, "unnamed argument used after named argument"));
        }
        let required = params.iter().filter(|param| !param.optional).count();
        if given.len() < required || given.len() > params.len() {
            let message = format!("incorrect number of arguments. Expected: {} Received: {}", params.len(), given.len());
            return Err(Problem::new(call.span, message).help(signature(&call.name.node, params)));
        }
        let mut bound = Bound {
            literals: vec![None; params.len()],
            target: None,
            arguments: Arguments { values: params.iter().map(|_| None).collect(), items: Box::default(), item_kind: Kind::Any },
        };
        let mut taken = vec![false; params.len()];
        for (position, argument) in given.iter().enumerate() {
            let at = match &argument.name {
                None => position,
                Some(name) => parameter(name, params)?,
            };
            let Some((param, taken)) = params.get(at).zip(taken.get_mut(at)) else { continue };
            if std::mem::replace(taken, true) {
                return Err(Problem::new(argument.span, format!("the parameter {} is given twice", param.name)));
            }
            let bad = |problem: Problem| problem.within(format_args!("invalid argument at position {position}"));
            self.bind_one(at, param.kind, argument, &mut bound).map_err(bad)?;
        }
        let missing = params.iter().zip(&taken).find(|(param, taken)| !param.optional && !**taken);
        if let Some((param, _)) = missing {
            let problem = Problem::new(call.span, format!("the parameter {} is missing", param.name));
            return Err(problem.help(signature(&call.name.node, params)));
        }
        Ok(bound)
    }

    fn bind_one(&self, at: usize, kind: Kind, argument: &Argument, bound: &mut Bound) -> Result<(), Problem> {
        let value = match (&argument.value, kind) {
            (argument, Kind::Function) => {
                let function = Literal::Function(self.function(argument)?);
                place(&mut bound.literals, at, Some(function));
                return Ok(());
            }
            (ArgumentValue::Value(value), _) => value,
            (ArgumentValue::Function(name), _) => {
                let problem = Problem::new(name.span, format!("a function's name cannot stand here: {}", name.node));
                return Err(problem.help(Some(format!("to call it: `{}(…)`", name.node))));
            }
        };
        match kind {
            Kind::Target | Kind::TargetMap => match value {
                Value::Path(path) => bound.target = Some(self.path(path)?),
                other => return Err(Problem::new(other.span(), "must be a path")),
            },
            Kind::Items | Kind::StrLikeItems => {
                let Value::List(items) = value else {
                    return Err(Problem::new(value.span(), "must be a list of type Getter").help(Some("a list: `[a, b]`".into())));
                };
                let item = |(index, item)| self.value(item).map_err(|problem| in_list(index, problem));
                bound.arguments.items = items.node.iter().enumerate().map(item).collect::<Result<_, _>>()?;
                bound.arguments.item_kind = if kind == Kind::Items { Kind::Any } else { Kind::StrLike };
                place(&mut bound.literals, at, Some(Literal::Expression { list: true }));
            }
            kind => match literal(kind, value)? {
                Some(literal) => place(&mut bound.literals, at, Some(literal)),
                None => {
                    let expr = if kind == Kind::List { self.list_argument(value)? } else { self.value(value)? };
                    place(&mut bound.arguments.values, at, Some((kind, expr)));
                    place(&mut bound.literals, at, Some(Literal::Expression { list: matches!(value, Value::List(_)) }));
                }
            },
        }
        Ok(())
    }

    /// A warning about a converter that is given by name and cannot be called with one text.
    pub(super) fn doubt_of_function(&self, argument: &ArgumentValue) -> Option<Problem> {
        let (ArgumentValue::Function(name) | ArgumentValue::Value(Value::Enum(name))) = argument else { return None };
        match library::converter(self.context, &name.node)? {
            Found::Converter(converter) if !takes_one_text(converter) => {
                let message = format!("this function fails whenever it is called: {}", wrong_count(converter));
                Some(Problem::new(name.span, message).help(signature(converter.name, converter.params)))
            }
            _ => None,
        }
    }

    /// A converter given by name, bound to be called with one text.
    fn function(&self, argument: &ArgumentValue) -> Result<Function, Problem> {
        let name = match argument {
            ArgumentValue::Function(name) | ArgumentValue::Value(Value::Enum(name)) => name,
            ArgumentValue::Value(other) => {
                let problem = Problem::new(other.span(), "invalid function name given");
                return Err(problem.help(Some("the bare name of a converter, such as `SHA256`".into())));
            }
        };
        let Some(Found::Converter(converter)) = library::converter(self.context, &name.node) else {
            let problem = Problem::new(name.span, format!("undefined function {}", name.node));
            return Err(problem.help(library::suggestion(self.context, &name.node)));
        };
        if !takes_one_text(converter) {
            // Upstream finds out when it calls it.
            return Ok(Function::failing(converter.name, wrong_count(converter)));
        }
        let literals = vec![None; converter.params.len()];
        let call = (converter.bind)(&Literals(&literals));
        let call = call.map_err(|error| Problem::new(name.span, format!("couldn't create function: {error}")))?;
        let kinds = converter.params.iter().map(|param| param.kind).collect();
        Ok(Function::new(converter.name, kinds, call))
    }
}

/// Whether a converter can be called with one text and nothing else.
fn takes_one_text(converter: &Converter) -> bool {
    use Kind::{Any, BoolLike, BytesLike, FloatLike, IntLike, Str, StrLike};
    matches!(converter.params, [Param { kind: Any | Str | StrLike | BytesLike | IntLike | FloatLike | BoolLike, .. }])
}

/// What upstream says of a converter that is called with one text and takes something else.
fn wrong_count(converter: &Converter) -> String {
    match converter.params {
        [_] => format!("{} takes no text", converter.name),
        params => format!("incorrect number of arguments. Expected: {} Received: 1", params.len()),
    }
}

fn place<T>(places: &mut [T], at: usize, value: T) {
    if let Some(place) = places.get_mut(at) {
        *place = value;
    }
}

/// The parameter that a named argument is for.
fn parameter(name: &Spanned<String>, params: &[Param]) -> Result<usize, Problem> {
    let wanted = camel(&name.node);
    params.iter().position(|param| camel(param.name) == wanted).ok_or_else(|| {
        let problem = Problem::new(name.span, format!("no such parameter: {}", name.node));
        let near = warren_config::nearest(&name.node, params.iter().map(|param| param.name));
        problem.help(near.map(|near| format!("did you mean `{near}`?")))
    })
}

/// A name as upstream's field is called: `pair_delimiter` → `PairDelimiter`.
fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// The literal that a parameter asks for; `None` for parameters that take any expression.
fn literal(kind: Kind, value: &Value) -> Result<Option<Literal>, Problem> {
    let must = |what: &str| Problem::new(value.span(), format!("must be {what}"));
    Ok(Some(match (kind, value) {
        (Kind::LitStr, Value::Text(text)) => Literal::Str(text.node.as_str().into()),
        (Kind::LitStr, _) => return Err(must("a string").help(Some("text in double quotes".into()))),
        (Kind::LitInt, Value::Int(int)) => Literal::Int(int.node),
        (Kind::LitInt, _) => return Err(must("an int")),
        (Kind::LitFloat, Value::Float(float)) => Literal::Float(float.node),
        (Kind::LitFloat, Value::Int(int)) => return Err(must("a float").help(Some(format!("write `{}.0`", int.node)))),
        (Kind::LitFloat, _) => return Err(must("a float")),
        (Kind::LitBool, Value::Boolean(boolean)) => Literal::Bool(boolean.node),
        (Kind::LitBool, _) => return Err(must("a bool")),
        (Kind::LitBytes, Value::Bytes(bytes)) => Literal::Bytes(bytes.node.clone()),
        (Kind::LitBytes, _) => {
            let problem = Problem::new(value.span(), "slice parameter must be a byte slice literal");
            return Err(problem.help(Some("bytes are written `0x0102`".into())));
        }
        (Kind::LitStrs, Value::List(items)) => Literal::Strs(texts(&items.node)?),
        (Kind::LitStrs, _) => return Err(must("a list of type string")),
        (Kind::LitFloats, Value::List(items)) => Literal::Floats(floats(&items.node)?),
        (Kind::LitFloats, _) => return Err(must("a list of type float64")),
        _ => return Ok(None),
    }))
}

fn texts(items: &[Value]) -> Result<Vec<warren_pdata::Text>, Problem> {
    let one = |(index, item): (usize, &Value)| match item {
        Value::Text(text) => Ok(text.node.as_str().into()),
        other => Err(in_list(index, Problem::new(other.span(), "must be a string"))),
    };
    items.iter().enumerate().map(one).collect()
}

fn floats(items: &[Value]) -> Result<Vec<f64>, Problem> {
    let one = |(index, item): (usize, &Value)| match item {
        Value::Float(float) => Ok(float.node),
        Value::Int(int) => {
            let problem = Problem::new(int.span, "must be a float").help(Some(format!("write `{}.0`", int.node)));
            Err(in_list(index, problem))
        }
        other => Err(in_list(index, Problem::new(other.span(), "must be a float"))),
    };
    items.iter().enumerate().map(one).collect()
}

fn in_list(index: usize, problem: Problem) -> Problem {
    problem.within(format_args!("error while parsing list argument at index {index}"))
}

/// How the function is called.
fn signature(name: &str, params: &[Param]) -> Option<String> {
    let params: Vec<String> =
        params.iter().map(|param| format!("{}{}", param.name, if param.optional { "?" } else { "" })).collect();
    Some(format!("{name}({})", params.join(", ")))
}
