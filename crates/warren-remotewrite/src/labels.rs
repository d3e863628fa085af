//! Labels: what a set of attributes becomes, in the order in which labels are sent.
//!
//! A [`Layout`] answers this for every set with the same keys, since only values differ then.

use crate::proto;
use crate::series::label;
use crate::translation::{IDENTIFYING, ResourceLabels, Translation, text};
use std::hash::{BuildHasher, Hasher};
use warren_gotext::as_string;
use warren_pdata::{Attrs, KeyValue, Text, Value};
use warren_promname::label_name;

/// Label of the metric's name.
const NAME: &str = "__name__";

/// Labels up to this size, with tags, have lengths of one byte.
const SHORT_LABEL_BYTES: usize = 129;

/// Layouts kept of one resource. Sets beyond this many different sequences of keys cost a new layout each time they change.
const LAYOUTS_MAX: usize = 32;

/// A label that a kind of series has besides those of its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// None.
    None,
    /// Upper bound of a bucket.
    Le,
    /// A quantile.
    Quantile,
}

impl Extra {
    fn label(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Le => Some("le"),
            Self::Quantile => Some("quantile"),
        }
    }
}

/// Labels of a series that do not come from attributes.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    /// Value of `__name__`.
    pub(crate) name: &'a str,
    /// The label `__name__` as version 1.0 has it, where it is known beforehand.
    pub(crate) encoded: Option<&'a [u8]>,
    /// Value of the [`Extra`] label.
    pub(crate) extra: &'a str,
}

/// How the sets with one sequence of keys become labels.
pub(crate) struct Layout {
    keys: Vec<Text>,
    extra: Extra,
    slots: Vec<Slot>,
    fixed_identity: u64,
    /// The slots as version 1.0 has them, encoded as far as they do not depend on the point.
    chunks: Vec<Chunk>,
}

/// Labels of version 1.0.
enum Chunk {
    /// One or more labels.
    Encoded(Vec<u8>),
    /// A label with the value of an attribute, if the value is short text: all before the value, with the lengths of label and value still to
    /// be set. Any other value is left to the slot.
    Attribute { at: usize, head: Vec<u8>, rank: usize },
    /// `__name__`.
    Name,
    /// The slot of this rank.
    Slot(usize),
}

/// One label.
struct Slot {
    name: String,
    source: Source,
}

/// Where a label's value comes from.
enum Source {
    Fixed(String),
    Attribute(usize),
    /// Attributes whose keys become the same name: their values, joined.
    Joined(Vec<Piece>),
    Name,
    Extra,
}

/// One of several values.
enum Piece {
    Fixed(String),
    Attribute(usize),
}

impl Layout {
    /// The layout for points with these keys.
    fn for_points(
        set: &[KeyValue],
        resource: &ResourceLabels<'_>,
        translation: &Translation,
        extra: Extra,
        hasher: &Hash,
    ) -> Self {
        let mut pieces: Vec<(&str, Piece)> =
            set.iter().enumerate().map(|(at, entry)| (entry.key.as_str(), Piece::Attribute(at))).collect();
        if translation.resource_attributes {
            for entry in resource.attrs {
                let value = Piece::Fixed(text(&entry.value));
                match pieces.iter_mut().find(|(key, _)| *key == entry.key) {
                    Some((_, piece)) => *piece = value,
                    None => pieces.push((&entry.key, value)),
                }
            }
        }
        Self::new(set, pieces, resource, translation, extra, hasher)
    }

    /// The layout of `target_info`, whose attributes are those of the resource.
    pub(crate) fn for_target_info(resource: &ResourceLabels<'_>, translation: &Translation, hasher: &Hash) -> Self {
        let set = resource.attrs.as_slice();
        let telling = set.iter().enumerate().filter(|(_, entry)| !IDENTIFYING.contains(&entry.key.as_str()));
        let pieces = telling.map(|(at, entry)| (entry.key.as_str(), Piece::Attribute(at))).collect();
        Self::new(set, pieces, resource, translation, Extra::None, hasher)
    }

