//! Settings of the exporter.

use crate::send::{Exporting, RabbitMq};
use indexmap::IndexMap;
use std::sync::Arc;
use std::time::Duration;
use warren_amqp::{Client, Endpoint, Publisher, Route};
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig, MemoryBound};
use warren_config::{Block, ByteSize, ComponentId, Fields, GoDuration, ReferenceKind, Report, Secret};
use warren_delivery::{DeliveryConfig, QueueConfig, RetryConfig, deliver};
use warren_http::tls::{ClientTls, TlsClientConfig};
use warren_pdata::Signal;

/// Longest exchange name or routing key that AMQP can carry.
const SHORT_TEXT_MAX: usize = 255;

/// What all headers may take: they must fit into the smallest frame that a broker may ask for, with the other properties.
const HEADERS_BYTES_MAX: usize = 3500;

/// What a header takes beside its name and text.
const HEADER_OVERHEAD: usize = 6;

/// Settings of one exporter.
#[derive(Clone, Debug)]
pub struct Config {
    /// The broker.
    pub connection: Connection,
    /// Where messages go.
    pub routing: Routing,
    /// Whether messages are to survive a restart of the broker.
    pub durable: bool,
    /// The extension that encodes; none is OTLP in protobuf.
    pub encoding_extension: Option<ComponentId>,
    /// What happens after a failure.
    pub retry: RetryConfig,
    /// The queue.
    pub queue: QueueConfig,
    /// What only Warren knows.
    pub warren: Own,
}

/// The block `warren`.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// What a message may have; larger batches become several. Zero is no limit.
    pub max_message_bytes: ByteSize,
    /// The content type that messages tell; empty is none.
    pub content_type: String,
    /// Headers of messages.
    pub headers: IndexMap<String, String>,
}

/// The block `connection`.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `amqp://host:port/vhost`, or `amqps`.
    pub endpoint: String,
    /// The virtual host; empty is the endpoint's, and else `/`.
    pub vhost: String,
    /// Who we are.
    pub auth: Auth,
    /// TLS, for an endpoint that asks for it.
    pub tls: Option<TlsClientConfig>,
    /// How long it may take to connect.
    pub connection_timeout: GoDuration,
    /// Time between heartbeats, in whole seconds.
    pub heartbeat: GoDuration,
    /// How long a confirm may take.
    pub publish_confirmation_timeout: GoDuration,
    /// The name that the broker shows; empty is `otel-collector-` and the signal.
    pub name: String,
}

/// The block `connection::auth`.
#[derive(Clone, Debug, Default)]
pub struct Auth {
    /// User and password.
    pub plain: Plain,
}

/// The block `connection::auth::plain`.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    /// User.
    pub username: String,
    /// Password.
    pub password: Secret,
}

/// The block `routing`.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// Exchange; empty is the default one.
    pub exchange: String,
    /// Routing key; empty is `otlp_` and the signal.
    pub routing_key: String,
}

const fn seconds(count: i64) -> GoDuration {
    GoDuration(count * 1_000_000_000)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connection: Connection::default(),
            routing: Routing::default(),
            durable: true,
            encoding_extension: None,
            retry: RetryConfig::default(),
            queue: QueueConfig::default(),
            warren: Own::default(),
        }
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            vhost: String::new(),
            auth: Auth::default(),
            tls: None,
            connection_timeout: seconds(10),
            heartbeat: seconds(5),
            publish_confirmation_timeout: seconds(5),
            name: String::new(),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("connection", &mut self.connection);
        f.block("routing", &mut self.routing);
        f.scalar("durable", &mut self.durable);
        f.optional_scalar("encoding_extension", &mut self.encoding_extension);
        f.block("retry_on_failure", &mut self.retry);
        f.own("sending_queue");
        f.block("sending_queue", &mut self.queue);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let connection = &self.connection;
        if connection.endpoint.is_empty() {
            report.error_with_hint("", "connection.endpoint is required", "set connection::endpoint: amqp://host:5672");
        }
        if connection.auth.plain.username.is_empty() {
            report.error("", "connection.auth.plain.username is required");
        }
        if self.retry.enabled && self.has_no_pause() {
            report.warning("retry_on_failure", "no pause between attempts is set: the usual 5s to 30s hold, for 5m");
        }
        if let Some(id) = &self.encoding_extension {
            report.reference("encoding_extension", ReferenceKind::Encoding, id);
        }
    }
}

