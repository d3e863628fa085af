//! Queues on disk: what a collector has taken arrives, whatever happens to it, to its disk or to the receiver.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use warren_e2e::collector::{self, Collector, Setup};
use warren_e2e::otlp::{NumberReceiver, send_numbers};
use warren_e2e::{Result, port};

use crate::support::PATIENCE;

/// How often the collector is killed: 100 before a release.
const KILLS_VARIABLE: &str = "WARREN_E2E_KILLS";
const KILLS: u64 = 8;

/// Requests that may be on their way to the receiver at the same time.
const CONSUMERS: u64 = 2;

/// How long the backlog of many kills may take to drain.
const DRAIN_PATIENCE: Duration = Duration::from_secs(300);

/// Longest time between start and kill.
const LIFE: Duration = Duration::from_millis(500);

/// OTLP in, a queue in `directory`, OTLP out; and the port it comes in on.
struct Scene {
    config: Value,
    port: u16,
}

impl Scene {
    fn new(receiver: &NumberReceiver, directory: &Path, consumers: u64) -> Result<Scene> {
        let port = port::free()?;
        let config = json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
            "exporters": {"otlphttp": {
                "endpoint": receiver.url(), "encoding": "json", "compression": "none",
                "sending_queue": {"storage": "file_storage", "num_consumers": consumers},
                "retry_on_failure": {"initial_interval": "10ms", "max_interval": "50ms"},
            }},
            "extensions": {"file_storage": {"directory": directory, "create_directory": true}},
            "service": {
                "extensions": ["file_storage"],
                "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
            },
        });
        Ok(Scene { config, port })
    }

    fn start(&self) -> Result<Collector> {
        Setup::new(self.config.clone())?.start()
    }

    /// Sends numbers one by one until one is not taken; gives how many were.
    fn send_until_refused(&self, most: u64) -> Result<u64> {
        for number in 0..most {
            if send_numbers(self.port, number..number + 1)? != 200 {
                return Ok(number);
            }
        }
        Ok(most)
    }
}

#[test]
fn nothing_taken_is_lost_however_often_the_collector_is_killed() -> Result<()> {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let calls = AtomicU64::new(0);
    // Every third request fails, so that something always waits and something is always tried again.
    let receiver = NumberReceiver::start(move || if calls.fetch_add(1, Ordering::Relaxed) % 3 == 2 { 503 } else { 200 })?;
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&receiver, directory.path(), CONSUMERS)?;
    let port = scene.port;
    let stopped = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stopped);
    // Each number is sent until it is taken. One whose answer a kill cut off is sent again: it was on its way.
    let sender = std::thread::spawn(move || {
        let (mut number, mut cut_off) = (0, 0);
        while !until.load(Ordering::Relaxed) {
            match send_numbers(port, number..number + 1) {
                Ok(200) => number += 1,
                Ok(_) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => {
                    cut_off += 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
        (number, cut_off)
    });
    for kill in 0..kills {
        let mut collector = scene.start()?;
        // Spread over the life of the process without chance, so that a failure can be repeated.
        std::thread::sleep(LIFE.mul_f64((kill * 7 % 10 + 1) as f64 / 10.0));
        collector.process().signal(Signal::KILL);
        collector.process().wait(PATIENCE)?;
    }
    let mut collector = scene.start()?;
    std::thread::sleep(LIFE);
    stopped.store(true, Ordering::Relaxed);
    let (taken, cut_off) = sender.join().unwrap();
    let (waits, draining) = (collector.metric("otelcol_exporter_queue_size", "")?.unwrap_or_default(), Instant::now());
    assert!(taken > kills * 5, "only {taken} numbers were taken");
    let arrived: BTreeSet<u64> = receiver.wait_for(usize::try_from(taken).unwrap(), DRAIN_PATIENCE)?.into_iter().collect();
    let drained = draining.elapsed().as_secs_f64();
    let lost: Vec<u64> = (0..taken).filter(|number| !arrived.contains(number)).collect();
    assert_eq!(lost, Vec::<u64>::new(), "of {taken} taken");
    assert!(collector.stop()?.success(), "{}", collector.log());
    // At a kill: what was being received, what was being sent, and what was sent but not yet noted.
    let in_flight = kills * (1 + 3 * CONSUMERS);
    let duplicates = receiver.duplicates();
    assert!(duplicates <= in_flight, "{duplicates} duplicates, {kills} kills, {taken} taken");
    let mut told = std::io::stdout().lock();
    // Figures for the report; nothing depends on them.
    let _ = writeln!(
        told,
        "{kills} kills: {taken} taken, none lost, {duplicates} twice, {cut_off} requests cut off or refused; {waits} waited at the end, for {drained:.1} s"
    );
    Ok(())
}

#[test]
fn a_backlog_survives_an_orderly_restart_and_arrives_in_order_once() -> Result<()> {
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || if recovered.load(Ordering::Relaxed) { 200 } else { 503 })?;
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&receiver, directory.path(), 1)?;
    let mut collector = scene.start()?;
    assert_eq!(scene.send_until_refused(200)?, 200);
    collector.wait_for_metric("otelcol_exporter_queue_size", "", PATIENCE, |size| size == 200.0)?;
    let asked = Instant::now();
    assert!(collector.stop()?.success());
    assert!(asked.elapsed() < PATIENCE / 3, "nothing is waited for that is safe on disk");
    assert!(collector.log().contains("What is left in the sending queue stays on disk"), "{}", collector.log());
    well.store(true, Ordering::Relaxed);
    let mut collector = scene.start()?;
    assert_eq!(receiver.wait_for(200, PATIENCE)?, (0..200).collect::<Vec<_>>());
    collector.wait_for_metric("otelcol_exporter_queue_size", "", PATIENCE, |size| size == 0.0)?;
    assert!(collector.stop()?.success());
    assert_eq!(receiver.duplicates(), 0);
    Ok(())
}

