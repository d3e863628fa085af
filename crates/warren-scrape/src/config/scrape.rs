//! `global` and `scrape_configs[]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use warren_config::{ByteSize, Node, Report, Value, fingerprint};

use super::discovery::{DiscoveryConfig, unsupported_kind};
use super::format::{NameEscaping, NameValidation, ScrapeProtocol};
use super::http_client::HttpClientConfig;
use super::yaml::{Mapping, Yaml};
use super::{LABEL_BYTES, SERIES_BYTES};
use crate::relabel::Program;

/// Settings that jobs fall back on.
#[derive(Debug, Clone)]
pub struct Global {
    /// Time between scrapes of a target.
    pub scrape_interval: Duration,
    /// Time limit of a scrape.
    pub scrape_timeout: Duration,
    /// Formats that are asked for, the best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Labels added to every sample, overriding scraped ones; sorted by name, variables expanded.
    pub external_labels: Vec<(String, String)>,
    /// File to which failures are written; empty for none.
    pub scrape_failure_log_file: PathBuf,
    /// Limits.
    pub limits: Limits,
    /// Most dropped targets that are remembered; 0 for all.
    pub keep_dropped_targets: u64,
    /// `metric_name_validation_scheme`, where given.
    pub name_validation: Option<NameValidation>,
    /// `metric_name_escaping_scheme`, where given.
    pub name_escaping: Option<NameEscaping>,
    /// Whether classic histograms are kept besides native ones.
    pub always_scrape_classic_histograms: bool,
    /// Whether classic histograms become native ones.
    pub convert_classic_histograms_to_nhcb: bool,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            scrape_interval: Duration::from_secs(60),
            scrape_timeout: Duration::from_secs(10),
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            external_labels: Vec::new(),
            scrape_failure_log_file: PathBuf::new(),
            limits: Limits::default(),
            keep_dropped_targets: 0,
            name_validation: None,
            name_escaping: None,
            always_scrape_classic_histograms: false,
            convert_classic_histograms_to_nhcb: false,
        }
    }
}

/// One job: how a set of targets is found and scraped. Complete, with the values of `global` filled in.
#[derive(Debug, Clone)]
pub struct ScrapeConfig {
    /// The `job` label of its targets.
    pub job_name: String,
    /// Whether scraped labels win over those of the target.
    pub honor_labels: bool,
    /// Whether timestamps on the page count.
    pub honor_timestamps: bool,
    /// Whether series with timestamps on the page get stale markers.
    pub track_timestamps_staleness: bool,
    /// Query parameters.
    pub params: IndexMap<String, Vec<String>>,
    /// Time between scrapes of a target.
    pub scrape_interval: Duration,
    /// Time limit of a scrape.
    pub scrape_timeout: Duration,
    /// Formats that are asked for, the best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Format of a page that does not say one.
    pub fallback_scrape_protocol: ScrapeProtocol,
    /// Whether classic histograms are kept besides native ones.
    pub always_scrape_classic_histograms: bool,
    /// Whether classic histograms become native ones.
    pub convert_classic_histograms_to_nhcb: bool,
    /// File to which failures are written; empty for none.
    pub scrape_failure_log_file: PathBuf,
    /// Path of the page.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Whether a compressed page is asked for.
    pub enable_compression: bool,
    /// Limits.
    pub limits: Limits,
    /// Most buckets of a native histogram; 0 for any number.
    pub native_histogram_bucket_limit: u64,
    /// Smallest growth factor between buckets of a native histogram; 0 for any.
    pub native_histogram_min_bucket_factor: f64,
    /// Most dropped targets that are remembered; 0 for all.
    pub keep_dropped_targets: u64,
    /// Which metric and label names are valid.
    pub name_validation: NameValidation,
    /// Which form of names is asked for.
    pub name_escaping: NameEscaping,
    /// How targets are found.
    pub discovery: Vec<DiscoveryConfig>,
    /// How targets are reached.
    pub http: HttpClientConfig,
    /// Rules for the labels of targets.
    pub relabel: Program,
    /// Rules for the labels of scraped series.
    pub metric_relabel: Program,
    /// Whether a metric relabel rule writes `__name__`.
    pub renames_metrics: bool,
    /// Fingerprints of the secrets of [`Self::http`] and [`Self::discovery`], which do not show themselves.
    pub(crate) secrets: (u64, u64),
}

