//! One connection at work: a task that reads and writes, and the messages that wait for their confirms.

use crate::PublishError;
use crate::handshake::{Agreed, CHANNEL, shake_hands};
use crate::publisher::{Client, Route};
use crate::wire::{self, Close, HEARTBEAT, METHOD, Method, Output};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Messages that wait for their confirm at the same time at most.
const WINDOW: usize = 64;

/// The first version of "forever" for a connection without heartbeats.
const NO_HEARTBEAT: Duration = Duration::from_secs(365 * 24 * 3600);

/// A connection with its channel.
pub(crate) struct Link {
    shared: Arc<Shared>,
    frame_max: u32,
    window: Arc<Semaphore>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when there is something to write.
    work: Notify,
    /// Told when the link has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    /// Frames to be written.
    out: VecDeque<Vec<u8>>,
    last_tag: u64,
    pending: BTreeMap<u64, Pending>,
    /// Why the broker takes nothing at the moment.
    blocked: Option<String>,
    /// Why the link takes nothing any more.
    ended: Option<PublishError>,
}

struct Pending {
    bytes: usize,
    /// The broker's words, if it came back.
    returned: Option<String>,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

impl Link {
    /// Connects, until messages can be published.
    ///
    /// # Errors
    /// In words; the broker's own where it had some.
    pub(crate) async fn connect(client: &Client) -> Result<Self, String> {
        let tls = client.endpoint.tls.then_some(&client.tls);
        let stream = warren_http::connect(&client.endpoint.host, client.endpoint.port, tls).await;
        let mut stream = stream.map_err(|cause| cause.to_string())?;
        let agreed = shake_hands(&mut stream, client).await?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(Arc::clone(&shared).serve(stream, agreed));
        Ok(Self { shared, frame_max: agreed.frame_max, window: Arc::new(Semaphore::new(WINDOW)), task })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.shared.state().ended.is_none()
    }

    /// Hands a message to the connection; what comes back resolves to the broker's word on it.
    pub(crate) async fn publish(
        &self,
        route: &Route,
        message: &[u8],
    ) -> Result<impl Future<Output = Result<(), PublishError>> + use<>, PublishError> {
        let closed = || PublishError::retryable("the connection has ended");
        let permit = Arc::clone(&self.window).acquire_owned().await.map_err(|_| closed())?;
        let (answer, answered) = oneshot::channel();
        let mut out = Output::default();
        out.publish(CHANNEL, route, message, self.frame_max);
        let tag = {
            // The order of tags is the order on the wire.
            let mut state = self.shared.state();
            if let Some(ended) = &state.ended {
                return Err(ended.clone());
            }
            if let Some(reason) = &state.blocked {
                return Err(PublishError::retryable(format!("the broker has blocked the connection: {reason}")));
            }
            state.last_tag += 1;
            let tag = state.last_tag;
            state.pending.insert(tag, Pending { bytes: message.len(), returned: None, answer });
            state.out.push_back(out.0);
            tag
        };
        self.shared.work.notify_one();
        let waiting = Waiting { shared: Arc::clone(&self.shared), tag, _permit: permit };
        Ok(async move {
            let outcome = answered.await.unwrap_or_else(|_| Err(PublishError::retryable("the connection has ended")));
            drop(waiting);
            outcome
        })
    }

    /// Says goodbye, and waits for the answer.
    pub(crate) async fn close(&self) {
        let ended = self.shared.ended.notified();
        let mut out = Output::default();
        out.method(0, 10, 50, |out| {
            out.u16(200);
            out.short("goodbye");
            out.u32(0);
        });
        {
            let mut state = self.shared.state();
            if state.ended.is_some() {
                return;
            }
            state.out.push_back(out.0);
        }
        self.shared.work.notify_one();
        ended.await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message whose publisher waits. When it no longer does, its confirm means nothing to anybody.
struct Waiting {
    shared: Arc<Shared>,
    tag: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.state().pending.remove(&self.tag);
    }
}

impl Shared {
    /// Reads and writes until the connection ends, and tells everybody why.
    async fn serve(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send, agreed: Agreed) {
        let (reader, writer) = tokio::io::split(stream);
        let beat = if agreed.heartbeat.is_zero() { NO_HEARTBEAT } else { agreed.heartbeat };
        let end = tokio::select! {
            biased;
            end = self.read(reader, agreed.frame_max, beat) => end,
            error = self.write(writer, beat) => End::Broken(error.to_string()),
        };
        let mut state = self.state();
        let judgement = Judgement::of(end, &state);
        state.ended = Some(judgement.verdict(0));
        for (tag, pending) in std::mem::take(&mut state.pending) {
            // A publisher that is gone wants no answer.
            let _ = pending.answer.send(Err(judgement.verdict(tag)));
        }
        drop(state);
        self.ended.notify_waiters();
    }

