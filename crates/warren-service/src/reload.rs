//! Requests for another configuration: one at a time, the newest of those that wait, read beside what runs.
//!
//! ```text
//! SIGHUP, --watch, control socket, extensions ─▶ Control ─▶ Reloads: read, decode, validate, on a thread of its own
//!                                                               │
//!                                        Service::apply ◀───────┘ settings, outline
//!                                          plan ─▶ build ─▶ switch; refused at any step, nothing has changed
//! ```

#[cfg(test)]
mod tests;

use crate::config::Settings;
use crate::outline::Outline;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use warren_component::{Applied, Refused, Request, ServiceStatus};

/// Stack of the thread that reads configurations: trees may be deep.
const STACK_BYTES: usize = 8 << 20;

/// A configuration that is without fault, as far as reading it can tell.
pub(crate) struct Decoded {
    pub(crate) settings: Settings,
    pub(crate) outline: Outline,
    /// The files it came from.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) warnings: Vec<String>,
    /// The whole as a configuration that gives the same settings, defaults and secrets included.
    pub(crate) canonical: Arc<str>,
}

/// Which configuration is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The sources of the command line.
    Sources,
    /// A text in their place.
    Text(String),
    /// What was decoded before ([`Decoded::canonical`]): nothing in it is expanded.
    Canonical(Arc<str>),
}

/// Reads a configuration. Blocks.
pub(crate) type Read = Arc<dyn Fn(&Origin) -> Result<Decoded, Refused> + Send + Sync>;

/// Makes of a configuration ([`Decoded::canonical`]) one that may be shown: without secrets. Blocks.
pub(crate) type Show = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Where the answer to a request goes.
type Reply = oneshot::Sender<Result<Applied, Refused>>;

/// What is to be done next.
pub(crate) enum Event {
    /// To answer how everything fares.
    Status(oneshot::Sender<ServiceStatus>),
    /// To answer what runs.
    Effective(oneshot::Sender<String>),
    /// To apply what was read, or only to say what it would change.
    Read(Box<Finished>),
}

/// A configuration that was read.
pub(crate) struct Finished {
    pub(crate) decoded: Result<Decoded, Refused>,
    pub(crate) apply: bool,
    /// Whether it ran before and is put back.
    pub(crate) put_back: bool,
    /// When it was asked for.
    pub(crate) since: Instant,
    replies: Vec<Reply>,
}

/// Requests, in order.
pub(crate) struct Reloads {
    read: Read,
    inbox: mpsc::Receiver<Request>,
    waiting: VecDeque<Request>,
    reading: Option<Reading>,
    /// What is to run again before anything else is looked at.
    put_back: Option<Arc<str>>,
}

struct Reading {
    outcome: oneshot::Receiver<Result<Decoded, Refused>>,
    apply: bool,
    put_back: bool,
    since: Instant,
    replies: Vec<Reply>,
}

/// Requests taken in while one is being read; more wait in the channel.
const WAITING_MAX: usize = 64;

impl Reloads {
    pub(crate) fn new(read: Read, inbox: mpsc::Receiver<Request>) -> Self {
        Self { read, inbox, waiting: VecDeque::new(), reading: None, put_back: None }
    }

    /// Has a former configuration applied next, whatever else waits.
    pub(crate) fn put_back(&mut self, canonical: Arc<str>) {
        self.put_back = Some(canonical);
    }

    /// The next thing to do. With `rest`, nothing more is read for now. May be dropped and called again.
    pub(crate) async fn next(&mut self, rest: bool) -> Event {
        loop {
            if self.reading.is_none() && !rest {
                self.begin();
            }
            let room = self.waiting.len() < WAITING_MAX;
            tokio::select! {
                outcome = finished(&mut self.reading) => {
                    if let Some(Reading { apply, put_back, since, replies, .. }) = self.reading.take() {
                        return Event::Read(Box::new(Finished { decoded: outcome, apply, put_back, since, replies }));
                    }
                }
                Some(request) = self.inbox.recv(), if room => match request {
                    Request::Status { reply } => return Event::Status(reply),
                    Request::Effective { reply } => return Event::Effective(reply),
                    other => self.waiting.push_back(other),
                },
            }
        }
    }

    /// Starts to read the next configuration that is asked for. Of all that are to be applied this is the newest, and it answers for them.
    fn begin(&mut self) {
        if let Some(canonical) = self.put_back.take() {
            return self.read(Origin::Canonical(canonical), true, Vec::new());
        }
        let (config, apply, replies) = match self.waiting.pop_front() {
            None => return,
            Some(Request::Status { .. } | Request::Effective { .. }) => return,
            Some(Request::Plan { config, reply }) => (config, false, vec![reply]),
            Some(Request::Apply { mut config, reply }) => {
                let mut replies = vec![reply];
                for request in std::mem::take(&mut self.waiting) {
                    match request {
                        Request::Apply { config: newer, reply } => {
                            config = newer;
                            replies.push(reply);
                        }
                        other => self.waiting.push_back(other),
                    }
                }
                (config, true, replies)
            }
        };
        self.read(config.map_or(Origin::Sources, Origin::Text), apply, replies);
    }

    fn read(&mut self, origin: Origin, apply: bool, replies: Vec<Reply>) {
        let put_back = matches!(origin, Origin::Canonical(_));
        let (sender, outcome) = oneshot::channel();
        let read = Arc::clone(&self.read);
        let work = move || {
            let _ = sender.send(read(&origin));
        };
        // If there is no thread, the sender is gone and the request is refused.
        let _ = std::thread::Builder::new().name("configuration".to_owned()).stack_size(STACK_BYTES).spawn(work);
        self.reading = Some(Reading { outcome, apply, put_back, since: Instant::now(), replies });
    }
}

/// Resolves when what is being read has been read; never while there is nothing.
async fn finished(reading: &mut Option<Reading>) -> Result<Decoded, Refused> {
    match reading {
        None => std::future::pending().await,
        Some(reading) => (&mut reading.outcome)
            .await
            .unwrap_or_else(|_| Err(Refused::because("the configuration could not be read: the thread that reads it ended"))),
    }
}

impl Finished {
    /// Answers everybody who asked.
    pub(crate) fn answer(self: Box<Self>, outcome: &Result<Applied, Refused>) {
        for reply in self.replies {
            // Whoever does not wait any more does not need to know.
            let _ = reply.send(outcome.clone());
        }
    }

    /// What was read, once.
    pub(crate) fn take(&mut self) -> Result<Decoded, Refused> {
        std::mem::replace(&mut self.decoded, Err(Refused::because("it was taken before")))
    }
}
