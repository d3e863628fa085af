//! Pools that make equal text and equal attribute sets one: used where telemetry enters.

use crate::{Attrs, KeyValue, Text, Value};
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Entries after which a pool starts anew. What was handed out stays valid; only later sharing is lost.
const POOL_ENTRIES_MAX: usize = 65_536;

/// Text longer than this is not pooled: it is hardly ever met twice.
const POOLED_TEXT_BYTES_MAX: usize = 256;

/// Gives equal text the same storage. Bounded: see `POOL_ENTRIES_MAX`.
#[derive(Default)]
pub struct TextPool {
    texts: TextTable,
    keys: TextTable,
}

#[derive(Default)]
struct TextTable {
    table: HashTable<Text>,
    hasher: foldhash::fast::RandomState,
}

impl TextPool {
    /// The pooled text equal to `text`.
    pub fn get(&mut self, text: &str) -> Text {
        self.texts.get(text, |text| Text::from(text))
    }

    /// The pooled key equal to `text`, which lasts where that is to be had ([`key`](crate::key())).
    pub fn key(&mut self, text: &str) -> Text {
        self.keys.get(text, crate::key)
    }

    /// How many texts are pooled that are no keys.
    pub fn len(&self) -> usize {
        self.texts.table.len()
    }

    /// Whether nothing is pooled.
    pub fn is_empty(&self) -> bool {
        self.texts.table.is_empty() && self.keys.table.is_empty()
    }

    /// Forgets texts that nobody else holds, and gives the memory back.
    pub fn shrink(&mut self) {
        self.texts.shrink();
        self.keys.shrink();
    }
}

impl TextTable {
    fn get(&mut self, text: &str, new: fn(&str) -> Text) -> Text {
        if text.is_empty() {
            return Text::new();
        }
        if text.len() > POOLED_TEXT_BYTES_MAX {
            return Text::from(text);
        }
        let hash = self.hasher.hash_one(text);
        if let Some(found) = self.table.find(hash, |entry| entry == text) {
            return found.clone();
        }
        if self.table.len() >= POOL_ENTRIES_MAX {
            self.table.clear();
        }
        let new = new(text);
        let hasher = &self.hasher;
        self.table.insert_unique(hash, new.clone(), |entry| hasher.hash_one(entry.as_str()));
        new
    }

    fn shrink(&mut self) {
        self.table.retain(|entry| Text::strong_count(entry).is_none_or(|count| count > 1));
        let hasher = &self.hasher;
        self.table.shrink_to_fit(|entry| hasher.hash_one(entry.as_str()));
    }
}

/// So many texts are remembered as met lately.
const RECENT_TEXTS: usize = 64;

/// Text longer than this is hardly ever made twice.
const RECENT_TEXT_BYTES_MAX: usize = 64;

/// Gives text that is made over and over the same storage: each new one takes the place of one of those before. Where text hardly repeats, asking
/// costs next to nothing.
pub struct RecentTexts {
    places: Box<[Text]>,
    hasher: foldhash::fast::RandomState,
}

impl RecentTexts {
    /// The text equal to `text`, the same one if it was met lately.
    pub fn get(&mut self, text: &str) -> Text {
        if text.is_empty() {
            return Text::new();
        }
        if text.len() > RECENT_TEXT_BYTES_MAX {
            return Text::from(text);
        }
        let place = self.hasher.hash_one(text) as usize % RECENT_TEXTS;
        let Some(met) = self.places.get_mut(place) else { return Text::from(text) };
        if met.as_str() != text {
            *met = Text::from(text);
        }
        crate::share(met)
    }
}

impl Default for RecentTexts {
    fn default() -> Self {
        Self { places: vec![Text::new(); RECENT_TEXTS].into(), hasher: Default::default() }
    }
}

impl std::fmt::Debug for RecentTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecentTexts").finish_non_exhaustive()
    }
}

/// Gives equal attribute sets the same storage. Bounded: see `POOL_ENTRIES_MAX`.
#[derive(Default)]
pub struct AttrsPool {
    table: HashTable<Attrs>,
    hasher: foldhash::fast::RandomState,
}

impl AttrsPool {
    /// The pooled set equal to these attributes in this order. Keys and values are cloned only when the set is new.
    pub fn get(&mut self, entries: &[KeyValue]) -> Attrs {
        if entries.is_empty() {
            return Attrs::EMPTY;
        }
        let hash = self.hasher.hash_one(entries);
        if let Some(found) = self.table.find(hash, |set| set.as_slice() == entries) {
            return found.clone();
        }
        if self.table.len() >= POOL_ENTRIES_MAX {
            self.table.clear();
        }
        let new = Attrs::new(entries.to_vec());
        let hasher = &self.hasher;
        self.table.insert_unique(hash, new.clone(), |set| hasher.hash_one(set.as_slice()));
        new
    }

    /// How many sets are pooled.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is pooled.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Forgets sets that nobody else holds, and gives the memory back.
    pub fn shrink(&mut self) {
        self.table.retain(|set| set.holders() > 1);
        let hasher = &self.hasher;
        self.table.shrink_to_fit(|set| hasher.hash_one(set.as_slice()));
    }
}

impl std::fmt::Debug for TextPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextPool").field("len", &self.len()).finish()
    }
}

impl std::fmt::Debug for AttrsPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttrsPool").field("len", &self.len()).finish()
    }
}

/// Builds one attribute of pooled text.
impl KeyValue {
    /// An attribute of text, both parts from the pool.
    pub fn pooled(pool: &mut TextPool, key: &str, value: &str) -> Self {
        Self { key: pool.key(key), value: Value::Str(pool.get(value)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_text_and_sets_share_storage() {
        let mut texts = TextPool::default();
        let mut sets = AttrsPool::default();
        let first = sets.get(&[KeyValue::pooled(&mut texts, "queue", "orders")]);
        let second = sets.get(&[KeyValue::pooled(&mut texts, "queue", "orders")]);
        assert!(first.same(&second));
        assert!(Text::ptr_eq(&texts.key("queue"), &first.as_slice()[0].key));
        assert_eq!(sets.len(), 1);
    }

    #[test]
    fn texts_made_again_are_the_same_ones_unless_they_are_long() {
        let mut texts = RecentTexts::default();
        let short = texts.get("orders");
        assert!(Text::ptr_eq(&short, &texts.get("orders")));
        for number in 0..10_000 {
            assert_eq!(texts.get(&number.to_string()), number.to_string());
        }
        assert_eq!(texts.get("orders"), "orders");
        let long = "x".repeat(RECENT_TEXT_BYTES_MAX + 1);
        assert_eq!(Text::strong_count(&texts.get(&long)), Some(1));
        assert_eq!(texts.get(""), "");
    }

    #[test]
    fn shrinking_forgets_only_what_nobody_holds() {
        let mut sets = AttrsPool::default();
        let kept = sets.get(&[KeyValue::new("a", "1")]);
        drop(sets.get(&[KeyValue::new("a", "2")]));
        sets.shrink();
        assert_eq!(sets.len(), 1);
        assert!(sets.get(&[KeyValue::new("a", "1")]).same(&kept));
    }

    #[test]
    fn a_pool_never_holds_more_than_its_bound() {
        let mut texts = TextPool::default();
        for i in 0..POOL_ENTRIES_MAX + 10 {
            texts.get(&i.to_string());
        }
        assert!(texts.len() <= POOL_ENTRIES_MAX);
    }
}
