//! Senders of OTLP that are broken or mean harm: an error reply, bounded memory, the next sender served.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::http::{self, Message, Request};
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port};

use crate::support::PATIENCE;

/// Memory no hostile sender may push the collector beyond; the default limit of a body is 20 MiB.
const RESIDENT_BYTES_MAX: u64 = 128 << 20;

struct Scene {
    collector: Collector,
    receiver: Receiver,
    port: u16,
}

impl Scene {
    fn start() -> Result<Scene> {
        let (receiver, port) = (Receiver::start()?, port::free()?);
        let collector = Setup::new(json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
            "exporters": {"prometheusremotewrite": {"endpoint": receiver.url()}},
            "service": {"pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["prometheusremotewrite"]}}},
        }))?
        .start()?;
        Ok(Scene { collector, receiver, port })
    }

    fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Result<Message> {
        let url = format!("http://127.0.0.1:{}/v1/metrics", self.port);
        http::send(&Request { method: "POST", url: &url, headers, body, user: None })
    }

    /// The process lives in bounded memory and serves the next sender.
    fn expect_unharmed(self) -> Result<()> {
        let point = json!({"timeUnixNano": "1755000000000000000", "asDouble": 1.5});
        let metric = json!({"name": "after", "gauge": {"dataPoints": [point]}});
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).to_string();
        let answer = self.post(&[("Content-Type", "application/json")], body.as_bytes())?;
        assert_eq!(answer.word(1), "200", "{}", answer.text());
        self.receiver.wait_for("after", PATIENCE, |values| values == [1.5])?;
        let usage = self.collector.usage().expect("the collector runs");
        assert!(usage.resident_peak < RESIDENT_BYTES_MAX, "{} MiB resident", usage.resident_peak >> 20);
        Ok(())
    }
}

#[test]
fn bodies_that_are_not_what_they_say_get_a_400_and_nothing_else_happens() -> Result<()> {
    let scene = Scene::start()?;
    let nested_json = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let nested_any = json_nested_value(10_000);
    // resource_metrics (field 1) that claims four gigabytes; a varint without end; a group that never closes; a string with a lying length.
    let lying: [&[u8]; 4] =
        [&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1], &[0x0a; 11], &[0x0b, 0x0b, 0x0b], &[0x0a, 4, 0x12, 2, 0x12, 0x7f]];
    let mut cases: Vec<(&str, Vec<u8>)> = lying.iter().map(|body| ("application/x-protobuf", body.to_vec())).collect();
    cases.push(("application/x-protobuf", nested_protobuf(100_000)));
    cases.push(("application/json", nested_json.into_bytes()));
    cases.push(("application/json", nested_any.into_bytes()));
    cases.push(("application/json", b"{\"resourceMetrics\": [".to_vec()));
    for (content_type, body) in cases {
        let answer = scene.post(&[("Content-Type", content_type)], &body)?;
        let beginning = &body[..body.len().min(40)];
        assert_eq!(answer.word(1), "400", "{content_type} {beginning:?}: {}", answer.text());
    }
    scene.expect_unharmed()
}

#[test]
fn a_body_beyond_the_limit_is_refused_compressed_or_not() -> Result<()> {
    let scene = Scene::start()?;
    let large = vec![b' '; 21 << 20];
    assert_eq!(scene.post(&[("Content-Type", "application/json")], &large)?.word(1), "400");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..50 {
        encoder.write_all(&large).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let answer = scene.post(&[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], &bomb)?;
    assert_eq!(answer.word(1), "400", "{}", answer.text());
    scene.expect_unharmed()
}

#[test]
fn senders_that_dawdle_or_hang_up_do_not_keep_others_out() -> Result<()> {
    let scene = Scene::start()?;
    let connect = || TcpStream::connect(("127.0.0.1", scene.port)).unwrap();
    let head = "POST /v1/metrics HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    let dawdling: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    for _ in 0..50 {
        let mut stream = connect();
        stream.write_all(head.as_bytes()).unwrap();
    }
    let mut nonsense = connect();
    nonsense.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n").unwrap();
    nonsense.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut reply = String::new();
    let _ = nonsense.read_to_string(&mut reply);
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400"), "{reply}");
    scene.expect_unharmed()?;
    drop(dawdling);
    Ok(())
}

/// An attribute value of arrays in arrays, as OTLP JSON.
fn json_nested_value(depth: usize) -> String {
    let value = format!("{}{{\"intValue\":\"1\"}}{}", "{\"arrayValue\":{\"values\":[".repeat(depth), "]}}".repeat(depth));
    format!("{{\"resourceMetrics\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"k\",\"value\":{value}}}]}}}}]}}")
}

/// The same in protobuf: `AnyValue.array_value` (field 5) holding `ArrayValue.values` (field 1), and so on.
fn nested_protobuf(depth: usize) -> Vec<u8> {
    // Built from the inside, each layer written in front of what it holds; reversed at the end.
    let mut reversed = vec![1, 0x18];
    let mut wrap = |field: u8| {
        let mut length = reversed.len() as u64;
        let mut prefix = vec![field << 3 | 2];
        while length >= 0x80 {
            prefix.push(length as u8 | 0x80);
            length >>= 7;
        }
        prefix.push(length as u8);
        reversed.extend(prefix.iter().rev());
    };
    for _ in 0..depth {
        wrap(1);
        wrap(5);
    }
    // KeyValue.value, Resource.attributes, ResourceMetrics.resource, request.resource_metrics
    for field in [2, 1, 1, 1] {
        wrap(field);
    }
    reversed.reverse();
    reversed
}
