//! What a reload does to single parts: a queue on disk goes through every edit of it, and a receiver that is taken out ends its series.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use warren_e2e::otlp::{NumberReceiver, send_numbers};
use warren_e2e::remote_write::{Receiver, STALE};
use warren_e2e::{Result, port, wait};

use crate::support::{Editable, PATIENCE, healthy_target, job, scrape_to};

fn durable(port: u16, endpoint: &str, directory: &std::path::Path) -> Value {
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {"otlphttp": {
            "endpoint": endpoint, "encoding": "json", "compression": "none",
            "sending_queue": {"storage": "file_storage"}, "retry_on_failure": {"initial_interval": "10ms", "max_interval": "50ms"},
        }},
        "extensions": {"file_storage": {"directory": directory}},
        "service": {"extensions": ["file_storage"], "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["otlphttp"]}}},
    })
}

#[test]
fn a_queue_on_disk_goes_through_every_edit_and_each_record_arrives_once() -> Result<()> {
    let calls = AtomicU64::new(0);
    // Something always waits and something is always tried again.
    let receiver = NumberReceiver::start(move || {
        std::thread::sleep(Duration::from_millis(5));
        if calls.fetch_add(1, Ordering::Relaxed) % 3 == 2 { 503 } else { 200 }
    })?;
    let (port, directory) = (port::free()?, tempfile::tempdir().unwrap());
    let mut scene = Editable::start(durable(port, &receiver.url(), directory.path()))?;
    let end = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&end);
    let sending = std::thread::spawn(move || {
        let mut number = 0;
        while !ended.load(Ordering::Relaxed) {
            assert_eq!(send_numbers(port, number..number + 1).unwrap(), 200, "{number} is refused");
            number += 1;
        }
        number
    });
    for round in 0..3 {
        for edit in [
            json!({"exporters": {"otlphttp": {"timeout": format!("{}s", 5 + round)}}}),
            json!({"exporters": {"otlphttp": {"sending_queue": {"num_consumers": 1 + round}}}}),
            json!({"exporters": {"otlphttp": {"sending_queue": {"batch": {"min_size": 10, "max_size": 100, "flush_timeout": "50ms"}}}}}),
            json!({"extensions": {"file_storage": {"fsync": round % 2 == 0}}}),
            json!({"extensions": {"file_storage": {"max_size": (64 + round) << 20}}}),
            // New records are kept in memory; those on disk are sent from there.
            json!({"exporters": {"otlphttp": {"sending_queue": {"storage": null, "batch": null, "queue_size": 100_000}}}}),
            json!({"exporters": {"otlphttp": {"sending_queue": {"storage": "file_storage"}}}}),
        ] {
            merge(&mut scene.config, &edit);
            let answer = scene.reload()?;
            assert!(answer.is_ok(), "{edit}: {answer:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    end.store(true, Ordering::Relaxed);
    let sent = sending.join().unwrap();
    let mut arrived = receiver.wait_for(usize::try_from(sent).unwrap(), 4 * PATIENCE)?;
    arrived.sort_unstable();
    assert_eq!(arrived, (0..sent).collect::<Vec<_>>());
    assert_eq!(receiver.duplicates(), 0);
    assert_eq!(scene.own("warren_dropped_items_total"), 0.0);
    Ok(())
}

#[test]
fn what_an_exporter_that_is_taken_out_has_on_disk_is_there_when_it_comes_back() -> Result<()> {
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || if recovered.load(Ordering::Relaxed) { 200 } else { 503 })?;
    let (port, directory) = (port::free()?, tempfile::tempdir().unwrap());
    let mut scene = Editable::start(durable(port, &receiver.url(), directory.path()))?;
    assert_eq!(send_numbers(port, 0..500)?, 200);
    let before = scene.config.clone();
    scene.config["service"]["pipelines"]["logs"]["exporters"] = json!(["debug"]);
    scene.config["exporters"]["debug"] = json!({});
    scene.reload()?.unwrap();
    assert_eq!(send_numbers(port, 500..501)?, 200);
    well.store(true, Ordering::Relaxed);
    scene.config = before;
    // The one that leaves may still hold the directory.
    wait::until("the exporter is there again", PATIENCE, || scene.reload().ok()?.ok())?;
    let mut arrived = receiver.wait_for(500, PATIENCE)?;
    arrived.sort_unstable();
    assert_eq!(arrived, (0..500).collect::<Vec<_>>());
    assert_eq!(receiver.duplicates(), 0);
    Ok(())
}

#[test]
fn the_series_of_a_receiver_that_is_taken_out_end() -> Result<()> {
    let (target, other, receiver) = (healthy_target()?, healthy_target()?, Receiver::start()?);
    let mut slow = job("slow", &other.address());
    slow["scrape_interval"] = json!("1h");
    let mut scene = Editable::start(scrape_to(&[job("job", &target.address()), slow], &receiver.url()))?;
    receiver.wait_for("healthy", PATIENCE, |values| values.len() >= 2)?;
    scene.config["receivers"] = json!({"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{}", port::free()?)}}}});
    scene.config["service"]["pipelines"]["metrics"]["receivers"] = json!(["otlp"]);
    scene.reload()?.unwrap();
    for name in ["healthy", "up"] {
        receiver.wait_for(name, PATIENCE, |values| values.last().is_some_and(|last| last.to_bits() == STALE))?;
    }
    Ok(())
}

/// Puts a JSON merge patch (RFC 7396) onto a configuration.
fn merge(onto: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) => {
            for (key, value) in fields {
                if value.is_null() {
                    onto.as_object_mut().unwrap().remove(key);
                } else {
                    merge(&mut onto[key], value);
                }
            }
        }
        other => *onto = other.clone(),
    }
}
