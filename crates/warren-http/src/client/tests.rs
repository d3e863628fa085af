use super::*;
use crate::error::{Awaiting, Cause};
use crate::testing::{Act, Scripted, context, decode, raw, reply};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use std::time::Duration;
use warren_component::{AuthError, Extension};

fn client(change: impl FnOnce(&mut ClientSettings)) -> Client {
    let mut settings = ClientSettings::default();
    change(&mut settings);
    Client::new(settings).unwrap()
}

fn post(url: &str, body: &'static str) -> Request<Bytes> {
    Request::post(url).header("Content-Type", "text/plain").body(Bytes::from(body)).unwrap()
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

async fn text(reply: Response<Body>) -> String {
    String::from_utf8(reply.into_body().read(1 << 20).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_is_sent_with_the_headers_of_all_sources() {
    let mut server = Scripted::new(vec![reply("200 OK", "X: y\r\n", "done")]).await;
    let client = client(|settings| {
        settings.user_agent = Some(HeaderValue::from_static("agent/1"));
        settings.headers.insert("x-own", HeaderValue::from_static("1"));
        settings.headers.insert("content-type", HeaderValue::from_static("text/x"));
        settings.headers.insert("host", HeaderValue::from_static("virtual"));
    });
    let answer = client.send(post(&server.url("/a?b=c"), "body")).await.unwrap();
    assert_eq!((answer.status(), answer.headers()["x"].to_str().unwrap()), (StatusCode::OK, "y"));
    assert_eq!(text(answer).await, "done");
    let seen = server.next().await;
    assert_eq!(seen.first_line(), "POST /a?b=c HTTP/1.1");
    for (name, value) in [
        ("host", "virtual"),
        ("user-agent", "agent/1"),
        ("x-own", "1"),
        ("content-type", "text/x"),
        ("content-length", "4"),
        ("accept-encoding", "gzip"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.body, b"body");
}

#[tokio::test]
async fn bodies_are_compressed_as_configured_unless_they_already_are() {
    let mut server = Scripted::new(vec![reply("200 OK", "", ""); 2]).await;
    let client = client(|settings| settings.coding = Coding::Zstd);
    client.send(post(&server.url("/"), "body")).await.unwrap();
    let seen = server.next().await;
    assert_eq!(seen.header("content-encoding"), Some("zstd"));
    assert_eq!(seen.header("content-length"), Some(seen.body.len().to_string().as_str()));
    assert_eq!(crate::coding::decompress(Coding::Zstd, &seen.body, 100).unwrap(), b"body");

    let request = Request::post(server.url("/")).header("Content-Encoding", "snappy").body(Bytes::from("body")).unwrap();
    client.send(request).await.unwrap();
    assert_eq!(server.next().await.body, b"body");
}

/// Puts the user's name behind what other layers set, so that tests see it ran last.
struct Signer;

impl warren_component::ClientAuth for Signer {
    fn authorize(&self, headers: &mut HeaderMap) -> Result<(), AuthError> {
        if headers.contains_key("x-refuse") {
            return Err(AuthError("no token yet".into()));
        }
        let seen = headers.keys().map(|name| name.as_str()).collect::<Vec<_>>().join(",");
        headers.insert("x-signed", HeaderValue::try_from(seen).unwrap());
        headers.insert("authorization", HeaderValue::from_static("Token t"));
        Ok(())
    }
}

impl Extension for Signer {
    fn client_auth(&self) -> Option<Arc<dyn ClientAuth>> {
        Some(Arc::new(Signer))
    }
}

#[tokio::test]
async fn authentication_sees_everything_else_and_wins() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "")]).await;
    let (config, errors) = decode::<ClientConfig>(
        "compression: gzip\nheaders: {authorization: mine, x-own: v}\nauth: {authenticator: signer}\ncookies: {enabled: true}\n",
    );
    assert_eq!(errors, [""; 0]);
    let cx = context(vec![("signer", Arc::new(Signer))]);
    let client = config.client(&cx).unwrap();
    client.send(post(&server.url("/"), "b")).await.unwrap();
    let seen = server.next().await;
    assert_eq!(seen.header("authorization"), Some("Token t"));
    let signed = seen.header("x-signed").unwrap();
    for name in ["content-encoding", "x-own", "user-agent", "authorization"] {
        assert!(signed.contains(name), "{name} in {signed}");
    }
    let system = if cfg!(target_arch = "x86_64") { "linux/amd64" } else { "linux/arm64" };
    assert_eq!(seen.header("user-agent"), Some(format!("a test/1.2.3 ({system})").as_str()));

    let mut refused = get(&server.url("/"));
    refused.headers_mut().insert("x-refuse", HeaderValue::from_static("1"));
    let error = client.send(refused).await.unwrap_err();
    assert!(matches!(&error.cause, Cause::Auth(_)) && error.is_retryable(), "{error}");
}

