//! Evaluation.

use crate::node::{Node, Operation, Order, TextTest};
use crate::{Subject, Val};
use std::borrow::Cow;
use warren_pdata::Value;

/// Bytes that texts put together may have.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// Why evaluation ends early.
pub(crate) enum Stop {
    /// A chain of members has nothing to go on from.
    Nothing,
    /// What is wrong.
    Failure(String),
}

impl Stop {
    pub(crate) fn message(self) -> String {
        match self {
            Self::Nothing => "nothing to take a member from".to_owned(),
            Self::Failure(message) => message,
        }
    }
}

fn failure<T>(message: String) -> Result<T, Stop> {
    Err(Stop::Failure(message))
}

impl Node {
    pub(crate) fn value<'a>(&'a self, subject: &'a dyn Subject) -> Result<Val<'a>, Stop> {
        Ok(match self {
            Self::Const(value) => Val::from(value),
            Self::Name(number) => subject.value(*number),
            Self::Call(number, args) => {
                let args = args.iter().map(|arg| arg.value(subject)).collect::<Result<Vec<_>, _>>()?;
                subject.call(*number, &args).map_err(Stop::Failure)?
            }
            Self::Builtin(builtin, args) => {
                let args = args.iter().map(|arg| arg.value(subject)).collect::<Result<Vec<_>, _>>()?;
                (builtin.run)(args).map_err(Stop::Failure)?
            }
            Self::Member { of, key, optional } => {
                let of = of.value(subject)?;
                if *optional && matches!(of, Val::Nil) {
                    return Err(Stop::Nothing);
                }
                member(of, &key.value(subject)?).map_err(Stop::Failure)?
            }
            Self::Chain(inner) => match inner.value(subject) {
                Err(Stop::Nothing) => Val::Nil,
                other => other?,
            },
            Self::List(all) => {
                let all = all.iter().map(|one| Ok(one.value(subject)?.into_value()));
                Val::List(Cow::Owned(all.collect::<Result<Vec<_>, Stop>>()?))
            }
            Self::Negative(inner) => match inner.value(subject)? {
                Val::Int(value) => Val::Int(value.wrapping_neg()),
                Val::Float(value) => Val::Float(-value),
                other => return failure(format!("invalid operation: - {}", other.kind().what())),
            },
            Self::Arithmetic(operation, both) => {
                let [left, right] = &**both;
                arithmetic(*operation, left.value(subject)?, right.value(subject)?).map_err(Stop::Failure)?
            }
            Self::Coalesce(both) => {
                let [left, right] = &**both;
                match left.value(subject)? {
                    Val::Nil => right.value(subject)?,
                    value => value,
                }
            }
            Self::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                if condition.holds(subject)? { yes.value(subject)? } else { no.value(subject)? }
            }
            _ => Val::Bool(self.holds(subject)?),
        })
    }

    fn holds(&self, subject: &dyn Subject) -> Result<bool, Stop> {
        Ok(match self {
            Self::Not(inner) => !inner.holds(subject)?,
            Self::And(all) => {
                for one in all {
                    if !one.holds(subject)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Or(all) => {
                for one in all {
                    if one.holds(subject)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Equal(both) => {
                let [left, right] = &**both;
                left.value(subject)?.equals(&right.value(subject)?)
            }
            Self::Ordered(first, others) => {
                let mut left = first.value(subject)?;
                for (order, right) in others {
                    let right = right.value(subject)?;
                    if !ordered(*order, &left, &right).map_err(Stop::Failure)? {
                        return Ok(false);
                    }
                    left = right;
                }
                true
            }
            Self::In(both) => {
                let [one, all] = &**both;
                is_in(&one.value(subject)?, &all.value(subject)?).map_err(Stop::Failure)?
            }
            Self::Matches(text, pattern) => match text.value(subject)? {
                Val::Nil => false,
                Val::Str(text) => pattern.is_match(&text),
                other => return failure(format!("invalid operation: matches ({} is no text)", other.kind().what())),
            },
            Self::Text(test, both) => {
                let [left, right] = &**both;
                text_test(*test, &left.value(subject)?, &right.value(subject)?).map_err(Stop::Failure)?
            }
            other => match other.value(subject)? {
                Val::Bool(value) => value,
                other => return failure(format!("{} is used as a condition", other.kind().what())),
            },
        })
    }
}

/// The member of a map or list.
pub(crate) fn member<'a>(of: Val<'a>, key: &Val<'_>) -> Result<Val<'a>, String> {
    let shown = || match key {
        Val::Str(text) => text.to_string(),
        Val::Int(number) => number.to_string(),
        other => other.kind().what().to_owned(),
    };
    match (of, key) {
        (Val::Map(Cow::Borrowed(map)), Val::Str(key)) => Ok(map.get(key).map_or(Val::Nil, Val::from)),
        (Val::Map(Cow::Owned(map)), Val::Str(key)) => Ok(map.get(key).cloned().map_or(Val::Nil, Val::owned)),
        (Val::List(list), Val::Int(index)) => {
            let length = list.len();
            let place = if *index < 0 { index.checked_add(length as i64) } else { Some(*index) };
            let place = place.and_then(|place| usize::try_from(place).ok()).filter(|place| *place < length);
            let outside = || format!("index out of range: {index} (array length is {length})");
            let place = place.ok_or_else(outside)?;
            match list {
                Cow::Borrowed(list) => Ok(list.get(place).map_or(Val::Nil, Val::from)),
                Cow::Owned(list) => Ok(list.get(place).cloned().map_or(Val::Nil, Val::owned)),
            }
        }
        (Val::Nil, _) => Err(format!("cannot fetch {} from <nil>", shown())),
        (of, _) => Err(format!("cannot fetch {} from {}", shown(), of.kind().what())),
    }
}

fn mismatch(operator: &str, left: &Val<'_>, right: &Val<'_>) -> String {
    format!("invalid operation: {} {operator} {}", left.kind().what(), right.kind().what())
}

pub(crate) fn ordered(order: Order, left: &Val<'_>, right: &Val<'_>) -> Result<bool, String> {
    match (left, right) {
        (Val::Int(left), Val::Int(right)) => Ok(order.holds(left, right)),
        (Val::Str(left), Val::Str(right)) => Ok(order.holds(left.as_ref(), right.as_ref())),
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => Ok(order.holds(&left, &right)),
            _ => Err(mismatch(order.sign(), left, right)),
        },
    }
}

fn is_in(one: &Val<'_>, all: &Val<'_>) -> Result<bool, String> {
    match (one, all) {
        (_, Val::Nil) => Ok(false),
        (_, Val::List(list)) => Ok(list.iter().any(|value| Val::from(value).equals(one))),
        (Val::Str(key), Val::Map(map)) => Ok(map.contains_key(key)),
        (Val::Nil, Val::Map(_)) => Ok(false),
        (_, other) => Err(format!("operator \"in\" not defined on {}", other.kind().what())),
    }
}

fn text_test(test: TextTest, left: &Val<'_>, right: &Val<'_>) -> Result<bool, String> {
    match (left, right) {
        (Val::Nil, _) | (_, Val::Nil) => Ok(false),
        (Val::Str(left), Val::Str(right)) => Ok(test.holds(left, right)),
        _ => Err(mismatch(test.word(), left, right)),
    }
}

fn arithmetic<'a>(operation: Operation, left: Val<'a>, right: Val<'a>) -> Result<Val<'a>, String> {
    if let (Operation::Add, Val::Str(left), Val::Str(right)) = (operation, &left, &right) {
        if left.len() + right.len() > TEXT_BYTES_MAX {
            return Err(format!("a text would have more than {TEXT_BYTES_MAX} bytes"));
        }
        return Ok(Val::Str(Cow::Owned(format!("{left}{right}"))));
    }
    if let (Val::Int(left), Val::Int(right)) = (&left, &right) {
        let whole = match operation {
            Operation::Add => Some(left.wrapping_add(*right)),
            Operation::Subtract => Some(left.wrapping_sub(*right)),
            Operation::Multiply => Some(left.wrapping_mul(*right)),
            Operation::Remainder if *right == 0 => return Err("integer divide by zero".to_owned()),
            Operation::Remainder => Some(left.wrapping_rem(*right)),
            Operation::Divide | Operation::Power => None,
        };
        if let Some(whole) = whole {
            return Ok(Val::Int(whole));
        }
    }
    let (Some(a), Some(b)) = (left.number(), right.number()) else { return Err(mismatch(operation.sign(), &left, &right)) };
    Ok(Val::Float(match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Power => a.powf(b),
        Operation::Remainder => return Err(mismatch("%", &left, &right)),
    }))
}

/// A value as text, as far as it has one.
pub(crate) fn shown(value: &Val<'_>) -> Option<String> {
    Some(match value {
        Val::Nil => "<nil>".to_owned(),
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Float(value) => float(*value),
        Val::Str(text) => text.to_string(),
        Val::List(_) | Val::Map(_) | Val::Bytes(_) => return None,
    })
}

/// The shortest digits that read back as the number; with an exponent where Go's `%v` has one.
fn float(value: f64) -> String {
    if value == 0.0 || (1e-4..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if value.is_finite() => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        _ => text.replace("inf", "+Inf").replace("-+", "-"),
    }
}

/// A list of texts.
pub(crate) fn texts<'a, 'b>(texts: impl Iterator<Item = &'b str>) -> Val<'a> {
    Val::List(Cow::Owned(texts.map(Value::from).collect()))
}
