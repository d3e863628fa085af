//! The running receiver.

use crate::Config;
use crate::grpc::OtlpGrpc;
use crate::http::OtlpHttp;
use crate::intake::Intake;
use std::any::Any;
use std::sync::Arc;
use warren_component::{
    BoxFuture, BuildContext, BuildError, MemoryBound, Outputs, Receiver, ReceiverConfig, RunContext, RunError, Stop,
};
use warren_http::grpc::{GrpcServer, GrpcServerConfig};
use warren_http::server::{ListenError, ServeError, Server, Sockets, Transport};
use warren_otlp::KnownSets;
use warren_pdata::Signal;
use warren_telemetry::{Field, Logger};

struct Otlp {
    grpc: Option<(String, GrpcServer)>,
    http: Option<(String, Server)>,
    sockets: Sockets,
    log: Logger,
}

impl ReceiverConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        let grpc = self.grpc().map(GrpcServerConfig::memory);
        let http = self.http().map(|http| http.server.memory(true));
        let sets = || MemoryBound::new("known attribute sets", (KnownSets::BYTES_MAX * Signal::ALL.len()) as u64);
        let protocols = grpc.into_iter().chain(http);
        protocols.flat_map(|bounds| bounds.into_iter().chain([sets()])).collect()
    }

    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError> {
        let inherited = cx.inherited.take::<Sockets>().unwrap_or_default();
        let mut sockets = Sockets::default();
        let unbound = |error: ListenError| BuildError::new(error.to_string());
        let grpc = match self.grpc() {
            None => None,
            Some(config) => {
                let listener = sockets.listen(&inherited, config.transport, &config.endpoint).map_err(unbound)?;
                let intake = Intake::new(&cx, &outputs, "grpc", config.include_metadata);
                let server = GrpcServer::new(config, &cx, listener, Arc::new(OtlpGrpc { intake }))?;
                Some((config.endpoint.clone(), server))
            }
        };
        let http = match self.http() {
            None => None,
            Some(config) => {
                let listener = sockets.listen(&inherited, Transport::Tcp, &config.server.endpoint).map_err(unbound)?;
                let intake = Intake::new(&cx, &outputs, "http", config.server.include_metadata);
                let handler = Arc::new(OtlpHttp { config: config.clone(), intake });
                Some((config.server.endpoint.clone(), Server::new(&config.server, &cx, listener, handler)?))
            }
        };
        Ok(Box::new(Otlp { grpc, http, sockets, log: cx.telemetry.log.clone() }))
    }
}

impl Receiver for Otlp {
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            let Self { grpc, http, sockets, log } = *self;
            // The servers have their own hold on the sockets, and close them when they stop.
            drop(sockets);
            let stop = |error: ServeError| RunError(error.to_string());
            let grpc = serve(grpc, "Starting GRPC server", &log, |server: GrpcServer, stop| server.serve(stop), cx.stop.clone());
            let http = serve(http, "Starting HTTP server", &log, |server: Server, stop| server.serve(stop), cx.stop.clone());
            tokio::try_join!(grpc, http).map(|_| ()).map_err(stop)
        })
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.sockets.clone()))
    }
}

/// Serves one protocol, if it is wanted.
async fn serve<S, F>(
    server: Option<(String, S)>,
    message: &str,
    log: &Logger,
    run: impl FnOnce(S, Stop) -> F,
    stop: Stop,
) -> Result<(), ServeError>
where
    F: Future<Output = Result<(), ServeError>>,
{
    let Some((endpoint, server)) = server else { return Ok(()) };
    log.info(message, &[("endpoint", Field::Str(&endpoint))]);
    run(server, stop).await
}