#[test]
fn an_authenticator_that_is_missing_or_cannot_sign_is_told_in_upstreams_words() {
    struct Nothing;
    impl Extension for Nothing {}
    let cx = context(vec![("nothing", Arc::new(Nothing))]);
    let error = |yaml: &str| decode::<ClientConfig>(yaml).0.client(&cx).err().unwrap().to_string();
    assert_eq!(
        error("auth: {authenticator: basicauth/x}"),
        "failed to resolve authenticator \"basicauth/x\": authenticator not found"
    );
    assert_eq!(error("auth: {authenticator: nothing}"), "requested authenticator is not a HTTP client authenticator");
}

#[tokio::test]
async fn a_connection_serves_again_after_its_reply_was_read() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "x"); 4]).await;
    let client = client(|_| {});
    // The third reply is dropped unread, and its connection with it.
    for (connection, read) in [(0, true), (0, true), (0, false), (1, true)] {
        let answer = client.send(get(&server.url("/"))).await.unwrap();
        assert_eq!(server.next().await.connection, connection);
        if read {
            text(answer).await;
        }
    }
}

#[tokio::test]
async fn an_empty_reply_need_not_be_read() {
    let mut server = Scripted::new(vec![reply("204 No Content", "", ""); 2]).await;
    let client = client(|_| {});
    for _ in 0..2 {
        client.send(get(&server.url("/"))).await.unwrap();
        assert_eq!(server.next().await.connection, 0);
    }
}

#[tokio::test]
async fn without_keep_alive_every_request_has_its_own_connection() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "x"); 2]).await;
    let client = client(|settings| settings.keep_alive = false);
    for connection in [0, 1] {
        text(client.send(get(&server.url("/"))).await.unwrap()).await;
        let seen = server.next().await;
        assert_eq!((seen.connection, seen.header("connection")), (connection, Some("close")));
    }
}

#[tokio::test]
async fn a_request_on_a_connection_that_was_closed_meanwhile_is_sent_again() {
    let acts = vec![Act::ReplyAndClose(raw("200 OK", "", "a")), reply("200 OK", "", "b")];
    let mut server = Scripted::new(acts).await;
    let client = client(|_| {});
    text(client.send(post(&server.url("/"), "1")).await.unwrap()).await;
    server.next().await;
    assert_eq!(text(client.send(get(&server.url("/"))).await.unwrap()).await, "b");
    assert_eq!(server.next().await.connection, 1);
}

#[tokio::test]
async fn a_post_that_was_sent_is_not_repeated() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "a"), Act::Close, reply("200 OK", "", "b")]).await;
    let client = client(|_| {});
    text(client.send(post(&server.url("/"), "1")).await.unwrap()).await;
    let error = client.send(post(&server.url("/"), "2")).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Broken(_)) && error.is_retryable(), "{error}");
    assert_eq!((server.next().await.body, server.next().await.body), (b"1".to_vec(), b"2".to_vec()));
    assert!(server.seen.is_empty());
}

