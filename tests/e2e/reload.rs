//! A running collector is given other configurations: what does not change does not notice, what is refused changes nothing, and over many
//! edits under load no sample is lost or doubled and nothing leaks.
//!
//! `WARREN_RELOAD_MINUTES=10` makes the random edits two hundred in ten minutes; `WARREN_RELOAD_SEED` makes them others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::http::{Answer, Server};
use warren_e2e::otlp::send_point;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{Editable as Scene, PATIENCE, healthy_target, job, scrape_to};

#[test]
fn a_plan_is_told_before_and_carried_out_when_asked() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let mut scene = Scene::start(scrape_to(&[job("job", &target.address())], &receiver.url()))?;
    scene.config["exporters"]["prometheusremotewrite"]["timeout"] = json!("7s");
    scene.write(&scene.config.to_string());
    let plan = "replace exporter prometheusremotewrite (metrics): its settings changed\n1 components stay as they are\n";
    for (command, says) in [
        (&["reload", "--dry-run"][..], plan),
        (&["reload", "--dry-run"], plan),
        (&["reload"], plan),
        (&["reload"], "nothing changes; 2 components stay as they are\n"),
    ] {
        assert_eq!(scene.ask(command)?.as_deref(), Ok(says));
    }
    let status = scene.ask(&["status"])?.unwrap();
    assert!(status.contains("OK               exporter prometheusremotewrite (metrics)"), "{status}");
    assert_eq!(scene.collector.metric("warren_reload_total", "result=\"applied\"")?, Some(1.0));
    assert_eq!(scene.collector.metric("warren_reload_total", "result=\"unchanged\"")?, Some(1.0));
    Ok(())
}

#[test]
fn what_is_refused_changes_nothing_and_is_told() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let scene = Scene::start(scrape_to(&[job("job", &target.address())], &receiver.url()))?;
    let before = scene.ask(&["status"])?.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut unbuildable = scene.config.clone();
    unbuildable["receivers"]["otlp"] = json!({"protocols": {"http": {"endpoint": taken.local_addr().unwrap().to_string()}}});
    unbuildable["service"]["pipelines"]["metrics"]["receivers"] = json!(["prometheus", "otlp"]);
    for (text, says) in [
        (scene.config.to_string().replace("endpoint", "endpint"), "endpint"),
        ("{".to_owned(), "failed to get config"),
        (unbuildable.to_string(), "address already in use"),
    ] {
        scene.write(&text);
        let refusal = scene.ask(&["reload"])?.unwrap_err();
        assert!(refusal.contains("nothing has changed") && refusal.contains(says), "{refusal}");
        let status = scene.ask(&["status"])?.unwrap();
        assert!(status.contains("degraded: "), "{status}");
        assert_eq!(status.lines().next(), before.lines().next());
    }
    assert_eq!(scene.collector.metric("warren_reload_total", "result=\"refused\"")?, Some(3.0));
    let count = receiver.values("healthy").len();
    receiver.wait_for("healthy", PATIENCE, |values| values.len() >= count + 2)?;
    assert_eq!(unbroken(&receiver.values("healthy")), None);
    scene.reload()?.unwrap();
    assert_eq!(scene.ask(&["status"])?.unwrap(), before);
    Ok(())
}

#[test]
fn sighup_and_a_watched_file_do_the_same() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let config = scrape_to(&[job("job", &target.address())], &receiver.url());
    let mut watching = Setup::new(config.clone())?.args(["--watch"]).start()?;
    let changed = |timeout: &str| {
        let mut changed: Value = serde_json::from_str(&std::fs::read_to_string(watching.config_path()).unwrap()).unwrap();
        changed["exporters"]["prometheusremotewrite"]["timeout"] = json!(timeout);
        std::fs::write(watching.config_path(), changed.to_string()).unwrap();
    };
    changed("7s");
    watching.wait_for_metric("warren_reload_total", "result=\"applied\"", PATIENCE, |count| count == 1.0)?;
    let mut signalled = Setup::new(config)?.start()?;
    signalled.process().signal(rustix::process::Signal::HUP);
    signalled.wait_for_metric("warren_reload_total", "result=\"unchanged\"", PATIENCE, |count| count == 1.0)?;
    Ok(())
}

#[test]
fn a_bad_configuration_is_made_up_for_by_the_last_good_one() -> Result<()> {
    let (target, receiver) = (healthy_target()?, Receiver::start()?);
    let config = scrape_to(&[job("job", &target.address())], &receiver.url());
    let mut scene = Scene::start(config.clone())?;
    let kept = scene.state.path().join("last-good.json");
    wait::until("the configuration is kept", PATIENCE, || kept.exists().then_some(()))?;
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    scene.collector.stop()?;
    let bad = || Setup::text(config.to_string().replace("endpoint", "endpint")).telemetry(1);
    let state = ["--state-dir", scene.state.path().to_str().unwrap()];
    let count = receiver.values("healthy").len();
    let mut degraded = bad().args(state).start()?;
    receiver.wait_for("healthy", PATIENCE, |values| values.len() > count)?;
    assert!(scene.ask(&["status"])?.unwrap().contains("degraded: "));
    degraded.stop()?;
    let refused = bad().args(state).args(["--no-last-good"]).run()?;
    assert_eq!(refused.status.code(), Some(1));
    Ok(())
}

