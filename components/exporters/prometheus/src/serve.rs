//! Requests.

use crate::accept::{Accepted, takes_gzip};
use crate::page::Page;
use crate::store::Store;
use crate::text::Style;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, StatusCode};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use warren_component::BoxFuture;
use warren_http::server::{Handler, Reply, ReplyBody, Request, plain_error};

/// Pages that are written at a time.
pub(crate) const PAGES_MAX: usize = 16;

/// Pages below this size are not worth compressing.
const COMPRESSED_MIN: usize = 1400;

/// Shows a store.
pub(crate) struct Shop {
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) paths: Vec<String>,
    pub(crate) open_metrics: bool,
    pub(crate) timestamps: bool,
    pub(crate) room: Arc<Semaphore>,
}

impl Handler for Shop {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(std::future::ready(self.answer(request.head.uri.path(), &request.head.headers)))
    }

    fn refuse(&self, _head: &http::request::Parts, status: StatusCode, message: &str) -> Reply {
        let mut reply = plain_error(status, message);
        if status == StatusCode::UNAUTHORIZED {
            // Else no browser asks for a password.
            reply.headers_mut().insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"metrics\""));
        }
        reply
    }
}

impl Shop {
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Reply {
        if !self.paths.iter().any(|own| own == path) {
            return plain_error(StatusCode::NOT_FOUND, "404 page not found");
        }
        let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
            let message = format!("Limit of concurrent requests reached ({PAGES_MAX}), try again later.");
            return plain_error(StatusCode::SERVICE_UNAVAILABLE, &message);
        };
        let accepted = Accepted::new(&all(headers, ACCEPT), self.open_metrics);
        let mut page = Page::new(Arc::clone(&self.store), Style { accepted, timestamps: self.timestamps }, room);
        let mut reply = Reply::default();
        let content_type = HeaderValue::try_from(accepted.content_type());
        reply.headers_mut().insert(CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("text/plain")));
        reply.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        let gzip = takes_gzip(&all(headers, ACCEPT_ENCODING));
        if !(gzip && page.is_larger_than(COMPRESSED_MIN))
            && let Some(whole) = page.whole()
        {
            *reply.body_mut() = ReplyBody::from(whole);
            return reply;
        }
        if gzip {
            page.compress();
            reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *reply.body_mut() = ReplyBody::stream(page);
        reply
    }
}

/// All values of a header.
fn all(headers: &HeaderMap, name: HeaderName) -> String {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",")
}
