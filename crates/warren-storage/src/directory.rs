//! A directory of one client: a lock, and small values.
//!
//! ```text
//! <directory>/lock             held while the directory is
//! <directory>/value-<key>      checksum (8 bytes, little endian), then the value
//! <directory>/value-<key>.new  the next value while it is written; renamed over the former when it is complete
//! ```

use rustix::fs::{FlockOperation, flock};
use std::fmt::Write as _;
use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind, Result, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh64::xxh64;

/// Most bytes of one value.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// Longest part of a text that a file name is made of as it is; file systems take names of 255 bytes.
const NAME_BYTES_MAX: usize = 180;

/// How a directory is kept.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether what is written is on the medium before it counts as written. Without, it survives the end of the process, but not the
    /// loss of power.
    pub fsync: bool,
    /// Most bytes of a log in it.
    pub bytes_max: u64,
    /// Permissions of the directory if it has to be made.
    pub mode: u32,
}

/// Where a directory is to be, and how it is to be kept.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where.
    pub path: PathBuf,
    /// How.
    pub policy: Policy,
}

/// A directory that one client alone writes to, until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Held>);

#[derive(Debug)]
struct Held {
    path: PathBuf,
    policy: Mutex<Policy>,
    _lock: File,
}

/// Why a directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another client, here or in another process, holds it.
    #[error("{0} is in use; two components or processes cannot keep their state in one directory")]
    InUse(PathBuf),
    /// It cannot be made or written to.
    #[error("{path}: {source}")]
    Failed {
        /// What was to be made.
        path: PathBuf,
        /// Why it was not.
        source: Error,
    },
}

impl Directory {
    /// Takes the directory, and makes it if it is missing; the one above must be there.
    ///
    /// # Errors
    /// When it cannot be made or written to, or someone else holds it.
    pub fn open(place: Place) -> std::result::Result<Self, DirectoryError> {
        let Place { path, policy } = place;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DirectoryError::Failed { path, source }
        };
        match DirBuilder::new().mode(policy.mode).create(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&path)(error)),
            _ => {}
        }
        let name = path.join("lock");
        let lock = File::options().create(true).append(true).open(&name).map_err(failed(&name))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self(Arc::new(Held { path, policy: Mutex::new(policy), _lock: lock }))),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DirectoryError::InUse(path)),
            Err(error) => Err(failed(&name)(error.into())),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How it is kept.
    pub fn policy(&self) -> Policy {
        *self.0.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps it in another way from now on.
    pub fn keep(&self, policy: Policy) {
        *self.0.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was once written ([`ErrorKind::InvalidData`]).
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let path = self.value(key);
        let mut bytes = match read_bounded(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let (sum, value) = bytes.split_first_chunk().ok_or_else(|| damaged(&path))?;
        if u64::from_le_bytes(*sum) != xxh64(value, 0) {
            return Err(damaged(&path));
        }
        bytes.drain(..size_of::<u64>());
        Ok(Some(bytes))
    }

    /// Replaces the value of a key. Whatever happens meanwhile, the former or the new one is there afterwards.
    ///
    /// # Errors
    /// When the value is too long ([`VALUE_BYTES_MAX`]) or cannot be written; the former value stays.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        if value.len() > VALUE_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidInput, format!("a value has at most {VALUE_BYTES_MAX} bytes")));
        }
        let path = self.value(key);
        let unfinished = path.with_extension("new");
        let written = self.write(&unfinished, value).and_then(|()| std::fs::rename(&unfinished, &path));
        if written.is_err() {
            // It is overwritten at the next attempt; removing it only gives the room back.
            let _ = std::fs::remove_file(&unfinished);
        }
        written?;
        self.sync()
    }

    /// Removes a key and its value.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove(&self, key: &str) -> Result<()> {
        match std::fs::remove_file(self.value(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => self.sync(),
        }
    }

    /// Makes sure of names that were added or removed, if the policy asks for it.
    pub(crate) fn sync(&self) -> Result<()> {
        if self.policy().fsync { File::open(self.path())?.sync_all() } else { Ok(()) }
    }

    fn write(&self, path: &Path, value: &[u8]) -> Result<()> {
        let mut file = File::create(path)?;
        file.write_all(&xxh64(value, 0).to_le_bytes())?;
        file.write_all(value)?;
        if self.policy().fsync { file.sync_all() } else { Ok(()) }
    }

    fn value(&self, key: &str) -> PathBuf {
        self.path().join(format!("value-{}", file_name(key).replace('.', "~002E")))
    }
}

