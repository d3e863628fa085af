//! A server for unary gRPC, as the OTLP receiver needs it.
//!
//! [`GrpcServerConfig`] is the block of settings that upstream's receivers have (`configgrpc.ServerConfig`). A [`GrpcServer`] reads one
//! message per call, within the size allowed before and after decompression, and sends one message or a [`Status`] back. Connections are
//! served as those of [`crate::server`], with the same bounds.

mod config;
mod engine;
mod frame;
mod status;

pub use config::{
    Dialer, EnforcementPolicy, GrpcAuthConfig, GrpcServerConfig, Keepalive as KeepaliveConfig,
    ServerParameters as KeepaliveParameters,
};
pub use engine::Call;
pub use status::Status;

use crate::error::SetupError;
use crate::server::{Listener, ServeError, Serving, serve};
use crate::tls::ServerTls;
use engine::Dispatch;
use std::sync::Arc;
use warren_component::{BoxFuture, BuildContext, BuildError, Stop};

/// Answers calls.
pub trait GrpcHandler: Send + Sync + 'static {
    /// Answers one call with a message. The call's message is read when the handler asks for it; for a path that it does not know it
    /// returns [`Status::unknown_method`] with the services it has.
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, Status>>;
}

/// A gRPC server that is ready to serve.
pub struct GrpcServer {
    serving: Serving,
    engine: Arc<Dispatch>,
}

impl GrpcServer {
    /// A server of these settings on a socket.
    ///
    /// # Errors
    /// When the authenticator does not exist or cannot check calls, or TLS cannot be used as configured.
    pub fn new(
        config: &GrpcServerConfig,
        cx: &BuildContext,
        listener: Listener,
        handler: Arc<dyn GrpcHandler>,
    ) -> Result<Self, BuildError> {
        let tls = config.tls.clone().map(|tls| ServerTls::new(tls, &[b"h2"])).transpose();
        let tls = tls.map_err(SetupError::from)?.map(Arc::new);
        let engine = Arc::new(Dispatch::new(config, cx, handler)?);
        let serving = Serving { listener, tls, protocols: config.protocols(), bounds: config.bounds() };
        Ok(Self { serving, engine })
    }

    /// Serves until asked to stop: then no more connections are accepted, and calls in flight are answered until the drain deadline.
    ///
    /// # Errors
    /// When the socket fails for good.
    pub async fn serve(self, stop: Stop) -> Result<(), ServeError> {
        serve(self.serving, self.engine, stop).await
    }
}

#[cfg(test)]
mod tests;
