//! The journal as a whole: entries of all files in one order.

use crate::cache::FieldCache;
use crate::error::Fault;
use crate::filter::Filter;
use crate::inflate::Inflate;
use crate::object::{Entry, Objects};
use crate::position::FILES_MAX;
use crate::scan::Files;
use crate::tracked::{Next, Tracked};
use crate::windows::Windows;
use crate::{Match, Place, Position, Source};
use std::cmp::Ordering;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Takes what is read.
pub trait Sink {
    /// What a field is made into. Made once for many entries that have it, and then cloned.
    type Field: Clone;

    /// Makes a field.
    fn field(&mut self, name: &str, value: &[u8]) -> Self::Field;

    /// Takes an entry with its fields in the order of the file, and says whether it can take another in this slice.
    fn entry(&mut self, place: &Place, fields: &mut Vec<Self::Field>) -> bool;

    /// Whether it wants to know how far the journal is read after each entry, and not only after a slice: because it holds entries back.
    fn wants_positions(&self) -> bool {
        false
    }

    /// Hears how far the journal is read, if it wants to.
    fn reached(&mut self, _position: Position) {}
}

/// Where to begin.
#[derive(Clone, Debug)]
pub enum Start {
    /// At the oldest entry.
    Beginning,
    /// At the oldest entry of the newest boot.
    NewestBoot,
    /// Behind the newest entry.
    End,
    /// Where another process stopped.
    After(Position),
}

/// How much to do in one slice.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Entries that are looked at, wanted or not.
    pub entries: usize,
}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more.
    More,
    /// All that is there was read.
    Drained,
    /// All was read but for something that may not be written yet; it is worth a look without news.
    Unsure,
}

/// What was met on the way, since the journal was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries looked at.
    pub entries: u64,
    /// Entries that a copy in another file repeated; passed over.
    pub copies: u64,
    /// Entries and lists of entries that are damaged.
    pub damaged_entries: u64,
    /// Fields that are damaged; their entries are read without them.
    pub damaged_fields: u64,
    /// Files that cannot be read.
    pub unreadable_files: u64,
    /// Entries that were deleted before they were read.
    pub lost_entries: u64,
}

/// Something to tell, once for each file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The file or directory.
    pub path: PathBuf,
    /// What is the matter.
    pub message: String,
}

/// A journal that is being read.
pub struct Journal<S: Sink> {
    files: Files,
    reading: Reading<S>,
    current: Option<Current>,
}

/// The file that is read on, and the first entry of the others.
struct Current {
    index: usize,
    others: Option<Place>,
}

/// What reading needs besides the files.
pub(crate) struct Reading<S: Sink> {
    sink: S,
    filter: Filter,
    inflate: Inflate,
    cache: FieldCache<S::Field>,
    items: Vec<u64>,
    met: Vec<bool>,
    met_by_one: Vec<u32>,
    fields: Vec<S::Field>,
    damaged_fields: u64,
}

impl<S: Sink> Journal<S> {
    /// Opens a journal. Files that cannot be read are told as notices.
    pub fn open(source: Source, start: &Start, wanted: &Match, sink: S) -> Self {
        let filter = Filter::new(wanted);
        let reading = Reading {
            sink,
            met: vec![false; filter.comparisons()],
            filter,
            inflate: Inflate::default(),
            cache: FieldCache::default(),
            items: Vec::new(),
            met_by_one: Vec::new(),
            fields: Vec::new(),
            damaged_fields: 0,
        };
        Self { files: Files::open(source, start), reading, current: None }
    }

