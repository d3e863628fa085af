//! The receiver over real sockets, with a pipeline that does as it is told.

use super::*;
use crate::intake::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use warren_component::{
    AuthError, BoxFuture, BuildContext, BuildInfo, ClientInfo, Code, ConsumeError, Consumer, Extension, Extensions, Identity,
    Inherited, Outputs, Receiver, ReceiverConfig, RunContext, ServerAuth, Status, Stop, StopHandle,
};
use warren_config::{Diagnostics, decode_settings, parse_yaml};
use warren_http::server::Sockets;
use warren_otlp::{RpcStatus, encode_json, encode_request};
use warren_pdata::{Batch, LogRecord, Logs, Resource, Scope, Signal};
use warren_telemetry::Telemetry;

const SOON: Duration = Duration::from_secs(20);

/// A pipeline that notes what it gets, and answers as told.
#[derive(Default)]
struct Pipeline {
    got: Mutex<Vec<(Batch, Option<Arc<ClientInfo>>)>>,
    answer: Mutex<Option<ConsumeError>>,
    /// The largest request it has room for.
    room: Mutex<Option<u64>>,
}

impl Consumer for Pipeline {
    fn consume<'a>(&'a self, batch: Arc<Batch>) -> BoxFuture<'a, Result<(), ConsumeError>> {
        Box::pin(async move {
            self.got.lock().unwrap().push((Batch::owned(batch), ClientInfo::current()));
            self.answer.lock().unwrap().clone().map_or(Ok(()), Err)
        })
    }

    fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        match *self.room.lock().unwrap() {
            Some(room) if bytes > room => Err(ConsumeError::retryable("data refused due to high memory usage")),
            _ => Ok(()),
        }
    }
}

/// Lets in who has the key.
struct Keys;

impl ServerAuth for Keys {
    fn authenticate<'a>(&'a self, headers: &'a ::http::HeaderMap) -> BoxFuture<'a, Result<Identity, AuthError>> {
        let good = headers.get("x-key").is_some_and(|key| key == "good");
        let identity = Identity { attributes: vec![("username", "me".into())] };
        Box::pin(async move { if good { Ok(identity) } else { Err(AuthError("invalid credentials".into())) } })
    }
}

impl Extension for Keys {
    fn server_auth(&self) -> Option<Arc<dyn ServerAuth>> {
        Some(Arc::new(Keys))
    }
}

struct Running {
    pipeline: Arc<Pipeline>,
    telemetry: Telemetry,
    address: String,
    stop: StopHandle,
    task: tokio::task::JoinHandle<()>,
}

/// Where a receiver listens first.
fn address_of(receiver: &dyn Receiver) -> String {
    let sockets = receiver.hand_over().unwrap().downcast::<Sockets>().unwrap();
    sockets.addresses().next().unwrap().to_string()
}

