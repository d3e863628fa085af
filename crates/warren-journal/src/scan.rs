//! The files of a journal as they come, go, and are renamed.

use crate::cover::Covers;
use crate::error::HeaderFault;
use crate::header::Header;
use crate::journal::{Counts, Notice, Start, words};
use crate::place::Boots;
use crate::source::{FILES_MAX, Found, FoundFile, Source};
use crate::tracked::{Next, Skip, Tracked, open};
use crate::watch::Watch;
use crate::windows::Windows;
use crate::{Id, Place, Position};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Files that are open at the same time although nobody writes to them any more.
const OPEN_MAX: usize = 64;

/// Files that went and are remembered, in case they come back.
const DEPARTED_MAX: usize = 256;

/// Paths that cannot be read and are remembered, so that each is told once.
const UNREADABLE_MAX: usize = 1024;

/// An entry, and how many with its content were read in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    pub(crate) place: Place,
    pub(crate) same: u64,
}

/// The files of a journal.
pub(crate) struct Files {
    source: Source,
    pub(crate) watch: Watch,
    pub(crate) all: Vec<Tracked>,
    pub(crate) windows: Windows,
    pub(crate) boots: Boots,
    /// The entry that was read last.
    pub(crate) last: Option<Last>,
    pub(crate) counts: Counts,
    pub(crate) notices: Vec<Notice>,
    /// Whose journals there are, and what was read of each.
    origins: Vec<(String, Covers)>,
    /// Up to which number the entries of a sequence were there when reading began.
    floors: HashMap<Id, u64>,
    departed: VecDeque<(Id, u64)>,
    unreadable: HashMap<PathBuf, u64>,
    first_boot: Option<Id>,
    next_id: u32,
    /// A file is there that its writer has not begun yet, or one is not where it was.
    look_anew: bool,
}

impl Files {
    /// Finds the files and where in each to begin.
    pub(crate) fn open(source: Source, start: &Start) -> Self {
        let mut files = Self {
            source,
            watch: Watch::new(),
            all: Vec::new(),
            windows: Windows::default(),
            boots: Boots::default(),
            last: None,
            counts: Counts::default(),
            notices: Vec::new(),
            origins: Vec::new(),
            floors: HashMap::new(),
            departed: VecDeque::new(),
            unreadable: HashMap::new(),
            first_boot: None,
            next_id: 0,
            look_anew: false,
        };
        let found = files.look();
        for file in found.files {
            files.meet(file);
        }
        files.begin(start);
        files
    }

    /// Looks for files, and watches where it looked before it relies on what it saw.
    fn look(&mut self) -> Found {
        let mut found = self.source.look();
        // A directory that appears while it is looked for adds one more look.
        for _ in 0..4 {
            if !self.watch.follow(&found) {
                break;
            }
            found = self.source.look();
        }
        for (path, error) in std::mem::take(&mut found.failed) {
            self.tell_unreadable(&path, 0, &format!("cannot be read: {error}"));
        }
        found
    }

    /// Tells once that a path cannot be read.
    fn tell_unreadable(&mut self, path: &Path, inode: u64, message: &str) {
        if self.unreadable.get(path) == Some(&inode) || self.unreadable.len() >= UNREADABLE_MAX {
            return;
        }
        self.unreadable.insert(path.to_owned(), inode);
        self.counts.unreadable_files += 1;
        self.notices.push(Notice { path: path.to_owned(), message: message.to_owned() });
    }