    fn new(
        set: &[KeyValue],
        mut pieces: Vec<(&str, Piece)>,
        resource: &ResourceLabels<'_>,
        translation: &Translation,
        extra: Extra,
        hasher: &Hash,
    ) -> Self {
        // No receiver takes a label without a name, and some refuse the whole request for it.
        pieces.retain(|(key, _)| !key.is_empty());
        pieces.sort_by_key(|(key, _)| *key);
        let mut slots: Vec<Slot> = Vec::with_capacity(pieces.len() + 4);
        for (key, piece) in pieces {
            let name = label_name(key);
            match slots.iter_mut().find(|slot| slot.name == name) {
                Some(slot) => slot.source.join(piece),
                None => slots.push(Slot { name: name.into_owned(), source: piece.into() }),
            }
        }
        let mut set_slot = |name: &str, source: Source, replace: bool| match slots.iter_mut().find(|slot| slot.name == name) {
            Some(slot) if replace => slot.source = source,
            Some(_) => {}
            None => slots.push(Slot { name: name.to_owned(), source }),
        };
        for (name, value) in [("job", &resource.job), ("instance", &resource.instance)] {
            if let Some(value) = value {
                set_slot(name, Source::Fixed(value.clone()), true);
            }
        }
        for (name, value) in translation.external_labels.iter() {
            set_slot(name, Source::Fixed(value.clone()), false);
        }
        set_slot(NAME, Source::Name, true);
        if let Some(name) = extra.label() {
            set_slot(name, Source::Extra, true);
        }
        slots.sort_by(|a, b| a.name.cmp(&b.name));
        let fixed_identity = slots.iter().fold(0u64, |sum, slot| match &slot.source {
            Source::Fixed(value) => sum.wrapping_add(hasher.pair(&slot.name, value)),
            _ => sum,
        });
        let chunks = chunks(&slots);
        Self { keys: set.iter().map(|entry| entry.key.clone()).collect(), extra, slots, fixed_identity, chunks }
    }

    fn fits(&self, set: &[KeyValue], extra: Extra) -> bool {
        self.extra == extra
            && self.keys.len() == set.len()
            && self.keys.iter().zip(set).all(|(mine, entry)| Text::ptr_eq(mine, &entry.key) || *mine == entry.key)
    }

    /// Whether the labels have `job` or `instance`.
    pub(crate) fn identifies(&self) -> bool {
        self.slots.iter().any(|slot| slot.name == "job" || slot.name == "instance")
    }

    /// Shows every label of a series, in the order of names.
    #[inline]
    pub(crate) fn for_each(&self, set: &[KeyValue], named: Named<'_>, mut show: impl FnMut(&str, &str)) {
        self.slots.iter().for_each(|slot| slot.show(set, named, &mut show));
    }

    /// Appends every label of a series as version 1.0 has it.
    #[inline]
    pub(crate) fn write_v1(&self, out: &mut Vec<u8>, set: &[KeyValue], named: Named<'_>) {
        for chunk in &self.chunks {
            match chunk {
                Chunk::Encoded(labels) => out.extend_from_slice(labels),
                Chunk::Attribute { at, head, rank } => match set.get(*at).map(|entry| &entry.value) {
                    Some(Value::Str(value)) if !value.is_empty() && head.len() + value.len() <= SHORT_LABEL_BYTES => {
                        let start = out.len();
                        out.extend_from_slice(head);
                        if let Some([_, label_len, .., value_len]) = out.get_mut(start..) {
                            *label_len = (head.len() + value.len() - 2) as u8;
                            *value_len = value.len() as u8;
                        }
                        out.extend_from_slice(value.as_bytes());
                    }
                    _ => self.write_slot(out, *rank, set, named),
                },
                Chunk::Name => match named.encoded {
                    Some(encoded) => out.extend_from_slice(encoded),
                    None => label(out, NAME, named.name),
                },
                Chunk::Slot(rank) => self.write_slot(out, *rank, set, named),
            }
        }
    }

