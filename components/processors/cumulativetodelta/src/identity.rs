//! Who a series is, in 128 bits.
//!
//! Two points belong to one series if kind of metric, kind of value, resource, scope, name, unit, attributes and start time are equal;
//! attributes in any order. Hashes are seeded at random, so that nobody can make two series one.
//!
//! Points in a row mostly differ in one attribute. What the point before had at the same rank, in the same storage, is not hashed again.

use warren_pdata::{Attrs, KeyValue, ResourceGroup, Scope, Text, Value};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// What all points of a metric have in common, as part of their identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Base(u128);

/// The kind of what a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A sum of points without a value, which count as zero.
    Nothing,
    /// A sum of integers.
    Int,
    /// A sum of doubles.
    Double,
    /// A histogram.
    Histogram,
}

/// Ranks of attributes whose hashes are remembered from point to point.
const REMEMBERED_MAX: usize = 64;

/// Makes identities.
pub(crate) struct Identity {
    seed: u64,
    /// Bytes to be hashed; kept for its memory.
    scratch: Vec<u8>,
    /// The attributes of the point before and their hashes, by rank.
    before: Vec<(KeyValue, u128)>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness identities are guessable, which only a sender who floods on purpose can use.
        let _ = getrandom::fill(&mut seed);
        Self { seed: u64::from_ne_bytes(seed), scratch: Vec::new(), before: Vec::new() }
    }

    /// The part of a resource.
    pub(crate) fn resource<T>(&mut self, group: &ResourceGroup<T>) -> u128 {
        self.set(&group.resource.attrs)
    }

    /// The part of a metric with these texts, of a resource and a scope.
    pub(crate) fn metric(&mut self, resource: u128, scope: &Scope, name: &str, unit: &str) -> Base {
        self.scratch.extend_from_slice(&resource.to_ne_bytes());
        for text in [scope.name.as_str(), scope.version.as_str(), name, unit] {
            self.text(text);
        }
        Base(self.take(0))
    }

    /// The identity of a series.
    pub(crate) fn series(&mut self, base: Base, kind: Kind, attrs: &Attrs, start: u64) -> u128 {
        let mut bytes = [0; 41];
        let parts = [&base.0.to_ne_bytes()[..], &self.point(attrs).to_ne_bytes(), &start.to_ne_bytes(), &[kind as u8]];
        let mut rest = &mut bytes[..];
        for part in parts {
            let (here, later) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = later;
        }
        xxh3_128_with_seed(&bytes, self.seed)
    }

    /// Lets go of what was remembered from point to point, at the end of a batch.
    pub(crate) fn forget_points(&mut self) {
        self.before.clear();
    }

    /// The attributes of a point: as [`Identity::set`].
    fn point(&mut self, attrs: &Attrs) -> u128 {
        let mut sum = 0u128;
        for (rank, attribute) in attrs.iter().enumerate() {
            let hash = match self.before.get(rank) {
                Some((before, hash)) if same_storage(before, attribute) => *hash,
                _ => self.attribute(attribute),
            };
            sum = sum.wrapping_add(hash);
            match self.before.get_mut(rank) {
                Some((before, _)) if same_storage(before, attribute) => {}
                Some(before) => *before = (attribute.clone(), hash),
                None if rank < REMEMBERED_MAX => self.before.push((attribute.clone(), hash)),
                None => {}
            }
        }
        sum
    }

    /// A set of attributes. Its order does not matter, so each is hashed by itself.
    fn set(&mut self, attrs: &Attrs) -> u128 {
        attrs.iter().fold(0, |sum: u128, attribute| sum.wrapping_add(self.attribute(attribute)))
    }

    fn attribute(&mut self, attribute: &KeyValue) -> u128 {
        let from = self.scratch.len();
        self.text(&attribute.key);
        self.value(&attribute.value);
        self.take(from)
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Empty => self.scratch.push(0),
            Value::Bool(value) => self.scratch.extend_from_slice(&[1, u8::from(*value)]),
            Value::Int(value) => self.fixed(2, value.to_ne_bytes()),
            Value::Double(value) => self.fixed(3, value.to_bits().to_ne_bytes()),
            Value::Str(text) => {
                self.scratch.push(4);
                self.text(text);
            }
            Value::Bytes(bytes) => {
                self.fixed(5, (bytes.len() as u64).to_ne_bytes());
                self.scratch.extend_from_slice(bytes);
            }
            Value::Map(map) => {
                let set = self.set(map);
                self.scratch.push(6);
                self.scratch.extend_from_slice(&set.to_ne_bytes());
            }
            Value::List(list) => {
                self.fixed(7, (list.len() as u64).to_ne_bytes());
                list.iter().for_each(|value| self.value(value));
            }
        }
    }

    fn fixed(&mut self, tag: u8, bytes: [u8; 8]) {
        self.scratch.push(tag);
        self.scratch.extend_from_slice(&bytes);
    }

    /// A text with its length, so that texts in a row stay apart.
    fn text(&mut self, text: &str) {
        self.scratch.extend_from_slice(&(text.len() as u64).to_ne_bytes());
        self.scratch.extend_from_slice(text.as_bytes());
    }

    /// Hashes what was written since, and forgets it.
    fn take(&mut self, from: usize) -> u128 {
        let hash = xxh3_128_with_seed(self.scratch.get(from..).unwrap_or_default(), self.seed);
        self.scratch.truncate(from);
        hash
    }
}

