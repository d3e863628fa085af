//! Entries become log records, and records a batch.

use crate::Config;
use crate::config::Extras;
use crate::value;
use indexmap::IndexMap;
use warren_journal::{Place, Sink, query};
use warren_pdata::{
    Attrs, Batch, KeyValue, LogRecord, Logs, Resource, ResourceGroup, Scope, ScopeGroup, Text, TextPool, Value, literal,
};
use warren_regex::Regex;

/// Records of one batch.
pub(crate) const RECORDS_MAX: usize = 1024;

/// Bytes of text of one batch, about. A batch of one record may have more.
const BYTES_MAX: usize = 512 << 10;

/// Makes records of entries and holds them until the batch is taken out.
pub(crate) struct Records {
    shape: Shape,
    names: TextPool,
    /// Records by host and unit; one group unless these go into the resource.
    groups: Vec<Group>,
    records: usize,
    bytes: usize,
    /// The boot of the last entry.
    boot: (warren_journal::Id, Text),
}

/// How records look.
struct Shape {
    grep: Option<Regex>,
    convert_message_bytes: bool,
    extras: Extras,
    attributes: Attrs,
    resource: Attrs,
}

struct Group {
    host: Option<Text>,
    unit: Option<Text>,
    records: Vec<LogRecord>,
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
    Other,
}

impl Records {
    pub(crate) fn new(config: &Config, grep: Option<Regex>) -> Self {
        let attrs =
            |map: &IndexMap<String, String>| map.iter().map(|(key, value)| KeyValue::new(key.as_str(), value.as_str())).collect();
        let extras = Extras { ..config.warren };
        Self {
            shape: Shape {
                grep,
                convert_message_bytes: config.convert_message_bytes,
                extras,
                attributes: attrs(&config.attributes),
                resource: attrs(&config.resource),
            },
            names: TextPool::default(),
            groups: Vec::new(),
            records: 0,
            bytes: 0,
            boot: (warren_journal::Id::default(), Text::new()),
        }
    }

    /// The records that came since the last time; none if there were none.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        (self.records, self.bytes) = (0, 0);
        let groups: Vec<ResourceGroup<LogRecord>> = std::mem::take(&mut self.groups)
            .into_iter()
            .map(|group| {
                let resource = Resource { attrs: self.shape.resource(&group), dropped_attributes: 0 };
                let scopes = vec![ScopeGroup { scope: Scope::default(), schema_url: Text::new(), items: group.records }];
                ResourceGroup { resource, schema_url: Text::new(), scopes }
            })
            .collect();
        (!groups.is_empty()).then(|| Batch::Logs(Logs { resources: groups }))
    }

    /// Takes a record into the batch. Whatever is to be done to single records, such as operators, is done before.
    fn push(&mut self, record: LogRecord, host: Option<Text>, unit: Option<Text>) {
        self.records += 1;
        match self.groups.iter_mut().find(|group| group.host == host && group.unit == unit) {
            Some(group) => group.records.push(record),
            None => self.groups.push(Group { host, unit, records: vec![record] }),
        }
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
            _ => Kind::Other,
        };
        let is_message = matches!(kind, Kind::Message(_));
        let to_text = self.shape.extras.convert_bytes || self.shape.convert_message_bytes && is_message;
        let value = value::of_field(bytes, to_text);
        self.bytes += if let Value::List(list) = &value { list.len() * size_of::<Value>() } else { bytes.len() };
        Field { kind, entry: KeyValue { key: self.names.get(name), value } }
    }

    fn entry(&mut self, place: &Place, fields: &mut Vec<Field>) -> bool {
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
        let host = if extras.host { text(Kind::Host) } else { None };
        let unit = if extras.unit { text(Kind::Unit) } else { None };
        let source = if extras.source_timestamp { text(Kind::SourceTime) } else { None };
        let severity = if extras.severity { text(Kind::Priority).and_then(|text| severity(&text)) } else { None };
        let micros = source.and_then(|text| text.parse().ok()).unwrap_or(place.realtime);
        let (severity_number, severity_text) = severity.unwrap_or_default();
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
        self.push(record, host, unit);
        self.records < RECORDS_MAX && self.bytes < BYTES_MAX
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
    fn resource(&self, group: &Group) -> Attrs {
        let mut attrs = self.resource.clone();
        if let Some(host) = &group.host {
            attrs.upsert(literal!("host.name"), Value::Str(host.clone()));
        }
        if let Some(unit) = &group.unit {
            let name = unit.strip_suffix(".service").unwrap_or(unit);
            attrs.upsert(literal!("service.name"), Value::Str(Text::from(name)));
        }
        attrs
    }
}

/// Number and text of the severity that a priority stands for.
fn severity(priority: &str) -> Option<(i32, Text)> {
    const NUMBERS: [i32; 8] = [21, 19, 18, 17, 13, 10, 9, 5];
    let priority: usize = priority.parse().ok()?;
    Some((*NUMBERS.get(priority)?, Text::from(*query::PRIORITIES.get(priority)?)))
}
