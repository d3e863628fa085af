//! The settings of upstream's HTTP clients, `confighttp.ClientConfig`.

use super::{Client, ClientSettings, Proxies};
use crate::coding::Coding;
use crate::tls::TlsClientConfig;
use crate::wait::wait;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use indexmap::IndexMap;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, BuildInfo};
use warren_config::{Block, ComponentId, Fields, ReferenceKind, Report, Secret};

/// How many redirects Go's client follows.
const REDIRECTS_MAX: u8 = 10;

/// Settings of an HTTP client. They stand among the exporter's own (`f.squash`). [`Default`] is `confighttp.NewDefaultClientConfig`.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where requests go; what it means is the exporter's matter.
    pub endpoint: String,
    /// A proxy for everything; empty means what the environment says.
    pub proxy_url: Secret,
    /// TLS for `https` URLs.
    pub tls: TlsClientConfig,
    /// Accepted; buffers find their size themselves.
    pub read_buffer_size: i64,
    /// Accepted; buffers find their size themselves.
    pub write_buffer_size: i64,
    /// How long a request may take, to the end of the reply; zero means for ever.
    pub timeout: Duration,
    /// Headers of every request.
    pub headers: IndexMap<String, Secret>,
    /// Who signs requests.
    pub auth: Option<AuthConfig>,
    /// How bodies are compressed.
    pub compression: Coding,
    /// How well.
    pub compression_params: CompressionParams,
    /// Idle connections in total; 0 means no bound.
    pub max_idle_conns: usize,
    /// Idle connections to one host; 0 means two.
    pub max_idle_conns_per_host: usize,
    /// Connections to one host; 0 means no bound.
    pub max_conns_per_host: usize,
    /// How long a connection may be idle; zero means for ever.
    pub idle_conn_timeout: Duration,
    /// One request per connection.
    pub disable_keep_alives: bool,
    /// After how long without a byte an HTTP/2 connection is probed; zero means never.
    pub http2_read_idle_timeout: Duration,
    /// How long the answer to a probe may take; zero means 15 s.
    pub http2_ping_timeout: Duration,
    /// Cookies.
    pub cookies: CookiesConfig,
    /// Whether HTTP/2 is offered to servers with TLS.
    pub force_attempt_http2: bool,
    /// Extensions that change requests: none exists, so naming one is refused.
    pub middlewares: Vec<Middleware>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            proxy_url: Secret::default(),
            tls: TlsClientConfig::default(),
            read_buffer_size: 0,
            write_buffer_size: 0,
            timeout: Duration::ZERO,
            headers: IndexMap::new(),
            auth: None,
            compression: Coding::Identity,
            compression_params: CompressionParams::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            http2_read_idle_timeout: Duration::ZERO,
            http2_ping_timeout: Duration::ZERO,
            cookies: CookiesConfig::default(),
            force_attempt_http2: true,
            middlewares: Vec::new(),
        }
    }
}

/// How well bodies are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompressionParams {
    /// The coding's level; 0 means its default.
    pub level: i32,
}

/// Cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CookiesConfig {
    /// Whether they are kept and sent back.
    pub enabled: bool,
}

/// Which extension authenticates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthConfig {
    /// Its id.
    pub authenticator: Option<ComponentId>,
}

/// An extension that changes requests: none exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Middleware {
    /// The extension's id.
    pub id: Option<ComponentId>,
}

impl Block for ClientConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.scalar("proxy_url", &mut self.proxy_url);
        f.block("tls", &mut self.tls);
        f.scalar("read_buffer_size", &mut self.read_buffer_size);
        f.scalar("write_buffer_size", &mut self.write_buffer_size);
        wait(f, "timeout", &mut self.timeout);
        f.map("headers", &mut self.headers);
        f.optional("auth", &mut self.auth);
        f.scalar("compression", &mut self.compression);
        f.block("compression_params", &mut self.compression_params);
        f.scalar("max_idle_conns", &mut self.max_idle_conns);
        f.scalar("max_idle_conns_per_host", &mut self.max_idle_conns_per_host);
        f.scalar("max_conns_per_host", &mut self.max_conns_per_host);
        wait(f, "idle_conn_timeout", &mut self.idle_conn_timeout);
        f.scalar("disable_keep_alives", &mut self.disable_keep_alives);
        wait(f, "http2_read_idle_timeout", &mut self.http2_read_idle_timeout);
        wait(f, "http2_ping_timeout", &mut self.http2_ping_timeout);
        f.block("cookies", &mut self.cookies);
        f.scalar("force_attempt_http2", &mut self.force_attempt_http2);
        f.blocks("middlewares", &mut self.middlewares);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let level = self.compression_params.level;
        if self.compression != Coding::Identity && !self.compression.accepts_level(level) {
            let name = self.compression.name();
            report.error("", format!("unsupported parameters {{Level:{level}}} for compression type {name:?}"));
        }
        if !self.proxy_url.is_empty()
            && let Err(error) = Proxies::always(self.proxy_url.expose())
        {
            report.error("proxy_url", error);
        }
        if let Err(error) = header_map(&self.headers) {
            report.error("headers", error);
        }
    }
}

