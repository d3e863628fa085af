//! Without a queue the caller waits for the outcome, within reason.

use super::*;
use crate::HOLD_MAX;

#[tokio::test(start_paused = true)]
async fn the_caller_gets_the_outcome() {
    let destination = Destination::of([Step::Answer(Outcome::Sent), Step::Answer(refused())]);
    let scene = Scene::start(without_queue(), &destination);
    assert_eq!(scene.consume(2).await, Ok(()));
    let error = scene.consume(3).await.unwrap_err();
    assert!(error.permanent);
    assert_eq!((scene.total(SENT), scene.total(FAILED)), (2.0, 3.0));
    let text = "Exporting failed. Rejecting data. Try enabling sending_queue to survive temporary failures.\t\
        {\"error\": \"not retryable error: Permanent error: bad data\", \"rejected_items\": 3}";
    assert!(scene.log().contains(text), "{}", scene.log());
    assert_eq!(scene.lost("permanent"), 0.0, "the caller still has it");
    assert_eq!(scene.total("otelcol_exporter_queue_capacity"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn the_caller_is_not_held_longer_than_it_would_wait() {
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = Scene::start(without_queue(), &destination);
    let before = Instant::now();
    let error = scene.consume(1).await.unwrap_err();
    assert!(before.elapsed() <= HOLD_MAX, "{:?}", before.elapsed());
    assert_eq!(destination.times(), [0, 5_000]);
    assert!(!error.permanent);
    assert_eq!(error.retry_after, Some(Duration::from_millis(7_500)), "the caller hears when to come again");
    assert!(scene.log().contains("request will be cancelled before next retry: unavailable"), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn without_retries_the_first_failure_is_the_answer() {
    let destination = Destination::of([Step::Answer(unavailable())]);
    let retry = RetryConfig { enabled: false, ..steady() };
    let scene = Scene::start(DeliveryConfig { retry, ..without_queue() }, &destination);
    assert_eq!(scene.consume(1).await.unwrap_err().to_string(), "unavailable");
    assert_eq!(destination.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_between_attempts_ends_when_the_program_does() {
    let destination = Destination::always(Step::Answer(unavailable()));
    let mut scene = Scene::start(without_queue(), &destination);
    let exporter = scene.exporter.clone();
    let waiting = tokio::spawn(async move { exporter.consume(logs(1)).await });
    scene.pass(Duration::from_secs(1)).await;
    scene.end(Duration::from_secs(10)).await;
    let before = Instant::now();
    assert!(waiting.await.unwrap().is_err());
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert!(scene.log().contains("interrupted due to shutdown: unavailable"), "{}", scene.log());
}