/// What a job is, to tell whether another one is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPrint {
    /// How targets are scraped.
    pub settings: u64,
    /// How they are found.
    pub discovery: u64,
}

/// Bounds on what one scrape, or one job, may yield. 0 means none. Any breach fails the whole scrape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a page, uncompressed.
    pub body_size: u64,
    /// Samples after relabelling.
    pub samples: u64,
    /// Targets of the job after relabelling.
    pub targets: u64,
    /// Labels of a series after relabelling.
    pub labels: u64,
    /// Bytes of a label name.
    pub label_name_length: u64,
    /// Bytes of a label value.
    pub label_value_length: u64,
}

impl Limits {
    /// What all series of a page may take, if samples, labels and both lengths are limited.
    pub(super) fn series_bytes(&self) -> Option<u64> {
        let Self { samples, labels, label_name_length, label_value_length, .. } = *self;
        if [samples, labels, label_name_length, label_value_length].contains(&0) {
            return None;
        }
        let label = label_name_length.saturating_add(label_value_length).saturating_add(LABEL_BYTES);
        Some(labels.saturating_mul(label).saturating_add(SERIES_BYTES).saturating_mul(samples))
    }

    fn fields(&mut self, m: &mut Mapping<'_, '_>) {
        let mut body_size = ByteSize(self.body_size);
        m.field("body_size_limit", &mut body_size);
        self.body_size = body_size.0;
        m.field("sample_limit", &mut self.samples);
        m.field("target_limit", &mut self.targets);
        m.field("label_limit", &mut self.labels);
        m.field("label_name_length_limit", &mut self.label_name_length);
        m.field("label_value_length_limit", &mut self.label_value_length);
    }

    /// These limits, and where there is none the other's.
    fn or(self, other: Self) -> Self {
        let or = |own: u64, other: u64| if own == 0 { other } else { own };
        Self {
            body_size: or(self.body_size, other.body_size),
            samples: or(self.samples, other.samples),
            targets: or(self.targets, other.targets),
            labels: or(self.labels, other.labels),
            label_name_length: or(self.label_name_length, other.label_name_length),
            label_value_length: or(self.label_value_length, other.label_value_length),
        }
    }
}

impl Yaml for Global {
    const TYPE: &'static str = "config.GlobalConfig";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut global = Self::default();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        let (mut interval, mut timeout) = (Duration::ZERO, Duration::ZERO);
        m.field("scrape_interval", &mut interval);
        m.field("scrape_timeout", &mut timeout);
        let mut unused = (Duration::ZERO, String::new());
        m.field("evaluation_interval", &mut unused.0);
        m.field("rule_query_offset", &mut unused.0);
        m.field("query_log_file", &mut unused.1);
        let mut file = String::new();
        m.field("scrape_failure_log_file", &mut file);
        global.scrape_failure_log_file = file.into();
        let mut labels = IndexMap::<String, String>::new();
        m.field("external_labels", &mut labels);
        global.limits.fields(&mut m);
        m.field("keep_dropped_targets", &mut global.keep_dropped_targets);
        m.field("always_scrape_classic_histograms", &mut global.always_scrape_classic_histograms);
        m.field("convert_classic_histograms_to_nhcb", &mut global.convert_classic_histograms_to_nhcb);
        global.name_validation = NameValidation::field(&mut m, "global");
        global.name_escaping = NameEscaping::field(&mut m, "global");
        if let Some(names) = m.optional::<Option<Vec<String>>>("scrape_protocols").flatten() {
            match ScrapeProtocol::list(&names) {
                Ok(protocols) => global.scrape_protocols = protocols,
                Err(message) => m.report().error("scrape_protocols", format!("{message} for global config")),
            }
        }
        if labels.contains_key("") {
            m.report().error("external_labels", "\"\" is not a valid label name");
        }
        global.external_labels = labels.into_iter().collect();
        global.external_labels.sort();
        if !interval.is_zero() {
            global.scrape_interval = interval;
        }
        if timeout > global.scrape_interval {
            m.report().error("scrape_timeout", "global scrape timeout greater than scrape interval");
        }
        global.scrape_timeout = match timeout {
            Duration::ZERO => global.scrape_timeout.min(global.scrape_interval),
            _ => timeout,
        };
        m.finish(|_| false);
        Some(global)
    }
}

