//! Attribute sets that came before, by the bytes they came in: sources send the same ones again and again.

use hashbrown::HashTable;
use std::hash::BuildHasher;
use warren_pdata::Attrs;

/// Memory of the sets that were met since the last change of generation; there are two generations.
const GENERATION_BYTES_MAX: usize = 2 << 20;

/// A row of attributes that takes more than this is not kept.
const ROW_BYTES_MAX: usize = 16 << 10;

/// Sets by their encoding, kept from request to request. What was not met for a while is forgotten: the sets of a generation that is full are kept
/// until the next one is full, and move over to it when they are met.
#[derive(Default)]
pub struct KnownSets {
    young: HashTable<Known>,
    old: HashTable<Known>,
    /// Memory of the young ones.
    bytes: usize,
    hasher: foldhash::fast::RandomState,
}

struct Known {
    row: Box<[u8]>,
    set: Attrs,
}

impl KnownSets {
    /// The hash of a row's bytes.
    pub(super) fn hash(&self, row: &[u8]) -> u64 {
        self.hasher.hash_one(row)
    }

    /// The set of a row.
    #[inline]
    pub(super) fn get(&mut self, hash: u64, row: &[u8]) -> Option<Attrs> {
        match self.young.find(hash, |known| *known.row == *row) {
            Some(known) => Some(known.set.clone()),
            None => self.rejuvenate(hash, row),
        }
    }

    fn rejuvenate(&mut self, hash: u64, row: &[u8]) -> Option<Attrs> {
        let known = self.old.find_entry(hash, |known| *known.row == *row).ok()?.remove().0;
        let set = known.set.clone();
        self.put(hash, known);
        Some(set)
    }

    /// Keeps the set of a row that is not known.
    pub(super) fn insert(&mut self, hash: u64, row: &[u8], set: Attrs) {
        if row.len() <= ROW_BYTES_MAX {
            self.put(hash, Known { row: row.into(), set });
        }
    }

    fn put(&mut self, hash: u64, known: Known) {
        let bytes = known.row.len() + known.set.heap_bytes() + size_of::<Known>() + 32;
        if self.bytes + bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        let hasher = &self.hasher;
        self.young.insert_unique(hash, known, |known| hasher.hash_one(&*known.row));
    }
}

impl std::fmt::Debug for KnownSets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownSets").field("young", &self.young.len()).field("old", &self.old.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: usize) -> Attrs {
        Attrs::from([("name", name as i64)])
    }

    #[test]
    fn what_is_met_again_stays_and_what_is_not_goes() {
        let mut known = KnownSets::default();
        let row = |name: usize| name.to_string().into_bytes();
        let first = set(0);
        known.insert(known.hash(&row(0)), &row(0), first.clone());
        for name in 1..100_000 {
            let hash = known.hash(&row(name));
            known.insert(hash, &row(name), set(name));
            assert!(known.get(known.hash(&row(0)), &row(0)).is_some_and(|found| found.same(&first)), "{name}");
        }
        assert!(known.get(known.hash(&row(1)), &row(1)).is_none());
        let bytes: usize = known.young.iter().chain(&known.old).map(|known| known.row.len() + known.set.heap_bytes()).sum();
        assert!(bytes < 2 * GENERATION_BYTES_MAX);
    }

    #[test]
    fn large_rows_are_not_kept() {
        let mut known = KnownSets::default();
        let row = vec![0; ROW_BYTES_MAX + 1];
        let hash = known.hash(&row);
        known.insert(hash, &row, set(1));
        assert!(known.get(hash, &row).is_none());
    }
}
