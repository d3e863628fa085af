//! The state directory: what survives a restart.

use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A directory that this process alone keeps its state in.
pub(crate) struct StateDirectory {
    path: PathBuf,
    /// Held while the process lives.
    _lock: File,
}

/// The directory asked for, else the one that systemd gives a service.
pub(crate) fn chosen(option: Option<PathBuf>, systemd: Option<String>) -> Option<PathBuf> {
    let given = systemd.filter(|list| !list.is_empty());
    option.or_else(|| Some(PathBuf::from(given?.split(':').next()?)))
}

impl StateDirectory {
    /// Makes the directory if it is missing, and takes it.
    ///
    /// # Errors
    /// When it cannot be made or written to, or another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("state directory {}: {what}: {error}", path.display());
        std::fs::create_dir_all(path).map_err(|error| failed("cannot be made", &error))?;
        let name = path.join("lock");
        let lock =
            File::options().create(true).append(true).open(&name).map_err(|error| failed("cannot be written to", &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            format!("state directory {} is in use by another instance; give this one its own with --state-dir", path.display())
        })?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The identity that this instance keeps; a new one is made of `random` the first time.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(crate) fn instance_id(&self, random: impl FnOnce() -> String) -> Result<String, String> {
        let name = self.path.join("instance-id");
        let failed = |error: std::io::Error| format!("state directory: {}: {error}", name.display());
        match std::fs::read_to_string(&name) {
            Ok(text) if is_id(text.trim()) => return Ok(text.trim().to_owned()),
            // A file that holds no id is as good as none: an earlier process was cut off before it was written.
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let id = random();
        let unfinished = self.path.join("instance-id.new");
        let mut file = File::create(&unfinished).map_err(failed)?;
        writeln!(file, "{id}").and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&unfinished, &name).map_err(failed)?;
        Ok(id)
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b0e7a3e-0000-4000-8000-000000000001";

    #[test]
    fn the_identity_survives_and_a_damaged_one_is_made_anew() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let id = |random: &str| StateDirectory::open(&path).unwrap().instance_id(|| random.to_owned()).unwrap();
        assert_eq!(id(ID), ID);
        assert_eq!(id("never asked for"), ID);
        std::fs::write(path.join("instance-id"), "").unwrap();
        let other = ID.replace('1', "2");
        assert_eq!(id(&other), other);
    }

    #[test]
    fn a_second_instance_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let first = StateDirectory::open(root.path()).unwrap();
        let error = StateDirectory::open(root.path()).err().unwrap();
        assert!(error.contains("in use by another instance") && error.contains("--state-dir"), "{error}");
        drop(first);
        StateDirectory::open(root.path()).unwrap();
    }

    #[test]
    fn a_flag_wins_over_systemd_which_may_give_several() {
        let flag = Some(PathBuf::from("/f"));
        assert_eq!(chosen(flag, Some("/s".to_owned())), Some(PathBuf::from("/f")));
        assert_eq!(chosen(None, Some("/s:/t".to_owned())), Some(PathBuf::from("/s")));
        assert_eq!(chosen(None, Some(String::new())), None);
        assert_eq!(chosen(None, None), None);
    }
}
