//! One scrape of one target: request, page, release.

use crate::config::{NameEscaping, NameValidation, ScrapeConfig, ScrapeProtocol};
use crate::http::{HttpClient, uncompressed};
use crate::series::{Counts, Own, Page, PageError, Release, Rules, Series, StartTimes, schema_of_factor};
use crate::target::Target;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{ConsumeError, Consumer};
use warren_exposition::{Format, Options, ParseError, Parser, Skipped};
use warren_http::Body;
use warren_pdata::{Batch, Metrics, STALE_NAN_BITS};

/// A page without `body_size_limit` is cut here, inflated.
pub const PAGE_BYTES_MAX: u64 = 256 << 20;

/// Pages for which a series that is gone is remembered at most.
const PAGES_REMEMBERED_MAX: u128 = 10_000;

const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Settings of the receiver that apply to all its jobs.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Bad lines are skipped and counted instead of failing the page.
    pub lenient_lines: bool,
    /// Whether unit and `_total` are cut off names.
    pub trim_metric_suffixes: bool,
    /// Whether timeout, limit and size are reported as metrics.
    pub report_extra_scrape_metrics: bool,
    /// Where start times come from.
    pub start_times: StartTimes,
    /// Whether native histograms are taken.
    pub native_histograms: bool,
    /// Version of the default scope.
    pub version: String,
    /// Labels that every series gets.
    pub external_labels: Vec<(String, String)>,
}

/// Why a scrape failed. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum ScrapeError {
    #[error("{0}")]
    Connection(String),
    #[error("server returned HTTP status {0}")]
    Status(StatusCode),
    #[error("body size limit exceeded: the page has {0} bytes or more, inflated")]
    TooLarge(u64),
    #[error("{0}")]
    Page(String),
    #[error("{0}")]
    Limit(String),
}

impl ScrapeError {
    /// A word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connection(_) => "connection",
            Self::Status(_) => "status",
            Self::TooLarge(_) => "size",
            Self::Page(_) => "format",
            Self::Limit(_) => "limit",
        }
    }
}

/// What came of a scrape.
#[derive(Debug)]
pub struct Outcome {
    /// Why the target counts as down.
    pub scraped: Result<(), ScrapeError>,
    /// Why the samples were not taken by the pipeline.
    pub committed: Result<(), ConsumeError>,
    /// What was on the page.
    pub counts: Counts,
    /// Lines that were skipped.
    pub skipped: Skipped,
    /// Data points handed on.
    pub points: usize,
}

/// Scrapes one target again and again.
pub struct Scraper {
    job: Arc<ScrapeConfig>,
    settings: Arc<Settings>,
    client: Arc<HttpClient>,
    url: String,
    timeout: Duration,
    headers: HeaderMap,
    series: Series,
    output: Arc<dyn Consumer>,
}

