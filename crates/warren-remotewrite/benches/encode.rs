//! What a sample costs from the batch to the compressed request, in the best of some rounds: `cargo bench -p warren-remotewrite --profile fast --bench encode [-- ROUNDS [CASE]]`.
//!
//! The batch is a scrape of 10,500 queues with 21 series each, first with one attribute set per queue as the series cache makes them,
//! then with a set for each series, then as three scrapes in one batch.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;
use warren_pdata::{Attrs, Data, KeyValue, Metric, Metrics, Number, NumberPoints, Resource, Scope, TextPool};
use warren_promname::MetricNamer;
use warren_remotewrite::{Encoding, Limits, Protocol, Step, Translation};

const QUEUES: usize = 10_500;
const SERIES_PER_QUEUE: usize = 21;

fn scrape(shared: bool, time: u64) -> Metrics {
    let mut texts = TextPool::default();
    let mut set = |queue: usize| -> Attrs {
        let name = format!("tenant-{}.orders.{queue:06}", queue % 17);
        [KeyValue::pooled(&mut texts, "queue", &name), KeyValue::pooled(&mut texts, "vhost", "/")].into_iter().collect()
    };
    let sets: Vec<Attrs> = (0..QUEUES).map(&mut set).collect();
    let metric = |rank: usize| {
        let mut points = NumberPoints::with_capacity(QUEUES);
        for (queue, shared_set) in sets.iter().enumerate() {
            let attrs = if shared { shared_set.clone() } else { shared_set.iter().cloned().collect() };
            let value = (queue * 977 * rank) as f64;
            points.push_plain(attrs, 0, time, Number::Double(value), 0);
        }
        let name = format!("rabbitmq_detailed_queue_messages_kind_{rank}_bytes");
        Metric { name: name.as_str().into(), data: Data::Gauge(points), ..Metric::default() }
    };
    let attrs = Attrs::from([
        ("service.name", "rabbitmq"),
        ("service.instance.id", "rabbit-01.example.com:15692"),
        ("server.port", "15692"),
        ("url.scheme", "http"),
    ]);
    Metrics::of(Resource { attrs, dropped_attributes: 0 }, Scope::default(), (0..SERIES_PER_QUEUE).map(metric).collect())
}

fn run(label: &str, batch: &Metrics, protocol: Protocol, rounds: u32) {
    if std::env::args().nth(2).is_some_and(|case| !case.starts_with('-') && !label.contains(&case)) {
        return;
    }
    let namer = MetricNamer { namespace: String::new(), suffixes: true };
    let translation = Translation { namer, target_info: true, ..Translation::default() };
    let limits = Limits { protocol, bytes: 3_000_000, metadata: false };
    let mut best = f64::INFINITY;
    let (mut samples, mut bytes, mut requests) = (0, 0, 0);
    for _ in 0..rounds {
        (samples, bytes, requests) = (0, 0, 0);
        let start = Instant::now();
        let mut encoding = Encoding::new(batch, &translation, limits);
        encoding.seek(0..u64::MAX);
        while let Ok(step) = encoding.step() {
            match step {
                Step::Busy => {}
                Step::Part(part) => {
                    samples += part.items;
                    bytes += black_box(part.body).len();
                    requests += 1;
                }
                Step::End => break,
            }
        }
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    let each = |total: f64| total / samples as f64;
    println!("{label:<32} {:>6.1} ns/sample {:>6.1} B/sample {requests:>4} requests", each(best), each(bytes as f64));
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    let shared = scrape(true, 1_755_000_060_123_000_000);
    run("one set for each queue", &shared, Protocol::V1, rounds);
    run("version 2.0", &shared, Protocol::V2, rounds);
    run("a set for each series", &scrape(false, 1_755_000_060_123_000_000), Protocol::V1, rounds);
    let mut three = shared;
    for more in 1..3 {
        three.resources.extend(scrape(true, 1_755_000_060_123_000_000 + more * 10_000_000_000).resources);
    }
    run("three scrapes in one batch", &three, Protocol::V1, rounds);
}
