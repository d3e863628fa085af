//! Converting the points of a batch.

use crate::config::{Config, InitialValue, MatchMetrics};
use crate::figures::{Figures, Withheld};
use crate::identity::{Base, Kind};
use crate::series::{Distribution, Point, Total};
use crate::state::State;
use warren_match::Names;
use warren_pdata::{Attrs, Column, Data, HistogramPoint, Metric, Metrics, Number, NumberPoints, Sum, Temporality, flags};

/// Which metrics are converted.
pub(crate) struct Choice {
    include: Chosen,
    exclude: Chosen,
}

/// Names and kinds; what is absent holds for all.
struct Chosen {
    names: Option<Names>,
    kinds: Vec<MetricKind>,
}

/// What can be converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Sum,
    Histogram,
}

impl Choice {
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let chosen = |block: &MatchMetrics| {
            let known = matches!(block.match_type.as_str(), "strict" | "regexp") && !block.metrics.is_empty();
            let names = known.then(|| Names::new(&block.match_type, &block.metrics)).transpose()?;
            let kinds = block.metric_types.iter().filter_map(|name| Self::kind_of(name)).collect();
            Ok::<_, String>(Chosen { names, kinds })
        };
        Ok(Self { include: chosen(&config.include)?, exclude: chosen(&config.exclude)? })
    }

    /// What a name in `metric_types` means.
    pub(crate) fn kind_of(name: &str) -> Option<MetricKind> {
        match name.to_ascii_lowercase().as_str() {
            "sum" => Some(MetricKind::Sum),
            "histogram" => Some(MetricKind::Histogram),
            _ => None,
        }
    }

    /// Whether a metric is converted, and so may not stay as it is.
    pub(crate) fn concerns(&self, metric: &Metric) -> bool {
        let kind = match &metric.data {
            Data::Sum(sum) if sum.temporality == Temporality::CUMULATIVE && sum.monotonic => MetricKind::Sum,
            Data::Histogram { points, temporality: Temporality::CUMULATIVE } if !points.is_empty() => MetricKind::Histogram,
            _ => return false,
        };
        let named = |chosen: &Chosen| chosen.names.as_ref().map(|names| names.matches(&metric.name));
        (self.include.kinds.is_empty() || self.include.kinds.contains(&kind))
            && !self.exclude.kinds.contains(&kind)
            && named(&self.include) != Some(false)
            && named(&self.exclude) != Some(true)
    }
}

/// Converts the points of one batch.
pub(crate) struct Conversion<'a> {
    pub(crate) choice: &'a Choice,
    pub(crate) initial: InitialValue,
    /// Whether a point older than the last one of its series counts as any other, as upstream has it.
    pub(crate) late_counts: bool,
    /// Bytes that may be remembered.
    pub(crate) limit: usize,
    pub(crate) figures: &'a Figures,
    pub(crate) state: &'a mut State,
    /// Which points of a metric stay; kept for its memory.
    pub(crate) stays: &'a mut Vec<bool>,
    /// Series for which there was no room.
    pub(crate) refused: u64,
}

/// What becomes of a number point.
enum Outcome {
    Delta { start: u64, value: Number },
    Unchanged,
    Withheld(Withheld),
}

