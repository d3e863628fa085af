//! How a call ended.

use crate::server::{Reply, ReplyBody};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use warren_component::Code;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_STATUS_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// What a `grpc-message` header cannot hold as it is.
const MESSAGE: &AsciiSet = &CONTROLS.add(b'%');

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The kind of failure.
    pub code: Code,
    /// What happened. Holds no secrets.
    pub message: String,
    /// More about it as an encoded `google.rpc.Status`; empty for nothing more.
    pub details: Vec<u8>,
}

impl Status {
    /// A failure in words.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// A path that names no method of these services, in grpc-go's words.
    pub fn unknown_method(path: &str, services: &[&str]) -> Self {
        let message = match path.trim_start_matches('/').rsplit_once('/') {
            None => format!("malformed method name: {path:?}"),
            Some((service, method)) if services.contains(&service) => format!("unknown method {method} for service {service}"),
            Some((service, _)) => format!("unknown service {service}"),
        };
        Self::new(Code::Unimplemented, message)
    }

    /// The reply that says so: headers alone.
    pub(super) fn reply(&self) -> Reply {
        let mut reply = Reply::new(ReplyBody::default());
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(GRPC_STATUS, HeaderValue::from(self.code as i32));
        let message = percent_encode(self.message.as_bytes(), MESSAGE).to_string();
        if let Ok(message) = HeaderValue::try_from(message) {
            headers.insert(GRPC_MESSAGE, message);
        }
        if let (false, Ok(details)) = (self.details.is_empty(), HeaderValue::try_from(STANDARD_NO_PAD.encode(&self.details))) {
            headers.insert(GRPC_STATUS_DETAILS, details);
        }
        reply
    }
}

/// The reply to a call that went well.
pub(super) fn success(message: &[u8]) -> Reply {
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.push(0);
    framed.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    framed.extend_from_slice(message);
    let trailers =
        HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0")), (GRPC_MESSAGE, HeaderValue::from_static(""))]);
    let mut reply = Reply::new(ReplyBody::with_trailers(Bytes::from(framed), trailers));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_text_fits_into_a_header() {
        let reply = Status::new(Code::Unavailable, "50% ü\nend").reply();
        assert_eq!(reply.headers()[GRPC_MESSAGE], "50%25 %C3%BC%0Aend");
        assert_eq!(reply.headers()[GRPC_STATUS], "14");
    }

    #[test]
    fn unknown_paths_are_told_in_the_words_of_grpc_go() {
        let message = |path| Status::unknown_method(path, &["a.B"]).message;
        assert_eq!(message("/a.B/C"), "unknown method C for service a.B");
        assert_eq!(message("/x.Y/C"), "unknown service x.Y");
        assert_eq!(message("/nothing"), "malformed method name: \"/nothing\"");
    }
}
