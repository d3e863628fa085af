//! The receiver's settings.

use percent_encoding::percent_decode_str;
use std::time::Duration;
use warren_config::{Block, Fields, Report, Scalar, ScalarError, Value};
use warren_http::grpc::GrpcServerConfig;
use warren_http::server::{ServerConfig, Transport};
use warren_pdata::Signal;

/// Settings of an `otlp` receiver.
#[derive(Clone, Debug, Default)]
pub struct Config {
    protocols: Protocols,
}

/// What is spoken; a protocol that is not named is not served.
#[derive(Clone, Debug, Default)]
struct Protocols {
    grpc: Option<GrpcServerConfig>,
    http: Option<HttpConfig>,
}

/// Settings for HTTP.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The server.
    pub server: ServerConfig,
    /// Where traces are sent to.
    pub traces_url_path: UrlPath,
    /// Where metrics are sent to.
    pub metrics_url_path: UrlPath,
    /// Where logs are sent to.
    pub logs_url_path: UrlPath,
}

/// The path of a URL, with a slash in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPath(String);

impl Config {
    /// Settings for gRPC, if it is served.
    pub fn grpc(&self) -> Option<&GrpcServerConfig> {
        self.protocols.grpc.as_ref()
    }

    /// Settings for HTTP, if it is served.
    pub fn http(&self) -> Option<&HttpConfig> {
        self.protocols.http.as_ref()
    }
}

impl HttpConfig {
    /// The signal that a path belongs to. A configured path that ends in a slash stands for all below it.
    pub(crate) fn signal(&self, path: &str) -> Option<Signal> {
        let mut found: Vec<_> = self.paths().into_iter().filter(|(_, own)| own.covers(path)).collect();
        found.sort_by_key(|(_, own)| own.0.len());
        found.last().map(|(signal, _)| *signal)
    }

    fn paths(&self) -> [(Signal, &UrlPath); 3] {
        [(Signal::Traces, &self.traces_url_path), (Signal::Metrics, &self.metrics_url_path), (Signal::Logs, &self.logs_url_path)]
    }
}

impl UrlPath {
    fn covers(&self, path: &str) -> bool {
        self.0 == path || self.0.ends_with('/') && path.starts_with(&self.0)
    }
}

/// Upstream's defaults for the gRPC server.
fn grpc_default() -> GrpcServerConfig {
    GrpcServerConfig {
        endpoint: "localhost:4317".to_owned(),
        transport: Transport::Tcp,
        read_buffer_size: 512 * 1024,
        ..GrpcServerConfig::default()
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        let path = |signal: Signal| UrlPath(format!("/v1/{signal}"));
        Self {
            server: ServerConfig {
                endpoint: "localhost:4318".to_owned(),
                write_timeout: Duration::ZERO,
                read_header_timeout: Duration::ZERO,
                idle_timeout: Duration::ZERO,
                ..ServerConfig::default()
            },
            traces_url_path: path(Signal::Traces),
            metrics_url_path: path(Signal::Metrics),
            logs_url_path: path(Signal::Logs),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("protocols", &mut self.protocols);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.protocols.grpc.is_none() && self.protocols.http.is_none() {
            report.error_with_hint(
                "",
                "must specify at least one protocol when using the OTLP receiver",
                "`protocols: {grpc: , http: }` serves both at their usual ports",
            );
        }
    }
}

impl Block for Protocols {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.defaulted("grpc", &mut self.grpc, grpc_default);
        f.defaulted("http", &mut self.http, HttpConfig::default);
    }
}

impl Block for HttpConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.server);
        f.scalar("traces_url_path", &mut self.traces_url_path);
        f.scalar("metrics_url_path", &mut self.metrics_url_path);
        f.scalar("logs_url_path", &mut self.logs_url_path);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let paths = self.paths();
        for (index, (signal, path)) in paths.iter().enumerate() {
            if let Some((other, _)) = paths.iter().take(index).find(|(_, other)| other == path) {
                report.error(&format!("{signal}_url_path"), format!("{} is the path of {other} already", path.0));
            }
        }
    }
}

impl Scalar for UrlPath {
    const TYPE: &'static str = "otlpreceiver.SanitizedURLPath";
    const TEXT: bool = true;

