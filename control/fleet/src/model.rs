//! Servers and what their owners want to have sent where.

use crate::secret::SecretRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A server with a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// What it is known by, for ever.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// The cluster it belongs to; of no cluster if empty.
    #[serde(default)]
    pub cluster: String,
    /// The name its data carries.
    #[serde(default)]
    pub name: String,
    /// Cloud provider, such as `amazon-web-services`.
    #[serde(default)]
    pub provider: String,
    /// Region of the provider, such as `eu-north-1`.
    #[serde(default)]
    pub region: String,
    /// Plan, such as `bunny-1`.
    #[serde(default)]
    pub plan: String,
    /// The broker.
    #[serde(default)]
    pub broker: Broker,
    /// Names and values to select by.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The broker of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// Which kind.
    #[serde(default)]
    pub kind: Backend,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

/// Kinds of brokers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// RabbitMQ.
    #[default]
    RabbitMq,
    /// LavinMQ.
    LavinMq,
}

impl Backend {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::LavinMq => "lavinmq",
        }
    }

    /// The unit of systemd that it usually is.
    pub fn unit(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq-server",
            Self::LavinMq => "lavinmq",
        }
    }
}

/// Data of a cluster that is sent somewhere its owner wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Integration {
    /// What it is known by.
    #[serde(default)]
    pub id: i64,
    /// Whether anything is sent.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Where to.
    pub destination: Destination,
    /// Labels of everything that is sent.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Names of the metrics that are sent, as they are at the destination; all if there are none.
    #[serde(default)]
    pub metrics_filter: Vec<String>,
    /// Pattern of the queues whose metrics are sent; all if it is empty.
    #[serde(default)]
    pub queue_allow: String,
    /// Pattern of the virtual hosts whose metrics are sent; all if it is empty.
    #[serde(default)]
    pub vhost_allow: String,
    /// A merge patch of the exporter's settings, for what the destination does not say. Not for tokens of a tenant.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Object)]
    pub exporter: Value,
}

impl Integration {
    /// Everything is sent to a destination, as it is.
    pub fn new(id: i64, destination: Destination) -> Self {
        Self {
            id,
            enabled: true,
            destination,
            tags: BTreeMap::new(),
            metrics_filter: Vec::new(),
            queue_allow: String::new(),
            vhost_allow: String::new(),
            exporter: Value::Null,
        }
    }
}

fn yes() -> bool {
    true
}

/// Where data is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// Any store that speaks Prometheus remote write.
    RemoteWrite {
        /// Its URL.
        endpoint: String,
        /// User of basic authentication; none if it is empty.
        #[serde(default)]
        username: String,
        /// Password.
        #[serde(default)]
        password: Option<SecretRef>,
    },
    /// Grafana Cloud's metrics.
    GrafanaCloud {
        /// The URL of its remote write.
        endpoint: String,
        /// The number of the instance.
        instance_id: String,
        /// Token.
        api_token: SecretRef,
    },
    /// Anything that speaks OTLP over HTTP.
    Otlp {
        /// Its URL, below which are `/v1/metrics` and `/v1/logs`.
        endpoint: String,
        /// What proves who we are.
        #[serde(default)]
        auth: OtlpAuth,
        /// Whether logs are sent as well.
        #[serde(default)]
        logs: bool,
    },
    /// New Relic.
    NewRelic {
        /// `us` or `eu`.
        region: String,
        /// License key.
        api_key: SecretRef,
    },
    /// Dynatrace.
    Dynatrace {
        /// The environment's id.
        environment_id: String,
        /// Token that may ingest metrics.
        access_token: SecretRef,
    },
    /// Grafana Loki.
    Loki {
        /// Its URL of OTLP, such as `https://loki.example.net/otlp`.
        endpoint: String,
        /// User of basic authentication; none if it is empty.
        #[serde(default)]
        username: String,
        /// Password.
        #[serde(default)]
        password: Option<SecretRef>,
    },
    /// Datadog.
    Datadog {
        /// `us1`, `us3`, `us5`, `eu1`, `ap2`.
        region: String,
        /// Key.
        api_key: SecretRef,
    },
    /// Amazon CloudWatch.
    Cloudwatch {
        /// Region.
        region: String,
        /// Role to take.
        iam_role: String,
        /// What the role asks for.
        iam_external_id: String,
    },
    /// Google Cloud Monitoring.
    Stackdriver {
        /// Key of a service account.
        credentials: SecretRef,
    },
    /// Splunk.
    Splunk {
        /// The URL of its collector of events.
        endpoint: String,
        /// Token.
        token: SecretRef,
    },
    /// Azure Monitor.
    AzureMonitor {
        /// Connection string.
        connection_string: SecretRef,
    },
    /// Coralogix.
    Coralogix {
        /// Domain of the region.
        domain: String,
        /// Application.
        application: String,
        /// Key.
        private_key: SecretRef,
    },
}

/// What proves to an OTLP endpoint who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum OtlpAuth {
    /// Nothing.
    #[default]
    None,
    /// Basic authentication.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretRef,
    },
    /// Headers.
    Headers {
        /// By name.
        headers: BTreeMap<String, SecretRef>,
    },
}

impl Destination {
    /// Where secrets may stand, for reading and writing them.
    pub const SECRETS: [&'static str; 9] = [
        "password",
        "api_token",
        "api_key",
        "access_token",
        "credentials",
        "token",
        "connection_string",
        "private_key",
        "headers",
    ];

    /// The type of exporter that sends there.
    pub fn exporter(&self) -> &'static str {
        match self {
            Self::RemoteWrite { .. } | Self::GrafanaCloud { .. } => "prometheusremotewrite",
            Self::Otlp { .. } | Self::NewRelic { .. } | Self::Dynatrace { .. } | Self::Loki { .. } => "otlphttp",
            Self::Datadog { .. } => "datadog",
            Self::Cloudwatch { .. } => "awsemf",
            Self::Stackdriver { .. } => "googlecloud",
            Self::Splunk { .. } => "splunk_hec",
            Self::AzureMonitor { .. } => "azuremonitor",
            Self::Coralogix { .. } => "coralogix",
        }
    }
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct Fault {
    /// Where, as a JSON pointer into what was given.
    pub pointer: String,
    /// What.
    pub message: String,
}

impl Fault {
    /// A fault.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}
