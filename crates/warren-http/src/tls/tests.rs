use super::*;
use crate::server::{BodyError, Handler, Reply, Request, ServerConfig, plain_error};
use crate::testing::{Authority, Running, context, decode, self_signed};
use crate::{Client, ClientSettings};
use bytes::Bytes;
use warren_component::BoxFuture;
use warren_config::Secret;

struct Ok200;

impl Handler for Ok200 {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            match request.body().await {
                Ok(_) => Reply::new("ok".into()),
                Err(BodyError::Timeout) => plain_error(http::StatusCode::REQUEST_TIMEOUT, ""),
                Err(_) => plain_error(http::StatusCode::BAD_REQUEST, ""),
            }
        })
    }
}

/// A server with this certificate.
fn server(certificate: (Secret, Secret), change: impl FnOnce(&mut TlsServerConfig)) -> Running {
    let mut tls = TlsServerConfig::default();
    (tls.common.cert_pem, tls.common.key_pem) = certificate;
    change(&mut tls);
    Running::http(&ServerConfig { tls: Some(tls), ..ServerConfig::default() }, &context(Vec::new()), Ok200)
}

/// How a request to the server ends: with `ok`, or an error in words.
async fn ask(server: &Running, change: impl FnOnce(&mut TlsClientConfig)) -> String {
    let mut settings = ClientSettings::default();
    change(&mut settings.tls);
    let client = Client::new(settings).unwrap();
    send(&client, server).await
}

