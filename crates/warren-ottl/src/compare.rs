//! Comparison of values, as upstream's `pkg/ottl/compare.go` at v0.132.0 defines it.
//!
//! Values of different kinds are unequal, and then only `!=` holds; integers and fractions compare as fractions; maps and lists know only
//! `==` and `!=`.

use crate::syntax::Comparator;
use crate::value::{Opaque, Val};
use std::cmp::Ordering;
use warren_pdata::{Attrs, Text, Value};

/// Whether `left comparator right` holds.
pub fn compare(left: &Val, comparator: Comparator, right: &Val) -> bool {
    match (left, right) {
        (Val::Bool(a), Val::Bool(b)) => ordered(comparator, a.cmp(b)),
        (Val::Int(a), Val::Int(b)) => ordered(comparator, a.cmp(b)),
        (Val::Int(a), Val::Float(b)) => floats(*a as f64, comparator, *b),
        (Val::Float(a), Val::Int(b)) => floats(*a, comparator, *b as f64),
        (Val::Float(a), Val::Float(b)) => floats(*a, comparator, *b),
        (Val::Str(a), Val::Str(b)) => ordered(comparator, a.as_bytes().cmp(b.as_bytes())),
        (Val::Bytes(a), Val::Bytes(b)) if !a.is_empty() && !b.is_empty() => ordered(comparator, a.cmp(b)),
        (Val::Time(a), Val::Time(b)) => ordered(comparator, (a.seconds, a.nanos).cmp(&(b.seconds, b.nanos))),
        (Val::Duration(a), Val::Duration(b)) => ordered(comparator, a.cmp(b)),
        (left, right) if is_nothing(left) && is_nothing(right) => {
            matches!(comparator, Comparator::Equal | Comparator::LessOrEqual | Comparator::GreaterOrEqual)
        }
        _ => equality(comparator, same(left, right)),
    }
}

/// Whether a value is nothing to comparisons: upstream reads bytes without content as a slice that is nil.
fn is_nothing(value: &Val) -> bool {
    match value {
        Val::Nil => true,
        Val::Bytes(bytes) => bytes.is_empty(),
        _ => false,
    }
}

/// Whether `left comparator right` holds for two texts.
pub(crate) fn compare_texts(left: &Text, comparator: Comparator, right: &Text) -> bool {
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        other => ordered(other, left.as_bytes().cmp(right.as_bytes())),
    }
}

/// Whether two values are equal.
pub fn equal(left: &Val, right: &Val) -> bool {
    compare(left, Comparator::Equal, right)
}

fn same(left: &Val, right: &Val) -> bool {
    match (left, right) {
        (Val::Map(a), Val::Map(b)) => maps_equal(a, b),
        (Val::List(a), Val::List(b)) => lists_equal(a, b),
        (Val::Typed(kind, a), Val::Typed(other, b)) => kind == other && lists_equal(a, b),
        (Val::TraceId(a), Val::TraceId(b)) => a == b,
        (Val::SpanId(a), Val::SpanId(b)) => a == b,
        (Val::Opaque(Opaque::Status(a)), Val::Opaque(Opaque::Status(b))) => a == b,
        (Val::Opaque(a), Val::Opaque(b)) => a == b,
        _ => false,
    }
}

fn ordered(comparator: Comparator, ordering: Ordering) -> bool {
    match comparator {
        Comparator::Equal => ordering.is_eq(),
        Comparator::NotEqual => ordering.is_ne(),
        Comparator::Less => ordering.is_lt(),
        Comparator::LessOrEqual => ordering.is_le(),
        Comparator::Greater => ordering.is_gt(),
        Comparator::GreaterOrEqual => ordering.is_ge(),
    }
}

fn floats(a: f64, comparator: Comparator, b: f64) -> bool {
    match comparator {
        Comparator::Equal => a == b,
        Comparator::NotEqual => a != b,
        Comparator::Less => a < b,
        Comparator::LessOrEqual => a <= b,
        Comparator::Greater => a > b,
        Comparator::GreaterOrEqual => a >= b,
    }
}

