//! The journal: what `journalctl` shows arrives, once, whatever happens to the files and to the collector.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warren_e2e::collector::{self, Collector, Setup};
use warren_e2e::journald::{self, Journald};
use warren_e2e::rabbitmq::{self, RabbitMq, Wishes};
use warren_e2e::{Result, process};

use crate::support::PATIENCE;

/// Messages of the stream that everything happens to.
const STREAM: u64 = 20_000;

fn config(receiver: Value) -> Value {
    json!({
        "receivers": {"journald": receiver},
        "exporters": {"debug": {"verbosity": "detailed", "use_internal_logger": false}},
        "service": {"pipelines": {"logs": {"receivers": ["journald"], "exporters": ["debug"]}}},
    })
}

/// The bodies of the records that a collector showed.
fn bodies(log: &str) -> Vec<Value> {
    let bodies = log.lines().filter_map(|line| line.strip_prefix("Body: Map(")?.strip_suffix(')'));
    // The last line of a collector that was killed may not be whole; it was not taken.
    bodies.filter_map(|body| serde_json::from_str(body).ok()).collect()
}

fn read_all(mut collector: Collector, records: f64) -> Result<Vec<Value>> {
    let accepted = "otelcol_receiver_accepted_log_records";
    collector.wait_for_metric(accepted, "", PATIENCE, |count| count >= records)?;
    collector.stop()?;
    Ok(bodies(&collector.log()))
}

