//! Remembering for a while which passwords were right, and which were not.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a right password need not be checked again.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// How long a wrong one is refused without a check, so that a client with an old password costs little.
const BAD_FOR: Duration = Duration::from_secs(10);

/// How many of either kind are remembered. Beyond, the one that would be forgotten next goes; wrong ones never push out right ones.
const REMEMBERED_MAX: usize = 1024;

/// A question and its answer, without either being readable from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Print([u8; 32]);

/// What was checked lately.
pub(crate) struct Memory {
    /// Makes prints worthless outside of this process.
    key: [u8; 32],
    good: Mutex<HashMap<Print, Instant>>,
    bad: Mutex<HashMap<Print, Instant>>,
}

impl Memory {
    /// Nothing remembered yet.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key, good: Mutex::default(), bad: Mutex::default() })
    }

    /// The print of a question: this password, for this user, of the users read at that time.
    pub(crate) fn print(&self, generation: u64, user: &[u8], password: &[u8]) -> Print {
        let digest = Sha256::new()
            .chain_update(self.key)
            .chain_update(generation.to_le_bytes())
            .chain_update((user.len() as u64).to_le_bytes())
            .chain_update(user)
            .chain_update(password);
        Print(digest.finalize().into())
    }

    /// Whether the password was right, if that is known.
    pub(crate) fn recall(&self, print: &Print) -> Option<bool> {
        let now = Instant::now();
        let known = |kept: &Mutex<HashMap<Print, Instant>>| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).get(print).is_some_and(|until| *until > now)
        };
        if known(&self.good) {
            Some(true)
        } else if known(&self.bad) {
            Some(false)
        } else {
            None
        }
    }

    /// Remembers an answer.
    pub(crate) fn note(&self, print: Print, good: bool) {
        let (kept, time) = if good { (&self.good, GOOD_FOR) } else { (&self.bad, BAD_FOR) };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if kept.len() >= REMEMBERED_MAX {
            kept.retain(|_, until| *until > now);
        }
        if kept.len() >= REMEMBERED_MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, until)| **until).map(|(print, _)| *print)
        {
            kept.remove(&oldest);
        }
        kept.insert(print, now + time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_are_forgotten_after_a_while() {
        let memory = Memory::new().unwrap();
        let (good, bad) = (memory.print(0, b"u", b"p"), memory.print(0, b"u", b"q"));
        memory.note(good, true);
        memory.note(bad, false);
        assert_eq!((memory.recall(&good), memory.recall(&bad)), (Some(true), Some(false)));
        tokio::time::advance(BAD_FOR).await;
        assert_eq!((memory.recall(&good), memory.recall(&bad)), (Some(true), None));
        tokio::time::advance(GOOD_FOR).await;
        assert_eq!(memory.recall(&good), None);
    }

    #[test]
    fn an_answer_is_for_one_question_only() {
        let memory = Memory::new().unwrap();
        memory.note(memory.print(0, b"us", b"er"), true);
        for other in [memory.print(1, b"us", b"er"), memory.print(0, b"u", b"ser"), memory.print(0, b"us", b"err")] {
            assert_eq!(memory.recall(&other), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_passwords_pushes_out_no_right_one() {
        let memory = Memory::new().unwrap();
        let good = memory.print(0, b"u", b"p");
        memory.note(good, true);
        for number in 0..3 * REMEMBERED_MAX as u64 {
            memory.note(memory.print(number, b"u", b"wrong"), false);
        }
        assert_eq!(memory.recall(&good), Some(true));
        assert_eq!(memory.bad.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
