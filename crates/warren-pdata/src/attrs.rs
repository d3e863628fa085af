//! Shared attribute sets: ordered lists of key and value, one word each.

use crate::value::text_bytes;
use crate::{Text, Value};
use triomphe::Arc;

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyValue {
    /// The key; not checked for uniqueness within a set (OTLP allows duplicates on the wire; the first one is found).
    pub key: Text,
    /// The value.
    pub value: Value,
}

impl KeyValue {
    /// An attribute from its two parts.
    pub fn new(key: impl Into<Text>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// An immutable, reference counted, ordered list of attributes.
///
/// Cloning is one atomic increment. The empty set takes no memory. Equality is by content and order, and immediate for clones.
#[derive(Clone, Default)]
pub struct Attrs(Option<Arc<Vec<KeyValue>>>);

/// Attributes for which a copy that is made for editing has room.
const EDIT_ROOM: usize = 4;

/// Holders up to which a set's texts are shared out among them.
const HOLDERS_COUNTED: usize = 16;

const _: () = assert!(size_of::<Attrs>() == 8, "an attribute set is one word");

impl Attrs {
    /// The empty set.
    pub const EMPTY: Self = Self(None);

    /// A set of these attributes, in this order.
    pub fn new(entries: Vec<KeyValue>) -> Self {
        if entries.is_empty() { Self::EMPTY } else { Self(Some(Arc::new(entries))) }
    }

    /// All attributes, in order.
    #[inline]
    pub fn as_slice(&self) -> &[KeyValue] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// All attributes, in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, KeyValue> {
        self.as_slice().iter()
    }

    /// How many attributes there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there is no attribute.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none() || self.as_slice().is_empty()
    }

    /// The value of the first attribute with this key.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.iter().find(|entry| same_key(&entry.key, key)).map(|entry| &entry.value)
    }

    /// As [`Attrs::get`], for a key that is likely the same text.
    #[inline]
    pub fn value(&self, key: &Text) -> Option<&Value> {
        self.find(key).and_then(|at| self.as_slice().get(at)).map(|entry| &entry.value)
    }

    /// Where the first attribute with this key stands.
    #[inline]
    pub fn find(&self, key: &Text) -> Option<usize> {
        self.iter().position(with_key(key))
    }

    /// Whether an attribute has this key.
    #[inline]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The attributes for writing. Copies the set first if someone else holds it; keys and values are shared, not copied.
    #[inline]
    pub fn edit(&mut self) -> &mut Vec<KeyValue> {
        let shared = self.0.get_or_insert_with(|| Arc::new(Vec::new()));
        if !shared.is_unique() {
            copy_to_edit(shared);
        }
        Arc::make_mut(shared)
    }

    /// Sets the value of the first attribute with this key, or appends it.
    #[inline]
    pub fn upsert(&mut self, key: Text, value: Value) {
        let entries = self.edit();
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(KeyValue { key, value }),
        }
    }

    /// Removes every attribute with this key and says whether there was one. A set without the key is not copied.
    pub fn remove(&mut self, key: &str) -> bool {
        let found = self.contains_key(key);
        if found {
            self.edit().retain(|entry| entry.key != key);
        }
        found
    }

    /// Gives room for more attributes back, if nobody else holds the set: for one that is kept.
    pub fn shrink(&mut self) {
        if let Some(entries) = self.0.as_mut().and_then(Arc::get_mut) {
            entries.shrink_to_fit();
        }
    }

    /// The identity of the shared storage: equal for clones, and never that of another set while one of them lives. Zero for the empty set.
    ///
    /// A memo keyed by it must hold a clone of the set, else the storage may be freed and its address used again.
    #[inline]
    pub fn id(&self) -> usize {
        self.0.as_ref().map_or(0, |entries| Arc::as_ptr(entries).addr())
    }

    /// Whether both are clones of one set.
    #[inline]
    pub fn same(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    /// How many clones of this set live; zero for the empty set.
    #[inline]
    pub fn holders(&self) -> usize {
        self.0.as_ref().map_or(0, Arc::strong_count)
    }

    /// Heap bytes this set keeps alive, its share only where it is shared.
    pub fn heap_bytes(&self) -> usize {
        let Some(entries) = &self.0 else { return 0 };
        // Of a set that many hold, hardly anything is kept alive by each; looking at its texts is what would take time.
        let holders = Arc::strong_count(entries);
        let bytes = if holders > HOLDERS_COUNTED { own_bytes(entries) } else { self.whole_bytes() };
        bytes / holders.max(1)
    }

    /// Heap bytes of this set, whoever else holds it: what counts for who keeps sets for long, for the others may let go.
    pub fn whole_bytes(&self) -> usize {
        let Some(entries) = &self.0 else { return 0 };
        own_bytes(entries) + entries.iter().map(|entry| text_bytes(&entry.key) + entry.value.heap_bytes()).sum::<usize>()
    }
}

