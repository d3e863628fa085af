//! Profiles in the form of `profile.proto` (package `perftools.profiles`), gzipped.

use crate::modules::Modules;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// What a number of a sample counts, and in which unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    of: &'static str,
    unit: &'static str,
}

impl Kind {
    pub(crate) fn new(of: &'static str, unit: &'static str) -> Self {
        Self { of, unit }
    }
}

/// A profile in the making.
pub(crate) struct Profile {
    kinds: Vec<Kind>,
    period_of: Kind,
    period: i64,
    /// The kind that is shown first.
    shown: Option<&'static str>,
    time: i64,
    duration: i64,
    /// Addresses within the calls, the innermost first; and a number for each kind.
    samples: Vec<(Vec<u64>, Vec<i64>)>,
}

impl Profile {
    /// A profile with these numbers per sample, of which one was taken each `period`.
    pub(crate) fn new(kinds: &[Kind], period_of: Kind, period: i64) -> Self {
        let time = nanoseconds(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        Self { kinds: kinds.to_vec(), period_of, period, shown: None, time, duration: 0, samples: Vec::new() }
    }

    /// Says when it was taken.
    pub(crate) fn lasted(&mut self, from: SystemTime, time: Duration) {
        self.time = nanoseconds(from.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
        self.duration = nanoseconds(time);
    }

    /// Says which kind is shown first.
    pub(crate) fn show(&mut self, kind: &'static str) {
        self.shown = Some(kind);
    }

    pub(crate) fn sample(&mut self, frames: Vec<u64>, values: &[i64]) {
        self.samples.push((frames, values.to_vec()));
    }

    /// The profile, gzipped.
    pub(crate) fn encode(&self, modules: &Modules) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        // Writing to memory does not fail.
        let _ = encoder.write_all(&self.message(modules));
        encoder.finish().unwrap_or_default()
    }

    /// The message `Profile`.
    fn message(&self, modules: &Modules) -> Vec<u8> {
        let mut out = Message::default();
        let mut tables = Tables {
            modules,
            strings: HashMap::new(),
            locations: HashMap::new(),
            functions: HashMap::new(),
            out: Message::default(),
        };
        tables.string("");
        for kind in &self.kinds {
            let kind = tables.kind(*kind);
            out.message(1, &kind);
        }
        for (frames, values) in &self.samples {
            let locations: Vec<u64> = frames.iter().map(|address| tables.location(*address)).collect();
            let mut sample = Message::default();
            sample.packed(1, locations.into_iter());
            sample.packed(2, values.iter().map(|value| *value as u64));
            out.message(2, &sample);
        }
        for (index, mapping) in modules.mappings().iter().enumerate() {
            let mut message = Message::default();
            message.number(1, index as u64 + 1);
            message.number(2, mapping.range.start);
            message.number(3, mapping.range.end);
            message.number(4, mapping.offset);
            message.number(5, tables.string(&mapping.path));
            message.number(6, tables.string(&mapping.build_id));
            message.number(7, u64::from(tables.has_functions(index)));
            out.message(3, &message);
        }
        let period_of = tables.kind(self.period_of);
        let shown = self.shown.map_or(0, |shown| tables.string(shown));
        let Tables { strings, out: places, .. } = tables;
        out.0.extend_from_slice(&places.0);
        let mut ordered: Vec<(String, u64)> = strings.into_iter().collect();
        ordered.sort_by_key(|(_, number)| *number);
        for (text, _) in &ordered {
            out.bytes(6, text.as_bytes());
        }
        out.number(9, self.time as u64);
        out.number(10, self.duration as u64);
        out.message(11, &period_of);
        out.number(12, self.period as u64);
        out.number(14, shown);
        out.0
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// What samples refer to, each thing once.
struct Tables<'a> {
    modules: &'a Modules,
    strings: HashMap<String, u64>,
    locations: HashMap<u64, u64>,
    functions: HashMap<&'a str, u64>,
    /// Locations and functions.
    out: Message,
}

impl<'a> Tables<'a> {
    fn string(&mut self, text: &str) -> u64 {
        if let Some(number) = self.strings.get(text) {
            return *number;
        }
        let number = self.strings.len() as u64;
        self.strings.insert(text.to_owned(), number);
        number
    }

    /// The message `ValueType`.
    fn kind(&mut self, kind: Kind) -> Message {
        let mut message = Message::default();
        message.number(1, self.string(kind.of));
        message.number(2, self.string(kind.unit));
        message
    }

    fn location(&mut self, address: u64) -> u64 {
        if let Some(number) = self.locations.get(&address) {
            return *number;
        }
        let number = self.locations.len() as u64 + 1;
        self.locations.insert(address, number);
        let modules = self.modules;
        let mut message = Message::default();
        message.number(1, number);
        message.number(2, modules.mapping(address).map_or(0, |index| index as u64 + 1));
        message.number(3, address);
        if let Some(name) = modules.function(address) {
            let mut line = Message::default();
            line.number(1, self.function(name));
            message.message(4, &line);
        }
        self.out.message(4, &message);
        number
    }

    fn function(&mut self, name: &'a str) -> u64 {
        if let Some(number) = self.functions.get(name) {
            return *number;
        }
        let number = self.functions.len() as u64 + 1;
        self.functions.insert(name, number);
        let text = self.string(name);
        let mut message = Message::default();
        message.number(1, number);
        message.number(2, text);
        message.number(3, text);
        self.out.message(5, &message);
        number
    }

    /// Whether every address in a mapping that was met has a function.
    fn has_functions(&self, mapping: usize) -> bool {
        let mut met = self.locations.keys().filter(|address| self.modules.mapping(**address) == Some(mapping)).peekable();
        met.peek().is_some() && met.all(|address| self.modules.function(*address).is_some())
    }
}

/// A protobuf message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A field of a number; zero is left out.
    fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn packed(&mut self, field: u64, values: impl Iterator<Item = u64>) {
        let mut packed = Self::default();
        values.for_each(|value| packed.varint(value));
        self.message(field, &packed);
    }
}
