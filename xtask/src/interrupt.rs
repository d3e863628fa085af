//! Ctrl-C and SIGTERM as a question: commands that hold servers ask it, fall out of their loops and let the guards stop what they started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Longest time a wait goes on after a signal.
const STEP: Duration = Duration::from_millis(50);

/// Set once the user wants to stop.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes SIGINT and SIGTERM over. A second one ends the process at once.
    pub(crate) fn watch() -> Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked))
                .context("cannot watch for Ctrl-C")?;
            signal_hook::flag::register(signal, Arc::clone(&asked)).context("cannot watch for Ctrl-C")?;
        }
        Ok(Interrupt(asked))
    }

    /// Whether the user wants to stop.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Error once the user wants to stop.
    pub(crate) fn check(&self) -> Result<()> {
        if self.asked() {
            bail!("stopped before it was done");
        }
        Ok(())
    }

    /// Waits; answers whether the user wants to stop.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        while !self.asked() && Instant::now() < deadline {
            std::thread::sleep(STEP.min(deadline.saturating_duration_since(Instant::now())));
        }
        self.asked()
    }
}
