//! What surrounds a record: as long as it is equal, so are results that depend on it.

use super::level::Level;
use crate::path::{self, Field, MetricField};
use crate::record::Record;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::hash::{BuildHasher, Hash, Hasher};
use warren_pdata::{Resource, Scope, Text, Value};

/// Surroundings that are remembered for one run of statements.
const FRAMES_MAX: usize = 4_096;

/// Which parts of its surroundings results depend on.
#[derive(Debug, Default)]
pub(super) struct FrameOf {
    /// The resource and the scope.
    surroundings: bool,
    /// Fields of the metric.
    metric: SmallVec<[MetricField; 2]>,
}

impl FrameOf {
    /// Adds a field of a level; false if it is none that frames know.
    pub(super) fn add(&mut self, level: Level, field: Field) -> bool {
        match (level, field) {
            (Level::Resource | Level::Scope, _) => self.surroundings = true,
            // The points change with every batch.
            (Level::Parent, Field::Metric(field)) if field != MetricField::DataPoints => {
                if !self.metric.contains(&field) {
                    self.metric.push(field);
                }
            }
            _ => return false,
        }
        true
    }

    /// Adds what another one has.
    pub(super) fn join(&mut self, other: &Self) {
        self.surroundings |= other.surroundings;
        for field in &other.metric {
            if !self.metric.contains(field) {
                self.metric.push(*field);
            }
        }
    }

    /// Whether it depends on the metric, and the other one does not.
    pub(super) fn is_narrower_than(&self, other: &Self) -> bool {
        !self.metric.is_empty() && other.metric.is_empty()
    }

    fn is_everywhere(&self) -> bool {
        !self.surroundings && self.metric.is_empty()
    }

    /// At which level it can change.
    fn level(&self) -> Level {
        if self.metric.is_empty() { Level::Scope } else { Level::Parent }
    }
}

/// The parts as they are.
#[derive(Debug, PartialEq)]
struct Frame {
    resource: Resource,
    resource_schema_url: Text,
    scope: Option<(Scope, Text)>,
    metric: SmallVec<[Value; 2]>,
}

impl Frame {
    fn of(record: &Record<'_>, parts: &FrameOf) -> Self {
        let mut frame = Self {
            resource: Resource::default(),
            resource_schema_url: Text::new(),
            scope: None,
            metric: SmallVec::with_capacity(parts.metric.len()),
        };
        if parts.surroundings {
            frame.resource = record.resource.clone();
            frame.resource_schema_url = record.resource_schema_url.clone();
            frame.scope = record.scope.as_ref().map(|(scope, schema_url)| (Scope::clone(scope), Text::clone(schema_url)));
        }
        for field in &parts.metric {
            let value = path::get(record, Field::Metric(*field), &[]);
            frame.metric.push(value.map(|value| value.into_val().stored()).unwrap_or_default());
        }
        frame
    }

    fn hash(&self, hasher: &foldhash::fast::RandomState) -> u64 {
        let mut hasher = hasher.build_hasher();
        self.resource.attrs.hash(&mut hasher);
        self.metric.hash(&mut hasher);
        hasher.finish()
    }
}

/// Surroundings that were met, by number. Equal ones have one number as long as they are remembered.
#[derive(Debug, Default)]
pub(super) struct Frames {
    numbers: HashTable<u32>,
    frames: Vec<Frame>,
    hasher: foldhash::fast::RandomState,
    /// What was met last: how often its level had been entered then, and its number.
    last: Option<(u64, u32)>,
}

impl Frames {
    /// The number of a record's surroundings; `entered` says how often a level was entered. `None` if all that was met has been forgotten: numbers
    /// then begin anew.
    pub(super) fn number(&mut self, parts: &FrameOf, record: &Record<'_>, entered: impl Fn(Level) -> u64) -> Option<u32> {
        if parts.is_everywhere() {
            return Some(0);
        }
        let entered = entered(parts.level());
        if let Some((at, number)) = self.last
            && at == entered
        {
            return Some(number);
        }
        if self.frames.len() >= FRAMES_MAX {
            self.forget();
            return None;
        }
        let number = self.find_or_add(Frame::of(record, parts));
        self.last = Some((entered, number));
        Some(number)
    }

    fn find_or_add(&mut self, frame: Frame) -> u32 {
        let Self { numbers, frames, hasher, .. } = self;
        let hash = frame.hash(hasher);
        if let Some(number) = numbers.find(hash, |number| frames.get(*number as usize) == Some(&frame)) {
            return *number;
        }
        let number = frames.len() as u32;
        frames.push(frame);
        numbers.insert_unique(hash, number, |number| frames.get(*number as usize).map_or(0, |frame| frame.hash(hasher)));
        number
    }

    pub(super) fn forget(&mut self) {
        self.numbers.clear();
        self.frames.clear();
        self.last = None;
    }
}
