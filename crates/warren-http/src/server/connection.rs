//! Accepting connections and driving them.

use super::listen::{Listener, Stream};
use super::reply::{Reply, ReplyBody, plain_error};
use super::watch::{Activity, Watched};
use crate::error::io_text;
use crate::tls::ServerTls;
use futures_util::FutureExt;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use warren_component::{BuildContext, Stop};
use warren_telemetry::Counter;

pub(crate) use super::watch::Bounds;

/// Connections that a server keeps at a time. When one more comes, the one that has been idle longest is asked to end; while none is idle,
/// the new one waits.
pub const CONNECTIONS_MAX: usize = 1024;

/// How long a TLS handshake may take.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest head of a request, and what is read ahead.
pub(super) const READ_BUFFER_MAX: usize = 64 * 1024;

/// Requests at a time on one HTTP/2 connection, unless configured.
const STREAMS_MAX: u32 = 128;

/// How long a connection that was closed with something unread goes on reading, so that the client sees the reply and not a reset.
const LINGER: Duration = Duration::from_millis(500);

/// How long a connection that was asked to end may take when it has no request in flight.
const ENDING: Duration = Duration::from_secs(1);

/// How long a connection that was accepted just before the server stops is waited for to bring its request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// How long accepting rests when the system refuses, for want of descriptors for example.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Why a server cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ServeError(String);

/// Who is at the other end: an address, except for Unix sockets.
pub type Peer = Option<SocketAddr>;

/// Answers the requests of all connections.
pub(crate) trait Engine: Send + Sync + 'static {
    fn respond(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Reply> + Send;

    /// A connection waits because there are too many.
    fn connection_refused(&self) {}

    /// A request was answered by a panic, or another fault of ours.
    fn fault(&self, message: &str);
}

/// Counts the connections of a component that had to wait.
pub(crate) fn connections_delayed(cx: &BuildContext) -> Counter {
    let help = "Connections that waited because the server had as many as it may.";
    cx.telemetry.registry.counter("warren_http_server_connections_delayed_total", help, &[("component", &cx.id.to_string())])
}

/// What is spoken on a connection.
#[derive(Clone, Copy)]
pub(crate) enum Protocols {
    /// HTTP/1, and HTTP/2 where TLS agreed on it.
    Http,
    /// HTTP/2 from the first byte: gRPC.
    Http2 { streams_max: Option<u32>, keepalive: Keepalive },
}

/// Probing of silent HTTP/2 connections.
#[derive(Clone, Copy)]
pub(crate) struct Keepalive {
    pub(crate) after: Duration,
    pub(crate) timeout: Duration,
}

/// A socket and how it is served.
pub(crate) struct Serving {
    pub(crate) listener: Listener,
    pub(crate) tls: Option<Arc<ServerTls>>,
    pub(crate) protocols: Protocols,
    pub(crate) bounds: Bounds,
}

/// What all connections of a server share.
struct Shared<E> {
    engine: Arc<E>,
    tls: Option<Arc<ServerTls>>,
    protocols: Protocols,
    bounds: Bounds,
    stop: Stop,
    open: Mutex<HashMap<u64, Arc<Activity>>>,
}

/// Serves until stopped.
pub(crate) async fn serve<E: Engine>(serving: Serving, engine: Arc<E>, stop: Stop) -> Result<(), ServeError> {
    let Serving { listener, tls, protocols, bounds } = serving;
    let shared = Arc::new(Shared { engine, tls, protocols, bounds, stop: stop.clone(), open: Mutex::default() });
    let room = Arc::new(Semaphore::new(bounds.connections_max));
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.requested() => break,
            Some(ended) = connections.join_next() => {
                shared.report(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if passes(&error) => {
                shared.engine.fault(&format!("accept: {}; retrying", io_text(&error)));
                sleep(ACCEPT_RETRY).await;
                continue;
            }
            Err(error) => return Err(ServeError(format!("accept: {}", io_text(&error)))),
        };
        let Some(permit) = shared.make_room(&room).await else { break };
        number += 1;
        connections.spawn(shared.clone().connection(number, stream, peer, permit));
    }
    drop(listener);
    let ended = async {
        while let Some(ended) = connections.join_next().await {
            shared.report(ended);
        }
    };
    tokio::select! {
        () = ended => {}
        () = stop.overdue() => {}
    }
    connections.shutdown().await;
    Ok(())
}

/// Whether accepting may work again: the client was gone already, or the system is short of something.
fn passes(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    !matches!(Errno::from_io_error(error), Some(Errno::BADF | Errno::INVAL | Errno::NOTSOCK | Errno::OPNOTSUPP))
}

