//! Requests on their way, and what their answers mean.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use std::time::SystemTime;
use warren_component::{BoxFuture, BuildContext, BuildError, Code, ConsumeError};
use warren_delivery::{Outcome, Progress, Sender};
use warren_http::coding::Coding;
use warren_http::{Client, ClientConfig, retry_after};
use warren_pdata::{Batch, Metrics};
use warren_remotewrite::{Encoding, Limits, Part, Protocol, Step, Translation};
use warren_telemetry::{Counter, Field, Logger};

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// Bytes of an answer's body that an error shows.
const ANSWER_BYTES_MAX: usize = 256;

/// Sends batches as remote write requests.
pub(crate) struct RemoteWrite {
    client: Client,
    endpoint: Uri,
    headers: HeaderMap,
    translation: Translation,
    limits: Limits,
    log: Logger,
    requests: Counter,
    series: Counter,
    failures: Counter,
}

impl RemoteWrite {
    pub(crate) fn new(
        client: &ClientConfig,
        cx: &BuildContext,
        translation: Translation,
        limits: Limits,
    ) -> Result<Self, BuildError> {
        let endpoint = client.endpoint.parse().map_err(|_| BuildError::new("invalid endpoint"))?;
        // Bodies are compressed as they are made.
        let client = ClientConfig { compression: Coding::Identity, ..client.clone() }.client(cx)?;
        let mut headers = HeaderMap::new();
        let (content, version) = match limits.protocol {
            Protocol::V1 => ("application/x-protobuf", "0.1.0"),
            Protocol::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(VERSION, HeaderValue::from_static(version));
        let agent = format!("{}/{}", cx.build.description.to_lowercase().replace(' ', "-"), cx.build.version);
        headers.insert(USER_AGENT, HeaderValue::try_from(agent).unwrap_or(HeaderValue::from_static("warren")));
        let id = cx.id.to_string();
        let labels = [("exporter", id.as_str())];
        let counter = |name: &str, help| {
            cx.telemetry.registry.counter(&format!("otelcol_exporter_prometheusremotewrite_{name}"), help, &labels)
        };
        Ok(Self {
            client,
            endpoint,
            headers,
            translation,
            limits,
            log: cx.telemetry.log.clone(),
            requests: counter(
                "sent_batches",
                "Number of remote write request batches sent to the remote write endpoint regardless of success or failure",
            ),
            series: counter("translated_time_series", "Number of Prometheus time series that were translated from OTel metrics"),
            failures: counter(
                "failed_translations",
                "Number of translation operations that failed to translate metrics from Otel to Prometheus",
            ),
        })
    }

    async fn send_metrics(&self, metrics: &Metrics, progress: &mut Progress) -> Outcome {
        let mut encoding = Encoding::new(metrics, &self.translation, self.limits);
        if progress.is_untouched() && encoding.failures().metrics > 0 {
            let failures = encoding.failures();
            self.failures.add(failures.metrics);
            let reasons = failures.reasons.join("; ");
            self.log.debug("failed to translate metrics, exporting remaining metrics", &[("error", Field::Str(&reasons))]);
        }
        let mut open = progress.open(0);
        encoding.seek(open.clone());
        loop {
            match encoding.step() {
                Ok(Step::Busy) => tokio::task::yield_now().await,
                Ok(Step::Part(part)) => {
                    self.series.add(part.series);
                    let positions = part.positions.clone();
                    let items = part.items;
                    match self.post(part).await {
                        Ok(()) => progress.sent(positions, items),
                        Err(error) if error.permanent => progress.dropped(positions, items, error),
                        Err(error) => return Outcome::Failed(error),
                    }
                }
                Ok(Step::End) if open.end == u64::MAX => return Outcome::Sent,
                Ok(Step::End) => {
                    open = progress.open(open.end);
                    encoding.seek(open.clone());
                }
                Err(error) => return Outcome::Failed(ConsumeError::permanent(error.to_string())),
            }
        }
    }

    /// Sends one request.
    async fn post(&self, part: Part) -> Result<(), ConsumeError> {
        self.requests.add(1);
        let mut request = Request::new(part.body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = self.headers.clone();
        let reply = self.client.send(request).await.map_err(|error| match error.is_retryable() {
            true => ConsumeError::retryable(error.to_string()).with_code(Code::Unavailable),
            false => ConsumeError::permanent(error.to_string()),
        })?;
        let status = reply.status();
        if status.is_success() {
            // Read to its end, so that the connection serves again; what stands in it says nothing.
            let _ = reply.into_body().read_start(ANSWER_BYTES_MAX).await;
            return Ok(());
        }
        let wait = retry_after(reply.headers(), SystemTime::now());
        let body = reply.into_body().read_start(ANSWER_BYTES_MAX).await;
        let text = format!("remote write returned HTTP status {status}: {}", String::from_utf8_lossy(&body).trim_end());
        if !(status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS) {
            return Err(ConsumeError::permanent(text));
        }
        let error = ConsumeError::retryable(text).with_code(Code::Unavailable);
        Err(match wait {
            Some(wait) => error.after(wait),
            None => error,
        })
    }
}

impl Sender for RemoteWrite {
    fn send<'a>(&'a self, batch: &'a Batch, progress: &'a mut Progress) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match batch {
                Batch::Metrics(metrics) => self.send_metrics(metrics, progress).await,
                Batch::Logs(_) | Batch::Traces(_) => Outcome::Failed(ConsumeError::permanent("telemetry type is not supported")),
            }
        })
    }
}
