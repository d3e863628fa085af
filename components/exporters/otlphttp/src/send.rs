//! One request per batch.

use crate::answer;
use crate::config::Encoding;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::SystemTime;
use warren_component::{BoxFuture, Code, ConsumeError};
use warren_delivery::{Outcome, Progress, Sender};
use warren_http::Client;
use warren_pdata::Batch;
use warren_telemetry::{Field, Logger};

/// Posts batches.
pub(crate) struct OtlpHttp {
    client: Client,
    url: Uri,
    /// The URL without what may be secret in it.
    shown: String,
    encoding: Encoding,
    /// Bytes of the last body: the next one will hardly be much larger.
    size: AtomicUsize,
    log: Logger,
}

impl OtlpHttp {
    pub(crate) fn new(client: Client, url: Uri, encoding: Encoding, log: Logger) -> Self {
        let shown = shown(&url);
        Self { client, url, shown, encoding, size: AtomicUsize::new(0), log }
    }

    async fn post(&self, batch: &Batch) -> Outcome {
        self.log.debug("Preparing to make HTTP request", &[("url", Field::Str(&self.shown))]);
        let mut request = Request::new(self.encode(batch).into());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let content = match self.encoding {
            Encoding::Proto => answer::PROTOBUF,
            Encoding::Json => answer::JSON,
        };
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
        match self.client.send(request).await {
            Ok(reply) => answer::read(batch.signal(), &self.shown, reply, SystemTime::now()).await,
            Err(error) => {
                let text = format!("failed to make an HTTP request: {error}");
                Outcome::Failed(match error.is_retryable() {
                    true => ConsumeError::retryable(text).with_code(Code::Unavailable),
                    false => ConsumeError::permanent(text),
                })
            }
        }
    }

    fn encode(&self, batch: &Batch) -> Vec<u8> {
        // A body that is a little larger than the last one shall not make the room grow, which moves all of it.
        let last = self.size.load(Relaxed);
        let mut body = Vec::with_capacity(last + last / 16);
        match self.encoding {
            Encoding::Proto => warren_otlp::encode_request(batch, &mut body),
            Encoding::Json => warren_otlp::encode_json(batch, &mut body),
        }
        self.size.store(body.len(), Relaxed);
        body
    }
}

impl Sender for OtlpHttp {
    fn send<'a>(&'a self, batch: &'a Batch, _progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(self.post(batch))
    }
}

/// A URL for messages: without user, password and query.
fn shown(url: &Uri) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default(), url.path())
}
