//! How targets are found: `static_configs` and the `*_sd_configs` that are supported.

use std::path::{Path, PathBuf};
use std::time::Duration;

use warren_config::{Node, Report};

use super::http_client::HttpClientConfig;
use super::yaml::{Mapping, Yaml};
use crate::discovery::{LabelSet, TargetGroup};
use crate::target::{TARGETS_MAX, check_address};

/// Kinds that the reference has and this program has not.
const UNSUPPORTED_KINDS: [&str; 26] = [
    "azure",
    "consul",
    "digitalocean",
    "docker",
    "dockerswarm",
    "ec2",
    "eureka",
    "gce",
    "hetzner",
    "ionos",
    "kubernetes",
    "kuma",
    "lightsail",
    "linode",
    "marathon",
    "nerve",
    "nomad",
    "openstack",
    "ovhcloud",
    "puppetdb",
    "scaleway",
    "serverset",
    "stackit",
    "triton",
    "uyuni",
    "vultr",
];

/// One way to find targets.
#[derive(Debug, Clone)]
pub enum DiscoveryConfig {
    /// All of `static_configs`, in order.
    Static(Vec<TargetGroup>),
    /// One of `file_sd_configs`.
    File(FileConfig),
    /// One of `http_sd_configs`.
    Http(Box<HttpConfig>),
    /// One of `dns_sd_configs`.
    Dns(DnsConfig),
}

impl DiscoveryConfig {
    /// Targets that it may find at most.
    pub(crate) fn targets_max(&self) -> u64 {
        match self {
            Self::Static(groups) => groups.iter().map(|group| group.targets.len() as u64).sum(),
            Self::File(_) | Self::Http(_) | Self::Dns(_) => TARGETS_MAX as u64,
        }
    }
}

/// `file_sd_configs[]`: target groups in JSON or YAML files.
#[derive(Debug, Clone)]
pub struct FileConfig {
    /// Paths; the last element may be a pattern.
    pub files: Vec<PathBuf>,
    /// How often the files are read even if no change was seen.
    pub refresh_interval: Duration,
}

/// `http_sd_configs[]`: target groups as JSON from an HTTP server.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where they are.
    pub url: String,
    /// How often they are asked for; also the time limit of a request.
    pub refresh_interval: Duration,
    /// How the server is reached.
    pub http: HttpClientConfig,
}

/// `dns_sd_configs[]`: targets from DNS records.
#[derive(Debug, Clone)]
pub struct DnsConfig {
    /// Names that are asked for.
    pub names: Vec<String>,
    /// Which records.
    pub record: RecordType,
    /// Port of the targets where the record has none.
    pub port: u16,
    /// How often they are asked for.
    pub refresh_interval: Duration,
}

/// Types of DNS records that name targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum RecordType {
    A,
    Aaaa,
    Srv,
    Mx,
    Ns,
}

impl DiscoveryConfig {
    /// Reads all discovery keys of a job. A URL where an address should be is told at once, unless rules may still turn it into one.
    pub(super) fn fields(m: &mut Mapping<'_, '_>, has_rules: bool) -> Vec<Self> {
        let mut found = Vec::new();
        let mut groups = Vec::new();
        elements(m, "static_configs", |node, report| {
            if !has_rules {
                check_addresses(node, report);
            }
            groups.extend(TargetGroup::read(node, report));
        });
        for (index, group) in groups.iter_mut().enumerate() {
            group.source = index.to_string();
        }
        elements(m, "dns_sd_configs", |node, report| found.extend(DnsConfig::read(node, report).map(Self::Dns)));
        elements(m, "file_sd_configs", |node, report| found.extend(FileConfig::read(node, report).map(Self::File)));
        elements(m, "http_sd_configs", |node, report| {
            found.extend(HttpConfig::read(node, report).map(|config| Self::Http(Box::new(config))));
        });
        if !groups.is_empty() {
            found.push(Self::Static(groups));
        }
        for (key, node) in m.unknown() {
            let kind = unsupported_kind(key);
            if let (Some(kind), false) = (kind, node.is_null() || node.as_list().is_some_and(<[_]>::is_empty)) {
                m.report().error_with_hint(
                    key,
                    format!("service discovery {kind:?} is not supported"),
                    "use static_configs, file_sd_configs, http_sd_configs or dns_sd_configs",
                );
            }
        }
        found
    }

    /// Makes relative paths relative to `directory`.
    pub(super) fn set_directory(&mut self, directory: &Path) {
        match self {
            Self::Static(_) | Self::Dns(_) => {}
            Self::File(config) => config.files.iter_mut().for_each(|file| *file = directory.join(&*file)),
            Self::Http(config) => config.http.set_directory(directory),
        }
    }
}

/// Tells which addresses of a group are none.
fn check_addresses(group: &Node, report: &mut Report<'_>) {
    let Some((targets, list)) = group.get("targets").and_then(|targets| Some((targets, targets.as_list()?))) else { return };
    for (index, node) in list.iter().enumerate() {
        if let Some(Err(error)) = node.as_text().map(check_address) {
            let hint = "write host:port; scheme and metrics_path stand beside";
            report.at_key("targets", targets).at_index(index, node).error_with_hint("", error.to_string(), hint);
        }
    }
}

/// The kind in `KIND_sd_configs` when it is one that only the reference has.
pub(super) fn unsupported_kind(key: &str) -> Option<&str> {
    key.strip_suffix("_sd_configs").filter(|kind| UNSUPPORTED_KINDS.contains(kind))
}

