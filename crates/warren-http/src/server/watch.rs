//! Watching a connection: what it is doing, and when it has to end.

use super::listen::Stream;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// What bounds connections. A time of zero means no bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How many there may be at a time.
    pub(crate) connections_max: usize,
    /// For the head of a request, from its first byte on.
    pub(crate) read_header: Duration,
    /// For a reply to make no progress.
    pub(crate) write: Duration,
    /// Between requests.
    pub(crate) idle: Duration,
    /// For the connection as a whole.
    pub(crate) age: Duration,
    /// After the age, for requests in flight.
    pub(crate) age_grace: Duration,
}

/// What a connection is doing.
pub(crate) struct Activity {
    state: Mutex<State>,
    /// Something began or ended.
    changed: Notify,
    /// The connection is asked to make room for another.
    evicted: Notify,
}

struct State {
    in_flight: usize,
    /// Whether there has been a request.
    begun: bool,
    idle_since: Instant,
    head_since: Option<Instant>,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { in_flight: 0, begun: false, idle_since: Instant::now(), head_since: None };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new(), evicted: Notify::new() })
    }

    /// A request begins; it ends when what is returned is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let mut state = self.lock();
        state.in_flight += 1;
        state.begun = true;
        state.head_since = None;
        self.changed.notify_one();
        InFlight(self.clone())
    }

    /// Since when the connection has had no request; none if it has.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.in_flight == 0).then_some(state.idle_since)
    }

    /// Resolves when there has been a request. Not to be awaited beside [`Activity::over`].
    pub(crate) async fn first_request(&self) {
        while !self.lock().begun {
            self.changed.notified().await;
        }
    }

    /// Asks the connection to end as soon as it is idle.
    pub(crate) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Resolves when the connection has to end: idle or reading a head for too long, or asked to make room.
    pub(crate) async fn over(&self, bounds: &Bounds) {
        loop {
            let due = self.due(bounds);
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.changed.notified() => {}
                () = self.evicted.notified() => return,
                () = wait => if self.due(bounds).is_some_and(|due| due <= Instant::now()) { return },
            }
        }
    }

    fn due(&self, bounds: &Bounds) -> Option<Instant> {
        let state = self.lock();
        let (since, bound) = match (state.in_flight, state.head_since) {
            (0, None) => (state.idle_since, bounds.idle),
            (0, Some(since)) => (since, bounds.read_header),
            _ => return None,
        };
        (bound != Duration::ZERO).then(|| since + bound)
    }

    /// Bytes came.
    fn read(&self) {
        let mut state = self.lock();
        if state.in_flight == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in flight.
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.idle_since = Instant::now();
            self.0.changed.notify_one();
        }
    }
}

/// A connection that tells its [`Activity`] what comes, and breaks when writing makes no progress for too long.
pub(crate) struct Watched {
    stream: Box<dyn Stream>,
    /// Where reading is told; on HTTP/2 bytes come also without a request.
    activity: Option<Arc<Activity>>,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(crate) fn new(stream: Box<dyn Stream>, activity: Option<Arc<Activity>>, write_timeout: Duration) -> Self {
        Self { stream, activity, write_timeout, stalled: None }
    }

    /// Hands on the result of writing; a write that waits is given the write timeout.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() || self.write_timeout == Duration::ZERO {
            self.stalled = None;
            return written;
        }
        let timeout = self.write_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if let Some(activity) = self.activity.as_ref().filter(|_| buffer.filled().len() > before) {
            activity.read();
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buffer);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const BOUNDS: Bounds = Bounds {
        connections_max: 1,
        read_header: Duration::from_secs(5),
        write: Duration::ZERO,
        idle: Duration::from_secs(60),
        age: Duration::ZERO,
        age_grace: Duration::ZERO,
    };

    async fn is_over(activity: &Activity) -> bool {
        tokio::time::timeout(Duration::ZERO, activity.over(&BOUNDS)).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_and_a_busy_one_does_not() {
        let activity = Activity::new();
        let request = activity.begin();
        advance(Duration::from_secs(1000)).await;
        assert!(!is_over(&activity).await);
        drop(request);
        advance(Duration::from_secs(59)).await;
        assert!(!is_over(&activity).await);
        advance(Duration::from_secs(2)).await;
        assert!(is_over(&activity).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_head_of_a_request_has_its_own_time() {
        let activity = Activity::new();
        activity.read();
        advance(Duration::from_secs(4)).await;
        activity.read();
        assert!(!is_over(&activity).await);
        advance(Duration::from_secs(2)).await;
        assert!(is_over(&activity).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_is_waited_for_and_no_other() {
        let activity = Activity::new();
        let waiting = tokio::time::timeout(Duration::from_secs(1), activity.first_request());
        assert!(waiting.await.is_err());
        drop(activity.begin());
        activity.first_request().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_asked_for_room_ends() {
        let activity = Activity::new();
        activity.evict();
        assert!(is_over(&activity).await);
    }
}
