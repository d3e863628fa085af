//! How the process's own metrics are written: the names and labels that a reader of upstream's telemetry would give them.
//!
//! A metric is registered under the name that upstream's default reader shows. A reader with other settings appends units and `_total`
//! and says which part of the program a metric comes from; both follow from the name, here.

use crate::metrics::Kind;

/// What a page shows besides the values.
#[derive(Clone, Debug, Default)]
pub struct PageStyle {
    /// Labels on every series.
    pub constant: Vec<(String, String)>,
    /// Labels of `target_info`; none leaves it out.
    pub target: Option<Vec<(String, String)>>,
    /// Whether series say by which part of the program they are counted.
    pub scopes: bool,
    /// Whether units end the names.
    pub units: bool,
    /// Whether counters end with `_total`.
    pub type_suffix: bool,
}

/// How much the process measures of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing.
    None,
    /// What everybody needs.
    Basic,
    /// The usual.
    #[default]
    Normal,
    /// Everything.
    Detailed,
}

impl PageStyle {
    /// The name of a metric on this page.
    pub(crate) fn name(&self, name: &str, kind: Kind) -> String {
        let mut shown = name.to_owned();
        if let Some(unit) = unit(name).filter(|unit| self.units && !name.ends_with(unit)) {
            shown.push('_');
            shown.push_str(unit);
        }
        if self.type_suffix && kind == Kind::Counter && !name.ends_with("_total") {
            shown.push_str("_total");
        }
        shown
    }
}

/// The least detail at which a metric is measured.
pub(crate) fn needed(name: &str) -> Detail {
    let detailed = ["otelcol_processor_internal_duration", "otelcol_processor_batch_batch_send_size_bytes"].contains(&name)
        || ["http_client_", "http_server_", "rpc_"].iter().any(|prefix| name.starts_with(prefix));
    match name {
        _ if detailed => Detail::Detailed,
        _ if name.starts_with("otelcol_processor_batch_") => Detail::Normal,
        _ => Detail::Basic,
    }
}

/// The scopes upstream gives its metrics, by the beginning of their names; the first that fits counts.
const SCOPES: [(&str, &str); 10] = [
    ("otelcol_exporter_", "go.opentelemetry.io/collector/exporter/exporterhelper"),
    ("otelcol_receiver_", "go.opentelemetry.io/collector/receiver/receiverhelper"),
    ("otelcol_scraper_", "go.opentelemetry.io/collector/scraper/scraperhelper"),
    ("otelcol_processor_batch_", "go.opentelemetry.io/collector/processor/batchprocessor"),
    ("otelcol_processor_filter_", "github.com/open-telemetry/opentelemetry-collector-contrib/processor/filterprocessor"),
    ("otelcol_processor_accepted_", "go.opentelemetry.io/collector/processor/memorylimiterprocessor"),
    ("otelcol_processor_refused_", "go.opentelemetry.io/collector/processor/memorylimiterprocessor"),
    ("otelcol_processor_", "go.opentelemetry.io/collector/processor/processorhelper"),
    ("otelcol_process_", "go.opentelemetry.io/collector/service"),
    ("", "warren"),
];

/// The part of the program that counts a metric.
pub(crate) fn scope(name: &str) -> &'static str {
    SCOPES.iter().find(|(prefix, _)| name.starts_with(prefix)).map_or("warren", |(_, scope)| scope)
}

/// The unit of a metric whose name may lack it.
fn unit(name: &str) -> Option<&'static str> {
    match name {
        "otelcol_process_uptime" | "otelcol_processor_internal_duration" => Some("seconds"),
        "otelcol_process_memory_rss" => Some("bytes"),
        _ if name.ends_with("_duration") => Some("seconds"),
        _ if name.ends_with("_body_size") => Some("bytes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_upstreams_readers_show() {
        let plain = PageStyle::default();
        let full = PageStyle { units: true, type_suffix: true, ..PageStyle::default() };
        for (name, kind, expected) in [
            ("otelcol_process_uptime", Kind::Counter, "otelcol_process_uptime_seconds_total"),
            ("otelcol_process_cpu_seconds", Kind::Counter, "otelcol_process_cpu_seconds_total"),
            ("otelcol_process_memory_rss", Kind::Gauge, "otelcol_process_memory_rss_bytes"),
            ("otelcol_process_runtime_heap_alloc_bytes", Kind::Gauge, "otelcol_process_runtime_heap_alloc_bytes"),
            ("otelcol_exporter_sent_spans", Kind::Counter, "otelcol_exporter_sent_spans_total"),
            ("otelcol_exporter_queue_size", Kind::Gauge, "otelcol_exporter_queue_size"),
            ("warren_dropped_items_total", Kind::Counter, "warren_dropped_items_total"),
        ] {
            assert_eq!(plain.name(name, kind), name);
            assert_eq!(full.name(name, kind), expected);
        }
    }

    #[test]
    fn every_metric_has_a_scope_and_a_detail() {
        assert_eq!(scope("otelcol_processor_incoming_items"), "go.opentelemetry.io/collector/processor/processorhelper");
        assert_eq!(scope("otelcol_process_uptime"), "go.opentelemetry.io/collector/service");
        assert_eq!(scope("warren_exporter_queue_bytes"), "warren");
        assert_eq!(needed("otelcol_processor_batch_batch_send_size"), Detail::Normal);
        assert_eq!(needed("otelcol_processor_batch_batch_send_size_bytes"), Detail::Detailed);
        assert_eq!(needed("otelcol_exporter_sent_spans"), Detail::Basic);
    }
}
