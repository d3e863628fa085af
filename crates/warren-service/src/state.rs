//! The state directory: what survives a restart.

use rustix::fs::{FlockOperation, Mode, flock};
use rustix::io::Errno;
use rustix::process::umask;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use warren_http::server::{Listener, Transport};

/// The last configuration that was good.
const LAST_GOOD: &str = "last-good.json";

/// Where a running process is asked for things.
const CONTROL_SOCKET: &str = "control.sock";

/// The control socket in a state directory.
pub(crate) fn control_socket_of(directory: &Path) -> PathBuf {
    directory.join(CONTROL_SOCKET)
}

/// The last good configuration in a state directory, if there is one.
pub(crate) fn last_good_of(directory: &Path) -> Option<String> {
    std::fs::read_to_string(directory.join(LAST_GOOD)).ok()
}

/// Why a state directory is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Another process has it.
    #[error("state directory {} is in use by another instance; give this one its own with --state-dir", .0.display())]
    InUse(PathBuf),
    /// It is of no use.
    #[error("state directory {}: {what}: {error}", .path.display())]
    Failed {
        /// Where it is.
        path: PathBuf,
        /// What could not be done.
        what: &'static str,
        /// Why.
        error: std::io::Error,
    },
}

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
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |what| move |error| OpenError::Failed { path: path.to_owned(), what, error };
        std::fs::create_dir_all(path).map_err(failed("cannot be made"))?;
        let lock = File::options().create(true).append(true).open(path.join("lock")).map_err(failed("cannot be written to"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => OpenError::InUse(path.to_owned()),
            error => failed("cannot be locked")(error.into()),
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
        self.write("instance-id", &format!("{id}\n")).map_err(failed)?;
        Ok(id)
    }

    /// Keeps a configuration for a start at which there is no better one. It holds secrets: nobody else may read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn keep_last_good(&self, text: &str) -> Result<(), String> {
        if last_good_of(&self.path).is_some_and(|kept| kept == text) {
            return Ok(());
        }
        self.write(LAST_GOOD, text).map_err(|error| format!("state directory: {}: {error}", self.path.join(LAST_GOOD).display()))
    }

    /// Listens on the control socket, which only the process's own user may open. Called inside the runtime.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn control_socket(&self) -> Result<Listener, String> {
        let path = control_socket_of(&self.path);
        // This process has the directory: what is there was left by one that is gone.
        let _ = std::fs::remove_file(&path);
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = Listener::bind(Transport::Unix, &path.to_string_lossy());
        umask(before);
        bound.map_err(|error| format!("state directory: {error}"))
    }

    /// Writes a file so that it is there whole or not at all.
    fn write(&self, name: &str, text: &str) -> std::io::Result<()> {
        let unfinished = self.path.join(format!("{name}.new"));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
        std::fs::rename(&unfinished, self.path.join(name))
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
        let error = StateDirectory::open(root.path()).err().unwrap().to_string();
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
