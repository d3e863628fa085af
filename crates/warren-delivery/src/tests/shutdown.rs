//! The end: what is left is attempted once, in bounded time.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_before_the_end() {
    let destination = Destination::always(Step::After(Duration::from_secs(1), Outcome::Sent));
    let mut scene = Scene::start(one_consumer(), &destination);
    for items in 1..=5 {
        scene.consume(items).await.unwrap();
    }
    scene.end(Duration::from_secs(10)).await;
    assert_eq!(destination.taken(), [1, 2, 3, 4, 5]);
    assert_eq!(scene.total(FAILED), 0.0);
}

#[tokio::test(start_paused = true)]
async fn each_batch_gets_one_attempt_also_one_that_waits_for_its_retry() {
    let destination = Destination::always(Step::Answer(unavailable()));
    let mut scene = Scene::start(one_consumer(), &destination);
    for _ in 0..3 {
        scene.consume(1).await.unwrap();
    }
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(destination.attempts().len(), 1);
    let before = Instant::now();
    scene.end(Duration::from_secs(10)).await;
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(destination.attempts().len(), 4);
    assert_eq!(scene.lost("shutdown"), 3.0);
    assert!(scene.log().contains("interrupted due to shutdown: unavailable"), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_being_merged_is_sent_as_it_is() {
    let destination = Destination::default();
    let queue = QueueConfig { batch: Some(crate::BatchConfig::default()), ..QueueConfig::default() };
    let batch = crate::BatchConfig { flush_timeout: seconds(100), ..crate::BatchConfig::default() };
    let mut scene = Scene::start(DeliveryConfig { queue: QueueConfig { batch: Some(batch), ..queue }, ..config() }, &destination);
    scene.consume(2).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(destination.taken(), Vec::<u64>::new());
    scene.end(Duration::from_secs(10)).await;
    assert_eq!(destination.taken(), [2]);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_rest_is_dropped_and_counted() {
    let destination = Destination::always(Step::Never);
    let mut scene = Scene::start(one_consumer(), &destination);
    for items in 1..=4 {
        scene.consume(items).await.unwrap();
    }
    let before = Instant::now();
    scene.end(Duration::from_secs(2)).await;
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    assert_eq!(scene.lost("shutdown"), 10.0);
    assert_eq!(scene.total(FAILED), 10.0);
    let lines: Vec<_> = scene.log().lines().filter(|line| line.contains("Dropping data")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("batches left: 4\", \"dropped_items\": 10"), "{lines:?}");
    assert_eq!(scene.total("otelcol_exporter_queue_size"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_second_request_brings_the_end_forward() {
    let destination = Destination::always(Step::Never);
    let mut scene = Scene::start(one_consumer(), &destination);
    scene.consume(1).await.unwrap();
    let before = Instant::now();
    scene.stop.request(before + Duration::from_secs(100));
    scene.pass(Duration::from_secs(1)).await;
    scene.stop.request(Instant::now());
    scene.running.take().unwrap().await.unwrap().unwrap();
    assert_eq!(before.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_room_is_let_go() {
    let destination = Destination::always(Step::Never);
    let queue = QueueConfig { queue_size: 1, block_on_overflow: true, num_consumers: 1, ..QueueConfig::default() };
    let mut scene = Scene::start(DeliveryConfig { queue, ..config() }, &destination);
    scene.consume(1).await.unwrap();
    let exporter = scene.exporter.clone();
    let waiting = tokio::spawn(async move { exporter.consume(logs(1)).await });
    scene.pass(Duration::from_secs(1)).await;
    scene.end(Duration::from_secs(2)).await;
    assert_eq!(waiting.await.unwrap().unwrap_err().message, "sending queue is full");
}
