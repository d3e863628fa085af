//! The part of a queue that is on disk: a log of encoded batches, and the thread that works on it.
//!
//! ```text
//! consume ── store ──▶ ┐                    ┌──▶ committed: answered, and in the queue or left on disk
//! queue ──── read ───▶ ├─▶ thread ─▶ Log ─▶ ├──▶ loaded: the next batches in order, decoded
//! ticket ─── done ───▶ ┘                    └──▶ noticed: damage, a full disk
//! ```
//!
//! Everything that blocks, and encoding and decoding too, happens on the thread. Batches that wait to be stored at the same time are
//! committed together. The thread ends when nobody can ask it for anything any more.

use crate::entry::{Occupancy, Ticket};
use crate::queue::{Queue, Refusal};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;
use tokio::sync::oneshot;
use warren_pdata::{Batch, Signal};
use warren_storage::{Damage, Directory, Log, Policy, Receipt, StageError, Tally};

/// Form of a record: an OTLP request of the queue's signal, in protobuf.
const FORM_OTLP: u8 = 1;

/// Bytes that are committed together at most, one batch aside.
const COMMIT_BYTES: usize = 1 << 20;

/// Batches and bytes that are read at a time, at least one batch.
const READ_RECORDS: usize = 16;
const READ_BYTES: usize = 256 << 10;

/// Stack of the thread: decoding is nested as deep as values are.
const STACK_BYTES: usize = 512 << 10;

/// Notices that nobody has asked for yet; more are not kept.
const NOTICES_MAX: usize = 100;

/// The queue's log, as the queue sees it. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: Directory,
    commands: Sender<Command>,
    state: Arc<Figures>,
    /// What waits to be committed.
    pending: Arc<Occupancy>,
}

#[derive(Debug, Default)]
struct Figures {
    bytes: AtomicU64,
    notices: Mutex<Vec<Notice>>,
}

/// Something to be told and counted.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The log was opened, with this much in it.
    Opened(Tally),
    /// A part of the log is not what was written.
    Damage(Damage),
    /// Items that were read but are no batch.
    Undecodable(u64, String),
    /// Nothing can be written any more.
    Failing(String),
    /// Writing works again.
    Works,
}

/// A batch to be stored.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) batch: Arc<Batch>,
    /// What it occupies while it waits.
    pub(crate) pending: Arc<Ticket>,
    pub(crate) answer: oneshot::Sender<Result<(), Refusal>>,
}

/// A batch that was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) batch: Batch,
    pub(crate) receipt: Receipt,
}

#[derive(Debug)]
enum Command {
    Store(Offer),
    Read,
    Done(Receipt),
    Flush(oneshot::Sender<()>),
}

impl Disk {
    /// Opens the log of a directory, in the background.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(crate) fn start(directory: Directory, signal: Signal, queue: Weak<Queue>) -> std::io::Result<Self> {
        let (commands, receiver) = channel();
        let state = Arc::new(Figures::default());
        let keeper = Keeper { signal, queue, state: Arc::clone(&state), failing: false };
        let thread = std::thread::Builder::new().name("queue".to_owned()).stack_size(STACK_BYTES);
        let kept = directory.clone();
        thread.spawn(move || keeper.run(kept, &receiver))?;
        Ok(Self(Arc::new(Shared { directory, commands, state, pending: Arc::default() })))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.directory.path()
    }

    /// Keeps it in another way from now on.
    pub(crate) fn keep(&self, policy: Policy) {
        self.0.directory.keep(policy);
    }

    /// Bytes of its files.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.state.bytes.load(Relaxed)
    }

    /// What waits to be committed.
    pub(crate) fn pending(&self) -> &Arc<Occupancy> {
        &self.0.pending
    }

    /// What has to be told since it was last asked.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.0.state.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stores a batch; the answer comes when it is committed.
    pub(crate) fn store(&self, offer: Offer) {
        self.ask(Command::Store(offer));
    }

    /// Has the next batches read.
    pub(crate) fn read(&self) {
        self.ask(Command::Read);
    }

    /// A stored batch is settled.
    pub(crate) fn done(&self, receipt: Receipt) {
        self.ask(Command::Done(receipt));
    }

    /// Resolves when everything that was asked for before is done.
    pub(crate) async fn flush(&self) {
        let (answer, flushed) = oneshot::channel();
        self.ask(Command::Flush(answer));
        // The thread ends only with the last asker, or by a fault of the program.
        let _ = flushed.await;
    }

    fn ask(&self, command: Command) {
        // Nobody answers only if the thread panicked: offers are then answered by their channel.
        let _ = self.0.commands.send(command);
    }
}

/// The thread's side.
struct Keeper {
    signal: Signal,
    queue: Weak<Queue>,
    state: Arc<Figures>,
    failing: bool,
}

impl Keeper {
    fn run(mut self, directory: Directory, commands: &Receiver<Command>) {
        match Log::open(directory) {
            Ok(mut log) => {
                let unread = log.unread();
                self.notice(Notice::Opened(unread));
                self.tell_damage(&mut log);
                self.state.bytes.store(log.bytes(), Relaxed);
                self.with_queue(|queue| queue.opened(unread));
                self.serve(&mut log, commands);
            }
            Err(error) => self.refuse_all(commands, &error.to_string()),
        }
    }

