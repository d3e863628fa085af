//! What a running program lets its parts ask for: another configuration, and how everything fares.

use crate::{Health, Pulse};
use tokio::sync::{mpsc, oneshot};
use warren_config::ComponentId;
use warren_pdata::Signal;

/// Requests that wait at the same time; further ones wait with whoever asks.
const WAITING_MAX: usize = 8;

/// Where to ask. Clones ask the same program.
#[derive(Clone, Debug)]
pub struct Control(mpsc::Sender<Request>);

/// A question, and where its answer goes.
#[derive(Debug)]
pub enum Request {
    /// To run as a configuration says.
    Apply {
        /// Its text, YAML or JSON; without one the sources of the command line are read again.
        config: Option<String>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Applied, Refused>>,
    },
    /// To say what applying a configuration would change.
    Plan {
        /// As for [`Request::Apply`].
        config: Option<String>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Applied, Refused>>,
    },
    /// To say how everything fares.
    Status {
        /// Where the answer goes.
        reply: oneshot::Sender<ServiceStatus>,
    },
    /// To show the configuration that runs.
    Effective {
        /// Where the answer goes.
        reply: oneshot::Sender<String>,
    },
}

/// A configuration that runs now, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The same for configurations that mean the same.
    pub hash: String,
    /// What was done to components, in order; empty when nothing had to be.
    pub steps: Vec<Step>,
    /// Components that were left alone.
    pub kept: usize,
    /// Whether `service::telemetry` changed.
    pub telemetry: bool,
    /// The same for people.
    pub summary: String,
    /// What is to be said about the configuration, though it was accepted.
    pub warnings: Vec<String>,
}

/// What was done to one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `add`, `replace`, `relink`, `remove`.
    pub action: &'static str,
    /// The component.
    pub component: ComponentName,
    /// Why it is replaced.
    pub why: Vec<String>,
}

/// One component among all: an exporter is there for each signal, a processor for each pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentName {
    /// `receiver`, `processor`, `exporter`, `extension`.
    pub kind: &'static str,
    /// Its id.
    pub id: ComponentId,
    /// The signal it is for, where it is for one.
    pub signal: Option<Signal>,
    /// The pipeline it belongs to, where it belongs to one.
    pub pipeline: Option<String>,
}

/// A configuration that is not run; what ran before still does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// Everything that is wrong, for people. Holds no secrets.
    pub reason: String,
    /// The first of it in few words, and how much more there is.
    pub summary: String,
    /// The findings for programs, as JSON; empty when the configuration itself is without fault.
    pub findings: String,
}

impl Refused {
    /// What went wrong besides the configuration itself.
    pub fn because(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { summary: reason.clone(), reason, findings: String::new() }
    }
}

/// How everything fares.
#[derive(Clone, Debug, Default)]
pub struct ServiceStatus {
    /// Of the configuration that runs.
    pub hash: String,
    /// Why the configuration that runs is not the one that was asked for last.
    pub degraded: Option<String>,
    /// The components in the order of their start.
    pub components: Vec<(ComponentName, Health)>,
    /// How data moves through those of them that can tell.
    pub pulses: Vec<(ComponentName, Pulse)>,
    /// Components that are on their way out.
    pub leaving: usize,
}

/// The program does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the collector is stopping")]
pub struct Gone;

impl Control {
    /// A control and where its requests arrive.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Runs as a configuration says, or says why not; then everything goes on as before. Without a text the sources of the command line
    /// are read again. Of several that wait, the newest is applied and answered for all.
    ///
    /// # Errors
    /// What is wrong with the configuration, or what could not be built of it.
    pub async fn apply(&self, config: Option<String>) -> Result<Applied, Refused> {
        let answer = self.ask(|reply| Request::Apply { config, reply }).await;
        answer.unwrap_or_else(|gone| Err(Refused::because(gone.to_string())))
    }

    /// What applying a configuration would change.
    ///
    /// # Errors
    /// What is wrong with the configuration. Whether everything could be built is only seen by building it.
    pub async fn plan(&self, config: Option<String>) -> Result<Applied, Refused> {
        let answer = self.ask(|reply| Request::Plan { config, reply }).await;
        answer.unwrap_or_else(|gone| Err(Refused::because(gone.to_string())))
    }

    /// How everything fares.
    ///
    /// # Errors
    /// When the program is stopping.
    pub async fn status(&self) -> Result<ServiceStatus, Gone> {
        self.ask(|reply| Request::Status { reply }).await
    }

    /// The configuration that runs, merged, with its defaults and without its secrets, as JSON.
    ///
    /// # Errors
    /// When the program is stopping.
    pub async fn effective(&self) -> Result<String, Gone> {
        self.ask(|reply| Request::Effective { reply }).await
    }

    /// Asks to read the sources again without waiting for the outcome. If so many requests wait that there is no room, one of them will
    /// see what this one would have.
    pub fn reload(&self) {
        let (reply, _) = oneshot::channel();
        let _ = self.0.try_send(Request::Apply { config: None, reply });
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.0.send(request(reply)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}
