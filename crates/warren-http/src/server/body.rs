//! Requests and their bodies.

use super::connection::Peer;
use crate::coding::{Coding, DecodeError, decompress};
use crate::error::chain_text;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use warren_component::{BuildContext, Identity};
use warren_telemetry::Counter;

/// How long a body may make no progress, whatever the settings allow.
const STALL: Duration = Duration::from_secs(60);

/// The unit in which the bytes of bodies are counted.
const UNIT: usize = 1024;

/// A request, with its body yet to be read.
pub struct Request {
    /// Method, URL and headers.
    pub head: Parts,
    /// Who sent it.
    pub peer: Peer,
    /// Who that is, if the server authenticates.
    pub identity: Option<Identity>,
    pub(super) body: Incoming,
    pub(super) coding: Coding,
    pub(super) limit: usize,
    pub(super) deadline: Option<Instant>,
    pub(super) budget: Budget,
}

/// The bytes of a body, which count as held by the server until dropped.
pub struct Payload {
    bytes: Bytes,
    _held: Held,
}

/// Why a body could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is too large, or not what it says it is.
    #[error(transparent)]
    Coding(#[from] DecodeError),
    /// It ended early.
    #[error("{0}")]
    Broken(String),
    /// It took too long.
    #[error("i/o timeout")]
    Timeout,
    /// Other requests hold all the memory that there is for bodies.
    #[error("too many bytes of requests in flight")]
    Busy,
}

impl BodyError {
    /// The status that tells the sender.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Coding(_) | Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Request {
    /// How large the body says it is, before decompression.
    pub fn announced(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Reads and decompresses the body.
    ///
    /// # Errors
    /// When it is larger than the server allows, corrupt, cut short or slow, or the server holds too many bodies already.
    pub async fn body(self) -> Result<Payload, BodyError> {
        let (bytes, held) = read(self.body, self.limit, self.deadline, &self.budget).await?;
        if self.coding == Coding::Identity {
            return Ok(Payload::new(bytes, held));
        }
        let whole = decompress(self.coding, &bytes, self.limit)?;
        drop((bytes, held));
        let held = self.budget.hold(whole.len())?;
        Ok(Payload::new(whole.into(), held))
    }
}

impl Payload {
    pub(crate) fn new(bytes: Bytes, held: Held) -> Self {
        Self { bytes, _held: held }
    }
}

impl std::ops::Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of at most `limit` bytes.
async fn read(mut body: Incoming, limit: usize, deadline: Option<Instant>, budget: &Budget) -> Result<(Bytes, Held), BodyError> {
    let announced = body.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if announced.is_some_and(|size| size > limit) {
        return Err(DecodeError::TooLarge.into());
    }
    let mut held = budget.hold(0)?;
    let mut whole = Vec::new();
    while let Some(data) = next_chunk(&mut body, deadline).await? {
        if whole.len() + data.len() > limit {
            return Err(DecodeError::TooLarge.into());
        }
        held.grow(budget, whole.len() + data.len())?;
        // A body in one piece is not copied.
        if whole.is_empty() && announced == Some(data.len()) {
            return Ok((data, held));
        }
        if whole.capacity() == 0 {
            whole.reserve_exact(announced.unwrap_or(data.len()).min(limit));
        }
        whole.extend_from_slice(&data);
    }
    Ok((whole.into(), held))
}

/// The next bytes of a body; none at its end.
pub(crate) async fn next_chunk(body: &mut Incoming, deadline: Option<Instant>) -> Result<Option<Bytes>, BodyError> {
    let stall = Instant::now() + STALL;
    let until = deadline.map_or(stall, |deadline| deadline.min(stall));
    match timeout_at(until, body.frame()).await {
        Err(_) => Err(BodyError::Timeout),
        Ok(None) => Ok(None),
        Ok(Some(Err(error))) => Err(BodyError::Broken(chain_text(&error))),
        // Trailers say nothing here.
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
    }
}

/// The bytes that all bodies of a server may hold together.
#[derive(Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    refused: Counter,
}

/// A part of a [`Budget`], given back when dropped.
#[derive(Default)]
pub(crate) struct Held(Option<OwnedSemaphorePermit>);

impl Budget {
    /// A budget of so many bytes; `refused` counts the bodies that found no room.
    pub(crate) fn new(bytes: usize, refused: Counter) -> Self {
        Self { units: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))), refused }
    }

    /// Counts the bodies of a component that found no room.
    pub(crate) fn counter(cx: &BuildContext) -> Counter {
        let help = "Request bodies refused because others held all the memory there is for them.";
        cx.telemetry.registry.counter("warren_http_server_bodies_refused_total", help, &[("component", &cx.id.to_string())])
    }

    pub(crate) fn hold(&self, bytes: usize) -> Result<Held, BodyError> {
        let mut held = Held::default();
        held.grow(self, bytes)?;
        Ok(held)
    }
}

impl Held {
    /// Holds so many bytes from now on.
    pub(crate) fn grow(&mut self, budget: &Budget, bytes: usize) -> Result<(), BodyError> {
        let have = self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = u32::try_from(bytes.div_ceil(UNIT).saturating_sub(have)).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let Ok(permit) = budget.units.clone().try_acquire_many_owned(more) else {
            budget.refused.add(1);
            return Err(BodyError::Busy);
        };
        match &mut self.0 {
            Some(held) => held.merge(permit),
            None => self.0 = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_one_budget_and_give_it_back() {
        let counter = warren_telemetry::Registry::default().counter("c", "h", &[]);
        let budget = Budget::new(10 * UNIT, counter.clone());
        let mut first = budget.hold(4 * UNIT).unwrap();
        let second = budget.hold(5 * UNIT + 1).unwrap();
        assert_eq!(first.grow(&budget, 4 * UNIT + 1), Err(BodyError::Busy));
        assert_eq!(counter.get(), 1.0);
        drop(second);
        assert_eq!(first.grow(&budget, 10 * UNIT), Ok(()));
        drop(first);
        assert!(budget.hold(10 * UNIT).is_ok());
    }
}