    fn serve(&mut self, log: &mut Log, commands: &Receiver<Command>) {
        let mut staged: Vec<Offer> = Vec::new();
        while let Ok(first) = commands.recv() {
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Store(offer) => {
                        staged.extend(self.stage(log, offer));
                        if log.staged_bytes() >= COMMIT_BYTES {
                            self.commit(log, &mut staged);
                        }
                    }
                    Command::Done(receipt) => {
                        // Where that cannot be written the batch comes again after a restart; writing is told elsewhere.
                        let _ = log.done(receipt);
                    }
                    Command::Read => {
                        self.commit(log, &mut staged);
                        self.read(log);
                    }
                    Command::Flush(answer) => {
                        self.commit(log, &mut staged);
                        // Whoever asked may be gone.
                        let _ = answer.send(());
                    }
                }
                next = commands.try_recv().ok();
            }
            self.commit(log, &mut staged);
            self.state.bytes.store(log.bytes(), Relaxed);
        }
    }

    /// Stages a batch; none if it was refused.
    fn stage(&mut self, log: &mut Log, offer: Offer) -> Option<Offer> {
        let items = u32::try_from(offer.batch.items()).unwrap_or(u32::MAX);
        let staged = log.stage(FORM_OTLP, items, now(), |out| warren_otlp::encode_request(&offer.batch, out));
        let refusal = match staged {
            Ok(()) => return Some(offer),
            Err(StageError::Full) => Refusal::Full,
            Err(StageError::TooLarge) => Refusal::TooLarge,
            Err(StageError::Io(error)) => self.fails(&error),
        };
        refuse(offer, refusal);
        None
    }

    fn commit(&mut self, log: &mut Log, staged: &mut Vec<Offer>) {
        if staged.is_empty() {
            return;
        }
        match log.commit() {
            Ok(receipts) => {
                if std::mem::take(&mut self.failing) {
                    self.notice(Notice::Works);
                }
                let Some(queue) = self.queue.upgrade() else { return staged.clear() };
                for (offer, receipt) in staged.drain(..).zip(receipts) {
                    if let Some(receipt) = queue.committed(offer, receipt) {
                        log.leave(receipt);
                    }
                }
            }
            Err(error) => {
                let refusal = self.fails(&error);
                staged.drain(..).for_each(|offer| refuse(offer, refusal.clone()));
            }
        }
    }

    fn read(&mut self, log: &mut Log) {
        let (mut loaded, mut bytes) = (Vec::new(), 0);
        while loaded.len() < READ_RECORDS && bytes < READ_BYTES {
            let Some(record) = log.read() else { break };
            bytes += record.payload.len();
            let decoded = match record.form {
                FORM_OTLP => warren_otlp::decode_request(self.signal, &record.payload).map_err(|error| error.to_string()),
                form => Err(format!("records of form {form} are not known to this version")),
            };
            match decoded {
                Ok(batch) => loaded.push(Loaded { batch, receipt: record.receipt }),
                Err(error) => {
                    self.notice(Notice::Undecodable(record.receipt.items(), error));
                    let _ = log.done(record.receipt);
                }
            }
        }
        self.tell_damage(log);
        let unread = log.unread();
        self.with_queue(|queue| queue.loaded(loaded, unread));
    }

    fn fails(&mut self, error: &std::io::Error) -> Refusal {
        let text = format!("sending queue cannot be written: {error}");
        if !std::mem::replace(&mut self.failing, true) {
            self.notice(Notice::Failing(text.clone()));
        }
        Refusal::Failed(text)
    }

    fn tell_damage(&self, log: &mut Log) {
        log.damages().into_iter().for_each(|damage| self.notice(Notice::Damage(damage)));
    }

    fn notice(&self, notice: Notice) {
        let mut notices = self.state.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() < NOTICES_MAX {
            notices.push(notice);
        }
        drop(notices);
        self.with_queue(|queue| queue.work.notify_one());
    }

    fn with_queue(&self, act: impl FnOnce(&Queue)) {
        if let Some(queue) = self.queue.upgrade() {
            act(&queue);
        }
    }

    /// What there is when the log cannot be opened.
    fn refuse_all(&mut self, commands: &Receiver<Command>, error: &str) {
        let text = format!("sending queue cannot be read: {error}");
        self.notice(Notice::Failing(text.clone()));
        while let Ok(command) = commands.recv() {
            match command {
                Command::Store(offer) => refuse(offer, Refusal::Failed(text.clone())),
                Command::Read => self.with_queue(|queue| queue.loaded(Vec::new(), Tally::default())),
                Command::Done(_) => {}
                Command::Flush(answer) => drop(answer.send(())),
            }
        }
    }
}

fn refuse(offer: Offer, refusal: Refusal) {
    // A caller that is gone wants no answer.
    let _ = offer.answer.send(Err(refusal));
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
