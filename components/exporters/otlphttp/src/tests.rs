//! Requests and replies over loopback. The cases of replies follow upstream's `exporter/otlphttpexporter/otlp_test.go` at v0.132.0.

use crate::config::{Config, Encoding};
use crate::send::OtlpHttp;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use warren_component::{BuildContext, BuildInfo, Code, ConsumeError, ExporterConfig, Extensions, Inherited};
use warren_config::{Diagnostics, decode_settings, parse_yaml};
use warren_delivery::{Outcome, Progress, Sender};
use warren_otlp::{PartialSuccess, RpcStatus, decode_json, decode_request};
use warren_pdata::{Attrs, Batch, LogRecord, Resource, Scope, Signal, Telemetry, Value};

/// A request as the server saw it.
struct Seen {
    head: String,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Takes one request and gives this reply. Returns where, and what comes.
async fn server(reply: Vec<u8>) -> (String, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        let head = loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "the request ends in its head");
            bytes.extend_from_slice(&buffer[..count]);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
            }
        };
        let mut seen = Seen { head, body: bytes };
        let length: usize = seen.header("content-length").unwrap().parse().unwrap();
        let mut rest = vec![0; length - seen.body.len()];
        stream.read_exact(&mut rest).await.unwrap();
        seen.body.extend(rest);
        stream.write_all(&reply).await.unwrap();
        seen
    });
    (endpoint, seen)
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn logs() -> Batch {
    let record = LogRecord { body: Value::from("hello"), attrs: Attrs::from([("k", "v")]), ..LogRecord::default() };
    Batch::Logs(Telemetry::of(Resource::default(), Scope::default(), vec![record]))
}

fn context() -> BuildContext {
    BuildContext {
        id: "otlphttp".parse().unwrap(),
        telemetry: warren_telemetry::Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: "c".into(), description: "A test".into(), version: "1.2.3".into() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    }
}

fn config(text: &str) -> (Config, Vec<String>) {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
    (config, diagnostics.iter().map(|finding| finding.message.clone()).collect())
}

fn sender(config: &Config, signal: Signal) -> OtlpHttp {
    let cx = context();
    OtlpHttp::new(config.client.client(&cx).unwrap(), config.url(signal).unwrap(), config.encoding, cx.telemetry.log)
}

/// What comes of a batch of logs that is answered so, with the server's address replaced by `URL`.
async fn outcome(answer: Vec<u8>) -> Outcome {
    let (endpoint, seen) = server(answer).await;
    let (config, _) = config(&format!("endpoint: {endpoint}"));
    let outcome = sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await;
    seen.await.unwrap();
    match outcome {
        Outcome::Failed(error) => Outcome::Failed(ConsumeError { message: error.message.replace(&endpoint, "URL"), ..error }),
        other => other,
    }
}

