//! Own metrics: a registry of atomics, rendered as Prometheus text.

use crate::page::{self, Detail, PageStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Series a single metric may have: labels come from configuration, never from data, so a sane process stays far below.
const SERIES_PER_METRIC_MAX: usize = 10_000;

/// What kind of metric a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by upper bound.
    Histogram,
}

/// The process's own metrics. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    families: Arc<Mutex<BTreeMap<String, Family>>>,
    detail: Arc<Mutex<Detail>>,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: &'static str,
    series: BTreeMap<Vec<(&'static str, String)>, Series>,
}

#[derive(Clone)]
enum Series {
    Number(Arc<AtomicU64>),
    Buckets(Arc<Buckets>),
    Computed(Arc<dyn Fn() -> Option<f64> + Send + Sync>),
}

/// A count that only grows.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

/// A value that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

/// Values counted by upper bound.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    bounds: &'static [f64],
    counts: Vec<AtomicU64>,
    sum: AtomicU64,
}

impl Registry {
    /// A registry of metrics up to this detail; what needs more is counted nowhere.
    pub fn new(detail: Detail) -> Self {
        Self { families: Arc::default(), detail: Arc::new(Mutex::new(detail)) }
    }

    /// Measures up to this detail from now on: what is asked for later, and what is shown.
    pub fn set_detail(&self, detail: Detail) {
        *self.detail.lock().unwrap_or_else(PoisonError::into_inner) = detail;
    }

    /// How much is measured: for whoever would go to expense for a metric that nobody sees.
    pub fn detail(&self) -> Detail {
        *self.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counter of this name with these labels. Labels must be a fixed, small set.
    pub fn counter(&self, name: &str, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        match self.series(name, help, Kind::Counter, labels, || Series::Number(Arc::new(AtomicU64::new(0f64.to_bits())))) {
            Series::Number(bits) => Counter(bits),
            Series::Buckets(_) | Series::Computed(_) => Counter(Arc::default()),
        }
    }

    /// The gauge of this name with these labels.
    pub fn gauge(&self, name: &str, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        match self.series(name, help, Kind::Gauge, labels, || Series::Number(Arc::new(AtomicU64::new(0f64.to_bits())))) {
            Series::Number(bits) => Gauge(bits),
            Series::Buckets(_) | Series::Computed(_) => Gauge(Arc::default()),
        }
    }

    /// The histogram of this name with these labels; `bounds` ascend and leave out the infinite one.
    pub fn histogram(
        &self,
        name: &str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        bounds: &'static [f64],
    ) -> Histogram {
        let new = || {
            let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
            Series::Buckets(Arc::new(Buckets { bounds, counts, sum: AtomicU64::new(0f64.to_bits()) }))
        };
        match self.series(name, help, Kind::Histogram, labels, new) {
            Series::Buckets(buckets) => Histogram(buckets),
            Series::Number(_) | Series::Computed(_) => {
                Histogram(Arc::new(Buckets { bounds, counts: Vec::new(), sum: AtomicU64::default() }))
            }
        }
    }

    /// A counter or gauge whose value is asked for whenever the page is; without an answer the series is left out. Asking for the
    /// same name and labels again replaces the question. It must not ask the registry itself.
    pub fn computed(
        &self,
        kind: Kind,
        name: &str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        let question = Series::Computed(Arc::new(value));
        self.series(name, help, kind, labels, || question.clone());
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = families.get_mut(name).and_then(|family| family.series.get_mut(&sorted(labels))) {
            *series = question;
        }
    }

    /// Removes the series that carry this label: of a component that is gone for good.
    pub fn remove(&self, label: &str, value: &str) {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        for family in families.values_mut() {
            family.series.retain(|labels, _| !labels.iter().any(|(name, text)| *name == label && text == value));
        }
        families.retain(|_, family| !family.series.is_empty());
    }

    /// The sum of all series of a counter or gauge that carry all these labels.
    pub fn total(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(family) = families.get(name) else { return 0.0 };
        let wanted =
            |have: &Vec<(&'static str, String)>| labels.iter().all(|(n, v)| have.iter().any(|(hn, hv)| hn == n && hv == v));
        family
            .series
            .iter()
            .filter(|(have, _)| wanted(have))
            .map(|(_, series)| match series {
                Series::Computed(value) => value().unwrap_or(0.0),
                Series::Number(bits) => f64::from_bits(bits.load(Relaxed)),
                Series::Buckets(buckets) => buckets.counts.iter().map(|count| count.load(Relaxed) as f64).sum(),
            })
            .sum()
    }

    /// Everything in Prometheus's text format 0.0.4.
    pub fn render(&self, style: &PageStyle) -> String {
        let detail = self.detail();
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        if style.scopes {
            let scopes: BTreeSet<&str> = families.keys().map(|name| page::scope(name)).collect();
            out.push_str("# HELP otel_scope_info Instrumentation Scope metadata\n# TYPE otel_scope_info gauge\n");
            for scope in scopes {
                let _ = writeln!(out, "otel_scope_info{} 1", braces(scope_labels(scope), None));
            }
        }
        // What was measured before less was asked for stays out.
        for (name, family) in families.iter().filter(|(name, _)| detail == Detail::None || detail >= page::needed(name)) {
            family.render(&mut out, name, style);
        }
        if let Some(target) = &style.target {
            out.push_str("# HELP target_info Target metadata\n# TYPE target_info gauge\n");
            let labels = target.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let _ = writeln!(out, "target_info{} 1", braces(labels, None));
        }
        out
    }

    fn series(
        &self,
        name: &str,
        help: &'static str,
        kind: Kind,
        labels: &[(&'static str, &str)],
        new: impl FnOnce() -> Series,
    ) -> Series {
        let detail = self.detail();
        if detail < page::needed(name) && detail != Detail::None {
            return new();
        }
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name.to_owned()).or_insert_with(|| Family { kind, help, series: BTreeMap::new() });
        let key = sorted(labels);
        debug_assert!(family.kind == kind, "{name} is asked for as two kinds");
        if family.series.len() >= SERIES_PER_METRIC_MAX && !family.series.contains_key(&key) {
            return new();
        }
        family.series.entry(key).or_insert_with(new).clone()
    }
}

impl std::fmt::Debug for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Number(_) => "Number",
            Self::Buckets(_) => "Buckets",
            Self::Computed(_) => "Computed",
        })
    }
}