impl Block for CompressionParams {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("level", &mut self.level);
    }
}

impl Block for CookiesConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
    }
}

impl Block for AuthConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("authenticator", &mut self.authenticator);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match &self.authenticator {
            Some(id) => report.reference("authenticator", ReferenceKind::Authenticator, id),
            None => report.error_with_hint("authenticator", "must be specified", "name the extension that authenticates"),
        }
    }
}

impl Block for Middleware {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("id", &mut self.id);
    }

    fn validate(&self, report: &mut Report<'_>) {
        report.error("", "middleware extensions are not supported");
    }
}

impl ClientConfig {
    /// A client with these settings, signing its requests by the extension that is named. Its `User-Agent` is upstream's; settings without
    /// a key here can be changed by `adjust`.
    ///
    /// # Errors
    /// When the extension does not exist or cannot sign, or TLS cannot be used as configured.
    pub fn client(&self, cx: &BuildContext) -> Result<Client, BuildError> {
        Ok(Client::new(self.settings(cx)?)?)
    }

    /// The settings of [`ClientConfig::client`], for those who change something more.
    ///
    /// # Errors
    /// As [`ClientConfig::client`].
    pub fn settings(&self, cx: &BuildContext) -> Result<ClientSettings, BuildError> {
        let auth = match self.auth.as_ref().and_then(|auth| auth.authenticator.as_ref()) {
            Some(id) => Some(cx.extensions.client_auth(id)?),
            None => None,
        };
        let proxies = match self.proxy_url.expose() {
            "" => Proxies::from_environment(|name| std::env::var(name).ok()),
            url => Proxies::always(url).map_err(|error| BuildError::new(format!("proxy_url: {error}")))?,
        };
        let ping_timeout = self.http2_ping_timeout;
        Ok(ClientSettings {
            tls: self.tls.clone(),
            http2: self.force_attempt_http2,
            http2_ping_after: self.http2_read_idle_timeout,
            http2_ping_timeout: if ping_timeout == Duration::ZERO { Duration::from_secs(15) } else { ping_timeout },
            proxies,
            proxy_headers: HeaderMap::new(),
            user_agent: Some(user_agent(&cx.build)),
            headers: header_map(&self.headers).map_err(BuildError::new)?,
            auth,
            coding: self.compression,
            level: self.compression_params.level,
            accept_gzip: true,
            timeout: self.timeout,
            max_idle: self.max_idle_conns,
            max_idle_per_host: self.max_idle_conns_per_host,
            max_per_host: self.max_conns_per_host,
            idle_timeout: self.idle_conn_timeout,
            keep_alive: !self.disable_keep_alives,
            cookies: self.cookies.enabled,
            redirects: REDIRECTS_MAX,
        })
    }
}

/// Headers as the configuration has them.
pub(crate) fn header_map(headers: &IndexMap<String, Secret>) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let header = HeaderName::try_from(name).map_err(|_| format!("invalid header field name {name:?}"))?;
        let mut value = HeaderValue::try_from(value.expose()).map_err(|_| format!("invalid header field value for {name:?}"))?;
        value.set_sensitive(true);
        map.try_insert(header, value).map_err(|_| format!("too many header fields: {}", headers.len()))?;
    }
    Ok(map)
}

/// Upstream's `User-Agent`: `<description>/<version> (linux/amd64)`.
pub fn user_agent(build: &BuildInfo) -> HeaderValue {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    let text = format!("{}/{} ({system}/{machine})", build.description, build.version);
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("warren"))
}
