//! The running receiver.

use crate::Config;
use crate::config::StartAt;
use crate::figures::Figures;
use crate::keep::{Home, Keeper, Kept, home};
use crate::records::Records;
use crate::stages::Troubles;
use std::any::Any;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Mutex;
use warren_component::{
    BoxFuture, BuildContext, BuildError, ConsumeError, Consumer, MemoryBound, Outputs, Receiver, ReceiverConfig, RunContext,
    RunError, Stop,
};
use warren_delivery::{Backoff, RetryConfig, persist};
use warren_journal::{Counts, Journal, Limit, Match, Notice, Position, Progress, Source, Start};
use warren_pdata::{Batch, Signal};
use warren_regex::Regex;
use warren_telemetry::{Field, Logger};

/// Windows on files, known fields, one field inflated, and the records of a batch.
const READING_BYTES: u64 = 24 << 20;

/// Entries that are looked at in one slice, wanted or not: some milliseconds.
const SLICE: Limit = Limit { entries: 8192 };

/// How often to look where changes are not heard of.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How soon to look again at what may not be written yet.
const UNSURE_INTERVAL: Duration = Duration::from_millis(500);

/// Entries that come one after the other are read together this often: journald says four times a second that there are some, and each time has its
/// price, up to the receiver at the end. What comes after a pause is read at once.
const REST: Duration = Duration::from_secs(1);

/// How to read, and where to.
struct Journald {
    source: Source,
    start: Start,
    wanted: Match,
    records: Records,
    home: Home,
    turn: Turn,
    retry: RetryConfig,
    next: Arc<dyn Consumer>,
    log: Logger,
    figures: Figures,
}

/// Whose turn it is to read, and how far whoever had it before came: of what, and where in it. A successor reads when its predecessor has
/// ended, and goes on from there, also where nothing is kept on disk.
#[derive(Clone, Default)]
struct Turn(Arc<Mutex<Option<(String, Position)>>>);

impl ReceiverConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        let mut bounds = vec![MemoryBound::new("journal files and records", READING_BYTES)];
        if self.warren.broker_logs.0.is_some() {
            bounds.push(
                MemoryBound::new("lines of brokers", warren_brokerlog::HELD_BYTES_MAX as u64).set_by("warren::broker_logs"),
            );
        }
        let held = self.operators.held_bytes_max();
        if held > 0 {
            bounds.push(MemoryBound::new("records that recombine holds back", held).set_by("operators"));
        }
        bounds
    }

    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError> {
        let next = outputs.get(Signal::Logs).ok_or_else(|| BuildError::new("telemetry type is not supported"))?;
        let grep: Option<Regex> = self.grep().map_err(|error| BuildError::with_source(format!("grep: {error}"), error))?;
        let home = home(&cx, self.storage.as_ref())?;
        Ok(Box::new(Journald {
            source: self.source(),
            start: match self.start_at {
                StartAt::End => Start::End,
                StartAt::Beginning if self.dmesg => Start::NewestBoot,
                StartAt::Beginning => Start::Beginning,
            },
            wanted: self.wanted(),
            records: Records::new(self, grep).map_err(BuildError::new)?,
            home,
            turn: cx.inherited.take::<Turn>().unwrap_or_default(),
            retry: RetryConfig {
                initial_interval: self.retry.initial_interval,
                max_interval: self.retry.max_interval,
                ..RetryConfig::default()
            },
            next: Arc::clone(next),
            log: cx.telemetry.log.clone(),
            figures: Figures::new(&cx.telemetry, &cx.id.to_string()),
        }))
    }
}

impl Receiver for Journald {
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(self.read(cx.stop))
    }

    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.turn.clone()))
    }
}

/// What moves between the runtime and the threads that may wait for the disk.
struct Reader {
    journal: Journal<Records>,
    keeper: Keeper,
}

/// What one slice brought.
struct Slice {
    batch: Option<Batch>,
    position: Position,
    progress: Progress,
    notices: Vec<Notice>,
    counts: Counts,
    kept: std::io::Result<()>,
    /// Whether entries were taken, though they may all have been dropped or held back.
    took: bool,
    /// When something that is held back is due.
    due: Option<Instant>,
    troubles: Troubles,
}