#[test]
#[allow(clippy::print_stdout, reason = "a long run leaves a report")]
fn edits_under_load_lose_nothing_double_nothing_and_leak_nothing() -> Result<()> {
    let minutes = std::env::var("WARREN_RELOAD_MINUTES").ok().and_then(|minutes| minutes.parse::<u64>().ok());
    let seed = std::env::var("WARREN_RELOAD_SEED").ok().and_then(|seed| seed.parse::<u64>().ok()).unwrap_or(7);
    let (edits, pause) = minutes.map_or((20, Duration::from_millis(500)), |minutes| (20 * minutes, Duration::from_secs(3)));
    let load = Load::start()?;
    let mut scene = Scene::start(load.config())?;
    let posting = load.post();
    let mut editor = Editor { random: seed, spare: healthy_target()?, extra: load.extra.url() };
    // What a first edit of each kind brings into being (threads, arenas, buffers) stays.
    for kind in 0..Editor::KINDS {
        editor.edit(kind, &mut scene)?;
        std::thread::sleep(pause);
    }
    let before = (scene.descriptors(), scene.own("warren_runtime_tasks"), settled_memory(&scene.collector));
    for _ in 0..edits {
        let kind = editor.next(Editor::KINDS);
        editor.edit(kind, &mut scene)?;
        std::thread::sleep(pause);
    }
    editor.restore(&mut scene, load.config())?;
    let posted = posting.end();
    for receiver in [&load.kept, &load.changing] {
        let arrived = receiver.wait_for("posted", PATIENCE, |values| values.len() >= posted)?;
        let mut sorted = arrived.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(unbroken(&sorted), None, "of what was posted, after {edits} edits, seed {seed}");
        for job in ["steady", "edited"] {
            let scrapes = scrapes_of(receiver, job);
            let late = scrapes.windows(2).find(|pair| pair[1].1 - pair[0].1 > 2_000 + 100);
            assert_eq!(late, None, "{job} was scraped late, seed {seed}");
        }
        let steady: Vec<f64> = scrapes_of(receiver, "steady").iter().map(|scrape| scrape.0).collect();
        assert_eq!(unbroken(&steady), None, "of the scrapes of a job that stays, seed {seed}");
    }
    let left = wait::until("nothing of former configurations is left", PATIENCE, || {
        (scene.descriptors() <= before.0 + 2 && scene.own("warren_runtime_tasks") <= before.1 + 2.0).then_some(())
    });
    let (descriptors, tasks) = (scene.descriptors(), scene.own("warren_runtime_tasks"));
    assert!(left.is_ok(), "descriptors {} → {descriptors}, tasks {} → {tasks}", before.0, before.1);
    let memory = settled_memory(&scene.collector);
    let grown = memory.saturating_sub(before.2);
    println!(
        "{edits} edits, {posted} points posted, seed {seed}: RSS {} → {memory}, descriptors {}",
        before.2,
        scene.descriptors()
    );
    assert!(grown <= if minutes.is_some() { 1 << 20 } else { 3 << 20 }, "RSS grew by {grown} bytes");
    Ok(())
}

/// Resident memory at its lowest of a few looks: between two scrapes.
fn settled_memory(collector: &Collector) -> u64 {
    let look = |_| {
        std::thread::sleep(Duration::from_millis(200));
        collector.usage().unwrap().resident
    };
    (0..10).map(look).min().unwrap()
}

/// Targets that are scraped, points that are posted, and where both must arrive.
struct Load {
    otlp: u16,
    steady: Server,
    edited: Server,
    kept: Receiver,
    changing: Receiver,
    /// For a pipeline that comes and goes.
    extra: Receiver,
}

impl Load {
    fn start() -> Result<Load> {
        Ok(Load {
            otlp: port::free()?,
            steady: healthy_target()?,
            edited: healthy_target()?,
            kept: Receiver::start()?,
            changing: Receiver::answering(|_| {
                // Something is always on its way when the exporter changes.
                std::thread::sleep(Duration::from_millis(50));
                Answer::status(204)
            })?,
            extra: Receiver::start()?,
        })
    }

    fn config(&self) -> Value {
        let jobs = [job("steady", &self.steady.address()), job("edited", &self.edited.address())];
        json!({
            "extensions": {"basicauth": {"client_auth": {"username": "u", "password": "p"}}},
            "receivers": {
                "otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{}", self.otlp)}}},
                "prometheus": {"config": {"scrape_configs": jobs}},
            },
            "processors": {"batch": {"timeout": "100ms"}, "attributes": {"actions": [{"key": "k", "action": "delete"}]}},
            "exporters": {
                "prometheusremotewrite/kept": {"endpoint": self.kept.url()},
                "prometheusremotewrite/changing": {
                    "endpoint": self.changing.url(), "timeout": "5s", "auth": {"authenticator": "basicauth"},
                },
            },
            "service": {"extensions": ["basicauth"], "pipelines": {"metrics": {
                "receivers": ["otlp", "prometheus"],
                "processors": ["batch"],
                "exporters": ["prometheusremotewrite/kept", "prometheusremotewrite/changing"],
            }}},
        })
    }

    /// Posts one point after the other; every one must be taken at once.
    fn post(&self) -> Posting {
        let (port, end, count) = (self.otlp, Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ended, posted) = (Arc::clone(&end), Arc::clone(&count));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let value = posted.load(Ordering::Relaxed) + 1;
                send_point(port, "posted", value as u64).unwrap_or_else(|error| panic!("point {value}: {error}"));
                posted.store(value, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Posting { end, count, thread }
    }
}

