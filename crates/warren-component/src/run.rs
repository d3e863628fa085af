//! Running: how a component is told to stop, and how it tells how it fares.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use warren_config::format_seconds;

/// What a running component is given.
#[derive(Clone)]
pub struct RunContext {
    /// Resolves when the component is to end.
    pub stop: Stop,
    /// Where it tells how it fares.
    pub status: Status,
}

/// Why a component could not go on. It is reported, and the process ends in order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunError(pub String);

/// A request to end, as the component sees it. Clones see the same request.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<Request>>);

/// The other end of a [`Stop`].
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<watch::Sender<Option<Request>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Request {
    deadline: Instant,
    for_good: bool,
}

impl Stop {
    /// A stop and the handle that asks for it.
    pub fn new() -> (StopHandle, Self) {
        let (sender, receiver) = watch::channel(None);
        (StopHandle(Arc::new(sender)), Self(receiver))
    }

    /// Whether the component is to end, also because whoever could ask is gone.
    pub fn is_requested(&self) -> bool {
        self.0.borrow().is_some() || self.0.has_changed().is_err()
    }

    /// Resolves when the component is to end, also when whoever could ask is gone.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        let _ = receiver.wait_for(Option::is_some).await;
    }

    /// When draining must be over; `None` until the stop is requested.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.borrow().map(|request| request.deadline)
    }

    /// Whether the component was taken out of a configuration that goes on without it: neither a successor nor the next start goes on with what
    /// it did.
    pub fn is_for_good(&self) -> bool {
        self.0.borrow().is_some_and(|request| request.for_good)
    }

    /// Resolves at the drain deadline, which a second request may have brought forward.
    pub async fn overdue(&self) {
        let mut receiver = self.0.clone();
        loop {
            let Ok(request) = receiver.wait_for(Option::is_some).await.map(|request| *request) else { return };
            let Some(request) = request else { return };
            tokio::select! {
                () = tokio::time::sleep_until(request.deadline) => return,
                changed = receiver.changed() => if changed.is_err() { return },
            }
        }
    }
}

impl StopHandle {
    /// Another view of the same request.
    pub fn subscribe(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Asks to end, with draining over at `deadline`. A later call may bring the deadline forward, never push it back.
    pub fn request(&self, deadline: Instant) {
        self.ask(Request { deadline, for_good: false });
    }

    /// The same to a component that is not wanted any more ([`Stop::is_for_good`]).
    pub fn request_for_good(&self, deadline: Instant) {
        self.ask(Request { deadline, for_good: true });
    }

    fn ask(&self, request: Request) {
        self.0.send_if_modified(|current| {
            let sooner = current.is_none_or(|before| request.deadline < before.deadline);
            if sooner {
                let for_good = current.map_or(request.for_good, |before| before.for_good);
                *current = Some(Request { for_good, ..request });
            }
            sooner
        });
    }
}

/// How a component fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Not yet ready.
    #[default]
    Starting,
    /// At work.
    Ok,
    /// Failing, and trying to recover.
    Recoverable(String),
    /// Failing until its configuration changes.
    Permanent(String),
    /// Ending.
    Stopping,
    /// Ended.
    Stopped,
}

/// How data moves through a component, asked when somebody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// It sends what it has taken.
    Sends {
        /// How much waits or is on its way, by the measure of its queue.
        waiting: u64,
        /// For how long nothing of it was taken by the destination; zero while nothing waits.
        silent: Duration,
    },
    /// It collects by itself.
    Collects {
        /// How often.
        interval: Duration,
        /// How long ago what it collected was last taken by its pipelines.
        ago: Duration,
    },
}

/// Intervals that whoever collects by itself may miss.
const INTERVALS_MAX: u32 = 3;

