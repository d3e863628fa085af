//! The messages, after the specification's tables of fields.

use crate::package::{PackageStatuses, PackagesAvailable};
use std::collections::BTreeMap;

/// What a collector tells. What is absent has not changed, except for `capabilities`, which always count.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentToServer {
    /// Who tells.
    #[prost(bytes = "vec", tag = "1")]
    pub instance_uid: Vec<u8>,
    /// One more than in the message before.
    #[prost(uint64, tag = "2")]
    pub sequence_num: u64,
    /// What the collector is.
    #[prost(message, optional, tag = "3")]
    pub agent_description: Option<AgentDescription>,
    /// What it can do ([`crate::capability::agent`]).
    #[prost(uint64, tag = "4")]
    pub capabilities: u64,
    /// How it fares.
    #[prost(message, optional, tag = "5")]
    pub health: Option<ComponentHealth>,
    /// What it runs.
    #[prost(message, optional, tag = "6")]
    pub effective_config: Option<EffectiveConfig>,
    /// What became of the last configuration it was given.
    #[prost(message, optional, tag = "7")]
    pub remote_config_status: Option<RemoteConfigStatus>,
    /// Which packages it has.
    #[prost(message, optional, tag = "8")]
    pub package_statuses: Option<PackageStatuses>,
    /// It goes, on purpose.
    #[prost(message, optional, tag = "9")]
    pub agent_disconnect: Option<AgentDisconnect>,
    /// See [`crate::capability::agent_flag`].
    #[prost(uint64, tag = "10")]
    pub flags: u64,
    /// It wants a certificate.
    #[prost(message, optional, tag = "11")]
    pub connection_settings_request: Option<ConnectionSettingsRequest>,
    /// Which custom messages it understands.
    #[prost(message, optional, tag = "12")]
    pub custom_capabilities: Option<CustomCapabilities>,
    /// A custom message.
    #[prost(message, optional, tag = "13")]
    pub custom_message: Option<CustomMessage>,
    /// Which components it has.
    #[prost(message, optional, tag = "14")]
    pub available_components: Option<AvailableComponents>,
    /// What became of the last connection settings it was given.
    #[prost(message, optional, tag = "15")]
    pub connection_settings_status: Option<ConnectionSettingsStatus>,
}

/// A collector goes on purpose.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentDisconnect {}

/// What a server tells. There is one for every message of a collector, and more of the server's own accord.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerToAgent {
    /// Whom it is for.
    #[prost(bytes = "vec", tag = "1")]
    pub instance_uid: Vec<u8>,
    /// The message it answers was refused; nothing else counts then.
    #[prost(message, optional, tag = "2")]
    pub error_response: Option<ServerErrorResponse>,
    /// A configuration to run.
    #[prost(message, optional, tag = "3")]
    pub remote_config: Option<AgentRemoteConfig>,
    /// Settings of connections.
    #[prost(message, optional, tag = "4")]
    pub connection_settings: Option<ConnectionSettingsOffers>,
    /// Packages to have.
    #[prost(message, optional, tag = "5")]
    pub packages_available: Option<PackagesAvailable>,
    /// See [`crate::capability::server_flag`].
    #[prost(uint64, tag = "6")]
    pub flags: u64,
    /// What the server can do ([`crate::capability::server`]); in its first message.
    #[prost(uint64, tag = "7")]
    pub capabilities: u64,
    /// The identity to have from now on.
    #[prost(message, optional, tag = "8")]
    pub agent_identification: Option<AgentIdentification>,
    /// Something to do; nothing else counts then.
    #[prost(message, optional, tag = "9")]
    pub command: Option<ServerToAgentCommand>,
    /// Which custom messages the server understands.
    #[prost(message, optional, tag = "10")]
    pub custom_capabilities: Option<CustomCapabilities>,
    /// A custom message.
    #[prost(message, optional, tag = "11")]
    pub custom_message: Option<CustomMessage>,
}

/// A message was refused.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerErrorResponse {
    /// What kind of error.
    #[prost(enumeration = "ServerErrorResponseType", tag = "1")]
    pub kind: i32,
    /// What is wrong.
    #[prost(string, tag = "2")]
    pub error_message: String,
    /// When to try again.
    #[prost(message, optional, tag = "3")]
    pub retry_info: Option<RetryInfo>,
}

/// When to try again.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RetryInfo {
    /// After how long.
    #[prost(uint64, tag = "1")]
    pub retry_after_nanoseconds: u64,
}

/// An identity.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentIdentification {
    /// The identity.
    #[prost(bytes = "vec", tag = "1")]
    pub new_instance_uid: Vec<u8>,
}

