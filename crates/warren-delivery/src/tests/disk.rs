//! The queue on disk, with a real disk and its thread; so the clock is the real one, and what must happen is waited for.

use super::*;
use crate::{BatchConfig, Sizer};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use warren_component::{Extension, Storage};
use warren_storage::{Directory, Log, Place, Policy};

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

const POLICY: Policy = Policy { fsync: false, bytes_max: 64 << 20, mode: 0o700 };

struct Folder(Place);

impl Extension for Folder {
    fn storage(&self) -> Option<Arc<dyn Storage>> {
        Some(Arc::new(Self(self.0.clone())))
    }
}

impl Storage for Folder {
    fn place(&self, client: &str) -> Place {
        Place { path: self.0.path.join(client), policy: self.0.policy }
    }
}

/// A directory that outlives exporters.
struct Disk {
    root: TempDir,
    policy: Policy,
}

impl Disk {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), policy: POLICY }
    }

    fn extensions(&self) -> Extensions {
        let folder: Arc<dyn Extension> = Arc::new(Folder(Place { path: self.root.path().to_owned(), policy: self.policy }));
        Extensions::new([("file_storage".parse().unwrap(), folder)].into())
    }

    fn start(&self, config: DeliveryConfig, destination: &Destination) -> Scene {
        self.inheriting(config, destination, Inherited::default(), Registry::default())
    }

    fn inheriting(&self, config: DeliveryConfig, to: &Destination, inherited: Inherited, registry: Registry) -> Scene {
        Scene::with(config, to, inherited, registry, self.extensions())
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("exporter_otlphttp_x_logs")
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect()
    }

    /// Waits until no thread holds the directory any more; gives how many batches a new process would find.
    async fn left(&self) -> u64 {
        let log = until("the directory is free", || open(&self.path(), self.policy)).await;
        log.unread().records
    }
}

fn open(path: &Path, policy: Policy) -> Option<Log> {
    Some(Log::open(Directory::open(Place { path: path.to_owned(), policy }).ok()?).unwrap())
}

async fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let late = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < late, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn until_taken(destination: &Destination, count: usize) -> Vec<u64> {
    until("all is delivered", || Some(destination.taken()).filter(|taken| taken.len() >= count)).await
}

/// The end of the process without a word.
async fn kill(mut scene: Scene) {
    let running = scene.running.take().unwrap();
    running.abort();
    let _ = running.await;
}

fn stored(consumers: i64) -> DeliveryConfig {
    let queue =
        QueueConfig { storage: Some("file_storage".parse().unwrap()), num_consumers: consumers, ..QueueConfig::default() };
    let retry = RetryConfig { initial_interval: GoDuration(1_000_000), max_interval: GoDuration(5_000_000), ..steady() };
    DeliveryConfig { queue, retry, ..DeliveryConfig::default() }
}

#[tokio::test]
async fn what_was_taken_is_delivered_by_the_next_process_and_what_was_delivered_is_not() {
    let disk = Disk::new();
    let dead = Destination::of([Step::Answer(Outcome::Sent), Step::Answer(Outcome::Sent)]);
    dead.otherwise(Step::Answer(unavailable()));
    let scene = disk.start(stored(1), &dead);
    for items in 1..=50 {
        scene.consume(items).await.unwrap();
    }
    until_taken(&dead, 2).await;
    until("the next one has failed", || (dead.attempts().len() > 5).then_some(())).await;
    kill(scene).await;
    assert_eq!(disk.left().await, 48);
    let alive = Destination::default();
    let mut scene = disk.start(stored(1), &alive);
    let taken = until_taken(&alive, 48).await;
    assert_eq!(taken, (3..=50).collect::<Vec<_>>());
    scene.end(PATIENCE).await;
    drop(scene);
    assert_eq!(disk.left().await, 0);
}

