//! An outage of an hour, at another pace: what a collector scrapes in sixty minutes is scraped in sixty intervals of a few seconds. Memory stays flat, and
//! when the receiver is back everything arrives in order, beside what is fresh.
//!
//! `WARREN_OUTAGE_SCRAPES=60` makes it the hour of the load that releases are measured by (15,000 series each minute).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use warren_e2e::collector::Setup;
use warren_e2e::http::{Answer, Server};
use warren_e2e::otlp::{NumberReceiver, send_numbers};
use warren_e2e::remote_write::{self, STALE};
use warren_e2e::{Result, page, port, wait};

use crate::support::PATIENCE;

const SCRAPES_VARIABLE: &str = "WARREN_OUTAGE_SCRAPES";

/// How much memory may grow between the first quarter of an outage and its end.
const GROWTH_MAX: u64 = 8 << 20;

#[test]
fn an_hour_of_scrapes_waits_on_disk_and_arrives_in_order() -> Result<()> {
    let long = std::env::var(SCRAPES_VARIABLE).ok().map(|scrapes| scrapes.parse::<u64>().expect("a number of scrapes"));
    let (scrapes, queues, interval) = long.map_or((10, 100, 1), |scrapes| (scrapes, 655, 2));
    let page = page::broker(queues, 0);
    let (asked, series, text) = (Arc::new(AtomicU64::new(0)), page.series, page.text);
    let counted = Arc::clone(&asked);
    let target = Server::start(move |_| {
        let number = counted.fetch_add(1, Ordering::Relaxed) + 1;
        Answer::ok(
            "text/plain; version=0.0.4",
            format!("{text}# TYPE scrape_number gauge\nscrape_number {number}\n").into_bytes(),
        )
    })?;
    let (well, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Seen::default()));
    let (recovered, sees) = (Arc::clone(&well), Arc::clone(&seen));
    let store = Server::start(move |message| {
        if !recovered.load(Ordering::Relaxed) {
            return Answer::status(503);
        }
        sees.take(&message);
        Answer::status(204)
    })?;
    let directory = tempfile::tempdir().unwrap();
    let every = format!("{interval}s");
    let mut collector = Setup::new(json!({
        "extensions": {"file_storage": {"directory": directory.path()}},
        "receivers": {"prometheus": {"config": {"scrape_configs": [{
            "job_name": "broker", "scrape_interval": every, "scrape_timeout": every, "static_configs": [{"targets": [target.address()]}],
        }]}}},
        "exporters": {"prometheusremotewrite": {
            "endpoint": store.url("/api/v1/write"), "remote_write_queue": {"storage": "file_storage"},
            "retry_on_failure": {"initial_interval": "50ms", "max_interval": "500ms"},
        }},
        "service": {"extensions": ["file_storage"], "pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["prometheusremotewrite"]}}},
    }))?
    .start()?;
    let patience = PATIENCE * 4 + Duration::from_secs(2 * scrapes * interval);
    let mut resident = Vec::new();
    for part in 1..=4 {
        wait::until("the page is scraped on", patience, || (asked.load(Ordering::Relaxed) * 4 >= part * scrapes).then_some(()))?;
        resident.push(collector.usage().expect("it runs").resident);
    }
    let stored = collector.metric("warren_storage_bytes", "")?.unwrap_or_default();
    assert!(resident[3] < resident[0] + GROWTH_MAX, "after each quarter: {resident:?}");
    let (recovery, backlog) = (Instant::now(), asked.load(Ordering::Relaxed));
    well.store(true, Ordering::Relaxed);
    wait::until("the backlog arrives", patience, || (seen.scrapes().len() as u64 >= backlog).then_some(()))?;
    let drained = recovery.elapsed();
    let fresh = asked.load(Ordering::Relaxed) + 1;
    wait::until("what is fresh arrives", patience, || seen.scrapes().last().is_some_and(|last| *last >= fresh).then_some(()))?;
    let numbers = seen.scrapes();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "each scrape once and in order");
    let after = collector.usage().expect("it runs").resident;
    assert!(after < resident[0] + GROWTH_MAX, "{after} after the drain, {resident:?} before");
    assert!(collector.stop()?.success());
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let _ = writeln!(
        std::io::stdout().lock(),
        "{backlog} scrapes of {series} series while nobody took them: resident {:.1?} MiB after each quarter, {:.1} MB on disk; drained in {:.1} s, then \
         {:.1} MiB; {} samples arrived",
        resident.into_iter().map(mebibytes).collect::<Vec<_>>(),
        stored / 1e6,
        drained.as_secs_f64(),
        mebibytes(after),
        seen.samples.load(Ordering::Relaxed),
    );
    Ok(())
}

#[test]
fn what_is_fresh_does_not_wait_for_the_backlog() -> Result<()> {
    const BACKLOG: u64 = 600;
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || {
        if !recovered.load(Ordering::Relaxed) {
            return 503;
        }
        // With four at a time the backlog takes its seconds.
        std::thread::sleep(Duration::from_millis(50));
        200
    })?;
    let (port, directory) = (port::free()?, tempfile::tempdir().unwrap());
    let config = json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {"otlphttp": {
            "endpoint": receiver.url(), "encoding": "json", "compression": "none",
            "sending_queue": {"storage": "file_storage", "num_consumers": 4},
            "retry_on_failure": {"initial_interval": "10ms", "max_interval": "50ms"},
        }},
        "extensions": {"file_storage": {"directory": directory.path()}},
        "service": {"extensions": ["file_storage"], "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["otlphttp"]}}},
    });
    let mut collector = Setup::new(config.clone())?.start()?;
    for number in 0..BACKLOG {
        assert_eq!(send_numbers(port, number..number + 1)?, 200);
    }
    // After a restart all of it is on disk alone.
    assert!(collector.stop()?.success());
    let collector = Setup::new(config)?.start()?;
    well.store(true, Ordering::Relaxed);
    receiver.wait_for(20, PATIENCE)?;
    for number in BACKLOG..BACKLOG + 10 {
        assert_eq!(send_numbers(port, number..number + 1)?, 200);
    }
    let arrived =
        wait::until("what is fresh arrives", PATIENCE, || Some(receiver.order()).filter(|order| order.contains(&(BACKLOG + 9))))?;
    assert!(arrived.len() < BACKLOG as usize / 2, "{} of the backlog went first", arrived.len());
    let all = receiver.wait_for(BACKLOG as usize + 10, 2 * PATIENCE)?;
    // Four are on their way at a time.
    let backlog: Vec<u64> = all.into_iter().filter(|number| *number < BACKLOG).collect();
    let displaced = backlog.iter().enumerate().map(|(index, number)| number.abs_diff(index as u64)).max();
    assert!(displaced <= Some(8), "the backlog leaves in order, but for what is on its way together: {displaced:?}");
    assert_eq!(receiver.duplicates(), 0);
    drop(collector);
    Ok(())
}

/// What a store has taken.
#[derive(Default)]
struct Seen {
    samples: AtomicU64,
    scrapes: std::sync::Mutex<Vec<u64>>,
}

impl Seen {
    fn take(&self, message: &warren_e2e::http::Message) {
        let request = remote_write::decode(message).unwrap();
        for series in &request.timeseries {
            for sample in series.samples.iter().filter(|sample| sample.value.to_bits() != STALE) {
                self.samples.fetch_add(1, Ordering::Relaxed);
                if series.name() == "scrape_number" {
                    self.scrapes.lock().unwrap().push(sample.value as u64);
                }
            }
        }
    }

    fn scrapes(&self) -> Vec<u64> {
        self.scrapes.lock().unwrap().clone()
    }
}