    async fn write(&self, mut writer: impl AsyncWrite + Unpin, beat: Duration) -> std::io::Error {
        loop {
            let next = self.state().out.pop_front();
            let written = match next {
                Some(bytes) => writer.write_all(&bytes).await,
                None => {
                    if let Err(error) = writer.flush().await {
                        return error;
                    }
                    match timeout(beat / 2, self.work.notified()).await {
                        Ok(()) => Ok(()),
                        Err(_) => {
                            let mut out = Output::default();
                            out.frame(HEARTBEAT, 0, |_| {});
                            writer.write_all(&out.0).await
                        }
                    }
                }
            };
            if let Err(error) = written {
                return error;
            }
        }
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin, frame_max: u32, beat: Duration) -> End {
        loop {
            let frame = match timeout(beat.saturating_mul(2), wire::read_frame(&mut reader, frame_max)).await {
                Ok(Ok(frame)) => frame,
                Ok(Err(error)) => return End::Broken(error.to_string()),
                Err(_) => return End::Broken("no heartbeat from the broker".to_owned()),
            };
            // What follows a return, and heartbeats, say nothing.
            if frame.kind != METHOD {
                continue;
            }
            match wire::read_method(&frame.payload) {
                None => return End::Broken("the broker sent a method that ends too early".to_owned()),
                Some(Method::Confirm { tag, multiple, taken }) => self.confirm(tag, multiple, taken),
                Some(Method::Return { code, text }) => self.returned(code, &text),
                Some(Method::Blocked(reason)) => self.state().blocked = Some(reason),
                Some(Method::Unblocked) => self.state().blocked = None,
                Some(Method::Flow(active)) => self.flow(active),
                Some(Method::Close(close)) => return End::Closed(close),
                Some(Method::Closed) => return End::Broken("the connection was closed".to_owned()),
                Some(_) => {}
            }
        }
    }

    fn confirm(&self, tag: u64, multiple: bool, taken: bool) {
        let mut state = self.state();
        let confirmed = match (multiple, tag) {
            (true, 0) => std::mem::take(&mut state.pending),
            (true, tag) => {
                let later = state.pending.split_off(&tag.saturating_add(1));
                std::mem::replace(&mut state.pending, later)
            }
            (false, tag) => state.pending.remove(&tag).map(|pending| (tag, pending)).into_iter().collect(),
        };
        for pending in confirmed.into_values() {
            let outcome = match pending.returned {
                Some(text) => Err(PublishError { permanent: false, unroutable: true, text }),
                None if taken => Ok(()),
                None => Err(PublishError::retryable("received nack from rabbitmq publishing confirmation")),
            };
            // A publisher that is gone wants no answer.
            let _ = pending.answer.send(outcome);
        }
    }

    /// A message came back. A return does not say which one, but comes before its confirm: all that wait for theirs are taken as returned,
    /// for better one twice than one lost.
    fn returned(&self, code: u16, text: &str) {
        for pending in self.state().pending.values_mut() {
            pending.returned.get_or_insert_with(|| format!("unroutable: {code} {text}"));
        }
    }

    fn flow(&self, active: bool) {
        let mut out = Output::default();
        out.method(CHANNEL, 20, 21, |out| out.bytes(&[u8::from(active)]));
        let mut state = self.state();
        state.blocked = (!active).then(|| "channel.flow".to_owned());
        state.out.push_back(out.0);
        drop(state);
        self.work.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a link ended.
enum End {
    Broken(String),
    Closed(Close),
}

/// What the end means for each message that was on its way.
struct Judgement {
    text: String,
    all_permanent: bool,
    /// The one that is at fault.
    culprit: Option<u64>,
}

impl Judgement {
    fn of(end: End, state: &State) -> Self {
        let close = match end {
            End::Broken(text) => {
                return Self { text: format!("the connection has ended: {text}"), all_permanent: false, culprit: None };
            }
            End::Closed(close) => close,
        };
        // All go the same way: what has no exchange or is not allowed for one is so for all. A message that is not acceptable, such as one
        // that is too large, is one of them; the largest is the likeliest.
        let all_permanent = !close.connection && matches!(close.code, 403 | 404);
        let largest = state.pending.iter().max_by_key(|(_, pending)| pending.bytes).map(|(tag, _)| *tag);
        let culprit = largest.filter(|_| !close.connection && close.code == 406);
        Self { text: close.to_string(), all_permanent, culprit }
    }

    fn verdict(&self, tag: u64) -> PublishError {
        match self.all_permanent || self.culprit == Some(tag) {
            true => PublishError::permanent(self.text.clone()),
            false => PublishError::retryable(self.text.clone()),
        }
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exception ({}) Reason: {:?}", self.code, self.text)
    }
}
