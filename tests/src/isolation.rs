//! Six exporters in one pipeline, some of whose receivers are ill: what the well ones get, and when.
//!
//! ```text
//! page, scraped ────────▶ ┐             ┌─▶ exporter ─▶ Sink: well
//!                         ├─ collector ─┼─▶ exporter ─▶ Sink: well
//! numbered points, OTLP ▶ ┘             └─▶ exporter ─▶ ill in one of five ways   (four of them)
//! ```
//!
//! The latency of a numbered point is the time from just before it is offered to the collector to the arrival of the request that holds it.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::collector::{Collector, Setup};
use crate::error::{Error, Result};
use crate::http::{Answer, Server};
use crate::remote_write::{self, STALE, TimeSeries};
use crate::{otlp, page, port, wait};

/// Exporters in the pipeline.
pub const EXPORTERS: usize = 6;

/// Attempts of the exporters whose receivers are ill are given up after this.
const TIMEOUT: &str = "35s";

/// How long what was offered may take to arrive once nothing more is offered.
const PATIENCE: Duration = Duration::from_secs(60);

/// Distinct renderings of the page, made before anything is measured.
const RENDERINGS: u64 = 4;

/// What a receiver has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Illness {
    /// It reads and never answers.
    Silent,
    /// It answers 503.
    Unavailable,
    /// It takes thirty seconds for each request.
    Slow,
    /// It hangs up in the middle of each request.
    Dying,
    /// It answers 500 with words that never end.
    Babbling,
}

impl Illness {
    /// All of them.
    pub const ALL: [Illness; 5] = [Illness::Silent, Illness::Unavailable, Illness::Slow, Illness::Dying, Illness::Babbling];

    /// The exporter that sends to such a receiver.
    pub fn exporter(self) -> String {
        let kind = match self {
            Illness::Unavailable | Illness::Dying | Illness::Babbling => "prometheusremotewrite",
            Illness::Silent | Illness::Slow => "otlphttp",
        };
        format!("{kind}/{}", format!("{self:?}").to_lowercase())
    }
}

/// What is offered, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Queues on the page.
    pub queues: usize,
    /// Time between scrapes, in whole seconds.
    pub interval: u32,
    /// Time between numbered points.
    pub pace: Duration,
    /// How long.
    pub duration: Duration,
    /// Batches that the queues of the patients' exporters hold; none for as many as they hold by themselves.
    pub queue_size: Option<u32>,
}

/// The collector, its receivers and its target.
pub struct Scene {
    /// The collector.
    pub collector: Collector,
    /// The receivers that are well whatever happens, under the ids of their exporters.
    pub well: BTreeMap<String, Sink>,
    port: u16,
    scraped: Arc<AtomicU64>,
    _target: Server,
    _receivers: Vec<Patient>,
}

/// How long points took.
#[derive(Clone, Debug)]
pub struct Latencies(Vec<Duration>);

/// A receiver that would be well if it were not ill.
enum Patient {
    Served(#[expect(dead_code, reason = "it listens until it is dropped")] Server),
    Listening,
}

impl Scene {
    /// Starts six exporters: one for each of `patients`, whose receivers are ill if `ill` says so, and the others with a [`Sink`]. `binary` is
    /// the collector, if it is not the one that is tested otherwise.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(load: &Load, patients: &[Illness], ill: bool, binary: Option<&Path>) -> Result<Scene> {
        let (mut exporters, mut receivers, mut well) = (serde_json::Map::new(), Vec::new(), BTreeMap::new());
        for illness in patients {
            let (receiver, url) = if ill { fall_ill(*illness)? } else { healthy()? };
            let id = illness.exporter();
            let endpoint = if id.starts_with("otlp") { url } else { format!("{url}/api/v1/write") };
            let mut exporter = json!({"endpoint": endpoint, "timeout": TIMEOUT});
            if let Some(size) = load.queue_size {
                exporter[if id.starts_with("otlp") { "sending_queue" } else { "remote_write_queue" }] =
                    json!({"queue_size": size});
            }
            exporters.insert(id, exporter);
            receivers.push(receiver);
        }
        for index in patients.len()..EXPORTERS {
            let (id, sink) = (format!("prometheusremotewrite/well{index}"), Sink::start()?);
            exporters.insert(id.clone(), json!({"endpoint": sink.url()}));
            well.insert(id, sink);
        }
        let scraped = Arc::new(AtomicU64::new(0));
        let target = target(load.queues, Arc::clone(&scraped))?;
        let port = port::free()?;
        let ids: Vec<&String> = exporters.keys().collect();
        let job = json!({
            "job_name": "page", "scrape_interval": format!("{}s", load.interval), "scrape_timeout": format!("{}s", load.interval),
            "static_configs": [{"targets": [target.address()]}],
        });
        let config = json!({
            "receivers": {
                "otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}},
                "prometheus": {"config": {"scrape_configs": [job]}},
            },
            "processors": {"batch": {"timeout": "10ms"}},
            "service": {"pipelines": {"metrics": {"receivers": ["otlp", "prometheus"], "processors": ["batch"], "exporters": ids}}},
            "exporters": exporters,
        });
        let mut setup = Setup::new(config)?.args(["--drain-timeout", "5s"]);
        if let Some(binary) = binary {
            setup = setup.binary(binary);
        }
        Ok(Scene { collector: setup.start()?, well, port, scraped, _target: target, _receivers: receivers })
    }

