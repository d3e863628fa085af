//! What a reply means for the data that was sent.
//!
//! | Reply | Meaning |
//! |---|---|
//! | 2xx | taken; the body may say that some items were rejected |
//! | 429, 502, 503, 504 | to be sent again; with 429 and 503 after `Retry-After` where there is one |
//! | anything else | refused for good |

use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use std::time::SystemTime;
use warren_component::{Code, ConsumeError};
use warren_delivery::Outcome;
use warren_http::client::Body;
use warren_http::retry_after;
use warren_otlp::{DecodeError, PartialSuccess, RpcStatus};
use warren_pdata::Signal;

/// The content type of protobuf.
pub(crate) const PROTOBUF: &str = "application/x-protobuf";

/// The content type of JSON.
pub(crate) const JSON: &str = "application/json";

/// Bytes of a reply that are read.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Reads a reply so far that its connection can serve again. `url` is for messages.
pub(crate) async fn read(signal: Signal, url: &str, reply: Response<Body>, now: SystemTime) -> Outcome {
    if reply.status().is_success() { taken(signal, reply).await } else { Outcome::Failed(refused(url, reply, now).await) }
}

/// Everything was taken, unless the body says otherwise. A body that cannot be understood makes the batch a failure that is not sent again, as
/// it would then be there twice.
async fn taken(signal: Signal, reply: Response<Body>) -> Outcome {
    let kind = reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    // One that breaks off, or is far too large, says nothing.
    let body = reply.into_body().read(BODY_BYTES_MAX).await.unwrap_or_default();
    if body.is_empty() {
        return Outcome::Sent;
    }
    let unreadable = |encoding: &str, error: DecodeError| {
        Outcome::Failed(ConsumeError::permanent(format!("error parsing {encoding} response: {error}")))
    };
    let partial = match kind.as_str() {
        PROTOBUF => PartialSuccess::from_proto(&body).map_err(|error| unreadable("protobuf", error)),
        JSON => PartialSuccess::from_json(signal, &body).map_err(|error| unreadable("json", error)),
        _ => return Outcome::Sent,
    };
    match partial {
        Ok(partial) if partial.is_empty() => Outcome::Sent,
        Ok(partial) => {
            Outcome::Partial { rejected: u64::try_from(partial.rejected).unwrap_or_default(), message: partial.message }
        }
        Err(failure) => failure,
    }
}

async fn refused(url: &str, reply: Response<Body>, now: SystemTime) -> ConsumeError {
    let status = reply.status();
    let pause = retry_after(reply.headers(), now);
    let body = reply.into_body().read_start(BODY_BYTES_MAX).await;
    let (code, name) = code(status);
    let mut text = format!(
        "rpc error: code = {name} desc = error exporting items, request to {url} responded with HTTP Status Code {}",
        status.as_u16()
    );
    // The body of an error is a status in protobuf, whatever the request was.
    let told = RpcStatus::from_proto(&body).ok().filter(|_| status.is_client_error() || status.is_server_error());
    if let Some(told) = told {
        let details: Vec<String> = told.details.iter().map(ToString::to_string).collect();
        text += &format!(", Message={}, Details=[{}]", told.message, details.join(" "));
    }
    let throttles = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let passes = throttles || matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
    if !passes {
        return ConsumeError::permanent(text).with_code(code);
    }
    let error = ConsumeError::retryable(text).with_code(code);
    match pause.filter(|_| throttles) {
        Some(pause) => error.after(pause),
        None => error,
    }
}

/// The code of gRPC for a status, and its name.
fn code(status: StatusCode) -> (Code, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => (Code::InvalidArgument, "InvalidArgument"),
        StatusCode::UNAUTHORIZED => (Code::Unauthenticated, "Unauthenticated"),
        StatusCode::FORBIDDEN => (Code::PermissionDenied, "PermissionDenied"),
        StatusCode::NOT_FOUND => (Code::Unimplemented, "Unimplemented"),
        StatusCode::TOO_MANY_REQUESTS => (Code::ResourceExhausted, "ResourceExhausted"),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            (Code::Unavailable, "Unavailable")
        }
        _ => (Code::Unknown, "Unknown"),
    }
}