/// Goes over the elements of a list; null ones are errors.
fn elements(m: &mut Mapping<'_, '_>, key: &'static str, mut read: impl FnMut(&Node, &mut Report<'_>)) {
    let Some(node) = m.node(key).filter(|node| !node.is_null()) else { return };
    let mut report = m.report().at_key(key, node);
    let Some(list) = node.as_list() else {
        super::yaml::mismatch(node, "list", &mut report);
        return;
    };
    for (index, node) in list.iter().enumerate() {
        let mut report = report.at_index(index, node);
        if node.is_null() {
            report.error("", format!("empty or null section in {key}"));
        } else {
            read(node, &mut report);
        }
    }
}

impl Yaml for TargetGroup {
    const TYPE: &'static str = "targetgroup.Group";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut addresses = Vec::<String>::new();
        let mut labels = indexmap::IndexMap::<String, String>::new();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        m.field("targets", &mut addresses);
        m.field("labels", &mut labels);
        if labels.contains_key("") {
            m.report().error("labels", "\"\" is not a valid label name");
        }
        m.finish(|_| false);
        Some(Self::from_addresses(addresses, labels.into_iter().collect::<LabelSet>()))
    }
}

/// Only for [`Yaml`]: null elements are told before they are read.
impl Default for FileConfig {
    fn default() -> Self {
        Self { files: Vec::new(), refresh_interval: Duration::from_secs(300) }
    }
}

impl Yaml for FileConfig {
    const TYPE: &'static str = "file.SDConfig";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut config = Self::default();
        let mut files = Vec::<String>::new();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        m.field("files", &mut files);
        m.field("refresh_interval", &mut config.refresh_interval);
        if files.is_empty() {
            m.report().error("files", "file service discovery config must contain at least one path name");
        }
        for name in files.iter().filter(|name| !is_file_name(name)) {
            let hint = "it ends in .json, .yml or .yaml, and only the last part of the path may hold a *";
            m.report().error_with_hint("files", format!("path name {name:?} is not valid for file discovery"), hint);
        }
        check_interval(&mut m, config.refresh_interval);
        m.finish(|_| false);
        config.files = files.into_iter().map(PathBuf::from).collect();
        Some(config)
    }
}

/// Whether a path names files of target groups: `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`.
fn is_file_name(name: &str) -> bool {
    let extension = ["json", "yml", "yaml", "JSON", "YML", "YAML"];
    let stem = name.rsplit_once('.').filter(|(_, end)| extension.contains(end)).map(|(stem, _)| stem);
    stem.is_some_and(|stem| !stem.contains('\n') && super::is_last_part_pattern(stem))
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { url: String::new(), refresh_interval: Duration::from_secs(60), http: HttpClientConfig::default() }
    }
}

impl Yaml for HttpConfig {
    const TYPE: &'static str = "http.SDConfig";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut config = Self::default();
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        config.http.fields(&mut m);
        m.field("refresh_interval", &mut config.refresh_interval);
        m.field("url", &mut config.url);
        if let Some(message) = fault_of_url(&config.url) {
            m.report().error("url", message);
        }
        check_interval(&mut m, config.refresh_interval);
        m.finish(|_| false);
        Some(config)
    }
}

fn fault_of_url(text: &str) -> Option<&'static str> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let host = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    if text.is_empty() {
        Some("URL is missing")
    } else if text.contains(|c: char| c == ' ' || c.is_control()) {
        Some("parse URL: invalid character in URL")
    } else if !matches!(scheme.as_deref(), Some("http" | "https")) {
        Some("URL scheme must be 'http' or 'https'")
    } else if host.is_none_or(str::is_empty) {
        Some("host is missing in URL")
    } else {
        None
    }
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self { names: Vec::new(), record: RecordType::Srv, port: 0, refresh_interval: Duration::from_secs(30) }
    }
}

impl Yaml for DnsConfig {
    const TYPE: &'static str = "dns.SDConfig";

    fn read(node: &Node, report: &mut Report<'_>) -> Option<Self> {
        let mut config = Self::default();
        let (mut record, mut port) = ("SRV".to_owned(), 0u64);
        let mut m = Mapping::of(node, report, Self::TYPE)?;
        m.field("names", &mut config.names);
        m.field("refresh_interval", &mut config.refresh_interval);
        m.field("type", &mut record);
        m.field("port", &mut port);
        if config.names.is_empty() {
            m.report().error("names", "DNS-SD config must contain at least one SRV record name");
        }
        match RecordType::from_name(&record) {
            Some(record) => config.record = record,
            None => {
                let message = format!("invalid DNS-SD records type {record}");
                m.report().error_with_hint("type", message, "one of SRV, A, AAAA, MX, NS");
            }
        }
        match u16::try_from(port) {
            Ok(0) if config.record != RecordType::Srv => {
                m.report().error("port", "a port is required in DNS-SD configs for all record types except SRV");
            }
            Ok(port) => config.port = port,
            Err(_) => m.report().error("port", format!("{port} is not a port")),
        }
        check_interval(&mut m, config.refresh_interval);
        m.finish(|_| false);
        Some(config)
    }
}

impl RecordType {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "SRV" => Self::Srv,
            "A" => Self::A,
            "AAAA" => Self::Aaaa,
            "MX" => Self::Mx,
            "NS" => Self::Ns,
            _ => return None,
        })
    }
}

/// The reference panics on a refresh interval of zero.
fn check_interval(m: &mut Mapping<'_, '_>, interval: Duration) {
    if interval.is_zero() {
        m.report().error("refresh_interval", "refresh_interval must be positive");
    }
}
