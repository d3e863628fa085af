//! Settings of the exporter.

use crate::send::OtlpHttp;
use http::Uri;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig, MemoryBound};
use warren_config::{Block, Fields, Keyword, Report};
use warren_delivery::{DeliveryConfig, QueueConfig, RetryConfig, deliver};
use warren_http::coding::Coding;
use warren_http::{ClientConfig, is_broken_url};
use warren_pdata::Signal;

/// Settings of one exporter.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where requests go, and how. To its endpoint the path of the signal is added.
    pub client: ClientConfig,
    /// The queue.
    pub queue: QueueConfig,
    /// What happens after a failure.
    pub retry: RetryConfig,
    /// Where traces go; empty for the endpoint.
    pub traces_endpoint: String,
    /// Where metrics go; empty for the endpoint.
    pub metrics_endpoint: String,
    /// Where logs go; empty for the endpoint.
    pub logs_endpoint: String,
    /// How requests are encoded.
    pub encoding: Encoding,
}

/// How requests are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Proto,
    /// JSON.
    Json,
}

impl Keyword for Encoding {
    const TYPE: &'static str = "otlphttpexporter.EncodingType";
    const WORDS: &'static [(&'static str, Self)] = &[("proto", Self::Proto), ("json", Self::Json)];

    fn unknown(word: &str) -> String {
        format!("invalid encoding type: {word}")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            client: ClientConfig {
                timeout: Duration::from_secs(30),
                compression: Coding::Gzip,
                write_buffer_size: 512 * 1024,
                ..ClientConfig::default()
            },
            queue: QueueConfig::default(),
            retry: RetryConfig::default(),
            traces_endpoint: String::new(),
            metrics_endpoint: String::new(),
            logs_endpoint: String::new(),
            encoding: Encoding::Proto,
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.client);
        f.block("sending_queue", &mut self.queue);
        f.block("retry_on_failure", &mut self.retry);
        f.scalar("traces_endpoint", &mut self.traces_endpoint);
        f.scalar("metrics_endpoint", &mut self.metrics_endpoint);
        f.scalar("logs_endpoint", &mut self.logs_endpoint);
        f.scalar("encoding", &mut self.encoding);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let endpoints = [
            ("endpoint", &self.client.endpoint),
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
        ];
        if endpoints.iter().all(|(_, endpoint)| endpoint.is_empty()) {
            report.error_with_hint("", "at least one endpoint must be specified", "set endpoint: https://host:4318");
        }
        for (key, endpoint) in endpoints {
            // The reference starts with such an endpoint, and then every request fails.
            let sendable = || parse(endpoint).is_some_and(|url| is_reachable(&url));
            if !endpoint.is_empty() && !is_broken_url(endpoint) && !sendable() {
                report.warning(key, "nothing can be sent there: an endpoint begins with http:// or https:// and names a host");
            }
        }
    }
}

impl Config {
    /// Where requests of a signal go.
    ///
    /// # Errors
    /// In upstream's words when that is not said, or is no URL.
    pub fn url(&self, signal: Signal) -> Result<Uri, BuildError> {
        self.check(signal)?;
        let own = self.own_endpoint(signal);
        if !own.is_empty() {
            return parse(own).ok_or_else(|| BuildError::new(format!("{signal}_endpoint must be a valid URL")));
        }
        let endpoint = &self.client.endpoint;
        let url = format!("{}/v1/{signal}", endpoint.strip_suffix('/').unwrap_or(endpoint));
        parse(&url).ok_or_else(|| BuildError::new("endpoint must be a valid URL"))
    }

    fn own_endpoint(&self, signal: Signal) -> &str {
        match signal {
            Signal::Traces => &self.traces_endpoint,
            Signal::Metrics => &self.metrics_endpoint,
            Signal::Logs => &self.logs_endpoint,
        }
    }
}

impl ExporterConfig for Config {
    fn check(&self, signal: Signal) -> Result<(), BuildError> {
        let (endpoint, own) = (&self.client.endpoint, self.own_endpoint(signal));
        if is_broken_url(endpoint) {
            return Err(BuildError::new("endpoint must be a valid URL"));
        }
        if is_broken_url(own) {
            return Err(BuildError::new(format!("{signal}_endpoint must be a valid URL")));
        }
        if endpoint.is_empty() && own.is_empty() {
            return Err(BuildError::new(format!("either endpoint or {signal}_endpoint must be specified")));
        }
        Ok(())
    }

    fn memory(&self) -> Vec<MemoryBound> {
        self.queue.memory()
    }

    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        let sender = OtlpHttp::new(self.client.client(&cx)?, self.url(signal)?, self.encoding, cx.telemetry.log.clone());
        let delivery = DeliveryConfig {
            queue: self.queue.clone(),
            retry: self.retry.clone(),
            // The client has its own.
            timeout: None,
            ordered: false,
        };
        deliver(&cx, signal, delivery, sender)
    }
}

fn parse(url: &str) -> Option<Uri> {
    url.parse().ok()
}

fn is_reachable(url: &Uri) -> bool {
    matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
}
