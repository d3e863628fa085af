//! One exporter's trouble is nobody else's: with ill receivers beside them the well ones get every sample, memory stays bounded, and the collector's
//! own metrics say who is ill. How long samples take is measured by `cargo xtask bench --isolation`.

use std::time::Duration;

use warren_e2e::isolation::{Illness, Load, Scene, own_figures};
use warren_e2e::{Result, wait};

use crate::support::{PATIENCE, expect_peak_within};

/// Memory that five ill receivers of six may not push the collector beyond.
const RESIDENT_BYTES_MAX: u64 = 60 << 20;

/// The queues of those who are ill are full after a few seconds.
const LOAD: Load =
    Load { queues: 20, interval: 1, pace: Duration::from_millis(50), duration: Duration::from_secs(15), queue_size: Some(100) };

#[test]
fn the_well_get_everything_and_own_metrics_say_who_is_ill() -> Result<()> {
    for patients in [&Illness::ALL[..4], &Illness::ALL[..]] {
        let mut scene = Scene::start(&LOAD, patients, true, None)?;
        scene.offer(&LOAD)?;
        for illness in patients {
            let id = illness.exporter();
            let waits = || {
                let figures = own_figures(&scene.collector, &id).ok()?;
                let of = |name: &str| figures.get(name).copied().unwrap_or_default();
                let queued = of("otelcol_exporter_queue_size") > 10.0 && of("warren_exporter_oldest_item_age_seconds") > 5.0;
                let refused = of("otelcol_exporter_enqueue_failed_metric_points") > 0.0;
                // One that is slow may have taken something by now.
                let succeeded =
                    figures.contains_key("warren_exporter_last_success_timestamp_seconds") && *illness != Illness::Slow;
                (queued && refused && !succeeded).then_some(())
            };
            wait::until(format!("own metrics say that {id} is ill"), PATIENCE, waits)?;
        }
        for id in scene.well.keys() {
            let figures = own_figures(&scene.collector, id)?;
            assert!(
                figures["otelcol_exporter_queue_size"] <= 2.0 && figures["otelcol_exporter_sent_metric_points"] > 1000.0,
                "{id}: {figures:?}"
            );
        }
        expect_peak_within(&scene.collector, RESIDENT_BYTES_MAX)?;
        // What the well ones have when it ends is the same, and nothing is missing.
        scene.collector.stop()?;
        let seen: Vec<_> = scene.well.values().map(|sink| sink.seen()).collect();
        for one in &seen {
            assert_eq!((one.samples, one.digest), (seen[0].samples, seen[0].digest));
            let numbers: Vec<u64> = one.numbered.keys().copied().collect();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
            assert_eq!(one.scrapes, (1..=one.scrapes.len() as u64).collect::<Vec<_>>());
            assert!(one.scrapes.len() as u64 + 1 >= scene.scrapes(), "{} of {} scrapes", one.scrapes.len(), scene.scrapes());
        }
    }
    Ok(())
}