    /// Knows a file from now on; gives its index if it was not known.
    fn meet(&mut self, found: FoundFile) -> Option<usize> {
        let inode = std::fs::metadata(&found.path).map(|metadata| metadata.ino()).unwrap_or_default();
        // The name of an archived file says which it is; that of an active one does not.
        let known =
            self.all.iter_mut().find(|file| file.path == found.path && file.inode == inode && !file.active && !found.active);
        if let Some(file) = known {
            file.gone = false;
            return None;
        }
        let (file, header) = match open(&found.path).and_then(|file| Header::read(&file).map(|header| (file, header))) {
            Ok(opened) => opened,
            Err(HeaderFault::Unwritten) => {
                self.look_anew = true;
                return None;
            }
            Err(HeaderFault::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(fault) => {
                self.tell_unreadable(&found.path, inode, &fault.to_string());
                return None;
            }
        };
        if let Some(known) = self.all.iter_mut().find(|file| file.file_id() == header.file_id) {
            // Known under another name, or a second copy of it.
            if known.inode == inode || known.gone {
                let was_active = std::mem::replace(&mut known.active, found.active);
                (known.path, known.inode, known.gone) = (found.path, inode, false);
                if was_active && !known.active {
                    known.settle(header, &mut self.windows);
                }
            }
            return None;
        }
        if self.all.len() >= FILES_MAX {
            self.tell_unreadable(&found.path, inode, "there are too many journal files; it is not read");
            return None;
        }
        self.unreadable.remove(&found.path);
        let origin = self.origin(&found.origin);
        if let Some(boot) = header.tail_boot {
            self.boots.saw(boot, header.tail_realtime);
        }
        self.next_id += 1;
        self.all.push(Tracked::new(self.next_id, found.path, file, header, origin, found.active));
        Some(self.all.len() - 1)
    }

    fn origin(&mut self, name: &str) -> usize {
        if let Some(index) = self.origins.iter().position(|(known, _)| known == name) {
            return index;
        }
        self.origins.push((name.to_owned(), Covers::default()));
        self.origins.len() - 1
    }

    /// Where to begin in the files that are there.
    fn begin(&mut self, start: &Start) {
        match start {
            Start::Beginning => {}
            Start::NewestBoot => {
                self.tails();
                self.first_boot = self.boots.newest();
                self.all.iter_mut().for_each(Tracked::rewind);
            }
            Start::End => self.begin_at_end(),
            Start::After(position) => self.begin_after(position),
        }
        for index in 0..self.all.len() {
            self.advance(index);
            self.close_if_waiting(index);
        }
    }

    /// Goes to the end of each file; gives the last entries.
    fn tails(&mut self) -> Vec<(usize, Place)> {
        let mut tails = Vec::new();
        for index in 0..self.all.len() {
            let Some(file) = self.all.get_mut(index) else { continue };
            if file.open().is_ok()
                && let Some(place) = file.begin_at_end(&mut self.windows)
            {
                self.boots.saw(place.boot_id, place.realtime);
                tails.push((index, place));
            }
            self.close_if_waiting(index);
        }
        tails
    }

    fn begin_at_end(&mut self) {
        for (index, place) in self.tails() {
            let floor = self.floors.entry(place.seqnum_id).or_default();
            *floor = place.seqnum.max(*floor);
            let origin = self.all.get(index).map(|file| file.origin).unwrap_or_default();
            self.origins.get_mut(origin).into_iter().for_each(|(_, covers)| covers.begin(&place));
            if self.last.is_none_or(|last| self.boots.compare(&last.place, &place).is_lt()) {
                self.last = Some(Last { place, same: 1 });
            }
        }
    }

    /// Goes on where another process stopped.
    fn begin_after(&mut self, position: &Position) {
        let Some(cursor) = position.cursor else { return };
        let skip = Skip { cursor, same: position.same };
        for index in 0..self.all.len() {
            let Some(file) = self.all.get_mut(index) else { continue };
            if file.open().is_ok() {
                match position.of_file(file.file_id()) {
                    Some(number) => file.begin_after_number(number, &mut self.windows),
                    None => file.begin_after(skip, &mut self.windows, &self.boots),
                }
            }
            self.close_if_waiting(index);
        }
        if let (Some((seqnum_id, seqnum)), Some((boot_id, monotonic)), Some(realtime), Some(xor_hash)) =
            (cursor.seqnum, cursor.monotonic, cursor.realtime, cursor.xor_hash)
        {
            let place = Place { seqnum_id, seqnum, boot_id, monotonic, realtime, xor_hash };
            self.last = Some(Last { place, same: position.same });
            self.floors.insert(seqnum_id, seqnum);
            self.count_lost(seqnum_id, seqnum);
            let own = self.all.iter().filter(|file| file.header.seqnum_id == seqnum_id).map(|file| file.origin).next();
            self.origins
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| own.is_none_or(|own| own == *index))
                .for_each(|(_, (_, covers))| covers.begin(&place));
        }
    }

    /// Entries behind the last one read that are in no file any more.
    fn count_lost(&mut self, seqnum_id: Id, seqnum: u64) {
        let heads = self.all.iter().filter(|file| file.header.seqnum_id == seqnum_id && file.header.n_entries > 0);
        let heads: Vec<u64> = heads.map(|file| file.header.head_seqnum).collect();
        if heads.iter().any(|head| *head <= seqnum + 1) {
            return;
        }
        if let Some(head) = heads.iter().min() {
            self.counts.lost_entries += head - seqnum - 1;
        }
    }

    /// Looks for new entries and files.
    pub(crate) fn refresh(&mut self) {
        let news = self.watch.news();
        if news.files || std::mem::take(&mut self.look_anew) || self.watch.is_incomplete() {
            self.scan();
        }
        for index in 0..self.all.len() {
            let Some(file) = self.all.get_mut(index) else { continue };
            if file.handle.is_none() && matches!(file.next, Next::Doubtful) {
                file.next = Next::Unknown;
            }
            let moving = file.active || file.gone || matches!(file.next, Next::Doubtful | Next::Unknown);
            if !moving || file.handle.is_none() {
                continue;
            }
            if let Err(fault) = file.look_again(&mut self.windows) {
                (file.handle, file.next) = (None, Next::Nothing);
                let (path, inode) = (file.path.clone(), file.inode);
                self.tell_unreadable(&path, inode, &fault.to_string());
            }
        }
    }

    fn scan(&mut self) {
        let found = self.look();
        self.all.iter_mut().for_each(|file| file.gone = true);
        for file in found.files {
            if let Some(index) = self.meet(file) {
                self.begin_new(index);
            }
        }
        self.forget_gone();
    }

