use super::*;
use crate::coding::compress;
use crate::testing::{Authority, Running, SOON, context, decode, exchange, talk};
use crate::tls::{TlsConfig, TlsServerConfig};
use crate::{Client, ClientSettings};
use bytes::Bytes;
use http::HeaderMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use warren_component::{AuthError, Extension, Identity, ServerAuth};

/// Tells what it was asked; `/wait` answers when told to.
#[derive(Default)]
struct Echo {
    arrived: Arc<Notify>,
    proceed: Arc<Notify>,
}

impl Handler for Echo {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let head = format!("{} {} {:?}", request.head.method, request.head.uri.path(), request.head.version);
            let user = request.identity.as_ref().and_then(|identity| identity.attributes.first()).map(|(_, user)| user.clone());
            match request.head.uri.path() {
                "/wait" => {
                    self.arrived.notify_one();
                    self.proceed.notified().await;
                }
                "/panic" => panic!("on purpose"),
                "/unread" => return Reply::new("unread".into()),
                _ => {}
            }
            match request.body().await {
                Ok(body) => Reply::new(format!("{head} {user:?} {}", body.len()).into()),
                Err(error) => plain_error(error.status(), &error.to_string()),
            }
        })
    }
}

fn running(yaml: &str) -> Running {
    let (config, errors) = decode::<ServerConfig>(yaml);
    assert_eq!(errors, [""; 0]);
    Running::http(&config, &context(Vec::new()), Echo::default())
}

fn request(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len())
            .into_bytes();
    bytes.extend(body);
    bytes
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn bodies_reach_the_handler_decompressed() {
    let server = running("{}");
    for coding in ["gzip", "zstd", "zlib", "deflate", "snappy", "x-snappy-framed", "lz4"] {
        let packed = compress(Coding::from_header(coding).unwrap(), 0, &[1; 10_000]).unwrap();
        let answer = exchange(&server.address, request("/x", &format!("Content-Encoding: {coding}\r\n"), &packed)).await;
        assert_eq!(body(&answer), "POST /x HTTP/1.1 None 10000", "{coding}");
    }
    assert_eq!(body(&exchange(&server.address, request("/x", "", b"123")).await), "POST /x HTTP/1.1 None 3");
}

#[tokio::test]
async fn unknown_and_excluded_codings_are_refused() {
    let server = running("compression_algorithms: [\"\", gzip]");
    for coding in ["br", "zstd"] {
        let answer = exchange(&server.address, request("/x", &format!("Content-Encoding: {coding}\r\n"), b"123")).await;
        assert_eq!((status(&answer), body(&answer)), ("400", format!("unsupported Content-Encoding: {coding}\n").as_str()));
    }
}

#[tokio::test]
async fn a_body_is_bounded_before_and_after_decompression() {
    let server = running("max_request_body_size: 1000");
    let packed = compress(Coding::Gzip, 0, &[1; 1001]).unwrap();
    let chunked =
        b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n".iter().copied().chain([1; 1001]).collect();
    for bytes in [request("/x", "", &[1; 1001]), request("/x", "Content-Encoding: gzip\r\n", &packed), chunked] {
        let answer = exchange(&server.address, bytes).await;
        assert_eq!((status(&answer), body(&answer)), ("400", "http: request body too large\n"));
    }
    assert_eq!(body(&exchange(&server.address, request("/x", "", &[1; 1000])).await), "POST /x HTTP/1.1 None 1000");
}

#[tokio::test]
async fn a_client_that_is_still_sending_sees_why_it_is_refused() {
    let server = running("max_request_body_size: 1000");
    let answer = exchange(&server.address, request("/x", "", &vec![1; 8 << 20])).await;
    assert_eq!((status(&answer), body(&answer)), ("400", "http: request body too large\n"));
    let answer = exchange(&server.address, request("/unread", "", &vec![1; 8 << 20])).await;
    assert_eq!((status(&answer), body(&answer)), ("200", "unread"));
}

#[tokio::test]
async fn a_body_that_is_cut_short_or_slow_is_refused() {
    let server = running("read_timeout: 50ms");
    let mut cut = request("/x", "", b"123");
    cut.pop();
    let answer = exchange(&server.address, &cut).await;
    assert_eq!((status(&answer), body(&answer)), ("408", "i/o timeout\n"));

    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(&cut).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "400");
}

