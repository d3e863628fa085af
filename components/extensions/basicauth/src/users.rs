//! The users of `htpasswd` lines.

use crate::config::HtpasswdSettings;
use crate::hash::Hash;
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;
use warren_component::BuildError;

/// The largest file that is read.
const FILE_SIZE_MAX: u64 = 16 << 20;

/// Users and the hashes of their passwords.
#[derive(Default)]
pub(crate) struct Users {
    by_name: HashMap<Vec<u8>, Hash>,
    /// Lines that are none.
    pub(crate) bad_lines: usize,
    /// What the file was when it was read.
    pub(crate) version: Option<Version>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

impl Users {
    /// Reads the file, if there is one, and then the settings' own lines. A later line of a user wins.
    ///
    /// # Errors
    /// In upstream's words when the file cannot be read.
    pub(crate) fn read(settings: &HtpasswdSettings) -> Result<Self, BuildError> {
        let mut users = Self::default();
        if !settings.file.is_empty() {
            let failed = |error: std::io::Error| {
                let text = error.to_string().replace("No such file or directory (os error 2)", "no such file or directory");
                BuildError::new(format!("open htpasswd file: open {}: {text}", settings.file))
            };
            let file = File::open(&settings.file).map_err(failed)?;
            let version = Version::of(&file.metadata().map_err(failed)?);
            if version.size > FILE_SIZE_MAX {
                return Err(BuildError::new(format!(
                    "read htpasswd content: {} is larger than {FILE_SIZE_MAX} bytes",
                    settings.file
                )));
            }
            let mut text = Vec::new();
            file.take(FILE_SIZE_MAX).read_to_end(&mut text).map_err(failed)?;
            users.version = Some(version);
            users.add(&String::from_utf8_lossy(&text));
        }
        users.add(settings.inline.expose());
        Ok(users)
    }

    fn add(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(':').and_then(|(user, hash)| Some((user, Hash::parse(hash)?))) {
                Some((user, hash)) => _ = self.by_name.insert(user.as_bytes().to_vec(), hash),
                None => self.bad_lines += 1,
            }
        }
    }

    /// The hash of a user's password.
    pub(crate) fn get(&self, user: &[u8]) -> Option<&Hash> {
        self.by_name.get(user)
    }
}

impl Version {
    /// What a file is now; none if it cannot be seen.
    pub(crate) fn now(file: &str) -> Option<Self> {
        std::fs::metadata(file).ok().map(|metadata| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), size: metadata.len(), inode: metadata.ino() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::Secret;

    fn users(file: &str, inline: &str) -> Users {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("htpasswd");
        std::fs::write(&path, file).unwrap();
        Users::read(&HtpasswdSettings { file: path.to_str().unwrap().to_owned(), inline: Secret::new(inline) }).unwrap()
    }

    #[test]
    fn lines_of_the_settings_win_over_those_of_the_file_and_later_ones_over_earlier() {
        let users = users("a:file\nb:file\nb:later\n", "  a:inline  \r\n\n");
        let is = |user: &str, password: &str| users.get(user.as_bytes()).unwrap().matches(password.as_bytes());
        assert!(is("a", "inline") && !is("a", "file") && is("b", "later"));
        assert_eq!(users.bad_lines, 0);
    }

    #[test]
    fn lines_that_are_none_are_counted_and_left_out() {
        let users = users("no colon\nu:{SHA}???\n", "v:pass:word");
        assert_eq!(users.bad_lines, 2);
        assert!(users.get(b"u").is_none() && users.get(b"v").unwrap().matches(b"pass:word"));
    }

    #[test]
    fn a_file_that_is_missing_is_told_in_upstreams_words() {
        let settings = HtpasswdSettings { file: "/does/not/exist".into(), inline: Secret::default() };
        let error = Users::read(&settings).err().unwrap();
        assert_eq!(error.to_string(), "open htpasswd file: open /does/not/exist: no such file or directory");
    }
}
