//! The extension's settings: upstream's keys, and what only Warren knows in a block of its own.

use crate::extension::OpAmp;
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use warren_component::{BuildContext, BuildError, Extension, ExtensionConfig};
use warren_config::{Block, Fields, Report, Secret};
use warren_http::client::AuthConfig;
use warren_http::tls::TlsClientConfig;

/// Settings of an `opamp` extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub server: Server,
    /// Who this collector is to the server; made at the first start unless given.
    pub instance_uid: String,
    /// What is told.
    pub capabilities: Capabilities,
    /// What is said of this collector.
    pub agent_description: Description,
    /// What only Warren knows.
    pub warren: Own,
}

/// The server: one of the two ways to it.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// A connection that stays.
    pub ws: Option<Connection>,
    /// Requests in intervals.
    pub http: Option<Polling>,
}

/// How to get to the server.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Its URL.
    pub endpoint: String,
    /// TLS.
    pub tls: TlsClientConfig,
    /// Headers of every request.
    pub headers: IndexMap<String, Secret>,
    /// Who signs requests.
    pub auth: Option<AuthConfig>,
}

/// How to ask the server in intervals.
#[derive(Clone, Debug)]
pub struct Polling {
    /// How to get there.
    pub connection: Connection,
    /// How often.
    pub polling_interval: Duration,
}

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// The configuration that runs.
    pub reports_effective_config: bool,
    /// How components fare.
    pub reports_health: bool,
}

/// What is said of this collector.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Attributes besides those that every collector has.
    pub non_identifying_attributes: IndexMap<String, String>,
}

/// What only Warren knows.
#[derive(Clone, Debug)]
pub struct Own {
    /// Whether the server may say what runs here.
    pub accepts_remote_config: bool,
    /// What is exchanged for a credential of this collector's own at the first connection.
    pub enrolment_token: Secret,
    /// A file that holds it.
    pub enrolment_token_file: String,
    /// How long a new configuration has to run well before it counts as applied.
    pub apply_grace: Duration,
    /// Time between signs of life, unless the server says otherwise.
    pub heartbeat_interval: Duration,
    /// Most bytes of a message from the server.
    pub max_message_bytes: usize,
    /// Whether, and how, the server may give this host another version of the collector.
    pub packages: Option<PackageConfig>,
}

/// How other versions of the collector are had.
#[derive(Clone, Debug)]
pub struct PackageConfig {
    /// The file of those who are trusted: public keys of minisign, one a line.
    pub trusted_keys_file: String,
    /// Most bytes of a package.
    pub max_bytes: usize,
    /// How fast it is fetched at most; zero means as fast as it comes.
    pub bytes_per_second: usize,
    /// How long is waited before at most, at random, so that a fleet does not come at once.
    pub jitter: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            instance_uid: String::new(),
            capabilities: Capabilities { reports_effective_config: true, reports_health: true },
            agent_description: Description::default(),
            warren: Own::default(),
        }
    }
}

impl Default for Polling {
    fn default() -> Self {
        Self { connection: Connection::default(), polling_interval: Duration::from_secs(30) }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self {
            accepts_remote_config: false,
            enrolment_token: Secret::default(),
            enrolment_token_file: String::new(),
            apply_grace: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(30),
            max_message_bytes: 4 << 20,
            packages: None,
        }
    }
}

impl Default for PackageConfig {
    fn default() -> Self {
        Self {
            trusted_keys_file: String::new(),
            max_bytes: 256 << 20,
            bytes_per_second: 8 << 20,
            jitter: Duration::from_secs(60),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("server", &mut self.server);
        f.scalar("instance_uid", &mut self.instance_uid);
        f.block("capabilities", &mut self.capabilities);
        f.block("agent_description", &mut self.agent_description);
        f.accepted("ppid", "`ppid` has no effect: this collector needs no supervisor");
        f.accepted("ppid_poll_interval", "`ppid_poll_interval` has no effect: this collector needs no supervisor");
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.instance_uid.is_empty() && self.instance_uid.parse::<warren_opamp::InstanceUid>().is_err() {
            report.error("instance_uid", "opamp instance_uid is invalid");
        }
    }
}

impl Block for Server {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("ws", &mut self.ws);
        f.optional("http", &mut self.http);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match (&self.ws, &self.http) {
            (None, None) => report.error("", "opamp server must have at least ws or http set"),
            (Some(_), Some(_)) => report.error("", "opamp server must have only ws or http set"),
            (Some(connection), None) => connection.check("ws", &["ws", "wss"], report),
            (None, Some(polling)) => polling.connection.check("http", &["http", "https"], report),
        }
    }
}