impl ScrapeConfig {
    /// A job with the defaults of `global`, to be given a name and ways to find targets.
    pub fn new(global: &Global) -> Self {
        Self {
            job_name: String::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            params: IndexMap::new(),
            scrape_interval: global.scrape_interval,
            scrape_timeout: global.scrape_timeout,
            scrape_protocols: global.scrape_protocols.clone(),
            fallback_scrape_protocol: ScrapeProtocol::PrometheusText0_0_4,
            always_scrape_classic_histograms: global.always_scrape_classic_histograms,
            convert_classic_histograms_to_nhcb: global.convert_classic_histograms_to_nhcb,
            scrape_failure_log_file: global.scrape_failure_log_file.clone(),
            metrics_path: "/metrics".to_owned(),
            scheme: "http".to_owned(),
            enable_compression: true,
            limits: Limits::default(),
            native_histogram_bucket_limit: 0,
            native_histogram_min_bucket_factor: 0.0,
            keep_dropped_targets: 0,
            name_validation: NameValidation::Utf8,
            name_escaping: NameEscaping::AllowUtf8,
            discovery: Vec::new(),
            http: HttpClientConfig::default(),
            relabel: Program::default(),
            metric_relabel: Program::default(),
            renames_metrics: false,
            secrets: (0, 0),
        }
    }

    /// What the job is: equal for jobs that mean the same, however they are written.
    pub fn print(&self) -> JobPrint {
        let of = |text: String| fingerprint(&Value::String(text));
        let settings = Self { discovery: Vec::new(), secrets: (self.secrets.0, 0), ..self.clone() };
        JobPrint { settings: of(format!("{settings:?}")), discovery: of(format!("{:?} {}", self.discovery, self.secrets.1)) }
    }

    /// Reads one element of `scrape_configs`.
    pub(super) fn read(node: &Node, global: &Global, report: &mut Report<'_>) -> Option<Self> {
        if node.is_null() {
            report.error("", "empty or null scrape config section");
            return None;
        }
        let mut job = Self::new(global);
        let mut m = Mapping::of(node, report, "config.ScrapeConfig")?;
        m.field("job_name", &mut job.job_name);
        if job.job_name.is_empty() {
            m.report().error("job_name", "job_name is empty");
        }
        m.field("honor_labels", &mut job.honor_labels);
        m.field("honor_timestamps", &mut job.honor_timestamps);
        m.field("track_timestamps_staleness", &mut job.track_timestamps_staleness);
        m.field("params", &mut job.params);
        m.field("metrics_path", &mut job.metrics_path);
        m.field("scheme", &mut job.scheme);
        m.field("enable_compression", &mut job.enable_compression);
        m.field("native_histogram_bucket_limit", &mut job.native_histogram_bucket_limit);
        m.field("native_histogram_min_bucket_factor", &mut job.native_histogram_min_bucket_factor);
        job.timing(global, &mut m);
        job.formats(global, &mut m);
        job.limits.fields(&mut m);
        job.limits = job.limits.or(global.limits);
        m.field("keep_dropped_targets", &mut job.keep_dropped_targets);
        if job.keep_dropped_targets == 0 {
            job.keep_dropped_targets = global.keep_dropped_targets;
        }
        let mut file = String::new();
        m.field("scrape_failure_log_file", &mut file);
        if !file.is_empty() {
            job.scrape_failure_log_file = file.into();
        }
        job.http.fields(&mut m);
        job.http.tell_files(m.report());
        job.rules(&mut m);
        let has_rules = m.node("relabel_configs").and_then(Node::as_list).is_some_and(|rules| !rules.is_empty());
        job.discovery = DiscoveryConfig::fields(&mut m, has_rules);
        m.finish(|key| unsupported_kind(key).is_some());
        let of = |keys: &[&str]| {
            let values = keys.iter().filter_map(|key| Some(fingerprint(&node.get(key)?.value)));
            values.fold(0u64, |all, value| all.rotate_left(1) ^ value)
        };
        job.secrets = (of(&HttpClientConfig::SECRET_KEYS), of(&["http_sd_configs"]));
        Some(job)
    }

