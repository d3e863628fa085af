//! The HTTP server.
//!
//! [`ServerConfig`] is the block of settings that upstream's receivers have (`confighttp.ServerConfig`). A component binds its sockets when
//! it is built ([`Sockets::listen`], which takes over those of its predecessor on a reload), makes a [`Server`] of settings and a
//! [`Handler`], and runs it with [`Server::serve`].
//!
//! ```text
//! accept ─▶ TLS ─▶ HTTP/1 or 2 ─▶ response headers ─▶ CORS ─▶ authentication ─▶ content coding known? ─▶ Handler
//!                                                                      Request::body: size limit, decompression ◀─┘
//! ```
//!
//! Bounded are connections ([`CONNECTIONS_MAX`], beyond which the one idle longest gives way), a body before and after decompression, and
//! the bytes of all bodies at a time ([`BODIES_MAX`]).

mod body;
mod config;
mod connection;
mod cors;
mod layers;
mod listen;
mod reply;
mod watch;

pub use body::{BodyError, Payload, Request};
pub(crate) use config::connections;
pub use config::{CorsConfig, ServerAuthConfig, ServerConfig};
pub use connection::{CONNECTIONS_MAX, Peer, ServeError};
pub use listen::{ListenError, Listener, Sockets, Transport};
pub use reply::{Reply, ReplyBody, plain_error};

pub(crate) use body::{Budget, Held, next_chunk};
pub(crate) use connection::{Bounds, Engine, Keepalive, Protocols, Serving, connections_delayed, serve};
pub(crate) use listen::split_endpoint;

use crate::coding::Coding;
use crate::error::SetupError;
use crate::tls::ServerTls;
use http::StatusCode;
use http::request::Parts;
use layers::Layers;
use std::sync::Arc;
use warren_component::{BoxFuture, BuildContext, BuildError, Stop};

/// Bytes of request bodies that a server holds at a time; more are refused with 503 until others are done. Grows with
/// `max_request_body_size`, of which at least two bodies have room.
pub const BODIES_MAX: usize = 64 << 20;

/// The largest request body by default, before and after decompression.
pub(crate) const BODY_SIZE_MAX: usize = 20 << 20;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Its body is read when the handler asks for it.
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply>;

    /// The reply to a request that is refused before it reaches the handler: not authentic (401), or of an unknown content coding (400).
    fn refuse(&self, _head: &Parts, status: StatusCode, message: &str) -> Reply {
        plain_error(status, message)
    }
}

/// A server that is ready to serve.
pub struct Server {
    serving: Serving,
    engine: Arc<Layers>,
}

impl Server {
    /// A server of these settings on a socket.
    ///
    /// # Errors
    /// When the authenticator does not exist or cannot check requests, or TLS cannot be used as configured.
    pub fn new(
        config: &ServerConfig,
        cx: &BuildContext,
        listener: Listener,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, BuildError> {
        let tls = config.tls.clone().map(|tls| ServerTls::new(tls, &[b"h2", b"http/1.1"])).transpose();
        let tls = tls.map_err(SetupError::from)?.map(Arc::new);
        let engine = Arc::new(Layers::new(config, cx, handler)?);
        let serving = Serving { listener, tls, protocols: Protocols::Http, bounds: config.bounds() };
        Ok(Self { serving, engine })
    }

    /// Serves until asked to stop: then no more connections are accepted, idle ones are closed, and requests in flight are answered until the
    /// drain deadline.
    ///
    /// # Errors
    /// When the socket fails for good.
    pub async fn serve(self, stop: Stop) -> Result<(), ServeError> {
        serve(self.serving, self.engine, stop).await
    }
}

/// The codings a server accepts: `compression_algorithms`, where the empty name stands for bodies as they are.
pub(crate) fn accepted_codings(names: &[String]) -> Vec<Coding> {
    names.iter().filter_map(|name| Coding::from_header(name)).collect()
}

#[cfg(test)]
mod tests;