    /// Takes the path out of a URL, as upstream does.
    fn decode(value: &Value) -> Result<Self, ScalarError> {
        let Value::String(text) = value else { return Err(ScalarError::Type) };
        let invalid = |why: &str| ScalarError::Value(format!("invalid HTTP URL path set for signal: parse {text:?}: {why}"));
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(invalid("net/url: invalid control character in URL"));
        }
        let url = text.split('#').next().unwrap_or_default();
        let url = url.split('?').next().unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)).unwrap_or_default(),
            None => url,
        };
        let first = path.split('/').next().unwrap_or_default();
        if first.contains(':') {
            return Err(invalid("first path segment in URL cannot contain colon"));
        }
        if let Some(escape) = bad_escape(path) {
            return Err(invalid(&format!("invalid URL escape {escape:?}")));
        }
        let path = percent_decode_str(path).decode_utf8_lossy();
        Ok(Self(if path.starts_with('/') { path.into_owned() } else { format!("/{path}") }))
    }

    fn zero() -> Result<Self, ScalarError> {
        Ok(Self("/".to_owned()))
    }

    fn encode(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// The first `%` that no two hexadecimal digits follow.
fn bad_escape(path: &str) -> Option<&str> {
    path.match_indices('%').map(|(start, _)| path.get(start..).unwrap_or_default()).find_map(|rest| {
        let good = rest.as_bytes().get(1..3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        (!good).then(|| rest.get(..3).unwrap_or(rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::read_settings;

    fn decode(yaml: &str) -> (Config, Vec<String>) {
        read_settings(yaml)
    }

    #[test]
    fn a_protocol_is_switched_on_by_its_name() {
        let (config, errors) = decode("protocols: {grpc: , http: {endpoint: \":1\"}}");
        assert_eq!(errors, [""; 0]);
        assert_eq!(config.grpc().unwrap().endpoint, "localhost:4317");
        assert_eq!(
            (config.http().unwrap().server.endpoint.as_str(), config.http().unwrap().server.write_timeout),
            (":1", Duration::ZERO)
        );
        assert!(decode("protocols: {http: }").0.grpc().is_none());
        let none = ["must specify at least one protocol when using the OTLP receiver"];
        assert_eq!(decode("protocols: ").1, none);
        assert_eq!(decode("{}").1, none);
    }

    /// Origin: go.opentelemetry.io/collector `receiver/otlpreceiver/config_test.go` v0.132.0 (TestUnmarshalConfigInvalidSignalPath, TestUnmarshalConfig).
    #[test]
    fn paths_are_taken_out_of_urls() {
        let path = |text: &str| UrlPath::decode(&Value::String(text.to_owned())).map(|path| path.0);
        assert_eq!(path("traces").as_deref(), Ok("/traces"));
        assert_eq!(path("/v2/log/ingest").as_deref(), Ok("/v2/log/ingest"));
        assert_eq!(path("http://h:1/a%20b?c#d").as_deref(), Ok("/a b"));
        assert_eq!(path("").as_deref(), Ok("/"));
        let message = |text| match path(text) {
            Err(ScalarError::Value(message)) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            message("\u{7f}"),
            "invalid HTTP URL path set for signal: parse \"\\u{7f}\": net/url: invalid control character in URL"
        );
        assert_eq!(message("/%zz"), "invalid HTTP URL path set for signal: parse \"/%zz\": invalid URL escape \"%zz\"");
        assert!(message("a:b").contains("first path segment in URL cannot contain colon"));
    }

    #[test]
    fn a_path_belongs_to_one_signal() {
        let (config, errors) = decode("protocols: {http: {traces_url_path: /, logs_url_path: v1/x/}}");
        assert_eq!(errors, [""; 0]);
        let signal = |path| config.http().unwrap().signal(path);
        assert_eq!(signal("/v1/metrics"), Some(Signal::Metrics));
        assert_eq!(signal("/v1/x/y"), Some(Signal::Logs));
        assert_eq!(signal("/anything"), Some(Signal::Traces));
        assert_eq!(decode("protocols: {http: {logs_url_path: /v1/metrics}}").1, ["/v1/metrics is the path of metrics already"]);
    }
}
