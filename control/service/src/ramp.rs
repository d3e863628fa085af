//! How fast a change for many servers is given: so many a second, one after the other. Of a few servers, such as a customer's, each is told at
//! once, also one that waits for its turn.

use crate::app::App;
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// Servers that are told at once.
const AT_ONCE: usize = 20;

/// Time between two handfuls.
const TICK: Duration = Duration::from_millis(50);

/// Servers that wait for their turn.
#[derive(Default)]
pub(crate) struct Ramp {
    queue: Mutex<Queue>,
    more: Notify,
}

#[derive(Default)]
struct Queue {
    order: VecDeque<String>,
    waiting: HashSet<String>,
}

impl Ramp {
    /// Whether it is not a server's turn yet.
    pub(crate) fn is_waiting(&self, server: &str) -> bool {
        self.queue().waiting.contains(server)
    }

    /// Servers whose turn is to come, each of them once.
    fn push(&self, servers: impl Iterator<Item = String>) {
        let mut queue = self.queue();
        for server in servers {
            if queue.waiting.insert(server.clone()) {
                queue.order.push_back(server);
            }
        }
        drop(queue);
        self.more.notify_one();
    }

    /// A server's turn is now.
    fn skip(&self, server: &str) {
        self.queue().waiting.remove(server);
    }

    /// The next of those that wait still.
    fn next(&self) -> Option<String> {
        let mut queue = self.queue();
        loop {
            let server = queue.order.pop_front()?;
            if queue.waiting.remove(&server) {
                return Some(server);
            }
        }
    }

    fn waits(&self) -> usize {
        self.queue().waiting.len()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Has the connections of servers look whether there is something to tell: of a few at once, of many by turns.
    pub(crate) fn wake(&self, servers: &[String]) {
        if servers.len() <= AT_ONCE || self.bounds.push_rate == 0 {
            for server in servers {
                self.ramp.skip(server);
                self.hub.wake(server);
            }
            return;
        }
        // Those that are not connected here need no turn.
        self.ramp.push(servers.iter().filter(|server| self.hub.is_here(server)).cloned());
    }
}

/// Gives turns, for ever.
pub(crate) async fn run(app: App) {
    let waiting = app.registry.gauge("warren_push_waiting", "Servers whose turn to be told of a change is to come.", &[]);
    loop {
        app.ramp.more.notified().await;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (each, mut owed) = (f64::from(app.bounds.push_rate) * TICK.as_secs_f64(), 0.0);
        'turns: loop {
            ticks.tick().await;
            owed += each;
            while owed >= 1.0 {
                let Some(server) = app.ramp.next() else { break 'turns };
                owed -= 1.0;
                app.hub.wake(&server);
            }
            waiting.set(app.ramp.waits() as f64);
        }
        waiting.set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_one_turn_and_whoever_was_told_has_none() {
        let ramp = Ramp::default();
        ramp.push(["a", "b", "c", "a"].into_iter().map(str::to_owned));
        ramp.skip("b");
        assert!(ramp.is_waiting("a") && !ramp.is_waiting("b"));
        assert_eq!(ramp.next().as_deref(), Some("a"));
        ramp.push(["a".to_owned()].into_iter());
        assert_eq!((ramp.next().as_deref(), ramp.next().as_deref(), ramp.next()), (Some("c"), Some("a"), None));
        assert_eq!(ramp.waits(), 0);
    }
}