fn config(yaml: &str) -> Config {
    let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
    decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
    assert_eq!(diagnostics.errors().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    config
}

fn context(telemetry: &Telemetry, inherited: Inherited) -> BuildContext {
    let keys: Arc<dyn Extension> = Arc::new(Keys);
    BuildContext {
        id: "otlp/x".parse().unwrap(),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
        extensions: Extensions::new(BTreeMap::from([("keys".parse().unwrap(), keys)])),
        inherited,
        collect_now: false,
        gates: Default::default(),
    }
}

fn run(receiver: Box<dyn Receiver>) -> (StopHandle, tokio::task::JoinHandle<()>) {
    let (handle, stop) = Stop::new();
    let running = receiver.run(RunContext { stop, status: Status::default() });
    (handle, tokio::spawn(async { running.await.unwrap() }))
}

/// A receiver of logs and metrics.
fn running(settings: &str) -> Running {
    let (telemetry, pipeline) = (Telemetry::discarded(), Arc::new(Pipeline::default()));
    let outputs = Outputs::default().with(Signal::Logs, pipeline.clone()).with(Signal::Metrics, pipeline.clone());
    let receiver = config(settings).build(context(&telemetry, Inherited::default()), outputs).unwrap();
    let address = address_of(&*receiver);
    let (stop, task) = run(receiver);
    Running { pipeline, telemetry, address, stop, task }
}

fn http() -> Running {
    running("protocols: {http: {endpoint: \"127.0.0.1:0\", include_metadata: true, max_request_body_size: 2000}}")
}

fn logs(records: usize) -> Batch {
    let record = |number: usize| LogRecord { body: format!("record {number}").as_str().into(), ..LogRecord::default() };
    Batch::Logs(Logs::of(Resource::default(), Scope::default(), (0..records).map(record).collect()))
}

fn protobuf(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(batch, &mut bytes);
    bytes
}

fn json(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_json(batch, &mut bytes);
    bytes
}

/// A reply: status, headers in lower case, body.
struct Answer(u16, String, Vec<u8>);

async fn ask(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    Answer(head[9..12].parse().unwrap(), head, answer[end + 4..].to_vec())
}

const JSON: &str = "Content-Type: application/json\r\n";
const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";

/// The head line, media type and body, as text.
async fn told(address: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
    let Answer(status, head, body) = ask(address, method, path, headers, body).await;
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default().to_owned();
    (status, kind, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn data_reaches_the_pipeline_in_both_encodings() {
    let receiver = http();
    let batch = logs(3);
    let answer = told(&receiver.address, "POST", "/v1/logs", JSON, &json(&batch)).await;
    assert_eq!(answer, (200, "application/json".into(), "{\"partialSuccess\":{}}".into()));
    let answer = told(&receiver.address, "POST", "/v1/logs?x=y", PROTOBUF, &protobuf(&batch)).await;
    assert_eq!(answer, (200, "application/x-protobuf".into(), "\n\0".into()));
    let got: Vec<Batch> = receiver.pipeline.got.lock().unwrap().iter().map(|(batch, _)| batch.clone()).collect();
    assert_eq!(got, [batch.clone(), batch]);
    let labels = [("receiver", "otlp/x"), ("transport", "http")];
    assert_eq!(receiver.telemetry.registry.total("otelcol_receiver_accepted_log_records", &labels), 6.0);
}

#[tokio::test]
async fn the_pipeline_knows_who_sent_the_data() {
    let receiver = running("protocols: {http: {endpoint: \"127.0.0.1:0\", include_metadata: true, auth: {authenticator: keys}}}");
    let headers = format!("{JSON}X-Key: good\r\nX-Tenant: a\r\n");
    ask(&receiver.address, "POST", "/v1/logs", &headers, &json(&logs(1))).await;
    let got = receiver.pipeline.got.lock().unwrap();
    let client = got[0].1.clone().unwrap();
    assert!(client.address.unwrap().is_loopback());
    assert_eq!(client.metadata("X-Tenant").collect::<Vec<_>>(), ["a"]);
    assert_eq!(client.metadata("host").collect::<Vec<_>>(), ["h"]);
    assert_eq!(client.identity.attributes, [("username", "me".to_owned())]);
}

#[tokio::test]
async fn an_empty_request_goes_nowhere_and_well() {
    let receiver = http();
    assert_eq!(told(&receiver.address, "POST", "/v1/logs", JSON, b"{}").await.0, 200);
    assert_eq!(told(&receiver.address, "POST", "/v1/logs", PROTOBUF, b"").await.0, 200);
    assert!(receiver.pipeline.got.lock().unwrap().is_empty());
}

/// Method, path, headers, body, and what is told.
type Case<'a> = (&'a str, &'a str, String, &'a [u8], (u16, String, String));

/// Origin: go.opentelemetry.io/collector `receiver/otlpreceiver/otlp_test.go` v0.132.0 (TestHandleInvalidRequests), and a run of that version.
#[tokio::test]
async fn requests_that_are_wrong_are_told_why() {
    let receiver = http();
    let large = [b' '; 2001];
    let text = |status: u16, text: &str| (status, "text/plain".to_owned(), text.to_owned());
    let error = |message: &str| (400, "application/json".to_owned(), format!("{{\"code\":3,\"message\":\"{message}\"}}"));
    let absent = (404, "text/plain; charset=utf-8".to_owned(), "404 page not found\n".to_owned());
    let media = text(415, "415 unsupported media type, supported: [application/json, application/x-protobuf]");
    let method = text(405, "405 method not allowed, supported: [POST]");
    let upper = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let br = |kind: &str| format!("{kind}Content-Encoding: br\r\n");
    let cases: Vec<Case> = vec![
        ("POST", "/v1/traces", JSON.into(), b"{}", absent.clone()),
        ("POST", "/v1/logs/", JSON.into(), b"{}", absent.clone()),
        ("GET", "/nowhere", "".into(), b"", absent),
        ("GET", "/v1/logs", JSON.into(), b"", method.clone()),
        ("PATCH", "/v1/metrics", JSON.into(), b"{}", method),
        ("POST", "/v1/logs", "".into(), b"{}", media.clone()),
        ("POST", "/v1/logs", "Content-Type: text/plain\r\n".into(), b"{}", media.clone()),
        ("POST", "/v1/logs", "Content-Type: application/json; charset\r\n".into(), b"{}", media),
        ("POST", "/v1/logs", upper.into(), b"{}", (200, "application/json".into(), "{\"partialSuccess\":{}}".into())),
        ("POST", "/v1/logs", JSON.into(), &large, error("http: request body too large")),
        ("POST", "/v1/logs", br(JSON), b"{}", error("unsupported Content-Encoding: br")),
        ("POST", "/v1/logs", br("Content-Type: text/plain\r\n"), b"{}", error("unsupported Content-Encoding: br")),
    ];
    for (method, path, headers, body, expected) in cases {
        assert_eq!(told(&receiver.address, method, path, &headers, body).await, expected, "{method} {path} {headers}");
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused_in_its_own_encoding() {
    let receiver = http();
    let Answer(status, _, body) = ask(&receiver.address, "POST", "/v1/logs", JSON, b"{nope").await;
    assert_eq!((status, RpcStatus::from_json(&body).unwrap().code), (400, 3));
    let Answer(status, _, body) = ask(&receiver.address, "POST", "/v1/logs", PROTOBUF, b"\x0a\xff").await;
    assert_eq!((status, RpcStatus::from_proto(&body).unwrap().code), (400, 3));
}

#[tokio::test]
async fn only_authentic_requests_are_taken() {
    let receiver = running("protocols: {http: {endpoint: \"127.0.0.1:0\", auth: {authenticator: keys}}}");
    let refusal = (401, "application/json".to_owned(), "{\"code\":16,\"message\":\"invalid credentials\"}".to_owned());
    assert_eq!(told(&receiver.address, "POST", "/v1/logs", JSON, b"{}").await, refusal);
    assert_eq!(told(&receiver.address, "POST", "/v1/logs", "Content-Type: text/plain\r\n", b"{}").await, refusal);
    assert_eq!(told(&receiver.address, "POST", "/v1/logs", &format!("{JSON}X-Key: good\r\n"), b"{}").await.0, 200);
}

/// Origin of the table: go.opentelemetry.io/collector `receiver/otlpreceiver/internal/errors/errors_test.go` v0.132.0.
#[tokio::test]
async fn a_refusal_of_the_pipeline_reaches_the_sender_with_its_meaning() {
    let receiver = http();
    let of = |code: Code| ConsumeError::retryable("why").with_code(code);
    let cases = [
        (ConsumeError::retryable("why"), 503, 14, "why"),
        (ConsumeError::permanent("why"), 500, 13, "Permanent error: why"),
        (of(Code::Unavailable), 503, 14, "why"),
        (of(Code::DeadlineExceeded), 503, 4, "why"),
        (of(Code::Aborted), 503, 10, "why"),
        (of(Code::ResourceExhausted), 429, 8, "why"),
        (of(Code::InvalidArgument), 400, 3, "why"),
        (of(Code::Unauthenticated), 401, 16, "why"),
        (of(Code::PermissionDenied), 403, 7, "why"),
        (of(Code::Unimplemented), 404, 12, "why"),
        (of(Code::Unknown), 500, 2, "why"),
        (of(Code::Internal), 500, 13, "why"),
    ];
    let count = cases.len() as f64;
    for (error, status, code, message) in cases {
        *receiver.pipeline.answer.lock().unwrap() = Some(error.clone());
        let Answer(found, head, body) = ask(&receiver.address, "POST", "/v1/logs", JSON, &json(&logs(1))).await;
        assert_eq!((found, RpcStatus::from_json(&body).unwrap()), (status, RpcStatus::new(code, message)), "{error}");
        assert!(!head.contains("retry-after"));
    }
    assert_eq!(receiver.telemetry.registry.total("otelcol_receiver_refused_log_records", &[]), count);
    assert_eq!(receiver.telemetry.registry.total("otelcol_receiver_accepted_log_records", &[]), 0.0);

    *receiver.pipeline.answer.lock().unwrap() = Some(ConsumeError::retryable("wait").after(Duration::from_secs(13)));
    let Answer(status, head, body) = ask(&receiver.address, "POST", "/v1/logs", PROTOBUF, &protobuf(&logs(1))).await;
    assert!(status == 503 && head.contains("retry-after: 13"), "{head}");
    assert_eq!(RpcStatus::from_proto(&body).unwrap().retry_delay(), Some(Duration::from_secs(13)));
}

#[tokio::test]
async fn a_request_without_room_is_refused_before_it_is_read() {
    let receiver = http();
    *receiver.pipeline.room.lock().unwrap() = Some(10);
    let Answer(status, _, body) = ask(&receiver.address, "POST", "/v1/logs", JSON, b"this is no JSON at all").await;
    let refusal = RpcStatus::new(14, "data refused due to high memory usage");
    assert_eq!((status, RpcStatus::from_json(&body).unwrap()), (503, refusal));
    assert_eq!(ask(&receiver.address, "POST", "/v1/logs", JSON, b"{}").await.0, 200);
}

/// One call: its status, message or error, and details.
async fn call(address: &str, path: &str, key: &str, message: &[u8]) -> (i32, String, Option<String>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    let request = ::http::Request::post(format!("http://{address}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("x-key", key)
        .body(Full::new(Bytes::from(frame)));
    let (parts, body) = sender.send_request(request.unwrap()).await.unwrap().into_parts();
    let collected = tokio::time::timeout(SOON, body.collect()).await.unwrap().unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let either = |name: &str| parts.headers.get(name).or(trailers.get(name)).map(|value| value.to_str().unwrap().to_owned());
    let data = collected.to_bytes();
    let text = if data.is_empty() { either("grpc-message").unwrap() } else { format!("{:?}", &data[5..]) };
    (either("grpc-status").unwrap().parse().unwrap(), text, either("grpc-status-details-bin"))
}

const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

#[tokio::test]
async fn data_reaches_the_pipeline_over_grpc() {
    let receiver = running("protocols: {grpc: {endpoint: \"127.0.0.1:0\", include_metadata: true}}");
    let batch = logs(3);
    assert_eq!(call(&receiver.address, EXPORT_LOGS, "v", &protobuf(&batch)).await, (0, "[10, 0]".into(), None));
    {
        let got = receiver.pipeline.got.lock().unwrap();
        assert_eq!(got[0].0, batch);
        let client = got[0].1.clone().unwrap();
        assert_eq!(client.metadata("X-KEY").collect::<Vec<_>>(), ["v"]);
        assert_eq!(client.metadata("host").collect::<Vec<_>>(), [receiver.address.as_str()]);
    }
    let labels = [("receiver", "otlp/x"), ("transport", "grpc")];
    assert_eq!(receiver.telemetry.registry.total("otelcol_receiver_accepted_log_records", &labels), 3.0);
}

#[tokio::test]
async fn calls_that_fail_say_why() {
    let receiver = running("protocols: {grpc: {endpoint: \"127.0.0.1:0\"}}");
    let traces = "opentelemetry.proto.collector.trace.v1.TraceService";
    let answer = call(&receiver.address, &format!("/{traces}/Export"), "", b"").await;
    assert_eq!(answer, (12, format!("unknown service {traces}"), None));
    let (code, text, _) = call(&receiver.address, EXPORT_LOGS, "", b"\x0a\xff").await;
    assert!(code == 13 && text.starts_with("grpc: error unmarshalling request: "), "{text}");
    *receiver.pipeline.answer.lock().unwrap() = Some(ConsumeError::retryable("wait").after(Duration::from_secs(13)));
    let (code, text, details) = call(&receiver.address, EXPORT_LOGS, "", &protobuf(&logs(1))).await;
    assert_eq!((code, text.as_str()), (14, "wait"));
    assert!(details.is_some());
    *receiver.pipeline.room.lock().unwrap() = Some(1);
    let (code, text, _) = call(&receiver.address, EXPORT_LOGS, "", &protobuf(&logs(1))).await;
    assert_eq!((code, text.as_str()), (14, "data refused due to high memory usage"));
}

#[tokio::test]
async fn calls_are_authenticated() {
    let receiver = running("protocols: {grpc: {endpoint: \"127.0.0.1:0\", auth: {authenticator: keys}}}");
    assert_eq!(call(&receiver.address, EXPORT_LOGS, "bad", b"").await, (16, "invalid credentials".into(), None));
    assert_eq!(call(&receiver.address, EXPORT_LOGS, "good", b"").await.0, 0);
}

#[tokio::test]
async fn a_stopped_receiver_closes_its_sockets() {
    let receiver = http();
    ask(&receiver.address, "POST", "/v1/logs", JSON, b"{}").await;
    receiver.stop.request(tokio::time::Instant::now() + SOON);
    tokio::time::timeout(SOON, receiver.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(&receiver.address).await.is_err());
}

#[tokio::test]
async fn a_successor_takes_over_the_sockets() {
    let (telemetry, pipeline) = (Telemetry::discarded(), Arc::new(Pipeline::default()));
    let settings = |endpoint: &str| config(&format!("protocols: {{http: {{endpoint: \"{endpoint}\"}}}}"));
    let outputs = Outputs::default().with(Signal::Logs, pipeline.clone());
    let build = |endpoint, inherited| settings(endpoint).build(context(&telemetry, inherited), outputs.clone());
    let first = build("127.0.0.1:0", Inherited::default()).unwrap();
    let address = address_of(&*first);
    let taken = build(&address, Inherited::default()).err().unwrap();
    assert_eq!(taken.to_string(), format!("listen tcp {address}: bind: address already in use"));

    let left = Inherited::of(first.hand_over());
    let (stop, task) = run(first);
    let second = build("127.0.0.1:0", left).unwrap();
    stop.request(tokio::time::Instant::now() + SOON);
    task.await.unwrap();
    // Nobody serves; the connection waits for the successor and is not refused.
    let waiting = tokio::spawn(async move { ask(&address, "POST", "/v1/logs", JSON, b"{}").await.0 });
    let (_stop, _task) = run(second);
    assert_eq!(waiting.await.unwrap(), 200);
}

#[test]
fn failures_keep_the_wait_they_are_given() {
    let failure = Failure::from(ConsumeError::permanent("x").after(Duration::from_millis(1500)));
    assert_eq!((failure.code, failure.status.retry_delay()), (Code::Internal, Some(Duration::from_millis(1500))));
}

#[test]
fn what_is_kept_between_requests_is_in_the_bound_of_each_protocol() {
    let kept = |yaml: &str| {
        let bounds = config(yaml).memory();
        bounds.iter().filter(|bound| bound.what == "known attribute sets").map(|bound| bound.bytes).sum::<u64>()
    };
    assert_eq!(kept("protocols: {http: }"), 9 << 20);
    assert_eq!(kept("protocols: {http: , grpc: }"), 18 << 20);
}
