//! A page, written as it is sent.
//!
//! Each step locks the store for a few thousand lines, and lets other work go first before the next. The page shows every series that was
//! there all the time; what comes and goes meanwhile may or may not be on it.

use crate::accept::Format;
use crate::family::Reading;
use crate::store::Store;
use crate::text::{Name, Style};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// Lines of one step.
const LINES: usize = 2048;

/// Bytes of one step, but for the last series of it.
const BYTES: usize = 64 << 10;

/// Bytes that a page takes while it is sent: a step, and the window of the compression.
pub(crate) const PAGE_BYTES: usize = BYTES * 2 + (320 << 10);

/// A body that shows everything in a store.
pub(crate) struct Page {
    store: Arc<Mutex<Store>>,
    style: Style,
    at: At,
    out: String,
    scratch: String,
    encoder: Option<GzEncoder<Vec<u8>>>,
    /// Whether other work went first since the last step.
    rested: bool,
    /// The room it takes among all pages.
    _room: OwnedSemaphorePermit,
}

/// How far a page has come.
enum At {
    /// Behind the family of this name.
    Between(Option<Arc<str>>),
    /// Within a family; its head is written with its first line.
    Family { name: Arc<str>, shown: Name, headed: bool, reading: Reading },
    /// Everything is written.
    End,
    /// Everything is sent.
    Sent,
}

impl Page {
    /// A page of which the first step is written already.
    pub(crate) fn new(store: Arc<Mutex<Store>>, style: Style, room: OwnedSemaphorePermit) -> Self {
        let at = At::Between(None);
        let (out, scratch) = (String::new(), String::new());
        let mut page = Self { store, style, at, out, scratch, encoder: None, rested: true, _room: room };
        page.write();
        page
    }

    /// Whether more than so many bytes are written.
    pub(crate) fn is_larger_than(&self, bytes: usize) -> bool {
        self.out.len() > bytes
    }

    /// The whole page, if the first step has written it.
    pub(crate) fn whole(&mut self) -> Option<String> {
        matches!(self.at, At::End).then(|| std::mem::take(&mut self.out))
    }

    /// Compresses from here on. Called before anything is sent.
    pub(crate) fn compress(&mut self) {
        self.encoder = Some(GzEncoder::new(Vec::new(), Compression::default()));
    }

    /// Writes one step.
    fn write(&mut self) {
        let store = Arc::clone(&self.store);
        let store = store.lock().unwrap_or_else(PoisonError::into_inner);
        let since = store.shown_since();
        let mut lines = 0;
        while lines < LINES && self.out.len() < BYTES {
            match &mut self.at {
                At::Between(before) => match store.family_after(before.as_deref()) {
                    Some((name, family)) => {
                        let shown = self.style.name(name, family.kind);
                        self.at = At::Family { name: Arc::clone(name), shown, headed: false, reading: Reading::default() };
                    }
                    None => {
                        if matches!(self.style.accepted.format, Format::OpenMetrics(_)) {
                            self.out.push_str("# EOF\n");
                        }
                        self.at = At::End;
                    }
                },
                At::Family { name, shown, headed, reading } => {
                    let Some(family) = store.family(name) else {
                        self.at = At::Between(Some(Arc::clone(name)));
                        continue;
                    };
                    let mut last = None;
                    while lines < LINES && self.out.len() < BYTES {
                        last = reading.next(family, since);
                        let Some(series) = last else { break };
                        if !std::mem::replace(headed, true) {
                            self.style.head(&mut self.out, shown, family.kind, &family.help);
                        }
                        lines += self.style.series(&mut self.out, &mut self.scratch, shown, series);
                    }
                    match last {
                        Some(series) => reading.pause(series),
                        None => self.at = At::Between(Some(Arc::clone(name))),
                    }
                }
                At::End | At::Sent => break,
            }
        }
    }

    /// What is written and not sent yet.
    fn chunk(&mut self) -> Vec<u8> {
        let ended = matches!(self.at, At::End);
        if ended {
            self.at = At::Sent;
        }
        let Some(encoder) = &mut self.encoder else { return std::mem::take(&mut self.out).into_bytes() };
        // Writing to memory does not fail.
        let _ = encoder.write_all(self.out.as_bytes());
        self.out.clear();
        if ended {
            let _ = encoder.try_finish();
        }
        std::mem::take(encoder.get_mut())
    }
}

impl Body for Page {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if matches!(self.at, At::Sent) {
            return Poll::Ready(None);
        }
        if self.out.is_empty() {
            if !std::mem::replace(&mut self.rested, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.write();
        }
        self.rested = false;
        let chunk = self.chunk();
        if chunk.is_empty() && !matches!(self.at, At::Sent) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }
}