    /// Where to begin in a file that appeared.
    fn begin_new(&mut self, index: usize) {
        let Some(file) = self.all.get(index) else { return };
        let (file_id, seqnum_id) = (file.file_id(), file.header.seqnum_id);
        let departed = self.departed.iter().find(|(id, _)| *id == file_id).map(|(_, number)| *number);
        let floor = self.floors.get(&seqnum_id).copied().unwrap_or_default();
        let Some(file) = self.all.get_mut(index).filter(|_| departed.is_some() || floor > 0) else { return };
        // What cannot be opened is told when its turn comes.
        let _ = file.open();
        match departed {
            Some(number) => file.begin_after_number(number, &mut self.windows),
            // Nothing of it was read, but for what was old already when reading began.
            None if floor > 0 => file.begin_after_number(floor, &mut self.windows),
            None => {}
        }
    }

    /// Forgets files that have no name any more, once they are read.
    fn forget_gone(&mut self) {
        let Self { all, departed, counts, notices, .. } = self;
        all.retain(|file| {
            if !file.gone || file.handle.is_some() && !matches!(file.next, Next::Nothing) {
                return true;
            }
            if !matches!(file.next, Next::Nothing) && file.unread() > 0 {
                counts.lost_entries += file.unread();
                let message = format!("deleted before {} of its entries were read", file.unread());
                notices.push(Notice { path: file.path.clone(), message });
            }
            if departed.len() >= DEPARTED_MAX {
                departed.pop_front();
            }
            departed.push_back((file.file_id(), file.taken.max(file.header.tail_seqnum)));
            false
        });
    }

    /// Finds out what a file has to offer next.
    pub(crate) fn advance(&mut self, index: usize) {
        let Some(file) = self.all.get_mut(index) else { return };
        if let Err(fault) = file.open() {
            // Deleted or renamed, perhaps.
            file.withdraw();
            self.look_anew = true;
            let (path, inode) = (file.path.clone(), file.inode);
            if !matches!(&fault, HeaderFault::Io(error) if error.kind() == std::io::ErrorKind::NotFound) {
                self.tell_unreadable(&path, inode, &fault.to_string());
            }
            return;
        }
        let advance = file.advance(&mut self.windows, &mut self.boots);
        self.counts.damaged_entries += advance.damaged;
        if let Some(fault) = advance.fault
            && !std::mem::replace(&mut file.told, true)
        {
            self.notices.push(Notice { path: file.path.clone(), message: words(&fault) });
        }
        if file.is_done() {
            file.handle = None;
        }
    }

    /// Closes a file that nobody writes to until its turn comes.
    fn close_if_waiting(&mut self, index: usize) {
        if let Some(file) = self.all.get_mut(index)
            && !file.active
            && file.taken == 0
        {
            file.handle = None;
        }
    }

    /// Opens a file whose turn has come, and closes another if too many are open. Says whether it is open.
    pub(crate) fn keep_open(&mut self, index: usize) -> bool {
        let is_open = |file: &Tracked| file.handle.is_some() && !file.active && !file.gone;
        if self.all.get(index).is_some_and(|file| file.handle.is_none())
            && self.all.iter().filter(|file| is_open(file)).count() >= OPEN_MAX
            && let Some(other) = self.all.iter_mut().enumerate().find(|(other, file)| *other != index && is_open(file))
        {
            other.1.handle = None;
        }
        let Some(file) = self.all.get_mut(index) else { return false };
        let open = file.open().is_ok();
        if !open {
            file.withdraw();
            self.look_anew = true;
        }
        open
    }

    /// Whether an entry is of a boot before the one that is wanted.
    pub(crate) fn is_before_start(&self, place: &Place) -> bool {
        self.first_boot.is_some_and(|boot| boot != place.boot_id && self.boots.is_before(place.boot_id, boot))
    }

    /// Whether a file has an entry that was read from another.
    pub(crate) fn is_copy(&self, index: usize, place: &Place) -> bool {
        let has_one_writer = matches!(self.source, Source::System { .. });
        let origin = self.all.get(index).map(|file| file.origin).unwrap_or_default();
        has_one_writer && self.origins.get(origin).is_some_and(|(_, covers)| covers.have(place))
    }

    /// An entry of a file was read.
    pub(crate) fn took(&mut self, index: usize, place: &Place) {
        self.counts.entries += 1;
        let Some(file) = self.all.get_mut(index) else { return };
        file.taken = place.seqnum;
        if let Some((_, covers)) = self.origins.get_mut(file.origin) {
            covers.read(place);
        }
        let same = self.last.filter(|last| last.place.has_content_of(place)).map_or(1, |last| last.same.saturating_add(1));
        self.last = Some(Last { place: *place, same });
    }

    /// A file has a copy of an entry that was read.
    pub(crate) fn passed_copy(&mut self, index: usize, place: &Place) {
        self.counts.copies += 1;
        if let Some(file) = self.all.get_mut(index) {
            file.taken = place.seqnum;
        }
    }

    /// Whether a file holds something that may not be written yet.
    pub(crate) fn unsure(&self) -> bool {
        self.all.iter().any(|file| matches!(file.next, Next::Doubtful))
    }
}
