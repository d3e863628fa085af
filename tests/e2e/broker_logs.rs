//! Broker logs and operators: what a real RabbitMQ prints goes through real journal files and arrives as events, once each, crash reports whole,
//! also when the collector is killed on the way.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::http::{Answer, Server};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::{Result, journald, wait};

use crate::support::PATIENCE;

/// A receiver of logs that keeps them.
struct Sink {
    server: Server,
    records: Arc<Mutex<Vec<Record>>>,
}

/// A record with its resource.
#[derive(Clone, Debug)]
struct Record {
    body: String,
    severity: i64,
    attributes: BTreeMap<String, String>,
    resource: BTreeMap<String, String>,
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().cloned().unwrap_or_default()
}

fn attributes(value: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| match value.as_object().and_then(|object| object.values().next()) {
        Some(Value::String(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    list(value, "attributes").iter().map(|pair| (pair["key"].as_str().unwrap().to_owned(), text(&pair["value"]))).collect()
}

impl Sink {
    fn start() -> Result<Self> {
        let records = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&records);
        let server = Server::start(move |request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let mut records = shared.lock().unwrap_or_else(PoisonError::into_inner);
            for group in list(&body, "resourceLogs") {
                let resource = attributes(&group["resource"]);
                for record in list(&group, "scopeLogs").iter().flat_map(|scope| list(scope, "logRecords")) {
                    records.push(Record {
                        body: record["body"]["stringValue"].as_str().unwrap_or_default().to_owned(),
                        severity: record["severityNumber"].as_i64().unwrap_or_default(),
                        attributes: attributes(&record),
                        resource: resource.clone(),
                    });
                }
            }
            Answer::ok("application/json", *b"{}")
        })?;
        Ok(Self { server, records })
    }

    fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn wait_for(&self, what: &str, holds: impl Fn(&[Record]) -> bool) -> Result<Vec<Record>> {
        wait::until(what, PATIENCE, || Some(self.records()).filter(|records| holds(records)))
    }
}

/// What is read goes straight to the sink: what it did not take counts as not taken.
fn config(receiver: Value, sink: &Sink) -> Value {
    let exporter =
        json!({"endpoint": sink.server.url(""), "encoding": "json", "compression": "none", "sending_queue": {"enabled": false}});
    json!({
        "receivers": {"journald": receiver},
        "exporters": {"otlphttp": exporter},
        "service": {"pipelines": {"logs": {"receivers": ["journald"], "exporters": ["otlphttp"]}}},
    })
}

/// Writes lines into a journal as journald takes them from a service's output: an entry for each line that is not empty. Coloured ones are no
/// text to the export format, so that their length stands before them.
fn write(directory: &Path, first: u64, unit: &str, lines: &[String]) -> Result<()> {
    let mut export = Vec::new();
    for (number, line) in (first..).zip(lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty())) {
        let (realtime, monotonic) = (1_700_000_000_000_000 + number * 100, 1_000_000 + number * 100);
        let head = format!(
            "__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID={:032x}\nPRIORITY=6\n_HOSTNAME=broker-1\n\
             _TRANSPORT=stdout\n_STREAM_ID={:032x}\n_SYSTEMD_UNIT={unit}.service\nSYSLOG_IDENTIFIER={unit}\n_PID=77\nMESSAGE\n",
            0xabc,
            unit.len()
        );
        export.extend(head.into_bytes());
        export.extend((line.len() as u64).to_le_bytes());
        export.extend(line.as_bytes());
        export.extend(b"\n\n");
    }
    let file = directory.with_extension("export");
    std::fs::write(&file, export).unwrap();
    journald::import(&file, &directory.join("remote.journal"), &[])
}

fn kill(collector: &mut Collector) -> Result<()> {
    collector.process().signal(rustix::process::Signal::KILL);
    collector.process().wait(PATIENCE).map(drop)
}

/// A line without the colours of terminals.
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| out.push_str(part.split_once('m').map_or("", |(_, text)| text)));
    out
}

/// The events of a log, by what all lines of one begin with: time, level and process.
fn events(lines: &[String]) -> Vec<String> {
    // The banner ends without a line end, so that it stands before the first line of an event.
    let is_prefix = |prefix: &str| prefix.contains("] <0.") && prefix.starts_with(|c: char| c.is_ascii_digit());
    let mut events: Vec<(String, String)> = Vec::new();
    for line in lines.iter().map(|line| plain(line)) {
        let Some((prefix, text)) = line.split_once("> ").filter(|(prefix, _)| is_prefix(prefix)) else { continue };
        match events.last_mut() {
            Some((last, event)) if last == prefix => *event = format!("{event}\n{text}"),
            _ => events.push((prefix.to_owned(), text.to_owned())),
        }
    }
    // Blank lines at the ends say nothing, and journald does not keep blanks at the end of a line.
    let tidy = |event: &str| {
        let lines: Vec<&str> = event.lines().map(str::trim_end).collect();
        lines.join("\n").trim_end().trim_start_matches('\n').to_owned()
    };
    events.iter().map(|(_, event)| tidy(event)).collect()
}

