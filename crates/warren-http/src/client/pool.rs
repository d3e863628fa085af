//! Connections that are kept for the next request.
//!
//! A request takes a [`Lease`]: an idle connection to its target, or a new one. With the end of the reply the lease gives the connection
//! back. HTTP/2 connections are shared by all requests at once and stay in the pool.

use super::target::Target;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Hosts whose use is counted for `max_conns_per_host`; beyond, those that nobody uses are forgotten.
const HOSTS_MAX: usize = 1024;

/// Bounds of a pool. Zero means as in Go: no bound in total, two idle ones per host, no bound on use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) idle: usize,
    pub(crate) idle_per_host: usize,
    pub(crate) in_use_per_host: usize,
    /// How long a connection may be idle; zero means for ever.
    pub(crate) idle_timeout: Duration,
    /// Whether connections are kept at all.
    pub(crate) keep: bool,
}

/// The other end of a connection, as far as reuse goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    https: bool,
    host: String,
    port: u16,
}

impl Key {
    pub(crate) fn of(target: &Target) -> Self {
        Self { https: target.https, host: target.host.clone(), port: target.port }
    }
}

/// The sending half of a connection.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A request that failed on its connection.
pub(crate) struct Failure {
    pub(crate) error: hyper::Error,
    /// Whether the connection was closed before anything was written.
    pub(crate) unsent: bool,
}

impl Sender {
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        let result = match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        };
        result.map_err(|mut failure| {
            let unsent = failure.take_message().is_some();
            Failure { error: failure.into_error(), unsent }
        })
    }

    async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }
}

/// The idle connections of one client.
pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: HashMap<Key, Vec<Idle>>,
    in_use: HashMap<Key, Arc<Semaphore>>,
    /// The task that closes connections that were idle for too long, while there are idle ones.
    sweeper: Option<AbortHandle>,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
    }
}

struct Idle {
    sender: Sender,
    since: Instant,
}

/// A connection in use by one request.
pub(crate) struct Lease {
    sender: Sender,
    key: Key,
    pool: Weak<Pool>,
    /// Whether it served a request before.
    pub(crate) reused: bool,
    _in_use: Option<OwnedSemaphorePermit>,
}

impl Pool {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// The right to use one more connection to the host; waits for it.
    pub(crate) async fn permit(&self, key: &Key) -> Option<OwnedSemaphorePermit> {
        if self.limits.in_use_per_host == 0 {
            return None;
        }
        let semaphore = {
            let mut state = self.lock();
            if state.in_use.len() >= HOSTS_MAX {
                state.in_use.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            let new = || Arc::new(Semaphore::new(self.limits.in_use_per_host));
            state.in_use.entry(key.clone()).or_insert_with(new).clone()
        };
        // The semaphore is never closed, so that waiting for it cannot fail.
        semaphore.acquire_owned().await.ok()
    }

    /// An idle connection, the one used last; gives the permit back if there is none.
    pub(crate) async fn idle(
        self: &Arc<Self>,
        key: &Key,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Lease, Option<OwnedSemaphorePermit>> {
        while let Some(mut sender) = self.take_idle(key) {
            if sender.is_ready().await {
                return Ok(self.lease(key, sender, true, permit));
            }
        }
        Err(permit)
    }

    /// A lease on a new connection.
    pub(crate) fn fresh(self: &Arc<Self>, key: &Key, sender: Sender, permit: Option<OwnedSemaphorePermit>) -> Lease {
        if let Sender::Http2(shared) = &sender {
            self.keep(key, Sender::Http2(shared.clone()));
        }
        self.lease(key, sender, false, permit)
    }

    fn lease(self: &Arc<Self>, key: &Key, sender: Sender, reused: bool, permit: Option<OwnedSemaphorePermit>) -> Lease {
        Lease { sender, key: key.clone(), pool: Arc::downgrade(self), reused, _in_use: permit }
    }

    fn take_idle(&self, key: &Key) -> Option<Sender> {
        let mut state = self.lock();
        let idle = state.idle.get_mut(key)?;
        idle.retain(|one| !one.sender.is_closed() && !self.is_over(one));
        let found = match idle.last_mut() {
            Some(Idle { sender: Sender::Http2(shared), since }) => {
                *since = Instant::now();
                Some(Sender::Http2(shared.clone()))
            }
            _ => idle.pop().map(|one| one.sender),
        };
        if idle.is_empty() {
            state.idle.remove(key);
        }
        found
    }

    fn is_over(&self, idle: &Idle) -> bool {
        self.limits.idle_timeout != Duration::ZERO && idle.since.elapsed() >= self.limits.idle_timeout
    }

    fn keep(self: &Arc<Self>, key: &Key, sender: Sender) {
        if !self.limits.keep || sender.is_closed() {
            return;
        }
        let mut state = self.lock();
        let per_host = if self.limits.idle_per_host == 0 { 2 } else { self.limits.idle_per_host };
        let idle = state.idle.entry(key.clone()).or_default();
        if idle.len() >= per_host {
            return;
        }
        idle.push(Idle { sender, since: Instant::now() });
        if self.limits.idle > 0 && state.idle.values().map(Vec::len).sum::<usize>() > self.limits.idle {
            state.drop_oldest();
        }
        if self.limits.idle_timeout != Duration::ZERO && state.sweeper.is_none() {
            let sweeper = tokio::spawn(sweep(Arc::downgrade(self), self.limits.idle_timeout));
            state.sweeper = Some(sweeper.abort_handle());
        }
    }

    /// Closes what was idle for too long; when the next one is due, if any is left.
    fn close_idle(&self) -> Option<Instant> {
        let mut state = self.lock();
        state.idle.retain(|_, idle| {
            idle.retain(|one| !one.sender.is_closed() && !self.is_over(one));
            !idle.is_empty()
        });
        let next = state.idle.values().flatten().map(|one| one.since + self.limits.idle_timeout).min();
        if next.is_none() {
            // It is the one that asks, and it ends now.
            state.sweeper = None;
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_oldest(&mut self) {
        let oldest = |idle: &Vec<Idle>| idle.first().map(|one| one.since);
        let Some(key) = self.idle.iter().min_by_key(|(_, idle)| oldest(idle)).map(|(key, _)| key.clone()) else { return };
        if let Some(idle) = self.idle.get_mut(&key) {
            idle.remove(0);
            if idle.is_empty() {
                self.idle.remove(&key);
            }
        }
    }
}

/// Closes idle connections when their time is over; ends when there are none, or the client is gone.
async fn sweep(pool: Weak<Pool>, idle_timeout: Duration) {
    let mut next = Instant::now() + idle_timeout;
    loop {
        tokio::time::sleep_until(next).await;
        let Some(due) = pool.upgrade().and_then(|pool| pool.close_idle()) else { return };
        next = due;
    }
}

impl Lease {
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        self.sender.send(request).await
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Ends the use of the connection after the whole reply was read. Nothing is left of the lease.
    pub(crate) fn give_back(self) -> Option<Self> {
        if let (Some(pool), Sender::Http1(_)) = (self.pool.upgrade(), &self.sender) {
            pool.keep(&self.key, self.sender);
        }
        None
    }
}
