use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn int(time: u64, value: i64) -> Point {
    Point { time, total: Total::Int(value) }
}

fn histogram(time: u64, buckets: usize) -> Point {
    let distribution = Distribution { buckets: vec![0; buckets].into(), ..Distribution::default() };
    Point { time, total: Total::Histogram(Box::new(distribution)) }
}

/// Identities from the one seen first to the one seen last.
fn chain(series: &Series) -> Vec<u128> {
    let mut ids = Vec::new();
    let mut place = series.oldest;
    while let Some(entry) = series.get(place) {
        ids.push(entry.id);
        place = entry.newer;
    }
    ids
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Entry>() <= 48);
}

#[test]
fn the_longest_unseen_makes_room_unless_it_is_alive() {
    let mut series = Series::new();
    let limit = 3 * SERIES_BYTES;
    for id in 1..=3 {
        assert_eq!(series.insert(id, int(0, 0), limit), Ok(0));
    }
    assert!(series.find(1).is_some());
    assert_eq!(series.insert(4, int(ALIVE, 0), limit), Err(Full), "all were seen lately");
    assert_eq!(series.insert(4, int(ALIVE + 1, 0), limit), Ok(1));
    assert_eq!(chain(&series), [3, 1, 4]);
    assert!(series.find(2).is_none());
    // A time far ahead keeps nobody alive for ever.
    let mut series = Series::new();
    assert_eq!(series.insert(1, int(u64::MAX, 0), SERIES_BYTES), Ok(0));
    assert_eq!(series.insert(2, int(5, 0), SERIES_BYTES), Ok(1));
}

#[test]
fn a_histogram_takes_the_room_of_its_buckets() {
    let mut series = Series::new();
    let limit = 100 * SERIES_BYTES;
    assert_eq!(series.insert(1, histogram(0, 100_000), limit), Err(Full), "more than all there is");
    for id in 0..90 {
        series.insert(id, int(0, 0), limit).unwrap();
    }
    let forgotten = series.insert(999, histogram(ALIVE + 1, 500), limit).unwrap();
    assert!(forgotten > 0);
    assert!(series.bytes() <= limit);
    let before = series.bytes();
    series.replace(histogram(ALIVE + 1, 10), limit).unwrap();
    assert_eq!(series.bytes(), before - 490 * 8);
    assert_eq!(series.replace(histogram(ALIVE + 1, 1000), limit), Err(Full));
    series.forget_before(u64::MAX, 0..series.places());
    assert_eq!((series.len(), series.bytes()), (0, 0));
}

#[test]
fn what_is_stale_goes_and_its_memory_with_it() {
    let mut series = Series::new();
    for id in 0..1000u64 {
        series.insert(id.into(), int(id, 1), usize::MAX).unwrap();
    }
    assert_eq!(series.forget_before(990, 0..500), 500);
    assert_eq!(series.forget_before(990, 0..2000), 490);
    assert_eq!(series.len(), 10);
    series.shrink();
    assert_eq!(series.places(), 10);
    assert_eq!(chain(&series), (990..1000).collect::<Vec<u128>>());
    assert!(series.find(995).is_some());
}

proptest! {
    #[test]
    fn prop_series_behave_as_a_map_in_order_of_sight(steps in proptest::collection::vec((0u8..4, 0u128..12, 0u64..20), 0..200)) {
        let mut series = Series::new();
        let mut model: BTreeMap<u128, u64> = BTreeMap::new();
        let mut order: Vec<u128> = Vec::new();
        for (step, id, time) in steps {
            match step {
                0 | 1 => match series.find(id) {
                    Some(point) => {
                        prop_assert_eq!(model.get(&id), Some(&point.time));
                        order.retain(|other| *other != id);
                        order.push(id);
                    }
                    None => {
                        prop_assert!(!model.contains_key(&id));
                        series.insert(id, histogram(time, id as usize), usize::MAX).unwrap();
                        model.insert(id, time);
                        order.push(id);
                    }
                },
                2 => {
                    series.forget_before(time, 0..series.places());
                    model.retain(|_, seen| *seen >= time);
                    order.retain(|id| model.contains_key(id));
                }
                _ => series.shrink(),
            }
            prop_assert_eq!(series.len(), model.len());
            prop_assert_eq!(chain(&series), order.clone());
            let buckets: usize = model.keys().map(|id| *id as usize * 8 + size_of::<Distribution>() + SERIES_BYTES).sum();
            prop_assert_eq!(series.bytes(), buckets);
        }
    }
}