#[inline(never)]
fn copy_to_edit(shared: &mut Arc<Vec<KeyValue>>) {
    // Edits mostly add; a copy without room would be copied again at once.
    let mut copy = Vec::with_capacity(shared.len() + EDIT_ROOM);
    copy.extend_from_slice(shared);
    *shared = Arc::new(copy);
}

/// Whether an attribute has a key that is likely the same text.
#[inline]
fn with_key(key: &Text) -> impl Fn(&KeyValue) -> bool {
    let (text, length) = (key.as_str(), key.len());
    move |entry| Text::ptr_eq(&entry.key, key) || (entry.key.len() == length && same_key(&entry.key, text))
}

/// Whether two keys are equal. Most that are not differ in length or in the first byte, which is sooner seen than a comparison is called.
#[inline]
fn same_key(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// Heap bytes of a set's entries without what they hold.
fn own_bytes(entries: &Vec<KeyValue>) -> usize {
    entries.capacity() * size_of::<KeyValue>() + 48
}

impl PartialEq for Attrs {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.as_slice() == other.as_slice()
    }
}

impl Eq for Attrs {}

impl std::hash::Hash for Attrs {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl std::fmt::Debug for Attrs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|entry| (&entry.key, &entry.value))).finish()
    }
}

impl FromIterator<KeyValue> for Attrs {
    fn from_iter<I: IntoIterator<Item = KeyValue>>(entries: I) -> Self {
        Self::new(entries.into_iter().collect())
    }
}

impl<K: Into<Text>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Attrs {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect()
    }
}

impl<'a> IntoIterator for &'a Attrs {
    type Item = &'a KeyValue;
    type IntoIter = std::slice::Iter<'a, KeyValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_of_a_shared_set_leaves_the_other_holder_untouched() {
        let first = Attrs::from([("queue", "orders"), ("vhost", "/")]);
        let mut second = first.clone();
        assert!(first.same(&second));
        second.upsert("queue".into(), "audit".into());
        assert_eq!(first.get("queue"), Some(&Value::from("orders")));
        assert_eq!(second.get("queue"), Some(&Value::from("audit")));
        assert!(!first.same(&second));
    }

    #[test]
    fn an_edit_of_an_unshared_set_happens_in_place() {
        let mut set = Attrs::from([("queue", "orders")]);
        let before = set.id();
        set.upsert("vhost".into(), "/".into());
        assert_eq!(set.id(), before);
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn a_set_that_is_kept_takes_no_more_than_it_needs() {
        let mut set = Attrs::from([("queue", "orders")]);
        let _other = set.clone();
        set.upsert("vhost".into(), "/".into());
        let with_room = set.heap_bytes();
        set.shrink();
        assert!(set.heap_bytes() < with_room);
        assert_eq!(set, Attrs::from([("queue", "orders"), ("vhost", "/")]));
    }

    #[test]
    fn removing_an_absent_key_does_not_copy() {
        let first = Attrs::from([("queue", "orders")]);
        let mut second = first.clone();
        assert!(!second.remove("vhost"));
        assert!(first.same(&second));
        assert!(second.remove("queue"));
        assert!(second.is_empty());
        assert_eq!(second, Attrs::EMPTY);
    }

    #[test]
    fn equality_of_values_is_by_bits() {
        assert_eq!(Value::Double(f64::NAN), Value::Double(f64::NAN));
        assert_ne!(Value::Double(0.0), Value::Double(-0.0));
        assert_ne!(Value::Int(1), Value::Double(1.0));
    }
}
