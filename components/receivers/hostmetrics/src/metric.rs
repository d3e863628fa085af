//! What a metric is: its row in a scraper's table, and the settings that switch it.

use warren_config::{Block, Fields};

/// A row of a scraper's table of metrics. All metrics are cumulative and count from boot (those of a process from its start).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricInfo {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its unit, in UCUM's spelling.
    pub(crate) unit: &'static str,
    /// What its values mean to each other.
    pub(crate) kind: Kind,
    /// Keys of the attributes of its points, in their order.
    pub(crate) attributes: &'static [&'static str],
    /// Whether it is reported unless the configuration says otherwise.
    pub(crate) enabled: bool,
    /// What it says, for people.
    pub(crate) description: &'static str,
}

/// What the values of a metric mean to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value at a time.
    Gauge,
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDown,
}

/// Makes a table of metrics, `METRICS`, sorted by name, and a constant with the index of each.
macro_rules! metrics {
    ($($id:ident = $info:expr;)*) => {
        #[allow(clippy::upper_case_acronyms, non_camel_case_types, reason = "each is the name of a constant below")]
        enum Index { $($id),* }
        $(const $id: usize = Index::$id as usize;)*
        pub(crate) const METRICS: &[$crate::metric::MetricInfo] = &[$($info),*];
    };
}
pub(crate) use metrics;

/// A value at a time.
pub(crate) const fn gauge(
    name: &'static str,
    unit: &'static str,
    attributes: &'static [&'static str],
    description: &'static str,
) -> MetricInfo {
    MetricInfo { name, unit, kind: Kind::Gauge, attributes, enabled: true, description }
}

/// A sum that only grows.
pub(crate) const fn counter(
    name: &'static str,
    unit: &'static str,
    attributes: &'static [&'static str],
    description: &'static str,
) -> MetricInfo {
    MetricInfo { name, unit, kind: Kind::Counter, attributes, enabled: true, description }
}

/// A sum that grows and shrinks.
pub(crate) const fn up_down(
    name: &'static str,
    unit: &'static str,
    attributes: &'static [&'static str],
    description: &'static str,
) -> MetricInfo {
    MetricInfo { name, unit, kind: Kind::UpDown, attributes, enabled: true, description }
}

impl MetricInfo {
    /// The same, reported only when the configuration asks for it.
    pub(crate) const fn off(self) -> Self {
        Self { enabled: false, ..self }
    }
}

/// Which metrics of a scraper are reported: its settings `metrics`.
#[derive(Clone, Debug)]
pub(crate) struct MetricSettings {
    /// The scraper's table.
    pub(crate) table: &'static [MetricInfo],
    switches: Vec<Switch>,
}

#[derive(Clone, Copy, Debug)]
struct Switch {
    enabled: bool,
}

impl MetricSettings {
    /// As the table says.
    pub(crate) fn new(table: &'static [MetricInfo]) -> Self {
        Self { table, switches: table.iter().map(|info| Switch { enabled: info.enabled }).collect() }
    }

    /// Each metric, and whether it is reported.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static MetricInfo, bool)> {
        self.table.iter().zip(&self.switches).map(|(info, switch)| (info, switch.enabled))
    }
}

impl Block for MetricSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        for (info, switch) in self.table.iter().zip(&mut self.switches) {
            f.block(info.name, switch);
        }
    }
}

impl Block for Switch {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
    }
}
