//! What the tests of this crate share: servers with a script, certificates, contexts.

use crate::grpc::{GrpcHandler, GrpcServer, GrpcServerConfig};
use crate::server::{Handler, Listener, ServeError, Server, ServerConfig, Transport};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use warren_component::{BuildContext, BuildInfo, Extension, Extensions, Inherited, Stop};
use warren_config::{ComponentId, Secret};
use warren_telemetry::Telemetry;

pub(crate) use warren_config::read_settings as decode;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A context with these extensions.
pub(crate) fn context(extensions: Vec<(&str, Arc<dyn Extension>)>) -> BuildContext {
    let extensions: BTreeMap<ComponentId, Arc<dyn Extension>> =
        extensions.into_iter().map(|(id, extension)| (id.parse().unwrap(), extension)).collect();
    BuildContext {
        id: "test".parse().unwrap(),
        telemetry: Telemetry::discarded(),
        build: Arc::new(BuildInfo { command: "warren-test".into(), description: "a test".into(), version: "1.2.3".into() }),
        extensions: Extensions::new(extensions),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Default::default(),
    }
}

/// A request as a scripted server saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn first_line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What a scripted server does with a request.
#[derive(Clone)]
pub(crate) enum Act {
    Reply(Vec<u8>),
    /// Replies, and closes the connection although it did not say so.
    ReplyAndClose(Vec<u8>),
    Close,
    Never,
}

/// A reply with a body and more headers.
pub(crate) fn reply(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Act {
    Act::Reply(raw(status, headers, body))
}

pub(crate) fn raw(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

/// A server on loopback that does one act per request, in order over all connections, and reports what it saw.
pub(crate) struct Scripted {
    pub(crate) address: String,
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
}

impl Scripted {
    pub(crate) async fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, seen) = mpsc::unbounded_channel();
        let acts = Arc::new(tokio::sync::Mutex::new(std::collections::VecDeque::from(acts)));
        tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(play(stream, connection, acts.clone(), sender.clone()));
                connection += 1;
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn next(&mut self) -> Seen {
        tokio::time::timeout(SOON, self.seen.recv()).await.expect("a request").unwrap()
    }
}

type Acts = Arc<tokio::sync::Mutex<std::collections::VecDeque<Act>>>;

async fn play(mut stream: TcpStream, connection: usize, acts: Acts, sender: mpsc::UnboundedSender<Seen>) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let act = acts.lock().await.pop_front().unwrap_or(Act::Close);
        let _ = sender.send(Seen { connection, head, body });
        match act {
            Act::Reply(bytes) => stream.write_all(&bytes).await.unwrap(),
            Act::ReplyAndClose(bytes) => return stream.write_all(&bytes).await.unwrap(),
            Act::Close => return,
            Act::Never => std::future::pending().await,
        }
    }
}

/// Reads a request with a body of known length.
pub(crate) async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

/// Sends bytes over a new connection, and reads until the other side closes.
pub(crate) async fn exchange(address: &str, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    talk(&mut stream, request).await
}

/// Sends bytes, and reads until the other side closes.
pub(crate) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: impl AsRef<[u8]>) -> String {
    stream.write_all(request.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the connection closes");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A certificate authority for tests.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> Secret {
        Secret::new(self.certificate.pem())
    }

    /// A certificate for these names, and its key.
    pub(crate) fn issue(&self, names: &[&str]) -> (Secret, Secret) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (Secret::new(certificate.pem()), Secret::new(key.serialize_pem()))
    }
}

/// A self-signed certificate that is marked as an authority, as `openssl req -x509` makes them, and its key.
pub(crate) fn self_signed(name: &str) -> (Secret, Secret) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    (Secret::new(params.self_signed(&key).unwrap().pem()), Secret::new(key.serialize_pem()))
}

/// A server of this crate on loopback, for the time of a test.
pub(crate) struct Running {
    pub(crate) address: String,
    handle: warren_component::StopHandle,
    task: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// Serves requests by a function of the request.
    pub(crate) fn http(config: &ServerConfig, cx: &BuildContext, handler: impl Handler) -> Self {
        let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server::new(config, cx, listener, Arc::new(handler)).unwrap();
        let (handle, stop) = Stop::new();
        Self { address, handle, task: tokio::spawn(server.serve(stop)) }
    }

    /// Serves calls.
    pub(crate) fn grpc(config: &GrpcServerConfig, cx: &BuildContext, handler: impl GrpcHandler) -> Self {
        let listener = Listener::bind(Transport::Tcp, "127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = GrpcServer::new(config, cx, listener, Arc::new(handler)).unwrap();
        let (handle, stop) = Stop::new();
        Self { address, handle, task: tokio::spawn(server.serve(stop)) }
    }

    /// Asks it to stop, with this time for requests in flight.
    pub(crate) fn stop(&self, drain: Duration) {
        self.handle.request(tokio::time::Instant::now() + drain);
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(SOON, self.task).await.expect("the server ends").unwrap().unwrap();
    }
}
