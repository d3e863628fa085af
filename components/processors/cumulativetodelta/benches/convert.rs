//! What a point costs, and how much memory a series takes: `cargo bench -p warren-processor-cumulativetodelta --profile fast [-- ROUNDS]`.
//!
//! 100,000 counters with eight attributes each, in 100 batches of one metric, as a scrape brings them (attribute sets that live on) and as OTLP does
//! (new sets in each batch); then 20,000 histograms of 20 buckets.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use warren_component::{BoxFuture, BuildContext, BuildInfo, ConsumeError, Consumer, Processor, ProcessorConfig};
use warren_config::ComponentId;
use warren_pdata::{
    Attrs, Batch, Data, HistogramPoint, KeyValue, Metric, Metrics, Number, NumberPoints, Resource, Scope, Signal, Sum,
    Temporality, TextPool,
};
use warren_processor_cumulativetodelta::Config;
use warren_sys::{allocated_bytes, live_bytes};
use warren_telemetry::Telemetry;

const METRICS: usize = 100;
const SERIES: usize = 100_000;
const HISTOGRAMS: usize = 20_000;
const BUCKETS: usize = 20;

#[global_allocator]
static ALLOCATOR: warren_sys::Allocator = warren_sys::Allocator;

/// Holds the last batch, as a queue would.
#[derive(Default)]
struct Sink(Mutex<Option<Arc<Batch>>>);

impl Consumer for Sink {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        *self.0.lock().unwrap() = Some(batch);
        Box::pin(std::future::ready(Ok(())))
    }
}

fn attrs(texts: &mut TextPool, series: usize) -> Attrs {
    let mut pair = |key: &str, value: &str| KeyValue::pooled(texts, key, value);
    let set = [
        pair("queue", &format!("tenant-{}.orders.{series:06}", series % 17)),
        pair("vhost", "/"),
        pair("cluster", "rabbit-production"),
        pair("node", "rabbit@rabbit-01.example.com"),
        pair("protocol", "amqp091"),
        pair("durable", "true"),
        pair("state", "running"),
        pair("region", "eu-north-1"),
    ];
    set.into_iter().collect()
}

fn batch(metrics: Vec<Metric>) -> Arc<Batch> {
    let resource =
        Resource { attrs: Attrs::from([("service.name", "rabbitmq"), ("host.name", "rabbit-01")]), dropped_attributes: 0 };
    Arc::new(Batch::Metrics(Metrics::of(resource, Scope::default(), metrics)))
}

fn sums(sets: &[Attrs], fresh: bool, time: u64) -> Vec<Arc<Batch>> {
    let metric = |(rank, sets): (usize, &[Attrs])| {
        let mut points = NumberPoints::with_capacity(sets.len());
        for (index, set) in sets.iter().enumerate() {
            let set = if fresh { set.iter().cloned().collect() } else { set.clone() };
            points.push_plain(set, 1, time, Number::Double((time * 7 + index as u64) as f64), 0);
        }
        let sum = Sum { points, temporality: Temporality::CUMULATIVE, monotonic: true };
        Metric { name: format!("rabbitmq_counter_{rank}_total").into(), data: Data::Sum(sum), ..Metric::default() }
    };
    sets.chunks(SERIES / METRICS).enumerate().map(|part| batch(vec![metric(part)])).collect()
}

fn histograms(sets: &[Attrs], time: u64) -> Vec<Arc<Batch>> {
    let bounds = triomphe::Arc::new((1..BUCKETS).map(|bound| bound as f64).collect::<Vec<_>>());
    let point = |set: &Attrs| HistogramPoint {
        attrs: set.clone(),
        start: 1,
        time,
        count: time * BUCKETS as u64,
        sum: Some(time as f64),
        bounds: bounds.clone(),
        counts: vec![time; BUCKETS],
        ..HistogramPoint::default()
    };
    let metric = |(rank, sets): (usize, &[Attrs])| {
        let data = Data::Histogram { points: sets.iter().map(point).collect(), temporality: Temporality::CUMULATIVE };
        batch(vec![Metric { name: format!("request_duration_{rank}").into(), data, ..Metric::default() }])
    };
    sets.chunks(SERIES / METRICS).enumerate().map(metric).collect()
}

fn processor() -> (Arc<dyn Processor>, Arc<Sink>) {
    let sink = Arc::new(Sink::default());
    let cx = BuildContext {
        id: ComponentId::of_type("cumulativetodelta"),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: Default::default(),
        inherited: Default::default(),
        collect_now: false,
        gates: Default::default(),
    };
    (Config::default().build(cx, Signal::Metrics, sink.clone()).unwrap(), sink)
}

/// Runs rounds of all batches, of which the first makes the series known; each batch counts with its best round.
fn run(label: &str, series: usize, rounds: u64, make: impl Fn(u64) -> Vec<Arc<Batch>>) {
    let (processor, sink) = processor();
    let consume = |batch: Arc<Batch>| {
        let start = Instant::now();
        let done = processor.consume(batch).as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(done, Poll::Ready(Ok(()))));
        start.elapsed()
    };
    let first = make(2);
    let before = live_bytes();
    // Held, so that only what is remembered makes a difference.
    let initial: Duration = first.iter().map(|batch| consume(Arc::clone(batch))).sum();
    let bytes = live_bytes().saturating_sub(before);
    let mut best = vec![Duration::MAX; first.len()];
    drop(first);
    let mut allocated = usize::MAX;
    for round in 0..rounds {
        let next = make(3 + round);
        let before = allocated_bytes();
        let mut items = 0;
        for (batch, best) in next.into_iter().zip(&mut best) {
            *best = consume(batch).min(*best);
            items += sink.0.lock().unwrap().take().unwrap().items();
        }
        allocated = allocated.min(allocated_bytes() - before);
        assert_eq!(items, series);
    }
    let each = |total: f64| total / series as f64;
    println!(
        "{label:<28} {:>6.1} ns/point, first {:>6.1} ns, {:>6.1} B/series, {:.1} B allocated for a point",
        each(best.iter().sum::<Duration>().as_nanos() as f64),
        each(initial.as_nanos() as f64),
        each(bytes as f64),
        each(allocated as f64)
    );
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    let mut texts = TextPool::default();
    let sets: Vec<Attrs> = (0..SERIES).map(|series| attrs(&mut texts, series)).collect();
    run("counters, sets that live on", SERIES, rounds, |time| sums(&sets, false, time));
    run("counters, new sets", SERIES, rounds, |time| sums(&sets, true, time));
    run("histograms of 20 buckets", HISTOGRAMS, rounds, |time| histograms(&sets[..HISTOGRAMS], time));
}
