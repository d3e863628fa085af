//! What the exporter counts besides what delivery counts.

use http::{HeaderMap, Uri};
use warren_component::BuildContext;
use warren_pdata::Signal;
use warren_telemetry::{Counter, Field, Gauge, Logger};

/// The headers in which a receiver of version 2.0 says what it wrote, what they count, and the metric that sums it up.
const WRITTEN: [(&str, &str, &str, &str); 3] = [
    (
        "X-Prometheus-Remote-Write-Samples-Written",
        "samples",
        "written_samples",
        "Number of Prometheus Samples that were successfully written to the remote write endpoint (only available when using remote write v2)",
    ),
    (
        "X-Prometheus-Remote-Write-Histograms-Written",
        "histograms",
        "written_histograms",
        "Number of Prometheus Histograms that were successfully written to the remote write endpoint (only available when using remote write v2)",
    ),
    (
        "X-Prometheus-Remote-Write-Exemplars-Written",
        "exemplars",
        "written_exemplars",
        "Number of Prometheus Exemplars that were successfully written to the remote write endpoint (only available when using remote write v2)",
    ),
];

/// Counters of one exporter.
pub(crate) struct Figures {
    /// Requests of one batch that may be on their way at the same time.
    pub(crate) consumers: Gauge,
    /// Requests.
    pub(crate) requests: Counter,
    /// Series.
    pub(crate) series: Counter,
    /// Batches with something that has no form in remote write.
    pub(crate) failures: Counter,
    /// Points that have no form in remote write.
    pub(crate) untranslatable: Counter,
    written: [Counter; 3],
    endpoint: String,
}

impl Figures {
    pub(crate) fn new(cx: &BuildContext, endpoint: &Uri) -> Self {
        let registry = &cx.telemetry.registry;
        let (id, endpoint) = (cx.id.to_string(), shown(endpoint));
        let labels = [("exporter", id.as_str()), ("endpoint", endpoint.as_str())];
        let name = |name: &str| format!("otelcol_exporter_prometheusremotewrite_{name}");
        let counter = |what: &str, help: &'static str| registry.counter(&name(what), help, &labels);
        let lost = [("component", id.as_str()), ("signal", Signal::Metrics.name()), ("reason", "untranslatable")];
        Self {
            consumers: registry.gauge(
                &name("consumers"),
                "Number of configured workers to use to fan out the outgoing requests",
                &labels,
            ),
            requests: counter(
                "sent_batches",
                "Number of remote write request batches sent to the remote write endpoint regardless of success or failure",
            ),
            series: counter("translated_time_series", "Number of Prometheus time series that were translated from OTel metrics"),
            failures: counter(
                "failed_translations",
                "Number of translation operations that failed to translate metrics from Otel to Prometheus",
            ),
            untranslatable: registry.counter("warren_dropped_items_total", "Items lost, by reason.", &lost),
            written: WRITTEN.map(|(_, _, name, help)| counter(name, help)),
            endpoint,
        }
    }

    /// Counts what a receiver of version 2.0 says that it wrote.
    pub(crate) fn written(&self, headers: &HeaderMap, log: &Logger) {
        let url = [("url", Field::Str(&self.endpoint))];
        for ((header, kind, ..), counter) in WRITTEN.iter().zip(&self.written) {
            match headers.get(*header).map(|value| value.to_str().ok().and_then(|text| text.parse::<u64>().ok())) {
                Some(Some(count)) => counter.add(count),
                Some(None) => {
                    log.warn(&format!("Failed to convert {header} header to int64, not counting {kind} written"), &url);
                }
                None => log.warn(
                    &format!(
                        "{header} header is missing from the response, suggesting that the endpoint doesn't support RW2 and might be silently dropping data."
                    ),
                    &url,
                ),
            }
        }
    }
}

/// An endpoint without user and query, which may be secret.
fn shown(endpoint: &Uri) -> String {
    let authority = endpoint.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{}://{host}{}", endpoint.scheme_str().unwrap_or_default(), endpoint.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_shown_without_its_secrets() {
        let endpoint = "https://user:password@host:9090/api/v1/push?token=secret".parse().unwrap();
        assert_eq!(shown(&endpoint), "https://host:9090/api/v1/push");
    }
}