async fn send(client: &Client, server: &Running) -> String {
    let request = http::Request::post(format!("https://{}/", server.address)).body(Bytes::from("x")).unwrap();
    match client.send(request).await {
        Ok(reply) => String::from_utf8(reply.into_body().read(100).await.unwrap()).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_and_name() {
    let authority = Authority::new();
    let server = server(authority.issue(&["127.0.0.1", "other.example"]), |_| {});
    let ca = authority.pem();
    assert_eq!(ask(&server, |tls| tls.common.ca_pem = ca.clone()).await, "ok");
    assert_eq!(
        ask(&server, |tls| (tls.common.ca_pem, tls.server_name_override) = (ca.clone(), "other.example".into())).await,
        "ok"
    );
    let error = ask(&server, |tls| (tls.common.ca_pem, tls.server_name_override) = (ca.clone(), "wrong.example".into())).await;
    assert!(error.contains("tls: invalid peer certificate") && error.contains("wrong.example"), "{error}");
    let error = ask(&server, |tls| tls.common.ca_pem = Authority::new().pem()).await;
    assert!(error.contains("tls: invalid peer certificate"), "{error}");
    let error = ask(&server, |_| {}).await;
    assert!(error.contains("UnknownIssuer"), "{error}");
    assert_eq!(ask(&server, |tls| tls.insecure_skip_verify = true).await, "ok");
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_given_as_authority_itself() {
    let certificate = self_signed("127.0.0.1");
    let server = server(certificate.clone(), |_| {});
    assert_eq!(ask(&server, |tls| tls.common.ca_pem = certificate.0.clone()).await, "ok");
    assert!(ask(&server, |tls| tls.common.ca_pem = self_signed("127.0.0.1").0).await.contains("invalid peer certificate"));
    let named = |tls: &mut TlsClientConfig| {
        (tls.common.ca_pem, tls.server_name_override) = (certificate.0.clone(), "else.example".into())
    };
    assert!(ask(&server, named).await.contains("invalid peer certificate"));
}

#[tokio::test]
async fn a_server_with_client_authorities_wants_a_certificate_of_theirs() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("clients.pem");
    std::fs::write(&file, clients.pem().expose()).unwrap();
    let server = server(authority.issue(&["127.0.0.1"]), |tls| tls.client_ca_file = file.to_str().unwrap().to_owned());
    let with = |certificate: Option<(Secret, Secret)>| {
        let ca = authority.pem();
        move |tls: &mut TlsClientConfig| {
            tls.common.ca_pem = ca;
            (tls.common.cert_pem, tls.common.key_pem) = certificate.unwrap_or_default();
        }
    };
    assert_eq!(ask(&server, with(Some(clients.issue(&["client"])))).await, "ok");
    assert_ne!(ask(&server, with(None)).await, "ok");
    assert_ne!(ask(&server, with(Some(authority.issue(&["client"])))).await, "ok");
}

#[tokio::test]
async fn changed_client_authorities_are_read_again() {
    let (authority, first, second) = (Authority::new(), Authority::new(), Authority::new());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("clients.pem");
    let write = |authority: &Authority, age: u64| {
        std::fs::write(&file, authority.pem().expose()).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    };
    write(&first, 1000);
    let server = server(authority.issue(&["127.0.0.1"]), |tls| {
        tls.client_ca_file = file.to_str().unwrap().to_owned();
        tls.client_ca_file_reload = true;
    });
    let certificate = second.issue(&["client"]);
    let ours = |tls: &mut TlsClientConfig| {
        tls.common.ca_pem = authority.pem();
        (tls.common.cert_pem, tls.common.key_pem) = certificate.clone();
    };
    assert_ne!(ask(&server, ours).await, "ok");
    write(&second, 2000);
    assert_eq!(ask(&server, ours).await, "ok");
    std::fs::write(&file, "no certificate").unwrap();
    assert_eq!(ask(&server, ours).await, "ok", "a bad file leaves the authorities as they were");
}

#[tokio::test]
async fn a_changed_certificate_is_used_after_the_reload_interval() {
    let authority = Authority::new();
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    let write = |name: &str| {
        let (certificate, private) = authority.issue(&[name]);
        std::fs::write(&cert, certificate.expose()).unwrap();
        std::fs::write(&key, private.expose()).unwrap();
    };
    write("before.example");
    let mut tls = TlsServerConfig::default();
    tls.common.cert_file = cert.to_str().unwrap().to_owned();
    tls.common.key_file = key.to_str().unwrap().to_owned();
    tls.common.reload_interval = std::time::Duration::from_nanos(1);
    let config = ServerConfig { tls: Some(tls), ..ServerConfig::default() };
    let server = Running::http(&config, &context(Vec::new()), Ok200);
    let named = |name: &'static str| {
        let ca = authority.pem();
        move |tls: &mut TlsClientConfig| (tls.common.ca_pem, tls.server_name_override) = (ca, name.to_owned())
    };
    assert_eq!(ask(&server, named("before.example")).await, "ok");
    write("after.example");
    assert_eq!(ask(&server, named("after.example")).await, "ok");
}

#[tokio::test]
async fn sides_without_a_common_version_suite_or_curve_do_not_connect() {
    let authority = Authority::new();
    let only_12 = server(authority.issue(&["127.0.0.1"]), |tls| tls.common.max_version = "1.2".into());
    let client = |change: fn(&mut TlsConfig)| {
        let ca = authority.pem();
        move |tls: &mut TlsClientConfig| {
            tls.common.ca_pem = ca;
            change(&mut tls.common);
        }
    };
    assert_ne!(ask(&only_12, client(|tls| tls.min_version = "1.3".into())).await, "ok");
    assert_eq!(ask(&only_12, client(|tls| tls.max_version = "1.2".into())).await, "ok");
    // The server's key is of the ECDSA kind.
    let suites = |name: &str| vec![name.to_owned()];
    assert_eq!(
        ask(&only_12, client(|tls| tls.cipher_suites = vec!["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".into()])).await,
        "ok"
    );
    assert_ne!(ask(&only_12, client(|tls| tls.cipher_suites = vec!["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256".into()])).await, "ok");
    let only_p384 = server(authority.issue(&["127.0.0.1"]), |tls| tls.common.curve_preferences = suites("P384"));
    assert_eq!(ask(&only_p384, client(|_| {})).await, "ok");
    assert_ne!(ask(&only_p384, client(|tls| tls.curve_preferences = vec!["X25519".into()])).await, "ok");
}

#[test]
fn files_are_read_when_the_client_is_built() {
    let new = |change: fn(&mut TlsClientConfig)| {
        let mut settings = ClientSettings::default();
        change(&mut settings.tls);
        Client::new(settings).err().unwrap().to_string()
    };
    assert_eq!(
        new(|tls| tls.common.ca_file = "/no/ca.pem".into()),
        "failed to load TLS config: failed to load CA CertPool File: failed to load cert /no/ca.pem: open /no/ca.pem: \
         no such file or directory"
    );
    assert_eq!(
        new(|tls| tls.common.ca_pem = Secret::new("nothing")),
        "failed to load TLS config: failed to load CA CertPool PEM: failed to parse cert"
    );
    assert_eq!(
        new(|tls| tls.common.cert_file = "/no/cert.pem".into()),
        "failed to load TLS config: failed to load TLS cert and key: for auth via TLS, provide both certificate and key, or neither"
    );
    let mixed = || {
        let mut settings = ClientSettings::default();
        (settings.tls.common.cert_pem, _) = self_signed("a");
        (_, settings.tls.common.key_pem) = self_signed("b");
        Client::new(settings).err().unwrap().to_string()
    };
    assert!(mixed().starts_with("failed to load TLS config: failed to load TLS cert and key PEMs: "), "{}", mixed());
}

/// Origin of the texts: go.opentelemetry.io/collector `config/configtls/configtls_test.go` v1.38.0.
#[test]
fn settings_are_checked_in_upstreams_words() {
    let cases = [
        ("{ca_file: /etc/hosts, ca_pem: x}", "provide either a CA file or the PEM-encoded string, but not both"),
        ("{cert_pem: x}", "for auth via TLS, provide both certificate and key, or neither"),
        ("{min_version: \"1.4\"}", "invalid TLS min_version: unsupported TLS version: \"1.4\""),
        ("{max_version: \"x\"}", "invalid TLS max_version: unsupported TLS version: \"x\""),
        (
            "{min_version: \"1.3\", max_version: \"1.2\"}",
            "invalid TLS configuration: min_version cannot be greater than max_version",
        ),
        ("{min_version: \"1.1\"}", "invalid TLS min_version: TLS 1.1 is broken and not supported; the oldest version is 1.2"),
        ("{cipher_suites: [BLA]}", "invalid TLS cipher suite: \"BLA\""),
        ("{curve_preferences: [P25223]}", "invalid curve type: P25223. Expected values are [P-256, P-384, P-521, X25519]"),
        ("{curve_preferences: [P521]}", "curve P521 is not supported; use X25519, P256 or P384"),
        ("{tpm: {enabled: true}}", "keys in a trusted platform module are not supported; use key_file"),
    ];
    for (yaml, message) in cases {
        assert_eq!(decode::<TlsClientConfig>(yaml).1, [message], "{yaml}");
    }
    let (_, errors) = decode::<TlsClientConfig>("{cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]}");
    assert!(errors[0].contains("is not supported"), "{errors:?}");
    assert_eq!(
        decode::<TlsClientConfig>("{insecure: true, min_version: \"1.3\", cipher_suites: [TLS_AES_128_GCM_SHA256]}").1,
        [""; 0]
    );
}
