use super::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use warren_config::{Diagnostics, Report, Secret};

/// A request as a server saw it.
#[derive(Clone, Debug, Default)]
struct Seen {
    path: String,
    headers: HashMap<String, String>,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A loopback server that answers what `answer` gives: status and JSON body.
struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start(answer: fn(&Seen) -> (u16, &'static str)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = String::new();
                let request = loop {
                    let mut buffer = [0; 4096];
                    let length = stream.read(&mut buffer).await.unwrap();
                    text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
                    if let Some(request) = whole(&text) {
                        break request;
                    }
                };
                let (status, body) = answer(&request);
                record.lock().unwrap().push(request);
                let length = body.len();
                let reply = format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        Self { url, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// The request, once all of it is there.
fn whole(text: &str) -> Option<Seen> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<_, _> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    (body.len() >= length).then(|| Seen { path, headers, body: body.to_owned() })
}

/// The client settings of a job.
fn settings(yaml: &str) -> HttpClientConfig {
    let text = format!("scrape_configs:\n- job_name: j\n{}", yaml.lines().map(|line| format!("  {line}\n")).collect::<String>());
    let node = warren_config::parse_yaml("test", &text).unwrap();
    let mut diagnostics = Diagnostics::new();
    let mut config = crate::config::Config::default();
    warren_config::Custom::decode(&mut config, &node, &mut Report::root(&mut diagnostics, Some(&node)));
    assert_eq!(diagnostics.to_string(), "", "{yaml}");
    config.scrape_configs[0].http.clone()
}

async fn get(client: &HttpClient, url: &str) -> Result<u16, FetchError> {
    let deadline = Instant::now() + Duration::from_secs(30);
    client.get(url, HeaderMap::new(), deadline).await.map(|reply| reply.status().as_u16())
}

fn client(yaml: &str) -> HttpClient {
    HttpClient::new(&settings(yaml), "test/1", true).unwrap()
}

#[tokio::test]
async fn every_kind_of_proof_is_sent() {
    let server = Server::start(|_| (200, "")).await;
    for (yaml, expected) in [
        ("", ""),
        ("basic_auth: {username: u, password: p}", "Basic dTpw"),
        ("basic_auth: {username: u}", "Basic dTo="),
        ("authorization: {credentials: c}", "Bearer c"),
        ("authorization: {type: Token, credentials: c}", "Token c"),
        ("bearer_token: c", "Bearer c"),
    ] {
        get(&client(yaml), &server.url).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(last.header("authorization"), expected, "{yaml}");
        assert_eq!((last.header("user-agent"), last.header("accept-encoding")), ("test/1", "gzip"));
    }
}

#[tokio::test]
async fn secrets_in_files_are_read_for_every_request() {
    let server = Server::start(|_| (200, "")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let shown = file.display();
    let client = client(&format!(
        "authorization: {{credentials_file: '{shown}'}}\nhttp_headers: {{X-A: {{values: [v], secrets: [s], files: ['{shown}']}}}}"
    ));
    let error = get(&client, &server.url).await.unwrap_err().to_string();
    assert!(error.contains(&format!("unable to read file {shown}")), "{error}");
    for secret in ["one", "two"] {
        std::fs::write(&file, format!(" {secret}\n")).unwrap();
        get(&client, &server.url).await.unwrap();
        let last = server.seen().pop().unwrap();
        assert_eq!(last.header("authorization"), format!("Bearer {secret}"));
        assert_eq!(last.header("x-a"), secret, "the last of three headers");
    }
}

const OAUTH2: &str = "oauth2: {client_id: 'my id', client_secret: 's:s', token_url: 'URL/token', scopes: [a, b], endpoint_params: {audience: x&y}}";

#[tokio::test]
async fn a_token_is_fetched_once_and_used() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/token" => (200, r#"{"access_token": "t", "token_type": "bearer", "expires_in": 3600}"#),
        _ => (200, ""),
    })
    .await;
    let client = client(&OAUTH2.replace("URL", &server.url));
    get(&client, &server.url).await.unwrap();
    get(&client, &server.url).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.iter().map(|request| request.path.as_str()).collect::<Vec<_>>(), ["/token", "/", "/"]);
    assert_eq!(seen[0].body, "audience=x%26y&grant_type=client_credentials&scope=a+b");
    assert_eq!(seen[0].header("authorization"), "Basic bXkraWQ6cyUzQXM=", "my+id:s%3As");
    assert_eq!(seen[1].header("authorization"), "Bearer t");
}

#[tokio::test]
async fn a_server_that_wants_credentials_in_the_form_gets_them_there() {
    let server = Server::start(|seen| match (seen.path.as_str(), seen.body.contains("client_id")) {
        ("/token", false) => (401, r#"{"error": "invalid_client"}"#),
        // Expires at once: the next request fetches anew.
        ("/token", true) => (200, r#"{"access_token": "t", "expires_in": 1}"#),
        _ => (200, ""),
    })
    .await;
    let client = client(&OAUTH2.replace("URL", &server.url));
    get(&client, &server.url).await.unwrap();
    get(&client, &server.url).await.unwrap();
    let seen = server.seen();
    let paths: Vec<_> = seen.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/token", "/token", "/", "/token", "/"], "the way that worked is remembered");
    assert!(seen[1].body.contains("client_id=my+id&client_secret=s%3As"), "{}", seen[1].body);
    assert_eq!(seen[1].header("authorization"), "");
}

#[tokio::test]
async fn a_token_server_that_refuses_fails_the_request_without_its_secrets() {
    let server = Server::start(|_| (403, "s:s")).await;
    let error = get(&client(&OAUTH2.replace("URL", &server.url)), &server.url).await.unwrap_err().to_string();
    assert!(error.starts_with("oauth2: cannot fetch token: 403"), "{error}");
    assert!(!error.contains("s:s"), "{error}");
}

#[test]
fn tls_settings_are_translated() {
    let translated = tls(&settings("tls_config: {ca: A, cert_file: c, key_file: k, server_name: n, min_version: TLS10, max_version: TLS13, insecure_skip_verify: true}").tls).unwrap();
    assert_eq!(translated.common.ca_pem, Secret::new("A"));
    assert_eq!((translated.common.cert_file.as_str(), translated.common.key_file.as_str()), ("c", "k"));
    assert_eq!((translated.common.min_version.as_str(), translated.common.max_version.as_str()), ("", "1.3"));
    assert_eq!(translated.server_name_override, "n");
    assert!(translated.insecure_skip_verify && !translated.common.reload_interval.is_zero());
    assert!(tls(&settings("tls_config: {max_version: TLS11}").tls).is_err());
}
