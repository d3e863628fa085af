//! Where connections come from: a socket, with TLS where there is a certificate. Handshakes are done side by side, so that whoever is slow holds up
//! nobody else; what goes on to the server are connections that are ready.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use rustix::net::sockopt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep, timeout};
use warren_http::tls::{ClientCertificate, ServerStream, ServerTls, TlsServerConfig, client_certificate};
use warren_telemetry::{Counter, Field, Logger};

/// Handshakes at a time.
const HANDSHAKES_MAX: usize = 1024;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections that are ready and not taken yet.
const READY_MAX: usize = 64;

/// How often it is looked whether certificates have changed.
const RELOAD: Duration = Duration::from_secs(10);

/// How long the other side may leave bytes unacknowledged, in milliseconds.
const UNACKNOWLEDGED: u32 = 60_000;

/// How long nothing may go over a connection.
const IDLE_MAX: Duration = Duration::from_secs(180);

/// How long nothing is accepted after that failed, such as for want of files.
const PAUSE: Duration = Duration::from_millis(200);

/// The control plane's own certificate, and what is asked of clients.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The certificate, with its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Certificates that clients' certificates must lead to; clients are asked for none if it is not given.
    pub client_authority: Option<PathBuf>,
    /// Whether whoever has no certificate is shut out.
    pub required: bool,
}

impl Tls {
    fn open(&self) -> Result<ServerTls, String> {
        let path = |path: &PathBuf| path.display().to_string();
        let mut settings = TlsServerConfig::default();
        (settings.common.cert_file, settings.common.key_file) = (path(&self.certificate), path(&self.key));
        settings.common.reload_interval = RELOAD;
        settings.client_ca_file = self.client_authority.as_ref().map(path).unwrap_or_default();
        settings.client_certificate_optional = !self.required;
        ServerTls::new(settings, &[b"http/1.1"]).map_err(|error| error.to_string())
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// The certificate that it has shown, which was found to be good.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A connection, which ends when nothing goes over it for long. WebSockets are pinged before that, and end by themselves where nobody answers.
pub(crate) struct Io {
    stream: Stream,
    /// When something came or went last, and when it is looked at again how long that is ago.
    used: Instant,
    look: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<ServerStream<TcpStream>>),
}

/// Where connections come from.
pub(crate) struct Door {
    address: SocketAddr,
    ready: mpsc::Receiver<(Io, Peer)>,
    accepting: JoinHandle<()>,
}

impl Door {
    /// Listens.
    ///
    /// # Errors
    /// In words, when that cannot be, or the certificate cannot be used.
    pub(crate) async fn open(
        listen: &str,
        tls: Option<&Tls>,
        connections_max: usize,
        log: &Logger,
        failed: Counter,
    ) -> Result<Self, String> {
        let tls = tls.map(Tls::open).transpose()?.map(Arc::new);
        let listener = TcpListener::bind(listen).await.map_err(|error| format!("listen {listen}: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let (sender, ready) = mpsc::channel(READY_MAX);
        let places = Arc::new(Semaphore::new(connections_max));
        let accepting = tokio::spawn(accept(listener, places, tls, sender, log.clone(), failed));
        Ok(Self { address, ready, accepting })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl axum::serve::Listener for Door {
    type Io = Io;
    type Addr = Peer;

    async fn accept(&mut self) -> (Io, Peer) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { address: self.address, certificate: None })
    }
}

impl Io {
    fn new(stream: Stream, place: OwnedSemaphorePermit) -> Self {
        Self { stream, used: Instant::now(), look: Box::pin(sleep(IDLE_MAX)), _place: place }
    }

    /// Whether nothing has come or gone for too long; else it is looked again.
    fn is_idle(&mut self, cx: &mut Context<'_>) -> bool {
        while self.look.as_mut().poll(cx).is_ready() {
            let until = self.used + IDLE_MAX;
            if Instant::now() >= until {
                return true;
            }
            self.look.as_mut().reset(until);
        }
        false
    }
}

async fn accept(
    listener: TcpListener,
    places: Arc<Semaphore>,
    tls: Option<Arc<ServerTls>>,
    ready: mpsc::Sender<(Io, Peer)>,
    log: Logger,
    failed: Counter,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        // One more than there may be waits outside.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log.warn("A connection cannot be accepted", &[("error", Field::Display(&error))]);
                sleep(PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let _ = sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED);
        let Some(tls) = tls.clone() else {
            if ready.send((Io::new(Stream::Plain(stream), place), Peer { address, certificate: None })).await.is_err() {
                return;
            }
            continue;
        };
        let Ok(turn) = handshakes.clone().acquire_owned().await else { return };
        let (ready, failed, log) = (ready.clone(), failed.clone(), log.clone());
        tokio::spawn(async move {
            let shaken = timeout(PATIENCE, tls.accept(stream)).await;
            drop(turn);
            let stream = match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    failed.add(1);
                    let fields = [("address", Field::Display(&address)), ("error", Field::Display(&error))];
                    return log.debug("A handshake failed", &fields);
                }
                Err(_) => return failed.add(1),
            };
            let certificate = client_certificate(&stream).map(Arc::new);
            let _ = ready.send((Io::new(Stream::Tls(Box::new(stream)), place), Peer { address, certificate })).await;
        });
    }
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let read = match &mut io.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        match read {
            Poll::Pending if io.is_idle(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            Poll::Ready(read) => {
                io.used = Instant::now();
                Poll::Ready(read)
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let io = self.get_mut();
        let written = match &mut io.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        };
        if matches!(written, Poll::Ready(Ok(count)) if count > 0) {
            io.used = Instant::now();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test(start_paused = true)]
    async fn a_connection_over_which_nothing_goes_ends_and_one_that_says_something_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, client) = tokio::join!(listener.accept(), TcpStream::connect(address));
        let (stream, mut client) = (accepted.unwrap().0, client.unwrap());
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let mut io = Io::new(Stream::Plain(stream), place);
        tokio::time::advance(IDLE_MAX / 2).await;
        client.write_all(b"a").await.unwrap();
        assert_eq!(io.read_u8().await.unwrap(), b'a');
        tokio::time::advance(IDLE_MAX / 2).await;
        io.write_all(b"b").await.unwrap();
        let began = Instant::now();
        assert_eq!(io.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), IDLE_MAX.as_secs());
    }
}
