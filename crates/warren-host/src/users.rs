//! Names of users by number: `/etc/passwd`, read again when it changed.

use crate::KernelFile;
use crate::text::{lines, number};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Users that are kept; a directory of more is no local one.
const USERS_MAX: usize = 65_536;

/// What tells that a file changed: device, node, size, time of the last change.
type Stamp = (u64, u64, u64, i64, i64);

/// The local users.
#[derive(Debug)]
pub struct Users {
    path: PathBuf,
    stamp: Option<Stamp>,
    changes: u64,
    names: HashMap<u32, Box<str>>,
}

impl Users {
    /// The users of this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, stamp: None, changes: 0, names: HashMap::new() }
    }

    /// Looks whether the file changed, and reads it if it did. A file that cannot be read names nobody.
    pub fn refresh(&mut self) {
        let stamp =
            std::fs::metadata(&self.path).ok().map(|file| (file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        self.changes += 1;
        self.names.clear();
        if let Ok(text) = KernelFile::new(self.path.clone()).read() {
            for (user, name) in users(text).take(USERS_MAX) {
                self.names.entry(user).or_insert_with(|| name.into());
            }
        }
    }

    /// How often the file was found changed: names that were asked for hold until this changes.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The name of a user.
    pub fn name(&self, user: u32) -> Option<&str> {
        self.names.get(&user).map(AsRef::as_ref)
    }
}

/// Numbers and names of a `passwd`. Lines that do not read well are skipped.
pub fn users(passwd: &[u8]) -> impl Iterator<Item = (u32, &str)> {
    lines(passwd).filter_map(|line| {
        let mut parts = line.split(|byte| *byte == b':');
        let name = str::from_utf8(parts.next()?).ok().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
        Some((u32::try_from(number(parts.nth(1)?)?).ok()?, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_again_when_it_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passwd");
        let mut users = Users::new(path.clone());
        users.refresh();
        assert_eq!(users.name(0), None);
        std::fs::write(&path, "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n+nis\nbad\n# c:x:7:\n").unwrap();
        users.refresh();
        assert_eq!((users.name(0), users.name(7)), (Some("root"), None));
        std::fs::write(&path, "rabbitmq:x:100:1::/:/bin/sh\n").unwrap();
        users.refresh();
        assert_eq!((users.name(0), users.name(100)), (None, Some("rabbitmq")));
    }
}
