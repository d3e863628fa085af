//! What happens after a failure. Facts of `exporterhelper/internal/retry_sender_test.go` (v0.132.0) are among them.

use super::*;
use warren_component::Health;

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_sent_again_at_growing_intervals() {
    let destination = Destination::of([Step::Answer(unavailable()), Step::Answer(unavailable())]);
    let scene = Scene::start(config(), &destination);
    scene.consume(4).await.unwrap();
    scene.pass(Duration::from_secs(60)).await;
    assert_eq!(destination.times(), [0, 5_000, 12_500]);
    assert_eq!((scene.total(SENT), scene.total(FAILED)), (4.0, 0.0), "attempts that failed are not counted, only losses");
    let line = "Exporting failed. Will retry the request after interval.\t{\"error\": \"unavailable\", \"interval\": \"5s\"}";
    assert!(scene.log().contains(line), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_dropped_at_once_and_told() {
    let destination = Destination::of([Step::Answer(refused())]);
    let scene = Scene::start(config(), &destination);
    scene.consume(3).await.unwrap();
    scene.consume(2).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!((scene.total(SENT), scene.total(FAILED), scene.lost("permanent")), (2.0, 3.0, 3.0));
    let line =
        "Exporting failed. Dropping data.\t{\"error\": \"not retryable error: Permanent error: bad data\", \"dropped_items\": 3}";
    assert!(scene.log().contains(line), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_when_its_next_attempt_would_be_too_late() {
    let destination = Destination::always(Step::Answer(unavailable()));
    let retry = RetryConfig { max_elapsed_time: seconds(30), ..steady() };
    let scene = Scene::start(DeliveryConfig { retry, ..config() }, &destination);
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(600)).await;
    assert_eq!(destination.times(), [0, 5_000, 12_500, 23_750]);
    assert_eq!(scene.lost("retries_exhausted"), 1.0);
    assert!(scene.log().contains("no more retries left: unavailable"), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn without_retries_a_failure_is_a_loss_and_the_log_says_what_would_help() {
    let destination = Destination::of([Step::Answer(unavailable())]);
    let retry = RetryConfig { enabled: false, ..steady() };
    let scene = Scene::start(DeliveryConfig { retry, ..config() }, &destination);
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(60)).await;
    assert_eq!(destination.attempts().len(), 1);
    assert_eq!(scene.lost("retry_disabled"), 1.0);
    let text = "Exporting failed. Dropping data. Try enabling retry_on_failure config option to retry on retryable errors.";
    assert!(scene.log().contains(text), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_was_asked_for_is_kept_for_everything() {
    let pause = ConsumeError::retryable("slow down").after(Duration::from_secs(20));
    let destination = Destination::of([Step::Answer(Outcome::Failed(pause))]);
    let scene = Scene::start(config(), &destination);
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    scene.consume(2).await.unwrap();
    scene.pass(Duration::from_secs(60)).await;
    assert_eq!(destination.times(), [0, 20_000, 20_000]);
    assert!(scene.log().contains("\"error\": \"Throttle (20s), error: slow down\", \"interval\": \"20s\""), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_cut_and_made_again() {
    let destination = Destination::of([Step::Never]);
    let scene = Scene::start(DeliveryConfig { timeout: Some(Duration::from_secs(4)), ..config() }, &destination);
    scene.consume(1).await.unwrap();
    scene.pass(Duration::from_secs(60)).await;
    assert_eq!(destination.times(), [0, 9_000]);
    assert!(scene.log().contains("context deadline exceeded"), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn a_retry_sends_only_what_is_still_open() {
    let destination = Destination::of([Step::Partly(4, ConsumeError::retryable("halfway"))]);
    let scene = Scene::start(config(), &destination);
    scene.consume(10).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(scene.total(SENT), 4.0);
    scene.pass(Duration::from_secs(60)).await;
    assert_eq!(destination.attempts(), [10, 6]);
    assert_eq!((scene.total(SENT), scene.total(FAILED)), (10.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn only_the_open_part_of_a_refused_batch_is_lost() {
    let destination = Destination::of([Step::Partly(4, ConsumeError::permanent("rest is bad"))]);
    let scene = Scene::start(config(), &destination);
    scene.consume(10).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!((scene.total(SENT), scene.lost("permanent")), (4.0, 6.0));
}

#[tokio::test(start_paused = true)]
async fn a_partial_success_counts_as_sent_and_what_was_rejected_as_lost() {
    let partial = Outcome::Partial { rejected: 2, message: "too old".to_owned() };
    let destination = Destination::of([Step::Answer(partial)]);
    let scene = Scene::start(config(), &destination);
    scene.consume(5).await.unwrap();
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!((scene.total(SENT), scene.total(FAILED), scene.lost("rejected")), (5.0, 0.0, 2.0));
    let line = "Partial success response\t{\"message\": \"too old\", \"dropped_log_records\": 2}";
    assert!(scene.log().contains(line), "{}", scene.log());
}

#[tokio::test(start_paused = true)]
async fn batches_that_wait_for_a_retry_hold_no_consumer_up() {
    let poison = Step::After(Duration::from_millis(1), unavailable());
    let destination = Destination::of([poison.clone(), poison]);
    let queue = QueueConfig { num_consumers: 2, ..QueueConfig::default() };
    let scene = Scene::start(DeliveryConfig { queue, ..config() }, &destination);
    for items in [1, 2, 3, 4] {
        scene.consume(items).await.unwrap();
    }
    scene.pass(Duration::from_secs(1)).await;
    assert_eq!(destination.taken(), [3, 4], "the two behind overtake the two that failed");
}

#[tokio::test(start_paused = true)]
async fn a_dead_destination_is_probed_by_one_attempt_at_a_time_and_recovers_at_once() {
    let destination = Destination::always(Step::After(Duration::from_millis(1), unavailable()));
    let scene = Scene::start(config(), &destination);
    for _ in 0..100 {
        scene.consume(1).await.unwrap();
    }
    scene.pass(Duration::from_secs(120)).await;
    let attempts = destination.attempts().len();
    assert!((10..20).contains(&attempts), "{attempts} attempts instead of a probe now and then");
    assert!(matches!(scene.status.health(), Health::Recoverable(_)));
    destination.otherwise(Step::Answer(Outcome::Sent));
    scene.pass(Duration::from_secs(45)).await;
    assert_eq!(scene.total(SENT), 100.0);
    assert_eq!(scene.status.health(), Health::Ok);
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_the_clocks_of_batches_behind_do_not_run() {
    let destination = Destination::always(Step::Answer(unavailable()));
    let scene = Scene::start(config(), &destination);
    for _ in 0..500 {
        scene.consume(1).await.unwrap();
    }
    scene.pass(Duration::from_secs(3600)).await;
    let lost = scene.lost("retries_exhausted");
    assert!(lost < 200.0, "{lost} of 500 lost in an hour");
}
