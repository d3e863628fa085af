//! Settings of the receiver.

use warren_config::{Block, Fields, Node, Report};

/// Settings of the receiver.
#[derive(Debug, Default)]
pub struct Config {
    /// The Prometheus configuration.
    pub scrape: warren_scrape::config::Config,
    /// Cut unit and `_total` off names.
    pub trim_metric_suffixes: bool,
    /// Take start times from `process_start_time_seconds` of the same page. A page without it is not taken.
    pub use_start_time_metric: bool,
    /// Take start times from the first metric whose name matches, instead.
    pub start_time_metric_regex: String,
    /// Report timeout, sample limit and page size as metrics.
    pub report_extra_scrape_metrics: bool,
    /// What upstream does not know.
    pub warren: Extras,
    target_allocator: Option<Node>,
    api_server: ApiServer,
}

/// What upstream does not know.
#[derive(Debug, Default)]
pub struct Extras {
    /// Skip and count lines that break the exposition format, instead of losing the page.
    pub lenient_lines: bool,
}

#[derive(Debug, Default)]
struct ApiServer {
    enabled: bool,
    server_config: Option<Node>,
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.custom("config", &mut self.scrape);
        f.scalar("trim_metric_suffixes", &mut self.trim_metric_suffixes);
        f.scalar("use_start_time_metric", &mut self.use_start_time_metric);
        f.scalar("start_time_metric_regex", &mut self.start_time_metric_regex);
        f.scalar("report_extra_scrape_metrics", &mut self.report_extra_scrape_metrics);
        f.any("target_allocator", &mut self.target_allocator);
        f.block("api_server", &mut self.api_server);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.target_allocator.is_some() {
            report.error_with_hint(
                "target_allocator",
                "the target allocator is not supported",
                "name the targets in config, or find them by http_sd_configs",
            );
        } else if !self.scrape.has_scrape_configs() {
            report.error("", "no Prometheus scrape_configs or target_allocator set");
        }
        if let Err(error) = warren_regex::Regex::new(&self.start_time_metric_regex) {
            report.error("start_time_metric_regex", error.to_string());
        }
    }
}

impl Block for Extras {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("lenient_lines", &mut self.lenient_lines);
    }
}

impl Block for ApiServer {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.any("server_config", &mut self.server_config);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.enabled {
            report.error_with_hint(
                "enabled",
                "the receiver's API server is not supported",
                "the figures of scrapes are among the collector's own metrics",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn told(text: &str) -> Vec<String> {
        let mut config = Config::default();
        let mut diagnostics = Diagnostics::new();
        decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
        diagnostics.errors().map(|error| error.to_string()).collect()
    }

    #[test]
    fn settings_are_decoded_and_faults_told_at_their_place() {
        let good = "{config: {scrape_configs: [{job_name: a, static_configs: [{targets: ['localhost:1']}]}]}, warren: {lenient_lines: true}}";
        assert!(told(good).is_empty());
        assert_eq!(told("{}"), ["no Prometheus scrape_configs or target_allocator set at test:1:1"]);
        for (text, says) in [
            ("{config: {scrape_configs: [{job_name: a}]}, target_allocator: {endpoint: x}}", "target allocator is not supported"),
            ("{config: {scrape_configs: [{job_name: a}]}, api_server: {enabled: true}}", "API server is not supported"),
            ("{config: {scrape_configs: [{job_name: a}]}, start_time_metric_regex: '('}", "missing closing )"),
            ("{config: {scrape_configs: [{job_name: a}]}, buffer_period: 1s}", "buffer_period"),
            ("{config: {scrape_configs: [{job_name: a, scrape_intervall: 1s}]}}", "scrape_intervall"),
        ] {
            let errors = told(text);
            assert!(errors.iter().any(|error| error.contains(says)), "{text}: {errors:?}");
        }
    }
}
