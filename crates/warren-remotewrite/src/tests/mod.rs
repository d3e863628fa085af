//! Whole batches, encoded and read back by a decoder of another make.

mod cases;
mod decode;
mod model;
mod random;

use crate::{Encoding, Limits, Part, Protocol, Step, Translation};
use warren_pdata::Metrics;
use warren_promname::MetricNamer;

/// Limits that nothing reaches.
const WIDE: Limits = Limits { protocol: Protocol::V1, bytes: 3_000_000, metadata: false };

/// The exporter's defaults.
fn defaults() -> Translation {
    Translation { namer: MetricNamer { namespace: String::new(), suffixes: true }, target_info: true, ..Translation::default() }
}

/// All parts of a batch from some positions on.
fn parts_of(batch: &Metrics, translation: &Translation, limits: Limits, positions: std::ops::Range<u64>) -> Vec<Part> {
    let mut encoding = Encoding::new(batch, translation, limits);
    encoding.seek(positions);
    let mut parts = Vec::new();
    loop {
        match encoding.step().unwrap() {
            Step::Busy => {}
            Step::Part(part) => parts.push(part),
            Step::End => return parts,
        }
    }
}

/// All series of a batch as version 1.0 has them.
fn series_of(batch: &Metrics, translation: &Translation) -> Vec<decode::TimeSeries> {
    parts_of(batch, translation, WIDE, 0..u64::MAX).iter().flat_map(|part| decode::v1(&part.body).timeseries).collect()
}
