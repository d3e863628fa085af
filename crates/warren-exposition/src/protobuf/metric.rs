//! `Metric` messages, and the series they stand for.

use super::field::{Bad, Value, each, text};
use super::histogram::Histogram;
use crate::{ExemplarText, FamilyKind};
use std::borrow::Cow;

/// One metric of a family.
#[derive(Debug, Default)]
pub(super) struct Metric<'a> {
    /// `LabelPair` messages.
    pub(super) labels: Vec<&'a [u8]>,
    gauge: f64,
    counter: Counter<'a>,
    summary: Summary,
    untyped: f64,
    pub(super) histogram: Histogram<'a>,
    timestamp: i64,
}

#[derive(Debug, Default)]
struct Counter<'a> {
    value: f64,
    exemplar: Option<Exemplar<'a>>,
    created: Option<i64>,
}

#[derive(Debug, Default)]
struct Summary {
    count: u64,
    sum: f64,
    quantiles: Vec<(f64, f64)>,
    created: Option<i64>,
}

/// An `Exemplar` message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exemplar<'a>(pub(super) &'a [u8]);

/// Which series of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Value,
    Native,
    Count,
    Sum,
    Bucket(f64),
    Quantile(f64),
}

impl Part {
    /// What tells it from the other parts.
    pub(super) fn key(self) -> (u8, u64) {
        match self {
            Self::Value => (0, 0),
            Self::Native => (1, 0),
            Self::Count => (2, 0),
            Self::Sum => (3, 0),
            Self::Bucket(bound) => (4, bound.to_bits()),
            Self::Quantile(quantile) => (5, quantile.to_bits()),
        }
    }
}

impl<'a> Metric<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Bad> {
        let mut metric = Self::default();
        each(message, |number, value| {
            match number {
                1 => metric.labels.push(value.bytes()?),
                2 => single(value, &mut metric.gauge)?,
                3 => metric.counter.read(value.bytes()?)?,
                4 => metric.summary.read(value.bytes()?)?,
                5 => single(value, &mut metric.untyped)?,
                6 => metric.timestamp = value.number()? as i64,
                7 => metric.histogram.read(value.bytes()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(metric)
    }

    /// Milliseconds since 1970; zero means none.
    pub(super) fn timestamp(&self) -> Option<i64> {
        Some(self.timestamp).filter(|time| *time != 0)
    }

    /// When it began to count, in milliseconds since 1970.
    pub(super) fn created(&self, kind: FamilyKind) -> Option<i64> {
        match kind {
            FamilyKind::Counter => self.counter.created,
            FamilyKind::Summary => self.summary.created,
            FamilyKind::Histogram | FamilyKind::GaugeHistogram => self.histogram.created,
            FamilyKind::Unknown | FamilyKind::Gauge | FamilyKind::Info | FamilyKind::StateSet => None,
        }
    }

    /// The series at this place among those that the text format has for the metric: which, its value, its exemplar.
    pub(super) fn part(&self, kind: FamilyKind, at: usize) -> Option<(Part, f64, Option<Exemplar<'a>>)> {
        let single = |value, exemplar| (at == 0).then_some((Part::Value, value, exemplar));
        match kind {
            FamilyKind::Counter => single(self.counter.value, self.counter.exemplar),
            FamilyKind::Gauge => single(self.gauge, None),
            FamilyKind::Summary => match at {
                0 => Some((Part::Count, self.summary.count as f64, None)),
                1 => Some((Part::Sum, self.summary.sum, None)),
                _ => self.summary.quantiles.get(at - 2).map(|(quantile, value)| (Part::Quantile(*quantile), *value, None)),
            },
            FamilyKind::Histogram | FamilyKind::GaugeHistogram => self.histogram.part(at),
            FamilyKind::Unknown | FamilyKind::Info | FamilyKind::StateSet => single(self.untyped, None),
        }
    }
}

/// A message that holds one double.
fn single(value: Value<'_>, to: &mut f64) -> Result<(), Bad> {
    each(value.bytes()?, |number, value| {
        if number == 1 {
            *to = value.double()?;
        }
        Ok(())
    })
}

impl<'a> Counter<'a> {
    fn read(&mut self, message: &'a [u8]) -> Result<(), Bad> {
        each(message, |number, value| {
            match number {
                1 => self.value = value.double()?,
                2 => self.exemplar = Some(Exemplar(value.bytes()?)),
                3 => self.created = Some(time(value.bytes()?)?),
                _ => {}
            }
            Ok(())
        })
    }
}

impl Summary {
    fn read(&mut self, message: &[u8]) -> Result<(), Bad> {
        each(message, |number, value| {
            match number {
                1 => self.count = value.number()?,
                2 => self.sum = value.double()?,
                3 => {
                    let mut quantile = (0.0, 0.0);
                    each(value.bytes()?, |number, value| {
                        match number {
                            1 => quantile.0 = value.double()?,
                            2 => quantile.1 = value.double()?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    self.quantiles.push(quantile);
                }
                4 => self.created = Some(time(value.bytes()?)?),
                _ => {}
            }
            Ok(())
        })
    }
}

/// A `google.protobuf.Timestamp` in milliseconds.
pub(super) fn time(message: &[u8]) -> Result<i64, Bad> {
    let (mut seconds, mut nanos) = (0i64, 0i32);
    each(message, |number, value| {
        match number {
            1 => seconds = value.number()? as i64,
            2 => nanos = value.number()? as i32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(seconds.saturating_mul(1000).saturating_add(i64::from(nanos / 1_000_000)))
}

/// Name and value.
pub(super) type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Labels from `LabelPair` messages.
pub(super) fn labels<'a>(pairs: &[&'a [u8]]) -> Result<Vec<Label<'a>>, Bad> {
    let read = |pair: &&'a [u8]| {
        let (mut name, mut own) = ("", "");
        each(pair, |number, value| {
            match number {
                1 => name = text(value.bytes()?)?,
                2 => own = text(value.bytes()?)?,
                _ => {}
            }
            Ok(())
        })?;
        if name.is_empty() { Err(Bad::Reason("invalid label name")) } else { Ok((Cow::Borrowed(name), Cow::Borrowed(own))) }
    };
    pairs.iter().map(read).collect()
}

impl<'a> Exemplar<'a> {
    pub(super) fn read(self) -> Result<ExemplarText<'a>, Bad> {
        let mut pairs = Vec::new();
        let (mut value, mut timestamp) = (0.0, None);
        each(self.0, |number, field| {
            match number {
                1 => pairs.push(field.bytes()?),
                2 => value = field.double()?,
                3 => timestamp = Some(time(field.bytes()?)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(ExemplarText { labels: labels(&pairs)?, value, timestamp })
    }
}
