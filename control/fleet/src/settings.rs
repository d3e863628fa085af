//! What can be set, at every layer.

use crate::secret::SecretRef;
use crate::windows::Rollouts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is collected of a server, and where it always goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The broker's metrics.
    pub scrape: Scrape,
    /// The machine's metrics.
    pub host: Host,
    /// Logs.
    pub logs: Logs,
    /// Metrics for whoever scrapes the server.
    pub direct_access: DirectAccess,
    /// Labels of everything.
    pub tags: BTreeMap<String, String>,
    /// Where everything goes besides integrations.
    pub destinations: Destinations,
    /// The port of the collector's own metrics on loopback; the collector's default if there is none.
    pub telemetry_port: Option<u16>,
    /// What integrations of the cluster do.
    pub integrations: Integrations,
    /// A bound of the collector's memory in front of every pipeline.
    pub memory: Option<Memory>,
    /// What is collected is put together before it is sent, at the end of every pipeline.
    pub batch: Option<Batch>,
    /// When rollouts may give the server something.
    pub rollouts: Rollouts,
    /// Extensions besides those that the rest asks for: what each is set to, by its id.
    #[schema(value_type = Object)]
    pub extensions: BTreeMap<String, Value>,
}

/// What integrations of the cluster do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Integrations {
    /// Whether they send anything.
    pub enabled: bool,
}

/// A bound of the collector's memory, as its processor `memory_limiter` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The bound in MiB.
    pub limit_mib: u32,
    /// How far below it data begins to be refused, in MiB; a fifth of it if it is left out.
    #[serde(default)]
    pub spike_limit_mib: Option<u32>,
    /// Time between two looks.
    #[serde(default = "second")]
    pub check_interval: String,
}

/// How much is put together, as the processor `batch` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Batch {
    /// The longest time that anything waits.
    pub timeout: String,
    /// How many points or records are sent at once.
    pub send_batch_size: u32,
    /// The most that are sent at once; without bound if zero.
    pub send_batch_max_size: u32,
}

fn second() -> String {
    "1s".to_owned()
}

/// The broker's metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scrape {
    /// Host and port of the pages of metrics.
    pub endpoint: String,
    /// Time between two scrapes.
    pub interval: String,
    /// Metrics of single objects.
    pub detailed: Detailed,
}

/// Metrics of single objects, such as queues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Detailed {
    /// Whether they are scraped.
    pub enabled: bool,
    /// Which families.
    pub families: Vec<String>,
    /// Of which virtual hosts; of all if there are none.
    pub vhosts: Vec<String>,
    /// Most series of a page: of a broker with more, the aggregated metrics alone are taken; without limit if zero.
    pub max_series: u32,
    /// Time between two scrapes; that of the aggregated metrics if there is none.
    pub interval: Option<String>,
}

/// The machine's metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Host {
    /// Whether they are taken.
    pub enabled: bool,
    /// Time between two readings.
    pub interval: String,
}

/// Logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// Whether they are read.
    pub enabled: bool,
    /// Units of systemd; the broker's own if there are none.
    pub units: Vec<String>,
}

/// Metrics for whoever scrapes the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DirectAccess {
    /// Whether there is such a page.
    pub enabled: bool,
    /// Host and port that it is on.
    pub listen: String,
    /// Its path.
    pub path: String,
}

/// Where everything goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Destinations {
    /// Metrics.
    pub mimir: Option<WebStore>,
    /// Metrics for services that consume them from a broker.
    pub amqp: Option<Amqp>,
    /// Logs.
    pub loki: Option<WebStore>,
    /// What collectors tell of themselves.
    pub own: Own,
}

/// What collectors tell of themselves, and where that goes: by pipelines that nothing else goes through, each with a queue of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Own {
    /// Where their figures go, by remote write.
    pub metrics: Option<WebStore>,
    /// Where their log goes, by OTLP.
    pub logs: Option<WebStore>,
    /// Time between two readings of their figures.
    pub interval: String,
    /// The unit of systemd that they run as.
    pub unit: String,
}

/// A store that is written to over HTTP: by remote write for metrics, by OTLP for logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebStore {
    /// Its URL.
    pub endpoint: String,
    /// User of basic authentication; none if it is empty.
    #[serde(default)]
    pub username: String,
    /// Password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Headers, such as a tenant's.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A merge patch of the exporter's settings, for what is said nowhere else.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub exporter: Value,
}

/// A broker that takes metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Amqp {
    /// Its URL.
    pub endpoint: String,
    /// User.
    pub username: String,
    /// Password.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// Virtual host; the URL's if it is empty.
    #[serde(default)]
    pub vhost: String,
    /// Exchange.
    #[serde(default)]
    pub exchange: String,
    /// Routing key; the exporter's own if it is empty.
    #[serde(default)]
    pub routing_key: String,
    /// A merge patch of the exporter's settings, for what is said nowhere else.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub exporter: Value,
}

impl Default for Scrape {
    fn default() -> Self {
        Self { endpoint: "localhost:15692".to_owned(), interval: "60s".to_owned(), detailed: Detailed::default() }
    }
}

impl Default for Detailed {
    fn default() -> Self {
        let families = ["queue_coarse_metrics", "queue_consumer_count"].map(str::to_owned).to_vec();
        Self { enabled: false, families, vhosts: Vec::new(), max_series: 50_000, interval: None }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self { enabled: false, interval: "60s".to_owned() }
    }
}

impl Default for Integrations {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { timeout: "200ms".to_owned(), send_batch_size: 8192, send_batch_max_size: 0 }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { metrics: None, logs: None, interval: "60s".to_owned(), unit: "warren-collector.service".to_owned() }
    }
}

impl Default for DirectAccess {
    fn default() -> Self {
        Self { enabled: false, listen: "0.0.0.0:15693".to_owned(), path: "/metrics/node".to_owned() }
    }
}
