//! Replies.

use super::watch::InFlight;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A reply.
pub type Reply = Response<ReplyBody>;

/// The body of a reply.
pub struct ReplyBody {
    kind: Kind,
    /// Makes the request count as in flight until its reply is sent.
    in_flight: Option<InFlight>,
}

enum Kind {
    Whole { data: Option<Bytes>, trailers: Option<HeaderMap> },
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = Infallible> + Send>>),
}

impl ReplyBody {
    /// A body that is made as it is sent.
    pub fn stream(body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static) -> Self {
        Kind::Stream(Box::pin(body)).into()
    }

    /// A body followed by trailers.
    pub fn with_trailers(data: Bytes, trailers: HeaderMap) -> Self {
        Kind::Whole { data: Some(data).filter(|data| !data.is_empty()), trailers: Some(trailers) }.into()
    }

    pub(super) fn holding(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }
}

impl From<Kind> for ReplyBody {
    fn from(kind: Kind) -> Self {
        Self { kind, in_flight: None }
    }
}

impl From<Bytes> for ReplyBody {
    fn from(data: Bytes) -> Self {
        Kind::Whole { data: Some(data).filter(|data| !data.is_empty()), trailers: None }.into()
    }
}

impl From<Vec<u8>> for ReplyBody {
    fn from(data: Vec<u8>) -> Self {
        Bytes::from(data).into()
    }
}

impl From<String> for ReplyBody {
    fn from(data: String) -> Self {
        Bytes::from(data).into()
    }
}

impl From<&'static str> for ReplyBody {
    fn from(data: &'static str) -> Self {
        Bytes::from(data).into()
    }
}

impl Default for ReplyBody {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.kind {
            Kind::Stream(body) => body.as_mut().poll_frame(cx),
            Kind::Whole { data, trailers } => {
                let frame = data.take().map(Frame::data).or_else(|| trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stream(body) => body.is_end_stream(),
            Kind::Whole { data, trailers } => data.is_none() && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Stream(body) => body.size_hint(),
            Kind::Whole { data, .. } => SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64)),
        }
    }
}

/// An error as text, in the form of Go's `http.Error`.
pub fn plain_error(status: StatusCode, message: &str) -> Reply {
    let mut reply = Reply::new(format!("{message}\n").into());
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    reply
}