/// Whether two attributes are equal at a glance.
fn same_storage(a: &KeyValue, b: &KeyValue) -> bool {
    let values = || match (&a.value, &b.value) {
        (Value::Str(a), Value::Str(b)) => Text::ptr_eq(a, b),
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
        _ => false,
    };
    Text::ptr_eq(&a.key, &b.key) && values()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(identity: &mut Identity, attrs: Attrs, start: u64, kind: Kind) -> u128 {
        let base = identity.metric(7, &Scope::default(), "name", "unit");
        identity.series(base, kind, &attrs, start)
    }

    #[test]
    fn order_of_attributes_does_not_matter_and_everything_else_does() {
        let mut identity = Identity::new();
        let ab = Attrs::from([("a", "1"), ("b", "2")]);
        let first = id(&mut identity, ab.clone(), 5, Kind::Int);
        assert_eq!(first, id(&mut identity, Attrs::from([("b", "2"), ("a", "1")]), 5, Kind::Int));
        let others = [
            id(&mut identity, Attrs::from([("a", "2"), ("b", "1")]), 5, Kind::Int),
            id(&mut identity, Attrs::from([("a", "1"), ("b", "2"), ("c", "")]), 5, Kind::Int),
            id(&mut identity, Attrs::from([("a1", ""), ("b", "2")]), 5, Kind::Int),
            id(&mut identity, ab.clone(), 6, Kind::Int),
            id(&mut identity, ab, 5, Kind::Double),
        ];
        assert!(others.iter().all(|other| *other != first));
    }

    #[test]
    fn texts_of_a_metric_stay_apart() {
        let mut identity = Identity::new();
        let scope = |name: &str, version: &str| Scope { name: name.into(), version: version.into(), ..Scope::default() };
        let bases = [
            identity.metric(1, &scope("a", "b"), "c", "d"),
            identity.metric(1, &scope("ab", ""), "c", "d"),
            identity.metric(1, &scope("a", "b"), "cd", ""),
            identity.metric(2, &scope("a", "b"), "c", "d"),
        ];
        for (index, base) in bases.iter().enumerate() {
            assert!(bases.iter().skip(index + 1).all(|other| other != base));
        }
        assert!(identity.scratch.is_empty());
    }

    #[test]
    fn nested_values_count_and_maps_have_no_order() {
        let mut identity = Identity::new();
        let nested = |value: Value| Attrs::from([("n", value)]);
        let map = |entries: [(&str, i64); 2]| Value::Map(Attrs::from(entries));
        let first = id(&mut identity, nested(map([("x", 1), ("y", 2)])), 0, Kind::Int);
        assert_eq!(first, id(&mut identity, nested(map([("y", 2), ("x", 1)])), 0, Kind::Int));
        assert_ne!(first, id(&mut identity, nested(map([("y", 1), ("x", 2)])), 0, Kind::Int));
        let list = |values: Vec<Value>| Value::list(values);
        let one = id(&mut identity, nested(list(vec![1.into(), 2.into()])), 0, Kind::Int);
        assert_ne!(one, id(&mut identity, nested(list(vec![2.into(), 1.into()])), 0, Kind::Int));
        assert_ne!(id(&mut identity, nested(0.0.into()), 0, Kind::Int), id(&mut identity, nested(0i64.into()), 0, Kind::Int));
    }

    proptest! {
        #[test]
        fn prop_what_came_before_does_not_matter(sets in proptest::collection::vec(proptest::collection::vec((0usize..3, 0i64..4), 0..5), 1..20)) {
            let keys: [Text; 3] = ["a".into(), "b".into(), "c".into()];
            let texts: [Text; 2] = ["x".into(), "y".into()];
            let value = |n: i64| texts.get(n as usize).map_or(Value::Int(n), |text| Value::Str(text.clone()));
            let mut identity = Identity::new();
            for set in sets {
                let attrs: Attrs = set.iter().map(|(key, n)| KeyValue::new(keys[*key].clone(), value(*n))).collect();
                let remembering = identity.point(&attrs);
                prop_assert_eq!(remembering, identity.set(&attrs));
                if set.len() == 4 {
                    identity.forget_points();
                }
            }
        }
    }
}
