//! Which stretches of time were read, so that their copies are not read again.
//!
//! While `/var` is not there yet, or after it was given up, journald writes to `/run`, and moves what it wrote to `/var` later: the same
//! entries in another sequence. One journald writes for one machine and namespace, so an entry of another sequence within a stretch that
//! was read is such a copy.

use crate::{Id, Place};

/// Sequences of one writer that are remembered.
const SEQUENCES_MAX: usize = 16;

/// What was read of one writer.
#[derive(Debug, Default)]
pub(crate) struct Covers(Vec<Cover>);

#[derive(Debug)]
struct Cover {
    seqnum_id: Id,
    boot_id: Id,
    from: u64,
    to: u64,
}

impl Covers {
    /// Everything up to this entry was read.
    pub(crate) fn begin(&mut self, place: &Place) {
        self.read(place);
        if let Some(cover) = self.0.iter_mut().find(|cover| cover.seqnum_id == place.seqnum_id) {
            cover.from = 0;
        }
    }

    /// This entry was read.
    pub(crate) fn read(&mut self, place: &Place) {
        let Place { seqnum_id, boot_id, monotonic, .. } = *place;
        let fresh = || Cover { seqnum_id, boot_id, from: monotonic, to: monotonic };
        match self.0.iter_mut().find(|cover| cover.seqnum_id == seqnum_id) {
            Some(cover) if cover.boot_id == boot_id => {
                (cover.from, cover.to) = (cover.from.min(monotonic), cover.to.max(monotonic));
            }
            Some(cover) => *cover = fresh(),
            None => {
                if self.0.len() >= SEQUENCES_MAX {
                    self.0.remove(0);
                }
                self.0.push(fresh());
            }
        }
    }

    /// Whether the entry is a copy of one that was read.
    pub(crate) fn have(&self, place: &Place) -> bool {
        self.0.iter().any(|cover| {
            cover.seqnum_id != place.seqnum_id
                && cover.boot_id == place.boot_id
                && (cover.from..=cover.to).contains(&place.monotonic)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_sequence_has_of_a_stretch_is_a_copy() {
        let place =
            |seqnum_id, boot, monotonic| Place { seqnum_id: Id(seqnum_id), boot_id: Id(boot), monotonic, ..Place::default() };
        let mut covers = Covers::default();
        covers.read(&place(1, 1, 10));
        covers.read(&place(1, 1, 20));
        assert!(covers.have(&place(2, 1, 10)) && covers.have(&place(2, 1, 20)));
        assert!(!covers.have(&place(2, 1, 9)) && !covers.have(&place(2, 1, 21)) && !covers.have(&place(2, 2, 15)));
        assert!(!covers.have(&place(1, 1, 15)), "an entry is no copy of its own sequence");
        covers.begin(&place(3, 1, 30));
        assert!(covers.have(&place(2, 1, 1)));
    }
}
