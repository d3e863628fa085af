//! The walk through a batch that yields the bodies of requests.

use crate::exemplars::Exemplars;
use crate::exponential;
use crate::family::{Failures, Families, Origin};
use crate::frame::Frame;
use crate::labels::Hash;
use crate::metadata;
use crate::order::{Labelling, Order};
use crate::points::{Item, Sample, sample};
use crate::proto::message;
use crate::series::{self, About, Series};
use crate::symbols::Symbols;
use crate::translation::Translation;
use bytes::Bytes;
use std::ops::Range;
use warren_pdata::{Data, ExponentialHistogramPoint, Metric, Metrics};
use warren_promname::unit_name;

/// Series that one step encodes, at most: the caller lets other tasks run between steps.
const SERIES_PER_STEP: usize = 2_000;

/// The message that a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// `prometheus.WriteRequest`
    #[default]
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// What requests may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The message.
    pub protocol: Protocol,
    /// Bytes of a message before compression. A single series that is larger goes alone.
    pub bytes: usize,
    /// Whether metadata is sent after the series in requests of its own. Version 2.0 has it with every series.
    pub metadata: bool,
}

/// The body of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The message, compressed as a snappy block.
    pub body: Bytes,
    /// Positions of its series and metadata in the order of the batch.
    pub positions: Range<u64>,
    /// Points of the batch that are complete with it.
    pub items: u64,
    /// Series.
    pub series: u64,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// There is more to encode.
    Busy,
    /// A request is complete.
    Part(Part),
    /// The end is reached.
    End,
}

/// Why a batch cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A message has more than 4 GiB.
    #[error("a series is too large for a request")]
    TooLarge,
}

/// Encodes a batch from any position on.
pub struct Encoding<'a> {
    limits: Limits,
    labelling: Labelling<'a>,
    metadata: Vec<&'a Metric>,
    /// Rank of the family at hand; past the last one, metadata.
    family: usize,
    /// Series of the family, or metadata, that are behind.
    index: u64,
    order: Option<Order>,
    /// Where to stop.
    end: u64,
    /// Where the part at hand began.
    start: u64,
    items: u64,
    series: u64,
    frame: Frame,
    symbols: Symbols,
    /// The items of the series at hand; empty when it was written.
    members: Vec<Item>,
    samples: Vec<Sample>,
    histograms: Vec<&'a ExponentialHistogramPoint>,
    exemplars: Exemplars<'a>,
    unit: (usize, String),
}

impl<'a> Encoding<'a> {
    /// Looks through the batch. [`Encoding::seek`] begins.
    pub fn new(batch: &'a Metrics, translation: &'a Translation, limits: Limits) -> Self {
        let hasher = Hash::default();
        let mut families = Families::new(batch, translation, &hasher);
        find_faults(&mut families);
        let metadata = match limits.metadata && limits.protocol == Protocol::V1 && !families.entries.is_empty() {
            true => batch.iter().map(|(_, _, metric)| metric).collect(),
            false => Vec::new(),
        };
        Self {
            limits,
            labelling: Labelling::new(translation, families, hasher),
            metadata,
            family: 0,
            index: 0,
            order: None,
            end: u64::MAX,
            start: 0,
            items: 0,
            series: 0,
            frame: Frame::new(),
            symbols: Symbols::new(),
            members: Vec::new(),
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Exemplars::default(),
            unit: (usize::MAX, String::new()),
        }
    }

    /// What of the batch has no form in remote write.
    pub fn failures(&self) -> &Failures {
        &self.labelling.families.failures
    }

    /// Goes on with the first of these positions and stops before the end of them. Only between parts.
    pub fn seek(&mut self, positions: Range<u64>) {
        self.family = (positions.start >> 32) as usize;
        self.index = positions.start & u64::from(u32::MAX);
        self.end = positions.end;
        self.start = positions.start;
        self.members.clear();
        self.order = self.order_of_family();
        for _ in 0..self.index {
            if !self.next_members() {
                break;
            }
        }
        self.members.clear();
    }

    /// Encodes on.
    ///
    /// # Errors
    /// When a request would be beyond what the compression can hold.
    pub fn step(&mut self) -> Result<Step, EncodeError> {
        let mut budget = SERIES_PER_STEP as u64;
        while budget > 0 {
            if self.position() >= self.end {
                return self.finish();
            }
            if self.family >= self.labelling.families.ranges.len() {
                return self.step_metadata();
            }
            let before = self.series;
            if self.limits.protocol == Protocol::V1 && self.members.is_empty() && self.write_column(budget)? {
                return self.finish();
            }
            if self.series > before {
                budget -= self.series - before;
                continue;
            }
            budget -= 1;
            if self.members.is_empty() && !self.next_members() {
                self.family += 1;
                self.index = 0;
                self.order = self.order_of_family();
                self.exemplars.forget_points();
                continue;
            }
            let (len, symbols) = (self.frame.window.len(), self.symbols.len());
            self.write();
            if self.series > 0 && self.frame.len() + self.symbols_len() > self.limits.bytes {
                self.frame.window.truncate(len);
                self.symbols.truncate(symbols);
                return self.finish();
            }
            self.items += self.members.iter().filter(|item| item.last && self.metric(item).is_some()).count() as u64;
            self.series += 1;
            self.index += 1;
            self.members.clear();
            if self.limits.protocol == Protocol::V1 {
                self.frame.settle()?;
            }
        }
        Ok(Step::Busy)
    }

