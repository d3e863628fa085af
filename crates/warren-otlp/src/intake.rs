//! What both decoders share: pooled text, and a budget of memory.

use crate::Fault;
use std::borrow::Cow;
use warren_pdata::{Bounds, HistogramPoint, Text, TextPool};

/// How deep values may be nested in values.
pub const DEPTH_MAX: usize = 64;

/// How many times its own size a request may take in memory, beyond [`EXPANSION_FREE`]. Ordinary requests take two to five times; two bytes
/// are enough for an empty span, which takes a hundred times that.
pub const EXPANSION_MAX: usize = 16;

/// Memory any request may take.
pub const EXPANSION_FREE: usize = 1024 * 1024;

/// Values of attributes that are looked for in the pool before it is judged whether looking is worth it.
const TRIAL: u32 = 512;

/// Pooled text and the budget of one request.
pub(crate) struct Intake {
    texts: TextPool,
    room: usize,
    /// Values that were looked for in the pool.
    looked: u32,
}

impl Intake {
    /// For a request of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self { texts: TextPool::default(), room: EXPANSION_FREE.saturating_add(bytes.saturating_mul(EXPANSION_MAX)), looked: 0 }
    }

    /// Charges the budget for `count` more of `T`.
    pub(crate) fn charge<T>(&mut self, count: usize) -> Result<(), Fault> {
        let bytes = count.saturating_mul(size_of::<T>());
        self.room = self.room.checked_sub(bytes).ok_or(Fault::Expansion)?;
        Ok(())
    }

    /// The key of an attribute, when it may be known beforehand what it is.
    #[inline]
    pub(crate) fn key_like(&mut self, bytes: &[u8], like: Option<&Text>) -> Text {
        same(bytes, like).unwrap_or_else(|| self.texts.key(&readable(bytes)))
    }

    /// Text that is likely to be met again: names, attribute values.
    pub(crate) fn pooled(&mut self, bytes: &[u8]) -> Text {
        self.texts.get(&readable(bytes))
    }

    /// The same, when it may be known beforehand what it is.
    #[inline]
    pub(crate) fn pooled_like(&mut self, bytes: &[u8], like: Option<&Text>) -> Text {
        same(bytes, like).unwrap_or_else(|| self.pooled(bytes))
    }

    /// The value of an attribute. Where values hardly repeat, as process ids in log records, they are not looked for in the pool.
    #[inline]
    pub(crate) fn value_like(&mut self, bytes: &[u8], like: Option<&Text>) -> Text {
        if let Some(text) = same(bytes, like) {
            return text;
        }
        if self.looked > TRIAL && self.texts.len() as u32 > self.looked - self.looked / 8 {
            return single(bytes);
        }
        self.looked = self.looked.saturating_add(1);
        self.pooled(bytes)
    }
}

/// The text that it was taken for, if it is that.
#[inline]
fn same(bytes: &[u8], like: Option<&Text>) -> Option<Text> {
    like.filter(|like| like.as_bytes() == bytes).map(warren_pdata::share)
}

/// Text that is unlikely to be met again: bodies, messages.
pub(crate) fn single(bytes: &[u8]) -> Text {
    if bytes.is_empty() { Text::new() } else { Text::from(&*readable(bytes)) }
}

fn readable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Makes the bounds of neighbouring points one where they are equal to the bit.
pub(crate) fn share_bounds(points: &mut [HistogramPoint]) {
    let mut last = Bounds::default();
    for point in points {
        let equal =
            last.len() == point.bounds.len() && last.iter().zip(point.bounds.iter()).all(|(a, b)| a.to_bits() == b.to_bits());
        if equal {
            point.bounds = last.clone();
        } else {
            last = point.bounds.clone();
        }
    }
}
