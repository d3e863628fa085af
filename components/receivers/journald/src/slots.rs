//! A small value on disk that is replaced in place: a full disk does not keep it from being written, a torn write loses only itself.
//!
//! The file holds two slots; the value goes into the older one, with a number and a checksum.
//!
//! ```text
//! slot: checksum of the rest u64 · number u64 · length u64 · value     (little endian)
//! ```

use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use xxhash_rust::xxh64::xxh64;

const SLOT_BYTES: usize = 16 << 10;
const HEAD_BYTES: usize = 24;

/// Longest value.
pub(crate) const VALUE_BYTES_MAX: usize = SLOT_BYTES - HEAD_BYTES;

/// The file.
pub(crate) struct Slots {
    file: File,
    /// Number of the newest value; zero before the first.
    newest: u64,
    buffer: Vec<u8>,
}

/// What a file holds.
pub(crate) enum Found {
    /// Nothing was ever written.
    Nothing,
    /// The newest value that is whole.
    Value(Vec<u8>),
    /// Something was, and is not whole any more.
    Damaged,
}

impl Slots {
    /// Opens the file, or makes it with room for both slots.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Found)> {
        let file = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let mut bytes = vec![0; 2 * SLOT_BYTES];
        let had = read_some(&file, &mut bytes)?;
        if had < bytes.len() {
            // Written, not only made longer, so that later writes need no room.
            file.write_all_at(bytes.get(had..).unwrap_or_default(), had as u64)?;
        }
        let (first, second) = bytes.split_at(SLOT_BYTES);
        let newest = [first, second].into_iter().filter_map(read_slot).max_by_key(|(number, _)| *number);
        let touched = bytes.iter().any(|byte| *byte != 0);
        let slots = |newest| Self { file, newest, buffer: Vec::new() };
        Ok(match newest {
            Some((number, value)) => (slots(number), Found::Value(value)),
            None => (slots(0), if touched { Found::Damaged } else { Found::Nothing }),
        })
    }

    /// Replaces the value.
    pub(crate) fn put(&mut self, value: &[u8]) -> io::Result<()> {
        if value.len() > VALUE_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidInput, format!("a value has at most {VALUE_BYTES_MAX} bytes")));
        }
        let number = self.newest + 1;
        self.buffer.clear();
        self.buffer.extend([0; 8]);
        self.buffer.extend(number.to_le_bytes());
        self.buffer.extend((value.len() as u64).to_le_bytes());
        self.buffer.extend(value);
        let sum = xxh64(self.buffer.get(8..).unwrap_or_default(), 0);
        self.buffer.iter_mut().zip(sum.to_le_bytes()).for_each(|(to, from)| *to = from);
        self.file.write_all_at(&self.buffer, (number % 2) * SLOT_BYTES as u64)?;
        self.newest = number;
        Ok(())
    }

    /// Waits until the medium has it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn read_slot(slot: &[u8]) -> Option<(u64, Vec<u8>)> {
    let (sum, rest) = slot.split_first_chunk()?;
    let (number, after) = rest.split_first_chunk()?;
    let (length, value) = after.split_first_chunk()?;
    let value = value.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let summed = rest.get(..16 + value.len())?;
    let number = u64::from_le_bytes(*number);
    (number > 0 && u64::from_le_bytes(*sum) == xxh64(summed, 0)).then(|| (number, value.to_vec()))
}

fn read_some(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(path: &Path) -> Option<Vec<u8>> {
        match Slots::open(path).unwrap().1 {
            Found::Value(value) => Some(value),
            Found::Nothing => None,
            Found::Damaged => panic!("damaged"),
        }
    }

    #[test]
    fn the_newest_whole_value_is_found() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cursor");
        assert_eq!(value(&path), None);
        let (mut slots, _) = Slots::open(&path).unwrap();
        for text in ["one", "two", "three"] {
            slots.put(text.as_bytes()).unwrap();
            assert_eq!(value(&path).as_deref(), Some(text.as_bytes()));
        }
        // Torn while "four" is written: "three" is still there.
        let whole = std::fs::read(&path).unwrap();
        slots.put(b"four").unwrap();
        let mut torn = std::fs::read(&path).unwrap();
        torn[HEAD_BYTES + 2] ^= 1;
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(value(&path).as_deref(), Some(&b"three"[..]));
        assert_eq!(whole.len(), 2 * SLOT_BYTES);
        assert!(slots.put(&vec![0; VALUE_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_file_that_holds_nothing_whole_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("cursor");
        std::fs::write(&path, "garbage").unwrap();
        let (mut slots, found) = Slots::open(&path).unwrap();
        assert!(matches!(found, Found::Damaged));
        slots.put(b"again").unwrap();
        assert_eq!(value(&path).as_deref(), Some(&b"again"[..]));
    }
}
