//! The body of a reply, read as it comes.

use super::pool::Lease;
use crate::coding::Inflater;
use crate::error::{Awaiting, Cause, Error, chain_text};
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

/// What is inflated at a time.
const INFLATED: usize = 32 * 1024;

/// The body of a reply. Dropped before its end, its connection is closed; read to its end, the connection serves the next request.
pub struct Body {
    incoming: Incoming,
    lease: Option<Lease>,
    /// When the whole request must be over.
    deadline: Option<Instant>,
    /// What was asked, for errors.
    action: String,
    gunzip: Option<Box<Gunzip>>,
    /// The piece that [`Body::window`] lent last.
    piece: Bytes,
    received: u64,
}

struct Gunzip {
    inflater: Inflater,
    input: Bytes,
    output: Vec<u8>,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, lease: Lease, deadline: Option<Instant>, action: String, gzip: bool) -> Self {
        let gunzip =
            gzip.then(|| Box::new(Gunzip { inflater: Inflater::gzip(), input: Bytes::new(), output: vec![0; INFLATED] }));
        // Without a body there is nothing to read before the connection is free.
        let lease = if incoming.is_end_stream() { lease.give_back() } else { Some(lease) };
        Self { incoming, lease, deadline, action, gunzip, piece: Bytes::new(), received: 0 }
    }

    /// The next piece as it comes, of any size up to some tens of kilobytes; none at the end.
    ///
    /// # Errors
    /// When the connection breaks, the time of the request is up, or a compressed body is corrupt.
    pub async fn window(&mut self) -> Result<Option<&[u8]>, Error> {
        // A timeout is looked at only when something has to be waited for, and a peer that sends fast enough never lets us wait.
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(self.error(Cause::Timeout(Awaiting::Body)));
        }
        if self.gunzip.is_some() {
            return self.inflated().await;
        }
        loop {
            match self.receive().await? {
                Some(piece) if piece.is_empty() => {}
                Some(piece) => {
                    self.piece = piece;
                    return Ok(Some(&self.piece));
                }
                None => return Ok(None),
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Body::window`], and when it is larger than `limit` bytes.
    pub async fn read(mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut whole = Vec::new();
        while let Some(piece) = self.window().await? {
            if whole.len() + piece.len() > limit {
                return Err(self.error(Cause::TooLarge(limit)));
            }
            whole.extend_from_slice(piece);
        }
        Ok(whole)
    }

    /// The body's first bytes, at most `limit`, and what comes until it ends or breaks: for messages of failed requests.
    pub async fn read_start(mut self, limit: usize) -> Vec<u8> {
        let mut start = Vec::new();
        while let Ok(Some(piece)) = self.window().await {
            let room = limit - start.len();
            start.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if piece.len() > room {
                break;
            }
        }
        start
    }

    /// Bytes received so far, before inflating.
    pub fn received(&self) -> u64 {
        self.received
    }

    async fn inflated(&mut self) -> Result<Option<&[u8]>, Error> {
        loop {
            let Some(gunzip) = self.gunzip.as_deref_mut() else { return Ok(None) };
            match gunzip.inflater.inflate(&gunzip.input, &mut gunzip.output) {
                Ok((0, 0)) => {}
                Ok((taken, made)) => {
                    gunzip.input.advance(taken);
                    if made > 0 {
                        return Ok(self.gunzip.as_deref().and_then(|gunzip| gunzip.output.get(..made)));
                    }
                    continue;
                }
                Err(error) => return Err(self.error(Cause::Coding(format!("gzip: {error}")))),
            }
            let complete = gunzip.inflater.is_complete();
            match (self.receive().await?, self.gunzip.as_deref_mut()) {
                (Some(piece), Some(gunzip)) => gunzip.input = piece,
                (None, _) if complete => return Ok(None),
                _ => return Err(self.error(Cause::Coding("gzip: unexpected EOF".to_owned()))),
            }
        }
    }

    /// The next bytes of the connection.
    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = self.incoming.frame();
            let frame = match self.deadline {
                Some(deadline) => match timeout_at(deadline, frame).await {
                    Ok(frame) => frame,
                    Err(_) => return Err(self.error(Cause::Timeout(Awaiting::Body))),
                },
                None => frame.await,
            };
            match frame {
                None => {
                    self.lease = self.lease.take().and_then(Lease::give_back);
                    return Ok(None);
                }
                // Trailers say nothing here.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.received += data.len() as u64;
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(self.error(Cause::Broken(chain_text(&error)))),
            }
        }
    }

    fn error(&self, cause: Cause) -> Error {
        Error { action: self.action.clone(), cause }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("received", &self.received).finish_non_exhaustive()
    }
}
