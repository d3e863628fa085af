//! The server itself: one collector reads its figures and its journal, a real Prometheus and a real Loki are asked, and their answers are the
//! machine's truth, whatever happens to the collector, its disk and the journal's files on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::Signal;
use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::journald::{self, Journald, Sender};
use warren_e2e::loki::{Line, Loki};
use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::{Result, wait};

use crate::support::{PATIENCE, loki};

/// How many lines the counted stream has: 100,000 before a release.
const LINES_VARIABLE: &str = "WARREN_E2E_LINES";
const LINES: u64 = 20_000;

/// Requests that may be on their way to Loki at the same time.
const CONSUMERS: u64 = 2;

/// Most records of a batch of the journal.
const BATCH: u64 = 1024;

/// How long the whole stream may take to arrive.
const STREAM_PATIENCE: Duration = Duration::from_secs(180);

/// A machine whose journal, disk and stores are a test's own.
struct Scene {
    journald: Journald,
    store: Prometheus,
    loki: Loki,
    /// Where the collector keeps what must survive it, on a disk of its own.
    state: PathBuf,
    begun: u64,
}

impl Scene {
    fn new(loki: Loki) -> Result<Scene> {
        let journald = Journald::start()?;
        let state = journald.mount("/run/collector", "24m")?;
        Ok(Scene { journald, store: Prometheus::start()?, loki, state, begun: nanoseconds() })
    }

    fn config(&self) -> Value {
        json!({
            "receivers": {
                "hostmetrics": {"collection_interval": "1s", "scrapers": {
                    "cpu": {"metrics": {"system.cpu.logical.count": {"enabled": true}}},
                    "memory": {"metrics": {"system.memory.limit": {"enabled": true}}},
                    "load": {}, "disk": {}, "filesystem": {"include_virtual_filesystems": true}, "network": {}, "paging": {},
                    "processes": {}, "system": {},
                }},
                "journald": {
                    "root_path": self.journald.root(), "start_at": "beginning", "identifiers": ["stream"],
                    "resource": {"service.name": "stream"}, "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"},
                },
            },
            "exporters": {
                "prometheusremotewrite": {"endpoint": self.store.write_url(), "auth": {"authenticator": "basicauth"}},
                "otlphttp": {
                    "endpoint": self.loki.otlp_url(),
                    "sending_queue": {"storage": "file_storage", "num_consumers": CONSUMERS},
                    "retry_on_failure": {"initial_interval": "50ms", "max_interval": "200ms"},
                },
            },
            "extensions": {
                "file_storage": {"directory": self.state.join("queue"), "create_directory": true},
                "basicauth": {"client_auth": {"username": prometheus::USER, "password": prometheus::PASSWORD}},
            },
            "service": {
                "extensions": ["file_storage", "basicauth"],
                "pipelines": {
                    "metrics": {"receivers": ["hostmetrics"], "exporters": ["prometheusremotewrite"]},
                    "logs": {"receivers": ["journald"], "exporters": ["otlphttp"]},
                },
            },
        })
    }

    fn start(&self) -> Result<Collector> {
        Setup::new(self.config())?.args(["--scrape-now", "--state-dir", self.state.to_str().unwrap()]).start()
    }

    /// How many lines of the stream Loki has.
    fn arrived(&self) -> Result<u64> {
        Ok(self.loki.number(r#"sum(count_over_time({service_name="stream"}[1h]))"#)?.unwrap_or_default() as u64)
    }

    fn wait_for(&self, lines: u64) -> Result<()> {
        let last = self.loki.number("vector(0)");
        assert!(last.is_ok(), "{last:?}");
        let what = format!("{lines} lines are in Loki");
        // A count may have lines twice that a query shows once: all that are shown are looked at when there could be enough.
        wait::until(what, STREAM_PATIENCE, || {
            let enough = self.arrived().ok()? >= lines;
            let lines_shown = if enough { self.lines().ok()? } else { Vec::new() };
            let shown: BTreeSet<String> = lines_shown.iter().filter_map(|line| message(&line.text)).collect();
            (shown.len() as u64 >= lines).then_some(())
        })
    }

    /// Every line that Loki has.
    fn lines(&self) -> Result<Vec<Line>> {
        self.loki.lines(r#"{service_name="stream"}"#, self.begun, nanoseconds() + 1)
    }
}

fn nanoseconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The message of a journal's entry as Loki has it.
fn message(entry: &str) -> Option<String> {
    serde_json::from_str::<Value>(entry).ok()?["MESSAGE"].as_str().map(str::to_owned)
}

/// What `/proc` says, read without the collector's help.
mod proc {
    pub(super) fn field(file: &str, name: &str, index: usize) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{file}")).unwrap();
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name)).unwrap();
        line.split_whitespace().nth(index).unwrap().parse().unwrap()
    }
}

