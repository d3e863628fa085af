//! Pages of delimited protobuf: a length and an `io.prometheus.client.MetricFamily`, again and again.
//!
//! Families are read field by field and their metrics one by one, as they arrive: writers put the fields in the order of their numbers, so that name
//! and type are known before the first metric. Only one field is held at a time. Each metric is handed on as the series that the text format would have
//! for it, and as a native histogram where it is one.

mod field;
mod histogram;
mod metric;
#[cfg(test)]
mod tests;

pub use histogram::{NATIVE_BUCKETS_MAX, NativeBuckets, NativeHistogram};

use crate::error::{ParseError, Refusal};
use crate::parser::Skipped;
use crate::series::{SeriesText, bound_text};
use crate::{ExemplarText, FamilyKind, FamilyText, Sink};
use field::{Bad, Value, field, text, varint};
use metric::{Metric, Part};
use std::borrow::Cow;

/// A field longer than this, such as one metric, is refused.
const FIELD_BYTES_MAX: usize = 1 << 20;

/// Reads a page of messages.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// Whether a histogram that is both native and classic is read as both.
    classic: bool,
    /// A field whose end has not come yet.
    carry: Vec<u8>,
    /// Bytes that are left of the family being read; `None` between families.
    left: Option<u64>,
    number: u64,
    fields: Fields,
    family: Option<Family>,
    scratch: Vec<u8>,
}

/// What was read of a family before its metrics. Nothing is wrong with it as long as it has none.
#[derive(Debug, Default)]
struct Fields {
    name: Vec<u8>,
    help: Vec<u8>,
    kind: u64,
    unit: Vec<u8>,
}

/// A family that has metrics.
#[derive(Debug)]
struct Family {
    name: String,
    kind: FamilyKind,
    /// Whether the next histogram is read as a native one; the first metric decides.
    native: bool,
}

impl Messages {
    pub(crate) fn new(classic: bool) -> Self {
        Self { classic, ..Self::default() }
    }

    pub(crate) fn feed<S: Sink>(&mut self, window: &[u8], sink: &mut S) -> Result<(), ParseError<S::Error>> {
        if self.carry.is_empty() {
            let used = self.read(window, sink)?;
            self.carry.extend_from_slice(window.get(used..).unwrap_or_default());
            return self.check_carry();
        }
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(window);
        let used = self.read(&carry, sink)?;
        carry.drain(..used);
        self.carry = carry;
        self.check_carry()
    }

    pub(crate) fn finish<E>(self) -> Result<Skipped, ParseError<E>> {
        if self.carry.is_empty() && self.left.is_none() {
            return Ok(Skipped::default());
        }
        Err(self.error("the page breaks off within a message"))
    }

    fn check_carry<E>(&self) -> Result<(), ParseError<E>> {
        // A field and what announces it.
        if self.carry.len() > FIELD_BYTES_MAX + 32 { Err(self.error("a field is too long")) } else { Ok(()) }
    }

    fn error<E>(&self, reason: impl Into<String>) -> ParseError<E> {
        let family = String::from_utf8_lossy(&self.fields.name).into_owned();
        ParseError::Message { message: self.number, family, reason: reason.into() }
    }

    /// Reads all complete fields and says how many bytes they had.
    fn read<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<usize, ParseError<S::Error>> {
        let mut rest = bytes;
        loop {
            let used = bytes.len() - rest.len();
            let Some(left) = self.left else {
                let before = rest.len();
                match varint(&mut rest) {
                    // As in Prometheus, a length takes five bytes at most.
                    Ok(length) if before - rest.len() <= 5 => {
                        self.number += 1;
                        self.left = Some(length);
                        self.fields = Fields::default();
                        self.family = None;
                        continue;
                    }
                    Err(Bad::Short) if before < 5 => return Ok(used),
                    Ok(_) | Err(_) => return Err(self.error("invalid varint encountered")),
                }
            };
            if left == 0 {
                self.end_family(sink).map_err(|reason| self.error(reason))?;
                self.left = None;
                continue;
            }
            let within = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
            let mut tail = within;
            let read = field(&mut tail, FIELD_BYTES_MAX);
            let length = within.len() - tail.len();
            match read {
                Ok((number, value)) => self.take(number, value, sink)?,
                Err(Bad::Short) if within.len() as u64 != left => return Ok(used),
                Err(bad) => return Err(self.error(bad.reason())),
            }
            self.left = Some(left - length as u64);
            rest = rest.get(length..).unwrap_or_default();
        }
    }

