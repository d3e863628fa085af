use super::*;
use crate::coding::{Coding, compress};
use crate::testing::{Running, SOON, context, decode};
use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use warren_component::{AuthError, Code, Extension, Identity, ServerAuth};

/// Sends back how long the message is.
struct Count;

impl GrpcHandler for Count {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Vec<u8>, Status>> {
        Box::pin(async move {
            match call.head.uri.path() {
                "/t.S/Count" => Ok(call.message().await?.len().to_string().into_bytes()),
                "/t.S/Never" => std::future::pending().await,
                "/t.S/Busy" => Err(Status { details: vec![1, 2], ..Status::new(Code::Unavailable, "not now") }),
                path => Err(Status::unknown_method(path, &["t.S"])),
            }
        })
    }
}

/// A reply: HTTP status, gRPC status, and message or error text.
type Answer = (u16, i32, String);

/// A path, headers, a body, and the answer.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>, Answer);

async fn call(address: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let (parts, trailers, message) = raw_call(address, path, headers, body).await;
    let from = |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let both = |name: &str| from(&parts.headers, name).or_else(|| from(&trailers, name));
    let text = if message.is_empty() { both("grpc-message").unwrap() } else { String::from_utf8(message[5..].to_vec()).unwrap() };
    (parts.status.as_u16(), both("grpc-status").unwrap().parse().unwrap(), text)
}

async fn raw_call(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (http::response::Parts, HeaderMap, Bytes) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::post(format!("http://{address}{path}")).header("te", "trailers");
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/grpc");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
    let (parts, body) = reply.into_parts();
    let collected = tokio::time::timeout(SOON, body.collect()).await.unwrap().unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (parts, trailers, collected.to_bytes())
}

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

fn running(yaml: &str) -> Running {
    let (config, errors) = decode::<GrpcServerConfig>(&format!("transport: tcp\n{yaml}"));
    assert_eq!(errors, [""; 0]);
    Running::grpc(&config, &context(Vec::new()), Count)
}

#[tokio::test]
async fn a_message_of_any_size_and_coding_is_answered() {
    let server = running("");
    for size in [0, 1, 100_000, 4 << 20] {
        assert_eq!(call(&server.address, "/t.S/Count", &[], frame(0, &vec![7; size])).await, (200, 0, size.to_string()));
    }
    for (name, coding) in [("gzip", Coding::Gzip), ("zstd", Coding::Zstd), ("snappy", Coding::SnappyFramed)] {
        let packed = compress(coding, 0, &[7; 100_000]).unwrap();
        let answer = call(&server.address, "/t.S/Count", &[("grpc-encoding", name)], frame(1, &packed)).await;
        assert_eq!(answer, (200, 0, "100000".into()), "{name}");
    }
}

#[tokio::test]
async fn calls_that_cannot_be_answered_say_why_in_the_words_of_grpc_go() {
    let server = running("max_recv_msg_size_mib: 1");
    let mib = 1 << 20;
    let packed = compress(Coding::Gzip, 0, &vec![7; mib + 1]).unwrap();
    let two = [frame(0, b"1"), frame(0, b"2")].concat();
    let too_large = format!("grpc: received message larger than max ({} vs. {mib})", mib + 1);
    let cases: Vec<Case> = vec![
        ("/t.S/Nope", vec![], frame(0, b""), (200, 12, "unknown method Nope for service t.S".into())),
        ("/x.Y/Count", vec![], frame(0, b""), (200, 12, "unknown service x.Y".into())),
        ("/t.S/Busy", vec![], frame(0, b""), (200, 14, "not now".into())),
        ("/t.S/Count", vec![], frame(0, &vec![7; mib + 1]), (200, 8, too_large)),
        (
            "/t.S/Count",
            vec![("grpc-encoding", "gzip")],
            frame(1, &packed),
            (200, 8, format!("grpc: received message after decompression larger than max {mib}")),
        ),
        (
            "/t.S/Count",
            vec![("grpc-encoding", "br")],
            frame(1, b"x"),
            (200, 12, "grpc: Decompressor is not installed for grpc-encoding \"br\"".into()),
        ),
        ("/t.S/Count", vec![], frame(1, b"x"), (200, 13, "grpc: compressed flag set with identity or empty encoding".into())),
        ("/t.S/Count", vec![], vec![0, 0, 0], (200, 13, "unexpected EOF".into())),
        (
            "/t.S/Count",
            vec![],
            two,
            (200, 13, "cardinality violation: expected <EOF> for non client-streaming RPCs, but received another message".into()),
        ),
        ("/t.S/Never", vec![("grpc-timeout", "20m")], frame(0, b""), (200, 4, "context deadline exceeded".into())),
        (
            "/t.S/Count",
            vec![("content-type", "application/json")],
            vec![],
            (415, 3, "invalid gRPC request content-type \"application/json\"".into()),
        ),
    ];
    for (path, headers, body, expected) in cases {
        assert_eq!(call(&server.address, path, &headers, body).await, expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn details_of_a_failure_go_along() {
    let server = running("");
    let (parts, _, _) = raw_call(&server.address, "/t.S/Busy", &[], frame(0, b"")).await;
    assert_eq!(parts.headers["grpc-status-details-bin"], "AQI");
}

struct Keys;

impl ServerAuth for Keys {
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, AuthError>> {
        let known = headers.get("x-key").is_some_and(|key| key == "good");
        Box::pin(async move { if known { Ok(Identity::default()) } else { Err(AuthError("no good key".into())) } })
    }
}

impl Extension for Keys {
    fn server_auth(&self) -> Option<Arc<dyn ServerAuth>> {
        Some(Arc::new(Keys))
    }
}

#[tokio::test]
async fn only_authentic_calls_reach_the_handler() {
    let (config, _) = decode::<GrpcServerConfig>("transport: tcp\nauth: {authenticator: keys}\n");
    let server = Running::grpc(&config, &context(vec![("keys", Arc::new(Keys))]), Count);
    assert_eq!(call(&server.address, "/t.S/Count", &[], frame(0, b"1")).await, (200, 16, "no good key".into()));
    assert_eq!(call(&server.address, "/t.S/Count", &[("x-key", "good")], frame(0, b"1")).await, (200, 0, "1".into()));
}

#[tokio::test]
async fn a_connection_ends_at_its_age_and_the_server_when_asked() {
    let server = running("keepalive: {server_parameters: {max_connection_age: 20ms, max_connection_age_grace: 20ms}}");
    let stream = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::time::timeout(SOON, connection).await.expect("the server closes the connection").unwrap();
    drop(sender);
    server.stop(Duration::from_secs(1));
    server.ended().await;
}

#[test]
fn settings_are_checked_in_upstreams_words() {
    let cases = [
        ("transport: tcp7", "'transport' unsupported transport type \"tcp7\""),
        ("endpoint: \"1\"", "address 1: missing port in address"),
        ("auth: {}", "must be specified"),
    ];
    for (yaml, message) in cases {
        assert_eq!(decode::<GrpcServerConfig>(yaml).1, [message], "{yaml}");
    }
    // What upstream takes its defaults for is taken, too.
    for yaml in [
        "transport: unix\nendpoint: /tmp/x\n",
        "transport: ''",
        "{max_recv_msg_size_mib: -1, read_buffer_size: -1, write_buffer_size: -1}",
    ] {
        assert_eq!(decode::<GrpcServerConfig>(yaml).1, [""; 0], "{yaml}");
    }
}