#[tokio::test]
async fn a_request_is_what_the_reference_sends() {
    let (endpoint, seen) = server(reply("200 OK", "", b"")).await;
    let (config, told) = config(&format!("{{endpoint: '{endpoint}/base/', compression: none, headers: {{X-A: b}}}}"));
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await, Outcome::Sent);
    let seen = seen.await.unwrap();
    assert!(seen.head.starts_with("POST /base/v1/logs HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(seen.header("x-a"), Some("b"));
    assert_eq!(seen.header("content-encoding"), None);
    assert!(seen.header("user-agent").unwrap().starts_with("A test/1.2.3 ("));
    assert_eq!(decode_request(Signal::Logs, &seen.body).unwrap(), logs());
}

#[tokio::test]
async fn json_goes_to_the_address_of_its_signal() {
    let (endpoint, seen) = server(reply("200 OK", "Content-Type: application/json\r\n", b"{\"partialSuccess\":{}}")).await;
    let (config, _) = config(&format!("{{logs_endpoint: '{endpoint}/own?a=b', compression: none, encoding: json}}"));
    assert_eq!(config.encoding, Encoding::Json);
    assert_eq!(sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await, Outcome::Sent);
    let seen = seen.await.unwrap();
    assert!(seen.head.starts_with("POST /own?a=b HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(decode_json(Signal::Logs, &seen.body).unwrap(), logs());
}

#[tokio::test]
async fn bodies_are_gzipped_unless_said_otherwise() {
    let (endpoint, seen) = server(reply("200 OK", "", b"")).await;
    let (config, _) = config(&format!("endpoint: {endpoint}"));
    assert_eq!(sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await, Outcome::Sent);
    let seen = seen.await.unwrap();
    assert_eq!(seen.header("content-encoding"), Some("gzip"));
    assert!(seen.body.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn a_failure_is_told_in_upstreams_words_and_sent_again_only_where_that_may_help() {
    let refused =
        "rpc error: code = {code} desc = error exporting items, request to URL/v1/logs responded with HTTP Status Code {status}";
    for (status, code, name, again) in [
        ("400 Bad Request", Code::InvalidArgument, "InvalidArgument", false),
        ("401 Unauthorized", Code::Unauthenticated, "Unauthenticated", false),
        ("403 Forbidden", Code::PermissionDenied, "PermissionDenied", false),
        ("404 Not Found", Code::Unimplemented, "Unimplemented", false),
        ("408 Request Timeout", Code::Unknown, "Unknown", false),
        ("413 Content Too Large", Code::Unknown, "Unknown", false),
        ("429 Too Many Requests", Code::ResourceExhausted, "ResourceExhausted", true),
        ("500 Internal Server Error", Code::Unknown, "Unknown", false),
        ("501 Not Implemented", Code::Unknown, "Unknown", false),
        ("502 Bad Gateway", Code::Unavailable, "Unavailable", true),
        ("503 Service Unavailable", Code::Unavailable, "Unavailable", true),
        ("504 Gateway Timeout", Code::Unavailable, "Unavailable", true),
    ] {
        let text = refused.replace("{code}", name).replace("{status}", &status[..3]);
        for (body, more) in [
            (RpcStatus::new(3, "bad \"x\"").to_proto(), ", Message=bad \"x\", Details=[]"),
            (Vec::new(), ", Message=, Details=[]"),
            (b"<html>".to_vec(), ""),
        ] {
            let Outcome::Failed(error) = outcome(reply(status, "", &body)).await else { panic!("{status} is no failure") };
            assert_eq!(error.message, format!("{text}{more}"));
            assert_eq!((error.permanent, error.code, error.retry_after), (!again, Some(code), None), "{status}");
        }
    }
    let Outcome::Failed(error) = outcome(reply("302 Found", "Location: /other\r\n", b"\x08\x03")).await else {
        panic!("a redirect that drops the body is no failure")
    };
    assert_eq!(error.message, refused.replace("{code}", "Unknown").replace("{status}", "302"));
    assert!(error.permanent);
}

#[tokio::test]
async fn a_pause_is_kept_where_the_other_side_is_too_busy() {
    for (status, header, pause) in [
        ("429 Too Many Requests", "Retry-After: 30\r\n", Some(30)),
        ("503 Service Unavailable", "Retry-After: 3\r\n", Some(3)),
        ("503 Service Unavailable", "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", Some(0)),
        ("503 Service Unavailable", "Retry-After: soon\r\n", None),
        ("502 Bad Gateway", "Retry-After: 30\r\n", None),
    ] {
        let Outcome::Failed(error) = outcome(reply(status, header, b"")).await else { panic!("{status} is no failure") };
        assert_eq!((error.permanent, error.retry_after), (false, pause.map(Duration::from_secs)), "{status}, {header}");
    }
}

#[tokio::test]
async fn what_was_rejected_of_a_batch_is_told() {
    let partial = PartialSuccess { rejected: 3, message: "quota".into() };
    let told = Outcome::Partial { rejected: 3, message: "quota".into() };
    let (proto, json) = ("Content-Type: application/x-protobuf\r\n", "Content-Type: application/json\r\n");
    for (headers, body, expected) in [
        (proto, partial.to_proto(), told.clone()),
        (json, partial.to_json(Signal::Logs), told.clone()),
        (
            proto,
            PartialSuccess { rejected: 0, message: "old".into() }.to_proto(),
            Outcome::Partial { rejected: 0, message: "old".into() },
        ),
        (proto, PartialSuccess::default().to_proto(), Outcome::Sent),
        // Only these two content types are read, to the letter.
        ("Content-Type: text/plain\r\n", partial.to_proto(), Outcome::Sent),
        ("", partial.to_proto(), Outcome::Sent),
    ] {
        assert_eq!(outcome(reply("200 OK", headers, &body)).await, expected);
    }
    for status in ["202 Accepted", "204 No Content"] {
        assert_eq!(outcome(reply(status, "", b"")).await, Outcome::Sent);
    }
}

#[tokio::test]
async fn what_was_taken_is_never_sent_twice() {
    for (headers, text) in [
        ("Content-Type: application/x-protobuf\r\n", "error parsing protobuf response: "),
        ("Content-Type: application/json\r\n", "error parsing json response: "),
    ] {
        let Outcome::Failed(error) = outcome(reply("200 OK", headers, b"<html>")).await else { panic!("no failure") };
        assert!(error.permanent && error.message.starts_with(text), "{error}");
    }
    let huge = reply("200 OK", "Content-Type: application/json\r\n", &vec![b' '; 100_000]);
    assert_eq!(outcome(huge).await, Outcome::Sent);
    let mut cut = reply("200 OK", "Content-Type: application/json\r\n", b"{\"partialSuccess\":{}}");
    cut.truncate(cut.len() - 3);
    assert_eq!(outcome(cut).await, Outcome::Sent);
}

#[tokio::test]
async fn no_answer_is_a_reason_to_try_again() {
    let Outcome::Failed(error) = outcome(Vec::new()).await else { panic!("no failure") };
    assert!(!error.permanent);
    assert!(error.message.starts_with("failed to make an HTTP request: Post \"URL/v1/logs\": "), "{error}");
    // Nobody listens any more.
    let (endpoint, seen) = server(Vec::new()).await;
    seen.abort();
    let _ = seen.await;
    let (config, _) = config(&format!("endpoint: {endpoint}"));
    let outcome = sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await;
    let Outcome::Failed(error) = outcome else { panic!("no failure") };
    assert!(!error.permanent && error.message.ends_with("connection refused"), "{error}");
}

#[tokio::test]
async fn messages_name_no_credentials() {
    let (endpoint, seen) = server(reply("400 Bad Request", "", b"")).await;
    let with_user = endpoint.replace("http://", "http://user:pass@");
    let (config, _) = config(&format!("logs_endpoint: '{with_user}/x?key=secret'"));
    let outcome = sender(&config, Signal::Logs).send(&logs(), &mut Progress::default()).await;
    assert!(seen.await.unwrap().head.starts_with("POST /x?key=secret HTTP/1.1\r\n"));
    let Outcome::Failed(error) = outcome else { panic!("no failure") };
    assert!(error.message.contains(&format!("request to {endpoint}/x responded")), "{error}");
}

#[test]
fn each_signal_has_its_address() {
    for (text, signal, expected) in [
        ("{endpoint: 'http://h:1'}", Signal::Traces, "http://h:1/v1/traces"),
        ("{endpoint: 'http://h:1/'}", Signal::Metrics, "http://h:1/v1/metrics"),
        ("{endpoint: 'http://h:1/a/b'}", Signal::Logs, "http://h:1/a/b/v1/logs"),
        ("{endpoint: 'http://h:1', logs_endpoint: 'http://o/x/'}", Signal::Logs, "http://o/x/"),
        ("{endpoint: 'http://h:1', logs_endpoint: 'http://o/x/'}", Signal::Traces, "http://h:1/v1/traces"),
    ] {
        assert_eq!(config(text).0.url(signal).unwrap().to_string(), expected);
    }
    for (text, signal, expected) in [
        ("{logs_endpoint: 'http://h:1'}", Signal::Metrics, "either endpoint or metrics_endpoint must be specified"),
        ("{endpoint: 'http://h:1/ x'}", Signal::Metrics, "endpoint must be a valid URL"),
        ("{metrics_endpoint: 'http:// h'}", Signal::Metrics, "metrics_endpoint must be a valid URL"),
    ] {
        assert_eq!(config(text).0.url(signal).unwrap_err().to_string(), expected);
    }
}

#[test]
fn settings_that_make_no_sense_are_told() {
    for (text, says) in [
        ("{}", "at least one endpoint must be specified"),
        ("{endpoint: 'http://h', encoding: xml}", "invalid encoding type: xml"),
        ("{endpoint: 'http://h', compression: rar}", "unsupported compression type \"rar\""),
        (
            "{endpoint: 'http://h', compression: snappy, compression_params: {level: 3}}",
            "unsupported parameters {Level:3} for compression type \"snappy\"",
        ),
        ("{endpoint: 'http://h', retry_on_failure: {multiplier: -1}}", "'multiplier' must be non-negative"),
        ("{endpoint: 'http://h', sending_queue: {queue_size: 0}}", "`queue_size` must be positive"),
        ("{endpoint: 'localhost:4318'}", "nothing can be sent there"),
        ("{metrics_endpoint: 'ftp://h/'}", "nothing can be sent there"),
    ] {
        let (_, told) = config(text);
        assert!(told.iter().any(|message| message.contains(says)), "{text}: {told:?}");
    }
}

#[test]
fn defaults_are_those_of_upstream() {
    let (config, told) = config("endpoint: http://h");
    assert_eq!(told, Vec::<String>::new());
    assert_eq!((config.client.timeout, config.client.compression.name()), (Duration::from_secs(30), "gzip"));
    assert_eq!((config.queue.enabled, config.retry.enabled, config.encoding), (true, true, Encoding::Proto));
}

#[tokio::test]
async fn it_is_built_for_a_signal_that_has_an_address() {
    let (config, _) = config("logs_endpoint: http://h");
    assert!(config.build(context(), Signal::Logs).is_ok());
    assert!(config.build(context(), Signal::Traces).is_err());
}
