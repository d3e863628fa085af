//! Targets that are broken or mean harm: the scrape fails with a reason that is told once, memory stays bounded, the neighbour is scraped on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::hostile::Hostile;
use warren_e2e::http::{Answer, Server};
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, page};

use crate::support::{PATIENCE, expect_peak_within, healthy_target, job, scrape_to, text_page};

/// Memory no hostile page may push the collector beyond: what new series of pages that have not ended may take, and the rest of the program.
const RESIDENT_BYTES_MAX: u64 = 128 << 20;

/// The same for all of them at once.
const CROWD_BYTES_MAX: u64 = 200 << 20;

/// Scrapes of the healthy neighbour that prove that it goes on, after the hostile page has been refused.
const FURTHER_SCRAPES: f64 = 3.0;

/// A collector with a hostile target and a healthy neighbour.
struct Scene {
    collector: Collector,
    receiver: Receiver,
    _targets: [Server; 2],
}

impl Scene {
    fn start(hostile: impl Fn() -> Answer + Send + Sync + 'static) -> Result<Scene> {
        Scene::start_with(json!({}), hostile)
    }

    /// The hostile target is scraped every `interval`.
    fn hostile(hostile: Hostile, interval: &str) -> Result<Scene> {
        let asked = AtomicU64::new(0);
        let settings = json!({"scrape_interval": interval, "scrape_timeout": interval});
        Scene::start_with(settings, move || hostile.answer(asked.fetch_add(1, Ordering::Relaxed)))
    }

    /// `settings` are added to the hostile target's scrape job.
    fn start_with(settings: serde_json::Value, hostile: impl Fn() -> Answer + Send + Sync + 'static) -> Result<Scene> {
        let (hostile, healthy) = (Server::start(move |_| hostile())?, healthy_target()?);
        let receiver = Receiver::start()?;
        let mut hostile_job = job("hostile", &hostile.address());
        hostile_job.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let config = scrape_to(&[hostile_job, job("healthy", &healthy.address())], &receiver.url());
        let collector = Setup::new(config)?.start()?;
        Ok(Scene { collector, receiver, _targets: [hostile, healthy] })
    }

    /// Values of `up` of one of the two jobs, in order of arrival.
    fn up(&self, job: &str) -> Vec<f64> {
        let samples = self.receiver.samples();
        let of_job = samples.iter().filter(|(labels, ..)| labels["__name__"] == "up" && labels["job"] == job);
        of_job.map(|(_, value, _)| *value).collect()
    }

    /// Waits until the hostile target has been refused twice and the neighbour scraped on, then checks what must hold: told once with
    /// `reason`, counted under `class`.
    fn expect_refusal(mut self, class: &str, reason: &str) -> Result<()> {
        let refused = |scene: &Scene| scene.up("hostile").len() >= 2;
        self.wait("the hostile target is refused twice", refused)?;
        self.expect_the_neighbour_unharmed()?;
        assert!(self.up("hostile").iter().all(|up| *up == 0.0), "up of the hostile target: {:?}", self.up("hostile"));
        let log = self.collector.log();
        let told: Vec<&str> = log.lines().filter(|line| line.contains("Failed to scrape Prometheus endpoint")).collect();
        assert!(!told.is_empty() && told[0].contains(reason), "the log does not say {reason:?}:\n{log}");
        assert_eq!(told.len(), 1, "told once and not with every scrape:\n{log}");
        let class = format!("reason=\"{class}\"");
        self.collector.wait_for_metric("warren_scrape_failures_total", &class, PATIENCE, |failures| failures >= 2.0)?;
        Ok(())
    }

    fn expect_the_neighbour_unharmed(&mut self) -> Result<()> {
        let before = self.receiver.values("healthy").last().copied().unwrap_or_default();
        self.receiver
            .wait_for("healthy", PATIENCE, |values| values.last().is_some_and(|last| *last >= before + FURTHER_SCRAPES))?;
        assert!(self.up("healthy").iter().all(|up| *up == 1.0), "{:?}", self.up("healthy"));
        let usage = self.collector.usage().expect("the collector runs");
        assert!(usage.resident_peak < RESIDENT_BYTES_MAX, "{} MiB resident", usage.resident_peak >> 20);
        Ok(())
    }

