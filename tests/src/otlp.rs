//! OTLP over HTTP with JSON: numbered log records and points on their way into a collector, and a loopback receiver that counts which of the records
//! come out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::http::{self, Answer, Server};
use crate::wait;

/// Sends log records that hold consecutive numbers, a request each, to a collector's `otlp` receiver. Answers the HTTP status, or an error
/// when nobody answers.
///
/// # Errors
/// When the collector cannot be reached or hangs up.
pub fn send_numbers(port: u16, numbers: std::ops::Range<u64>) -> Result<u16> {
    let records: Vec<Value> = numbers.map(|number| json!({"body": {"intValue": number.to_string()}})).collect();
    send(port, "logs", &json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}))
}

/// Sends one point of a gauge whose value is a number. A point is as many seconds younger than the first as its number says.
///
/// # Errors
/// As [`send_numbers`], and when it is not taken.
pub fn send_point(port: u16, gauge: &str, number: u64) -> Result<()> {
    let nanos = (1_755_000_000 + number) * 1_000_000_000;
    let point = json!({"timeUnixNano": nanos.to_string(), "asDouble": number});
    let metric = json!({"name": gauge, "gauge": {"dataPoints": [point]}});
    match send(port, "metrics", &json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}))? {
        200 => Ok(()),
        status => Err(Error::Answer { request: format!("point {number} of {gauge}"), status, body: String::new() }),
    }
}

fn send(port: u16, signal: &str, body: &Value) -> Result<u16> {
    let url = format!("http://127.0.0.1:{port}/v1/{signal}");
    let headers = [("Content-Type", "application/json")];
    let body = body.to_string();
    let request = http::Request { method: "POST", url: &url, headers: &headers, body: body.as_bytes(), ..Default::default() };
    let answer = http::send(&request)?;
    answer.word(1).parse().map_err(|_| Error::Malformed { what: format!("the answer to POST {url}"), reason: answer.text() })
}

/// A receiver of logs that counts numbers. Configure the exporter with `encoding: json` and `compression: none`.
pub struct NumberReceiver {
    server: Server,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Default)]
struct Counted {
    /// How often each number was acknowledged.
    times: BTreeMap<u64, u64>,
    /// In the order of their first arrival.
    order: Vec<u64>,
}

impl NumberReceiver {
    /// Listens on a free port. `decide` gives the status of each answer; what is not answered 200 does not count.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(decide: impl Fn() -> u16 + Send + Sync + 'static) -> Result<NumberReceiver> {
        let counted = Arc::new(Mutex::new(Counted::default()));
        let shared = Arc::clone(&counted);
        let server = Server::start(move |request| {
            let status = decide();
            if status == 200 {
                let mut counted = lock(&shared);
                for number in numbers(&request.body) {
                    let times = counted.times.entry(number).or_default();
                    *times += 1;
                    if *times == 1 {
                        counted.order.push(number);
                    }
                }
            }
            Answer::ok("application/json", *b"{}").with_status(status)
        })?;
        Ok(NumberReceiver { server, counted })
    }

    /// The exporter's `endpoint`.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// Numbers received, in the order of their first arrival.
    pub fn order(&self) -> Vec<u64> {
        lock(&self.counted).order.clone()
    }

    /// How many arrivals were not the first of their number.
    pub fn duplicates(&self) -> u64 {
        lock(&self.counted).times.values().map(|times| times - 1).sum()
    }

    /// Waits until so many different numbers have arrived.
    ///
    /// # Errors
    /// When they do not come in time.
    pub fn wait_for(&self, count: usize, within: Duration) -> Result<Vec<u64>> {
        wait::until(format!("{count} numbers arrive"), within, || Some(self.order()).filter(|order| order.len() >= count))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many of the last lines a [`LineReceiver`] keeps.
const LINES_KEPT: usize = 1000;

/// A receiver of the entries of a journal that counts them and keeps the last messages. Configure the exporter with `encoding: json` and
/// `compression: none`.
pub struct LineReceiver {
    server: Server,
    arrived: Arc<Mutex<(u64, VecDeque<String>)>>,
}

impl LineReceiver {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start() -> Result<LineReceiver> {
        let arrived = Arc::new(Mutex::new((0, VecDeque::new())));
        let shared = Arc::clone(&arrived);
        let server = Server::start(move |request| {
            let (count, kept) = &mut *lock(&shared);
            for record in records(&request.body) {
                *count += 1;
                kept.push_back(message(&record["body"]));
            }
            kept.drain(..kept.len().saturating_sub(LINES_KEPT));
            Answer::ok("application/json", *b"{}")
        })?;
        Ok(LineReceiver { server, arrived })
    }

    /// The exporter's `endpoint`.
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// How many lines have arrived.
    pub fn count(&self) -> u64 {
        lock(&self.arrived).0
    }

    /// The last of them.
    pub fn last(&self) -> Vec<String> {
        lock(&self.arrived).1.iter().cloned().collect()
    }
}

/// The message of a journal's entry: the body itself, or the field `MESSAGE` of it.
fn message(body: &Value) -> String {
    let text = |value: &Value| value["stringValue"].as_str().map(str::to_owned);
    let mut fields = body.pointer("/kvlistValue/values").and_then(Value::as_array).into_iter().flatten();
    let field = fields.find(|field| field["key"] == "MESSAGE").and_then(|field| text(&field["value"]));
    field.or_else(|| text(body)).unwrap_or_default()
}

/// The numbers in a message.
pub fn numbers(message: &[u8]) -> Vec<u64> {
    records(message).iter().filter_map(|record| record.pointer("/body/intValue")?.as_str()?.parse().ok()).collect()
}

/// The log records in a message.
fn records(message: &[u8]) -> Vec<Value> {
    let Ok(body) = serde_json::from_slice::<Value>(message) else { return Vec::new() };
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let scopes = list(&body, "resourceLogs").into_iter().flat_map(|resource| list(&resource, "scopeLogs"));
    scopes.flat_map(|scope| list(&scope, "logRecords")).collect()
}
