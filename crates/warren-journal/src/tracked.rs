//! One file of several: what is known of it, and how far it is read.

use crate::error::{Fault, HeaderFault};
use crate::header::{Header, State};
use crate::object::{Entry, Objects};
use crate::place::Boots;
use crate::walk::{Step, Walk};
use crate::windows::{Handle, Windows};
use crate::{Cursor, Id, Place};
use rustix::fs::OFlags;
use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Damaged places that are passed in one step.
const DAMAGES_PER_STEP: u32 = 1000;

/// What a file has to offer next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Next {
    /// This entry.
    Entry(Entry),
    /// Not known yet: something must be read first.
    #[default]
    Unknown,
    /// What follows looks damaged, and may just not be written yet: looked at again after the next change.
    Doubtful,
    /// Nothing for now.
    Nothing,
}

/// Entries that were read elsewhere: up to the one that the cursor names, and so many of those with its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    pub(crate) cursor: Cursor,
    pub(crate) same: u64,
}

/// A file and how far it is read.
pub(crate) struct Tracked {
    pub(crate) id: u32,
    pub(crate) path: PathBuf,
    pub(crate) inode: u64,
    pub(crate) origin: usize,
    /// Somebody may still write to it.
    pub(crate) active: bool,
    /// It has no name any more.
    pub(crate) gone: bool,
    pub(crate) header: Header,
    pub(crate) handle: Option<Handle>,
    pub(crate) next: Next,
    /// Number of the entry that was taken last.
    pub(crate) taken: u64,
    walk: Walk,
    skip: Option<Skip>,
    doubted: bool,
    /// Where the walk stood before what is offered next.
    before: Walk,
    /// Damage in it was told.
    pub(crate) told: bool,
}

/// What came out of a step.
#[derive(Debug, Default)]
pub(crate) struct Advance {
    pub(crate) damaged: u64,
    pub(crate) fault: Option<Fault>,
}

/// Opens a file to read, without waiting if it is something else.
pub(crate) fn open(path: &Path) -> Result<File, HeaderFault> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(HeaderFault::Damaged("not a file"));
    }
    Ok(file)
}

impl Tracked {
    pub(crate) fn new(id: u32, path: PathBuf, file: File, header: Header, origin: usize, active: bool) -> Self {
        let inode = file.metadata().map(|metadata| metadata.ino()).unwrap_or_default();
        Self {
            id,
            path,
            inode,
            origin,
            active,
            gone: false,
            header,
            // What nobody writes to is opened when its turn comes.
            handle: active.then_some(Handle { id, file }),
            next: Next::Unknown,
            taken: 0,
            walk: Walk::default(),
            skip: None,
            doubted: false,
            before: Walk::default(),
            told: false,
        }
    }

    /// Begins at the first entry that was not read elsewhere.
    pub(crate) fn begin_after(&mut self, skip: Skip, windows: &mut Windows, boots: &Boots) {
        // Equal ones are counted as they are met.
        self.begin(windows, |place| skip.cursor.order(place, boots));
        self.skip = Some(skip);
    }

    /// Begins behind the entry of this number.
    pub(crate) fn begin_after_number(&mut self, seqnum: u64, windows: &mut Windows) {
        let cursor = Cursor { seqnum: Some((self.header.seqnum_id, seqnum)), ..Cursor::default() };
        self.begin_after(Skip { cursor, same: 1 }, windows, &Boots::default());
        self.taken = seqnum;
    }

    /// Begins behind what is there.
    pub(crate) fn begin_at_end(&mut self, windows: &mut Windows) -> Option<Place> {
        self.begin(windows, |_| Ordering::Less);
        let mut objects = objects(&self.handle, &self.header, windows)?;
        let last = self.walk.before(&mut objects)?;
        self.taken = last.place.seqnum;
        // Where the list of entries is broken, what is searched for behind it is as old.
        let cursor = Cursor { seqnum: Some((self.header.seqnum_id, self.header.tail_seqnum)), ..Cursor::default() };
        self.skip = Some(Skip { cursor, same: 1 });
        Some(last.place)
    }

    /// Begins at the first entry.
    pub(crate) fn rewind(&mut self) {
        (self.walk, self.skip, self.taken, self.next) = (Walk::default(), None, 0, Next::Unknown);
    }

    fn begin(&mut self, windows: &mut Windows, order: impl Fn(&Place) -> Ordering) {
        if let Some(mut objects) = objects(&self.handle, &self.header, windows) {
            // Where the list of entries is broken, reading finds that out again, tells it, and goes on behind.
            let _ = self.walk.seek(&mut objects, order);
        }
        self.next = Next::Unknown;
    }