#[tokio::test]
async fn an_outage_is_absorbed_with_little_memory_and_drains_in_order() {
    let disk = Disk::new();
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = disk.start(stored(1), &destination);
    let count = 140u64;
    for items in 0..count {
        scene.consume(items as usize + 8_000).await.unwrap();
    }
    let held = scene.total("warren_exporter_queue_bytes");
    assert!(held > 5e6, "{held}");
    assert_eq!(scene.total("otelcol_exporter_queue_size"), count as f64);
    destination.otherwise(Step::Answer(Outcome::Sent));
    let taken = until_taken(&destination, count as usize).await;
    assert_eq!(taken, (8_000..8_000 + count).collect::<Vec<_>>());
    until("nothing is left", || (scene.total("otelcol_exporter_queue_size") == 0.0).then_some(())).await;
    until("the files are gone", || (scene.total("warren_storage_bytes") < 5e6).then_some(())).await;
    assert_eq!((scene.total(SENT), scene.total(FAILED)), (taken.iter().sum::<u64>() as f64, 0.0));
}

#[tokio::test]
async fn with_several_consumers_fresh_batches_do_not_wait_for_the_backlog_to_end() {
    let disk = Disk::new();
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = disk.start(stored(2), &destination);
    for _ in 0..120 {
        scene.consume(10_000).await.unwrap();
    }
    destination.otherwise(Step::Answer(Outcome::Sent));
    // What is at hand from the beginning of the outage is sent beside the backlog; then there is room at hand.
    until_taken(&destination, 60).await;
    scene.consume(7).await.unwrap();
    let taken = until_taken(&destination, 121).await;
    let fresh = taken.iter().position(|items| *items == 7).unwrap();
    assert!(fresh < 100, "{fresh}");
    assert_eq!(taken.iter().filter(|items| **items == 10_000).count(), 120);
}

#[tokio::test]
async fn at_the_end_what_cannot_be_sent_stays_and_nothing_counts_as_lost() {
    let disk = Disk::new();
    let destination = Destination::always(Step::Answer(unavailable()));
    let mut scene = disk.start(stored(3), &destination);
    for _ in 0..100 {
        scene.consume(2).await.unwrap();
    }
    scene.end(PATIENCE).await;
    assert_eq!(scene.total("warren_dropped_items_total"), 0.0);
    assert!(scene.log().contains("stays on disk\t{\"batches\": 100, \"items\": 200}"), "{}", scene.log());
    drop(scene);
    assert_eq!(disk.left().await, 100);
}

#[tokio::test]
async fn at_the_end_what_can_be_sent_is() {
    let disk = Disk::new();
    let destination = Destination::always(Step::After(Duration::from_millis(1), Outcome::Sent));
    let mut scene = disk.start(stored(1), &destination);
    for _ in 0..100 {
        scene.consume(1).await.unwrap();
    }
    scene.end(PATIENCE).await;
    assert_eq!(destination.taken().len(), 100);
    drop(scene);
    assert_eq!(disk.left().await, 0);
}

#[tokio::test]
async fn an_attempt_that_the_end_cuts_off_leaves_its_batch_on_disk() {
    let disk = Disk::new();
    let mut scene = disk.start(stored(1), &Destination::always(Step::Never));
    scene.consume(1).await.unwrap();
    scene.consume(2).await.unwrap();
    scene.end(Duration::from_millis(50)).await;
    assert_eq!(scene.lost("shutdown"), 0.0);
    drop(scene);
    assert_eq!(disk.left().await, 2);
}

#[tokio::test]
async fn a_batch_that_is_refused_for_good_is_gone_from_the_disk_too() {
    let disk = Disk::new();
    let destination = Destination::of([Step::Answer(refused())]);
    let mut scene = disk.start(stored(1), &destination);
    scene.consume(3).await.unwrap();
    scene.consume(1).await.unwrap();
    until_taken(&destination, 1).await;
    assert_eq!(scene.lost("permanent"), 3.0);
    scene.end(PATIENCE).await;
    drop(scene);
    assert_eq!(disk.left().await, 0);
}