/// Something to do.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerToAgentCommand {
    /// What.
    #[prost(enumeration = "CommandType", tag = "1")]
    pub kind: i32,
}

/// An attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// Values in a row.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ArrayValue {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// Values by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValueList {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// What a collector is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentDescription {
    /// What tells it from others.
    #[prost(message, repeated, tag = "1")]
    pub identifying_attributes: Vec<KeyValue>,
    /// What else there is to say.
    #[prost(message, repeated, tag = "2")]
    pub non_identifying_attributes: Vec<KeyValue>,
}

/// How a collector, or a part of it, fares.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ComponentHealth {
    /// Whether it does what it should.
    #[prost(bool, tag = "1")]
    pub healthy: bool,
    /// When it started; zero when it does not run.
    #[prost(fixed64, tag = "2")]
    pub start_time_unix_nano: u64,
    /// What is wrong.
    #[prost(string, tag = "3")]
    pub last_error: String,
    /// In the collector's own words.
    #[prost(string, tag = "4")]
    pub status: String,
    /// When this was seen.
    #[prost(fixed64, tag = "5")]
    pub status_time_unix_nano: u64,
    /// Its parts.
    #[prost(btree_map = "string, message", tag = "6")]
    pub component_health_map: BTreeMap<String, ComponentHealth>,
    /// Figures.
    #[prost(message, repeated, tag = "7")]
    pub attributes: Vec<KeyValue>,
}

/// What a collector runs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EffectiveConfig {
    /// Its files.
    #[prost(message, optional, tag = "1")]
    pub config_map: Option<AgentConfigMap>,
}

/// What became of a configuration.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RemoteConfigStatus {
    /// Which configuration.
    #[prost(bytes = "vec", tag = "1")]
    pub last_remote_config_hash: Vec<u8>,
    /// What became of it.
    #[prost(enumeration = "ConfigStatus", tag = "2")]
    pub status: i32,
    /// Why it failed.
    #[prost(string, tag = "3")]
    pub error_message: String,
}

/// A configuration to run.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentRemoteConfig {
    /// Its files.
    #[prost(message, optional, tag = "1")]
    pub config: Option<AgentConfigMap>,
    /// What both sides know it by.
    #[prost(bytes = "vec", tag = "2")]
    pub config_hash: Vec<u8>,
}

/// Files by name.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentConfigMap {
    /// The files; the name may be empty when there is only one.
    #[prost(btree_map = "string, message", tag = "1")]
    pub config_map: BTreeMap<String, AgentConfigFile>,
}

/// One file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentConfigFile {
    /// What is in it.
    #[prost(bytes = "vec", tag = "1")]
    pub body: Vec<u8>,
    /// How that is to be read.
    #[prost(string, tag = "2")]
    pub content_type: String,
}

/// Settings of connections.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConnectionSettingsOffers {
    /// What both sides know them by.
    #[prost(bytes = "vec", tag = "1")]
    pub hash: Vec<u8>,
    /// The connection to the server itself.
    #[prost(message, optional, tag = "2")]
    pub opamp: Option<OpAmpConnectionSettings>,
    /// Where the collector's own metrics go.
    #[prost(message, optional, tag = "3")]
    pub own_metrics: Option<TelemetryConnectionSettings>,
    /// Where the collector's own traces go.
    #[prost(message, optional, tag = "4")]
    pub own_traces: Option<TelemetryConnectionSettings>,
    /// Where the collector's own logs go.
    #[prost(message, optional, tag = "5")]
    pub own_logs: Option<TelemetryConnectionSettings>,
}

/// A connection to an OpAMP server.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OpAmpConnectionSettings {
    /// Its URL.
    #[prost(string, tag = "1")]
    pub destination_endpoint: String,
    /// What is sent with every request.
    #[prost(message, optional, tag = "2")]
    pub headers: Option<Headers>,
    /// The collector's certificate.
    #[prost(message, optional, tag = "3")]
    pub certificate: Option<TlsCertificate>,
    /// Seconds between two signs of life; zero for none.
    #[prost(uint64, tag = "4")]
    pub heartbeat_interval_seconds: u64,
}

/// A connection that telemetry takes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TelemetryConnectionSettings {
    /// Its URL, of OTLP over HTTP.
    #[prost(string, tag = "1")]
    pub destination_endpoint: String,
    /// What is sent with every request.
    #[prost(message, optional, tag = "2")]
    pub headers: Option<Headers>,
    /// The collector's certificate.
    #[prost(message, optional, tag = "3")]
    pub certificate: Option<TlsCertificate>,
}

