//! Content codings: how bodies are compressed on the way.
//!
//! A sender compresses a whole body with [`compress`]; a server decompresses a whole body with [`decompress`], which never makes more
//! bytes than it is allowed. A response that is read as it comes is inflated piece by piece with [`Inflater`].

mod decode;
mod inflate;

pub use decode::{DecodeError, decompress};
pub use inflate::{CorruptStream, Inflater};

use std::io::Write;
use warren_config::Keyword;

/// A content coding, by upstream's names (`configcompression.Type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950.
    Zlib,
    /// What HTTP calls deflate: RFC 1950 as well.
    Deflate,
    /// Snappy's block format.
    Snappy,
    /// Snappy's framing format.
    SnappyFramed,
    /// LZ4's frame format.
    Lz4,
}

impl Keyword for Coding {
    const TYPE: &'static str = "configcompression.Type";
    const WORDS: &'static [(&'static str, Self)] = &[
        // The empty word first: it is the one in which a setting is written down, and remote write knows no "none".
        ("", Self::Identity),
        ("none", Self::Identity),
        ("gzip", Self::Gzip),
        ("zstd", Self::Zstd),
        ("zlib", Self::Zlib),
        ("deflate", Self::Deflate),
        ("snappy", Self::Snappy),
        ("x-snappy-framed", Self::SnappyFramed),
        ("lz4", Self::Lz4),
    ];

    fn unknown(word: &str) -> String {
        format!("unsupported compression type {word:?}")
    }
}

impl Coding {
    /// The coding that a `Content-Encoding` header names; no header, or an empty one, is [`Coding::Identity`].
    pub fn from_header(value: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(word, coding)| *word == value && *word != "none" || value.is_empty() && *coding == Self::Identity)
            .map(|(_, coding)| *coding)
    }

    /// The name in `Content-Encoding` and in configurations; empty for [`Coding::Identity`].
    pub fn name(self) -> &'static str {
        Self::WORDS.iter().find(|(_, coding)| *coding == self).map_or("", |(word, _)| word)
    }

    /// Whether a level may be given, and this one.
    pub fn accepts_level(self, level: i32) -> bool {
        match self {
            Self::Gzip | Self::Zlib | Self::Deflate => (-2..=9).contains(&level),
            Self::Zstd => true,
            _ => level == 0,
        }
    }
}

/// Why a body could not be compressed.
#[derive(Debug, thiserror::Error)]
#[error("cannot compress as {coding}: {source}")]
pub struct CompressError {
    coding: &'static str,
    source: std::io::Error,
}

/// Compresses a body. A `level` of 0 means the coding's default: 6 for gzip, zlib and deflate, the fastest for zstd.
///
/// # Errors
/// When the coding's library gives up; no body by itself causes that.
pub fn compress(coding: Coding, level: i32, body: &[u8]) -> Result<Vec<u8>, CompressError> {
    let compressed = match coding {
        Coding::Identity => Ok(body.to_vec()),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(body.len() / 4), deflate_level(level));
            encoder.write_all(body).and_then(|()| encoder.finish())
        }
        Coding::Zlib | Coding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::with_capacity(body.len() / 4), deflate_level(level));
            encoder.write_all(body).and_then(|()| encoder.finish())
        }
        Coding::Zstd => zstd::bulk::compress(body, zstd_level(level)),
        Coding::Snappy => snap::raw::Encoder::new().compress_vec(body).map_err(std::io::Error::from),
        Coding::SnappyFramed => {
            let mut encoder = snap::write::FrameEncoder::new(Vec::with_capacity(body.len() / 2));
            encoder
                .write_all(body)
                .and_then(|()| encoder.into_inner().map_err(|error| std::io::Error::from(error.error().kind())))
        }
        Coding::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::with_capacity(body.len() / 2));
            encoder.write_all(body).and_then(|()| encoder.finish().map_err(std::io::Error::from))
        }
    };
    compressed.map_err(|source| CompressError { coding: coding.name(), source })
}

/// Go's levels: 0 stands for "not given" here, -1 for the default, -2 for entropy coding alone, which is nearest to the fastest.
fn deflate_level(level: i32) -> flate2::Compression {
    match level {
        -2 => flate2::Compression::fast(),
        1..=9 => flate2::Compression::new(level.unsigned_abs()),
        _ => flate2::Compression::default(),
    }
}

/// Upstream knows four speeds, each for a range of zstd's levels.
fn zstd_level(level: i32) -> i32 {
    match level {
        ..3 => 1,
        3..6 => 3,
        6..10 => 7,
        10.. => 11,
    }
}

#[cfg(test)]
mod tests;