#[tokio::test]
async fn a_corrupt_body_is_refused() {
    let server = running("{}");
    let answer = exchange(&server.address, request("/x", "Content-Encoding: gzip\r\n", b"not gzip at all")).await;
    assert_eq!(status(&answer), "400");
    assert!(body(&answer).starts_with("gzip: "), "{answer}");
}

#[tokio::test]
async fn every_reply_has_the_configured_headers() {
    let server = running("response_headers: {x-a: b}\ncors: {allowed_origins: [\"http://page\"], max_age: 7}\n");
    let answer =
        exchange(&server.address, request("/x", "Origin: http://page\r\nContent-Encoding: br\r\n", b"")).await.to_lowercase();
    for header in ["x-a: b", "access-control-allow-origin: http://page", "vary: origin", "x-content-type-options: nosniff"] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
    let ask = "OPTIONS /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nOrigin: http://page\r\nAccess-Control-Request-Method: POST\r\n\r\n";
    let answer = exchange(&server.address, ask).await.to_lowercase();
    for header in ["204 no content", "x-a: b", "access-control-allow-methods: post", "access-control-max-age: 7"] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
}

/// Knows one key.
struct Keys;

impl ServerAuth for Keys {
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, AuthError>> {
        Box::pin(async {
            match headers.get("x-key") {
                Some(key) if key == "good" => Ok(Identity { attributes: vec![("username", "me".into())] }),
                _ => Err(AuthError("no good key".into())),
            }
        })
    }
}

impl Extension for Keys {
    fn server_auth(&self) -> Option<Arc<dyn ServerAuth>> {
        Some(Arc::new(Keys))
    }
}

#[tokio::test]
async fn only_authentic_requests_reach_the_handler() {
    let (config, _) = decode::<ServerConfig>("auth: {authenticator: keys, request_params: [x-key]}");
    let server = Running::http(&config, &context(vec![("keys", Arc::new(Keys))]), Echo::default());
    let answer = exchange(&server.address, request("/x", "", b"1")).await;
    assert_eq!((status(&answer), body(&answer)), ("401", "no good key\n"));
    for (path, header) in [("/x", "X-Key: good\r\n"), ("/x?x-key=good", ""), ("/x?x%2dkey=bad&x-key=good", "X-Key: bad\r\n")] {
        let answer = exchange(&server.address, request(path, header, b"1")).await;
        assert_eq!(body(&answer), "POST /x HTTP/1.1 Some(\"me\") 1");
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_server_goes_on() {
    let server = running("{}");
    assert_eq!(status(&exchange(&server.address, request("/panic", "", b"")).await), "500");
    assert_eq!(status(&exchange(&server.address, request("/x", "", b"")).await), "200");
}

#[tokio::test]
async fn stopping_answers_what_is_in_flight_and_closes_what_is_idle() {
    let echo = Echo::default();
    let (arrived, proceed) = (echo.arrived.clone(), echo.proceed.clone());
    let server = Running::http(&ServerConfig::default(), &context(Vec::new()), echo);
    let mut idle = TcpStream::connect(&server.address).await.unwrap();
    idle.write_all(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let address = server.address.clone();
    let busy = tokio::spawn(async move { exchange(&address, request("/wait", "", b"12")).await });
    arrived.notified().await;
    server.stop(SOON);
    let first = talk(&mut idle, b"").await;
    assert_eq!(status(&first), "200");
    proceed.notify_one();
    assert_eq!(body(&busy.await.unwrap()), "POST /wait HTTP/1.1 None 2");
    let address = server.address.clone();
    server.ended().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_connection_that_was_just_accepted_still_gets_its_answer() {
    let server = running("");
    // The first one is served, so the second, which came before, is accepted.
    let mut fresh = TcpStream::connect(&server.address).await.unwrap();
    exchange(&server.address, request("/x", "", b"")).await;
    server.stop(SOON);
    while TcpStream::connect(&server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&talk(&mut fresh, request("/x", "", b"")).await), "200");
    server.ended().await;
}

#[tokio::test]
async fn stopping_does_not_wait_beyond_the_deadline() {
    let echo = Echo::default();
    let arrived = echo.arrived.clone();
    let server = Running::http(&ServerConfig::default(), &context(Vec::new()), echo);
    let address = server.address.clone();
    let busy = tokio::spawn(async move { exchange(&address, request("/wait", "", b"12")).await });
    arrived.notified().await;
    server.stop(Duration::from_millis(10));
    server.ended().await;
    assert_eq!(busy.await.unwrap(), "");
}

#[tokio::test]
async fn a_head_that_does_not_come_and_an_idle_connection_are_closed() {
    let server = running("read_header_timeout: 20ms\nidle_timeout: 20ms");
    assert_eq!(exchange(&server.address, "POST /x HT").await, "");
    let answer = exchange(&server.address, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&answer), "200");
    assert_eq!(exchange(&server.address, "").await, "");
}

#[tokio::test]
async fn one_connection_too_many_ends_the_one_idle_longest() {
    let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = Server::new(&ServerConfig::default(), &context(Vec::new()), listener, Arc::new(Echo::default())).unwrap();
    server.serving.bounds.connections_max = 2;
    let (_handle, stop) = Stop::new();
    tokio::spawn(server.serve(stop));
    let keep_alive = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    let mut connections = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(keep_alive).await.unwrap();
        let mut first = [0; 12];
        tokio::time::timeout(SOON, stream.read_exact(&mut first)).await.expect("an answer").unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        connections.push(stream);
    }
    // The first has had its answer and is closed; the last still serves.
    talk(&mut connections[0], b"").await;
    connections[2].write_all(&request("/x", "", b"1")).await.unwrap();
    assert!(talk(&mut connections[2], b"").await.ends_with("POST /x HTTP/1.1 None 1"));
}

#[tokio::test]
async fn a_reply_that_nobody_reads_ends_with_the_write_timeout() {
    struct Endless;
    impl Handler for Endless {
        fn handle(&self, _: Request) -> BoxFuture<'_, Reply> {
            let pieces = futures_util::stream::repeat_with(|| Ok(http_body::Frame::data(Bytes::from(vec![0; 1 << 16]))));
            Box::pin(async { Reply::new(ReplyBody::stream(http_body_util::StreamBody::new(pieces))) })
        }
    }
    let (config, _) = decode::<ServerConfig>("write_timeout: 50ms");
    let server = Running::http(&config, &context(Vec::new()), Endless);
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    stream.write_all(&request("/", "", b"")).await.unwrap();
    // Stopping waits for the reply; only the write timeout ends it.
    stream.readable().await.unwrap();
    server.stop(SOON * 10);
    server.ended().await;
}