    fn timing(&mut self, global: &Global, m: &mut Mapping<'_, '_>) {
        let (mut interval, mut timeout) = (Duration::ZERO, Duration::ZERO);
        m.field("scrape_interval", &mut interval);
        m.field("scrape_timeout", &mut timeout);
        if !interval.is_zero() {
            self.scrape_interval = interval;
        }
        if timeout > self.scrape_interval {
            let message =
                format!("scrape timeout greater than scrape interval for scrape config with job name {:?}", self.job_name);
            m.report().error("scrape_timeout", message);
        }
        self.scrape_timeout = match timeout {
            Duration::ZERO => global.scrape_timeout.min(self.scrape_interval),
            _ => timeout,
        };
    }

    fn formats(&mut self, global: &Global, m: &mut Mapping<'_, '_>) {
        let job = format!("for scrape config with job name {:?}", self.job_name);
        if let Some(names) = m.optional::<Option<Vec<String>>>("scrape_protocols").flatten() {
            match ScrapeProtocol::list(&names) {
                Ok(protocols) => self.scrape_protocols = protocols,
                Err(message) => m.report().error("scrape_protocols", format!("{message} {job}")),
            }
        }
        if let Some(name) = m.optional::<String>("fallback_scrape_protocol").filter(|name| !name.is_empty()) {
            match ScrapeProtocol::from_name(&name) {
                Ok(protocol) => self.fallback_scrape_protocol = protocol,
                Err(message) => {
                    let message = format!("invalid fallback_scrape_protocol {job}: {message}");
                    m.report().error("fallback_scrape_protocol", message);
                }
            }
        }
        for (key, target) in [
            ("always_scrape_classic_histograms", &mut self.always_scrape_classic_histograms),
            ("convert_classic_histograms_to_nhcb", &mut self.convert_classic_histograms_to_nhcb),
        ] {
            *target = m.optional::<Option<bool>>(key).flatten().unwrap_or(*target);
        }
        let global_validation = global.name_validation.unwrap_or(NameValidation::Utf8);
        self.name_validation = NameValidation::field(m, "scrape config").unwrap_or(global_validation);
        let global_escaping = global.name_escaping.unwrap_or(match global_validation {
            NameValidation::Legacy => NameEscaping::Underscores,
            NameValidation::Utf8 => NameEscaping::AllowUtf8,
        });
        let own = NameEscaping::field(m, "scrape config").or(global.name_escaping);
        self.name_escaping = own.unwrap_or(match self.name_validation {
            NameValidation::Legacy => NameEscaping::Underscores,
            NameValidation::Utf8 => global_escaping,
        });
        if self.name_escaping == NameEscaping::AllowUtf8 && self.name_validation == NameValidation::Legacy {
            let message = "utf8 metric names requested but validation scheme is not set to UTF8";
            m.report().error("metric_name_validation_scheme", message);
        }
    }

    fn rules(&mut self, m: &mut Mapping<'_, '_>) {
        self.relabel = super::rules::program(m, "relabel_configs", "target").0;
        let (program, rules) = super::rules::program(m, "metric_relabel_configs", "metric");
        self.metric_relabel = program;
        self.renames_metrics = rules.iter().any(|rule| rule.target_label == "__name__");
        if self.renames_metrics {
            m.report().warning(
                "metric_relabel_configs",
                "metric renaming using metric_relabel_configs will result in unknown-typed metrics without a unit or description",
            );
        }
    }

    /// Makes relative paths relative to `directory`.
    pub(super) fn set_directory(&mut self, directory: &Path) {
        self.http.set_directory(directory);
        self.discovery.iter_mut().for_each(|config| config.set_directory(directory));
        if !self.scrape_failure_log_file.as_os_str().is_empty() {
            self.scrape_failure_log_file = directory.join(&self.scrape_failure_log_file);
        }
    }
}
