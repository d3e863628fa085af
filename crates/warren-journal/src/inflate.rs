//! Payloads as they were before they were compressed: zstd, lz4 or xz, by the age of the writer.

use std::io::Read;
use zstd::zstd_safe;

/// Most bytes of one field. What would be longer counts as damaged: no service writes it, and a few bytes can ask for it.
pub const FIELD_BYTES_MAX: usize = 16 << 20;

/// Room that is kept from one payload to the next.
const KEPT_BYTES: usize = 256 << 10;

const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;
const COMPRESSED: u8 = XZ | LZ4 | ZSTD;

/// Memory that xz may ask for, in KiB: the window of `xz -6` and a little.
const XZ_MEMORY_KIB: u32 = 16 << 10;

/// Inflates payloads into one buffer.
#[derive(Default)]
pub(crate) struct Inflate {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    buffer: Vec<u8>,
}

impl Inflate {
    /// The payload of a data object with these flags; an error is what is wrong with it.
    pub(crate) fn payload<'a>(&'a mut self, flags: u8, payload: &'a [u8]) -> Result<&'a [u8], &'static str> {
        match flags & COMPRESSED {
            0 => return Ok(payload),
            LZ4 => self.lz4(payload)?,
            ZSTD => self.zstd(payload)?,
            XZ => self.xz(payload)?,
            _ => return Err("data compressed in two ways"),
        }
        Ok(&self.buffer)
    }

    /// How long the payload is, where that can be told without inflating it.
    pub(crate) fn len(flags: u8, payload: &[u8]) -> Option<u64> {
        match flags & COMPRESSED {
            0 => Some(payload.len() as u64),
            LZ4 => payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
            ZSTD => zstd_safe::get_frame_content_size(payload).ok().flatten(),
            _ => None,
        }
    }

    fn room(&mut self, len: usize) -> Result<(), &'static str> {
        const TOO_LONG: &str = "a field that is too long";
        if len > FIELD_BYTES_MAX {
            return Err(TOO_LONG);
        }
        self.buffer.clear();
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        self.buffer.reserve(len);
        Ok(())
    }

    fn lz4(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        let (len, block) = payload.split_first_chunk().ok_or("lz4 data without its length")?;
        let len = usize::try_from(u64::from_le_bytes(*len)).unwrap_or(usize::MAX);
        self.room(len)?;
        self.buffer.resize(len, 0);
        match lz4_flex::block::decompress_into(block, &mut self.buffer) {
            Ok(done) if done == len => Ok(()),
            _ => Err("lz4 data that does not inflate"),
        }
    }

    fn zstd(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        const BROKEN: &str = "zstd data that does not inflate";
        let mut len = match zstd_safe::get_frame_content_size(payload) {
            Ok(Some(len)) => usize::try_from(len).unwrap_or(usize::MAX),
            Ok(None) => payload.len() * 8,
            Err(_) => return Err(BROKEN),
        };
        let told = matches!(zstd_safe::get_frame_content_size(payload), Ok(Some(_)));
        loop {
            self.room(len)?;
            if self.zstd.is_none() {
                self.zstd = zstd::bulk::Decompressor::new().ok();
            }
            let zstd = self.zstd.as_mut().ok_or("no memory for zstd")?;
            match zstd.decompress_to_buffer(payload, &mut self.buffer) {
                Ok(_) => return Ok(()),
                // A frame that does not tell its length is tried with more room.
                Err(_) if !told && len < FIELD_BYTES_MAX => len = (len * 8).min(FIELD_BYTES_MAX),
                Err(_) => return Err(BROKEN),
            }
        }
    }

    fn xz(&mut self, payload: &[u8]) -> Result<(), &'static str> {
        self.room(payload.len())?;
        let reader = lzma_rust2::XzReader::new_mem_limit(payload, false, XZ_MEMORY_KIB);
        match reader.take(FIELD_BYTES_MAX as u64 + 1).read_to_end(&mut self.buffer) {
            Ok(len) if len <= FIELD_BYTES_MAX => Ok(()),
            Ok(_) => Err("a field that is too long"),
            Err(_) => Err("xz data that does not inflate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{lz4, xz};
    use proptest::prelude::*;

    #[test]
    fn each_way_of_compressing_is_undone() {
        let plain = "MESSAGE=".to_owned() + &"closing AMQP connection ".repeat(1000);
        let plain = plain.as_bytes();
        let mut inflate = Inflate::default();
        for (flags, payload) in [
            (0, plain.to_vec()),
            (XZ, xz(plain)),
            (LZ4, lz4(plain)),
            (ZSTD, zstd::bulk::compress(plain, 1).unwrap()),
            (ZSTD, zstd::stream::encode_all(plain, 1).unwrap()),
        ] {
            assert_eq!(inflate.payload(flags, &payload), Ok(plain), "{flags}");
        }
        assert_eq!(Inflate::len(LZ4, &lz4(plain)), Some(plain.len() as u64));
        assert_eq!(Inflate::len(ZSTD, &zstd::bulk::compress(plain, 1).unwrap()), Some(plain.len() as u64));
        assert!(inflate.payload(XZ | LZ4, plain).is_err());
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let bomb = vec![0; FIELD_BYTES_MAX + 1];
        let mut inflate = Inflate::default();
        for (flags, payload) in [(XZ, xz(&bomb)), (LZ4, lz4(&bomb)), (ZSTD, zstd::bulk::compress(&bomb, 1).unwrap())] {
            assert!(inflate.payload(flags, &payload).is_err());
            assert!(inflate.buffer.capacity() <= 4 * FIELD_BYTES_MAX);
        }
        assert!(inflate.payload(LZ4, &u64::MAX.to_le_bytes()).is_err());
        assert!(inflate.payload(LZ4, b"short").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_inflated(flags in 0u8..8, payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Inflate::default().payload(flags, &payload);
        }
    }
}
