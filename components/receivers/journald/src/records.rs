//! Entries become log records, and records a batch.

use crate::Config;
use crate::extras::Extras;
use crate::stages::{Passed, Source, Stages, Troubles};
use crate::value;
use indexmap::IndexMap;
use std::time::Instant;
use warren_journal::{Place, Position, Sink, query};
use warren_pdata::{Attrs, Batch, KeyValue, LogRecord, Text, TextPool, Value, literal};
use warren_regex::Regex;
use warren_stanza::{Entry, Failure, Sink as _, Template};

/// Records of one batch.
pub(crate) const RECORDS_MAX: usize = 1024;

/// Bytes of text of one batch, about. A batch of one record may have more.
const BYTES_MAX: usize = 512 << 10;

/// Resources that are remembered by host and unit.
const RESOURCES_MAX: usize = 64;

/// `MESSAGE_ID` of what journald says when it takes no more messages of a service for a while (`SD_MESSAGE_JOURNAL_DROPPED`).
const SUPPRESSED: &[u8] = b"a596d6fe7bfa4994828e72309e95d61e";

/// Makes records of entries and holds them until the batch is taken out.
pub(crate) struct Records {
    shape: Shape,
    names: TextPool,
    passed: Passed,
    stages: Option<Box<Stages>>,
    /// Entries that were taken since the last batch.
    entries: usize,
    bytes: usize,
    /// The boot of the last entry.
    boot: (warren_journal::Id, Text),
}

/// How records look.
struct Shape {
    grep: Option<Regex>,
    convert_message: bool,
    extras: Extras,
    attributes: Attrs,
    resource: Attrs,
    /// Attributes of records and resources that depend on the record.
    rendered: Vec<Rendered>,
    rendered_resource: Vec<Rendered>,
    /// Resources by host and unit.
    resources: Vec<(Option<Text>, Option<Text>, Attrs)>,
}

/// An attribute that depends on the record.
struct Rendered {
    key: Text,
    template: Template,
    /// What it is called in messages.
    name: String,
}

/// A field of the journal as one of a record's body.
#[derive(Clone)]
pub(crate) struct Field {
    kind: Kind,
    entry: KeyValue,
}

/// What a field is to the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its message, and whether it is one that is wanted.
    Message(bool),
    Priority,
    SourceTime,
    Host,
    Unit,
    Boot,
    Stream,
    Process,
    Identifier,
    LineBreak,
    /// Marks an entry that says how many messages were suppressed.
    Suppressed,
    /// How many.
    SuppressedCount,
    Other,
}

impl Records {
    /// # Errors
    /// When attributes or operators cannot be compiled.
    pub(crate) fn new(config: &Config, grep: Option<Regex>) -> Result<Self, String> {
        let (attributes, rendered) = split("attributes", &config.attributes)?;
        let (resource, rendered_resource) = split("resource", &config.resource)?;
        let broker = config.warren.broker_logs.0;
        Ok(Self {
            shape: Shape {
                grep,
                convert_message: config.convert_message_bytes || config.warren.convert_bytes || broker.is_some(),
                extras: config.warren.clone(),
                attributes,
                resource,
                rendered,
                rendered_resource,
                resources: Vec::new(),
            },
            names: TextPool::default(),
            passed: Passed::default(),
            stages: Stages::new(broker, config.operators.compile()?).map(Box::new),
            entries: 0,
            bytes: 0,
            boot: (warren_journal::Id::default(), Text::new()),
        })
    }

    /// The records that came since the last time; none if there were none.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        (self.entries, self.bytes) = (0, 0);
        self.passed.groups.take()
    }

    /// Entries that were taken since the last batch, dropped ones too.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// Lets go what was held back for as long as it may be; all of it, if `all`.
    pub(crate) fn flush(&mut self, all: bool) {
        if let Some(stages) = &mut self.stages {
            stages.flush(all, &mut self.passed);
        }
    }

    /// When something that is held back is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.stages.as_ref()?.next_due()
    }

    /// How far the journal may count as read, given how far it is.
    pub(crate) fn safe(&mut self, position: Position) -> Position {
        match &mut self.stages {
            Some(stages) => stages.safe(position),
            None => position,
        }
    }

    /// What operators and expressions could not do, and what journald itself lost, since the last time.
    pub(crate) fn troubles(&mut self) -> Troubles {
        std::mem::take(&mut self.passed.troubles)
    }

    fn boot(&mut self, id: warren_journal::Id) -> Text {
        if self.boot.0 != id || self.boot.1.is_empty() {
            self.boot = (id, Text::from(id.to_string()));
        }
        self.boot.1.clone()
    }
}

impl Sink for Records {
    type Field = Field;

