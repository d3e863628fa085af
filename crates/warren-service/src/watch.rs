//! `--watch`: the files of the configuration are looked at, and when one has changed they are read again.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use warren_component::Control;

/// How often files are looked at. A change counts when two looks see the same, so that a file is not read while it is written.
const INTERVAL: Duration = Duration::from_secs(1);

/// The files that are watched; they may become others with each reload.
#[derive(Clone, Default)]
pub(crate) struct Watched(Arc<Mutex<Vec<PathBuf>>>);

/// What tells one state of a file from another: device, inode, size, time of change. None for a file that cannot be looked at.
type Look = Option<(u64, u64, u64, i64, i64)>;

impl Watched {
    /// Watches these from now on.
    pub(crate) fn set(&self, files: Vec<PathBuf>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Asks for a reload whenever a file has changed.
    pub(crate) async fn run(self, control: Control) {
        let mut read = self.look();
        let mut seen = read.clone();
        loop {
            tokio::time::sleep(INTERVAL).await;
            let now = self.look();
            if now != read && now == seen {
                control.reload();
                read = now.clone();
            }
            seen = now;
        }
    }

    /// Looking at a file takes no longer than the system needs to find it.
    fn look(&self) -> Vec<(PathBuf, Look)> {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let look = |path: PathBuf| {
            let found = std::fs::metadata(&path).ok();
            let look = found.map(|file| (file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec()));
            (path, look)
        };
        files.into_iter().map(look).collect()
    }
}
