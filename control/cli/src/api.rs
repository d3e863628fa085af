//! Asking the control plane.

use crate::arguments::Access;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use warren_http::client::Proxies;
use warren_http::tls::TlsClientConfig;
use warren_http::{Body, Client, ClientSettings};

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A way to the control plane.
pub(crate) struct Api {
    client: Client,
    url: String,
    token: HeaderValue,
    dry_run: bool,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) body: Value,
    /// The version of what was asked for.
    pub(crate) version: Option<HeaderValue>,
}

impl Api {
    pub(crate) fn new(access: &Access) -> Result<Self, String> {
        let token = match access.token.strip_prefix('@') {
            Some(path) => std::fs::read_to_string(path).map_err(|error| format!("token: {path}: {error}"))?,
            None => access.token.clone(),
        };
        if token.trim().is_empty() {
            return Err("a token is needed: set WARREN_TOKEN, or give --token (@PATH for a file)".to_owned());
        }
        let mut token = HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(|_| "the token is none".to_owned())?;
        token.set_sensitive(true);
        let mut tls = TlsClientConfig::default();
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        tls.common.ca_file = path(&access.ca);
        (tls.common.cert_file, tls.common.key_file) = (path(&access.cert), path(&access.cert_key));
        let settings = ClientSettings {
            tls,
            proxies: Proxies::from_environment(|name| std::env::var(name).ok()),
            timeout: PATIENCE,
            http2: false,
            ..ClientSettings::default()
        };
        let client = Client::new(settings).map_err(|error| error.to_string())?;
        Ok(Self { client, url: access.url.trim_end_matches('/').to_owned(), token, dry_run: access.dry_run })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask(Method::GET, path, None, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.ask(Method::POST, path, Some(body), None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value, version: Option<&HeaderValue>) -> Result<Answer, String> {
        self.ask(Method::PUT, path, Some(body), version).await
    }

    /// Sends a content as it is.
    pub(crate) async fn upload(&self, path: &str, content: Bytes) -> Result<Answer, String> {
        self.send(Method::PUT, path, Some((content, "application/octet-stream")), None).await
    }

    /// Whether nothing is to be changed.
    pub(crate) fn is_trial(&self) -> bool {
        self.dry_run
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, String> {
        self.ask(Method::DELETE, path, None, None).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        version: Option<&HeaderValue>,
    ) -> Result<Answer, String> {
        self.send(method, path, body.map(|body| (Bytes::from(body.to_string()), "application/json")), version).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(Bytes, &'static str)>,
        version: Option<&HeaderValue>,
    ) -> Result<Answer, String> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let trial = if self.dry_run && method != Method::GET { format!("{mark}dry_run=true") } else { String::new() };
        let url = format!("{}/api/v1{path}{trial}", self.url);
        let (body, kind) = body.unzip();
        let mut request = Request::new(body.unwrap_or_default());
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|_| format!("{url:?} is no URL"))?;
        request.headers_mut().insert(AUTHORIZATION, self.token.clone());
        if let Some(kind) = kind {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(version) = version {
            request.headers_mut().insert(IF_MATCH, version.clone());
        }
        let answer = self.sent(request).await?;
        let (status, version) = (answer.status(), answer.headers().get(ETAG).cloned());
        let text = answer.into_body().read(ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())?;
        let body: Value = serde_json::from_slice(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(Answer { body, version });
        }
        Err(told(status, &body))
    }

    /// Sends a request, and again if it was one too many in a short time.
    async fn sent(&self, request: Request<Bytes>) -> Result<Response<Body>, String> {
        let began = Instant::now();
        loop {
            let answer = self.client.send(request.clone()).await.map_err(|error| format!("{}: {error}", self.url))?;
            let wait = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
            match wait.map(Duration::from_secs) {
                Some(wait) if answer.status() == StatusCode::TOO_MANY_REQUESTS && began.elapsed() + wait < PATIENCE => {
                    tokio::time::sleep(wait).await;
                }
                _ => return Ok(answer),
            }
        }
    }
}

/// A problem in words: every fault on a line of its own.
fn told(status: StatusCode, body: &Value) -> String {
    let detail =
        body.get("detail").and_then(Value::as_str).map_or_else(|| format!("the control plane answered {status}"), str::to_owned);
    let faults = body.get("errors").and_then(Value::as_array).filter(|faults| faults.len() > 1);
    let lines = faults.into_iter().flatten().map(|fault| {
        let text = |key: &str| fault.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("\n  {}: {}", text("pointer"), text("message"))
    });
    detail + &lines.collect::<String>()
}
