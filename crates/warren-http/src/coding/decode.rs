//! Decompressing whole bodies within a bound.

use super::{Coding, Inflater};
use std::io::Read;

/// The largest window a zstd frame may ask for, as a power of two: what `zstd --ultra` uses at most without being told `--long`.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// How a framed snappy stream begins. Some senders call that `snappy`, which is the block format.
const SNAPPY_STREAM_IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// What is inflated at a time.
const PIECE: usize = 32 * 1024;

/// Why a body could not be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It becomes larger than allowed. Upstream's text.
    #[error("http: request body too large")]
    TooLarge,
    /// It is not what it says it is.
    #[error("{coding}: {message}")]
    Corrupt {
        /// The coding by name.
        coding: &'static str,
        /// What the decoder said.
        message: String,
    },
}

/// Decompresses a body into at most `limit` bytes.
///
/// # Errors
/// When it would become larger, or is cut short or corrupt.
pub fn decompress(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    match coding {
        Coding::Identity if body.len() > limit => Err(DecodeError::TooLarge),
        Coding::Identity => Ok(body.to_vec()),
        Coding::Gzip => inflate(Inflater::gzip(), coding, body, limit),
        Coding::Zlib | Coding::Deflate => inflate(Inflater::zlib(), coding, body, limit),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|error| corrupt(coding, &error))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|error| corrupt(coding, &error))?;
            read(decoder, coding, body, limit)
        }
        Coding::Snappy if !body.starts_with(SNAPPY_STREAM_IDENTIFIER) => {
            let length = snap::raw::decompress_len(body).map_err(|error| corrupt(coding, &error))?;
            if length > limit {
                return Err(DecodeError::TooLarge);
            }
            snap::raw::Decoder::new().decompress_vec(body).map_err(|error| corrupt(coding, &error))
        }
        Coding::Snappy | Coding::SnappyFramed => read(snap::read::FrameDecoder::new(body), coding, body, limit),
        Coding::Lz4 => read(lz4_flex::frame::FrameDecoder::new(body), coding, body, limit),
    }
}

fn inflate(mut inflater: Inflater, coding: Coding, mut body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut whole = Vec::with_capacity(expected(body, limit));
    loop {
        let start = whole.len();
        whole.resize(start + PIECE, 0);
        let (taken, made) =
            inflater.inflate(body, whole.get_mut(start..).unwrap_or_default()).map_err(|error| corrupt(coding, &error))?;
        whole.truncate(start + made);
        body = body.get(taken..).unwrap_or_default();
        if whole.len() > limit {
            return Err(DecodeError::TooLarge);
        }
        if taken == 0 && made == 0 {
            break;
        }
    }
    if !inflater.is_complete() {
        return Err(corrupt(coding, &"unexpected EOF"));
    }
    Ok(whole)
}

fn read(decoder: impl Read, coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut whole = Vec::with_capacity(expected(body, limit));
    let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(allowed).read_to_end(&mut whole).map_err(|error| corrupt(coding, &error))?;
    if whole.len() > limit { Err(DecodeError::TooLarge) } else { Ok(whole) }
}

/// What the result is likely to need: telemetry shrinks to about a quarter or less.
fn expected(body: &[u8], limit: usize) -> usize {
    body.len().saturating_mul(4).min(limit)
}

fn corrupt(coding: Coding, error: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::Corrupt { coding: coding.name(), message: error.to_string() }
}