#[tokio::test]
async fn a_full_log_refuses_and_takes_again_when_it_has_drained() {
    let disk = Disk { policy: Policy { bytes_max: 200_000, ..POLICY }, ..Disk::new() };
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = disk.start(stored(1), &destination);
    let mut taken = 0;
    let error = loop {
        match scene.consume(1000).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.message.as_str(), error.permanent), ("sending queue is full", false));
    assert!(scene.consume(1_000_000).await.unwrap_err().permanent, "it will never fit");
    assert!(scene.total("warren_storage_bytes") <= 200_000.0);
    destination.otherwise(Step::Answer(Outcome::Sent));
    until_taken(&destination, taken).await;
    until("there is room", || (scene.total("warren_storage_bytes") < 100_000.0).then_some(())).await;
    scene.consume(1000).await.unwrap();
    until_taken(&destination, taken + 1).await;
    assert_eq!(scene.total("warren_dropped_items_total"), 0.0);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_refuses_tells_and_recovers() {
    let disk = Disk::new();
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = disk.start(stored(1), &destination);
    // As on a full disk: no file can be made. The directory is moved away before the first one is.
    until("the log is open", || scene.log().contains("Sending queue on disk opened").then_some(())).await;
    let aside = disk.root.path().join("aside");
    std::fs::rename(disk.path(), &aside).unwrap();
    let error = scene.consume(1).await.unwrap_err();
    assert!(!error.permanent && error.message.starts_with("sending queue cannot be written: "), "{error}");
    until("it is told", || scene.log().contains("cannot be written. Refusing data").then_some(())).await;
    std::fs::rename(&aside, disk.path()).unwrap();
    scene.consume(2).await.unwrap();
    until("it is told", || scene.log().contains("can be written again").then_some(())).await;
    destination.otherwise(Step::Answer(Outcome::Sent));
    assert_eq!(until_taken(&destination, 1).await, [2]);
    assert_eq!(scene.total(REFUSED), 1.0);
}

#[tokio::test]
async fn damage_on_disk_costs_what_it_hits_and_is_counted() {
    let disk = Disk::new();
    let scene = disk.start(stored(1), &Destination::always(Step::Never));
    for items in 1..=20 {
        scene.consume(items).await.unwrap();
    }
    kill(scene).await;
    assert_eq!(disk.left().await, 20);
    let file = std::fs::File::options().read(true).write(true).open(disk.segments().remove(0)).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    file.write_all_at(b"damage", middle).unwrap();
    let destination = Destination::default();
    let scene = disk.start(stored(1), &destination);
    let taken = until_taken(&destination, 19).await;
    let missing: Vec<u64> = (1..=20).filter(|items| !taken.contains(items)).collect();
    assert_eq!((taken.len(), missing.len()), (19, 1));
    until("it is counted", || (scene.lost("corrupt") == missing[0] as f64).then_some(())).await;
    assert_eq!(scene.total("warren_storage_corrupt_segments_total"), 1.0);
    assert!(scene.log().contains("is damaged. Skipping it."), "{}", scene.log());
}

#[tokio::test]
async fn what_is_no_batch_is_counted_and_skipped() {
    let disk = Disk::new();
    let mut log = open(&disk.path(), POLICY).unwrap();
    log.stage(1, 4, 0, |out| out.extend_from_slice(b"\xff\xff\xff")).unwrap();
    log.stage(9, 2, 0, |out| out.extend_from_slice(b"of the future")).unwrap();
    log.commit().unwrap();
    drop(log);
    let destination = Destination::default();
    let mut scene = disk.start(stored(1), &destination);
    scene.consume(5).await.unwrap();
    assert_eq!(until_taken(&destination, 1).await, [5]);
    until("it is counted", || (scene.lost("undecodable") == 6.0).then_some(())).await;
    scene.end(PATIENCE).await;
    drop(scene);
    assert_eq!(disk.left().await, 0);
}