/// Header fields.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Headers {
    /// The fields.
    #[prost(message, repeated, tag = "1")]
    pub headers: Vec<Header>,
}

/// A header field.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Header {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A certificate, in PEM.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TlsCertificate {
    /// The certificate.
    #[prost(bytes = "vec", tag = "1")]
    pub cert: Vec<u8>,
    /// Its private key.
    #[prost(bytes = "vec", tag = "2")]
    pub private_key: Vec<u8>,
    /// The authority's certificate.
    #[prost(bytes = "vec", tag = "3")]
    pub ca_cert: Vec<u8>,
}

/// What became of connection settings.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConnectionSettingsStatus {
    /// Which.
    #[prost(bytes = "vec", tag = "1")]
    pub last_connection_settings_hash: Vec<u8>,
    /// What became of them.
    #[prost(enumeration = "ConfigStatus", tag = "2")]
    pub status: i32,
    /// Why they failed.
    #[prost(string, tag = "3")]
    pub error_message: String,
}

/// A collector wants settings.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConnectionSettingsRequest {
    /// For its connection to the server.
    #[prost(message, optional, tag = "1")]
    pub opamp: Option<OpAmpConnectionSettingsRequest>,
}

/// A collector wants settings for its connection to the server.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OpAmpConnectionSettingsRequest {
    /// A certificate.
    #[prost(message, optional, tag = "1")]
    pub certificate_request: Option<CertificateRequest>,
}

/// A collector wants a certificate.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CertificateRequest {
    /// The request, in PEM.
    #[prost(bytes = "vec", tag = "1")]
    pub csr: Vec<u8>,
}

/// Which custom messages are understood.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CustomCapabilities {
    /// Their names.
    #[prost(string, repeated, tag = "1")]
    pub capabilities: Vec<String>,
}

/// A custom message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CustomMessage {
    /// Which kind.
    #[prost(string, tag = "1")]
    pub capability: String,
    /// Which of that kind.
    #[prost(string, tag = "2")]
    pub kind: String,
    /// What it says.
    #[prost(bytes = "vec", tag = "3")]
    pub data: Vec<u8>,
}

/// Which components a collector has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AvailableComponents {
    /// By kind.
    #[prost(btree_map = "string, message", tag = "1")]
    pub components: BTreeMap<String, ComponentDetails>,
    /// What both sides know the list by.
    #[prost(bytes = "vec", tag = "2")]
    pub hash: Vec<u8>,
}

/// A component, or a group of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ComponentDetails {
    /// What is said of it.
    #[prost(message, repeated, tag = "1")]
    pub metadata: Vec<KeyValue>,
    /// Its parts.
    #[prost(btree_map = "string, message", tag = "2")]
    pub sub_component_map: BTreeMap<String, ComponentDetails>,
}

/// A value of any kind.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AnyValue {
    /// The value; none is none.
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<Value>,
}

/// Kinds of values.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Value {
    /// A text.
    #[prost(string, tag = "1")]
    Text(String),
    /// True or false.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// A whole number.
    #[prost(int64, tag = "3")]
    Int(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Values in a row.
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    /// Values by name.
    #[prost(message, tag = "6")]
    Map(KeyValueList),
    /// Bytes.
    #[prost(bytes = "vec", tag = "7")]
    Bytes(Vec<u8>),
}

/// What became of what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ConfigStatus {
    /// Nothing was given.
    Unset = 0,
    /// It runs.
    Applied = 1,
    /// It is about to run.
    Applying = 2,
    /// It does not run.
    Failed = 3,
}

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ServerErrorResponseType {
    /// Of unknown kind.
    Unknown = 0,
    /// The message is malformed.
    BadRequest = 1,
    /// The server has no time now.
    Unavailable = 2,
}

/// Things to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum CommandType {
    /// To restart.
    Restart = 0,
}

impl KeyValue {
    /// An attribute whose value is a text.
    pub fn text(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: Some(AnyValue { value: Some(Value::Text(value.into())) }) }
    }

    /// An attribute whose value is a number.
    pub fn number(key: impl Into<String>, value: f64) -> Self {
        Self { key: key.into(), value: Some(AnyValue { value: Some(Value::Double(value)) }) }
    }

    /// The value, if it is a text.
    pub fn as_text(&self) -> Option<&str> {
        match self.value.as_ref()?.value.as_ref()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl AgentConfigMap {
    /// A configuration of one file.
    pub fn of_json(body: Vec<u8>) -> Self {
        let file = AgentConfigFile { body, content_type: "application/json".to_owned() };
        Self { config_map: BTreeMap::from([(String::new(), file)]) }
    }
}