    fn write_slot(&self, out: &mut Vec<u8>, rank: usize, set: &[KeyValue], named: Named<'_>) {
        if let Some(slot) = self.slots.get(rank) {
            slot.show(set, named, &mut |name, value| label(out, name, value));
        }
    }

    /// A number for the labels of a point, without name and extra label. Equal labels give equal numbers, whatever their layout.
    pub(crate) fn identity(&self, set: &[KeyValue], hasher: &Hash) -> u64 {
        self.slots.iter().fold(self.fixed_identity, |sum, slot| {
            let pair = match &slot.source {
                Source::Fixed(_) | Source::Name | Source::Extra => 0,
                Source::Attribute(at) => match set.get(*at).map(|entry| &entry.value) {
                    Some(Value::Str(value)) => hasher.pair(&slot.name, value),
                    Some(other) => hasher.pair(&slot.name, &text(other)),
                    None => 0,
                },
                Source::Joined(pieces) => hasher.pair(&slot.name, &joined(pieces, set)),
            };
            sum.wrapping_add(pair)
        })
    }

    /// What name and extra label add to the identity of a point.
    pub(crate) fn identity_of(&self, named: Named<'_>, hasher: &Hash) -> u64 {
        let name = hasher.pair(NAME, named.name);
        self.extra.label().map_or(name, |label| name.wrapping_add(hasher.pair(label, named.extra)))
    }
}

impl Slot {
    #[inline]
    fn show(&self, set: &[KeyValue], named: Named<'_>, show: &mut impl FnMut(&str, &str)) {
        match &self.source {
            Source::Fixed(value) => show(&self.name, value),
            Source::Attribute(at) => match set.get(*at).map(|entry| &entry.value) {
                Some(Value::Str(value)) => show(&self.name, value),
                Some(other) => show(&self.name, &text(other)),
                None => {}
            },
            Source::Joined(pieces) => show(&self.name, &joined(pieces, set)),
            Source::Name => show(&self.name, named.name),
            Source::Extra => show(&self.name, named.extra),
        }
    }
}

/// The label `__name__` as version 1.0 has it.
pub(crate) fn name_label(name: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(name.len() + NAME.len() + 8);
    label(&mut encoded, NAME, name);
    encoded
}

/// Encodes what of labels is known beforehand.
fn chunks(slots: &[Slot]) -> Vec<Chunk> {
    let mut chunks = Vec::with_capacity(slots.len());
    for (rank, slot) in slots.iter().enumerate() {
        match (&slot.source, chunks.last_mut()) {
            (Source::Fixed(value), Some(Chunk::Encoded(labels))) => label(labels, &slot.name, value),
            (Source::Fixed(value), _) => {
                let mut labels = Vec::new();
                label(&mut labels, &slot.name, value);
                chunks.push(Chunk::Encoded(labels));
            }
            (Source::Attribute(at), _) if slot.name.len() < SHORT_LABEL_BYTES => {
                let mut head = vec![0x0a, 0];
                proto::text(&mut head, 1, &slot.name);
                head.extend([0x12, 0]);
                chunks.push(Chunk::Attribute { at: *at, head, rank });
            }
            (Source::Name, _) => chunks.push(Chunk::Name),
            _ => chunks.push(Chunk::Slot(rank)),
        }
    }
    chunks
}

impl Source {
    fn join(&mut self, piece: Piece) {
        let first = match std::mem::replace(self, Self::Name) {
            Self::Fixed(value) => vec![Piece::Fixed(value)],
            Self::Attribute(at) => vec![Piece::Attribute(at)],
            Self::Joined(pieces) => pieces,
            Self::Name | Self::Extra => Vec::new(),
        };
        *self = Self::Joined(first.into_iter().chain([piece]).collect());
    }
}