    /// Whether everything in it was read, and nothing will be added.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.next, Next::Nothing) && (self.gone || !self.active)
    }

    /// Whether something of it was read, and something may follow.
    pub(crate) fn is_under_way(&self) -> bool {
        self.taken > 0 && !self.is_done()
    }

    /// Entries that were not read.
    pub(crate) fn unread(&self) -> u64 {
        let offered = u64::from(matches!(self.next, Next::Entry(_)));
        self.header.n_entries.saturating_sub(self.walk.passed()) + offered
    }

    /// Opens the file if it is not open.
    pub(crate) fn open(&mut self) -> Result<(), HeaderFault> {
        if self.handle.is_some() {
            return Ok(());
        }
        let file = open(&self.path)?;
        let header = Header::read(&file)?;
        if header.file_id != self.header.file_id {
            return Err(HeaderFault::Damaged("another file has taken its name"));
        }
        self.header = header;
        self.handle = Some(Handle { id: self.id, file });
        Ok(())
    }

    /// Reads the header again; says whether there is more than before.
    pub(crate) fn look_again(&mut self, windows: &mut Windows) -> Result<bool, HeaderFault> {
        let Some(handle) = &self.handle else { return Ok(false) };
        let header = Header::read(&handle.file)?;
        if header.file_id != self.header.file_id {
            return Err(HeaderFault::Damaged("the file was written over"));
        }
        let grown = header != self.header || matches!(self.next, Next::Doubtful);
        if grown {
            self.settle(header, windows);
        }
        Ok(grown)
    }

    /// Takes back what is offered: it cannot be had now.
    pub(crate) fn withdraw(&mut self) {
        if matches!(self.next, Next::Entry(_)) {
            self.walk = self.before.clone();
        }
        self.next = Next::Doubtful;
    }

    /// What the header says now holds.
    pub(crate) fn settle(&mut self, header: Header, windows: &mut Windows) {
        self.header = header;
        windows.forget(self.id);
        if matches!(self.next, Next::Nothing | Next::Doubtful) {
            self.next = Next::Unknown;
        }
    }

    /// Finds out what the file has to offer next.
    pub(crate) fn advance(&mut self, windows: &mut Windows, boots: &mut Boots) -> Advance {
        let mut advance = Advance::default();
        let Some(mut objects) = objects(&self.handle, &self.header, windows) else {
            self.next = Next::Nothing;
            return advance;
        };
        for _ in 0..DAMAGES_PER_STEP {
            let before = self.walk.clone();
            match self.walk.step(&mut objects) {
                Ok(Step::Entry(entry)) => {
                    self.doubted = false;
                    boots.saw(entry.place.boot_id, entry.place.realtime);
                    if !skips(&mut self.skip, &entry.place, boots) {
                        (self.next, self.before) = (Next::Entry(entry), before);
                        return advance;
                    }
                }
                Ok(Step::End) => {
                    self.next = Next::Nothing;
                    return advance;
                }
                Ok(Step::Searching) => break,
                Err(Fault::Damaged { .. }) if self.active && self.header.state == State::Online && !self.doubted => {
                    (self.walk, self.doubted, self.next) = (before, true, Next::Doubtful);
                    return advance;
                }
                Err(fault @ Fault::Damaged { .. }) => {
                    self.doubted = false;
                    advance.damaged += 1;
                    advance.fault.get_or_insert(fault);
                }
                Err(fault) => {
                    // The disk may answer later; what was passed is passed.
                    (self.walk, self.next) = (before, Next::Doubtful);
                    advance.fault = Some(fault);
                    return advance;
                }
            }
        }
        self.next = Next::Unknown;
        advance
    }

    /// The file as its objects.
    pub(crate) fn objects<'a>(&'a self, windows: &'a mut Windows) -> Option<Objects<'a>> {
        objects(&self.handle, &self.header, windows)
    }

    /// The file's id in its header.
    pub(crate) fn file_id(&self) -> Id {
        self.header.file_id
    }
}

fn objects<'a>(handle: &'a Option<Handle>, header: &'a Header, windows: &'a mut Windows) -> Option<Objects<'a>> {
    Some(Objects { handle: handle.as_ref()?, header, windows })
}

/// Whether an entry was read elsewhere. The first that was not ends the skipping.
fn skips(skip: &mut Option<Skip>, place: &Place, boots: &Boots) -> bool {
    let Some(current) = skip else { return false };
    match current.cursor.order(place, boots) {
        Ordering::Less => true,
        Ordering::Equal if current.same > 0 => {
            current.same -= 1;
            true
        }
        _ => {
            *skip = None;
            false
        }
    }
}
