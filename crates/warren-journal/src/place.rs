//! Where an entry stands: what orders entries of several files, and the cursor that names one.

use crate::Id;
use hashbrown::HashMap;
use std::cmp::Ordering;
use std::fmt::{self, Write};

/// Boots that are remembered for ordering.
const BOOTS_MAX: usize = 4096;

/// Where an entry stands. Shown, it is the cursor of `sd-journal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Names the sequence that `seqnum` counts in.
    pub seqnum_id: Id,
    /// Number within the sequence.
    pub seqnum: u64,
    /// The boot during which it was received.
    pub boot_id: Id,
    /// Microseconds since that boot.
    pub monotonic: u64,
    /// Microseconds since 1970, when it was received.
    pub realtime: u64,
    /// Checksum over the fields.
    pub xor_hash: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seqnum_id, seqnum, boot_id, monotonic, realtime, xor_hash } = self;
        write!(f, "s={seqnum_id};i={seqnum:x};b={boot_id};m={monotonic:x};t={realtime:x};x={xor_hash:x}")
    }
}

impl Place {
    /// Appends the cursor's text: what [`Display`](fmt::Display) shows, only sooner done.
    pub fn write_cursor(&self, out: &mut String) {
        out.push_str("s=");
        push_hex(out, self.seqnum_id.0, 32);
        out.push_str(";i=");
        push_hex(out, u128::from(self.seqnum), 1);
        out.push_str(";b=");
        push_hex(out, self.boot_id.0, 32);
        for (name, number) in [(";m=", self.monotonic), (";t=", self.realtime), (";x=", self.xor_hash)] {
            out.push_str(name);
            push_hex(out, u128::from(number), 1);
        }
    }

    /// Whether both are one entry, or one is the copy of the other in another file.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        // Within a sequence equal content is a repetition, and both entries count.
        self.has_content_of(other) && (self.seqnum_id != other.seqnum_id || self.seqnum == other.seqnum)
    }

    /// Whether both say the same at the same time.
    pub(crate) fn has_content_of(&self, other: &Self) -> bool {
        let content = |place: &Self| (place.boot_id, place.monotonic, place.realtime, place.xor_hash);
        content(self) == content(other)
    }
}

/// Appends a number in hexadecimal with at least so many digits.
fn push_hex(out: &mut String, number: u128, least: u32) {
    let digits = (128 - number.leading_zeros()).div_ceil(4).max(least);
    for digit in (0..digits).rev() {
        let nibble = (number >> (4 * digit) & 0xf) as u32;
        out.push(char::from_digit(nibble, 16).unwrap_or('0'));
    }
}

/// What a cursor says. Each part may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Sequence and number in it.
    pub seqnum: Option<(Id, u64)>,
    /// Boot and microseconds since.
    pub monotonic: Option<(Id, u64)>,
    /// Microseconds since 1970.
    pub realtime: Option<u64>,
    /// Checksum over the fields.
    pub xor_hash: Option<u64>,
}