    /// Takes a field of `MetricFamily`.
    fn take<S: Sink>(&mut self, number: u64, value: Value<'_>, sink: &mut S) -> Result<(), ParseError<S::Error>> {
        let fields = &mut self.fields;
        match (number, value) {
            (1..=3, _) if self.family.is_some() => return Err(self.error("name, help and type must stand before the metrics")),
            (1, Value::Bytes(bytes)) => fields.name = bytes.to_vec(),
            (2, Value::Bytes(bytes)) => fields.help = bytes.to_vec(),
            (3, Value::Number(number)) => fields.kind = number,
            (4, Value::Bytes(bytes)) => return self.metric(bytes, sink),
            (5, Value::Bytes(bytes)) => fields.unit = bytes.to_vec(),
            (1..=5, _) => return Err(self.error("wrong wire type")),
            _ => {}
        }
        Ok(())
    }

    /// Begins a family with its first metric.
    fn begin_family<S: Sink>(&mut self, first: &Metric<'_>, sink: &mut S) -> Result<Family, Bad> {
        let (name, help) = (text(&self.fields.name)?, text(&self.fields.help)?);
        if name.is_empty() {
            return Err(Bad::Reason("invalid metric name"));
        }
        let kind = kind(self.fields.kind)?;
        sink.metadata(name, FamilyText::Help(help));
        sink.metadata(name, FamilyText::Kind(kind));
        let is_histogram = matches!(kind, FamilyKind::Histogram | FamilyKind::GaugeHistogram);
        Ok(Family { name: name.to_owned(), kind, native: is_histogram && first.histogram.is_native() })
    }

    /// Ends a family: the unit, which stands behind the metrics.
    fn end_family<S: Sink>(&mut self, sink: &mut S) -> Result<(), String> {
        let Some(Family { name, kind, .. }) = &self.family else { return Ok(()) };
        if self.fields.unit.is_empty() {
            return Ok(());
        }
        let unit = text(&self.fields.unit).map_err(Bad::reason)?;
        let counted = name.strip_suffix("_total").filter(|_| *kind == FamilyKind::Counter);
        let stem = counted.unwrap_or(name).strip_suffix(unit);
        if !stem.is_some_and(|stem| stem.ends_with('_')) {
            return Err(format!("unit {unit:?} not a suffix of metric {name:?}"));
        }
        sink.metadata(name, FamilyText::Unit(unit));
        Ok(())
    }

