//! Data comes in as OTLP, what is not wanted is dropped, totals become deltas, and the rest goes out as OTLP; a change of settings makes no gap, a
//! restart begins anew.

use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::{Value, json};
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::http::{self, Answer, Message, Request, Server};
use warren_e2e::{Result, port};

use crate::support::PATIENCE;

/// A sink that keeps what it is sent, and the collector before it, which answers when the sink has.
struct Scene {
    sink: Server,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    port: u16,
}

impl Scene {
    fn new() -> Result<Scene> {
        let got: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let kept = Arc::clone(&got);
        let sink = Server::start(move |message: Message| {
            let body = serde_json::from_slice(&message.body).unwrap_or(Value::Null);
            kept.lock().unwrap().push((message.word(1).to_owned(), body));
            Answer::ok("application/json", *b"{}")
        })?;
        Ok(Scene { sink, got, port: port::free()? })
    }

    fn config(&self, processors: &Value) -> Value {
        json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{}", self.port)}}}},
            "processors": processors,
            "exporters": {"otlphttp": {
                "endpoint": self.sink.url(""), "encoding": "json", "compression": "none", "sending_queue": {"enabled": false},
            }},
            "service": {"pipelines": {
                "metrics": {"receivers": ["otlp"], "processors": ["filter", "cumulativetodelta"], "exporters": ["otlphttp"]},
                "logs": {"receivers": ["otlp"], "processors": ["filter"], "exporters": ["otlphttp"]},
            }},
        })
    }

    /// What the sink is sent of a request.
    fn send(&self, path: &str, body: &Value) -> Result<Vec<(String, Value)>> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let body = body.to_string();
        let headers = [("Content-Type", "application/json")];
        let answer = http::send(&Request { method: "POST", url: &url, headers: &headers, body: body.as_bytes(), user: None })?;
        assert_eq!(answer.word(1), "200", "{}", answer.text());
        Ok(std::mem::take(&mut *self.got.lock().unwrap()))
    }

    /// Sends totals of two queues, a metric that is not wanted and a gauge; gives name, queue and value of the points that arrive.
    fn send_totals(&self, minute: u64, total: u64) -> Result<Vec<String>> {
        let at = |minute: u64| (1_755_000_000 + minute * 60).to_string() + "000000000";
        let point = |queue: &str| {
            json!({
                "attributes": [{"key": "queue", "value": {"stringValue": queue}}],
                "startTimeUnixNano": at(0), "timeUnixNano": at(minute), "asInt": total.to_string(),
            })
        };
        let sum = |name: &str, points: &[Value]| json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points}});
        let metrics = [
            sum("published", &[point("orders"), point("secret")]),
            sum("gone", &[point("orders")]),
            json!({"name": "level", "gauge": {"dataPoints": [point("orders")]}}),
        ];
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
        let mut points = Vec::new();
        for (path, body) in self.send("/v1/metrics", &body)? {
            assert_eq!(path, "/v1/metrics");
            for metric in items(&body, &["resourceMetrics", "scopeMetrics", "metrics"]) {
                let data = [metric.pointer("/sum/dataPoints"), metric.pointer("/gauge/dataPoints")];
                for point in data.into_iter().flatten().filter_map(Value::as_array).flatten() {
                    let text = |pointer: &str| point.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                    let name = metric["name"].as_str().unwrap_or_default();
                    points.push(format!("{name} {} {}", text("/attributes/0/value/stringValue"), text("/asInt")));
                }
            }
        }
        Ok(points)
    }
}

/// Everything under a path of lists in lists.
fn items<'a>(body: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    path.iter()
        .fold(vec![body], |found, key| found.into_iter().filter_map(|value| value.get(key)?.as_array()).flatten().collect())
}

fn processors(more: Value) -> Value {
    json!({
        "filter": {
            "metrics": {"metric": ["name == \"gone\""], "datapoint": ["attributes[\"queue\"] == \"secret\""]},
            "logs": {"log_record": ["severity_number < SEVERITY_NUMBER_WARN"]},
        },
        "cumulativetodelta": more,
    })
}

#[test]
fn totals_become_deltas_without_a_gap_at_a_reload_and_anew_after_a_restart() -> Result<()> {
    let scene = Scene::new()?;
    let setup = Setup::new(scene.config(&processors(json!({}))))?;
    let mut collector = setup.clone().start()?;
    assert_eq!(scene.send_totals(1, 100)?, ["level orders 100"], "of a first total nobody knows what it adds");
    assert_eq!(scene.send_totals(2, 160)?, ["published orders 60", "level orders 160"]);
    assert_eq!(scene.send_totals(1, 100)?, ["level orders 100"], "late");

    let mut changed: Value = serde_json::from_slice(&std::fs::read(collector.config_path()).unwrap()).unwrap();
    changed["processors"] = processors(json!({"max_staleness": "87600h"}));
    std::fs::write(collector.config_path(), changed.to_string()).unwrap();
    collector.process().signal(Signal::HUP);
    collector.wait_for_metric("warren_reload_total", "result=\"applied\"", PATIENCE, |count| count == 1.0)?;
    assert_eq!(scene.send_totals(3, 175)?, ["published orders 15", "level orders 175"]);
    let expect = |collector: &Collector, name: &str, label: &str, value: f64| {
        assert_eq!(collector.metric(name, label).ok().flatten(), Some(value), "{name}{{{label}}}");
    };
    expect(&collector, "warren_cumulativetodelta_series", "processor=\"cumulativetodelta\"", 1.0);
    expect(&collector, "warren_cumulativetodelta_withheld_points_total", "reason=\"late\"", 1.0);
    expect(&collector, "otelcol_processor_filter_datapoints_filtered", "filter=\"filter\"", 8.0);

    assert!(collector.stop()?.success());
    let mut collector = setup.start()?;
    assert_eq!(scene.send_totals(4, 200)?, ["level orders 200"]);
    assert_eq!(scene.send_totals(5, 230)?, ["published orders 30", "level orders 230"]);
    assert!(collector.stop()?.success());
    Ok(())
}

#[test]
fn records_that_are_not_wanted_never_leave_and_a_batch_of_them_is_no_error() -> Result<()> {
    let scene = Scene::new()?;
    let mut collector = Setup::new(scene.config(&processors(json!({}))))?.start()?;
    let logs = |severities: &[u32]| {
        let record =
            |severity: &u32| json!({"severityNumber": severity, "body": {"stringValue": format!("severity {severity}")}});
        let records: Vec<Value> = severities.iter().map(record).collect();
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}, {"scopeLogs": []}]})
    };
    let got = scene.send("/v1/logs", &logs(&[9, 17, 13, 1]))?;
    let [(path, body)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(path, "/v1/logs");
    let bodies: Vec<&str> = items(body, &["resourceLogs", "scopeLogs", "logRecords"])
        .into_iter()
        .filter_map(|record| record.pointer("/body/stringValue")?.as_str())
        .collect();
    assert_eq!(bodies, ["severity 17", "severity 13"]);
    assert_eq!(items(body, &["resourceLogs"]).len(), 1, "empty wrappers do not leave");
    assert_eq!(scene.send("/v1/logs", &logs(&[1, 5, 9]))?, []);
    assert!(collector.stop()?.success());
    Ok(())
}