    /// A descriptor that becomes readable when there is news: then [`Journal::refresh`]. None where the system gives none.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn descriptor(&self) -> io::Result<Option<OwnedFd>> {
        self.files.watch.descriptor().transpose()
    }

    /// Whether something may change unheard, so that [`Journal::refresh`] must be called now and then.
    pub fn needs_polling(&self) -> bool {
        self.files.watch.is_incomplete()
    }

    /// Looks for new entries and files.
    pub fn refresh(&mut self) {
        self.current = None;
        self.files.refresh();
    }

    /// Reads a slice.
    pub fn read(&mut self, limit: Limit) -> Progress {
        for _ in 0..limit.entries {
            let Some((index, entry)) = self.pick() else {
                return match self.files.unsure() {
                    true => Progress::Unsure,
                    false => Progress::Drained,
                };
            };
            if self.files.is_copy(index, &entry.place) {
                self.files.passed_copy(index, &entry.place);
                self.files.advance(index);
                continue;
            }
            let Some(file) = self.files.all.get(index) else { break };
            let goes_on = match self.files.is_before_start(&entry.place) {
                true => true,
                false => self.reading.take(file, &entry, &mut self.files.windows),
            };
            self.files.took(index, &entry.place);
            if self.reading.sink.wants_positions() {
                let position = self.position();
                self.reading.sink.reached(position);
            }
            self.files.advance(index);
            self.pass_copies(index, &entry.place);
            if !goes_on {
                return Progress::More;
            }
        }
        Progress::More
    }

    /// The file with the first entry of all.
    fn pick(&mut self) -> Option<(usize, Entry)> {
        if let Some(Current { index, others }) = &self.current
            && let Some(Next::Entry(entry)) = self.files.all.get(*index).map(|file| file.next)
            && others.is_none_or(|others| self.files.boots.compare(&entry.place, &others) == Ordering::Less)
        {
            return Some((*index, entry));
        }
        self.current = None;
        loop {
            let (index, entry, others) = self.first()?;
            if self.files.keep_open(index) {
                self.current = Some(Current { index, others });
                return Some((index, entry));
            }
        }
    }

    /// The first entry of all, its file, and the first one of the other files.
    fn first(&mut self) -> Option<(usize, Entry, Option<Place>)> {
        let unknown = |files: &Files| files.all.iter().position(|file| matches!(file.next, Next::Unknown));
        while let Some(index) = unknown(&self.files) {
            self.files.advance(index);
        }
        let mut first: Option<(usize, Entry)> = None;
        let mut second: Option<Place> = None;
        for (index, file) in self.files.all.iter().enumerate() {
            let Next::Entry(entry) = file.next else { continue };
            match &first {
                Some((_, best)) if self.files.boots.compare(&entry.place, &best.place) != Ordering::Less => {
                    if second.is_none_or(|second| self.files.boots.compare(&entry.place, &second) == Ordering::Less) {
                        second = Some(entry.place);
                    }
                }
                best => {
                    second = best.map(|(_, best)| best.place);
                    first = Some((index, entry));
                }
            }
        }
        first.map(|(index, entry)| (index, entry, second))
    }

    /// Passes over what another file has of the entry too.
    fn pass_copies(&mut self, index: usize, place: &Place) {
        let alone = self.current.as_ref().is_some_and(|current| current.others.is_none_or(|others| !others.is_copy_of(place)));
        if alone {
            return;
        }
        for other in 0..self.files.all.len() {
            let Some(Next::Entry(entry)) = self.files.all.get(other).map(|file| file.next) else { continue };
            if entry.place.is_copy_of(place) && other != index {
                self.files.passed_copy(other, &entry.place);
                self.files.advance(other);
                self.current = None;
            }
        }
    }

    /// How far the journal is read.
    pub fn position(&self) -> Position {
        let under_way = self.files.all.iter().filter(|file| file.is_under_way());
        Position {
            cursor: self.files.last.map(|last| last.place.into()),
            same: self.files.last.map_or(1, |last| last.same),
            files: under_way.take(FILES_MAX).map(|file| (file.file_id(), file.taken)).collect(),
        }
    }

    /// What was met so far.
    pub fn counts(&self) -> Counts {
        Counts { damaged_fields: self.reading.damaged_fields, ..self.files.counts }
    }

    /// What is to be told since the last time.
    pub fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.files.notices)
    }

    /// What takes the entries.
    pub fn sink(&mut self) -> &mut S {
        &mut self.reading.sink
    }

    /// Files that are known.
    pub fn files(&self) -> usize {
        self.files.all.len()
    }
}

