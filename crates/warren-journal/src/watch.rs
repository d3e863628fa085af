//! Hearing of changes instead of looking for them.

use crate::source::Found;
use hashbrown::HashMap;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Directories that are watched.
const WATCHES_MAX: usize = 1024;

/// Kinds of file systems on which others write unheard: NFS, SMB and CIFS, FUSE, 9P, Ceph.
const REMOTE: [u64; 6] = [0x6969, 0x517b, 0xff53_4d42, 0x6573_5546, 0x0102_1997, 0x00c3_6400];

/// Watches directories.
pub(crate) struct Watch {
    inotify: Option<OwnedFd>,
    /// What is watched for what.
    watched: HashMap<PathBuf, WatchFlags>,
    incomplete: bool,
}

/// What was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Files came, went, were renamed, or something was missed.
    pub(crate) files: bool,
    /// A file has grown.
    pub(crate) growth: bool,
}

impl Watch {
    pub(crate) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok();
        Self { incomplete: inotify.is_none(), inotify, watched: HashMap::new() }
    }

    /// Another descriptor that becomes readable when there is news.
    pub(crate) fn descriptor(&self) -> Option<io::Result<OwnedFd>> {
        self.inotify.as_ref().map(|inotify| inotify.as_fd().try_clone_to_owned())
    }

    /// Whether something may change unheard, so that it must be looked for.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Watches what a look found. To be called before the files are read, and the look repeated if this adds a directory.
    pub(crate) fn follow(&mut self, found: &Found) -> bool {
        let names = WatchFlags::CREATE | WatchFlags::MOVED_TO;
        let all = names
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        let wanted = found.parents.iter().map(|path| (path, names)).chain(found.directories.iter().map(|path| (path, all)));
        let wanted: HashMap<&Path, WatchFlags> = wanted.map(|(path, flags)| (path.as_path(), flags)).collect();
        let mut added = false;
        self.incomplete = self.inotify.is_none();
        for (path, flags) in &wanted {
            if self.watched.get(*path) != Some(flags) {
                added |= self.add(path, *flags);
            }
            self.incomplete |= !self.watched.contains_key(*path) || is_remote(path);
        }
        // Of what is wanted no more the system forgets the watch with the directory; what it says about another is only a look too many.
        self.watched.retain(|path, _| wanted.contains_key(path.as_path()));
        added
    }

    fn add(&mut self, path: &Path, flags: WatchFlags) -> bool {
        let Some(inotify) = self.inotify.as_ref().filter(|_| self.watched.len() < WATCHES_MAX) else { return false };
        let added = inotify::add_watch(inotify, path, flags | WatchFlags::ONLYDIR).is_ok();
        if added {
            self.watched.insert(path.to_owned(), flags);
        }
        added
    }

    /// Everything that was heard since.
    pub(crate) fn news(&mut self) -> News {
        let mut news = News::default();
        let Some(inotify) = &self.inotify else { return News { files: true, growth: true } };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::MODIFY) {
                news.growth = true;
            }
            news.files |= flags.intersects(ReadFlags::all() - ReadFlags::MODIFY);
            // A directory that went and came back is another one under the same name.
            if flags.intersects(ReadFlags::IGNORED | ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::QUEUE_OVERFLOW) {
                self.watched.clear();
            }
        }
        news
    }
}

fn is_remote(path: &Path) -> bool {
    rustix::fs::statfs(path).is_ok_and(|stat| REMOTE.contains(&(stat.f_type as u64 & 0xffff_ffff)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_and_new_names_are_told_apart() {
        let root = tempfile::tempdir().unwrap();
        let mut watch = Watch::new();
        let found = Found { directories: [root.path().to_owned()].into(), ..Found::default() };
        assert!(watch.follow(&found));
        assert!(!watch.follow(&found));
        let file = root.path().join("a.journal");
        std::fs::write(&file, "").unwrap();
        assert!(watch.news().files);
        assert_eq!(watch.news(), News::default());
        std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(10).unwrap();
        assert_eq!(watch.news(), News { files: false, growth: true });
        std::fs::rename(&file, root.path().join("b.journal")).unwrap();
        assert!(watch.news().files);
    }

    #[test]
    fn a_directory_that_is_made_anew_is_watched_again() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("inner");
        let mut watch = Watch::new();
        std::fs::create_dir(&inner).unwrap();
        let found = Found { directories: [inner.clone()].into(), parents: [root.path().to_owned()].into(), ..Found::default() };
        watch.follow(&found);
        std::fs::remove_dir(&inner).unwrap();
        std::fs::create_dir(&inner).unwrap();
        assert!(watch.news().files);
        assert!(watch.follow(&found));
        std::fs::write(inner.join("x"), "").unwrap();
        assert!(watch.news().files);
    }
}
