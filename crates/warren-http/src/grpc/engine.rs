//! From requests to calls and back.

use super::GrpcHandler;
use super::config::GrpcServerConfig;
use super::frame;
use super::status::{Status, success};
use crate::coding::Coding;
use crate::server::{BODIES_MAX, BodyError, Budget, Engine, Held, Payload, Peer, Reply, next_chunk};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use warren_component::{BuildContext, BuildError, Code, Identity, ServerAuth};
use warren_telemetry::{Counter, Logger};

/// A call, with its message yet to be read.
pub struct Call {
    /// Path and metadata.
    pub head: Parts,
    /// Who calls.
    pub peer: Peer,
    /// Who that is, if the server authenticates.
    pub identity: Option<Identity>,
    body: Incoming,
    coding: Coding,
    message_size_max: usize,
    deadline: Option<Instant>,
    budget: Budget,
}

impl Call {
    /// Reads and decompresses the message.
    ///
    /// # Errors
    /// When it is larger than the server allows, corrupt, cut short or slow, not alone, or the server holds too many already.
    pub async fn message(mut self) -> Result<Payload, Status> {
        let (frame, held) = self.frame().await?;
        match frame::message(&frame, self.coding, self.message_size_max)? {
            None => Ok(Payload::new(frame.slice(frame::PREFIX..), held)),
            Some(message) => {
                drop((frame, held));
                let held = self.budget.hold(message.len()).map_err(status)?;
                Ok(Payload::new(message.into(), held))
            }
        }
    }

    /// The only frame of the call.
    async fn frame(&mut self) -> Result<(Bytes, Held), Status> {
        let max = self.message_size_max;
        let mut held = self.budget.hold(0).map_err(status)?;
        let mut frame = Vec::new();
        while let Some(data) = next_chunk(&mut self.body, self.deadline).await.map_err(status)? {
            if frame.capacity() == 0 && data.len() == frame::length(&data, max)? && self.body_ended() {
                // A message in one piece is not copied.
                held.grow(&self.budget, data.len()).map_err(status)?;
                return Ok((data, held));
            }
            let length = frame.len() + data.len();
            held.grow(&self.budget, length).map_err(status)?;
            frame.extend_from_slice(&data);
            if length > frame::length(&frame, max)? {
                let message = "cardinality violation: expected <EOF> for non client-streaming RPCs, but received another message";
                return Err(Status::new(Code::Internal, message));
            }
        }
        Ok((frame.into(), held))
    }

    fn body_ended(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }
}

/// The engine of a gRPC server.
pub(super) struct Dispatch {
    handler: Arc<dyn GrpcHandler>,
    auth: Option<Arc<dyn ServerAuth>>,
    message_size_max: usize,
    budget: Budget,
    connections_refused: Counter,
    log: Logger,
}

impl Dispatch {
    pub(super) fn new(config: &GrpcServerConfig, cx: &BuildContext, handler: Arc<dyn GrpcHandler>) -> Result<Self, BuildError> {
        let auth = match config.auth.as_ref().and_then(|auth| auth.authenticator.as_ref()) {
            Some(id) => Some(cx.extensions.server_auth(id)?),
            None => None,
        };
        let message_size_max = config.message_size_max();
        Ok(Self {
            handler,
            auth,
            message_size_max,
            budget: Budget::new(BODIES_MAX.max(message_size_max.saturating_mul(2)), Budget::counter(cx)),
            connections_refused: crate::server::connections_delayed(cx),
            log: cx.telemetry.log.clone(),
        })
    }

    async fn call(&self, head: Parts, body: Incoming, peer: Peer) -> Result<Vec<u8>, Status> {
        let identity = match &self.auth {
            None => None,
            Some(auth) => {
                let checked = auth.authenticate(&head.headers).await;
                Some(checked.map_err(|error| Status::new(Code::Unauthenticated, error.to_string()))?)
            }
        };
        let named = head.headers.get("grpc-encoding").map_or("", |value| value.to_str().unwrap_or("?"));
        let coding = frame::coding(named)?;
        let deadline = head.headers.get("grpc-timeout").and_then(|value| time_left(value.to_str().ok()?));
        let deadline = deadline.and_then(|left| Instant::now().checked_add(left));
        let call = Call {
            head,
            peer,
            identity,
            body,
            coding,
            message_size_max: self.message_size_max,
            deadline,
            budget: self.budget.clone(),
        };
        let answer = self.handler.call(call);
        match deadline {
            None => answer.await,
            Some(deadline) => {
                let exceeded = |_| Err(Status::new(Code::DeadlineExceeded, "context deadline exceeded"));
                timeout_at(deadline, answer).await.unwrap_or_else(exceeded)
            }
        }
    }
}

impl Engine for Dispatch {
    async fn respond(self: Arc<Self>, request: http::Request<Incoming>, peer: Peer) -> Reply {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            let message = format!("Received a HEADERS frame with :method {:?} which should be POST", head.method.as_str());
            let mut reply = Status::new(Code::Internal, message).reply();
            *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return reply;
        }
        let content_type = head.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
        if !is_grpc(content_type) {
            let message = format!("invalid gRPC request content-type {content_type:?}");
            let mut reply = Status::new(Code::InvalidArgument, message).reply();
            *reply.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return reply;
        }
        match self.call(head, body, peer).await {
            Ok(message) => success(&message),
            Err(status) => status.reply(),
        }
    }

    fn connection_refused(&self) {
        self.connections_refused.add(1);
        self.log.warn("Too many connections; closing the one idle longest", &[]);
    }

    fn fault(&self, message: &str) {
        self.log.error(message, &[]);
    }
}

fn is_grpc(content_type: &str) -> bool {
    let rest = content_type.to_ascii_lowercase();
    rest.strip_prefix("application/grpc").is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// What a `grpc-timeout` header says: at most eight digits and a unit.
fn time_left(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// A body that could not be had, as a status.
fn status(error: BodyError) -> Status {
    let code = match &error {
        BodyError::Coding(_) | BodyError::Broken(_) => Code::Internal,
        BodyError::Timeout => Code::DeadlineExceeded,
        BodyError::Busy => Code::Unavailable,
    };
    Status::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_a_unit() {
        assert_eq!(time_left("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(time_left("5m"), Some(Duration::from_millis(5)));
        for wrong in ["", "5", "m", "+5m", "123456789S", "5s", "5ü"] {
            assert_eq!(time_left(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn content_types_of_grpc_begin_with_its_name() {
        assert!(is_grpc("application/grpc") && is_grpc("application/grpc+proto") && is_grpc("application/grpc;x=y"));
        assert!(!is_grpc("application/grpc-web") && !is_grpc("application/json") && !is_grpc(""));
    }
}