impl Scraper {
    /// A scraper that knows nothing of the target yet.
    pub fn new(
        target: &Target,
        job: Arc<ScrapeConfig>,
        settings: Arc<Settings>,
        client: Arc<HttpClient>,
        output: Arc<dyn Consumer>,
    ) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let rules = Rules {
            job: target.label("job").to_owned(),
            instance: target.label("instance").to_owned(),
            scheme: target.label("__scheme__").to_owned(),
            target_labels: target.public_labels().map(owned).collect(),
            external_labels: settings.external_labels.clone(),
            honor_labels: job.honor_labels,
            honor_timestamps: job.honor_timestamps,
            track_timestamps_staleness: job.track_timestamps_staleness,
            legacy_names: job.name_validation == NameValidation::Legacy,
            native_histograms: settings.native_histograms,
            native_schema_max: schema_of_factor(job.native_histogram_min_bucket_factor),
            native_buckets_max: job.native_histogram_bucket_limit,
            forget_after: pages_to_remember(target.interval),
            limits: job.limits,
            relabel: job.metric_relabel.clone(),
            trim_metric_suffixes: settings.trim_metric_suffixes,
            start_times: settings.start_times.clone(),
            version: settings.version.clone(),
        };
        let headers = request_headers(&job, target.timeout);
        Self {
            series: Series::new(rules),
            url: target.url.clone(),
            timeout: target.timeout,
            job,
            settings,
            client,
            headers,
            output,
        }
    }

    /// Scrapes once. `time_ms` is the time that samples get, in milliseconds since 1970; `limit` fails the scrape beforehand. Reading is cut short, and
    /// nothing comes of it, when `cut` resolves; a page that was read is handed on as a whole.
    pub async fn scrape(&mut self, time_ms: i64, limit: Option<String>, cut: impl Future<Output = ()>) -> Option<Outcome> {
        let started = Instant::now();
        let request = Request {
            client: &self.client,
            url: &self.url,
            headers: &self.headers,
            job: &self.job,
            deadline: started + self.timeout,
        };
        let options = Options {
            lenient: self.settings.lenient_lines,
            classic_histograms: self.job.always_scrape_classic_histograms || !self.settings.native_histograms,
        };
        let mut page = self.series.begin(time_ms);
        let mut size = 0;
        let reading = async {
            if let Some(limit) = limit {
                return Err(ScrapeError::Limit(limit));
            }
            let (body, format) = request.open().await?;
            request.read(body, Parser::new(format, options), &mut page, &mut size).await
        };
        let scraped = tokio::select! {
            biased;
            scraped = reading => scraped,
            () = cut => return None,
        };
        let took = started.elapsed();
        let (release, scraped, skipped) = match scraped {
            Ok(skipped) => (page.accept(), Ok(()), skipped),
            Err(error) => (page.refuse(), Err(error), Skipped::default()),
        };
        let counts = release.counts();
        let mut own = own_metrics(if scraped.is_ok() { 1.0 } else { 0.0 }, took, counts);
        if self.settings.report_extra_scrape_metrics {
            let size = match &scraped {
                Ok(()) => size as f64,
                Err(ScrapeError::TooLarge(_)) => -1.0,
                Err(_) => 0.0,
            };
            own.extend(extra_metrics(self.timeout, self.job.limits.samples, size));
        }
        let (committed, points) = hand_on(release, &own, self.output.as_ref()).await;
        Some(Outcome { scraped, committed, counts, skipped, points })
    }

    /// Marks everything stale, the target's own metrics as well: it is not scraped any more. Gives what the pipeline said to the markers, and how
    /// many there were.
    pub async fn end(&mut self, time_ms: i64) -> (Result<(), ConsumeError>, usize) {
        let stale = f64::from_bits(STALE_NAN_BITS);
        let own: Vec<Own> =
            own_metrics(stale, Duration::ZERO, Counts::default()).into_iter().map(|own| Own { value: stale, ..own }).collect();
        let release = self.series.begin(time_ms).refuse();
        hand_on(release, &own, self.output.as_ref()).await
    }
}