fn equality(comparator: Comparator, same: bool) -> bool {
    match comparator {
        Comparator::Equal => same,
        Comparator::NotEqual => !same,
        _ => false,
    }
}

/// Deep equality of stored values; whole and fractional numbers differ, `NaN` differs from itself, the order of maps does not count.
fn values_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b,
        (Value::Map(a), Value::Map(b)) => maps_equal(a, b),
        (Value::List(a), Value::List(b)) => lists_equal(a, b),
        _ => a == b,
    }
}

fn maps_equal(a: &Attrs, b: &Attrs) -> bool {
    a.len() == b.len() && a.iter().all(|entry| b.get(&entry.key).is_some_and(|other| values_equal(&entry.value, other)))
}

fn lists_equal(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| values_equal(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ItemType;
    use Comparator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};

    const ALL: [Comparator; 6] = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];

    fn holding(left: &Val, right: &Val) -> Vec<Comparator> {
        ALL.into_iter().filter(|comparator| compare(left, *comparator, right)).collect()
    }

    /// Facts of upstream's `pkg/ottl/compare_test.go` at v0.132.0.
    #[test]
    fn comparisons_hold_as_upstream_has_them() {
        let list = |items: &[i64]| triomphe::Arc::new(items.iter().map(|item| Value::Int(*item)).collect::<Vec<_>>());
        let map = |entries: &[(&str, i64)]| {
            Val::Map(entries.iter().map(|(key, value)| warren_pdata::KeyValue::new(*key, *value)).collect())
        };
        let bytes = |bytes: &[u8]| Val::Bytes(triomphe::Arc::new(bytes.to_vec()));
        let equal = vec![Equal, LessOrEqual, GreaterOrEqual];
        let less = vec![NotEqual, Less, LessOrEqual];
        let unequal = vec![NotEqual];
        for (left, right, expected) in [
            (Val::Nil, Val::Nil, equal.clone()),
            (Val::Nil, Val::Int(0), unequal.clone()),
            (Val::Nil, bytes(&[]), equal.clone()),
            (bytes(&[]), bytes(&[]), equal.clone()),
            (bytes(&[]), bytes(&[1]), unequal.clone()),
            (bytes(&[1]), Val::Nil, unequal.clone()),
            (Val::Int(1), Val::Float(1.0), equal.clone()),
            (Val::Int(1), Val::Float(1.5), less.clone()),
            (Val::Float(f64::NAN), Val::Float(f64::NAN), unequal.clone()),
            (Val::Bool(false), Val::Bool(true), less.clone()),
            (Val::from("a"), Val::from("b"), less.clone()),
            (Val::from("1"), Val::Int(1), unequal.clone()),
            (Val::Bytes(triomphe::Arc::new(vec![1])), Val::Bytes(triomphe::Arc::new(vec![1, 0])), less.clone()),
            (map(&[("a", 1), ("b", 2)]), map(&[("b", 2), ("a", 1)]), vec![Equal]),
            (map(&[("a", 1)]), map(&[("a", 2)]), unequal.clone()),
            (Val::List(list(&[1, 2])), Val::List(list(&[1, 2])), vec![Equal]),
            (Val::Typed(ItemType::Int, list(&[1])), Val::List(list(&[1])), unequal.clone()),
            (Val::Typed(ItemType::Int, list(&[1])), Val::Typed(ItemType::Int, list(&[1])), vec![Equal]),
            (Val::TraceId(warren_pdata::TraceId([1; 16])), Val::Bytes(triomphe::Arc::new(vec![1; 16])), unequal.clone()),
            (Val::Duration(5), Val::Duration(6), less),
        ] {
            assert_eq!(holding(&left, &right), expected, "{left:?} {right:?}");
        }
    }
}
