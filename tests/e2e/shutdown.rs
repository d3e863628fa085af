//! SIGTERM: what was taken is delivered as far as the receiver lets it, in bounded time, with an orderly end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warren_e2e::collector::Setup;
use warren_e2e::http::{self, Answer};
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port};

/// Gauges posted before the signal, one request each.
const POINTS: usize = 20;

#[test]
fn what_waits_in_the_queue_is_delivered_before_the_end() -> Result<()> {
    let receiver = Receiver::answering(|_| {
        // Slow enough for the queue to fill, and for the drain to take several rounds.
        std::thread::sleep(Duration::from_millis(100));
        Answer::status(204)
    })?;
    let (config, port) = posted_to(&receiver.url())?;
    let mut collector = Setup::new(config)?.start()?;
    for point in 1..=POINTS {
        post(port, point)?;
    }
    assert!(receiver.values("posted").len() < POINTS, "the queue is still full when the signal comes");
    let status = collector.stop()?;
    assert!(status.success(), "{status}");
    let mut values = receiver.values("posted");
    values.sort_by(f64::total_cmp);
    assert_eq!(values, (1..=POINTS).map(|point| point as f64).collect::<Vec<_>>());
    let log = collector.log();
    for milestone in ["Received signal from OS", "Starting shutdown...", "Stopping extensions...", "Shutdown complete."] {
        assert!(log.contains(milestone), "{milestone} is missing:\n{log}");
    }
    Ok(())
}

#[test]
fn a_receiver_that_never_answers_does_not_hold_the_end_up() -> Result<()> {
    let receiver = Receiver::answering(|_| Answer::raw(|stream| std::io::copy(stream, &mut std::io::sink()).map(drop)))?;
    let (mut config, port) = posted_to(&receiver.url())?;
    config["exporters"]["prometheusremotewrite"]["timeout"] = json!("60s");
    let mut collector = Setup::new(config)?.args(["--drain-timeout", "2s"]).start()?;
    for point in 1..=POINTS {
        post(port, point)?;
    }
    let asked = Instant::now();
    let status = collector.stop()?;
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert!(status.success(), "{status}");
    assert!(collector.log().contains("Shutdown complete."), "{}", collector.log());
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_named_and_the_process_ends_with_1() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut config = posted_to("http://127.0.0.1:9/")?.0;
    config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = json!(address);
    let finished = Setup::new(config)?.run()?;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains(&address), "{}", finished.stderr);
    Ok(())
}

/// OTLP over HTTP in, remote write out; and the port it comes in on.
fn posted_to(endpoint: &str) -> Result<(Value, u16)> {
    let port = port::free()?;
    let config = json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {"prometheusremotewrite": {"endpoint": endpoint}},
        "service": {"pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["prometheusremotewrite"]}}},
    });
    Ok((config, port))
}

fn post(port: u16, value: usize) -> Result<()> {
    let point =
        json!({"timeUnixNano": (1_755_000_000_000_000_000 + value as u64 * 1_000_000_000).to_string(), "asDouble": value});
    let metric = json!({"name": "posted", "gauge": {"dataPoints": [point]}});
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]});
    let url = format!("http://127.0.0.1:{port}/v1/metrics");
    http::post(&url, "application/json", body.to_string().as_bytes()).map(drop)
}