impl Block for Connection {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.scalar("vhost", &mut self.vhost);
        f.block("auth", &mut self.auth);
        f.optional("tls", &mut self.tls);
        f.scalar("connection_timeout", &mut self.connection_timeout);
        f.scalar("heartbeat", &mut self.heartbeat);
        f.scalar("publish_confirmation_timeout", &mut self.publish_confirmation_timeout);
        f.scalar("name", &mut self.name);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match self.endpoint.parse::<Endpoint>() {
            Err(_) if self.endpoint.is_empty() => {}
            Err(error) => report.error("endpoint", error.to_string()),
            Ok(endpoint) => {
                if endpoint.has_user {
                    report.warning(
                        "endpoint",
                        "user and password of the endpoint have no effect; connection::auth::plain says who we are",
                    );
                }
                for option in endpoint.ignored {
                    report.warning("endpoint", format!("the option {option:?} has no effect"));
                }
                if self.tls.is_some() && !endpoint.tls {
                    report
                        .warning("tls", "without effect: the endpoint begins with amqp://, so nothing is encrypted; amqps:// is");
                }
            }
        }
        for (key, duration) in [
            ("connection_timeout", self.connection_timeout),
            ("heartbeat", self.heartbeat),
            ("publish_confirmation_timeout", self.publish_confirmation_timeout),
        ] {
            if duration.0 < 0 {
                report.error(key, format!("'{key}' must be non-negative"));
            }
        }
        for (key, text) in [("vhost", &self.vhost), ("name", &self.name)] {
            too_long(report, key, text);
        }
    }
}

impl Block for Auth {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("plain", &mut self.plain);
    }
}

impl Block for Plain {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("username", &mut self.username);
        f.scalar("password", &mut self.password);
    }
}

impl Block for Routing {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("exchange", &mut self.exchange);
        f.scalar("routing_key", &mut self.routing_key);
    }

    fn validate(&self, report: &mut Report<'_>) {
        too_long(report, "exchange", &self.exchange);
        too_long(report, "routing_key", &self.routing_key);
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("max_message_bytes", &mut self.max_message_bytes);
        f.scalar("content_type", &mut self.content_type);
        f.map("headers", &mut self.headers);
    }

    fn validate(&self, report: &mut Report<'_>) {
        too_long(report, "content_type", &self.content_type);
        for name in self.headers.keys() {
            too_long(report, "headers", name);
        }
        let bytes: usize = self.headers.iter().map(|(name, text)| name.len() + text.len() + HEADER_OVERHEAD).sum();
        if bytes > HEADERS_BYTES_MAX {
            report.error("headers", format!("'headers' take {bytes} bytes; {HEADERS_BYTES_MAX} fit into every frame"));
        }
    }
}

fn too_long(report: &mut Report<'_>, key: &str, text: &str) {
    if text.len() > SHORT_TEXT_MAX {
        report.error(key, format!("'{key}' has {} bytes; AMQP carries {SHORT_TEXT_MAX} at most", text.len()));
    }
}

