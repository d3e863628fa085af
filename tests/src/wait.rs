//! Waiting for an observable fact with a deadline: the only way this crate waits.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Asks `probe` until it has an answer.
///
/// # Errors
/// [`Error::Late`] naming `what` once `within` has passed.
pub fn until<T>(what: impl Into<String>, within: Duration, mut probe: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = probe() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(Error::Late { what: what.into(), within });
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