impl Connection {
    fn check(&self, way: &str, schemes: &[&str], report: &mut Report<'_>) {
        if self.endpoint.is_empty() {
            return report.error(way, format!("opamp server {way} endpoint must be provided"));
        }
        match Url::parse(&self.endpoint) {
            Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => {}
            Ok(_) => report.error(way, format!("the endpoint is a URL that begins with {}://", schemes.join(":// or "))),
            Err(error) => report.error(way, format!("the endpoint is no URL: {error}")),
        }
    }
}

impl Block for Connection {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.block("tls", &mut self.tls);
        f.map("headers", &mut self.headers);
        f.optional("auth", &mut self.auth);
    }
}

impl Block for Polling {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.connection);
        f.scalar("polling_interval", &mut self.polling_interval);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.polling_interval.is_zero() {
            report.error("polling_interval", "polling interval must be positive");
        }
    }
}

impl Block for Capabilities {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("reports_effective_config", &mut self.reports_effective_config);
        f.scalar("reports_health", &mut self.reports_health);
        f.accepted("reports_available_components", "the list of components is not told");
        f.accepted("accepts_restart_command", "a restart is not accepted: changes are applied without one");
    }
}

impl Block for Description {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.map("non_identifying_attributes", &mut self.non_identifying_attributes);
        f.accepted("include_resource_attributes", "the attributes of the own telemetry's resource are not added");
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("accepts_remote_config", &mut self.accepts_remote_config);
        f.scalar("enrolment_token", &mut self.enrolment_token);
        f.scalar("enrolment_token_file", &mut self.enrolment_token_file);
        f.scalar("apply_grace", &mut self.apply_grace);
        f.scalar("heartbeat_interval", &mut self.heartbeat_interval);
        f.scalar("max_message_bytes", &mut self.max_message_bytes);
        f.optional("packages", &mut self.packages);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.enrolment_token.is_empty() && !self.enrolment_token_file.is_empty() {
            report.error("", "only one of `enrolment_token` and `enrolment_token_file` can be specified");
        }
        if self.max_message_bytes < 64 << 10 {
            report.error("max_message_bytes", "must be at least 65536");
        }
    }
}

impl Block for PackageConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("trusted_keys_file", &mut self.trusted_keys_file);
        f.scalar("max_bytes", &mut self.max_bytes);
        f.scalar("bytes_per_second", &mut self.bytes_per_second);
        f.scalar("jitter", &mut self.jitter);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.trusted_keys_file.is_empty() {
            report.error("trusted_keys_file", "must name the file of the keys that packages are signed with");
        }
        if self.max_bytes == 0 {
            report.error("max_bytes", "must be positive");
        }
    }
}

impl ExtensionConfig for Config {
    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(OpAmp::new(self.clone(), cx)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    #[test]
    fn faults_are_told() {
        for (yaml, message) in [
            ("{}", "opamp server must have at least ws or http set"),
            (
                "server: {ws: {endpoint: ws://a/v1/opamp}, http: {endpoint: http://a}}",
                "opamp server must have only ws or http set",
            ),
            ("server: {ws: {endpoint: http://a/v1/opamp}}", "the endpoint is a URL that begins with ws:// or wss://"),
            ("server: {http: {endpoint: \"\"}}", "opamp server http endpoint must be provided"),
            ("{server: {ws: {endpoint: ws://a/v1/opamp}}, instance_uid: x}", "opamp instance_uid is invalid"),
            ("{server: {http: {endpoint: http://a, polling_interval: 0s}}}", "polling interval must be positive"),
            (
                "{server: {ws: {endpoint: wss://a}}, warren: {packages: {max_bytes: 0}}}",
                "must name the file of the keys that packages are signed with\nmust be positive",
            ),
            ("{server: {ws: {endpoint: wss://a}}, ppid: 1, warren: {accepts_remote_config: true, enrolment_token: t}}", ""),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(|error| error.message.clone()).collect();
            assert_eq!(told.join("\n"), message, "{yaml}");
        }
    }
}
