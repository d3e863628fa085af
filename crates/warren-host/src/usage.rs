//! How full a mounted file system is, asked so that one that hangs does not hang the caller.
//!
//! `statvfs` on a file system whose server is gone may never return. A thread asks; the caller waits for it up to a deadline and then goes on
//! without it. The mount counts as stuck until its thread answers, and is not asked again before; the threads are bounded.

use crate::reason;
use rustix::io::Errno;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

/// Mounts that may be stuck at the same time. When so many are, only mounts that answered last time are asked.
pub const MOUNTS_STUCK_MAX: usize = 8;

/// Stack of a thread that asks.
const STACK_BYTES: usize = 64 << 10;

/// What a file system says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of a block as transfers prefer it.
    pub transfer_block_bytes: u64,
    /// Bytes of a block as the counts below mean it. They are the same but on some network file systems.
    pub block_bytes: u64,
    /// Blocks there are.
    pub blocks: u64,
    /// Blocks that are free.
    pub blocks_free: u64,
    /// Blocks that are free for everybody.
    pub blocks_available: u64,
    /// Files there can be.
    pub files: u64,
    /// Files that can be made yet.
    pub files_free: u64,
}

/// Why it is not known how full a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The kernel says why.
    #[error("{}", reason(*.0))]
    Refused(Errno),
    /// It did not answer in time, or has not answered an earlier question yet.
    #[error("does not answer; it is not asked again until it does")]
    Stuck,
    /// Too many others do not answer.
    #[error("not asked, because {MOUNTS_STUCK_MAX} others do not answer")]
    Crowded,
    /// No thread could be made to ask.
    #[error("no thread to ask with")]
    NoThread,
}

/// Asks a file system; blocks for as long as that takes.
type Ask = fn(&Path) -> Result<Usage, Errno>;

/// Asks mounted file systems.
#[derive(Debug)]
pub struct Mounts {
    ask: Ask,
    idle: Option<Asker>,
    stuck: HashMap<PathBuf, Asker>,
}

/// A thread that asks.
#[derive(Debug)]
struct Asker {
    questions: Sender<PathBuf>,
    answers: Receiver<Result<Usage, Errno>>,
}

impl Default for Mounts {
    fn default() -> Self {
        Self::new(statvfs)
    }
}

impl Mounts {
    fn new(ask: Ask) -> Self {
        Self { ask, idle: None, stuck: HashMap::new() }
    }

    /// How full the file system at `path` is. Waits for the answer for `within` at most. `trusted` says that it answered last time.
    ///
    /// # Errors
    /// When it does not answer, or says why not.
    pub fn usage(&mut self, path: &Path, trusted: bool, within: Duration) -> Result<Usage, UsageError> {
        if let Some(asker) = self.stuck.get(path) {
            let answer = match asker.answers.try_recv() {
                Err(TryRecvError::Empty) => return Err(UsageError::Stuck),
                Ok(answer) => answer.map_err(UsageError::Refused),
                Err(TryRecvError::Disconnected) => Err(UsageError::NoThread),
            };
            let freed = self.stuck.remove(path);
            self.idle = self.idle.take().or(freed);
            return answer;
        }
        if self.stuck.len() >= MOUNTS_STUCK_MAX && !trusted {
            return Err(UsageError::Crowded);
        }
        let asker = match self.idle.take() {
            Some(asker) => asker,
            None if self.stuck.len() > MOUNTS_STUCK_MAX => return Err(UsageError::Crowded),
            None => Asker::start(self.ask).ok_or(UsageError::NoThread)?,
        };
        if asker.questions.send(path.to_owned()).is_err() {
            return Err(UsageError::NoThread);
        }
        match asker.answers.recv_timeout(within) {
            Ok(answer) => {
                self.idle = Some(asker);
                answer.map_err(UsageError::Refused)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.stuck.insert(path.to_owned(), asker);
                Err(UsageError::Stuck)
            }
            Err(RecvTimeoutError::Disconnected) => Err(UsageError::NoThread),
        }
    }

    /// How many mounts do not answer.
    pub fn stuck(&self) -> usize {
        self.stuck.len()
    }
}

impl Asker {
    /// A thread that lives as long as it is asked.
    fn start(ask: Ask) -> Option<Self> {
        let (questions, asked) = channel::<PathBuf>();
        let (answer, answers) = channel();
        let work = move || {
            while let Ok(path) = asked.recv() {
                if answer.send(ask(&path)).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("warren-mounts".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(work).ok().map(|_| Self { questions, answers })
    }
}

fn statvfs(path: &Path) -> Result<Usage, Errno> {
    let told = rustix::fs::statvfs(path)?;
    Ok(Usage {
        transfer_block_bytes: told.f_bsize,
        block_bytes: told.f_frsize,
        blocks: told.f_blocks,
        blocks_free: told.f_bfree,
        blocks_available: told.f_bavail,
        files: told.f_files,
        files_free: told.f_ffree,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    /// Released mounts: a question about `/hung/N` waits until `N` is below this.
    static RELEASED: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());

    fn hanging(path: &Path) -> Result<Usage, Errno> {
        if let Some(number) = path.strip_prefix("/hung").ok().and_then(|rest| rest.to_str()?.parse::<u32>().ok()) {
            let released = RELEASED.0.lock().unwrap();
            drop(RELEASED.1.wait_while(released, |released| *released <= number).unwrap());
        }
        Ok(Usage { blocks: 7, ..Usage::default() })
    }

    #[test]
    fn mounts_that_hang_cost_their_deadline_once_and_leave_the_others_alone() {
        let at = |number: usize| PathBuf::from(format!("/hung/{number}"));
        let soon = Duration::from_millis(1);
        let patient = Duration::from_secs(30);
        let mut mounts = Mounts::new(hanging);
        assert_eq!(mounts.usage(Path::new("/"), false, patient).unwrap().blocks, 7);
        for number in 0..MOUNTS_STUCK_MAX {
            assert_eq!(mounts.usage(&at(number), false, soon), Err(UsageError::Stuck));
        }
        // Known to hang: no waiting, however patient the caller is.
        assert_eq!(mounts.usage(&at(0), true, patient), Err(UsageError::Stuck));
        assert_eq!(mounts.usage(Path::new("/new"), false, patient), Err(UsageError::Crowded));
        assert_eq!(mounts.usage(Path::new("/"), true, patient).unwrap().blocks, 7);
        assert_eq!(mounts.usage(&at(99), true, soon), Err(UsageError::Stuck));
        assert_eq!(mounts.usage(Path::new("/"), true, patient), Err(UsageError::Crowded), "no thread is left");
        assert_eq!(mounts.stuck(), MOUNTS_STUCK_MAX + 1);
        *RELEASED.0.lock().unwrap() = 1000;
        RELEASED.1.notify_all();
        for number in (0..MOUNTS_STUCK_MAX).chain([99]) {
            while mounts.usage(&at(number), true, patient) == Err(UsageError::Stuck) {
                std::thread::yield_now();
            }
        }
        assert_eq!(mounts.stuck(), 0);
        assert_eq!(mounts.usage(Path::new("/new"), false, patient).unwrap().blocks, 7);
    }

    #[test]
    fn the_kernel_is_asked() {
        let mut mounts = Mounts::default();
        let usage = mounts.usage(Path::new("/"), false, Duration::from_secs(30)).unwrap();
        assert!(usage.blocks >= usage.blocks_free && usage.block_bytes > 0);
        let refused = mounts.usage(Path::new("/no/such/place"), false, Duration::from_secs(30)).unwrap_err();
        assert_eq!(refused.to_string(), "no such file or directory");
    }
}