    fn field(&mut self, name: &str, bytes: &[u8]) -> Field {
        let kind = match name {
            "MESSAGE" => {
                let wanted = |grep: &Regex| grep.is_match(&String::from_utf8_lossy(bytes));
                Kind::Message(self.shape.grep.as_ref().is_none_or(wanted))
            }
            "PRIORITY" => Kind::Priority,
            "_SOURCE_REALTIME_TIMESTAMP" => Kind::SourceTime,
            "_HOSTNAME" => Kind::Host,
            "_SYSTEMD_UNIT" => Kind::Unit,
            "_BOOT_ID" => Kind::Boot,
            "_STREAM_ID" => Kind::Stream,
            "_PID" => Kind::Process,
            "SYSLOG_IDENTIFIER" => Kind::Identifier,
            "_LINE_BREAK" => Kind::LineBreak,
            "MESSAGE_ID" if bytes == SUPPRESSED => Kind::Suppressed,
            "N_DROPPED" => Kind::SuppressedCount,
            _ => Kind::Other,
        };
        let is_message = matches!(kind, Kind::Message(_));
        let to_text = self.shape.extras.convert_bytes || self.shape.convert_message && is_message;
        let value = value::of_field(bytes, to_text);
        self.bytes += if let Value::List(list) = &value { list.len() * size_of::<Value>() } else { bytes.len() };
        Field { kind, entry: KeyValue { key: self.names.get(name), value } }
    }

    fn entry(&mut self, place: &Place, fields: &mut Vec<Field>) -> bool {
        self.passed.troubles.suppressed += suppressed(fields);
        let is_wanted = |field: &Field| if let Kind::Message(wanted) = field.kind { Some(wanted) } else { None };
        if self.shape.grep.is_some() && fields.iter().find_map(is_wanted) != Some(true) {
            return true;
        }
        let extras = &self.shape.extras;
        let of_kind = |kind: Kind| fields.iter().find(|field| field.kind == kind);
        let text = |kind: Kind| match of_kind(kind).map(|field| &field.entry.value) {
            Some(Value::Str(text)) => Some(text.clone()),
            _ => None,
        };
        let host = if extras.host() { text(Kind::Host) } else { None };
        let unit = if extras.unit() { text(Kind::Unit) } else { None };
        let source = if extras.source_timestamp { text(Kind::SourceTime) } else { None };
        let severity = if extras.severity { text(Kind::Priority).and_then(|text| severity(&text)) } else { None };
        let micros = source.and_then(|text| text.parse().ok()).unwrap_or(place.realtime);
        let (severity_number, severity_text) = severity.unwrap_or_default();
        // What the broker's stage looks at, before the fields go into the body.
        let joins = self.stages.as_ref().is_some_and(|stages| stages.joins());
        let line = joins.then(|| {
            let message = fields.iter().find(|field| matches!(field.kind, Kind::Message(_)));
            let message =
                message.and_then(|field| if let Value::Str(text) = &field.entry.value { Some(text.clone()) } else { None });
            let stream = text(Kind::Stream).or_else(|| text(Kind::Process)).unwrap_or_default();
            let name = text(Kind::Unit).or_else(|| text(Kind::Identifier)).unwrap_or_default();
            let priority = text(Kind::Priority).and_then(|text| text.parse().ok());
            (message, stream, name, priority, text(Kind::LineBreak).is_some_and(|why| why == "line-max"))
        });
        let record = LogRecord {
            time: micros.saturating_mul(1000),
            // Not the time of reading: a record that is read twice must be the same, for stores that keep each once.
            observed_time: place.realtime.saturating_mul(1000),
            severity_number,
            severity_text,
            attrs: self.shape.attributes.clone(),
            body: Value::Map(Attrs::new(self.body(place, fields))),
            ..LogRecord::default()
        };
        self.bytes += 256;
        self.entries += 1;
        let resource = self.shape.resource(host, unit);
        if self.stages.is_none() && self.shape.is_constant() {
            self.passed.groups.push(record, resource, Text::new());
        } else {
            let mut entry = Entry { record, resource, ..Entry::default() };
            self.shape.render(&mut entry, &mut self.passed);
            match &mut self.stages {
                Some(stages) => {
                    let (message, stream, unit, priority, is_cut) = line.unwrap_or_default();
                    let source = Source { message: message.as_deref(), stream: &stream, unit: &unit, priority, is_cut };
                    stages.push(entry, &source, &mut self.passed);
                }
                None => self.passed.entry(entry),
            }
        }
        self.passed.groups.len() < RECORDS_MAX && self.entries < RECORDS_MAX && self.bytes < BYTES_MAX
    }

    fn wants_positions(&self) -> bool {
        self.stages.is_some()
    }

    fn reached(&mut self, position: Position) {
        if let Some(stages) = &mut self.stages {
            stages.reached(position);
        }
    }
}

