//! The two ends of the measured path: a broker's page that moves with every scrape, and a remote-write receiver that only counts.

use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use warren_e2e::http::{Answer, Message, Server};
use warren_e2e::page;

/// Renderings of the page that take turns, so that no two scrapes in a row are alike.
const VARIANTS: u64 = 8;

/// Largest remote-write request once decompressed.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// What has come through so far.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Pages asked for.
    pub(super) scrapes: u64,
    /// Series that arrived by remote write, each with one sample.
    pub(super) samples: u64,
    /// Bytes of remote-write requests as sent.
    pub(super) wire_bytes: u64,
    /// When the first sample arrived.
    pub(super) first: Option<Instant>,
}

#[derive(Default)]
struct Counters {
    scrapes: AtomicU64,
    samples: AtomicU64,
    wire_bytes: AtomicU64,
    first: OnceLock<Instant>,
    next: AtomicUsize,
}

/// Both ends, listening.
pub(super) struct Load {
    pages: Server,
    sink: Server,
    counters: Arc<Counters>,
    series: usize,
}

impl Load {
    /// Renders and compresses the pages of a broker with `queues` queues, then listens.
    pub(super) fn start(queues: usize) -> Result<Load> {
        let series = page::broker(queues, 0).series;
        let variants: Vec<Arc<[u8]>> =
            (0..VARIANTS).map(|tick| compressed(&page::broker(queues, tick).text)).collect::<Result<_>>()?;
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let pages = Server::start(move |_| {
            counted.scrapes.fetch_add(1, Ordering::Relaxed);
            let turn = counted.next.fetch_add(1, Ordering::Relaxed) % variants.len();
            Answer::ok("text/plain; version=0.0.4", Arc::clone(&variants[turn])).header("Content-Encoding", "gzip")
        })?;
        let counted = Arc::clone(&counters);
        let sink = Server::start(move |request| match count_series(&request) {
            Some(series) => {
                counted.samples.fetch_add(series, Ordering::Relaxed);
                counted.wire_bytes.fetch_add(request.body.len() as u64, Ordering::Relaxed);
                if series > 0 {
                    counted.first.get_or_init(Instant::now);
                }
                Answer::status(204)
            }
            None => Answer::status(400),
        })?;
        Ok(Load { pages, sink, counters, series })
    }

    /// `HOST:PORT` of the page.
    pub(super) fn target(&self) -> String {
        self.pages.address()
    }

    /// Address that takes remote write.
    pub(super) fn write_url(&self) -> String {
        self.sink.url("/api/v1/write")
    }

    /// Series on the page.
    pub(super) fn series(&self) -> usize {
        self.series
    }

    /// What has come through so far.
    pub(super) fn counts(&self) -> Counts {
        let Counters { scrapes, samples, wire_bytes, first, .. } = self.counters.as_ref();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { scrapes: read(scrapes), samples: read(samples), wire_bytes: read(wire_bytes), first: first.get().copied() }
    }
}

fn compressed(page: &str) -> Result<Arc<[u8]>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::default());
    encoder.write_all(page.as_bytes()).context("cannot compress the page")?;
    Ok(encoder.finish().context("cannot compress the page")?.into())
}

/// Series in a remote-write 1.0 request (occurrences of field 1 at the outermost level); `None` when the body is not one.
fn count_series(request: &Message) -> Option<u64> {
    if snap::raw::decompress_len(&request.body).ok()? > REQUEST_BYTES_MAX {
        return None;
    }
    let plain = snap::raw::Decoder::new().decompress_vec(&request.body).ok()?;
    let (mut rest, mut series) = (plain.as_slice(), 0);
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        // Every field of the message is length-delimited (wire type 2).
        if key & 7 != 2 {
            return None;
        }
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        rest = rest.get(length..)?;
        series += u64::from(key >> 3 == 1);
    }
    Some(series)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::count_series;
    use warren_e2e::http::Message;

    #[test]
    fn only_series_are_counted_and_broken_requests_are_not_taken() {
        let compress = |plain: &[u8]| snap::raw::Encoder::new().compress_vec(plain).unwrap();
        let count = |body: Vec<u8>| count_series(&Message { body, ..Message::default() });
        // Two series (field 1), one piece of metadata (field 3).
        assert_eq!(count(compress(&[0x0a, 1, 0, 0x0a, 0, 0x1a, 2, 9, 9])), Some(2));
        assert_eq!(count(compress(&[])), Some(0));
        assert_eq!(count(compress(&[0x0a, 5, 0])), None, "a length beyond the end");
        assert_eq!(count(compress(&[0x08, 1])), None, "a number where a message belongs");
        assert_eq!(count(b"not snappy".to_vec()), None);
    }
}