impl Journald {
    async fn read(self: Box<Self>, stop: Stop) -> Result<(), RunError> {
        let Self { source, mut start, wanted, records, home, turn, retry, next, log, mut figures } = *self;
        let mut turn = tokio::select! {
            turn = turn.0.lock() => turn,
            () = stop.requested() => return Ok(()),
        };
        let what = format!("{source:?}");
        if let Some((_, position)) = turn.take_if(|(read, _)| *read == what) {
            start = Start::After(position);
        } else if home.is_none() {
            log.info("How far the journal is read is not kept: name a storage extension, or give a state directory", &[]);
        }
        let (mut reader, trouble) = blocking(move || open(source, start, &wanted, records, home)).await??;
        if let Some(trouble) = trouble {
            let fields = [("error", Field::Str(&trouble))];
            log.error("How far the journal was read is not known any more; start_at says where to begin", &fields);
        }
        let watch = watch(&reader.journal, &log);
        // What the pipeline has taken up to; it is kept before the next slice is read.
        let mut taken: Option<Position> = Some(reader.journal.position());
        if reader.journal.files() == 0 && reader.journal.counts().unreadable_files > 0 {
            // That nothing can be read does not mean that all of it is new.
            taken = None;
        }
        let mut reached = taken.clone();
        let mut failing = false;
        let mut refused = false;
        loop {
            let rested = Instant::now() + REST;
            let (back, slice) = blocking(move || next_slice(reader, taken)).await?;
            reader = back;
            taken = None;
            figures.count(&slice.counts);
            figures.tell(&slice.troubles, &log);
            tell(&slice, &mut failing, &log);
            if let Some(batch) = slice.batch {
                if hand_on(batch, next.as_ref(), &retry, &stop, &log, &figures).await.is_err() {
                    // Nobody took it: the next process reads it again.
                    refused = true;
                    break;
                }
                taken = Some(slice.position);
                reached.clone_from(&taken);
            } else if slice.took {
                taken = Some(slice.position);
                reached.clone_from(&taken);
                tokio::task::yield_now().await;
            } else if slice.progress == Progress::More {
                tokio::task::yield_now().await;
            }
            if stop.is_requested() {
                break;
            }
            if slice.progress != Progress::More && taken.is_none() {
                wait(slice.progress, slice.due, watch.as_ref(), reader.journal.needs_polling(), &stop).await;
                let rested = slice.due.map_or(rested, |due| due.min(rested));
                tokio::select! {
                    () = tokio::time::sleep_until(rested.into()) => {}
                    () = stop.requested() => {}
                }
                if stop.is_requested() {
                    break;
                }
            }
        }
        // What is held back goes along; where it is refused, the next process reads it again.
        if !refused {
            let (back, last) = blocking(move || let_go(reader)).await?;
            reader = back;
            figures.tell(&reader.journal.sink().troubles(), &log);
            if let Some((batch, position)) = last
                && hand_on(batch, next.as_ref(), &retry, &stop, &log, &figures).await.is_ok()
            {
                taken = Some(position);
                reached.clone_from(&taken);
            }
        }
        *turn = reached.map(|position| (what, position));
        let last = blocking(move || finish(reader, taken)).await?;
        if let Err(error) = last {
            log.error("Cannot keep how far the journal is read", &[("error", Field::Display(&error))]);
        }
        Ok(())
    }
}

/// Runs what may wait for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError(format!("reading the journal: {error}")))
}

fn open(
    source: Source,
    start: Start,
    wanted: &Match,
    records: Records,
    home: Home,
) -> Result<(Reader, Option<String>), RunError> {
    let (keeper, kept) = Keeper::open(home).map_err(RunError)?;
    let (start, trouble) = match kept {
        Kept::Nothing => (start, None),
        Kept::Position(position) => (Start::After(position), None),
        Kept::Damaged(why) => (start, Some(why)),
    };
    let mut journal = Journal::open(source, &start, wanted, records);
    let position = journal.position();
    journal.sink().safe(position);
    Ok((Reader { journal, keeper }, trouble))
}

/// Keeps what was taken, looks for news and reads on.
fn next_slice(mut reader: Reader, taken: Option<Position>) -> (Reader, Slice) {
    let kept = taken.map_or(Ok(()), |position| reader.keeper.keep(position));
    reader.journal.refresh();
    let progress = reader.journal.read(SLICE);
    let position = reader.journal.position();
    let records = reader.journal.sink();
    records.flush(false);
    let slice = Slice {
        took: records.entries() > 0,
        position: records.safe(position),
        batch: records.take(),
        due: records.next_due(),
        troubles: records.troubles(),
        progress,
        notices: reader.journal.notices(),
        counts: reader.journal.counts(),
        kept,
    };
    (reader, slice)
}