impl Counter {
    /// Adds a whole number.
    pub fn add(&self, more: u64) {
        self.add_f64(more as f64);
    }

    /// Adds a number that is not negative, such as seconds.
    pub fn add_f64(&self, more: f64) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |bits| Some((f64::from_bits(bits) + more.max(0.0)).to_bits()));
    }

    /// Raises the counter to a total that is counted elsewhere.
    pub fn raise_to(&self, total: f64) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |bits| Some(f64::from_bits(bits).max(total).to_bits()));
    }

    /// The count so far.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// Adds to the value; a negative number lowers it.
    pub fn add(&self, more: f64) {
        let _ = self.0.fetch_update(Relaxed, Relaxed, |bits| Some((f64::from_bits(bits) + more).to_bits()));
    }

    /// The value.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Histogram {
    /// Counts one value.
    pub fn observe(&self, value: f64) {
        let index = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(index) {
            count.fetch_add(1, Relaxed);
        }
        let _ = self.0.sum.fetch_update(Relaxed, Relaxed, |bits| Some((f64::from_bits(bits) + value).to_bits()));
    }
}

impl Family {
    fn render(&self, out: &mut String, name: &str, style: &PageStyle) {
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let shown = style.name(name, self.kind);
        let _ = writeln!(out, "# HELP {shown} {}\n# TYPE {shown} {kind}", self.help);
        for (labels, series) in &self.series {
            let own = labels.iter().map(|(name, value)| (*name, value.as_str()));
            let constant = style.constant.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let scope = style.scopes.then(|| scope_labels(page::scope(name))).into_iter().flatten();
            let labels = own.chain(constant).chain(scope);
            match series {
                Series::Number(bits) => {
                    let value = number(f64::from_bits(bits.load(Relaxed)));
                    let _ = writeln!(out, "{shown}{} {value}", braces(labels, None));
                }
                Series::Computed(value) => {
                    if let Some(value) = value() {
                        let _ = writeln!(out, "{shown}{} {}", braces(labels, None), number(value));
                    }
                }
                Series::Buckets(buckets) => buckets.render(out, &shown, labels),
            }
        }
    }
}

fn scope_labels(scope: &str) -> [(&str, &str); 2] {
    [("otel_scope_name", scope), ("otel_scope_version", "")]
}

impl Buckets {
    fn render<'a>(&self, out: &mut String, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)> + Clone) {
        let mut total = 0;
        for (index, count) in self.counts.iter().enumerate() {
            total += count.load(Relaxed);
            let bound = self.bounds.get(index).map_or("+Inf".to_owned(), |bound| number(*bound));
            let _ = writeln!(out, "{name}_bucket{} {total}", braces(labels.clone(), Some(&bound)));
        }
        let sum = number(f64::from_bits(self.sum.load(Relaxed)));
        let plain = braces(labels, None);
        let _ = writeln!(out, "{name}_sum{plain} {sum}\n{name}_count{plain} {total}");
    }
}