impl Config {
    fn client(&self, signal: Signal) -> Result<Client, BuildError> {
        let connection = &self.connection;
        let endpoint: Endpoint = connection
            .endpoint
            .parse()
            .map_err(|error| BuildError::with_source(format!("connection.endpoint: {error}"), error))?;
        let tls = ClientTls::new(connection.tls.clone().unwrap_or_default())
            .map_err(|error| BuildError::with_source(error.to_string(), error))?;
        let or = |text: &str, default: String| if text.is_empty() { default } else { text.to_owned() };
        let time = |duration: GoDuration| duration.as_duration().unwrap_or_default();
        let whole_seconds = Duration::from_secs(time(connection.heartbeat).as_secs());
        Ok(Client {
            tls,
            name: or(&connection.name, format!("otel-collector-{}", noun(signal))),
            username: connection.auth.plain.username.clone(),
            password: connection.auth.plain.password.clone(),
            vhost: or(&connection.vhost, endpoint.vhost.clone().unwrap_or_else(|| "/".to_owned())),
            heartbeat: endpoint.heartbeat.unwrap_or(whole_seconds),
            connection_timeout: no_limit(endpoint.connection_timeout.unwrap_or(time(connection.connection_timeout))),
            confirm_timeout: no_limit(time(connection.publish_confirmation_timeout)),
            endpoint,
        })
    }

    fn route(&self, signal: Signal) -> Route {
        let Routing { exchange, routing_key } = &self.routing;
        let key = if routing_key.is_empty() { format!("otlp_{}", noun(signal)) } else { routing_key.clone() };
        let Own { content_type, headers, .. } = &self.warren;
        let headers = headers.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
        Route { exchange: exchange.clone(), key, durable: self.durable, content_type: content_type.clone(), headers }
    }

    /// Upstream's settings have zeros where nothing is said, with which one attempt follows the other without a pause and without end.
    fn retry(&self) -> RetryConfig {
        match self.has_no_pause() {
            true => RetryConfig { enabled: self.retry.enabled, ..RetryConfig::default() },
            false => self.retry.clone(),
        }
    }

    fn has_no_pause(&self) -> bool {
        self.retry.initial_interval.0 == 0 && self.retry.max_interval.0 == 0
    }
}

/// Zero is no limit.
fn no_limit(limit: Duration) -> Duration {
    if limit.is_zero() { Duration::from_secs(365 * 24 * 3600) } else { limit }
}

/// What upstream calls the signal in names.
fn noun(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "spans",
        Signal::Metrics => "metrics",
        Signal::Logs => "logs",
    }
}

