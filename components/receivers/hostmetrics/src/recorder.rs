//! What a scraper records its values with: columns of points by metric, turned into groups of metrics.

use crate::metric::{Kind, MetricSettings};
use std::time::{SystemTime, UNIX_EPOCH};
use warren_pdata::{
    Attrs, Data, Metric, Number, NumberPoints, Resource, ResourceGroup, Scope, ScopeGroup, Sum, Temporality, Text, literal,
};

/// Schema that names and attributes follow.
const SCHEMA_URL: Text = literal!("https://opentelemetry.io/schemas/1.9.0");

/// Where upstream's scrapers are; their scopes are named after it.
const SCOPE: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal/scraper";

/// Records the values of one scraper.
pub(crate) struct Recorder {
    columns: Vec<Column>,
    scope: Scope,
    start: u64,
    time: u64,
    groups: Vec<ResourceGroup<Metric>>,
}

/// The points of one metric so far, and what goes around them.
struct Column {
    name: Text,
    unit: Text,
    description: Text,
    kind: Kind,
    wanted: bool,
    points: NumberPoints,
    /// How many points there were last time: room for as many is made at once.
    room: usize,
    keys: &'static [&'static str],
}

impl Recorder {
    /// For the metrics of a scraper, as far as they are wanted. Points count from `start`, in nanoseconds since 1970.
    pub(crate) fn new(scraper: &str, settings: &MetricSettings, version: &str, start: u64) -> Self {
        let column = |(info, wanted): (&crate::metric::MetricInfo, bool)| Column {
            name: info.name.into(),
            unit: info.unit.into(),
            description: info.description.into(),
            kind: info.kind,
            wanted,
            points: NumberPoints::default(),
            room: 0,
            keys: info.attributes,
        };
        let scope = Scope { name: format!("{SCOPE}/{scraper}scraper").into(), version: version.into(), ..Scope::default() };
        Self { columns: settings.iter().map(column).collect(), scope, start, time: 0, groups: Vec::new() }
    }

    /// Whether a metric is reported.
    pub(crate) fn wants(&self, metric: usize) -> bool {
        self.columns.get(metric).is_some_and(|column| column.wanted)
    }

    /// Takes the time: points from here on are as of now. Gives it, in nanoseconds since 1970.
    pub(crate) fn now(&mut self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.time
    }

    /// Points from here on count from this time, in nanoseconds since 1970.
    pub(crate) fn count_from(&mut self, start: u64) {
        self.start = start;
    }

    /// Records a whole number. One with more than 63 bits wraps into the negative, as OTLP has no larger ones.
    pub(crate) fn count(&mut self, metric: usize, attrs: &Attrs, value: u64) {
        self.record(metric, attrs, Number::Int(value as i64));
    }

    /// Records a fraction.
    pub(crate) fn fraction(&mut self, metric: usize, attrs: &Attrs, value: f64) {
        self.record(metric, attrs, Number::Double(value));
    }

    fn record(&mut self, metric: usize, attrs: &Attrs, value: Number) {
        let Some(column) = self.columns.get_mut(metric).filter(|column| column.wanted) else { return };
        debug_assert!(attrs.iter().map(|entry| entry.key.as_str()).eq(column.keys.iter().copied()), "{}: {attrs:?}", column.name);
        if column.points.is_empty() {
            column.points = NumberPoints::with_capacity(column.room.max(1));
        }
        column.points.push_plain(attrs.clone(), self.start, self.time, value, 0);
    }

    /// Puts what was recorded since the last call under a resource. Metrics without a point are left out, and a resource without metrics.
    pub(crate) fn emit(&mut self, resource: Resource) {
        let filled = self.columns.iter().filter(|column| !column.points.is_empty()).count();
        if filled == 0 {
            return;
        }
        let mut items = Vec::with_capacity(filled);
        for column in &mut self.columns {
            if !column.points.is_empty() {
                items.push(column.take());
            }
        }
        let scopes = vec![ScopeGroup { scope: self.scope.clone(), schema_url: Text::new(), items }];
        self.groups.push(ResourceGroup { resource, schema_url: SCHEMA_URL, scopes });
    }

    /// Forgets what was recorded since the last [`Recorder::emit`].
    pub(crate) fn discard(&mut self) {
        for column in &mut self.columns {
            column.points = NumberPoints::default();
        }
    }

    /// Everything emitted since the last call, added to the rest of the tick; says how many metrics that were.
    pub(crate) fn drain_into(&mut self, all: &mut Vec<ResourceGroup<Metric>>) -> usize {
        let metrics = self.groups.iter().flat_map(|group| &group.scopes).map(|scoped| scoped.items.len()).sum();
        all.append(&mut self.groups);
        metrics
    }
}

impl Column {
    fn take(&mut self) -> Metric {
        let points = std::mem::take(&mut self.points);
        self.room = points.len();
        let sum = |points, monotonic| Data::Sum(Sum { points, temporality: Temporality::CUMULATIVE, monotonic });
        Metric {
            name: self.name.clone(),
            unit: self.unit.clone(),
            description: self.description.clone(),
            metadata: Attrs::EMPTY,
            data: match self.kind {
                Kind::Gauge => Data::Gauge(points),
                Kind::Counter => sum(points, true),
                Kind::UpDown => sum(points, false),
            },
        }
    }
}
