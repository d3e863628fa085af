//! Fields that many entries share, made once.
//!
//! A file holds each distinct `NAME=value` once and entries refer to it. What is made of one is kept by file and offset, so that a further
//! entry costs a look-up. Only what several entries have is kept. There are two generations: what is met moves to the young one; when
//! that is full the old one goes.

use hashbrown::HashMap;

/// Fields of one generation.
const FIELDS_MAX: usize = 4096;

/// Bytes of payloads of one generation.
const BYTES_MAX: usize = 512 << 10;

/// A longer payload is not kept.
const PAYLOAD_BYTES_MAX: usize = 1024;

/// What is known of a data object.
pub(crate) struct Cached<F> {
    /// Comparisons that it meets.
    pub(crate) met: Box<[u32]>,
    /// What was made of it; not before an entry is wanted that has it.
    pub(crate) field: Option<F>,
    bytes: usize,
}

type Generation<F> = HashMap<(u32, u64), Cached<F>, foldhash::fast::RandomState>;

pub(crate) struct FieldCache<F> {
    young: Generation<F>,
    old: Generation<F>,
    young_bytes: usize,
}

impl<F> Default for FieldCache<F> {
    fn default() -> Self {
        Self { young: Generation::default(), old: Generation::default(), young_bytes: 0 }
    }
}

impl<F> FieldCache<F> {
    /// What is known of the data object of this file at this offset.
    pub(crate) fn get(&mut self, file: u32, offset: u64) -> Option<&mut Cached<F>> {
        let key = (file, offset);
        if !self.young.contains_key(&key) {
            let cached = self.old.remove(&key)?;
            self.put(key, cached);
        }
        self.young.get_mut(&key)
    }

    /// Keeps what is known of a data object with a payload of this length.
    pub(crate) fn insert(&mut self, file: u32, offset: u64, met: &[u32], field: Option<F>, payload: usize) {
        if payload <= PAYLOAD_BYTES_MAX {
            self.put((file, offset), Cached { met: met.into(), field, bytes: payload });
        }
    }

    fn put(&mut self, key: (u32, u64), cached: Cached<F>) {
        if self.young.len() >= FIELDS_MAX || self.young_bytes >= BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += cached.bytes;
        self.young.insert(key, cached);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_stays_and_the_rest_goes() {
        let mut cache = FieldCache::default();
        for offset in 0..10 * FIELDS_MAX as u64 {
            cache.insert(1, offset, &[], Some(offset), 10);
            assert_eq!(cache.get(1, 0).unwrap().field, Some(0));
            assert!(cache.young.len() + cache.old.len() <= 2 * FIELDS_MAX);
        }
        assert!(cache.get(1, 1).is_none());
        assert!(cache.get(2, 0).is_none());
        cache.insert(1, 1, &[], None, PAYLOAD_BYTES_MAX + 1);
        assert!(cache.get(1, 1).is_none());
    }
}
