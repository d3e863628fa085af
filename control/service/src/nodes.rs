//! Several control planes on one database. Each has connections of its own and answers whoever asks it; what one changes the others hear of, and what
//! is to be done by one at a time is done by whoever has the lease of it.

use crate::app::App;
use std::time::Duration;
use tokio::time::sleep;
use warren_telemetry::Field;

/// How often it is asked what others have changed.
const EVERY: Duration = Duration::from_millis(500);

/// How long a lease is good, in milliseconds: so long nobody does what a node did that has ended without a word.
const LEASE: i64 = 10_000;

/// What is done by one node at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Rollouts are taken on.
    Rollouts,
    /// Emergencies are brought to servers, and ended.
    Emergencies,
    /// What is old is forgotten.
    Retention,
    /// It is told whose data does not arrive. (Each node asks for itself: there is nothing that would be handed over.)
    Watch,
}

const DUTIES: [Duty; 4] = [Duty::Rollouts, Duty::Emergencies, Duty::Retention, Duty::Watch];

impl Duty {
    fn name(self) -> &'static str {
        match self {
            Self::Rollouts => "rollouts",
            Self::Emergencies => "emergencies",
            Self::Retention => "retention",
            Self::Watch => "watch",
        }
    }
}

/// Whether it is for this node to do something now.
pub(crate) async fn is_ours(app: &App, duty: Duty) -> bool {
    match app.store.lease(duty.name(), LEASE).await {
        Ok(ours) => ours,
        Err(error) => {
            app.log.error(
                "It cannot be told which node is to do something",
                &[("what", Field::Str(duty.name())), ("error", Field::Display(&error))],
            );
            false
        }
    }
}

/// Leaves what this node does to the others.
pub(crate) async fn leave(app: &App) {
    if app.store.is_shared() {
        for duty in DUTIES {
            // Who cannot say so is waited for.
            let _ = app.store.release(duty.name()).await;
        }
    }
}

/// Hears what others have changed, for ever, and has the connections of servers look whether there is something to tell.
pub(crate) async fn hear(app: App) {
    let mut known = None;
    loop {
        let heard = async {
            let after = match known {
                Some(known) => known,
                None => app.store.newest_news().await?,
            };
            app.store.news(after).await
        };
        match heard.await {
            Ok(news) => {
                known = Some(news.number);
                app.wake(&news.servers);
            }
            Err(error) => app.log.error("What other nodes change is not known", &[("error", Field::Display(&error))]),
        }
        sleep(EVERY).await;
    }
}
