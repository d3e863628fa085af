//! Inflating gzip and zlib streams piece by piece.

use flate2::{Decompress, FlushDecompress, Status};

/// The largest history deflate knows.
const WINDOW_BITS: u8 = 15;

/// The bytes are no stream of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CorruptStream(String);

/// Inflates a gzip or zlib stream as its bytes come. A gzip stream may have several members.
pub struct Inflater {
    state: Decompress,
    format: Format,
    /// Between members, where a stream may end.
    at_end: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    Gzip,
    Zlib,
}

impl Format {
    fn state(self) -> Decompress {
        match self {
            Self::Gzip => Decompress::new_gzip(WINDOW_BITS),
            Self::Zlib => Decompress::new(true),
        }
    }
}

impl Inflater {
    /// For a gzip stream.
    pub fn gzip() -> Self {
        Self::new(Format::Gzip)
    }

    /// For a zlib stream.
    pub fn zlib() -> Self {
        Self::new(Format::Zlib)
    }

    fn new(format: Format) -> Self {
        Self { state: format.state(), format, at_end: false }
    }

    /// Inflates what comes next into `output`: how many bytes were taken, and how many made. Both are zero when more input is needed
    /// (or there is no room); call again while either is not.
    ///
    /// # Errors
    /// When the bytes are no such stream, or their checksum is wrong.
    pub fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), CorruptStream> {
        if self.at_end {
            if input.is_empty() {
                return Ok((0, 0));
            }
            if self.format == Format::Zlib {
                return Err(CorruptStream("data after the end of the stream".to_owned()));
            }
            self.state = self.format.state();
            self.at_end = false;
        }
        let (taken, made) = (self.state.total_in(), self.state.total_out());
        let status =
            self.state.decompress(input, output, FlushDecompress::None).map_err(|error| CorruptStream(error.to_string()))?;
        self.at_end = status == Status::StreamEnd;
        let difference = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
        Ok((difference(self.state.total_in(), taken), difference(self.state.total_out(), made)))
    }

    /// Whether the stream may end here.
    pub fn is_complete(&self) -> bool {
        self.at_end
    }
}
