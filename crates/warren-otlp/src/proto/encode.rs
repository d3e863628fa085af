//! Batches to protobuf.
//!
//! Everything here is written from its end to its start (see [`Sink`]): fields by falling number, lists from their last element.

mod logs;
mod metrics;
mod traces;

use super::sink::{Backward, Counter, Sink};
use hashbrown::HashMap;
use warren_pdata::{Attrs, Batch, KeyValue, Resource, Scope, Telemetry, Value};

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// Appends the batch to `out` as a request of OTLP's export service, which is the same as its plain data message.
pub fn encode_request(batch: &Batch, out: &mut Vec<u8>) {
    let mut encoder = Encoder::new(Backward::new(out));
    encoder.batch(batch);
    encoder.into_sink().finish();
}

/// How many bytes [`encode_request`] would append.
pub fn encoded_len(batch: &Batch) -> usize {
    let mut encoder = Encoder::new(Counter::default());
    encoder.batch(batch);
    encoder.sink.len()
}

/// Writes messages into a sink.
pub(crate) struct Encoder<S> {
    sink: S,
    /// Where the sets that several items share were written, by field and identity: what was held then, and how long they are. The batch is
    /// borrowed meanwhile, so that an identity stays that of its set.
    sets: HashMap<(u32, usize), (usize, usize), foldhash::fast::RandomState>,
    /// The metrics of a batch mostly have the same sets, but a set comes back only with the next metric.
    repeats: bool,
    looked: u32,
    found: u32,
}

/// Sets that are looked for before it is judged whether looking is worth it: those of log records hardly repeat within a request.
const TRIAL: u32 = 256;

