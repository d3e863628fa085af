//! Simulated collectors, all of them on one thread: each enrols, keeps a connection, gives signs of life, takes what it is given, and comes back
//! as real ones do.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::wire::{self, Attribute, Description, Effective, File, Files, Frame, Health, Status, Text, ToServer};

/// Connections from one address: there are no more ports than twice that.
const OF_ADDRESS: usize = 20_000;

/// Time between signs of life.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long a collector looks whether a new configuration runs well before it says so.
const GRACE: Duration = Duration::from_secs(2);

/// How long it waits for an answer to its first request.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest wait before the first attempt after a lost connection, and of any attempt.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 4096;

/// What has happened.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) connected: AtomicU64,
    /// Those whose first message was answered, since this was set to zero.
    pub(super) greeted: AtomicU64,
    pub(super) offers: AtomicU64,
    pub(super) applied: AtomicU64,
    pub(super) full_states: AtomicU64,
    /// Refusals by their status, and the waits that were asked for: least, most.
    pub(super) refused: Mutex<BTreeMap<u16, (u64, u64, u64)>>,
    /// Connections that broke, by reason.
    pub(super) lost: Mutex<BTreeMap<String, u64>>,
}

/// Where they connect to, and how.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) port: u16,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// All of them; they end with this.
pub(super) struct Clients {
    pub(super) counts: Arc<Counts>,
    end: Arc<Notify>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Clients {
    /// Starts one for each enrolment token, so many a second.
    pub(super) fn start(place: &Place, tokens: Vec<String>, rate: f64) -> Result<Clients> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
        let (counts, end) = (Arc::new(Counts::default()), Arc::new(Notify::new()));
        let (counted, ended, place) = (Arc::clone(&counts), Arc::clone(&end), place.clone());
        let thread = std::thread::spawn(move || {
            runtime.block_on(async move {
                let spawner = async {
                    for (number, token) in tokens.into_iter().enumerate() {
                        tokio::spawn(Client::new(number, token, place.clone(), Arc::clone(&counted)).live());
                        sleep(Duration::from_secs_f64(1.0 / rate)).await;
                    }
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    () = spawner => {}
                    () = ended.notified() => {}
                }
            });
        });
        Ok(Clients { counts, end, thread: Some(thread) })
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A collector.
struct Client {
    number: usize,
    place: Place,
    counts: Arc<Counts>,
    authorization: String,
    settings: Option<Status>,
    uid: Vec<u8>,
    sequence: u64,
    config: Option<Status>,
    body: Vec<u8>,
    /// State of its dice.
    random: u64,
}

/// How a connection ended.
enum End {
    /// It is to connect with what it was given.
    Again,
    Refused {
        status: u16,
        wait: Duration,
    },
    Lost(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl Client {
    fn new(number: usize, token: String, place: Place, counts: Arc<Counts>) -> Self {
        let mut uid = vec![0x01, 0x99, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0];
        uid.extend((number as u32).to_be_bytes());
        let random = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let authorization = format!("Bearer {token}");
        Self { number, place, counts, authorization, settings: None, uid, sequence: 0, config: None, body: Vec::new(), random }
    }

    async fn live(mut self) {
        let mut failed = 0u32;
        loop {
            let mut greeted = false;
            let ended = self.connection(&mut greeted).await;
            if greeted {
                self.counts.connected.fetch_sub(1, Ordering::Relaxed);
                failed = 0;
            }
            let asked = match ended {
                End::Again => continue,
                End::Refused { status, wait } => {
                    let mut refused = self.counts.refused.lock().unwrap_or_else(|error| error.into_inner());
                    let entry = refused.entry(status).or_insert((0, u64::MAX, 0));
                    *entry = (entry.0 + 1, entry.1.min(wait.as_secs()), entry.2.max(wait.as_secs()));
                    wait
                }
                End::Lost(error) => {
                    *self.counts.lost.lock().unwrap_or_else(|error| error.into_inner()).entry(error.to_string()).or_default() +=
                        1;
                    Duration::ZERO
                }
            };
            let bound = match failed {
                0 => FIRST,
                failed => LONGEST.min(Duration::from_secs(1) * 2u32.saturating_pow(failed.min(9))),
            };
            failed += 1;
            let wait = asked + bound.mul_f64(self.fraction());
            sleep(wait).await;
        }
    }

    async fn connection(&mut self, greeted: &mut bool) -> End {
        let socket = match TcpSocket::new_v4() {
            Ok(socket) => socket,
            Err(error) => return error.into(),
        };
        let own = Ipv4Addr::new(127, 0, 1, 1 + (self.number / OF_ADDRESS) as u8);
        let connected = async {
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(IpAddr::V4(own), 0))?;
            let stream = socket.connect(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.place.port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        let stream = match connected.await {
            Ok(stream) => stream,
            Err(error) => return error.into(),
        };
        let Some(tls) = self.place.tls.clone() else { return self.session(stream, greeted).await };
        let Ok(name) = ServerName::try_from("localhost") else { return io::Error::other("no name").into() };
        match timeout(PATIENCE, TlsConnector::from(tls).connect(name, stream)).await {
            Ok(Ok(stream)) => self.session(Box::new(stream), greeted).await,
            Ok(Err(error)) => error.into(),
            Err(_) => io::Error::other("no handshake in time").into(),
        }
    }

    async fn session<S: AsyncRead + AsyncWrite + Unpin>(&mut self, mut stream: S, greeted: &mut bool) -> End {
        match timeout(PATIENCE, self.upgrade(&mut stream)).await {
            Ok(Ok(())) => {}
            Ok(Err(end)) => return end,
            Err(_) => return io::Error::other("no answer in time").into(),
        }
        match self.converse(&mut stream, greeted).await {
            Ok(end) => end,
            Err(error) => error.into(),
        }
    }

    async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S) -> Result<(), End> {
        let request = format!(
            "GET /v1/opamp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: {}\r\n\r\n",
            self.authorization
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
            if head.len() > HEAD_BYTES_MAX {
                return Err(io::Error::other("the head of an answer is too long").into());
            }
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        if status == 101 {
            return Ok(());
        }
        let wait = head.lines().find_map(|line| line.strip_prefix("retry-after:")?.trim().parse().ok());
        Err(End::Refused { status, wait: Duration::from_secs(wait.unwrap_or(0)) })
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: &mut S, greeted: &mut bool) -> io::Result<End> {
        let first = self.full();
        wire::send(stream, &first).await?;
        let (mut beat, mut applied, mut figures) = (Instant::now() + HEARTBEAT, None, false);
        loop {
            let due: Option<Instant> = applied;
            let frame = tokio::select! {
                first = stream.read_u8() => wire::read(stream, first?).await?,
                () = sleep_until(due.unwrap_or(beat)), if due.is_some() => {
                    applied = None;
                    if let Some(config) = &mut self.config {
                        config.status = wire::APPLIED;
                    }
                    let message = ToServer { config: self.config.clone(), effective: self.effective(), ..self.beat() };
                    wire::send(stream, &message).await?;
                    self.counts.applied.fetch_add(1, Ordering::Relaxed);
                    beat = Instant::now() + HEARTBEAT;
                    continue;
                }
                () = sleep_until(beat) => {
                    let mut message = self.beat();
                    // Figures are told each minute.
                    figures = !figures;
                    if figures {
                        message.health = Some(self.health());
                    }
                    wire::send(stream, &message).await?;
                    beat = Instant::now() + HEARTBEAT;
                    continue;
                }
            };
            let message = match frame {
                Frame::Message(message) => message,
                Frame::Ping(body) => {
                    wire::write(stream, 10, &body).await?;
                    continue;
                }
                Frame::Close => return Err(io::Error::other("the server closed the connection")),
                Frame::Other => continue,
            };
            if let Some(error) = message.error {
                let wait = error.retry.map(|retry| Duration::from_nanos(retry.nanoseconds)).unwrap_or_default();
                return Ok(End::Refused { status: 1, wait });
            }
            if let Some(settings) = message.settings {
                let header = settings.opamp.and_then(|opamp| opamp.headers?.headers.into_iter().next());
                self.settings = Some(Status { hash: settings.hash, status: wire::APPLIED });
                if let Some(header) = header {
                    self.authorization = header.value;
                    return Ok(End::Again);
                }
                let message = ToServer { settings: self.settings.clone(), ..self.beat() };
                wire::send(stream, &message).await?;
            }
            if !*greeted {
                *greeted = true;
                self.counts.connected.fetch_add(1, Ordering::Relaxed);
                self.counts.greeted.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(offer) = message.config {
                self.counts.offers.fetch_add(1, Ordering::Relaxed);
                self.body =
                    offer.files.and_then(|files| files.files.into_values().next()).map(|file| file.body).unwrap_or_default();
                self.config = Some(Status { hash: offer.hash, status: wire::APPLYING });
                let message = ToServer { config: self.config.clone(), ..self.beat() };
                wire::send(stream, &message).await?;
                applied = Some(Instant::now() + GRACE);
            }
            if message.flags & wire::FULL_STATE != 0 {
                self.counts.full_states.fetch_add(1, Ordering::Relaxed);
                let full = self.full();
                wire::send(stream, &full).await?;
            }
        }
    }

    fn beat(&mut self) -> ToServer {
        self.sequence += 1;
        ToServer { uid: self.uid.clone(), sequence: self.sequence, capabilities: wire::CAPABILITIES, ..ToServer::default() }
    }

    fn full(&mut self) -> ToServer {
        let attribute = |key: &str, text: String| Attribute { key: key.to_owned(), value: Some(Text { text }) };
        let description = Description {
            identifying: vec![
                attribute("service.name", "warren-collector".to_owned()),
                attribute("service.version", "0.1.0".to_owned()),
                attribute("service.instance.id", format!("instance-{}", self.number)),
            ],
            other: vec![
                attribute("os.type", "linux".to_owned()),
                attribute("host.arch", "amd64".to_owned()),
                attribute("host.name", format!("host-{}", self.number)),
                attribute("os.description", "Debian GNU/Linux 12 (bookworm)".to_owned()),
            ],
        };
        ToServer {
            description: Some(description),
            health: Some(self.health()),
            effective: self.effective(),
            config: self.config.clone(),
            settings: self.settings.clone(),
            ..self.beat()
        }
    }

    fn health(&self) -> Health {
        let figure = |name: &str| Attribute { key: name.to_owned(), value: Some(Text { text: self.sequence.to_string() }) };
        let well =
            || Health { healthy: true, status: "StatusOK".to_owned(), since: 1_700_000_000_000_000_000, ..Health::default() };
        let parts = [
            "pipeline:metrics/broker",
            "receiver:prometheus/broker",
            "processor:resource/server",
            "processor:batch",
            "exporter:prometheusremotewrite/mimir",
            "extension:basicauth/mimir",
            "extension:file_storage",
            "extension:health_check",
        ];
        let part = |name: &&str| {
            let figures = name.starts_with("exporter").then(|| vec![figure("queue_size"), figure("sent"), figure("failed")]);
            ((*name).to_owned(), Health { attributes: figures.unwrap_or_default(), ..well() })
        };
        Health { parts: parts.iter().map(part).collect(), ..well() }
    }

    fn effective(&self) -> Option<Effective> {
        let file = File { body: self.body.clone(), kind: "application/json".to_owned() };
        Some(Effective { files: Some(Files { files: BTreeMap::from([(String::new(), file)]) }) })
    }

    /// A number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}
