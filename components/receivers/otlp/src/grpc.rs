//! OTLP over gRPC.

use crate::intake::{Failure, Intake};
use warren_component::{BoxFuture, Code};
use warren_http::grpc::{Call, GrpcHandler, Status};
use warren_otlp::PartialSuccess;
use warren_pdata::Signal;

/// Answers OTLP calls.
pub(crate) struct OtlpGrpc {
    pub(crate) intake: Intake,
}

impl GrpcHandler for OtlpGrpc {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, Status>> {
        Box::pin(async move {
            let path = call.head.uri.path();
            let called =
                |signal: &Signal| path.strip_prefix('/').and_then(|path| path.strip_prefix(service(*signal))) == Some("/Export");
            let Some(way) = self.intake.signals().find(called).and_then(|signal| self.intake.way(signal)) else {
                let services: Vec<&str> = self.intake.signals().map(service).collect();
                return Err(Status::unknown_method(path, &services));
            };
            let client = self.intake.client(&call.head, call.peer, call.identity.clone());
            way.admit(0).map_err(status)?;
            let message = call.message().await?;
            way.admit(message.len() as u64).map_err(status)?;
            let batch = way
                .decode(&message)
                .map_err(|error| Status::new(Code::Internal, format!("grpc: error unmarshalling request: {error}")))?;
            // What was read is not held while the pipelines work.
            drop(message);
            way.take(batch, client).await.map_err(status)?;
            Ok(PartialSuccess::default().to_proto())
        })
    }
}

/// The service that takes a signal.
fn service(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "opentelemetry.proto.collector.trace.v1.TraceService",
        Signal::Metrics => "opentelemetry.proto.collector.metrics.v1.MetricsService",
        Signal::Logs => "opentelemetry.proto.collector.logs.v1.LogsService",
    }
}

fn status(failure: Failure) -> Status {
    let details = if failure.status.details.is_empty() { Vec::new() } else { failure.status.to_proto() };
    Status { details, ..Status::new(failure.code, failure.status.message) }
}
