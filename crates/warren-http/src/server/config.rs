//! The settings of upstream's HTTP servers, `confighttp.ServerConfig`.

use super::connection::READ_BUFFER_MAX;
use super::listen::split_endpoint;
use super::watch::Bounds;
use super::{BODIES_MAX, BODY_SIZE_MAX, CONNECTIONS_MAX, accepted_codings};
use crate::client::{Middleware, header_map};
use crate::tls::TlsServerConfig;
use crate::wait::wait;
use indexmap::IndexMap;
use std::time::Duration;
use warren_component::MemoryBound;
use warren_config::{Block, ComponentId, Fields, ReferenceKind, Report, Secret};

/// Settings of an HTTP server. [`Default`] is `confighttp.NewDefaultServerConfig`.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `host:port`.
    pub endpoint: String,
    /// TLS; none means plain text.
    pub tls: Option<TlsServerConfig>,
    /// Which pages of a browser may send here.
    pub cors: Option<CorsConfig>,
    /// Who checks requests.
    pub auth: Option<ServerAuthConfig>,
    /// The largest body, before and after decompression; 0 means 20 MiB.
    pub max_request_body_size: i64,
    /// Whether headers of the request go along with its data.
    pub include_metadata: bool,
    /// Headers of every reply.
    pub response_headers: IndexMap<String, Secret>,
    /// Accepted values of `Content-Encoding`; the empty one stands for none.
    pub compression_algorithms: Vec<String>,
    /// For a request with its body; zero means no bound.
    pub read_timeout: Duration,
    /// For the head of a request; zero means `read_timeout`.
    pub read_header_timeout: Duration,
    /// For a reply to make no progress; zero means no bound.
    pub write_timeout: Duration,
    /// Between requests; zero means `read_timeout`.
    pub idle_timeout: Duration,
    /// Extensions that change requests: none exists, so naming one is refused.
    pub middlewares: Vec<Middleware>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            tls: None,
            cors: None,
            auth: None,
            max_request_body_size: 0,
            include_metadata: false,
            response_headers: IndexMap::new(),
            compression_algorithms: ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4", "x-snappy-framed"]
                .map(str::to_owned)
                .to_vec(),
            read_timeout: Duration::ZERO,
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            middlewares: Vec::new(),
        }
    }
}

/// Which pages of a browser may send here.
#[derive(Clone, Debug, Default)]
pub struct CorsConfig {
    /// Origins, with at most one `*` each.
    pub allowed_origins: Vec<String>,
    /// Headers besides the simple ones; `*` means any.
    pub allowed_headers: Vec<String>,
    /// For how many seconds the browser may remember.
    pub max_age: i64,
}

/// Who checks requests.
#[derive(Clone, Debug, Default)]
pub struct ServerAuthConfig {
    /// The extension's id.
    pub authenticator: Option<ComponentId>,
    /// Parameters of the query that count as headers.
    pub request_params: Vec<String>,
}

impl Block for ServerConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.optional("tls", &mut self.tls);
        f.optional("cors", &mut self.cors);
        f.optional("auth", &mut self.auth);
        f.scalar("max_request_body_size", &mut self.max_request_body_size);
        f.scalar("include_metadata", &mut self.include_metadata);
        f.map("response_headers", &mut self.response_headers);
        f.list("compression_algorithms", &mut self.compression_algorithms);
        wait(f, "read_timeout", &mut self.read_timeout);
        wait(f, "read_header_timeout", &mut self.read_header_timeout);
        wait(f, "write_timeout", &mut self.write_timeout);
        wait(f, "idle_timeout", &mut self.idle_timeout);
        f.blocks("middlewares", &mut self.middlewares);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.endpoint.is_empty()
            && let Err(error) = split_endpoint(&self.endpoint)
        {
            report.error("endpoint", error);
        }
        if let Err(error) = header_map(&self.response_headers) {
            report.error("response_headers", error);
        }
        for name in &self.compression_algorithms {
            if accepted_codings(std::slice::from_ref(name)).is_empty() {
                report.error("compression_algorithms", format!("unsupported compression type {name:?}"));
            }
        }
    }
}

impl Block for CorsConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.list("allowed_origins", &mut self.allowed_origins);
        f.list("allowed_headers", &mut self.allowed_headers);
        f.scalar("max_age", &mut self.max_age);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.allowed_origins.is_empty() && !self.allowed_headers.is_empty() {
            report.warning(
                "allowed_headers",
                "The CORS configuration specifies allowed headers but no allowed origins, and is therefore ignored.",
            );
        }
    }
}

impl Block for ServerAuthConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("authenticator", &mut self.authenticator);
        f.list("request_params", &mut self.request_params);
    }

    fn validate(&self, report: &mut Report<'_>) {
        match &self.authenticator {
            Some(id) => report.reference("authenticator", ReferenceKind::Authenticator, id),
            None => report.error_with_hint("authenticator", "must be specified", "name the extension that authenticates"),
        }
    }
}

/// What the connections of a server may take: the heads of requests, as far as they may be read ahead.
pub(crate) fn connections() -> MemoryBound {
    MemoryBound::new("connections", (CONNECTIONS_MAX * READ_BUFFER_MAX) as u64)
}

impl ServerConfig {
    /// The largest body.
    pub(super) fn body_size_max(&self) -> usize {
        usize::try_from(self.max_request_body_size).ok().filter(|size| *size > 0).unwrap_or(BODY_SIZE_MAX)
    }

    /// What connections may take, and bodies if the server's handler reads any.
    pub fn memory(&self, reads_bodies: bool) -> Vec<MemoryBound> {
        let mut bounds = vec![connections()];
        if reads_bodies {
            let bodies = BODIES_MAX.max(self.body_size_max().saturating_mul(2)) as u64;
            bounds.push(MemoryBound::new("request bodies", bodies).set_by("max_request_body_size"));
        }
        bounds
    }

    pub(super) fn bounds(&self) -> Bounds {
        let or_read = |timeout| if timeout == Duration::ZERO { self.read_timeout } else { timeout };
        Bounds {
            connections_max: CONNECTIONS_MAX,
            read_header: or_read(self.read_header_timeout),
            write: self.write_timeout,
            idle: or_read(self.idle_timeout),
            age: Duration::ZERO,
            age_grace: Duration::ZERO,
        }
    }
}