fn sorted(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut key: Vec<(&'static str, String)> = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    key.sort_unstable();
    key
}

/// Labels in braces, sorted by name; the bound of a bucket last.
fn braces<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>, le: Option<&str>) -> String {
    let mut all: Vec<(&str, &str)> = labels.into_iter().collect();
    all.sort_unstable();
    let all: Vec<String> = all
        .into_iter()
        .chain(le.map(|bound| ("le", bound)))
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        itoa::Buffer::new().format(value as i64).to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_and_labels_give_the_same_counter() {
        let registry = Registry::default();
        registry.counter("otelcol_exporter_sent_spans", "h", &[("exporter", "debug")]).add(2);
        registry.counter("otelcol_exporter_sent_spans", "h", &[("exporter", "debug")]).add(3);
        registry.counter("otelcol_exporter_sent_spans", "h", &[("exporter", "other")]).add(1);
        assert_eq!(registry.total("otelcol_exporter_sent_spans", &[("exporter", "debug")]), 5.0);
        assert_eq!(registry.total("otelcol_exporter_sent_spans", &[]), 6.0);
    }

    #[test]
    fn the_page_is_sorted_escaped_and_carries_the_constant_labels() {
        let registry = Registry::default();
        registry.gauge("b", "Second.", &[("x", "a\"b")]).set(1.5);
        registry.histogram("a", "First.", &[], &[1.0, 10.0]).observe(10.0);
        let style = PageStyle { constant: vec![("service_name".into(), "w".into())], ..PageStyle::default() };
        let expected = "# HELP a First.\n# TYPE a histogram\na_bucket{service_name=\"w\",le=\"1\"} 0\na_bucket{service_name=\"w\",le=\"10\"} 1\n\
            a_bucket{service_name=\"w\",le=\"+Inf\"} 1\na_sum{service_name=\"w\"} 10\na_count{service_name=\"w\"} 1\n\
            # HELP b Second.\n# TYPE b gauge\nb{service_name=\"w\",x=\"a\\\"b\"} 1.5\n";
        assert_eq!(registry.render(&style), expected);
    }

    #[test]
    fn a_page_with_everything_says_scopes_units_and_the_target() {
        let registry = Registry::default();
        registry.counter("otelcol_process_uptime", "U.", &[]).add(3);
        let style = PageStyle {
            target: Some(vec![("service_name".into(), "w".into())]),
            scopes: true,
            units: true,
            type_suffix: true,
            ..PageStyle::default()
        };
        let scope = "otel_scope_name=\"go.opentelemetry.io/collector/service\",otel_scope_version=\"\"";
        let expected = format!(
            "# HELP otel_scope_info Instrumentation Scope metadata\n# TYPE otel_scope_info gauge\notel_scope_info{{{scope}}} 1\n\
             # HELP otelcol_process_uptime_seconds_total U.\n# TYPE otelcol_process_uptime_seconds_total counter\n\
             otelcol_process_uptime_seconds_total{{{scope}}} 3\n\
             # HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info{{service_name=\"w\"}} 1\n"
        );
        assert_eq!(registry.render(&style), expected);
    }

    #[test]
    fn what_needs_more_detail_is_not_shown() {
        let registry = Registry::new(Detail::Basic);
        registry.counter("otelcol_processor_batch_timeout_trigger_send", "h", &[]).add(1);
        registry.counter("otelcol_exporter_sent_spans", "h", &[]).add(1);
        let page = registry.render(&PageStyle::default());
        assert!(page.contains("otelcol_exporter_sent_spans 1") && !page.contains("batch"), "{page}");
    }

    #[test]
    fn a_computed_value_is_asked_for_with_each_page_and_left_out_without_an_answer() {
        let registry = Registry::default();
        let size = Arc::new(Mutex::new(Some(1.0)));
        registry.computed(Kind::Gauge, "size", "h", &[("exporter", "a")], || Some(7.0));
        let asked = size.clone();
        registry.computed(Kind::Gauge, "size", "h", &[("exporter", "a")], move || *asked.lock().unwrap());
        assert!(registry.render(&PageStyle::default()).ends_with("size{exporter=\"a\"} 1\n"));
        assert_eq!(registry.total("size", &[]), 1.0);
        *size.lock().unwrap() = None;
        assert!(!registry.render(&PageStyle::default()).contains("size{"));
    }

    #[test]
    fn a_component_that_is_gone_takes_its_series_along() {
        let registry = Registry::default();
        registry.counter("c", "h", &[("exporter", "gone")]).add(1);
        registry.counter("c", "h", &[("exporter", "stays")]).add(1);
        registry.remove("exporter", "gone");
        assert_eq!(registry.total("c", &[]), 1.0);
    }
}
