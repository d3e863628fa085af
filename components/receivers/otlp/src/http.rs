//! OTLP over HTTP.

use crate::config::HttpConfig;
use crate::intake::{Failure, Intake, Way};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use warren_component::{BoxFuture, Code};
use warren_http::server::{BodyError, Handler, Reply, Request, plain_error};
use warren_otlp::{PartialSuccess, decode_json};

/// Answers OTLP requests.
pub(crate) struct OtlpHttp {
    pub(crate) config: HttpConfig,
    pub(crate) intake: Intake,
}

/// How the messages of a request and its reply are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

impl Handler for OtlpHttp {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let way = self.config.signal(request.head.uri.path()).and_then(|signal| self.intake.way(signal));
            let Some(way) = way else { return plain_error(StatusCode::NOT_FOUND, "404 page not found") };
            if request.head.method != Method::POST {
                return text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed, supported: [POST]");
            }
            let Some(encoding) = Encoding::of(&request.head.headers) else {
                return text(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "415 unsupported media type, supported: [application/json, application/x-protobuf]",
                );
            };
            match self.export(way, encoding, request).await {
                Ok(()) => {
                    let success = PartialSuccess::default();
                    let body = match encoding {
                        Encoding::Protobuf => success.to_proto(),
                        Encoding::Json => success.to_json(way.signal),
                    };
                    encoding.reply(StatusCode::OK, body)
                }
                Err((status, failure)) => encoding.refusal(status, &failure),
            }
        })
    }

    /// Answers in the encoding of the request; one of another media type in JSON.
    fn refuse(&self, head: &Parts, status: StatusCode, message: &str) -> Reply {
        let encoding = Encoding::of(&head.headers).unwrap_or(Encoding::Json);
        let code = match status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::BAD_REQUEST => Code::InvalidArgument,
            _ => Code::Unknown,
        };
        encoding.refusal(status, &Failure::new(code, message))
    }
}

impl OtlpHttp {
    async fn export(&self, way: &Way, encoding: Encoding, request: Request) -> Result<(), (StatusCode, Failure)> {
        let of_consumer = |failure: Failure| (status_of(failure.code), failure);
        way.admit(request.announced().unwrap_or_default()).map_err(of_consumer)?;
        let client = self.intake.client(&request.head, request.peer, request.identity.clone());
        let body = request.body().await.map_err(|error| (error.status(), Failure::new(code_of(&error), error.to_string())))?;
        way.admit(body.len() as u64).map_err(of_consumer)?;
        let decoded = match encoding {
            Encoding::Protobuf => way.decode(&body),
            Encoding::Json => decode_json(way.signal, &body),
        };
        let batch = decoded.map_err(|error| (StatusCode::BAD_REQUEST, Failure::new(Code::InvalidArgument, error.to_string())))?;
        // What was read is not held while the pipelines work.
        drop(body);
        way.take(batch, client).await.map_err(of_consumer)
    }
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let mut parts = media_type.split(';');
        let name = parts.next()?.trim();
        // A parameter without a value makes Go refuse the whole.
        if !parts.all(|parameter| parameter.trim().is_empty() || parameter.contains('=')) {
            return None;
        }
        [Self::Protobuf, Self::Json].into_iter().find(|encoding| encoding.media_type().eq_ignore_ascii_case(name))
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    fn reply(self, status: StatusCode, body: Vec<u8>) -> Reply {
        let mut reply = Reply::new(body.into());
        *reply.status_mut() = status;
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type()));
        reply
    }

    fn refusal(self, status: StatusCode, failure: &Failure) -> Reply {
        let body = match self {
            Self::Protobuf => failure.status.to_proto(),
            Self::Json => failure.status.to_json(),
        };
        let mut reply = self.reply(status, body);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
            && let Some(wait) = failure.status.retry_delay()
        {
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        reply
    }
}

/// Upstream's table.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::DeadlineExceeded | Code::Aborted | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        Code::Unknown | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn code_of(error: &BodyError) -> Code {
    match error {
        BodyError::Coding(_) | BodyError::Broken(_) => Code::InvalidArgument,
        BodyError::Timeout => Code::DeadlineExceeded,
        BodyError::Busy => Code::Unavailable,
    }
}

fn text(status: StatusCode, message: &'static str) -> Reply {
    let mut reply = Reply::new(message.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    reply
}
