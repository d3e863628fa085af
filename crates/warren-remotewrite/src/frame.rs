//! The body of a request as it grows: protobuf in a small window, compressed behind it.
//!
//! A snappy block is a length and a sequence of elements that never reach back over 64 KiB of content. So the content is compressed
//! window by window, and the length put in front at the end.

use crate::encoding::EncodeError;
use bytes::Bytes;
use snap::raw::{Encoder, max_compress_len};

/// Content that is compressed at once, at most: snappy's own block size.
const BLOCK_BYTES: usize = 1 << 16;

/// A window with more content than this is compressed; the next series probably would not fit into the block.
const WINDOW_BYTES_MAX: usize = BLOCK_BYTES - 1024;

/// Room for the length in front: a varint of 32 bits.
const HEADER_BYTES: usize = 5;

/// A request body under construction.
pub(crate) struct Frame {
    /// Content that is not compressed yet.
    pub(crate) window: Vec<u8>,
    body: Vec<u8>,
    /// Content that is compressed.
    behind: usize,
    encoder: Encoder,
    block: Vec<u8>,
}

impl Frame {
    pub(crate) fn new() -> Self {
        Self { window: Vec::new(), body: Vec::new(), behind: 0, encoder: Encoder::new(), block: Vec::new() }
    }

    /// Bytes of content.
    pub(crate) fn len(&self) -> usize {
        self.behind + self.window.len()
    }

    /// Compresses the window if there is enough in it.
    pub(crate) fn settle(&mut self) -> Result<(), EncodeError> {
        if self.window.len() > WINDOW_BYTES_MAX {
            let window = std::mem::take(&mut self.window);
            let done = self.compress(&window);
            self.window = window;
            self.window.clear();
            return done;
        }
        Ok(())
    }

    /// The body that holds `first` and then everything written so far. The frame is empty then.
    pub(crate) fn finish(&mut self, first: &[u8]) -> Result<Bytes, EncodeError> {
        let window = std::mem::take(&mut self.window);
        let done = self.compress(first).and_then(|()| self.compress(&window));
        self.window = window;
        self.window.clear();
        let len = std::mem::take(&mut self.behind);
        // The next body will be about as large.
        let next = Vec::with_capacity(self.body.len() + self.body.len() / 16);
        let mut body = std::mem::replace(&mut self.body, next);
        done?;
        let mut header = Vec::with_capacity(HEADER_BYTES);
        crate::proto::varint(&mut header, len as u64);
        let start = HEADER_BYTES.checked_sub(header.len()).ok_or(EncodeError::TooLarge)?;
        body.splice(start..HEADER_BYTES, header);
        Ok(Bytes::from(body).slice(start..))
    }

    /// Appends content as elements, without a length of its own.
    fn compress(&mut self, content: &[u8]) -> Result<(), EncodeError> {
        if self.body.is_empty() {
            self.body.resize(HEADER_BYTES, 0);
        }
        for block in content.chunks(BLOCK_BYTES) {
            let room = max_compress_len(block.len());
            if self.block.len() < room {
                self.block.resize(room, 0);
            }
            let written = self.encoder.compress(block, &mut self.block).map_err(|_| EncodeError::TooLarge)?;
            let header = crate::proto::varint_len(block.len() as u64);
            self.body.extend_from_slice(self.block.get(header..written).unwrap_or_default());
            self.behind += block.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_a_body_is_a_snappy_block_of_all_that_was_written(
            pieces in proptest::collection::vec((any::<u8>(), 0usize..90_000), 0..8),
            first in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut frame = Frame::new();
            for _ in 0..2 {
                let mut expected = first.clone();
                for (byte, len) in &pieces {
                    let piece: Vec<u8> = (0..*len).map(|at| byte.wrapping_mul((at / 7) as u8)).collect();
                    frame.window.extend_from_slice(&piece);
                    expected.extend_from_slice(&piece);
                    if first.is_empty() {
                        frame.settle().unwrap();
                        prop_assert!(frame.window.len() <= WINDOW_BYTES_MAX);
                    }
                    prop_assert_eq!(frame.len(), expected.len() - first.len());
                }
                let body = frame.finish(&first).unwrap();
                prop_assert_eq!(snap::raw::Decoder::new().decompress_vec(&body).unwrap(), expected);
            }
        }
    }
}
