//! What an answer means for the data that was sent.
//!
//! | Answer | Meaning |
//! |---|---|
//! | 2xx | taken |
//! | 5xx, 429, no answer | to be sent again, after `Retry-After` where there is one |
//! | anything else | refused for good. Mimir answers 400 also when it took a part of the request: it says what it left out, and sending again would not change that |

use http::{Response, StatusCode};
use std::time::SystemTime;
use warren_component::{Code, ConsumeError};
use warren_http::client::Body;
use warren_http::{Error, retry_after};

/// Bytes of an answer's body that an error shows.
const SHOWN_BYTES_MAX: usize = 256;

/// Reads an answer so far that its connection can serve again.
pub(crate) async fn read(reply: Response<Body>, now: SystemTime) -> Result<(), ConsumeError> {
    let status = reply.status();
    let pause = retry_after(reply.headers(), now);
    let body = reply.into_body().read_start(SHOWN_BYTES_MAX).await;
    if status.is_success() {
        return Ok(());
    }
    let text = format!("remote write returned HTTP status {status}; err = <nil>: {}", String::from_utf8_lossy(&body));
    if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Err(ConsumeError::permanent(text).with_code(code(status)));
    }
    let error = ConsumeError::retryable(text).with_code(code(status));
    Err(match pause {
        Some(pause) => error.after(pause),
        None => error,
    })
}

/// The meaning of no answer.
pub(crate) fn of_transport(error: &Error) -> ConsumeError {
    match error.is_retryable() {
        true => ConsumeError::retryable(error.to_string()).with_code(Code::Unavailable),
        false => ConsumeError::permanent(error.to_string()),
    }
}

/// The kind of failure, for receivers that wait for the outcome.
fn code(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::InvalidArgument,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        status if status.is_server_error() => Code::Unavailable,
        _ => Code::Unknown,
    }
}