struct Posting {
    end: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Posting {
    /// Ends, and says how many points were taken.
    fn end(self) -> usize {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.count.load(Ordering::Relaxed)
    }
}

/// Makes edits at random.
struct Editor {
    random: u64,
    spare: Server,
    extra: String,
}

impl Editor {
    const KINDS: u64 = 11;

    /// A number below a bound (Knuth's linear congruential generator).
    fn next(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    fn edit(&mut self, kind: u64, scene: &mut Scene) -> Result<()> {
        let number = self.next(50) + 1;
        let config = &mut scene.config;
        match kind {
            0 => config["exporters"]["prometheusremotewrite/changing"]["timeout"] = json!(format!("{}s", 5 + number)),
            1 => config["exporters"]["prometheusremotewrite/changing"]["remote_write_queue"] = json!({"num_consumers": number}),
            2 => config["extensions"]["basicauth"]["client_auth"]["password"] = json!(format!("p{number}")),
            3 => config["processors"]["batch"]["timeout"] = json!(format!("{}ms", 50 + number)),
            4 => {
                let processors = &mut config["service"]["pipelines"]["metrics"]["processors"];
                *processors = if number.is_multiple_of(2) { json!(["batch"]) } else { json!(["attributes", "batch"]) };
            }
            5 => config["receivers"]["otlp"]["protocols"]["http"]["max_request_body_size"] = json!((1 << 20) + number),
            6 => config["receivers"]["prometheus"]["config"]["scrape_configs"][1]["sample_limit"] = json!(1000 + number),
            7 => {
                let targets =
                    &mut config["receivers"]["prometheus"]["config"]["scrape_configs"][0]["static_configs"][0]["targets"];
                let first = targets[0].clone();
                *targets = if number.is_multiple_of(2) { json!([first]) } else { json!([first, self.spare.address()]) };
            }
            8 => {
                let id = "prometheusremotewrite/extra";
                if config["exporters"].as_object_mut().unwrap().remove(id).is_some() {
                    config["service"]["pipelines"].as_object_mut().unwrap().remove("metrics/extra");
                } else {
                    config["exporters"][id] = json!({"endpoint": self.extra});
                    config["service"]["pipelines"]["metrics/extra"] = json!({"receivers": ["otlp"], "exporters": [id]});
                }
            }
            9 => {
                let bad = scene.config.to_string().replace("\"batch\":", "\"bach\":");
                scene.write(&bad);
                assert!(scene.ask(&["reload"])?.is_err(), "a bad configuration is refused");
                return Ok(());
            }
            _ => {
                config["service"]["telemetry"]["logs"] = json!({"level": if number.is_multiple_of(2) { "info" } else { "debug" }})
            }
        }
        let answer = scene.reload()?;
        assert!(answer.is_ok(), "edit {kind}: {answer:?}");
        Ok(())
    }

    /// Goes back to the configuration of the beginning.
    fn restore(&mut self, scene: &mut Scene, config: Value) -> Result<()> {
        let telemetry = scene.config["service"]["telemetry"]["metrics"].clone();
        scene.config = config;
        scene.config["service"]["telemetry"] = json!({"metrics": telemetry});
        scene.reload()?.map(drop).map_err(|refusal| panic!("{refusal}"))
    }
}

/// The scrapes of a job's first target that have arrived: what it answered, and when it was asked.
fn scrapes_of(receiver: &Receiver, job: &str) -> Vec<(f64, i64)> {
    let mut by_instance: BTreeMap<String, Vec<(f64, i64)>> = BTreeMap::new();
    for (labels, value, time) in receiver.samples() {
        let is = |name: &str, wanted: &str| labels.get(name).is_some_and(|own| own == wanted);
        if is("__name__", "healthy") && is("job", job) && !value.is_nan() {
            by_instance.entry(labels.get("instance").cloned().unwrap_or_default()).or_default().push((value, time));
        }
    }
    // The spare target comes and goes.
    let mut longest = by_instance.into_values().max_by_key(Vec::len).unwrap_or_default();
    longest.sort_by_key(|scrape| scrape.1);
    longest
}

/// The first value that is not one more than the one before it, if they do not count from one.
fn unbroken(values: &[f64]) -> Option<(usize, f64)> {
    values.iter().enumerate().map(|(index, value)| (index + 1, *value)).find(|(expected, value)| *expected as f64 != *value)
}