    /// Offers the load, waits for the numbered points at the receivers that are well, and says how long they took.
    ///
    /// # Errors
    /// When a point is refused or does not arrive.
    pub fn offer(&mut self, load: &Load) -> Result<Latencies> {
        let (begin, mut number) = (Instant::now(), 0);
        let mut offered = HashMap::new();
        while begin.elapsed() < load.duration {
            number += 1;
            offered.insert(number, Instant::now());
            otlp::send_point(self.port, "numbered", number)?;
            let due = begin + load.pace * u32::try_from(number).unwrap_or(u32::MAX);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let mut took = Vec::new();
        for (id, sink) in &self.well {
            let what = format!("{number} points arrive through {id}");
            let arrived = wait::until(what, PATIENCE, || Some(sink.seen()).filter(|seen| seen.numbered.len() as u64 >= number))?;
            took.extend(arrived.numbered.iter().filter_map(|(number, at)| Some(at.duration_since(*offered.get(number)?))));
        }
        took.sort_unstable();
        Ok(Latencies(took))
    }

    /// How often the page was asked for.
    pub fn scrapes(&self) -> u64 {
        self.scraped.load(Ordering::Relaxed)
    }
}

impl Latencies {
    /// The latency that so many of a hundred points did not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0.get(self.0.len() * percent / 100).or(self.0.get(last)).copied().unwrap_or_default()
    }
}

/// A receiver of remote write that remembers when numbered points came, and of everything else a sum.
pub struct Sink {
    server: Server,
    seen: Arc<Mutex<Seen>>,
}

/// What has arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When each numbered point came.
    pub numbered: BTreeMap<u64, Instant>,
    /// The numbers of the scrapes that came, in order of arrival.
    pub scrapes: Vec<u64>,
    /// Samples.
    pub samples: u64,
    /// A sum over all samples, with their labels, values and times, that does not depend on their order.
    pub digest: u64,
}

impl Sink {
    fn start() -> Result<Sink> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let kept = Arc::clone(&seen);
        let server = Server::start(move |message| {
            let arrived = Instant::now();
            let Ok(request) = remote_write::decode(&message) else { return Answer::status(400) };
            let mut seen = kept.lock().unwrap_or_else(PoisonError::into_inner);
            request.timeseries.iter().for_each(|series| seen.take(series, arrived));
            Answer::status(204)
        })?;
        Ok(Sink { server, seen })
    }

    fn url(&self) -> String {
        self.server.url("/api/v1/write")
    }

    /// What has arrived so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seen {
    fn take(&mut self, series: &TimeSeries, arrived: Instant) {
        use std::hash::{DefaultHasher, Hash, Hasher};
        for sample in series.samples.iter().filter(|sample| sample.value.to_bits() != STALE) {
            match series.name() {
                "numbered" => drop(self.numbered.entry(sample.value as u64).or_insert(arrived)),
                "scrape_number" => self.scrapes.push(sample.value as u64),
                _ => {}
            }
            let mut hasher = DefaultHasher::new();
            series.labels.iter().for_each(|label| (&label.name, &label.value).hash(&mut hasher));
            (sample.value.to_bits(), sample.timestamp).hash(&mut hasher);
            self.samples += 1;
            self.digest = self.digest.wrapping_add(hasher.finish());
        }
    }
}

/// A broker's page that says which scrape it answers.
fn target(queues: usize, scraped: Arc<AtomicU64>) -> Result<Server> {
    let pages: Vec<String> = (0..RENDERINGS).map(|tick| page::broker(queues, tick).text).collect();
    let turn = AtomicUsize::new(0);
    Server::start(move |_| {
        let number = scraped.fetch_add(1, Ordering::Relaxed) + 1;
        let page = pages.get(turn.fetch_add(1, Ordering::Relaxed) % pages.len()).map_or("", String::as_str);
        Answer::ok(
            "text/plain; version=0.0.4",
            format!("{page}# TYPE scrape_number gauge\nscrape_number {number}\n").into_bytes(),
        )
    })
}

/// A receiver that takes everything unread.
fn healthy() -> Result<(Patient, String)> {
    let server = Server::start(|_| Answer::ok("application/x-protobuf", *b""))?;
    let url = server.url("");
    Ok((Patient::Served(server), url))
}

/// A receiver that is ill in this way.
fn fall_ill(illness: Illness) -> Result<(Patient, String)> {
    let answer: fn() -> Answer = match illness {
        Illness::Dying => return dying(),
        Illness::Silent => || Answer::raw(|stream| std::io::copy(stream, &mut std::io::sink()).map(drop)),
        Illness::Unavailable => || Answer::status(503),
        Illness::Slow => || {
            std::thread::sleep(Duration::from_secs(30));
            Answer::ok("application/x-protobuf", *b"")
        },
        Illness::Babbling => || {
            Answer::raw(|stream| {
                stream.write_all(b"HTTP/1.1 500 \r\nContent-Type: text/plain\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'b'; 4096])?;
                }
            })
        },
    };
    let server = Server::start(move |_| answer())?;
    let url = server.url("");
    Ok((Patient::Served(server), url))
}

/// Hangs up after the first bytes of each request.
fn dying() -> Result<(Patient, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io(|| "bind a loopback port"))?;
    let address = listener.local_addr().map_err(Error::io(|| "read the bound port"))?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // Whatever comes, it hangs up.
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1))).and_then(|()| stream.read(&mut [0; 256]));
        }
    });
    Ok((Patient::Listening, format!("http://{address}")))
}

/// What the collector's own metrics say of one exporter.
///
/// # Errors
/// When the page is not served.
pub fn own_figures(collector: &Collector, exporter: &str) -> Result<BTreeMap<String, f64>> {
    Ok(collector.own_page()?.sums(&[&format!("exporter=\"{exporter}\""), &format!("component=\"{exporter}\"")]))
}