    /// Writes series of a plain column of numbers, at most so many: what nearly all series of a scrape are. Tells whether the part is full.
    fn write_column(&mut self, most: u64) -> Result<bool, EncodeError> {
        let most = most.min(self.end - self.position()) as usize;
        let Some(Order::Straight(walk)) = &mut self.order else { return Ok(false) };
        let Some(mut column) = self.labelling.column(walk) else { return Ok(false) };
        let (points, first, before) = (column.points, walk.point(), self.series);
        let mut full = false;
        for (point, set) in points.attrs.iter().enumerate().skip(first).take(most) {
            let len = self.frame.window.len();
            let sample = sample(points.value(point).as_f64(), points.time.get(point), points.flags.get(point));
            message(&mut self.frame.window, 1, series::ROOM, |out| {
                column.write_labels(out, set);
                series::sample(out, &sample);
            });
            if self.series > 0 && self.frame.len() > self.limits.bytes {
                self.frame.window.truncate(len);
                full = true;
                break;
            }
            self.series += 1;
            self.frame.settle()?;
        }
        let written = self.series - before;
        walk.skip(written as usize);
        self.items += written;
        self.index += written;
        Ok(full)
    }

    /// Where the walk is: the family and what of it is behind.
    fn position(&self) -> u64 {
        (self.family as u64) << 32 | self.index
    }

    fn symbols_len(&self) -> usize {
        match self.limits.protocol {
            Protocol::V1 => 0,
            Protocol::V2 => self.symbols.encoded_len(),
        }
    }

    fn order_of_family(&mut self) -> Option<Order> {
        let range = self.labelling.families.ranges.get(self.family)?.clone();
        Some(self.labelling.order(range))
    }

    /// Finds the items of the next series of the family.
    fn next_members(&mut self) -> bool {
        match &mut self.order {
            None => false,
            Some(Order::Merged(merged)) => merged.next(&mut self.members),
            Some(Order::Straight(walk)) => {
                self.members.clear();
                self.members.extend(walk.next(&self.labelling.families.entries));
                !self.members.is_empty()
            }
        }
    }

    fn metric(&self, item: &Item) -> Option<&'a Metric> {
        match self.labelling.families.entries.get(item.entry as usize)?.origin {
            Origin::Metric(metric) => Some(metric),
            Origin::TargetInfo { .. } => None,
        }
    }

    /// Writes the series of the members into the window.
    fn write(&mut self) {
        let Some(first) = self.members.first().copied() else { return };
        self.collect();
        let metric = self.metric(&first);
        if self.limits.protocol == Protocol::V2 && self.unit.0 != first.entry as usize {
            self.unit = (first.entry as usize, metric.map_or_else(String::new, |metric| unit_name(&metric.unit)));
        }
        let Self { limits, labelling, frame, symbols, samples, histograms, exemplars, unit, .. } = self;
        labelling.with(&first, |layout, set, named, _| {
            let series = Series { layout, set, named, samples, histograms, exemplars };
            match limits.protocol {
                Protocol::V1 => series.write_v1(&mut frame.window),
                Protocol::V2 => {
                    let about = About {
                        kind: metric.map_or(metadata::GAUGE, metadata::kind_number),
                        help: metric.map_or("Target metadata", |metric| &metric.description),
                        unit: &unit.1,
                    };
                    series.write_v2(&mut frame.window, symbols, &about);
                }
            }
        });
    }

    /// Collects what the members bring to their series.
    fn collect(&mut self) {
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        for item in &self.members {
            self.samples.extend(item.sample);
            let Some(metric) = self.metric(item) else { continue };
            if let Data::ExponentialHistogram { points, .. } = &metric.data {
                let Some(point) = points.get(item.point as usize) else { continue };
                if exponential::fault(point).is_some() {
                    continue;
                }
                self.histograms.push(point);
            }
            item.exemplars(metric, &mut self.exemplars);
        }
        if self.members.len() > 1 {
            self.samples.sort_by_key(|sample| sample.time);
            self.histograms.sort_by_key(|point| point.time);
        }
    }

    fn step_metadata(&mut self) -> Result<Step, EncodeError> {
        // Series and metadata never share a request.
        if self.series > 0 {
            return self.finish();
        }
        while self.position() < self.end {
            let Some(metric) = self.metadata.get(self.index as usize) else { break };
            let len = self.frame.window.len();
            metadata::write(&mut self.frame.window, metric, self.labelling.translation);
            if len > 0 && self.frame.window.len() > self.limits.bytes {
                self.frame.window.truncate(len);
                break;
            }
            self.index += 1;
        }
        self.finish()
    }

    /// Closes the part at hand; the end if there is nothing in it.
    fn finish(&mut self) -> Result<Step, EncodeError> {
        if self.frame.len() == 0 {
            return Ok(Step::End);
        }
        let mut first = Vec::new();
        if self.limits.protocol == Protocol::V2 {
            self.symbols.write(&mut first);
            self.symbols.clear();
        }
        let part = Part {
            body: self.frame.finish(&first)?,
            positions: self.start..self.position(),
            items: std::mem::take(&mut self.items),
            series: std::mem::take(&mut self.series),
        };
        self.start = self.position();
        Ok(Step::Part(part))
    }
}

/// Counts the exponential points that have no native form. Their series are sent without a sample, as upstream does.
fn find_faults(families: &mut Families<'_>) {
    let Families { entries, failures, .. } = families;
    for entry in entries {
        let Origin::Metric(Metric { data: Data::ExponentialHistogram { points, .. }, .. }) = entry.origin else { continue };
        let mut faults = points.iter().filter_map(exponential::fault);
        if let Some(first) = faults.next() {
            failures.add(1 + faults.count(), || first);
        }
    }
}