#[tokio::test]
async fn at_most_so_many_connections_to_a_host_are_in_use() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "x"); 3]).await;
    let client = client(|settings| settings.max_per_host = 1);
    let url = server.url("/");
    let request = || async { text(client.send(get(&url)).await.unwrap()).await };
    tokio::join!(request(), request(), request());
    for _ in 0..3 {
        assert_eq!(server.next().await.connection, 0);
    }
}

#[tokio::test]
async fn idle_connections_are_closed_when_their_time_is_over() {
    let mut server = Scripted::new(vec![reply("200 OK", "", "x"); 2]).await;
    let client = client(|settings| settings.idle_timeout = Duration::from_millis(1));
    text(client.send(get(&server.url("/"))).await.unwrap()).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    text(client.send(get(&server.url("/"))).await.unwrap()).await;
    assert_eq!((server.next().await.connection, server.next().await.connection), (0, 1));
}

#[tokio::test]
async fn a_get_follows_redirects_to_their_end() {
    let acts = vec![
        reply("302 Found", "Location: /b?c=d\r\n", ""),
        reply("308 Moved", "Location: e\r\n", ""),
        reply("200 OK", "", "end"),
    ];
    let mut server = Scripted::new(acts).await;
    let client = client(|settings| settings.redirects = 10);
    assert_eq!(text(client.send(get(&server.url("/a"))).await.unwrap()).await, "end");
    let paths = [server.next().await, server.next().await, server.next().await].map(|seen| seen.first_line().to_owned());
    assert_eq!(paths, ["GET /a HTTP/1.1", "GET /b?c=d HTTP/1.1", "GET /e HTTP/1.1"]);
}

#[tokio::test]
async fn a_post_follows_only_redirects_that_keep_it_a_post() {
    let acts = vec![reply("307 Temporary Redirect", "Location: /b\r\n", ""), reply("302 Found", "Location: /c\r\n", "")];
    let mut server = Scripted::new(acts).await;
    let client = client(|settings| {
        settings.redirects = 10;
        settings.coding = Coding::Gzip;
    });
    assert_eq!(client.send(post(&server.url("/a"), "body")).await.unwrap().status(), 302);
    let (first, second) = (server.next().await, server.next().await);
    assert_eq!((second.first_line(), &second.body), ("POST /b HTTP/1.1", &first.body));
}

#[tokio::test]
async fn redirects_end_somewhere() {
    let server = Scripted::new(vec![reply("302 Found", "Location: /\r\n", ""); 9]).await;
    let error = client(|settings| settings.redirects = 3).send(get(&server.url("/"))).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Redirects(3)) && !error.is_retryable(), "{error}");
    let none = client(|_| {}).send(get(&server.url("/"))).await.unwrap();
    assert_eq!(none.status(), 302);
}

#[tokio::test]
async fn secrets_are_not_told_to_another_host() {
    let mut other = Scripted::new(vec![reply("200 OK", "", "")]).await;
    let elsewhere = other.url("/").replace("127.0.0.1", "localhost");
    let server = Scripted::new(vec![reply("307 Temporary Redirect", &format!("Location: {elsewhere}\r\n"), "")]).await;
    let client = client(|settings| {
        settings.redirects = 10;
        settings.headers.insert("x-api-key", HeaderValue::from_static("secret"));
        settings.auth = Some(Arc::new(Signer));
    });
    let mut request = get(&server.url("/"));
    request.headers_mut().insert("authorization", HeaderValue::from_static("Basic secret"));
    client.send(request).await.unwrap();
    let seen = other.next().await;
    assert_eq!((seen.header("x-api-key"), seen.header("authorization")), (None, None));
}