impl<E: Engine> Shared<E> {
    fn report(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            self.engine.fault(&format!("panic while answering a request: {error}"));
        }
    }

    /// Room for one more connection; none if the server is to stop before there is any.
    async fn make_room(&self, room: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = room.clone().try_acquire_owned() {
            return Some(permit);
        }
        self.engine.connection_refused();
        loop {
            self.evict_idle();
            tokio::select! {
                permit = room.clone().acquire_owned() => return permit.ok(),
                () = self.stop.requested() => return None,
                // Some connection may have become idle meanwhile.
                () = sleep(ACCEPT_RETRY) => {}
            }
        }
    }

    fn evict_idle(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = open.values().filter_map(|activity| activity.idle_since().map(|since| (since, activity)));
        if let Some((_, activity)) = idle.min_by_key(|(since, _)| *since) {
            activity.evict();
        }
    }

    async fn connection(self: Arc<Self>, number: u64, stream: Box<dyn Stream>, peer: Peer, _room: OwnedSemaphorePermit) {
        let activity = Activity::new();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, activity.clone());
        let (stream, http2) = match &self.tls {
            None => (Some(stream), false),
            Some(tls) => match timeout(TLS_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    (Some(Box::new(stream) as Box<dyn Stream>), http2)
                }
                // A client without trust or patience; it knows.
                Ok(Err(_)) | Err(_) => (None, false),
            },
        };
        if let Some(stream) = stream {
            let http2 = http2 || matches!(self.protocols, Protocols::Http2 { .. });
            let stream = Watched::new(stream, (!http2).then(|| activity.clone()), self.bounds.write);
            if http2 {
                self.http2(stream, peer, &activity).await;
            } else {
                self.http1(stream, peer, &activity).await;
            }
        }
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    async fn http1(self: &Arc<Self>, stream: Watched, peer: Peer, activity: &Arc<Activity>) {
        let service = service_fn(|request| Box::pin(self.clone().answer(request, peer, activity.clone())));
        let mut builder = http1::Builder::new();
        // The time for a head is watched with everything else.
        builder.max_buf_size(READ_BUFFER_MAX).half_close(true).header_read_timeout(None);
        let mut connection = builder.serve_connection(TokioIo::new(stream), service);
        if self.drive(&mut connection, activity).await {
            linger(connection.into_parts().io.into_inner()).await;
        }
    }

    async fn http2(self: &Arc<Self>, stream: Watched, peer: Peer, activity: &Arc<Activity>) {
        let service = service_fn(|request| Box::pin(self.clone().answer(request, peer, activity.clone())));
        let mut builder = http2::Builder::new(Tasks(self.stop.clone()));
        let mut streams_max = None;
        builder.timer(TokioTimer::new());
        if let Protocols::Http2 { streams_max: configured, keepalive } = self.protocols {
            builder.keep_alive_interval(keepalive.after).keep_alive_timeout(keepalive.timeout);
            streams_max = configured;
        }
        builder.max_concurrent_streams(streams_max.unwrap_or(STREAMS_MAX));
        let mut connection = builder.serve_connection(TokioIo::new(stream), service);
        self.drive(&mut connection, activity).await;
    }

    /// Drives a connection to its end, and has it end in order when it must. Whether it did.
    async fn drive(&self, connection: &mut impl Connection, activity: &Activity) -> bool {
        let mut age = pin!(after(self.bounds.age));
        tokio::select! {
            biased;
            ended = poll_fn(|cx| connection.poll_end(cx)) => return ended,
            () = activity.over(&self.bounds) => {}
            () = self.stop.requested() => {
                tokio::select! {
                    biased;
                    ended = poll_fn(|cx| connection.poll_end(cx)) => return ended,
                    () = activity.first_request() => {}
                    () = sleep(FIRST_REQUEST) => {}
                }
            }
            () = age.as_mut() => {}
        }
        connection.finish();
        let mut grace = pin!(after(self.bounds.age_grace));
        loop {
            tokio::select! {
                ended = poll_fn(|cx| connection.poll_end(cx)) => return ended,
                () = grace.as_mut() => return false,
                () = sleep(ENDING) => if activity.idle_since().is_some() { return false },
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
        activity: Arc<Activity>,
    ) -> Result<Reply, Infallible> {
        let in_flight = activity.begin();
        let answer = AssertUnwindSafe(self.engine.clone().respond(request, peer)).catch_unwind().await;
        let reply = answer.unwrap_or_else(|_| {
            self.engine.fault("panic while answering a request");
            plain_error(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        });
        Ok(reply.map(|body| body.holding(in_flight)))
    }
}

/// Resolves after a time; never if it is zero.
async fn after(time: Duration) {
    match time {
        Duration::ZERO => std::future::pending().await,
        time => sleep(time).await,
    }
}

/// A connection of either version of HTTP.
trait Connection {
    /// Resolves when it ended; whether in order.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<bool>;

    /// Has it end after the requests in flight.
    fn finish(&mut self);
}

impl<I, S> Connection for http1::Connection<I, S>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, ResBody = ReplyBody, Error = Infallible> + Unpin,
    S::Future: Unpin,
{
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.poll_without_shutdown(cx).map(|result| result.is_ok())
    }

    fn finish(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<I, S> Connection for http2::Connection<I, S, Tasks>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, ResBody = ReplyBody, Error = Infallible> + Unpin,
    S::Future: Send + 'static,
{
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        Pin::new(self).poll(cx).map(|result| result.is_ok())
    }

    fn finish(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

/// Closes a connection so that the client sees the last reply even if it is still sending: first our half, then, a little later, all.
async fn linger(mut stream: Watched) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let mut rest = [0; 4096];
    let _ = timeout(LINGER, async { while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {} }).await;
}

/// Runs what HTTP/2 needs besides the connection: its requests. They end with the server.
#[derive(Clone)]
struct Tasks(Stop);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        let stop = self.0.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = task => {}
                () = stop.overdue() => {}
            }
        });
    }
}
