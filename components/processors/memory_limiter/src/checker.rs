//! Looks at memory, and decides whether more may come. One for all pipelines that have the processor of one id.

use crate::Config;
use crate::limits::{Limits, MIB};
use crate::memory::Memory;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use warren_component::{Code, ConsumeError};
use warren_telemetry::{Field, Logger};

/// What an ineffective return of memory leaves of it at least, in percent: if less is left, it helped.
const INEFFECTIVE_PERCENT: u64 = 95;

/// Why data is refused, in upstream's words.
pub(crate) const REFUSED: &str = "data refused due to high memory usage";

/// Looks at memory.
pub(crate) struct Checker {
    limits: Limits,
    interval: Duration,
    soft: Pace,
    hard: Pace,
    memory: Box<dyn Memory>,
    /// Bytes that the system gave and that do not live, as of the last check: what is free but held back, or torn into unusable pieces.
    overhead: AtomicU64,
    refusing: AtomicBool,
    state: Mutex<State>,
    log: Logger,
}

/// How often memory is returned above a limit.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The shortest time between two attempts.
    min: Duration,
    /// The longest, when attempts do not help; zero leaves them at the shortest.
    max: Duration,
}

struct State {
    checked: Option<Instant>,
    /// When memory was returned last; the start, at first.
    released: Instant,
    /// What was used at the last look.
    used: u64,
    /// Waits that grew because returning memory did not help.
    soft_wait: Duration,
    hard_wait: Duration,
}

impl Checker {
    pub(crate) fn new(config: &Config, limits: Limits, memory: Box<dyn Memory>, log: Logger) -> Self {
        let pace = |min: Duration, max: Duration| Pace { min, max };
        let checker = Self {
            limits,
            interval: config.check_interval(),
            soft: pace(config.min_gc_interval_when_soft_limited(), config.max_gc_interval_when_soft_limited()),
            hard: pace(config.min_gc_interval_when_hard_limited(), config.max_gc_interval_when_hard_limited()),
            memory,
            overhead: AtomicU64::new(0),
            refusing: AtomicBool::new(false),
            state: Mutex::new(State {
                checked: None,
                released: Instant::now(),
                used: 0,
                soft_wait: Duration::ZERO,
                hard_wait: Duration::ZERO,
            }),
            log,
        };
        checker.measure();
        checker
    }

    /// How often to look.
    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether data is refused at present.
    pub(crate) fn is_refusing(&self) -> bool {
        self.refusing.load(Relaxed)
    }

    /// Whether so many bytes may come besides what the process holds.
    pub(crate) fn admit(&self, bytes: u64) -> Result<(), ConsumeError> {
        let used = self.used();
        if used.saturating_add(bytes) < self.limits.soft {
            return Ok(());
        }
        if !self.refusing.swap(true, Relaxed) {
            self.tell_refusing(used);
        }
        Err(ConsumeError::retryable(REFUSED).with_code(Code::Unavailable))
    }

    /// Whether the allocator's count has the bytes of a batch that is there.
    pub(crate) fn counts_live(&self) -> bool {
        self.memory.live() > 0
    }

    /// Looks at memory if it is time: every pipeline asks, and the first one does it for all.
    pub(crate) fn check_if_due(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.checked.is_none_or(|checked| checked.elapsed() >= self.interval / 10 * 9) {
            state.checked = Some(Instant::now());
            self.check(&mut state);
        }
    }

    fn check(&self, state: &mut State) {
        let mut used = self.measure();
        self.log.debug("Currently used memory.", &[in_mib(used)]);
        state.saw(used, self.limits.soft);
        if used < self.limits.soft {
            if self.refusing.swap(false, Relaxed) {
                self.log.info("Memory usage back within limits. Resuming normal operation.", &[in_mib(used)]);
            }
            return;
        }
        let above_hard = used >= self.limits.hard;
        let wait = if above_hard { self.hard.min.max(state.hard_wait) } else { self.soft.min.max(state.soft_wait) };
        if state.released.elapsed() > wait {
            match above_hard {
                true => self.log.warn("Memory usage is above hard limit. Forcing a GC.", &[in_mib(used)]),
                false => self.log.info("Memory usage is above soft limit. Forcing a GC.", &[in_mib(used)]),
            }
            used = self.release(state);
        }
        let above = used >= self.limits.soft;
        if above && !self.refusing.load(Relaxed) {
            self.tell_refusing(used);
        }
        self.refusing.store(above, Relaxed);
    }

    /// Returns memory to the system, less often if that does not help, and tells what is used then.
    fn release(&self, state: &mut State) -> u64 {
        self.memory.release();
        state.released = Instant::now();
        let used = self.measure();
        self.log.info("Memory usage after GC.", &[in_mib(used)]);
        if !state.saw(used, self.limits.soft) {
            state.soft_wait = self.soft.next(state.soft_wait, self.interval);
            state.hard_wait = self.hard.next(state.hard_wait, self.interval);
        }
        used
    }

    /// Bytes that the process holds: what lives now, and what else the system gave as of the last look.
    fn used(&self) -> u64 {
        self.memory.live().saturating_add(self.overhead.load(Relaxed))
    }

    fn measure(&self) -> u64 {
        self.overhead.store(self.memory.resident().saturating_sub(self.memory.live()), Relaxed);
        self.used()
    }

    fn tell_refusing(&self, used: u64) {
        self.log.warn("Memory usage is above soft limit. Refusing data.", &[in_mib(used)]);
    }
}

impl State {
    /// Notes what is used. Tells whether that is well, or much less than before: then waits begin anew.
    fn saw(&mut self, used: u64, soft: u64) -> bool {
        let well = used < soft || used <= self.used / 100 * INEFFECTIVE_PERCENT;
        if well {
            (self.soft_wait, self.hard_wait) = (Duration::ZERO, Duration::ZERO);
        }
        self.used = used;
        well
    }
}

impl Pace {
    /// The wait after an attempt that did not help.
    fn next(self, wait: Duration, check_interval: Duration) -> Duration {
        if self.max.is_zero() {
            return self.min;
        }
        // A little less than the interval, so that the next check is not a moment too early.
        let shortest = self.min.max(check_interval / 20 * 19);
        (wait.max(shortest) * 2).min(self.max.max(self.min))
    }
}

fn in_mib(used: u64) -> (&'static str, Field<'static>) {
    ("cur_mem_mib", Field::Int((used / MIB) as i64))
}