impl From<Piece> for Source {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Fixed(value) => Self::Fixed(value),
            Piece::Attribute(at) => Self::Attribute(at),
        }
    }
}

/// Several values as one: joined by semicolons, a value equal to what is there already left out.
fn joined(pieces: &[Piece], set: &[KeyValue]) -> String {
    let mut out = String::new();
    let mut value = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        value.clear();
        match piece {
            Piece::Fixed(fixed) => value.push_str(fixed),
            Piece::Attribute(at) => {
                if let Some(entry) = set.get(*at) {
                    as_string(&mut value, &entry.value);
                }
            }
        }
        if index == 0 {
            out.push_str(&value);
        } else if out != value {
            out.push(';');
            out.push_str(&value);
        }
    }
    out
}

/// The layouts of one resource, found by the keys of a set.
#[derive(Default)]
pub(crate) struct Layouts {
    known: Vec<Layout>,
    last: usize,
    oldest: usize,
}

impl Layouts {
    /// The layout for a set.
    pub(crate) fn of(
        &mut self,
        set: &Attrs,
        extra: Extra,
        resource: &ResourceLabels<'_>,
        translation: &Translation,
        hasher: &Hash,
    ) -> &Layout {
        let set = set.as_slice();
        if !self.known.get(self.last).is_some_and(|layout| layout.fits(set, extra)) {
            self.last = match self.known.iter().position(|layout| layout.fits(set, extra)) {
                Some(found) => found,
                None => self.place(Layout::for_points(set, resource, translation, extra, hasher)),
            };
        }
        &self.known[self.last]
    }

    fn place(&mut self, layout: Layout) -> usize {
        if self.known.len() < LAYOUTS_MAX {
            self.known.push(layout);
            return self.known.len() - 1;
        }
        self.oldest = (self.oldest + 1) % LAYOUTS_MAX;
        self.known[self.oldest] = layout;
        self.oldest
    }
}

/// Hashes labels, with a seed of its own.
#[derive(Default)]
pub(crate) struct Hash(foldhash::fast::RandomState);