/// What a broker prints while clients and processes fail.
fn provoked() -> Result<Vec<String>> {
    let broker = RabbitMq::start()?;
    let address = broker.amqp_url().replace("amqp://", "");
    for greeting in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"AMQP\x00\x00\x09\x01"] {
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(greeting).unwrap();
        let _ = client.read(&mut [0; 64]).unwrap();
    }
    broker.ctl(&["set_vm_memory_high_watermark", "absolute", "1"])?;
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"])?;
    broker.ctl(&["add_vhost", "orders"])?;
    broker.ctl(&[
        "eval",
        "proc_lib:spawn(fun() -> exit({bad_thing, lists:seq(1, 200)}) end), exit(whereis(rabbit_epmd_monitor), kill), ok.",
    ])?;
    std::thread::sleep(Duration::from_secs(1));
    let log = std::fs::read(broker.log_path()).unwrap();
    Ok(String::from_utf8_lossy(&log).lines().map(str::to_owned).collect())
}

#[test]
fn a_brokers_console_arrives_as_events_through_a_kill() -> Result<()> {
    let lines = provoked()?;
    let root = tempfile::tempdir().unwrap();
    let (journal, state) = (root.path().join("journal"), root.path().join("state"));
    std::fs::create_dir(&journal).unwrap();
    let sink = Sink::start()?;
    let receiver = json!({
        "directory": journal, "start_at": "beginning", "warren": {"broker_logs": "rabbitmq"},
        "operators": [
            {"type": "filter", "expr": "body matches '^wal: '"},
            {"type": "add", "if": "severity_number >= 17", "field": "attributes.page", "value": "EXPR('error in ' + resource['host.name'])"},
            {"type": "regex_parser", "if": "attributes['broker.event'] == 'alarm.set'", "parse_from": "body",
             "regex": "^(?P<kind>\\S+) resource limit"},
        ],
    });
    let start = || Setup::new(config(receiver.clone(), &sink))?.args(["--state-dir", state.to_str().unwrap()]).start();
    // The first lines are taken and what came last of them is held back when it is killed.
    let prefix = |line: &String| plain(line).split("> ").next().map(str::to_owned);
    let is_first = |index: &usize| prefix(&lines[*index]) != prefix(&lines[*index - 1]);
    let half = (lines.len() / 2..lines.len()).find(is_first).expect("an event's first line");
    write(&journal, 0, "rabbitmq-server", &lines[..half])?;
    let mut collector = start()?;
    sink.wait_for("some events", |records| records.len() > 20)?;
    kill(&mut collector)?;
    write(&journal, half as u64, "rabbitmq-server", &lines[half..])?;
    let mut collector = start()?;
    let wanted: HashSet<String> = events(&lines).into_iter().filter(|event| !event.starts_with("wal: ")).collect();
    let missing = |records: &[Record]| {
        let come: HashSet<&str> = records.iter().map(|record| record.body.as_str()).collect();
        wanted.iter().filter(|event| !come.contains(event.as_str())).cloned().collect::<Vec<_>>()
    };
    let come = sink.wait_for("all events", |records| missing(records).is_empty());
    assert!(come.is_ok(), "missing: {:#?}", missing(&sink.records()));
    let records = come?;
    collector.stop()?;
    let find = |start: &str| records.iter().find(|record| record.body.trim_start().starts_with(start)).expect("an event");
    let crash = find("crasher:");
    assert!(crash.body.contains("bad_thing,[1,2,3") && crash.body.contains("neighbours:"), "{}", crash.body);
    assert_eq!((crash.severity, crash.attributes["broker.event"].as_str()), (17, "crash"));
    assert_eq!(crash.attributes["page"], "error in broker-1");
    let resource =
        [("host.name", "broker-1"), ("service.name", "rabbitmq-server")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(crash.resource, BTreeMap::from(resource));
    let alarm = find("memory resource limit alarm set");
    let about = ["broker.alarm", "broker.event", "kind", "appname"].map(|key| alarm.attributes[key].as_str());
    assert_eq!((alarm.severity, about), (13, ["memory", "alarm.set", "memory", "rabbitmq"]));
    let refused = find("closing AMQP connection");
    assert!(refused.attributes.contains_key("network.peer.port") && refused.attributes["broker.reason"].contains("bad_header"));
    Ok(())
}

#[test]
fn what_recombine_holds_is_read_again_after_a_kill() -> Result<()> {
    let root = tempfile::tempdir().unwrap();
    let (journal, state) = (root.path().join("journal"), root.path().join("state"));
    std::fs::create_dir(&journal).unwrap();
    let sink = Sink::start()?;
    let receiver = json!({
        "directory": journal, "start_at": "beginning",
        "operators": [
            {"type": "recombine", "combine_field": "body.MESSAGE", "is_first_entry": "body.MESSAGE matches '^\\\\S'",
             "source_identifier": "body._PID", "force_flush_period": "10m"},
            {"type": "move", "from": "body.MESSAGE", "to": "attributes.text"},
            {"type": "move", "from": "attributes.text", "to": "body"},
        ],
    });
    let start = || Setup::new(config(receiver.clone(), &sink))?.args(["--state-dir", state.to_str().unwrap()]).start();
    let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    write(&journal, 0, "app", &lines(&["one", "  a", "two", "  b"]))?;
    let mut collector = start()?;
    // `one` is complete; `two` is held, with its first line read.
    sink.wait_for("the first record", |records| records.len() == 1)?;
    std::thread::sleep(Duration::from_millis(500));
    kill(&mut collector)?;
    write(&journal, 4, "app", &lines(&["  c", "three"]))?;
    let mut collector = start()?;
    sink.wait_for("the second record", |records| records.iter().any(|record| record.body.starts_with("two")))?;
    // What is held when it is stopped goes along.
    collector.stop()?;
    let bodies: Vec<String> = sink.records().into_iter().map(|record| record.body).collect();
    assert_eq!(bodies, ["one\n  a", "two\n  b\n  c", "three"]);
    Ok(())
}