impl ExporterConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        self.queue.memory()
    }

    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        let encoding = self.encoding_extension.as_ref().map(|id| cx.extensions.encoding(id)).transpose()?;
        let publisher = Arc::new(Publisher::new(self.client(signal)?, self.route(signal)));
        let most = usize::try_from(self.warren.max_message_bytes.0).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let sender = RabbitMq::new(Arc::clone(&publisher), encoding, &self.route(signal), most, &cx);
        // A publish has limits of its own.
        let delivery = DeliveryConfig { queue: self.queue.clone(), retry: self.retry(), timeout: None, ordered: false };
        Ok(Arc::new(Exporting { delivery: deliver(&cx, signal, delivery, sender)?, publisher }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn told(yaml: &str) -> (Config, Vec<String>, usize) {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
        let errors = diagnostics.errors().map(|error| error.message.clone()).collect();
        (config, errors, diagnostics.warnings().count())
    }

    const AUTH: &str = "auth: {plain: {username: u, password: p}}";

    #[test]
    fn faults_are_told_all_together_in_upstreams_words() {
        let (_, errors, _) = told("{}");
        assert_eq!(errors, ["connection.endpoint is required", "connection.auth.plain.username is required"]);
        let long = "x".repeat(256);
        for (yaml, expected) in [
            (format!("connection: {{endpoint: 'amqp://h', {AUTH}}}"), ""),
            (format!("connection: {{endpoint: 'h:5672', {AUTH}}}"), "AMQP scheme must be either 'amqp://' or 'amqps://'"),
            (format!("connection: {{endpoint: 'amqp://h', heartbeat: -1s, {AUTH}}}"), "'heartbeat' must be non-negative"),
            (
                format!("{{connection: {{endpoint: 'amqp://h', {AUTH}}}, routing: {{routing_key: {long}}}}}"),
                "'routing_key' has 256 bytes; AMQP carries 255 at most",
            ),
        ] {
            let (_, errors, _) = told(&yaml);
            assert_eq!(errors.join("\n"), expected, "{yaml}");
        }
    }

    #[test]
    fn properties_of_messages_are_warrens_own_and_have_bounds() {
        let yaml = |own: &str| format!("{{connection: {{endpoint: 'amqp://h', {AUTH}}}, warren: {{{own}}}}}");
        let (config, errors, _) =
            told(&yaml("content_type: application/x-protobuf, headers: {tenant: a}, max_message_bytes: 1MiB"));
        assert!(errors.is_empty(), "{errors:?}");
        let route = config.route(Signal::Logs);
        assert_eq!(route.content_type, "application/x-protobuf");
        assert_eq!(route.headers, [("tenant".to_owned(), "a".to_owned())]);
        assert_eq!(config.warren.max_message_bytes.0, 1 << 20);
        let (_, errors, _) = told(&yaml(&format!("headers: {{a: {}}}", "x".repeat(4000))));
        assert_eq!(errors, ["'headers' take 4007 bytes; 3500 fit into every frame"]);
    }

    #[test]
    fn what_has_no_effect_is_told() {
        for (connection, warnings) in [
            ("endpoint: 'amqp://h', tls: {insecure: true}", 1),
            ("endpoint: 'amqps://h', tls: {insecure: true}", 0),
            ("endpoint: 'amqps://u:p@h?channel_max=1'", 2),
        ] {
            assert_eq!(told(&format!("connection: {{{connection}, {AUTH}}}")).2, warnings, "{connection}");
        }
    }

    #[test]
    fn names_and_keys_follow_the_signal_and_the_vhost_the_settings() {
        let yaml = |more: &str| format!("connection: {{endpoint: 'amqp://h/from%2Furl?heartbeat=9', {AUTH}{more}}}");
        let (config, ..) = told(&yaml(""));
        let client = config.client(Signal::Traces).unwrap();
        assert_eq!((client.name.as_str(), client.vhost.as_str()), ("otel-collector-spans", "from/url"));
        assert_eq!(client.heartbeat, Duration::from_secs(9));
        let keys = [Signal::Traces, Signal::Metrics, Signal::Logs].map(|signal| config.route(signal).key);
        assert_eq!(keys, ["otlp_spans", "otlp_metrics", "otlp_logs"]);
        let (config, ..) = told(&yaml(", vhost: v, name: n, connection_timeout: 0s"));
        let client = config.client(Signal::Logs).unwrap();
        assert_eq!((client.name.as_str(), client.vhost.as_str()), ("n", "v"));
        assert!(client.connection_timeout > Duration::from_secs(1_000_000));
    }

    #[test]
    fn retries_without_a_pause_have_the_usual_pauses() {
        let retry = |yaml: &str| told(&format!("retry_on_failure: {{{yaml}}}")).0.retry();
        assert_eq!(
            retry("enabled: true, initial_interval: 0, max_interval: 0, max_elapsed_time: 0").initial_interval.0,
            5_000_000_000
        );
        assert_eq!(retry("enabled: true, initial_interval: 1s").initial_interval.0, 1_000_000_000);
        assert!(!retry("enabled: false, initial_interval: 0, max_interval: 0").enabled);
        let connection = format!("connection: {{endpoint: 'amqp://h', {AUTH}}}");
        let warnings = |enabled| {
            told(&format!("{{{connection}, retry_on_failure: {{enabled: {enabled}, initial_interval: 0, max_interval: 0}}}}")).2
        };
        assert_eq!((warnings(true), warnings(false)), (1, 0));
    }
}
