//! A change of settings: the successor takes the queue over.

use super::*;

/// Starts a successor with other settings for another destination, and ends the predecessor.
async fn replace(mut before: Scene, config: DeliveryConfig, destination: &Destination) -> (Scene, JoinHandle<Scene>) {
    let inherited = Inherited::of(before.exporter.hand_over());
    let after = Scene::inheriting(config, destination, inherited, before.registry.clone());
    tokio::task::yield_now().await;
    let ending = tokio::spawn(async move {
        before.end(Duration::from_secs(10)).await;
        before
    });
    (after, ending)
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_what_is_parked_goes_to_the_successor() {
    let (dead, alive) = (Destination::always(Step::Answer(unavailable())), Destination::default());
    let before = Scene::start(config(), &dead);
    for _ in 0..50 {
        before.consume(2).await.unwrap();
    }
    before.pass(Duration::from_secs(1)).await;
    let (after, ending) = replace(before, config(), &alive).await;
    after.pass(Duration::from_secs(10)).await;
    let before = ending.await.unwrap();
    assert_eq!(alive.taken(), vec![2; 50]);
    assert_eq!((after.total(SENT), after.total(FAILED), before.lost("shutdown")), (100.0, 0.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_ends_there_and_comes_back_when_it_fails() {
    let slow_failure = Step::After(Duration::from_secs(3), unavailable());
    let slow = Step::After(Duration::from_secs(3), Outcome::Sent);
    let (old, new) = (Destination::of([slow, slow_failure]), Destination::default());
    let before = Scene::start(config(), &old);
    before.consume(1).await.unwrap();
    before.consume(2).await.unwrap();
    before.pass(Duration::from_secs(1)).await;
    let (after, ending) = replace(before, config(), &new).await;
    after.consume(4).await.unwrap();
    after.pass(Duration::from_secs(10)).await;
    ending.await.unwrap();
    assert_eq!(old.taken(), [1]);
    assert_eq!(new.taken(), [4, 2]);
    assert_eq!((after.total(SENT), after.total(FAILED)), (7.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn an_ordered_successor_waits_for_what_is_on_its_way() {
    let slow_failure = Step::After(Duration::from_secs(3), unavailable());
    let (old, new) = (Destination::of([slow_failure]), Destination::default());
    let before = Scene::start(one_consumer(), &old);
    for items in 1..=3 {
        before.consume(items).await.unwrap();
    }
    before.pass(Duration::from_secs(1)).await;
    let (after, ending) = replace(before, one_consumer(), &new).await;
    after.pass(Duration::from_secs(60)).await;
    ending.await.unwrap();
    assert_eq!(new.taken(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_queue_keeps_what_it_has_and_refuses_more() {
    let (dead, also_dead) = (Destination::always(Step::Never), Destination::always(Step::Never));
    let before = Scene::start(config(), &dead);
    for _ in 0..20 {
        before.consume(1).await.unwrap();
    }
    let small = DeliveryConfig { queue: QueueConfig { queue_size: 5, ..QueueConfig::default() }, ..config() };
    let (after, _ending) = replace(before, small, &also_dead).await;
    assert_eq!(after.total("otelcol_exporter_queue_size"), 20.0);
    assert!(after.consume(1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_successor_without_a_queue_still_sends_what_was_in_it() {
    let (dead, alive) = (Destination::always(Step::Never), Destination::default());
    let before = Scene::start(one_consumer(), &dead);
    before.consume(1).await.unwrap();
    before.consume(2).await.unwrap();
    before.pass(Duration::from_secs(1)).await;
    let (after, _ending) = replace(before, without_queue(), &alive).await;
    after.consume(4).await.unwrap();
    after.pass(Duration::from_secs(60)).await;
    assert_eq!(alive.taken(), [2, 4, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_predecessor_whose_successor_never_ran_drains_by_itself() {
    let destination = Destination::always(Step::After(Duration::from_secs(1), Outcome::Sent));
    let mut scene = Scene::start(one_consumer(), &destination);
    scene.consume(1).await.unwrap();
    scene.consume(2).await.unwrap();
    drop(scene.exporter.hand_over());
    scene.end(Duration::from_secs(10)).await;
    assert_eq!(destination.taken(), [1, 2]);
}
