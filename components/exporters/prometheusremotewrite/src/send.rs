//! Requests on their way, and what their answers mean.

use crate::answer;
use crate::figures::Figures;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri};
use std::ops::Range;
use std::time::SystemTime;
use warren_component::{BoxFuture, BuildContext, BuildError, ConsumeError};
use warren_delivery::{Outcome, Progress, Sender};
use warren_http::coding::Coding;
use warren_http::{Client, ClientConfig};
use warren_pdata::{Batch, Metrics};
use warren_remotewrite::{Encoding, Limits, Part, Protocol, Step, Translation};
use warren_telemetry::{Field, Logger};

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// How batches become requests.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    /// Names and labels.
    pub(crate) translation: Translation,
    /// What requests may look like.
    pub(crate) limits: Limits,
    /// Requests of one batch that may be on their way at the same time. They hold different series, so that their order does not matter.
    pub(crate) parallelism: usize,
}

/// Sends batches as remote write requests.
pub(crate) struct RemoteWrite {
    client: Client,
    endpoint: Uri,
    headers: HeaderMap,
    sending: Sending,
    figures: Figures,
    log: Logger,
}

/// A request that came to its end.
struct Answered {
    positions: Range<u64>,
    items: u64,
    series: u64,
    result: Result<(), ConsumeError>,
}

/// How an attempt ends, as far as it went wrong.
#[derive(Default)]
struct Ending {
    /// What was refused for good.
    refused: Vec<(Range<u64>, u64, ConsumeError)>,
    /// A failure that may pass.
    failure: Option<ConsumeError>,
}

impl Ending {
    /// The outcome of the attempt. When the other side took nothing at all, whoever waits for the outcome hears why.
    fn outcome(mut self, progress: &mut Progress) -> Outcome {
        if self.failure.is_none()
            && progress.is_untouched()
            && let Some((.., error)) = self.refused.pop()
        {
            return Outcome::Failed(error);
        }
        for (positions, items, error) in self.refused {
            progress.dropped(positions, items, error);
        }
        self.failure.map_or(Outcome::Sent, Outcome::Failed)
    }
}

impl RemoteWrite {
    pub(crate) fn new(client: &ClientConfig, cx: &BuildContext, sending: Sending) -> Result<Self, BuildError> {
        let endpoint: Uri = client.endpoint.parse().map_err(|_| BuildError::new("invalid endpoint"))?;
        let mut settings = client.settings(cx)?;
        // Bodies are compressed as they are made.
        settings.coding = Coding::Identity;
        if settings.max_idle_per_host == 0 {
            // Go keeps two; the others of a batch would be dialled anew for every batch.
            settings.max_idle_per_host = sending.parallelism.max(2);
        }
        let (content, version) = match sending.limits.protocol {
            Protocol::V1 => ("application/x-protobuf", "0.1.0"),
            Protocol::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        let agent = format!("{}/{}", cx.build.description.to_lowercase().replace(' ', "-"), cx.build.version);
        let agent = HeaderValue::try_from(agent).map_err(|_| BuildError::new("the program's description is no User-Agent"))?;
        let headers = HeaderMap::from_iter([
            (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
            (CONTENT_TYPE, HeaderValue::from_static(content)),
            (VERSION, HeaderValue::from_static(version)),
            (USER_AGENT, agent),
        ]);
        let figures = Figures::new(cx, &endpoint);
        figures.consumers.set(sending.parallelism as f64);
        Ok(Self { client: Client::new(settings)?, endpoint, headers, sending, figures, log: cx.telemetry.log.clone() })
    }

    /// Sends what is open of a batch: encodes the next request while others are on their way. After a failure that may pass nothing new is
    /// sent, as the other side needs the pause.
    async fn send_metrics(&self, metrics: &Metrics, progress: &mut Progress) -> Outcome {
        let mut encoding = Encoding::new(metrics, &self.sending.translation, self.sending.limits);
        let mut requests = FuturesUnordered::new();
        let mut ending = Ending::default();
        for open in open_ranges(progress) {
            if ending.failure.is_some() {
                break;
            }
            encoding.seek(open);
            while ending.failure.is_none() {
                match encoding.step() {
                    Ok(Step::Part(part)) => requests.push(self.post(part)),
                    Ok(Step::Busy) => {}
                    Ok(Step::End) => break,
                    Err(error) => ending.failure = Some(ConsumeError::permanent(error.to_string())),
                }
                let full = requests.len() >= self.sending.parallelism;
                tokio::select! {
                    biased;
                    Some(answered) = requests.next() => self.note(answered, progress, &mut ending),
                    () = tokio::task::yield_now(), if !full => {}
                }
            }
        }
        while let Some(answered) = requests.next().await {
            self.note(answered, progress, &mut ending);
        }
        if ending.failure.is_none() {
            self.tell_failures(&encoding);
        }
        ending.outcome(progress)
    }

    /// Notes how a request ended.
    fn note(&self, answered: Answered, progress: &mut Progress, ending: &mut Ending) {
        let Answered { positions, items, series, result } = answered;
        match result {
            Ok(()) => progress.sent(positions, items),
            Err(error) if error.permanent => ending.refused.push((positions, items, error)),
            Err(error) => {
                // Of several pauses the longest is kept.
                if ending.failure.as_ref().is_none_or(|known| known.retry_after <= error.retry_after) {
                    ending.failure = Some(error);
                }
                return;
            }
        }
        self.figures.series.add(series);
    }

    /// Sends one request.
    async fn post(&self, part: Part) -> Answered {
        let Part { body, positions, items, series } = part;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        *request.headers_mut() = self.headers.clone();
        self.figures.requests.add(1);
        let result = match self.client.send(request).await {
            Ok(reply) => {
                if self.sending.limits.protocol == Protocol::V2 && reply.status().is_success() {
                    self.figures.written(reply.headers(), &self.log);
                }
                answer::read(reply, SystemTime::now()).await
            }
            Err(error) => Err(answer::of_transport(&error)),
        };
        Answered { positions, items, series, result }
    }

    /// Tells, once per batch, what of it has no form in remote write.
    fn tell_failures(&self, encoding: &Encoding<'_>) {
        let failures = encoding.failures();
        if failures.metrics > 0 {
            self.figures.failures.add(1);
            self.figures.untranslatable.add(failures.points);
            let reasons = failures.reasons.join("; ");
            self.log.debug("failed to translate metrics, exporting remaining metrics", &[("error", Field::Str(&reasons))]);
        }
    }
}

/// What is open, in order.
fn open_ranges(progress: &Progress) -> Vec<Range<u64>> {
    let mut from = 0;
    let next = || {
        let open = progress.open(from);
        from = open.end;
        (!open.is_empty()).then_some(open)
    };
    std::iter::from_fn(next).collect()
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