    fn wait(&self, what: &str, condition: impl Fn(&Scene) -> bool) -> Result<()> {
        warren_e2e::wait::until(what, PATIENCE, || condition(self).then_some(()))
    }
}

#[test]
fn a_page_that_never_ends_is_cut_by_the_scrape_timeout() -> Result<()> {
    Scene::hostile(Hostile::Endless, "1s")?.expect_refusal("connection", "deadline")
}

#[test]
fn a_page_that_makes_up_series_without_end_is_refused() -> Result<()> {
    // Long enough for slow machines: the bound on series must come before the end of the time.
    Scene::hostile(Hostile::EndlessSeries, "10s")?.expect_refusal("limit", "new series")
}

#[test]
fn a_page_beyond_its_body_size_limit_is_refused() -> Result<()> {
    let large = page::broker(1000, 0).text;
    // The bound must come before the end of the time on slow machines as well.
    let settings = json!({"body_size_limit": "1MB", "scrape_interval": "5s", "scrape_timeout": "5s"});
    Scene::start_with(settings, move || text_page(large.clone()))?.expect_refusal("size", "body size limit")
}

#[test]
fn a_line_of_ten_megabytes_is_refused() -> Result<()> {
    Scene::hostile(Hostile::LongLine, "1s")?.expect_refusal("format", "line")
}

#[test]
fn a_series_with_a_hundred_thousand_labels_harms_nobody() -> Result<()> {
    let mut scene = Scene::hostile(Hostile::ManyLabels, "1s")?;
    scene.wait("the hostile target is scraped twice", |scene| scene.up("hostile").len() >= 2)?;
    scene.expect_the_neighbour_unharmed()
}

#[test]
fn a_page_with_invalid_utf_8_is_refused() -> Result<()> {
    Scene::hostile(Hostile::NoText, "1s")?.expect_refusal("format", "UTF-8")
}

#[test]
fn a_gzip_stream_that_breaks_off_is_refused() -> Result<()> {
    Scene::hostile(Hostile::CutGzip, "1s")?.expect_refusal("format", "gzip")
}

#[test]
fn a_gzip_bomb_is_refused_before_it_unfolds_in_memory() -> Result<()> {
    Scene::hostile(Hostile::Bomb, "10s")?.expect_refusal("size", "body size limit")
}

#[test]
fn a_page_of_hypertext_is_refused() -> Result<()> {
    let page = "<!DOCTYPE html>\n<html><body>It works!</body></html>\n";
    Scene::start(move || Answer::ok("text/html", page.as_bytes()))?.expect_refusal("format", "line 1")
}

#[test]
fn metrics_under_a_foreign_content_type_are_read_as_text() -> Result<()> {
    let scene = Scene::start(|| Answer::ok("application/json", *b"# TYPE odd gauge\nodd 7\n"))?;
    let values = scene.receiver.wait_for("odd", PATIENCE, |values| !values.is_empty())?;
    assert_eq!(values[0], 7.0);
    Ok(())
}

#[test]
fn a_target_that_accepts_and_says_nothing_times_out() -> Result<()> {
    Scene::hostile(Hostile::Silent, "1s")?.expect_refusal("connection", "deadline")
}

#[test]
fn an_answer_that_is_no_http_is_refused() -> Result<()> {
    Scene::hostile(Hostile::NoHttp, "1s")?.expect_refusal("connection", "http")
}