impl Conversion<'_> {
    /// Converts, and drops what has no points left, and empty scopes and resources.
    pub(crate) fn run(&mut self, metrics: &mut Metrics) {
        metrics.resources.retain_mut(|group| {
            let resource = self.state.identity.resource(group);
            group.scopes.retain_mut(|scoped| {
                scoped.items.retain_mut(|metric| {
                    if !self.choice.concerns(metric) {
                        return true;
                    }
                    let base = self.state.identity.metric(resource, &scoped.scope, &metric.name, &metric.unit);
                    match &mut metric.data {
                        Data::Sum(sum) => self.sum(base, sum),
                        Data::Histogram { points, temporality } => {
                            points.retain_mut(|point| self.histogram(base, point));
                            *temporality = Temporality::DELTA;
                        }
                        _ => {}
                    }
                    !metric.data.is_empty()
                });
                !scoped.items.is_empty()
            });
            !group.scopes.is_empty()
        });
        self.state.identity.forget_points();
        self.state.tell();
    }

    fn sum(&mut self, base: Base, sum: &mut Sum) {
        let points = &mut sum.points;
        let mut starts = Column::default();
        self.stays.clear();
        for index in 0..points.len() {
            let outcome = self.number(base, points, index);
            self.stays.push(!matches!(outcome, Outcome::Withheld(_)));
            match outcome {
                Outcome::Delta { start, value } => {
                    starts.push(start);
                    points.set_value(index, value);
                }
                Outcome::Unchanged => starts.push(points.start.get(index)),
                Outcome::Withheld(why) => self.figures.withhold(why),
            }
        }
        if starts.len() < points.len() {
            points.retain(|index| self.stays.get(index).copied().unwrap_or_default());
        }
        points.start = starts;
        sum.temporality = Temporality::DELTA;
    }

    fn number(&mut self, base: Base, points: &NumberPoints, index: usize) -> Outcome {
        const NO_ATTRS: &Attrs = &Attrs::EMPTY;
        if points.flags.get(index) & flags::NO_RECORDED_VALUE != 0 {
            return Outcome::Withheld(Withheld::NoValue);
        }
        let (kind, total) = match points.value(index) {
            Number::Double(value) if value.is_nan() => return Outcome::Unchanged,
            Number::Double(value) => (Kind::Double, Total::Double(value)),
            Number::Int(value) => (Kind::Int, Total::Int(value)),
            Number::Empty => (Kind::Nothing, Total::Int(0)),
        };
        let (start, time) = (points.start.get(index), points.time.get(index));
        let id = self.state.identity.series(base, kind, points.attrs.get(index).unwrap_or(NO_ATTRS), start);
        let value = match total {
            Total::Double(value) => Number::Double(value),
            Total::Int(value) => Number::Int(value),
            Total::Histogram(_) => Number::Empty,
        };
        let Some(last) = self.state.series.find(id) else {
            return match self.first(id, Point { time, total }, start) {
                Ok(start) => Outcome::Delta { start, value },
                Err(why) => Outcome::Withheld(why),
            };
        };
        let (delta, fell, grew) = match (&last.total, &total) {
            (Total::Double(before), Total::Double(now)) => (Number::Double(now - before), now < before, now > before),
            (Total::Int(before), Total::Int(now)) => (Number::Int(now.wrapping_sub(*before)), now < before, now > before),
            // The kind is part of the identity.
            _ => (value, true, false),
        };
        if time < last.time && !grew && !self.late_counts {
            return Outcome::Withheld(Withheld::Late);
        }
        let start = if self.late_counts { last.time } else { last.time.min(time) };
        *last = Point { time, total };
        if fell { Outcome::Withheld(Withheld::Reset) } else { Outcome::Delta { start, value: delta } }
    }

    /// Makes a point a delta; says whether it stays.
    fn histogram(&mut self, base: Base, point: &mut HistogramPoint) -> bool {
        let outcome = self.distribution(base, point);
        match outcome {
            Ok(start) => {
                point.start = start;
                point.min = None;
                point.max = None;
            }
            Err(why) => self.figures.withhold(why),
        }
        outcome.is_ok()
    }

    /// Makes count, sum and buckets those since the last point, which was at the time that results.
    fn distribution(&mut self, base: Base, point: &mut HistogramPoint) -> Result<u64, Withheld> {
        if point.flags & flags::NO_RECORDED_VALUE != 0 {
            return Err(Withheld::NoValue);
        }
        let id = self.state.identity.series(base, Kind::Histogram, &point.attrs, point.start);
        let time = point.time;
        let Some(last) = self.state.series.find(id) else {
            let (count, sum, buckets) = (point.count, point.sum.unwrap_or_default(), point.counts.as_slice().into());
            let total = Total::Histogram(Box::new(Distribution { count, sum, buckets }));
            return self.first(id, Point { time, total }, point.start);
        };
        let Total::Histogram(before) = &mut last.total else { return Err(Withheld::Reset) };
        if time < last.time && point.count <= before.count && !self.late_counts {
            return Err(Withheld::Late);
        }
        let start = if self.late_counts { last.time } else { last.time.min(time) };
        let sum = point.sum.filter(|sum| !sum.is_nan());
        let total = if point.sum.is_some() { sum.unwrap_or(before.sum) } else { 0.0 };
        if point.counts.len() != before.buckets.len() {
            let now = Distribution { count: point.count, sum: total, buckets: point.counts.as_slice().into() };
            let replaced = self.state.series.replace(Point { time, total: Total::Histogram(Box::new(now)) }, self.limit);
            return Err(replaced.map_or_else(|_| self.refuse(), |()| Withheld::Reset));
        }
        last.time = time;
        // Where a bucket has less than before, the source has begun anew, and all it counted is new.
        let anew = point.count < before.count || point.counts.iter().zip(&before.buckets).any(|(now, before)| now < before);
        let (count_before, sum_before) = (before.count, before.sum);
        (before.count, before.sum) = (point.count, total);
        for (now, before) in point.counts.iter_mut().zip(&mut before.buckets) {
            let counted = *now;
            *now -= if anew { 0 } else { *before };
            *before = counted;
        }
        if !anew {
            point.count -= count_before;
            if sum.is_some() {
                point.sum = Some(total - sum_before);
            }
        }
        Ok(start)
    }

    /// Remembers the first point of a series. If it goes on, its start is the result.
    fn first(&mut self, id: u128, point: Point, start: u64) -> Result<u64, Withheld> {
        let time = point.time;
        match self.state.series.insert(id, point, self.limit) {
            Ok(forgotten) => self.figures.displaced.add(forgotten as u64),
            Err(_) => return Err(self.refuse()),
        }
        match self.initial {
            InitialValue::Auto if start >= self.state.since && time != start => Ok(start),
            InitialValue::Keep => Ok(0),
            InitialValue::Auto | InitialValue::Drop => Err(Withheld::Initial),
        }
    }
    fn refuse(&mut self) -> Withheld {
        self.refused += 1;
        Withheld::Full
    }
}