impl Hash {
    fn pair(&self, name: &str, value: &str) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(name.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(value.as_bytes());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(set: &Attrs, resource: &Attrs, translation: &Translation, extra: Extra) -> Vec<(String, String)> {
        let resource = ResourceLabels::new(resource);
        let (mut layouts, hasher) = (Layouts::default(), Hash::default());
        let mut labels = Vec::new();
        let layout = layouts.of(set, extra, &resource, translation, &hasher);
        layout.for_each(set.as_slice(), Named { name: "n", encoded: None, extra: "1" }, |name, value| {
            labels.push((name.to_owned(), value.to_owned()));
        });
        labels
    }

    fn check(set: Attrs, resource: Attrs, translation: &Translation, extra: Extra, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(shown(&set, &resource, translation, extra), expected);
    }

    /// `createAttributes` of `pkg/translator/prometheusremotewrite` v0.132.0, `helper_test.go` and source.
    #[test]
    fn labels_are_sorted_cleaned_joined_and_overwritten() {
        let plain = Translation::default();
        let labels = [("env.name", "prod"), ("queue", "other"), ("Zone", "a")];
        let external = Translation { external_labels: labels.into_iter().collect(), ..Translation::default() };
        let service = Attrs::from([("service.name", "s"), ("service.namespace", "n"), ("service.instance.id", "i"), ("x", "y")]);
        check(
            Attrs::from([("queue", "q"), ("job", "mine"), ("A", "upper")]),
            service.clone(),
            &plain,
            Extra::None,
            &[("A", "upper"), ("__name__", "n"), ("instance", "i"), ("job", "n/s"), ("queue", "q")],
        );
        check(
            Attrs::from([("b.c", "1"), ("b_c", "2"), ("b-c", "2"), ("a", "")]),
            Attrs::EMPTY,
            &plain,
            Extra::None,
            &[("__name__", "n"), ("a", ""), ("b_c", "2;1;2")],
        );
        check(Attrs::from([("b.c", "1"), ("b_c", "1")]), Attrs::EMPTY, &plain, Extra::None, &[("__name__", "n"), ("b_c", "1")]);
        check(
            Attrs::from([("queue", "q")]),
            Attrs::EMPTY,
            &external,
            Extra::None,
            &[("Zone", "a"), ("__name__", "n"), ("env_name", "prod"), ("queue", "q")],
        );
        check(
            Attrs::from([("le", "mine"), ("__name__", "mine"), ("", "nameless")]),
            Attrs::EMPTY,
            &plain,
            Extra::Le,
            &[("__name__", "n"), ("le", "1")],
        );
        check(
            Attrs::from([("v", Value::Int(7)), ("w", Value::Bool(true)), ("x", Value::Double(1.5))]),
            Attrs::from([("service.instance.id", 5)]),
            &plain,
            Extra::Quantile,
            &[("__name__", "n"), ("instance", "5"), ("quantile", "1"), ("v", "7"), ("w", "true"), ("x", "1.5")],
        );
    }

    /// `pkg/resourcetotelemetry` v0.132.0: a resource's attribute replaces that of the point.
    #[test]
    fn attributes_of_the_resource_can_become_labels() {
        let translation = Translation { resource_attributes: true, ..Translation::default() };
        check(
            Attrs::from([("host.name", "mine"), ("q", "1")]),
            Attrs::from([("host.name", "h"), ("service.name", "s")]),
            &translation,
            Extra::None,
            &[("__name__", "n"), ("host_name", "h"), ("job", "s"), ("q", "1"), ("service_name", "s")],
        );
    }

    #[test]
    fn equal_labels_have_equal_identities_whatever_they_are_made_of() {
        let translation = Translation::default();
        let hasher = Hash::default();
        let identity = |set: Attrs, resource: Attrs, extra: Extra, named: Named<'_>| {
            let resource = ResourceLabels::new(&resource);
            let mut layouts = Layouts::default();
            let layout = layouts.of(&set, extra, &resource, &translation, &hasher);
            layout.identity(set.as_slice(), &hasher).wrapping_add(layout.identity_of(named, &hasher))
        };
        let named = |name, extra| Named { name, encoded: None, extra };
        let service = Attrs::from([("service.name", "s")]);
        let first = identity(Attrs::from([("a.b", "1"), ("c", "2")]), service.clone(), Extra::None, named("m", ""));
        let same = identity(Attrs::from([("c", "2"), ("a_b", "1"), ("job", "s")]), Attrs::EMPTY, Extra::None, named("m", ""));
        assert_eq!(first, same);
        let bucket = identity(Attrs::EMPTY, Attrs::EMPTY, Extra::Le, named("m_bucket", "1"));
        let gauge = identity(Attrs::from([("le", "1")]), Attrs::EMPTY, Extra::None, named("m_bucket", ""));
        assert_eq!(bucket, gauge);
        let other = identity(Attrs::from([("c", "2"), ("a_b", "2"), ("job", "s")]), Attrs::EMPTY, Extra::None, named("m", ""));
        assert_ne!(first, other);
    }

    #[test]
    fn many_sequences_of_keys_do_not_pile_up() {
        let resource = ResourceLabels::new(&Attrs::EMPTY);
        let (mut layouts, hasher, translation) = (Layouts::default(), Hash::default(), Translation::default());
        for round in 0..3 {
            for key in 0..LAYOUTS_MAX * 2 {
                let set = Attrs::from([(format!("k{key}"), "v")]);
                let mut seen = 0;
                let layout = layouts.of(&set, Extra::None, &resource, &translation, &hasher);
                layout.for_each(set.as_slice(), Named { name: "n", encoded: None, extra: "" }, |name, _| {
                    seen += usize::from(name == format!("k{key}"));
                });
                assert_eq!(seen, 1, "round {round}");
            }
        }
        assert_eq!(layouts.known.len(), LAYOUTS_MAX);
    }
}