#[test]
fn a_full_disk_refuses_what_it_cannot_take_and_loses_nothing_of_what_it_has() -> Result<()> {
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || if recovered.load(Ordering::Relaxed) { 200 } else { 503 })?;
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&receiver, &directory.path().join("small/queues"), 1)?;
    // A file system of 256 KiB that the collector alone sees.
    let small = directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let wrapper = directory.path().join("collector");
    let user = if rustix::process::geteuid().is_root() { "" } else { "--map-root-user" };
    let (small, binary) = (small.display(), collector::binary()?);
    let script = format!(
        "#!/bin/sh\nexec unshare --mount {user} sh -c 'mount -t tmpfs -o size=256k tmpfs {small} && exec {} \"$@\"' sh \"$@\"\n",
        binary.display()
    );
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut collector = Setup::new(scene.config.clone())?.binary(&wrapper).start()?;

    let taken = scene.send_until_refused(100_000)?;
    assert!((100..100_000).contains(&taken), "{taken}");
    let told = collector.wait_for_log("Sending queue on disk cannot be written.", PATIENCE)?;
    assert!(told.contains("No space left on device"), "{told}");
    assert_eq!(send_numbers(scene.port, taken..taken + 1)?, 503, "it may be sent again");
    well.store(true, Ordering::Relaxed);
    receiver.wait_for(usize::try_from(taken).unwrap(), PATIENCE)?;
    warren_e2e::wait::until("there is room again", PATIENCE, || {
        (send_numbers(scene.port, taken..taken + 1).ok()? == 200).then_some(())
    })?;
    assert_eq!(receiver.wait_for(usize::try_from(taken).unwrap() + 1, PATIENCE)?, (0..=taken).collect::<Vec<_>>());
    assert_eq!(receiver.duplicates(), 0);
    assert_eq!(collector.metric("warren_dropped_items_total", "reason")?.unwrap_or_default(), 0.0);
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}

#[test]
fn a_damaged_file_costs_what_is_damaged_and_is_told() -> Result<()> {
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || if recovered.load(Ordering::Relaxed) { 200 } else { 503 })?;
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&receiver, directory.path(), 1)?;
    let mut collector = scene.start()?;
    assert_eq!(scene.send_until_refused(100)?, 100);
    collector.process().signal(Signal::KILL);
    collector.process().wait(PATIENCE)?;
    let queue = directory.path().join("exporter_otlphttp__logs");
    let mut files = std::fs::read_dir(queue).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "seg")).unwrap();
    let file = std::fs::File::options().write(true).open(file).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    file.write_all_at(&[0xff; 10], middle).unwrap();
    well.store(true, Ordering::Relaxed);
    let mut collector = scene.start()?;
    let arrived = receiver.wait_for(98, PATIENCE)?;
    assert!(arrived.is_sorted() && arrived.len() >= 98, "ten bytes touch two records at most: {arrived:?}");
    collector.wait_for_metric("warren_storage_corrupt_segments_total", "", PATIENCE, |files| files == 1.0)?;
    collector.wait_for_log("Part of the sending queue on disk is damaged. Skipping it.", PATIENCE)?;
    assert!(collector.stop()?.success());
    Ok(())
}

#[test]
fn an_outage_fills_the_disk_and_not_the_memory() -> Result<()> {
    const REQUESTS: u64 = 240;
    const RECORDS: u64 = 2_000;
    let well = Arc::new(AtomicBool::new(false));
    let recovered = Arc::clone(&well);
    let receiver = NumberReceiver::start(move || if recovered.load(Ordering::Relaxed) { 200 } else { 503 })?;
    let directory = tempfile::tempdir().unwrap();
    let scene = Scene::new(&receiver, directory.path(), 1)?;
    let collector = scene.start()?;
    let mut resident = Vec::new();
    for request in 0..REQUESTS {
        let first = request * RECORDS;
        assert_eq!(send_numbers(scene.port, first..first + RECORDS)?, 200);
        if request % (REQUESTS / 4) == REQUESTS / 4 - 1 {
            resident.push(collector.usage().expect("it runs").resident >> 10);
        }
    }
    let stored = collector.metric("warren_storage_bytes", "")?.unwrap_or_default();
    assert!(stored > 5e6, "{stored}");
    // What is at hand is there after the first quarter. In memory each quarter would take more than 10 MiB.
    assert!(resident[3] < resident[0] + 8 * 1024, "KiB after each quarter: {resident:?}");
    well.store(true, Ordering::Relaxed);
    let all = usize::try_from(REQUESTS * RECORDS).unwrap();
    assert!(receiver.wait_for(all, DRAIN_PATIENCE)?.is_sorted(), "in order");
    let drained = collector.usage().expect("it runs").resident >> 10;
    assert!(drained < resident[0] + 8 * 1024, "{drained} KiB after the drain, {resident:?} before");
    let mut told = std::io::stdout().lock();
    let _ = writeln!(
        told,
        "resident after each quarter of the outage: {resident:?} KiB, after the drain {drained} KiB; on disk {stored} bytes"
    );
    Ok(())
}
