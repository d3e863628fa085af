//! Attribute sets that came before, by the bytes they came in: sources send the same ones again and again.

use hashbrown::HashTable;
use std::hash::BuildHasher;
use warren_pdata::Attrs;

/// Memory of the sets that were met since the last change of generation; there are two generations.
const GENERATION_BYTES_MAX: usize = 3 << 19;

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
    /// What it takes.
    bytes: usize,
}

impl KnownSets {
    /// Bytes that all sets take at most.
    pub const BYTES_MAX: usize = 2 * GENERATION_BYTES_MAX;

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
            let bytes = row.len() + set.whole_bytes() + size_of::<Known>() + 32;
            self.put(hash, Known { row: row.into(), set, bytes });
        }
    }

    fn put(&mut self, hash: u64, known: Known) {
        if self.bytes + known.bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += known.bytes;
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
        assert!(bytes < KnownSets::BYTES_MAX);
    }

    #[test]
    fn sets_that_others_hold_as_well_count_in_full() {
        let mut known = KnownSets::default();
        let mut batches = Vec::new();
        for name in 0..20_000usize {
            let row = name.to_le_bytes();
            let (hash, set) = (known.hash(&row), Attrs::from([("name", format!("{name:0500}"))]));
            batches.push([set.clone(), set.clone(), set.clone()]);
            known.insert(hash, &row, set);
            // Known from the generation before, it moves over to the new one while many hold it.
            batches.push([(); 3].map(|()| known.get(known.hash(&0usize.to_le_bytes()), &0usize.to_le_bytes()).unwrap()));
        }
        drop(batches);
        let bytes: usize = known.young.iter().chain(&known.old).map(|known| known.row.len() + known.set.heap_bytes()).sum();
        assert!(known.young.len() + known.old.len() < 20_000 && bytes < KnownSets::BYTES_MAX, "{bytes}");
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