#[test]
fn memory_comes_back_after_one_giant_page() -> Result<()> {
    let (asked, over) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
    let (giant, small) = (page::broker(20_000, 0).text, page::broker(10, 0).text);
    let settings = json!({"scrape_interval": "5s", "scrape_timeout": "5s"});
    let giant_is_over = Arc::clone(&over);
    let scene = Scene::start_with(settings, move || {
        // Until it has been read once: a busy machine may not manage it in time at the first attempt.
        let giant_now = asked.fetch_add(1, Ordering::Relaxed) > 0 && !giant_is_over.load(Ordering::Relaxed);
        text_page(if giant_now { giant.clone() } else { small.clone() })
    })?;
    let resident = || scene.collector.usage().map_or(0, |usage| usage.resident);
    let sizes = |scene: &Scene| {
        let samples = scene.receiver.samples();
        let sizes =
            samples.iter().filter(|(labels, ..)| labels["__name__"] == "scrape_samples_scraped" && labels["job"] == "hostile");
        sizes.map(|(_, value, _)| *value).collect::<Vec<f64>>()
    };
    scene.wait("the small page is scraped", |scene| !sizes(scene).is_empty())?;
    let level = resident();
    warren_e2e::wait::until("the giant page is scraped", Duration::from_secs(90), || {
        sizes(&scene).last().is_some_and(|size| *size > 400_000.0).then(|| over.store(true, Ordering::Relaxed))
    })?;
    // Its series get stale markers with the next scrape; with the one after that nothing of it is needed any more.
    let back = format!("memory returns to its level of {} MiB", level >> 20);
    // On a busy machine the receiver takes its time with the stale markers, and what waits for it is in memory.
    warren_e2e::wait::until(back, Duration::from_secs(240), || {
        let small_again = sizes(&scene).iter().rev().take_while(|size| **size < 400_000.0).count() >= 2;
        (small_again && resident() < level + (8 << 20)).then_some(())
    })
}

#[test]
fn a_crowd_of_hostile_targets_costs_the_one_good_target_nothing() -> Result<()> {
    crowd(&json!({}), CROWD_BYTES_MAX)
}

/// With limits what it may take is not much more than what it takes.
#[test]
fn a_crowd_with_limits_stays_within_what_validate_says_of_its_memory() -> Result<()> {
    crowd(&json!({"body_size_limit": "256KB"}), u64::MAX)
}

/// `limits` are added to all jobs.
fn crowd(limits: &serde_json::Value, resident_max: u64) -> Result<()> {
    const SCRAPES: usize = 15;
    let (healthy, receiver) = (healthy_target()?, Receiver::start()?);
    let crowd: Vec<(String, Server)> =
        Hostile::ALL.iter().map(|hostile| Ok((format!("{hostile:?}"), hostile.serve()?))).collect::<Result<_>>()?;
    let mut jobs = vec![job("healthy", &healthy.address())];
    // Room for a machine that is busy with other tests as well.
    (jobs[0]["scrape_interval"], jobs[0]["scrape_timeout"]) = (json!("3s"), json!("3s"));
    for (name, server) in &crowd {
        let mut hostile = job(name, &server.address());
        // Two of them keep a processor busy as long as they may.
        hostile["scrape_interval"] = json!("10s");
        hostile["scrape_timeout"] = json!("2s");
        jobs.push(hostile);
    }
    for job in &mut jobs {
        job.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    }
    let collector = Setup::new(scrape_to(&jobs, &receiver.url()))?.start()?;
    let healthy = receiver.wait_for("healthy", 4 * PATIENCE, |values| values.len() >= SCRAPES)?;
    let expected: Vec<f64> = (1..=healthy.len()).map(|number| number as f64).collect();
    assert_eq!(healthy, expected, "each scrape once and in order");
    expect_peak_within(&collector, resident_max)?;
    let samples = receiver.samples();
    let up = |job: &str| -> Vec<f64> {
        samples.iter().filter(|(labels, ..)| labels["__name__"] == "up" && labels["job"] == job).map(|up| up.1).collect()
    };
    assert!(up("healthy").iter().all(|up| *up == 1.0));
    for (name, _) in &crowd {
        let harmless = [Hostile::NewSeries, Hostile::ManyLabels].iter().any(|harmless| format!("{harmless:?}") == *name);
        let (scrapes, well) = (up(name).len(), up(name).iter().filter(|up| **up == 1.0).count());
        assert!(scrapes > 1 && (harmless || well == 0), "{name}: {well} of {scrapes} scrapes are well");
    }
    Ok(())
}
