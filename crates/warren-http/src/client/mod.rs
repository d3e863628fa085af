//! The HTTP client.
//!
//! [`ClientConfig`] is the block of settings that upstream's exporters have (`confighttp.ClientConfig`); [`ClientConfig::client`] makes a
//! [`Client`] of it. Who has other settings, such as a scrape, fills [`ClientSettings`] directly.
//!
//! ```text
//! send(request) ── cookies, compression, headers, authentication ──▶ pool: idle connection, or dial (proxy, TLS) ──▶ reply
//!       ▲                                                                                                             │
//!       └───────────────────────────── redirect, or connection closed while idle ◀───────────────────────────────────┘
//! ```
//!
//! A request has its body in memory; a reply is read as it comes ([`Body::window`]) or whole with a bound ([`Body::read`]). Nothing is
//! retried here but requests that a connection closed while idle did not take.

mod body;
mod config;
mod cookies;
mod dial;
mod pool;
mod proxy;
mod send;
mod target;

pub use body::Body;
pub(crate) use config::header_map;
pub use config::{AuthConfig, ClientConfig, CompressionParams, CookiesConfig, Middleware, user_agent};
pub use dial::connect;
pub use proxy::Proxies;

use crate::coding::Coding;
use crate::error::SetupError;
use crate::tls::{ClientTls, TlsClientConfig};
use base64::Engine;
use cookies::Jar;
use http::HeaderMap;
use http::header::HeaderValue;
use pool::{Limits, Pool};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use warren_component::ClientAuth;

/// How a client behaves. [`Default`] is Go's default transport without compression, proxies and redirects.
#[derive(Clone)]
pub struct ClientSettings {
    /// TLS for `https` URLs.
    pub tls: TlsClientConfig,
    /// Whether HTTP/2 is offered to servers with TLS.
    pub http2: bool,
    /// After how long without a byte an HTTP/2 connection is probed; zero means never.
    pub http2_ping_after: Duration,
    /// How long the answer to a probe may take.
    pub http2_ping_timeout: Duration,
    /// The way out.
    pub proxies: Proxies,
    /// Headers for the proxy alone, when it is asked for a tunnel.
    pub proxy_headers: HeaderMap,
    /// `User-Agent`, unless the request has one.
    pub user_agent: Option<HeaderValue>,
    /// Headers of every request. They replace those of the request; `Host` replaces that of the URL.
    pub headers: HeaderMap,
    /// Signs every request, after everything else.
    pub auth: Option<Arc<dyn ClientAuth>>,
    /// How bodies are compressed, unless the request has a `Content-Encoding`.
    pub coding: Coding,
    /// The coding's level; 0 means its default.
    pub level: i32,
    /// Whether replies may come gzipped, unless the request has an `Accept-Encoding`; they are inflated on the way.
    pub accept_gzip: bool,
    /// How long a request may take, to the end of the reply; zero means for ever.
    pub timeout: Duration,
    /// Idle connections in total; 0 means no bound.
    pub max_idle: usize,
    /// Idle connections to one host; 0 means two.
    pub max_idle_per_host: usize,
    /// Connections in use to one host; 0 means no bound.
    pub max_per_host: usize,
    /// How long a connection may be idle; zero means for ever.
    pub idle_timeout: Duration,
    /// Whether connections serve more than one request.
    pub keep_alive: bool,
    /// Whether cookies are kept and sent back.
    pub cookies: bool,
    /// How many redirects are followed. Those that would turn another method into GET are not: the reply is handed back as it is.
    pub redirects: u8,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            tls: TlsClientConfig::default(),
            http2: true,
            http2_ping_after: Duration::ZERO,
            http2_ping_timeout: Duration::from_secs(15),
            proxies: Proxies::none(),
            proxy_headers: HeaderMap::new(),
            user_agent: None,
            headers: HeaderMap::new(),
            auth: None,
            coding: Coding::Identity,
            level: 0,
            accept_gzip: true,
            timeout: Duration::ZERO,
            max_idle: 100,
            max_idle_per_host: 0,
            max_per_host: 0,
            idle_timeout: Duration::from_secs(90),
            keep_alive: true,
            cookies: false,
            redirects: 0,
        }
    }
}

/// Sends requests. Clones share connections and cookies.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    settings: ClientSettings,
    tls: ClientTls,
    pool: Arc<Pool>,
    cookies: Option<Mutex<Jar>>,
}

impl Client {
    /// A client with these settings. Connects nowhere yet, but reads the certificate files.
    ///
    /// # Errors
    /// When TLS cannot be used as configured.
    pub fn new(settings: ClientSettings) -> Result<Self, SetupError> {
        let tls = ClientTls::new(settings.tls.clone())?;
        let pool = Pool::new(Limits {
            idle: settings.max_idle,
            idle_per_host: settings.max_idle_per_host,
            in_use_per_host: settings.max_per_host,
            idle_timeout: settings.idle_timeout,
            keep: settings.keep_alive,
        });
        let cookies = settings.cookies.then(Mutex::default);
        Ok(Self(Arc::new(Inner { settings, tls, pool, cookies })))
    }
}

/// The `Authorization` header of basic authentication.
pub fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