impl<S: Sink> Reading<S> {
    /// Hands an entry to the sink if it is wanted. Says whether the sink can take another.
    fn take(&mut self, file: &Tracked, entry: &Entry, windows: &mut Windows) -> bool {
        let Some(mut objects) = file.objects(windows) else { return true };
        let mut items = std::mem::take(&mut self.items);
        let goes_on = match objects.items(entry, &mut items) {
            Ok(()) if self.is_wanted(&mut objects, &items) => {
                self.make_fields(&mut objects, &items);
                let goes_on = self.fields.is_empty() || self.sink.entry(&entry.place, &mut self.fields);
                self.fields.clear();
                goes_on
            }
            Ok(()) => true,
            Err(_) => {
                self.damaged_fields += 1;
                true
            }
        };
        self.items = items;
        goes_on
    }

    fn is_wanted(&mut self, objects: &mut Objects<'_>, items: &[u64]) -> bool {
        if self.filter.is_everything() {
            return true;
        }
        self.met.fill(false);
        let file = objects.handle.id;
        for &offset in items {
            if let Some(cached) = self.cache.get(file, offset) {
                for number in &cached.met {
                    self.met.get_mut(*number as usize).iter_mut().for_each(|met| **met = true);
                }
                continue;
            }
            // What is damaged meets nothing; it is counted when the entry is wanted all the same.
            let Ok(data) = objects.data(offset) else { continue };
            self.met_by_one.clear();
            let length = Inflate::len(data.flags, data.payload);
            if length.is_none_or(|length| self.filter.may_meet(length))
                && let Ok(payload) = self.inflate.payload(data.flags, data.payload)
            {
                self.filter.met(payload, &mut self.met_by_one);
                for number in &self.met_by_one {
                    self.met.get_mut(*number as usize).iter_mut().for_each(|met| **met = true);
                }
            }
            if data.n_entries > 1 {
                let length = length.unwrap_or(u64::MAX).try_into().unwrap_or(usize::MAX);
                self.cache.insert(file, offset, &self.met_by_one, None, length);
            }
        }
        self.filter.wants(&self.met)
    }

    fn make_fields(&mut self, objects: &mut Objects<'_>, items: &[u64]) {
        let file = objects.handle.id;
        for &offset in items {
            let cached = self.cache.get(file, offset);
            if let Some(field) = cached.as_ref().and_then(|cached| cached.field.as_ref()) {
                self.fields.push(field.clone());
                continue;
            }
            let shared = match objects.data(offset) {
                Ok(data) => make(&mut self.sink, &mut self.inflate, data.flags, data.payload)
                    .map(|(field, length)| (field, length, data.n_entries > 1)),
                Err(_) => None,
            };
            let Some((field, length, shared)) = shared else {
                self.damaged_fields += 1;
                continue;
            };
            match cached {
                Some(cached) => cached.field = Some(field.clone()),
                None if shared && self.filter.is_everything() => {
                    self.cache.insert(file, offset, &[], Some(field.clone()), length)
                }
                None => {}
            }
            self.fields.push(field);
        }
    }
}

/// Makes a field of a payload; gives it with the payload's length.
fn make<S: Sink>(sink: &mut S, inflate: &mut Inflate, flags: u8, payload: &[u8]) -> Option<(S::Field, usize)> {
    let payload = inflate.payload(flags, payload).ok()?;
    let (name, value) = payload.split_at_checked(memchr::memchr(b'=', payload)?)?;
    let name = std::str::from_utf8(name).ok().filter(|name| is_field_name(name))?;
    Some((sink.field(name, value.get(1..)?), payload.len()))
}

/// Whether it is what journald takes as a field's name.
fn is_field_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    plain && (1..=64).contains(&name.len()) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// A fault in words.
pub(crate) fn words(fault: &Fault) -> String {
    match fault {
        Fault::Io(error) => format!("cannot be read: {error}"),
        Fault::Damaged { .. } => format!("damaged: {fault}; what is damaged is passed over"),
    }
}
