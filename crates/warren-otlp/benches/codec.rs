//! How long it takes to decode and encode an item: `cargo bench --profile fast -p warren-otlp [-- PART OF A NAME]`.
//!
//! The requests are those of the shared measuring rig: 10 metrics of 500 points with three attributes each, and log records of 100 bytes with
//! three attributes, one of which differs from record to record.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::Instant;
use warren_otlp::{decode_json, decode_request, encode_json, encode_request, encoded_len};
use warren_pdata::{Attrs, Batch, Data, LogRecord, Metric, Number, NumberPoints, Resource, Scope, Signal, Telemetry, Value};

const ITEMS: usize = 5_000;
const ROUNDS: usize = 60;

fn metrics() -> Batch {
    let metric = |k: usize| {
        let mut points = NumberPoints::default();
        for i in 0..ITEMS / 10 {
            let queue = format!("tenant-{}.orders.{i:05}", i % 17);
            let vhost = if i % 2 == 0 { "/" } else { "prod" };
            let attrs = Attrs::from([("vhost", vhost), ("queue", &queue), ("node", "rabbit@vm")]);
            points.push_plain(attrs, 0, 1_755_000_000_000_000_000, Number::Double(((i * 7 + k) % 1000) as f64), 0);
        }
        Metric { name: format!("rabbitmq_queue_messages_{k}").into(), data: Data::Gauge(points), ..Metric::default() }
    };
    Batch::Metrics(Telemetry::of(resource(), Scope::default(), (0..10).map(metric).collect()))
}

fn logs() -> Batch {
    let record = |i: usize| LogRecord {
        time: 1_755_000_000_000_000_000 + i as u64,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Value::Str(
            format!("2025-08-12 12:00:{:02} [info] <0.{i}.0> connection user 'app' vhost '/' password=hunter{i}", i % 60).into(),
        ),
        attrs: Attrs::from([("unit", "rabbitmq-server.service"), ("node", "rabbit@vm"), ("pid", &i.to_string())]),
        ..LogRecord::default()
    };
    Batch::Logs(Telemetry::of(resource(), Scope::default(), (0..ITEMS).map(record).collect()))
}

fn resource() -> Resource {
    Resource { attrs: Attrs::from([("host.name", "server-name-01"), ("service.name", "rabbitmq")]), dropped_attributes: 0 }
}

/// Nanoseconds per item of the quickest round.
fn measure(signal: Signal, what: &str, mut work: impl FnMut()) {
    let name = format!("{signal} {what}");
    if std::env::args().skip(1).any(|part| !part.starts_with('-') && !name.contains(&part)) {
        return;
    }
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<34} {:>7.1} ns per item", best / ITEMS as f64 * 1e9);
}

fn main() {
    for (signal, batch) in [(Signal::Metrics, metrics()), (Signal::Logs, logs())] {
        let (mut proto, mut json) = (Vec::new(), Vec::new());
        encode_request(&batch, &mut proto);
        encode_json(&batch, &mut json);
        let decoded = decode_request(signal, &proto).unwrap();
        println!("{signal}: {} bytes of protobuf, {} of JSON, {} in memory", proto.len(), json.len(), decoded.heap_bytes());
        measure(signal, "protobuf decode", || drop(black_box(decode_request(signal, black_box(&proto)))));
        let mut out = Vec::with_capacity(proto.len() + 1024);
        measure(signal, "protobuf encode", || {
            out.clear();
            encode_request(black_box(&decoded), &mut out);
        });
        measure(signal, "protobuf encode, unshared", || {
            out.clear();
            encode_request(black_box(&batch), &mut out);
        });
        measure(signal, "protobuf size", || {
            black_box(encoded_len(black_box(&decoded)));
        });
        measure(signal, "JSON decode", || drop(black_box(decode_json(signal, black_box(&json)))));
        measure(signal, "JSON encode", || {
            out.clear();
            encode_json(black_box(&decoded), &mut out);
        });
    }
}
