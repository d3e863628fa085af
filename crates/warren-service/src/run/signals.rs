//! The signals that matter.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// To end, by the signal's name.
    End(&'static str),
    /// To read the configuration again.
    Reload,
}

impl Word {
    /// The signal's name, as upstream logs it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::End(name) => name,
            Self::Reload => "hangup",
        }
    }
}

pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal that asks for the end.
    pub(crate) async fn end(&mut self) {
        while self.next().await == Word::Reload {}
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::End("terminated"),
            _ = self.interrupt.recv() => Word::End("interrupt"),
            _ = self.hangup.recv() => Word::Reload,
        }
    }
}