impl Records {
    /// What upstream's body holds: the entry's address, then its fields; one that occurs more than once as a list.
    fn body(&mut self, place: &Place, fields: &mut Vec<Field>) -> Vec<KeyValue> {
        let mut body = Vec::with_capacity(fields.len() + 3);
        let mut cursor = String::with_capacity(160);
        place.write_cursor(&mut cursor);
        let boot = self.boot(place.boot_id);
        body.push(KeyValue { key: literal!("__CURSOR"), value: Value::Str(Text::from(cursor)) });
        body.push(KeyValue {
            key: literal!("__MONOTONIC_TIMESTAMP"),
            value: Value::Str(Text::from(place.monotonic.to_string())),
        });
        body.push(KeyValue { key: literal!("_BOOT_ID"), value: Value::Str(boot) });
        let mut seen = 0u64;
        for Field { kind, entry } in fields.drain(..) {
            if kind == Kind::Boot {
                continue;
            }
            let bit = 1 << (fingerprint(&entry.key) % 64);
            if seen & bit != 0
                && let Some(earlier) = body.iter_mut().skip(3).find(|earlier| earlier.key == entry.key)
            {
                join(&mut earlier.value, entry.value);
                continue;
            }
            seen |= bit;
            body.push(entry);
        }
        body
    }
}

/// How many messages journald did not take, if the entry says so: in a field, or by old versions in the message alone.
fn suppressed(fields: &[Field]) -> u64 {
    if !fields.iter().any(|field| field.kind == Kind::Suppressed) {
        return 0;
    }
    let text = |is: fn(Kind) -> bool| fields.iter().find(|field| is(field.kind)).and_then(|field| field.entry.value.as_str());
    let message = || text(|kind| matches!(kind, Kind::Message(_)))?.strip_prefix("Suppressed ")?.split(' ').next();
    text(|kind| kind == Kind::SuppressedCount).or_else(message).and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// A number that equal names share, and others seldom do.
fn fingerprint(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).map_or(0, |byte| u32::from(*byte));
    (bytes.len() as u32).wrapping_mul(31)
        ^ at(bytes.len() / 2).wrapping_mul(7)
        ^ at(bytes.len().saturating_sub(2)).wrapping_mul(13)
}

/// Another value of the same field. Lists of numbers are values too, those of texts collections.
fn join(value: &mut Value, another: Value) {
    let collected = matches!(value, Value::List(list) if list.iter().all(|element| !matches!(element, Value::Double(_))));
    let mut list = match std::mem::take(value) {
        Value::List(list) if collected => list.to_vec(),
        single => vec![single],
    };
    list.push(another);
    *value = Value::list(list);
}

impl Shape {
    /// The resource of what a unit of a host said.
    fn resource(&mut self, host: Option<Text>, unit: Option<Text>) -> Attrs {
        if host.is_none() && unit.is_none() {
            return self.resource.clone();
        }
        if let Some((.., known)) = self.resources.iter().find(|(of_host, of_unit, _)| *of_host == host && *of_unit == unit) {
            return known.clone();
        }
        let mut attrs = self.resource.clone();
        if let Some(host) = &host {
            attrs.upsert(literal!("host.name"), Value::Str(host.clone()));
        }
        if let Some(unit) = &unit {
            let name = unit.strip_suffix(".service").unwrap_or(unit);
            attrs.upsert(literal!("service.name"), Value::Str(Text::from(name)));
        }
        if self.resources.len() >= RESOURCES_MAX {
            self.resources.clear();
        }
        self.resources.push((host, unit, attrs.clone()));
        attrs
    }

    fn is_constant(&self) -> bool {
        self.rendered.is_empty() && self.rendered_resource.is_empty()
    }

    /// Adds what depends on the record. What has no value is left out, and told.
    fn render(&self, entry: &mut Entry, passed: &mut Passed) {
        let mut render = |all: &[Rendered], entry: &Entry| -> Vec<(Text, Text)> {
            let mut texts = Vec::new();
            for Rendered { key, template, name } in all {
                match template.render(entry) {
                    Ok(text) => texts.push((key.clone(), text)),
                    Err(error) => passed.failed(Failure { operator: name, message: &error, dropped: false, quiet: false }),
                }
            }
            texts
        };
        let (attributes, resource) = (render(&self.rendered, entry), render(&self.rendered_resource, entry));
        attributes.into_iter().for_each(|(key, text)| entry.record.attrs.upsert(key, Value::Str(text)));
        resource.into_iter().for_each(|(key, text)| entry.resource.upsert(key, Value::Str(text)));
    }
}

/// Constant attributes of a setting, and those that depend on the record.
fn split(setting: &str, all: &IndexMap<String, String>) -> Result<(Attrs, Vec<Rendered>), String> {
    let (mut constant, mut rendered) = (Attrs::EMPTY, Vec::new());
    for (key, text) in all {
        let template = Template::new(text)?;
        match template.literal() {
            Some(text) => constant.upsert(key.as_str().into(), Value::Str(text.clone())),
            None => rendered.push(Rendered { key: key.as_str().into(), template, name: format!("{setting}['{key}']") }),
        }
    }
    Ok((constant, rendered))
}

/// Number and text of the severity that a priority stands for.
fn severity(priority: &str) -> Option<(i32, Text)> {
    const NUMBERS: [i32; 8] = [21, 19, 18, 17, 13, 10, 9, 5];
    let priority: usize = priority.parse().ok()?;
    Some((*NUMBERS.get(priority)?, Text::from(*query::PRIORITIES.get(priority)?)))
}

#[cfg(test)]
mod tests;