#[tokio::test]
async fn gzipped_replies_are_inflated_when_the_client_asked_for_them() {
    let packed = crate::coding::compress(Coding::Gzip, 0, &[b'x'; 100_000]).unwrap();
    let gzipped = || reply("200 OK", "Content-Encoding: gzip\r\n", &packed);
    let server = Scripted::new(vec![gzipped(), gzipped(), gzipped()]).await;
    let client = client(|_| {});
    let answer = client.send(get(&server.url("/"))).await.unwrap();
    assert!(answer.headers().get("content-encoding").is_none());
    assert_eq!(answer.into_body().read(100_000).await.unwrap(), vec![b'x'; 100_000]);

    let error = client.send(get(&server.url("/"))).await.unwrap().into_body().read(99_999).await.unwrap_err();
    assert!(matches!(error.cause, Cause::TooLarge(99_999)), "{error}");

    let mut own = get(&server.url("/"));
    own.headers_mut().insert("accept-encoding", HeaderValue::from_static("gzip"));
    assert_eq!(client.send(own).await.unwrap().into_body().read(100_000).await.unwrap(), packed);
}

#[tokio::test]
async fn a_gzipped_reply_that_is_cut_short_or_corrupt_is_an_error() {
    let packed = crate::coding::compress(Coding::Gzip, 0, &[b'x'; 100_000]).unwrap();
    let cut = reply("200 OK", "Content-Encoding: gzip\r\n", &packed[..packed.len() - 3]);
    let server = Scripted::new(vec![cut, reply("200 OK", "Content-Encoding: gzip\r\n", "no gzip")]).await;
    let client = client(|_| {});
    for _ in 0..2 {
        let error = client.send(get(&server.url("/"))).await.unwrap().into_body().read(1 << 20).await.unwrap_err();
        assert!(matches!(error.cause, Cause::Coding(_)), "{error}");
    }
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_an_error() {
    let broken = Act::ReplyAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec());
    let server = Scripted::new(vec![broken.clone(), broken]).await;
    let client = client(|_| {});
    let error = client.send(get(&server.url("/"))).await.unwrap().into_body().read(100).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Broken(_)), "{error}");
    assert_eq!(client.send(get(&server.url("/"))).await.unwrap().into_body().read_start(100).await, b"abc");
}

#[tokio::test]
async fn the_time_of_a_request_ends_with_its_reply() {
    let half = Act::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec());
    let server = Scripted::new(vec![Act::Never, half]).await;
    let client = client(|settings| settings.timeout = Duration::from_millis(50));
    let error = client.send(post(&server.url("/p?token=secret"), "b")).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Timeout(Awaiting::Headers)));
    assert_eq!(
        error.to_string(),
        format!("Post \"{}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", server.url("/p"))
    );
    let error = client.send(get(&server.url("/"))).await.unwrap().into_body().read(100).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Timeout(Awaiting::Body)), "{error}");
}

#[tokio::test]
async fn the_time_of_a_request_ends_also_for_a_reply_that_never_lets_it_wait() {
    let whole = Act::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec());
    let server = Scripted::new(vec![whole]).await;
    let client = client(|settings| settings.timeout = Duration::from_millis(200));
    let mut body = client.send(get(&server.url("/"))).await.unwrap().into_body();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = body.window().await.unwrap_err();
    assert!(matches!(error.cause, Cause::Timeout(Awaiting::Body)), "{error}");
}

#[tokio::test]
async fn no_connection_is_told_in_upstreams_words_without_credentials() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = client(|_| {}).send(post(&format!("http://u:secret@{address}/x"), "b")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("Post \"http://{address}/x\": dial tcp {address}: connect: connection refused"));
    assert!(error.is_retryable());
    let error = client(|_| {}).send(post("ftp://u:secret@h/x", "b")).await.unwrap_err();
    assert_eq!(error.to_string(), "Post \"ftp://h/x\": unsupported protocol scheme \"ftp\"");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn the_user_of_a_url_authenticates_unless_something_else_does() {
    let mut server = Scripted::new(vec![reply("200 OK", "", ""); 2]).await;
    let url = server.url("/").replace("http://", "http://u:p@");
    let client = client(|_| {});
    client.send(get(&url)).await.unwrap();
    assert_eq!(server.next().await.header("authorization"), Some("Basic dTpw"));
    let mut own = get(&url);
    own.headers_mut().insert("authorization", HeaderValue::from_static("Bearer b"));
    client.send(own).await.unwrap();
    assert_eq!(server.next().await.header("authorization"), Some("Bearer b"));
}

