//! What the queue takes and refuses.

use super::*;
use crate::{BatchConfig, QUEUE_BYTES_MAX, Sizer};
use warren_pdata::{Text, Value};

fn bounded(queue: QueueConfig) -> DeliveryConfig {
    DeliveryConfig { queue: QueueConfig { num_consumers: 1, ..queue }, ..config() }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_what_is_on_its_way_counts_as_held() {
    let destination = Destination::always(Step::Never);
    let scene = Scene::start(bounded(QueueConfig { queue_size: 2, ..QueueConfig::default() }), &destination);
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    scene.consume(1).await.unwrap();
    let error = scene.consume(5).await.unwrap_err();
    assert_eq!(error.message, "sending queue is full");
    assert!(!error.permanent);
    assert_eq!(scene.total(REFUSED), 5.0);
    assert_eq!(scene.total("otelcol_exporter_queue_size"), 2.0);
    assert_eq!(scene.total("otelcol_exporter_queue_capacity"), 2.0);
    assert_eq!(scene.total("warren_exporter_in_flight"), 1.0);
    assert!(
        scene.log().contains("Exporting failed. Rejecting data.\t{\"error\": \"sending queue is full\", \"rejected_items\": 5}")
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_for_room_when_the_settings_say_so() {
    let destination = Destination::always(Step::After(Duration::from_secs(3), Outcome::Sent));
    let queue = QueueConfig { queue_size: 1, block_on_overflow: true, ..QueueConfig::default() };
    let scene = Scene::start(bounded(queue), &destination);
    let before = Instant::now();
    scene.consume(1).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
    scene.consume(1).await.unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(3));
    assert_eq!(scene.total(REFUSED), 0.0);
}

#[tokio::test(start_paused = true)]
async fn sizes_count_items_or_bytes_and_what_can_never_fit_is_refused_for_good() {
    let destination = Destination::always(Step::Never);
    for (sizer, size, fits, too_large) in [(Sizer::Items, 10, 10, 11), (Sizer::Bytes, 60, 1, 100)] {
        let scene = Scene::start(bounded(QueueConfig { sizer, queue_size: size, ..QueueConfig::default() }), &destination);
        scene.consume(fits).await.unwrap();
        let error = scene.consume(too_large).await.unwrap_err();
        assert!(error.permanent, "{sizer:?}");
        assert_eq!(error.message, "element size too large");
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_size_is_taken_also_by_a_full_queue_and_not_sent() {
    let destination = Destination::default();
    let queue = QueueConfig { sizer: Sizer::Items, queue_size: 1, ..QueueConfig::default() };
    let scene = Scene::start(bounded(queue), &destination);
    scene.consume(1).await.unwrap();
    scene.consume(0).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(destination.attempts(), [1]);
}

#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_queue_are_bounded_whatever_its_count() {
    let destination = Destination::always(Step::Never);
    let scene = Scene::start(bounded(QueueConfig::default()), &destination);
    let body = Text::from("x".repeat(QUEUE_BYTES_MAX / 4));
    let large = || {
        // Text of its own, for what is shared is charged in shares.
        let record = LogRecord { body: Value::Str(Text::from(body.as_str())), ..LogRecord::default() };
        Arc::new(Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![record])))
    };
    let mut taken = 0;
    while scene.exporter.consume(large()).await.is_ok() {
        taken += 1;
        assert!(taken < 10);
    }
    assert_eq!(taken, 4, "the first is not weighed, three fit beside it");
    assert!(scene.total("warren_exporter_queue_bytes") <= QUEUE_BYTES_MAX as f64);
}

#[tokio::test(start_paused = true)]
async fn as_many_batches_as_there_are_consumers_are_on_their_way() {
    let destination = Destination::always(Step::After(Duration::from_secs(1), Outcome::Sent));
    let scene = Scene::start(config(), &destination);
    for _ in 0..30 {
        scene.consume(1).await.unwrap();
    }
    scene.pass(Duration::from_millis(2500)).await;
    assert_eq!(destination.most_at_once(), 10);
    assert_eq!(destination.taken().len(), 20);
    assert_eq!(scene.total(SENT), 20.0);
}

#[tokio::test(start_paused = true)]
async fn the_caller_learns_the_outcome_when_it_waits_for_it() {
    let destination = Destination::of([Step::Answer(Outcome::Sent), Step::Answer(refused())]);
    let queue = QueueConfig { wait_for_result: true, ..QueueConfig::default() };
    let scene = Scene::start(DeliveryConfig { queue, ..config() }, &destination);
    assert_eq!(scene.consume(1).await, Ok(()));
    assert_eq!(scene.consume(1).await.unwrap_err().to_string(), "Permanent error: bad data");
    assert_eq!(scene.consume(0).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn batches_are_merged_before_they_are_sent_and_each_caller_learns_of_its_part() {
    let destination = Destination::default();
    let batch = BatchConfig { min_size: 10, max_size: 10, flush_timeout: seconds(2), sizer: Some(Sizer::Items) };
    let queue = QueueConfig { wait_for_result: true, batch: Some(batch), ..QueueConfig::default() };
    let scene = Scene::start(DeliveryConfig { queue, ..config() }, &destination);
    let before = Instant::now();
    let (first, second) = tokio::join!(scene.consume(6), scene.consume(7));
    assert_eq!((first, second), (Ok(()), Ok(())));
    assert_eq!(destination.taken(), [10, 3]);
    assert_eq!(before.elapsed(), Duration::from_secs(2), "the rest leaves when its time has come");
    assert_eq!(scene.total("otelcol_exporter_queue_size"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_the_oldest_batch_is_told() {
    let destination = Destination::always(Step::Never);
    let scene = Scene::start(one_consumer(), &destination);
    scene.consume(1).await.unwrap();
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(40)).await;
    assert_eq!(scene.total("warren_exporter_oldest_item_age_seconds"), 40.0);
}

#[tokio::test]
async fn a_queue_on_disk_needs_an_extension_that_stores() {
    let cx = BuildContext {
        id: "otlphttp".parse().unwrap(),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    };
    let queue = QueueConfig { storage: Some("file_storage".parse().unwrap()), ..QueueConfig::default() };
    let error = deliver(&cx, Signal::Logs, DeliveryConfig { queue, ..config() }, Destination::default()).err().unwrap();
    assert_eq!(error.to_string(), "no storage client extension found: \"file_storage\"");
}
