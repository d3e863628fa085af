//! The order in which batches arrive.

use super::*;

async fn arrival(config: DeliveryConfig) -> (Vec<u64>, usize) {
    let slow = Step::After(Duration::from_secs(3), Outcome::Sent);
    let destination = Destination::of([slow, Step::Answer(unavailable()), Step::Answer(Outcome::Sent)]);
    let scene = Scene::start(config, &destination);
    for items in 1..=5 {
        scene.consume(items).await.unwrap();
    }
    scene.pass(Duration::from_secs(60)).await;
    (destination.taken(), destination.most_at_once())
}

#[tokio::test(start_paused = true)]
async fn with_one_consumer_or_on_demand_batches_arrive_as_they_were_taken() {
    let on_demand = DeliveryConfig { ordered: true, ..config() };
    for config in [one_consumer(), on_demand] {
        assert_eq!(arrival(config).await, (vec![1, 2, 3, 4, 5], 1));
    }
}

#[tokio::test(start_paused = true)]
async fn with_several_consumers_a_slow_batch_is_overtaken() {
    let (order, at_once) = arrival(config()).await;
    assert_ne!(order, [1, 2, 3, 4, 5]);
    assert!(at_once > 1);
}
