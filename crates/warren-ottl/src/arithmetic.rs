//! Arithmetic, as upstream's `pkg/ottl/math.go` at v0.132.0 defines it: whole numbers wrap and divide towards zero, mixed numbers become
//! fractions, times and durations can be added and subtracted.

use crate::value::Val;

/// `left operator right`; the operator is one of `+ - * /`.
///
/// # Errors
/// In upstream's words: division by zero, or kinds that cannot be combined so.
pub fn calculate(left: &Val, operator: char, right: &Val) -> Result<Val, String> {
    match (left, right) {
        (Val::Int(a), Val::Int(b)) => whole(*a, operator, *b),
        (Val::Int(a), Val::Float(b)) => fraction(*a as f64, operator, *b),
        (Val::Float(a), Val::Int(b)) => fraction(*a, operator, *b as f64),
        (Val::Float(a), Val::Float(b)) => fraction(*a, operator, *b),
        (Val::Time(a), Val::Time(b)) if operator == '-' => Ok(Val::Duration(a.since(b))),
        (Val::Time(a), Val::Duration(b)) if operator == '+' => Ok(Val::Time(a.plus(*b))),
        (Val::Time(a), Val::Duration(b)) if operator == '-' => Ok(Val::Time(a.plus(b.wrapping_neg()))),
        (Val::Duration(a), Val::Time(b)) if operator == '+' => Ok(Val::Time(b.plus(*a))),
        (Val::Duration(a), Val::Duration(b)) if operator == '+' => Ok(Val::Duration(a.wrapping_add(*b))),
        (Val::Duration(a), Val::Duration(b)) if operator == '-' => Ok(Val::Duration(a.wrapping_sub(*b))),
        (Val::Time(_) | Val::Duration(_), Val::Time(_) | Val::Duration(_)) => {
            Err("only addition and subtraction supported for time.Time and time.Duration".into())
        }
        (Val::Int(_) | Val::Float(_) | Val::Time(_) | Val::Duration(_), other) | (other, _) => {
            Err(format!("{} must be int64, float64, time.Time or time.Duration", other.type_name()))
        }
    }
}

fn whole(a: i64, operator: char, b: i64) -> Result<Val, String> {
    Ok(Val::Int(match operator {
        '+' => a.wrapping_add(b),
        '-' => a.wrapping_sub(b),
        '*' => a.wrapping_mul(b),
        _ if b == 0 => return Err("attempted to divide by 0".into()),
        _ => a.wrapping_div(b),
    }))
}

fn fraction(a: f64, operator: char, b: f64) -> Result<Val, String> {
    Ok(Val::Float(match operator {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        _ if b == 0.0 => return Err("attempted to divide by 0".into()),
        _ => a / b,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::equal;
    use crate::value::Time;

    /// Facts of upstream's `pkg/ottl/math_test.go` at v0.132.0.
    #[test]
    fn results_are_those_of_upstream() {
        for (left, operator, right, expected) in [
            (Val::Int(7), '/', Val::Int(2), Val::Int(3)),
            (Val::Int(-7), '/', Val::Int(2), Val::Int(-3)),
            (Val::Int(i64::MIN), '/', Val::Int(-1), Val::Int(i64::MIN)),
            (Val::Int(i64::MAX), '+', Val::Int(1), Val::Int(i64::MIN)),
            (Val::Int(1), '+', Val::Float(0.5), Val::Float(1.5)),
            (Val::Time(Time::utc(5)), '-', Val::Time(Time::utc(-2)), Val::Duration(7)),
            (Val::Time(Time::utc(5)), '-', Val::Duration(6), Val::Time(Time::utc(-1))),
            (Val::Duration(1), '+', Val::Time(Time::utc(999_999_999)), Val::Time(Time::utc(1_000_000_000))),
            (Val::Duration(1), '-', Val::Duration(3), Val::Duration(-2)),
        ] {
            let result = calculate(&left, operator, &right).unwrap();
            assert!(equal(&result, &expected), "{left:?} {operator} {right:?} = {result:?}");
        }
    }

    #[test]
    fn what_cannot_be_combined_is_refused_in_upstreams_words() {
        for (left, operator, right, expected) in [
            (Val::Int(1), '/', Val::Int(0), "attempted to divide by 0"),
            (Val::Float(1.0), '/', Val::Int(0), "attempted to divide by 0"),
            (Val::Time(Time::utc(0)), '*', Val::Duration(1), "only addition and subtraction"),
            (Val::Duration(1), '-', Val::Time(Time::utc(0)), "only addition and subtraction"),
            (Val::from("a"), '+', Val::Int(1), "string must be int64, float64, time.Time or time.Duration"),
            (Val::Int(1), '+', Val::Nil, "nil must be int64"),
        ] {
            let error = calculate(&left, operator, &right).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