#[tokio::test]
async fn cookies_are_sent_back_when_switched_on() {
    for (cookies, expected) in [(true, Some("a=b")), (false, None)] {
        let mut server = Scripted::new(vec![reply("200 OK", "Set-Cookie: a=b; Path=/\r\n", ""), reply("200 OK", "", "")]).await;
        let client = client(|settings| settings.cookies = cookies);
        for _ in 0..2 {
            client.send(get(&server.url("/"))).await.unwrap();
        }
        server.next().await;
        assert_eq!(server.next().await.header("cookie"), expected);
    }
}

#[tokio::test]
async fn a_plain_request_goes_through_the_proxy_whole() {
    let mut proxy = Scripted::new(vec![reply("200 OK", "", "by proxy")]).await;
    let url = format!("http://u:p@{}", proxy.address);
    let client = client(|settings| settings.proxies = Proxies::always(&url).unwrap());
    assert_eq!(text(client.send(get("http://far.example:81/x?y=z")).await.unwrap()).await, "by proxy");
    let seen = proxy.next().await;
    assert_eq!(seen.first_line(), "GET http://far.example:81/x?y=z HTTP/1.1");
    assert_eq!((seen.header("host"), seen.header("proxy-authorization")), (Some("far.example:81"), Some("Basic dTpw")));
}

#[tokio::test]
async fn a_proxy_that_refuses_the_tunnel_is_told() {
    let mut proxy = Scripted::new(vec![reply("407 Proxy Authentication Required", "", "")]).await;
    let client = client(|settings| {
        settings.proxies = Proxies::always(&format!("http://{}", proxy.address)).unwrap();
        settings.proxy_headers.insert("x-tenant", HeaderValue::from_static("t"));
    });
    let error = client.send(get("https://far.example/x")).await.unwrap_err();
    assert!(error.to_string().ends_with("proxyconnect tcp: Proxy Authentication Required"), "{error}");
    let seen = proxy.next().await;
    assert_eq!((seen.first_line(), seen.header("x-tenant")), ("CONNECT far.example:443 HTTP/1.1", Some("t")));
}

#[test]
fn settings_are_checked_in_upstreams_words() {
    let cases = [
        ("compression: brotli", "'compression' unsupported compression type \"brotli\""),
        (
            "compression: snappy\ncompression_params: {level: 3}",
            "unsupported parameters {Level:3} for compression type \"snappy\"",
        ),
        ("compression: gzip\ncompression_params: {level: 10}", "unsupported parameters {Level:10} for compression type \"gzip\""),
        ("proxy_url: socks5://x", "proxy scheme \"socks5\" is not supported; use http or https"),
        ("headers: {\"a b\": c}", "invalid header field name \"a b\""),
        ("auth: {}", "must be specified"),
        ("middlewares: [{id: x}]", "middleware extensions are not supported"),
        ("tls: {min_version: \"1.4\"}", "invalid TLS min_version: unsupported TLS version: \"1.4\""),
    ];
    for (yaml, message) in cases {
        assert_eq!(decode::<ClientConfig>(yaml).1, [message], "{yaml}");
    }
    for yaml in ["{}", "compression: none\ncompression_params: {level: 3}", "compression: zstd\ncompression_params: {level: 99}"]
    {
        assert_eq!(decode::<ClientConfig>(yaml).1, [""; 0], "{yaml}");
    }
}
