//! Keys that last: names of attributes, which every batch brings again and every statement writes.

use crate::Text;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many keys last; they are those that come first.
const KEYS_MAX: usize = 4_096;

/// Longer ones are hardly anybody's names.
const KEY_BYTES_MAX: usize = 64;

/// The text of a key: one for the whole process and never freed, so that to hold it and to let it go takes no counting, which is what a short-lived
/// attribute set mostly costs. Keys beyond the first 4,096, or of more than 64 bytes, are texts as others are.
///
/// Asking takes a lock: whoever meets keys again and again keeps them ([`TextPool::key`](crate::TextPool::key)).
pub fn key(text: &str) -> Text {
    static KEYS: LazyLock<Mutex<Keys>> = LazyLock::new(Mutex::default);
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        return Text::from(text);
    }
    KEYS.lock().unwrap_or_else(PoisonError::into_inner).get(text)
}

#[derive(Default)]
struct Keys {
    table: HashTable<Text>,
    hasher: foldhash::fast::RandomState,
}

impl Keys {
    fn get(&mut self, text: &str) -> Text {
        let hash = self.hasher.hash_one(text);
        if let Some(known) = self.table.find(hash, |known| known == text) {
            return known.clone();
        }
        let new = Text::from(text);
        if self.table.len() < KEYS_MAX {
            new.leak();
            let hasher = &self.hasher;
            self.table.insert_unique(hash, new.clone(), |known| hasher.hash_one(known.as_str()));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_text_for_everybody() {
        let first = key("queue");
        assert!(Text::ptr_eq(&first, &key("queue")));
        assert!(Text::is_static(&first));
        assert_eq!(key(""), "");
    }

    #[test]
    fn what_is_no_name_or_comes_too_late_is_freed_again() {
        assert!(!Text::is_static(&key(&"x".repeat(KEY_BYTES_MAX + 1))));
        let mut keys = Keys::default();
        let made: Vec<Text> = (0..KEYS_MAX + 10).map(|number| keys.get(&format!("late-{number}"))).collect();
        assert_eq!(made.iter().filter(|key| Text::is_static(key)).count(), KEYS_MAX);
        assert_eq!(made.last().map(Text::as_str), Some(&*format!("late-{}", KEYS_MAX + 9)));
    }
}