/// Lets go all that is held back: a batch, and how far the journal counts as read once it is taken.
fn let_go(mut reader: Reader) -> (Reader, Option<(Batch, Position)>) {
    let position = reader.journal.position();
    let records = reader.journal.sink();
    records.flush(true);
    let last = records.take().map(|batch| (batch, position));
    (reader, last)
}

fn finish(mut reader: Reader, taken: Option<Position>) -> std::io::Result<()> {
    if let Some(position) = taken {
        reader.keeper.keep(position)?;
    }
    reader.keeper.sync()
}

/// The descriptor that tells of changes, as the runtime waits for it.
fn watch(journal: &Journal<Records>, log: &Logger) -> Option<AsyncFd<OwnedFd>> {
    let descriptor = journal.descriptor().transpose()?;
    #[allow(deprecated, reason = "unsound only for what does not keep its descriptor open; an OwnedFd does")]
    let watch = descriptor.and_then(|descriptor| AsyncFd::with_interest(descriptor, Interest::READABLE));
    if let Err(error) = &watch {
        log.warn("Cannot watch the journal; it is looked at now and then", &[("error", Field::Display(error))]);
    }
    watch.ok()
}

/// Waits until there may be something to read.
async fn wait(progress: Progress, due: Option<Instant>, watch: Option<&AsyncFd<OwnedFd>>, polling: bool, stop: &Stop) {
    let pause = match progress {
        Progress::Unsure => Some(UNSURE_INTERVAL),
        _ => (polling || watch.is_none()).then_some(POLL_INTERVAL),
    };
    let held = due.map(|due| due.saturating_duration_since(Instant::now()));
    let pause = pause.into_iter().chain(held).min();
    let news = async {
        match watch {
            Some(watch) => match watch.readable().await {
                // What is heard from now on counts as new.
                Ok(mut guard) => guard.clear_ready(),
                Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
            },
            None => std::future::pending().await,
        }
    };
    let pause = async {
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = news => {}
        () = pause => {}
        () = stop.requested() => {}
    }
}

/// Hands a batch on until it is taken, or refused for good.
///
/// # Errors
/// When a stop was requested before it was taken.
async fn hand_on(
    batch: Batch,
    next: &dyn Consumer,
    retry: &RetryConfig,
    stop: &Stop,
    log: &Logger,
    figures: &Figures,
) -> Result<(), ConsumeError> {
    let records = batch.items() as u64;
    let told = |error: &ConsumeError, wait: Duration| {
        figures.refused.add(records);
        let fields = [("error", Field::Display(error)), ("interval", Field::Duration(wait))];
        log.warn("The pipeline does not take what was read; trying again", &fields);
    };
    match persist(next, Arc::new(batch), Backoff::new(retry), stop, told).await {
        Ok(()) => figures.accepted.add(records),
        Err(error) if error.permanent => {
            figures.refused.add(records);
            figures.dropped.add(records);
            let fields = [("error", Field::Display(&error)), ("dropped_items", Field::Int(records as i64))];
            log.error("The pipeline refuses what was read; it is dropped", &fields);
        }
        Err(error) if error.partial => {
            // Those who took it are not to wait for those who did not.
            figures.accepted.add(records);
            figures.partial.add(records);
            let fields = [("error", Field::Display(&error)), ("dropped_items", Field::Int(records as i64))];
            log.error("Some exporters refuse what was read; for them it is dropped", &fields);
        }
        Err(error) => {
            figures.refused.add(records);
            return Err(error);
        }
    }
    Ok(())
}

/// Tells what a slice met.
fn tell(slice: &Slice, failing: &mut bool, log: &Logger) {
    for notice in &slice.notices {
        let path = notice.path.display().to_string();
        log.warn("Trouble with a journal file", &[("path", Field::Str(&path)), ("error", Field::Str(&notice.message))]);
    }
    match &slice.kept {
        Ok(()) => *failing = false,
        Err(error) if !std::mem::replace(failing, true) => {
            let fields = [("error", Field::Display(error))];
            log.error("Cannot keep how far the journal is read; after a restart what follows is read again", &fields);
        }
        Err(_) => {}
    }
}