impl Pulse {
    /// What is wrong with whoever should collect by itself and has not for several intervals.
    pub fn missed(&self) -> Option<String> {
        match *self {
            Self::Collects { interval, ago } if ago >= interval * INTERVALS_MAX => {
                let [ago, interval] = [ago, interval].map(format_seconds);
                Some(format!("nothing was collected for {ago}, which should happen every {interval}"))
            }
            Self::Collects { .. } | Self::Sends { .. } => None,
        }
    }
}

/// Where a component tells how it fares. Clones tell the same component's story.
#[derive(Clone, Default)]
pub struct Status(Arc<Mutex<Story>>);

#[derive(Default)]
struct Story {
    health: Health,
    pulse: Option<Arc<dyn Fn() -> Option<Pulse> + Send + Sync>>,
}

impl Status {
    /// Tells how the component fares now. What cannot follow the present state is ignored: nothing follows `Stopped`, and only
    /// `Stopping` and `Stopped` follow `Permanent` or `Stopping`.
    pub fn tell(&self, next: Health) {
        let mut story = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ending = matches!(next, Health::Stopping | Health::Stopped);
        let allowed = match &story.health {
            Health::Stopped => false,
            Health::Permanent(_) | Health::Stopping => ending,
            Health::Starting | Health::Ok | Health::Recoverable(_) => true,
        };
        if allowed {
            story.health = next;
        }
    }

    /// How the component fares.
    pub fn health(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).health.clone()
    }

    /// Says how to find out how data moves through the component. The question is asked seldom, on the runtime's thread; it may find
    /// nothing to tell.
    pub fn answer(&self, pulse: impl Fn() -> Option<Pulse> + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pulse = Some(Arc::new(pulse));
    }

    /// How data moves through the component, if it can tell.
    pub fn pulse(&self) -> Option<Pulse> {
        let question = self.0.lock().unwrap_or_else(PoisonError::into_inner).pulse.clone();
        question?()
    }
}

impl std::fmt::Debug for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Status").field(&self.health()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_request_can_only_bring_the_deadline_forward() {
        let (handle, stop) = Stop::new();
        assert!(!stop.is_requested());
        let soon = Instant::now() + Duration::from_secs(1);
        handle.request_for_good(soon + Duration::from_secs(9));
        handle.request(soon);
        handle.request(soon + Duration::from_secs(5));
        stop.requested().await;
        assert_eq!(stop.deadline(), Some(soon));
        assert!(stop.is_for_good());
        stop.overdue().await;
        assert_eq!(Instant::now(), soon);
    }

    #[tokio::test]
    async fn a_component_ends_when_nobody_can_ask_it_any_more() {
        let (handle, stop) = Stop::new();
        drop(handle);
        stop.requested().await;
        assert!(stop.is_requested());
    }

    #[test]
    fn nothing_follows_stopped() {
        let status = Status::default();
        status.tell(Health::Permanent("p".into()));
        status.tell(Health::Ok);
        assert_eq!(status.health(), Health::Permanent("p".into()));
        status.tell(Health::Stopped);
        status.tell(Health::Starting);
        assert_eq!(status.health(), Health::Stopped);
    }

    #[test]
    fn three_intervals_may_not_be_missed() {
        let collects =
            |interval, ago| Pulse::Collects { interval: Duration::from_secs(interval), ago: Duration::from_secs(ago) }.missed();
        assert_eq!(collects(60, 179), None);
        assert_eq!(collects(5, 15).unwrap(), "nothing was collected for 15s, which should happen every 5s");
    }

    #[test]
    fn a_pulse_is_asked_for_when_it_is_wanted() {
        let status = Status::default();
        assert_eq!(status.pulse(), None);
        let waiting = Arc::new(std::sync::atomic::AtomicU64::new(1));
        let counted = Arc::clone(&waiting);
        status.answer(move || {
            Some(Pulse::Sends { waiting: counted.load(std::sync::atomic::Ordering::Relaxed), silent: Duration::ZERO })
        });
        waiting.store(2, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(status.clone().pulse(), Some(Pulse::Sends { waiting: 2, silent: Duration::ZERO }));
    }
}