/// Hands a page on, batch by batch; the target's own metrics go with the last one. Once a batch is refused the rest is dropped, unless there are
/// others who take it.
async fn hand_on(mut release: Release<'_>, own: &[Own], output: &dyn Consumer) -> (Result<(), ConsumeError>, usize) {
    if let Err(error) = release.check_start_time() {
        release.settle();
        return (Err(ConsumeError::permanent(error.to_string())), 0);
    }
    let mut points = 0;
    let mut last = release.report(own);
    let mut committed = Ok(());
    let mut next = release.next_batch();
    while let Some(batch) = next {
        next = release.next_batch();
        let batch = if next.is_none() { joined(batch, std::mem::take(&mut last)) } else { batch };
        points += batch.count();
        if let Err(error) = output.consume(Arc::new(Batch::Metrics(batch))).await {
            committed = Err(error);
            if is_over(&committed) {
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    release.settle();
    if !is_over(&committed) && !last.resources.is_empty() {
        points += last.count();
        committed = output.consume(Arc::new(Batch::Metrics(last))).await.and(committed);
    }
    (committed, points)
}

/// Whether nobody takes any more.
fn is_over(committed: &Result<(), ConsumeError>) -> bool {
    committed.as_ref().is_err_and(|error| !error.partial)
}

/// Both as one; what belongs to the same resource and scope is put together.
fn joined(mut batch: Metrics, own: Metrics) -> Metrics {
    for group in own.resources {
        match batch.resources.iter_mut().find(|known| known.resource == group.resource) {
            None => batch.resources.push(group),
            Some(known) => {
                for scoped in group.scopes {
                    match known.scopes.iter_mut().find(|scope| scope.scope == scoped.scope) {
                        None => known.scopes.push(scoped),
                        Some(scope) => scope.items.extend(scoped.items),
                    }
                }
            }
        }
    }
    batch
}

fn own_metrics(up: f64, took: Duration, counts: Counts) -> Vec<Own> {
    let own = |name, help, unit, value| Own { name, help, unit, value };
    vec![
        own("up", "The scraping was successful", "", up),
        own("scrape_duration_seconds", "Duration of the scrape", "s", took.as_secs_f64()),
        own("scrape_samples_scraped", "The number of samples the target exposed", "", counts.scraped as f64),
        own(
            "scrape_samples_post_metric_relabeling",
            "The number of samples remaining after metric relabeling was applied",
            "",
            counts.kept as f64,
        ),
        own("scrape_series_added", "The approximate number of new series in this scrape", "", counts.added as f64),
    ]
}

fn extra_metrics(timeout: Duration, sample_limit: u64, size: f64) -> [Own; 3] {
    let own = |name, unit, value| Own { name, help: "", unit, value };
    [
        own("scrape_timeout_seconds", "s", timeout.as_secs_f64()),
        own("scrape_sample_limit", "", sample_limit as f64),
        own("scrape_body_size_bytes", "By", size),
    ]
}

/// How many pages a series that is gone is remembered, with its start time: as long as upstream's adjuster does.
fn pages_to_remember(interval: Duration) -> u16 {
    let remembered = Duration::from_secs(120).max(interval + Duration::from_secs(60));
    let pages = remembered.as_millis().div_ceil(interval.as_millis().max(1)) + 1;
    pages.min(PAGES_REMEMBERED_MAX) as u16
}

fn request_headers(job: &ScrapeConfig, timeout: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::try_from(accept(&job.scrape_protocols, job.name_escaping)).unwrap_or(HeaderValue::from_static("*/*")),
    );
    if !job.enable_compression {
        uncompressed(&mut headers);
    }
    let seconds = timeout.as_secs_f64().to_string();
    headers.insert(TIMEOUT_HEADER, HeaderValue::try_from(seconds).unwrap_or(HeaderValue::from_static("10")));
    headers
}

/// What is asked for, the best first; weights count down from one tenth per format.
fn accept(protocols: &[ScrapeProtocol], escaping: NameEscaping) -> String {
    let escaping = match escaping {
        NameEscaping::AllowUtf8 => "allow-utf-8",
        NameEscaping::Underscores => "underscores",
        NameEscaping::Dots => "dots",
        NameEscaping::Values => "values",
    };
    let mut weight = ScrapeProtocol::DEFAULT.len() + 2;
    let mut wanted = String::new();
    for protocol in protocols {
        wanted.push_str(protocol.media_type());
        if matches!(protocol, ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::PrometheusText1_0_0) {
            wanted.push_str(";escaping=");
            wanted.push_str(escaping);
        }
        wanted.push_str(&format!(";q=0.{weight},"));
        weight = weight.saturating_sub(1);
    }
    wanted.push_str(&format!("*/*;q=0.{weight}"));
    wanted
}

/// One request and the reading of its answer.
struct Request<'a> {
    client: &'a HttpClient,
    url: &'a str,
    headers: &'a HeaderMap,
    job: &'a ScrapeConfig,
    deadline: Instant,
}

impl Request<'_> {
    /// Sends the request; gives the body and its format.
    async fn open(&self) -> Result<(Body, Format), ScrapeError> {
        let sent = self.client.get(self.url, self.headers.clone(), self.deadline).await;
        let reply = sent.map_err(|error| ScrapeError::Connection(error.to_string()))?;
        if reply.status() != StatusCode::OK {
            return Err(ScrapeError::Status(reply.status()));
        }
        let told = reply.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(Format::of_content_type);
        let format = told.unwrap_or(match self.job.fallback_scrape_protocol {
            ScrapeProtocol::PrometheusProto => Format::Protobuf,
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => Format::OpenMetrics,
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Format::Text,
        });
        Ok((reply.into_body(), format))
    }

    /// Reads the body as it comes. `size` counts its bytes, inflated.
    async fn read(
        &self,
        mut body: Body,
        mut parser: Parser,
        page: &mut Page<'_>,
        size: &mut u64,
    ) -> Result<Skipped, ScrapeError> {
        let limit = Some(self.job.limits.body_size).filter(|limit| *limit > 0).unwrap_or(PAGE_BYTES_MAX);
        loop {
            let window = body.window().await.map_err(broken)?;
            let Some(window) = window else { break };
            *size += window.len() as u64;
            if *size >= limit {
                return Err(ScrapeError::TooLarge(limit));
            }
            if let Err(error) = parser.feed(window, page) {
                page.keep_read();
                return Err(refused(error));
            }
            tokio::task::yield_now().await;
        }
        let finished = parser.finish(page);
        if finished.is_err() {
            page.keep_read();
        }
        finished.map_err(refused)
    }
}

/// Why a body has no next window: it cannot be inflated, or the connection broke.
fn broken(error: warren_http::Error) -> ScrapeError {
    match error.cause {
        warren_http::Cause::Coding(_) => ScrapeError::Page(error.to_string()),
        _ => ScrapeError::Connection(error.to_string()),
    }
}

fn refused(error: ParseError<PageError>) -> ScrapeError {
    match error {
        ParseError::Sink(error @ (PageError::InvalidName(_) | PageError::NoName | PageError::DuplicateLabel(_))) => {
            ScrapeError::Page(error.to_string())
        }
        ParseError::Sink(error) => ScrapeError::Limit(error.to_string()),
        other => ScrapeError::Page(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fact of Prometheus' `scrape/scrape_test.go` (`TestAcceptHeader`) at commit 419d436a447a.
    #[test]
    fn the_accept_header_is_that_of_prometheus() {
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT, NameEscaping::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
    }
}
