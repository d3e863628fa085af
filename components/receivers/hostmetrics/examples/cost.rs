//! What a scrape costs on this machine: processor time of the whole process and memory, for the scrapers named on the command line.
//!
//! `cargo run --profile fast -p warren-receiver-hostmetrics --example cost -- 'cpu,load,memory' [SCRAPES]`
//!
//! Scrapes every 100 ms into a pipeline that drops what it gets. A process that scrapes every 10 s pays the printed milliseconds once in that time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a tool for developers")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{
    BoxFuture, BuildContext, BuildInfo, ConsumeError, Consumer, Extensions, Gates, Inherited, Outputs, ReceiverConfig,
    RunContext, Status, Stop,
};
use warren_config::{Diagnostics, decode_settings, parse_yaml};
use warren_pdata::{Batch, Signal};
use warren_receiver_hostmetrics::Config;
use warren_telemetry::Telemetry;

/// Counts scrapes and points.
#[derive(Default)]
struct Drain {
    scrapes: AtomicUsize,
    points: AtomicUsize,
}

impl Consumer for Drain {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        self.scrapes.fetch_add(1, Relaxed);
        self.points.store(batch.items(), Relaxed);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Milliseconds of processor time and KiB of memory that this process has used.
fn usage() -> (f64, u64) {
    let schedstat: String = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .flatten()
        .map(|task| std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default())
        .collect();
    let nanoseconds: u64 = schedstat.lines().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok()).unwrap();
    (nanoseconds as f64 / 1e6, resident)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let scrapers =
        arguments.next().unwrap_or_else(|| "cpu,load,memory,disk,filesystem,network,paging,processes,system".to_owned());
    let scrapes: usize = arguments.next().map_or(100, |count| count.parse().expect("a number of scrapes"));
    let text =
        format!("{{collection_interval: 100ms, initial_delay: 0, scrapers: {{{}}}}}", scrapers.replace(',', ": , ") + ": ");
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&parse_yaml("cost", &text).unwrap(), &mut config, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    let cx = BuildContext {
        id: "hostmetrics".parse().unwrap(),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: true,
        gates: Gates::new(Arc::new(["hostmetrics.process.bootTimeCache".to_owned()].into())),
    };
    let (_, idle) = usage();
    let drain = Arc::new(Drain::default());
    let receiver = config.build(cx, Outputs::default().with(Signal::Metrics, drain.clone())).unwrap();
    let (handle, stop) = Stop::new();
    let running = tokio::spawn(receiver.run(RunContext { stop, status: Status::default() }));
    let wait_for = async |count: usize| {
        while drain.scrapes.load(Relaxed) < count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // The first ones open files and make sets.
    wait_for(3).await;
    let ((before, _), from) = (usage(), drain.scrapes.load(Relaxed));
    wait_for(from + scrapes).await;
    let ((after, resident), to) = (usage(), drain.scrapes.load(Relaxed));
    handle.request(Instant::now());
    running.await.unwrap().unwrap();
    let each = (after - before) / (to - from) as f64;
    let points = drain.points.load(Relaxed);
    let share = each / 10_000.0 * 100.0;
    println!(
        "{scrapers}: {points} points, {each:.3} ms a scrape, {share:.4} % of a core at 10 s, {} KiB more",
        resident.saturating_sub(idle)
    );
}