#[test]
fn what_the_machine_says_can_be_asked_for_in_promql_and_logql() -> Result<()> {
    let Some(loki) = loki("what_the_machine_says_can_be_asked_for_in_promql_and_logql")? else { return Ok(()) };
    let scene = Scene::new(loki)?;
    scene.journald.send("other", ["nobody asked for this".to_owned()])?;
    scene.journald.send("stream", (0..2000).map(|number| format!("line {number}")))?;
    let mut collector = scene.start()?;

    let cpus = std::fs::read_to_string("/proc/stat").unwrap().lines().filter(|line| line.starts_with("cpu")).count() - 1;
    let root = rustix::fs::statvfs("/").unwrap();
    type Truth<'a> = (&'a str, Box<dyn Fn() -> f64 + 'a>, f64);
    let truths: Vec<Truth> = vec![
        ("system_memory_limit_bytes", Box::new(|| proc::field("meminfo", "MemTotal:", 0) * 1024.0), 0.0),
        ("system_cpu_logical_count", Box::new(|| cpus as f64), 0.0),
        (r#"count(system_cpu_time_seconds_total{state="user"})"#, Box::new(|| cpus as f64), 0.0),
        (r#"sum(system_cpu_time_seconds_total{state="user"})"#, Box::new(|| proc::field("stat", "cpu ", 0) / 100.0), 0.05),
        (r#"sum(system_cpu_time_seconds_total{state="system"})"#, Box::new(|| proc::field("stat", "cpu ", 2) / 100.0), 0.05),
        ("system_processes_created_total", Box::new(|| proc::field("stat", "processes ", 0)), 0.0),
        ("system_uptime_seconds", Box::new(|| proc::field("uptime", "", 0)), 1.0),
        (
            r#"system_network_io_bytes_total{device="lo", direction="receive"}"#,
            Box::new(|| proc::field("net/dev", "lo:", 0)),
            0.0,
        ),
        (
            r#"system_network_packets_total{device="lo", direction="transmit"}"#,
            Box::new(|| proc::field("net/dev", "lo:", 9)),
            0.0,
        ),
        (r#"sum(system_filesystem_usage_bytes{mountpoint="/"})"#, Box::new(|| (root.f_blocks * root.f_frsize) as f64), 0.0),
        (
            r#"sum(system_memory_usage_bytes{state=~"used|free|buffered|cached"})"#,
            Box::new(|| proc::field("meminfo", "MemTotal:", 0) * 1024.0),
            0.0,
        ),
    ];
    for (promql, truth, slack) in truths {
        let (before, asked) = (truth(), nanoseconds() as f64 / 1e9);
        let name = promql.trim_start_matches("sum(").trim_start_matches("count(").trim_end_matches(')');
        let fresh = format!("min(timestamp({name})) > {asked}");
        wait::until(format!("{name} is fresh"), PATIENCE, || scene.store.number(&fresh).ok().flatten())?;
        let value = scene.store.number(promql)?.unwrap();
        let after = truth();
        assert!(before - slack <= value && value <= after + slack, "{promql}: {value} is not between {before} and {after}");
    }

    scene.wait_for(2000)?;
    compare_with_journalctl(&scene, &scene.journald.root().join("run/log/journal"), 2000)?;
    assert_eq!(scene.loki.number(r#"sum(count_over_time({service_name="stream"} |= "line 1999" [1h]))"#)?, Some(1.0));
    assert_eq!(scene.loki.number(r#"sum(count_over_time({service_name=~".+"} |= "nobody asked" [1h]))"#)?, None);
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}

/// Loki has each line of the stream once, and each is what `journalctl` shows.
fn compare_with_journalctl(scene: &Scene, journal: &Path, count: u64) -> Result<()> {
    let mut shown: BTreeMap<String, Value> = BTreeMap::new();
    for entry in journald::shown(journal, &["--identifier=stream"])? {
        shown.insert(entry["MESSAGE"].as_str().unwrap().to_owned(), entry);
    }
    assert_eq!(shown.len() as u64, count, "journalctl shows all");
    let mut seen = BTreeMap::new();
    let lines = scene.lines()?;
    for line in &lines {
        let mut body: Value = serde_json::from_str(&line.text).unwrap();
        let message = body["MESSAGE"].as_str().unwrap().to_owned();
        let times: &mut u32 = seen.entry(message.clone()).or_default();
        *times += 1;
        let mut expected = shown.get(&message).unwrap_or_else(|| panic!("{message}: not in the journal")).clone();
        let received: u64 = expected["__REALTIME_TIMESTAMP"].as_str().unwrap().parse().unwrap();
        assert_eq!(line.nanoseconds, received * 1000, "{message}");
        expected.as_object_mut().unwrap().remove("__REALTIME_TIMESTAMP");
        // Names the file, which a flush to disk changes.
        for map in [&mut body, &mut expected] {
            map.as_object_mut().unwrap().remove("__CURSOR");
        }
        assert_eq!(body, expected, "{message}");
    }
    let missing: Vec<&String> = shown.keys().filter(|message| !seen.contains_key(*message)).collect();
    assert!(missing.is_empty(), "{} lines are missing: {:?}", missing.len(), &missing[..missing.len().min(20)]);
    let twice: Vec<&String> = seen.iter().filter(|(_, times)| **times > 1).map(|(message, _)| message).collect();
    let example: Vec<&Line> = lines.iter().filter(|line| twice.first().is_some_and(|text| line.text.contains(*text))).collect();
    assert!(twice.is_empty(), "Loki shows {} lines more than once, such as {example:#?}", twice.len());
    Ok(())
}

/// Sends a counted stream, a hundredth at a time, from a thread of its own.
struct Stream {
    sent: Arc<AtomicU64>,
    lines: u64,
    thread: Option<std::thread::JoinHandle<Result<()>>>,
}

impl Stream {
    fn begin(sender: Sender, lines: u64) -> Stream {
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let thread = std::thread::spawn(move || {
            for part in 0..100 {
                let (first, end) = (part * lines / 100, (part + 1) * lines / 100);
                sender.send("stream", (first..end).map(|number| format!("line {number}")))?;
                counter.store(end, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        });
        Stream { sent, lines, thread: Some(thread) }
    }

    /// Waits until this many hundredths have been sent.
    fn reaches(&self, hundredths: u64) -> Result<()> {
        let what = format!("{hundredths} % of the stream are sent");
        let sent = || (self.sent.load(Ordering::Relaxed) >= self.lines * hundredths / 100).then_some(());
        wait::until(what, STREAM_PATIENCE, sent)
    }

    fn end(mut self) -> Result<()> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

/// Writes until there is no room any more, and the collector says so; the file to remove. What the queue gives back is taken as well.
fn fill_until_refused(disk: &Path, collector: &Collector) -> Result<PathBuf> {
    let path = disk.join("filling");
    let mut file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
    wait::until("the collector cannot take more", STREAM_PATIENCE, || {
        for size in [1 << 16, 1] {
            let piece = vec![1; size];
            while file.write_all(&piece).is_ok() {}
        }
        collector.log().contains("The pipeline does not take what was read").then_some(())
    })?;
    Ok(path)
}

#[test]
fn a_counted_stream_reaches_loki_through_kills_rotations_and_a_full_disk() -> Result<()> {
    let test = "a_counted_stream_reaches_loki_through_kills_rotations_and_a_full_disk";
    let Some(loki) = loki(test)? else { return Ok(()) };
    let lines = std::env::var(LINES_VARIABLE).map_or(LINES, |lines| lines.parse().expect("a number of lines"));
    let mut scene = Scene::new(loki)?;
    let begun = Instant::now();
    let stream = Stream::begin(scene.journald.sender(), lines);
    let mut collector = scene.start()?;
    let mut kills = 0;
    let mut kill = |collector: &mut Collector| -> Result<()> {
        kills += 1;
        collector.process().signal(Signal::KILL);
        collector.process().wait(PATIENCE).map(drop)
    };
    // A kill, some rotations, a kill with a rotation before the next start.
    stream.reaches(10)?;
    kill(&mut collector)?;
    collector = scene.start()?;
    stream.reaches(20)?;
    scene.journald.rotate();
    stream.reaches(30)?;
    kill(&mut collector)?;
    scene.journald.rotate();
    stream.reaches(35)?;
    scene.journald.rotate();
    collector = scene.start()?;
    // The disk is full: what was not taken waits in the journal. A kill and a start meanwhile.
    stream.reaches(40)?;
    let filling = fill_until_refused(&scene.state, &collector)?;
    stream.reaches(50)?;
    kill(&mut collector)?;
    collector = scene.start()?;
    fill_until_refused(&scene.state, &collector)?;
    stream.reaches(55)?;
    scene.journald.rotate();
    std::fs::remove_file(filling).unwrap();
    // The journal moves to disk and is rotated there. What has gathered is read at full speed, in the midst of which come kills.
    stream.reaches(60)?;
    scene.journald.flush()?;
    // An entry that is read before this and once more after it is not the same: its cursor names the file.
    scene.wait_for(stream.sent.load(Ordering::Relaxed))?;
    kill(&mut collector)?;
    for hundredths in [85, 90, 95] {
        stream.reaches(hundredths)?;
        scene.journald.rotate();
        for moment in [0, 20, 40, 80] {
            collector = scene.start()?;
            std::thread::sleep(Duration::from_millis(moment));
            kill(&mut collector)?;
        }
    }
    collector = scene.start()?;
    stream.end()?;
    scene.wait_for(lines)?;
    let took = begun.elapsed().as_secs();
    assert!(collector.stop()?.success(), "{}", collector.log());
    let journal = scene.journald.root().join("var/log/journal");
    compare_with_journalctl(&scene, &journal, lines)?;
    // At a kill: the batch whose position was not kept yet, and for each consumer one that was sent and not settled.
    let twice = scene.loki.counter("loki_distributor_lines_received_total")? as u64 - lines;
    assert!(twice <= kills * BATCH * (1 + CONSUMERS), "{twice} lines were sent twice after {kills} kills");
    let mut told = std::io::stdout().lock();
    // Figures for the report; nothing depends on them.
    let _ = writeln!(told, "{lines} lines in {took} s, {kills} kills: none lost, {twice} sent twice, each shown once");
    Ok(())
}