#[tokio::test]
async fn http2_is_spoken_where_tls_agrees_on_it() {
    let authority = Authority::new();
    let (cert_pem, key_pem) = authority.issue(&["127.0.0.1"]);
    let tls = TlsServerConfig { common: TlsConfig { cert_pem, key_pem, ..TlsConfig::default() }, ..TlsServerConfig::default() };
    let config = ServerConfig { tls: Some(tls), ..ServerConfig::default() };
    let echo = Echo::default();
    let (arrived, proceed) = (echo.arrived.clone(), echo.proceed.clone());
    let server = Running::http(&config, &context(Vec::new()), echo);
    for (http2, version) in [(true, "HTTP/2.0"), (false, "HTTP/1.1")] {
        let mut settings = ClientSettings { http2, ..ClientSettings::default() };
        settings.tls.common.ca_pem = authority.pem();
        settings.coding = Coding::Gzip;
        let client = Client::new(settings).unwrap();
        let post = |path: &str, body: Vec<u8>| {
            http::Request::post(format!("https://{}{path}", server.address)).body(Bytes::from(body)).unwrap()
        };
        let waiting = client.send(post("/wait", vec![1; 100_000]));
        let meanwhile = async {
            arrived.notified().await;
            let answer = client.send(post("/x", vec![2; 1000])).await.unwrap().into_body().read(1000).await.unwrap();
            assert_eq!(String::from_utf8(answer).unwrap(), format!("POST /x {version} None 1000"));
            proceed.notify_one();
        };
        let (answer, ()) = tokio::join!(waiting, meanwhile);
        let answer = answer.unwrap().into_body().read(1000).await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), format!("POST /wait {version} None 100000"));
    }
}

#[test]
fn settings_are_checked() {
    let cases = [
        ("endpoint: localhost", "address localhost: missing port in address"),
        ("compression_algorithms: [br]", "unsupported compression type \"br\""),
        ("response_headers: {a: \"b\\nc\"}", "invalid header field value for \"a\""),
        ("auth: {}", "must be specified"),
        ("tls: {}", "a TLS server needs a certificate: give cert_file and key_file"),
    ];
    for (yaml, message) in cases {
        assert_eq!(decode::<ServerConfig>(yaml).1, [message], "{yaml}");
    }
    assert_eq!(decode::<ServerConfig>("endpoint: \":0\"\ntls:\ncors: {allowed_headers: [a]}\n").1, [""; 0]);
}