impl Cursor {
    /// Reads a cursor's text. Parts that are not known are skipped.
    ///
    /// Gives nothing unless it has sequence and number, or boot and monotonic time, or wall-clock time.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut s, mut i, mut b, mut m, mut t, mut x) = (None, None, None, None, None, None);
        for part in text.split(';') {
            let (name, value) = part.split_once('=')?;
            match name {
                "s" => s = Some(Id::parse(value)?),
                "b" => b = Some(Id::parse(value)?),
                "i" => i = Some(hex(value)?),
                "m" => m = Some(hex(value)?),
                "t" => t = Some(hex(value)?),
                "x" => x = Some(hex(value)?),
                _ => {}
            }
        }
        let cursor = Self { seqnum: s.zip(i), monotonic: b.zip(m), realtime: t, xor_hash: x };
        let enough = cursor.seqnum.is_some() || cursor.monotonic.is_some() || cursor.realtime.is_some();
        enough.then_some(cursor)
    }

    /// How an entry stands to the one that the cursor names.
    pub(crate) fn order(&self, entry: &Place, boots: &Boots) -> Ordering {
        if let Some((id, seqnum)) = self.seqnum
            && id == entry.seqnum_id
            && seqnum != entry.seqnum
        {
            return entry.seqnum.cmp(&seqnum);
        }
        if let Some((boot, monotonic)) = self.monotonic {
            let order = match boot == entry.boot_id {
                true => entry.monotonic.cmp(&monotonic),
                false => boots.order(entry.boot_id, boot),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        let realtime = self.realtime.map_or(Ordering::Equal, |realtime| entry.realtime.cmp(&realtime));
        realtime.then_with(|| self.xor_hash.map_or(Ordering::Equal, |hash| entry.xor_hash.cmp(&hash)))
    }
}

impl From<Place> for Cursor {
    fn from(place: Place) -> Self {
        Self {
            seqnum: Some((place.seqnum_id, place.seqnum)),
            monotonic: Some((place.boot_id, place.monotonic)),
            realtime: Some(place.realtime),
            xor_hash: Some(place.xor_hash),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = String::new();
        // Writing to a String cannot fail.
        if let Some((id, number)) = self.seqnum {
            let _ = write!(parts, ";s={id};i={number:x}");
        }
        if let Some((id, number)) = self.monotonic {
            let _ = write!(parts, ";b={id};m={number:x}");
        }
        for (name, number) in [("t", self.realtime), ("x", self.xor_hash)] {
            if let Some(number) = number {
                let _ = write!(parts, ";{name}={number:x}");
            }
        }
        f.write_str(parts.strip_prefix(';').unwrap_or_default())
    }
}

fn hex(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { u64::from_str_radix(text, 16).ok() } else { None }
}

/// Which boot came before which: by the newest wall-clock time known of each.
#[derive(Debug, Default)]
pub(crate) struct Boots(HashMap<Id, u64>);

impl Boots {
    /// An entry of this boot has this wall-clock time.
    pub(crate) fn saw(&mut self, boot: Id, realtime: u64) {
        if self.0.len() >= BOOTS_MAX && !self.0.contains_key(&boot) {
            return;
        }
        let newest = self.0.entry(boot).or_default();
        *newest = realtime.max(*newest);
    }

    /// The newest boot.
    pub(crate) fn newest(&self) -> Option<Id> {
        self.0.iter().max_by_key(|(_, realtime)| **realtime).map(|(boot, _)| *boot)
    }

    /// Whether one boot came before another, as far as is known.
    pub(crate) fn is_before(&self, a: Id, b: Id) -> bool {
        self.order(a, b).is_lt()
    }

    /// Equal when they are one, or one of them is not known.
    fn order(&self, a: Id, b: Id) -> Ordering {
        match (self.0.get(&a), self.0.get(&b)) {
            (Some(x), Some(y)) if a != b => x.cmp(y),
            _ => Ordering::Equal,
        }
    }

    /// The order of two entries, as `sd-journal` has it: by number within a sequence, by monotonic time within a boot, by boot, by
    /// wall-clock time, by checksum.
    pub(crate) fn compare(&self, a: &Place, b: &Place) -> Ordering {
        if a.seqnum_id == b.seqnum_id && a.seqnum != b.seqnum {
            return a.seqnum.cmp(&b.seqnum);
        }
        let within = match a.boot_id == b.boot_id {
            true => a.monotonic.cmp(&b.monotonic),
            false => self.order(a.boot_id, b.boot_id),
        };
        within.then(a.realtime.cmp(&b.realtime)).then(a.xor_hash.cmp(&b.xor_hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seqnum_id: u128, seqnum: u64, boot: u128, monotonic: u64, realtime: u64) -> Place {
        Place { seqnum_id: Id(seqnum_id), seqnum, boot_id: Id(boot), monotonic, realtime, xor_hash: 7 }
    }

    #[test]
    fn a_cursor_is_written_and_read_as_sd_journal_does() {
        let place = Place { xor_hash: 0, ..place(0xa, 0x1f, 0xb, 0, 0x5f) };
        let text = "s=0000000000000000000000000000000a;i=1f;b=0000000000000000000000000000000b;m=0;t=5f;x=0";
        assert_eq!(place.to_string(), text);
        let mut written = String::new();
        place.write_cursor(&mut written);
        assert_eq!(written, text);
        assert_eq!(Cursor::parse(text), Some(Cursor::from(place)));
        assert_eq!(Cursor::from(place).to_string(), text);
        assert_eq!(Cursor::parse("t=5f;q=1").unwrap().realtime, Some(0x5f));
        for wrong in ["", "s=0000000000000000000000000000000a", "x=1", "t=", "t=+1", "t=10000000000000000", "s=1;i=1", "t"] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_go_before_clocks_and_boots_before_wall_clocks() {
        let mut boots = Boots::default();
        boots.saw(Id(1), 500);
        boots.saw(Id(2), 900);
        boots.saw(Id(1), 100);
        // The wall clock was set back during boot 1.
        assert_eq!(boots.compare(&place(9, 1, 1, 10, 500), &place(9, 2, 1, 20, 100)), Ordering::Less);
        assert_eq!(boots.compare(&place(9, 1, 1, 10, 500), &place(8, 1, 1, 20, 100)), Ordering::Less);
        assert_eq!(boots.compare(&place(9, 1, 1, 10, 990), &place(8, 1, 2, 5, 800)), Ordering::Less);
        assert_eq!(boots.compare(&place(9, 1, 1, 10, 990), &place(8, 1, 3, 5, 800)), Ordering::Greater);
    }

    #[test]
    fn a_copy_has_another_sequence_and_a_repetition_another_number() {
        let entry = place(9, 1, 1, 10, 500);
        assert!(entry.is_copy_of(&place(8, 77, 1, 10, 500)));
        assert!(entry.is_copy_of(&entry));
        assert!(!entry.is_copy_of(&place(9, 2, 1, 10, 500)));
    }
}