impl<S: Sink> Encoder<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self { sink, sets: HashMap::default(), repeats: false, looked: 0, found: 0 }
    }

    pub(crate) fn into_sink(self) -> S {
        self.sink
    }

    fn batch(&mut self, batch: &Batch) {
        self.repeats = matches!(batch, Batch::Metrics(_));
        match batch {
            Batch::Metrics(metrics) => self.telemetry(metrics, Self::metric),
            Batch::Logs(logs) => self.telemetry(logs, Self::log_record),
            Batch::Traces(traces) => self.telemetry(traces, Self::span),
        }
    }

    /// `TracesData`, `MetricsData`, `LogsData` and the requests that look like them.
    fn telemetry<T>(&mut self, telemetry: &Telemetry<T>, item: fn(&mut Self, &T)) {
        for group in telemetry.resources.iter().rev() {
            self.message(1, |e| {
                e.text(3, &group.schema_url);
                for scoped in group.scopes.iter().rev() {
                    e.message(2, |e| {
                        e.text(3, &scoped.schema_url);
                        for one in scoped.items.iter().rev() {
                            e.message(2, |e| item(e, one));
                        }
                        e.message(1, |e| e.scope(&scoped.scope));
                    });
                }
                e.message(1, |e| e.resource(&group.resource));
            });
        }
    }

    fn resource(&mut self, resource: &Resource) {
        self.uint(2, resource.dropped_attributes.into());
        self.attributes(1, &resource.attrs);
    }

    fn scope(&mut self, scope: &Scope) {
        self.uint(4, scope.dropped_attributes.into());
        self.attributes(3, &scope.attrs);
        self.text(2, &scope.version);
        self.text(1, &scope.name);
    }

    /// `repeated KeyValue`. A set that others hold too is written once and then repeated.
    #[inline]
    fn attributes(&mut self, field: u32, attrs: &Attrs) {
        if attrs.is_empty() {
            return;
        }
        let rare = !self.repeats && self.looked > TRIAL && self.found < self.looked / 8;
        if rare || attrs.holders() < 2 {
            return self.key_values(field, attrs.as_slice());
        }
        self.looked += 1;
        let key = (field, attrs.id());
        if let Some(&(end, length)) = self.sets.get(&key) {
            self.found += 1;
            return self.sink.again(end, length);
        }
        let before = self.sink.len();
        self.key_values(field, attrs.as_slice());
        let end = self.sink.len();
        self.sets.insert(key, (end, end - before));
    }

    fn key_values(&mut self, field: u32, entries: &[KeyValue]) {
        for entry in entries.iter().rev() {
            if let Value::Str(text) = &entry.value
                && self.short_pair(field, &entry.key, text)
            {
                continue;
            }
            self.message(field, |e| {
                e.message(2, |e| e.any_value(&entry.value));
                e.text(1, &entry.key);
            });
        }
    }

    /// A `KeyValue` of text, if all its lengths and tags are single bytes: most are, and are then put at once.
    #[inline]
    fn short_pair(&mut self, field: u32, key: &str, text: &str) -> bool {
        const TAGS: usize = 6;
        if key.is_empty() || field >= 16 || key.len() + text.len() + TAGS >= 0x80 {
            return false;
        }
        let [tag, inner, value] = [field << 3 | BYTES, 1 << 3 | BYTES, 2 << 3 | BYTES].map(|tag| tag as u8);
        let [key_length, text_length] = [key.len(), text.len()].map(|length| length as u8);
        self.sink.put_parts([
            &[tag, key_length + text_length + TAGS as u8, inner, key_length],
            key.as_bytes(),
            &[value, text_length + 2, inner, text_length],
            text.as_bytes(),
        ]);
        true
    }

    fn any_value(&mut self, value: &Value) {
        match value {
            Value::Empty => {}
            Value::Str(text) => self.bytes(1, text.as_bytes()),
            Value::Bool(value) => {
                self.sink.varint(u64::from(*value));
                self.tag(2, VARINT);
            }
            Value::Int(value) => {
                self.sink.varint(*value as u64);
                self.tag(3, VARINT);
            }
            Value::Double(value) => self.double(4, *value),
            Value::List(values) => self.message(5, |e| {
                for value in values.iter().rev() {
                    e.message(1, |e| e.any_value(value));
                }
            }),
            Value::Map(map) => self.message(6, |e| e.key_values(1, map.as_slice())),
            Value::Bytes(bytes) => self.bytes(7, bytes),
        }
    }

    /// A message, also an empty one.
    #[inline]
    pub(crate) fn message(&mut self, field: u32, body: impl FnOnce(&mut Self)) {
        let before = self.sink.len();
        body(self);
        self.length(field, self.sink.len() - before);
    }

    /// `bytes` or `string`, also empty.
    #[inline]
    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.sink.put(bytes);
        self.length(field, bytes.len());
    }

    /// `string`, unless empty.
    #[inline]
    pub(crate) fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// An identity; one of zeros is written with length zero.
    fn id<const N: usize>(&mut self, field: u32, id: &[u8; N]) {
        let bytes: &[u8] = if *id == [0; N] { &[] } else { id };
        self.bytes(field, bytes);
    }

    /// `uint32`, `uint64`, unless zero.
    #[inline]
    pub(crate) fn uint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.sink.varint(value);
            self.tag(field, VARINT);
        }
    }

    /// `int32` or an enumeration, unless zero.
    #[inline]
    pub(crate) fn int32(&mut self, field: u32, value: i32) {
        self.uint(field, i64::from(value) as u64);
    }

    /// `sint32`, unless zero.
    fn sint32(&mut self, field: u32, value: i32) {
        self.uint(field, u64::from((value << 1 ^ value >> 31) as u32));
    }

    /// `fixed64`, unless zero.
    #[inline]
    fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.fixed64_always(field, value);
        }
    }

    /// `fixed64`, `sfixed64`, also zero. Only for fields below 16, whose tag is one byte.
    #[inline]
    fn fixed64_always(&mut self, field: u32, value: u64) {
        let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
        self.sink.put(&[(field << 3 | FIXED64) as u8, a, b, c, d, e, f, g, h]);
    }

    /// `double`, also zero.
    #[inline]
    fn double(&mut self, field: u32, value: f64) {
        self.fixed64_always(field, value.to_bits());
    }

    /// `optional double`.
    fn optional_double(&mut self, field: u32, value: Option<f64>) {
        if let Some(value) = value {
            self.double(field, value);
        }
    }

    /// `fixed32`, unless zero.
    fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.sink.put(&value.to_le_bytes());
            self.tag(field, FIXED32);
        }
    }

    /// The tag and length of what was written last.
    #[inline]
    fn length(&mut self, field: u32, length: usize) {
        if field < 16 && length < 0x80 {
            return self.sink.put(&[(field << 3 | BYTES) as u8, length as u8]);
        }
        self.sink.varint(length as u64);
        self.tag(field, BYTES);
    }

    #[inline]
    fn tag(&mut self, field: u32, wire: u32) {
        self.sink.varint(u64::from(field << 3 | wire));
    }
}