#[tokio::test]
async fn merged_and_cut_batches_are_settled_when_all_of_them_is() {
    let disk = Disk::new();
    let destination = Destination::default();
    let batch = BatchConfig { min_size: 10, max_size: 10, flush_timeout: GoDuration(10_000_000), sizer: Some(Sizer::Items) };
    let config = stored(2);
    let config = DeliveryConfig { queue: QueueConfig { batch: Some(batch), ..config.queue }, ..config };
    let mut scene = disk.start(config, &destination);
    for _ in 0..30 {
        scene.consume(7).await.unwrap();
    }
    until("all is delivered", || (destination.taken().iter().sum::<u64>() == 210).then_some(())).await;
    assert!(destination.taken().iter().all(|items| *items <= 10));
    scene.end(PATIENCE).await;
    drop(scene);
    assert_eq!(disk.left().await, 0);
}

#[tokio::test]
async fn a_successor_takes_the_queue_over_where_it_is() {
    let disk = Disk::new();
    let dead = Destination::always(Step::Answer(unavailable()));
    let mut before = disk.start(stored(1), &dead);
    for items in 1..=100 {
        before.consume(items).await.unwrap();
    }
    let alive = Destination::default();
    let inherited = Inherited::of(before.exporter.hand_over());
    let after = disk.inheriting(stored(1), &alive, inherited, before.registry.clone());
    tokio::task::yield_now().await;
    before.end(PATIENCE).await;
    after.consume(101).await.unwrap();
    assert_eq!(until_taken(&alive, 101).await, (1..=101).collect::<Vec<_>>());
    assert_eq!(after.total("warren_dropped_items_total"), 0.0);
}

#[tokio::test]
async fn a_queue_in_memory_goes_on_over_a_disk_and_back() {
    let disk = Disk::new();
    let dead = Destination::always(Step::Answer(unavailable()));
    let in_memory = || DeliveryConfig { queue: QueueConfig { storage: None, ..stored(1).queue }, ..stored(1) };
    let mut first = disk.start(in_memory(), &dead);
    first.consume(1).await.unwrap();
    let inherited = Inherited::of(first.exporter.hand_over());
    let mut second = disk.inheriting(stored(1), &dead, inherited, first.registry.clone());
    tokio::task::yield_now().await;
    first.end(PATIENCE).await;
    second.consume(2).await.unwrap();
    let alive = Destination::default();
    let inherited = Inherited::of(second.exporter.hand_over());
    let third = disk.inheriting(in_memory(), &alive, inherited, first.registry.clone());
    tokio::task::yield_now().await;
    second.end(PATIENCE).await;
    third.consume(3).await.unwrap();
    assert_eq!(until_taken(&alive, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_directory_that_is_in_use_is_an_error() {
    let disk = Disk::new();
    let _first = disk.start(stored(1), &Destination::default());
    let cx = BuildContext {
        id: "otlphttp/x".parse().unwrap(),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: disk.extensions(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    };
    let error = deliver(&cx, Signal::Logs, stored(1), Destination::default()).err().unwrap().to_string();
    assert!(error.contains("in use"), "{error}");
}

#[tokio::test]
async fn a_successor_keeps_the_same_log_in_its_own_way() {
    let mut disk = Disk::new();
    let dead = Destination::always(Step::Answer(unavailable()));
    let before = disk.start(stored(1), &dead);
    before.consume(1).await.unwrap();
    disk.policy = Policy { bytes_max: 1, ..POLICY };
    let inherited = Inherited::of(before.exporter.hand_over());
    let small = disk.inheriting(stored(1), &dead, inherited, before.registry.clone());
    tokio::task::yield_now().await;
    assert!(small.consume(1).await.is_err(), "there is no room");
    disk.policy = Policy { fsync: true, ..POLICY };
    let inherited = Inherited::of(small.exporter.hand_over());
    let large = disk.inheriting(stored(1), &dead, inherited, before.registry.clone());
    tokio::task::yield_now().await;
    large.consume(1).await.unwrap();
}