#[test]
fn records_are_what_journalctl_shows() -> Result<()> {
    let root = tempfile::tempdir().unwrap();
    let export = root.path().join("broker.export");
    std::fs::write(&export, journald::broker_export(3000)).unwrap();
    for (layout, environment) in
        [("compact", vec![]), ("regular", vec![("SYSTEMD_JOURNAL_COMPACT", "0"), ("SYSTEMD_JOURNAL_KEYED_HASH", "0")])]
    {
        let directory = root.path().join(layout);
        std::fs::create_dir(&directory).unwrap();
        journald::import(&export, &directory.join("remote.journal"), &environment)?;
        for (settings, arguments) in [
            (json!({}), vec!["--priority=info"]),
            (json!({"units": ["rabbitmq-server"], "priority": "err"}), vec!["--unit=rabbitmq-server", "--priority=err"]),
            (json!({"units": ["*mq*"], "priority": "4..6"}), vec!["--unit=*mq*", "--priority=4..6"]),
            (json!({"identifiers": ["ssh"], "priority": "7"}), vec!["--identifier=ssh", "--priority=7"]),
            (
                json!({"matches": [{"PRIORITY": "3", "_SYSTEMD_UNIT": "ssh.service"}, {"TAG": "b"}], "priority": "debug"}),
                vec!["--priority=debug", "PRIORITY=3", "_SYSTEMD_UNIT=ssh.service", "+", "TAG=b"],
            ),
            (json!({"grep": "<0.1[0-9]5.0>", "priority": "debug"}), vec!["--grep=<0.1[0-9]5.0>", "--priority=debug"]),
        ] {
            let mut expected = journald::shown(&directory, &arguments)?;
            for entry in &mut expected {
                entry.as_object_mut().unwrap().remove("__REALTIME_TIMESTAMP");
            }
            assert!(!expected.is_empty(), "{arguments:?}");
            let mut receiver = settings.clone();
            receiver["directory"] = json!(directory);
            receiver["start_at"] = json!("beginning");
            let records = read_all(Setup::new(config(receiver))?.start()?, expected.len() as f64)?;
            assert_eq!(records.len(), expected.len(), "{layout} {settings}");
            for (record, expected) in records.iter().zip(&expected) {
                assert_eq!(record, expected, "{layout} {settings}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_stream_loses_nothing_to_rotation_flush_and_kills() -> Result<()> {
    let mut journald = Journald::start()?;
    let state = tempfile::tempdir().unwrap();
    let receiver = json!({"root_path": journald.root(), "start_at": "beginning", "identifiers": ["stream"]});
    let start = || Setup::new(config(receiver.clone()))?.args(["--state-dir", state.path().to_str().unwrap()]).start();
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut collect = |log: &str| {
        for body in bodies(log) {
            *seen.entry(body["MESSAGE"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    };
    let mut collector = start()?;
    let mut killed = 0;
    for part in 0..20 {
        journald.send("stream", (part * STREAM / 20..(part + 1) * STREAM / 20).map(|number| format!("line {number}")))?;
        match part {
            3 | 9 | 15 => journald.rotate(),
            6 => journald.flush()?,
            4 | 7 | 12 => {
                collector.process().signal(rustix::process::Signal::KILL);
                collector.process().wait(PATIENCE)?;
                collect(&collector.log());
                killed += 1;
                if part == 7 {
                    journald.rotate();
                    journald.send("stream", ["while nobody reads".to_owned()])?;
                    journald.rotate();
                }
                collector = start()?;
            }
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    let last = format!("\"line {}\"", STREAM - 1);
    collector.wait_for_log(&last, PATIENCE)?;
    collector.stop()?;
    collect(&collector.log());
    let missing: Vec<u64> = (0..STREAM).filter(|number| !seen.contains_key(&format!("line {number}"))).collect();
    assert_eq!(missing, [0u64; 0]);
    assert!(seen.contains_key("while nobody reads"));
    let twice = seen.values().filter(|times| **times > 1).count();
    assert!(twice <= killed * 1024, "{twice} lines twice after {killed} kills");
    Ok(())
}

#[test]
fn a_stop_and_a_start_read_each_line_once() -> Result<()> {
    let journald = Journald::start()?;
    let state = tempfile::tempdir().unwrap();
    let receiver = json!({"root_path": journald.root(), "identifiers": ["once"]});
    let start = || Setup::new(config(receiver.clone()))?.args(["--state-dir", state.path().to_str().unwrap()]).start();
    journald.send("once", ["before".to_owned()])?;
    std::thread::sleep(Duration::from_millis(500));
    let mut lines = Vec::new();
    for round in 0..3 {
        let mut collector = start()?;
        if round == 0 {
            // Where it begins is kept once it is known.
            until(|| state.path().join("receiver_journald_/position").exists());
            std::thread::sleep(Duration::from_millis(500));
        }
        journald.send("once", [format!("while it runs {round}")])?;
        collector.wait_for_log(&format!("while it runs {round}"), PATIENCE)?;
        collector.stop()?;
        lines.extend(bodies(&collector.log()).iter().map(|body| body["MESSAGE"].as_str().unwrap().to_owned()));
        journald.send("once", [format!("while it rests {round}")])?;
    }
    let expected =
        ["while it runs 0", "while it rests 0", "while it runs 1", "while it rests 1", "while it runs 2"].map(str::to_owned);
    assert_eq!(lines, expected);
    Ok(())
}

fn until(mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_full_disk_does_not_keep_the_position_from_being_kept() -> Result<()> {
    let mut journald = Journald::start()?;
    let state = journald.mount("/run/small", "256k")?;
    let receiver = json!({"root_path": journald.root(), "start_at": "beginning", "identifiers": ["full"]});
    let start = || Setup::new(config(receiver.clone()))?.args(["--state-dir", state.to_str().unwrap()]).start();
    let mut collector = start()?;
    journald.send("full", ["first".to_owned()])?;
    collector.wait_for_log("\"first\"", PATIENCE)?;
    std::fs::write(state.join("filling"), vec![1; 1 << 20]).unwrap_err();
    std::fs::write(state.join("more"), [1; 4096]).unwrap_err();
    journald.send("full", (0..3000).map(|number| format!("line {number}")))?;
    collector.wait_for_log("\"line 2999\"", PATIENCE)?;
    // What was taken is kept before the next slice is read.
    journald.send("full", ["last".to_owned()])?;
    collector.wait_for_log("\"last\"", PATIENCE)?;
    collector.process().signal(rustix::process::Signal::KILL);
    collector.process().wait(PATIENCE)?;
    assert!(!collector.log().contains("Cannot keep"), "{}", collector.log());
    journald.rotate();
    journald.send("full", ["after".to_owned()])?;
    let mut collector = start()?;
    collector.wait_for_log("\"after\"", PATIENCE)?;
    collector.stop()?;
    let again = bodies(&collector.log());
    assert!(again.len() <= 2, "{} records again", again.len() - 1);
    Ok(())
}

#[test]
fn what_doctor_mends_brings_a_brokers_log_into_the_journal() -> Result<()> {
    let journald = Journald::start()?;
    rabbitmq::settle(&journald)?;
    let doctor = |arguments: &[&str]| {
        let mut command = journald.enter(collector::binary()?);
        process::run("doctor", command.arg("doctor").args(arguments), PATIENCE)
    };
    // As Debian sets its broker up, with the unit that its package brings.
    let found = doctor(&[])?.stdout;
    assert!(found.contains("wrong  broker-log      RabbitMQ writes its log to files"), "{found}");
    let mended = doctor(&["--fix"])?;
    assert!(mended.stdout.contains("good   broker-log"), "{mended:?}");
    let broker = RabbitMq::start_with(&Wishes { beside: Some(&journald), ..Wishes::default() })?;
    let found = doctor(&["--endpoint", &format!("http://{}/metrics", broker.metrics_address())])?;
    assert!(!found.stdout.contains("wrong"), "{found:?}");
    let receiver = json!({"root_path": journald.root(), "start_at": "beginning", "identifiers": ["rabbitmq-server"]});
    let mut collector = Setup::new(config(receiver))?.start()?;
    collector.wait_for_log("Server startup complete", PATIENCE)?;
    collector.stop()?;
    // An event of several lines is one entry.
    let bodies = bodies(&collector.log());
    let configuration = bodies.iter().find(|body| body["MESSAGE"].as_str().is_some_and(|text| text.contains("config file(s)")));
    let message = configuration.expect("where its settings are is among what it logs")["MESSAGE"].as_str().unwrap();
    assert!(message.lines().count() > 3 && message.contains("/etc/rabbitmq/conf.d/90-warren-journal.conf"), "{message}");
    Ok(())
}