/// A file name made of any text: letters, digits, `-`, `_` and `.` stand as they are, others as `~` and the character's number in
/// hexadecimal. Of a long text, a checksum stands for the rest.
pub fn file_name(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.') {
            name.push(letter);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "~{:04X}", u32::from(letter));
        }
    }
    if name.len() > NAME_BYTES_MAX {
        name.truncate(NAME_BYTES_MAX);
        let _ = write!(name, "~{:016x}", xxh64(text.as_bytes(), 0));
    }
    name
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let length = std::fs::metadata(path)?.len();
    if length > (VALUE_BYTES_MAX + size_of::<u64>()) as u64 {
        return Err(damaged(path));
    }
    std::fs::read(path)
}

fn damaged(path: &Path) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{}: damaged", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { fsync: true, bytes_max: 1 << 20, mode: 0o750 };

    fn open(path: &Path) -> std::result::Result<Directory, DirectoryError> {
        Directory::open(Place { path: path.to_owned(), policy: POLICY })
    }

    #[test]
    fn a_value_is_replaced_as_a_whole_and_survives() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("client");
        let directory = open(&path).unwrap();
        assert_eq!(directory.get("cursor").unwrap(), None);
        directory.put("cursor", b"s=1;i=2").unwrap();
        directory.put("cursor", b"").unwrap();
        directory.put("../x/ü", b"other").unwrap();
        drop(directory);
        let directory = open(&path).unwrap();
        assert_eq!(directory.get("cursor").unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(directory.get("../x/ü").unwrap().as_deref(), Some(&b"other"[..]));
        directory.remove("cursor").unwrap();
        directory.remove("cursor").unwrap();
        assert_eq!(directory.get("cursor").unwrap(), None);
    }

    #[test]
    fn a_damaged_value_is_told_and_never_taken_for_a_value() {
        let root = tempfile::tempdir().unwrap();
        let directory = open(&root.path().join("client")).unwrap();
        directory.put("cursor", b"s=1;i=2").unwrap();
        let file = directory.value("cursor");
        let whole = std::fs::read(&file).unwrap();
        for damage in [vec![], whole[..5].to_vec(), whole[..whole.len() - 1].to_vec(), vec![0; VALUE_BYTES_MAX + 9]] {
            std::fs::write(&file, damage).unwrap();
            assert_eq!(directory.get("cursor").unwrap_err().kind(), ErrorKind::InvalidData);
        }
        assert!(directory.put("cursor", &vec![0; VALUE_BYTES_MAX + 1]).is_err());
        directory.put("cursor", b"again").unwrap();
        assert_eq!(directory.get("cursor").unwrap().as_deref(), Some(&b"again"[..]));
    }

    #[test]
    fn a_directory_has_one_client_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let first = open(&root.path().join("client")).unwrap();
        let clone = first.clone();
        drop(first);
        let error = open(&root.path().join("client")).unwrap_err();
        assert!(matches!(error, DirectoryError::InUse(_)), "{error}");
        drop(clone);
        open(&root.path().join("client")).unwrap();
    }

    #[test]
    fn names_of_files_are_safe_and_differ() {
        assert_eq!(file_name("exporter_otlphttp_a/b c_logs"), "exporter_otlphttp_a~002Fb~0020c_logs");
        let (one, other) = (file_name(&"a".repeat(1000)), file_name(&"a".repeat(1001)));
        assert!(one.len() < 255 && one != other);
        assert_ne!(file_name(&"/".repeat(100)), file_name(&"/".repeat(99)));
    }
}