    fn metric<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), ParseError<S::Error>> {
        let metric = Metric::read(bytes).map_err(|bad| self.error(bad.reason()))?;
        let mut family = match self.family.take() {
            Some(family) => family,
            None => self.begin_family(&metric, sink).map_err(|bad| self.error(bad.reason()))?,
        };
        let taken = if family.native { self.native(&metric, &mut family, sink) } else { self.parts(&metric, &mut family, sink) };
        self.family = Some(family);
        taken
    }

    fn native<S: Sink>(&mut self, metric: &Metric<'_>, family: &mut Family, sink: &mut S) -> Result<(), ParseError<S::Error>> {
        let gauge = family.kind == FamilyKind::GaugeHistogram;
        let histogram = metric.histogram.native(gauge).map_err(|reason| self.error(reason))?;
        let series = self.series(metric, family, Part::Native, sink)?;
        sink.histogram(series, histogram, metric.timestamp()).map_err(ParseError::Sink)?;
        for exemplar in metric.histogram.native_exemplars() {
            let exemplar = exemplar.read().map_err(|bad| self.error(bad.reason()))?;
            // Without a timestamp it could not be told from the one before.
            if exemplar.timestamp.is_some() {
                sink.exemplar(&exemplar);
            }
        }
        if let Some(created) = metric.created(family.kind) {
            sink.created(created);
        }
        if self.classic && !metric.histogram.buckets.is_empty() {
            self.parts(metric, family, sink)?;
        }
        Ok(())
    }

    /// Hands a metric on as the series of the text format.
    fn parts<S: Sink>(&mut self, metric: &Metric<'_>, family: &mut Family, sink: &mut S) -> Result<(), ParseError<S::Error>> {
        for at in 0.. {
            let Some((part, value, exemplar)) = metric.part(family.kind, at) else { break };
            let series = self.series(metric, family, part, sink)?;
            sink.sample(series, value, metric.timestamp()).map_err(ParseError::Sink)?;
            if let Some(exemplar) = exemplar {
                let exemplar: ExemplarText<'_> = exemplar.read().map_err(|bad| self.error(bad.reason()))?;
                sink.exemplar(&exemplar);
            }
            if let Some(created) = metric.created(family.kind) {
                sink.created(created);
            }
        }
        // As in Prometheus, each classic histogram decides how the next one is read.
        let is_histogram = matches!(family.kind, FamilyKind::Histogram | FamilyKind::GaugeHistogram);
        family.native = is_histogram && metric.histogram.is_native();
        Ok(())
    }

    /// The sink's series of a part of a metric. Its text is the family's name, the labels as they are encoded, and the part.
    fn series<S: Sink>(
        &mut self,
        metric: &Metric<'_>,
        family: &Family,
        part: Part,
        sink: &mut S,
    ) -> Result<S::Series, ParseError<S::Error>> {
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        key.extend_from_slice(family.name.as_bytes());
        for label in &metric.labels {
            // No UTF-8 text holds this byte, so that parts cannot run together.
            key.push(0xff);
            key.extend_from_slice(&(label.len() as u32).to_le_bytes());
            key.extend_from_slice(label);
        }
        key.push(0xff);
        let (tag, bound) = part.key();
        key.push(tag);
        key.extend_from_slice(&bound.to_le_bytes());
        let found = match sink.find(&key) {
            Some(series) => Ok(series),
            None => self.meet(metric, &family.name, part, &key, sink),
        };
        self.scratch = key;
        found
    }

    #[cold]
    fn meet<S: Sink>(
        &self,
        metric: &Metric<'_>,
        name: &str,
        part: Part,
        key: &[u8],
        sink: &mut S,
    ) -> Result<S::Series, ParseError<S::Error>> {
        let (name, bound) = match part {
            Part::Value | Part::Native => (name.to_owned(), None),
            Part::Count => (format!("{name}_count"), None),
            Part::Sum => (format!("{name}_sum"), None),
            Part::Bucket(bound) => (format!("{name}_bucket"), Some(("le", bound))),
            Part::Quantile(quantile) => (name.to_owned(), Some(("quantile", quantile))),
        };
        let mut labels = vec![(Cow::Borrowed("__name__"), Cow::Owned(name))];
        labels.extend(metric::labels(&metric.labels).map_err(|bad| self.error(bad.reason()))?);
        labels.extend(bound.map(|(label, bound)| (Cow::Borrowed(label), Cow::Owned(bound_text(bound)))));
        sink.meet(&SeriesText { text: key, labels, histogram: part == Part::Native })
            .map_err(|refusal: Refusal<S::Error>| ParseError::Sink(refusal.into_inner()))
    }
}

/// The type by its number; `COUNTER` is zero.
fn kind(number: u64) -> Result<FamilyKind, Bad> {
    Ok(match number {
        0 => FamilyKind::Counter,
        1 => FamilyKind::Gauge,
        2 => FamilyKind::Summary,
        3 => FamilyKind::Unknown,
        4 => FamilyKind::Histogram,
        5 => FamilyKind::GaugeHistogram,
        _ => return Err(Bad::Reason("unknown metric type")),
    })
}
