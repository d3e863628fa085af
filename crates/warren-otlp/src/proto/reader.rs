//! Protobuf's wire format, reading.

use crate::{DecodeError, Fault};

/// Wire types.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// Reads the fields of one message. It holds the whole request up to the end of its message, so that offsets are those of the request.
///
/// [`field`](Self::field) reads a tag; the methods after it read the field's value and check that it is encoded as they expect.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    message: &'static str,
    field: u32,
    wire: u8,
}

impl<'a> Reader<'a> {
    /// Reads a message that is all of `bytes`.
    pub(crate) fn new(bytes: &'a [u8], message: &'static str) -> Self {
        Self { bytes, at: 0, message, field: 0, wire: 0 }
    }

    /// An error at this place.
    #[cold]
    pub(crate) fn error(&self, fault: Fault) -> DecodeError {
        DecodeError::new(self.at, self.message, fault)
    }

    /// How many bytes are left of the message.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The number of the next field; `None` at the end of the message.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<u32>, DecodeError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.raw_varint()?;
        self.wire = (tag & 7) as u8;
        self.field = (tag >> 3) as u32;
        if self.field == 0 || self.field > i32::MAX as u32 {
            return Err(self.error(Fault::Tag(tag)));
        }
        Ok(Some(self.field))
    }

    /// Leaves out the value of a field that is not known.
    pub(crate) fn skip(&mut self) -> Result<(), DecodeError> {
        match self.wire {
            VARINT => self.raw_varint().map(|_| ()),
            FIXED64 => self.raw::<8>().map(|_| ()),
            BYTES => self.raw_bytes().map(|_| ()),
            FIXED32 => self.raw::<4>().map(|_| ()),
            3 | 4 => Err(self.error(Fault::Group(self.field))),
            _ => Err(self.error(Fault::Tag(u64::from(self.field) << 3 | u64::from(self.wire)))),
        }
    }

    /// `uint64`, `int64`.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        self.expect(VARINT)?;
        self.raw_varint()
    }

    /// `uint32`; higher bits are cut off.
    #[inline]
    pub(crate) fn uint32(&mut self) -> Result<u32, DecodeError> {
        self.varint().map(|value| value as u32)
    }

    /// `int32` and enumerations; higher bits are cut off.
    #[inline]
    pub(crate) fn int32(&mut self) -> Result<i32, DecodeError> {
        self.varint().map(|value| value as i32)
    }

    /// `sint32`.
    pub(crate) fn sint32(&mut self) -> Result<i32, DecodeError> {
        let value = self.uint32()?;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// `bool`.
    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        self.varint().map(|value| value != 0)
    }

    /// `fixed64`, `sfixed64`.
    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, DecodeError> {
        self.expect(FIXED64)?;
        self.raw().map(u64::from_le_bytes)
    }

    /// `double`.
    #[inline]
    pub(crate) fn double(&mut self) -> Result<f64, DecodeError> {
        self.fixed64().map(f64::from_bits)
    }

    /// `fixed32`.
    pub(crate) fn fixed32(&mut self) -> Result<u32, DecodeError> {
        self.expect(FIXED32)?;
        self.raw().map(u32::from_le_bytes)
    }

    /// `bytes`, `string`.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.expect(BYTES)?;
        self.raw_bytes()
    }

    /// An identity of `N` bytes; none at all is one of zeros.
    pub(crate) fn id<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Ok([0; N]);
        }
        <[u8; N]>::try_from(bytes).map_err(|_| self.error(Fault::IdLength { expected: N, found: bytes.len() }))
    }

    /// A message within this one.
    #[inline]
    pub(crate) fn message(&mut self, name: &'static str) -> Result<Reader<'a>, DecodeError> {
        let length = self.bytes()?.len();
        let bytes = self.bytes.get(..self.at).unwrap_or_default();
        Ok(Reader { bytes, at: self.at - length, message: name, field: 0, wire: 0 })
    }

    /// One value, or several packed, of `repeated fixed64`.
    pub(crate) fn fixed64s(&mut self, mut each: impl FnMut(u64)) -> Result<(), DecodeError> {
        if self.wire == FIXED64 {
            each(self.fixed64()?);
            return Ok(());
        }
        let (values, rest) = self.bytes()?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(self.error(Fault::Truncated));
        }
        values.iter().for_each(|value| each(u64::from_le_bytes(*value)));
        Ok(())
    }

    /// One value, or several packed, of `repeated uint64`.
    pub(crate) fn varints(&mut self, mut each: impl FnMut(u64) -> Result<(), Fault>) -> Result<(), DecodeError> {
        if self.wire == VARINT {
            let value = self.varint()?;
            return each(value).map_err(|fault| self.error(fault));
        }
        let mut packed = self.message(self.message)?;
        while packed.at < packed.bytes.len() {
            let value = packed.raw_varint()?;
            each(value).map_err(|fault| self.error(fault))?;
        }
        Ok(())
    }

    /// The messages of a repeated field that stand in a row from here on; their number can be trusted, and their bytes tell whether two
    /// rows are equal. Only for fields below 16, whose tag is one byte.
    #[inline]
    pub(crate) fn row(&mut self, name: &'static str) -> Result<Row<'a>, DecodeError> {
        self.expect(BYTES)?;
        let start = self.at;
        let tag = (self.field << 3) as u8 | BYTES;
        let mut count = 0;
        loop {
            self.raw_bytes()?;
            count += 1;
            match self.bytes.get(self.at) {
                Some(next) if *next == tag => self.at += 1,
                _ => break,
            }
        }
        let bytes = self.bytes.get(..self.at).unwrap_or_default();
        Ok(Row { reader: Reader { bytes, at: start, message: name, field: self.field, wire: BYTES }, count })
    }

    /// How often a field occurs from here to the end of the message, as far as it can be read.
    pub(crate) fn count(&self, field: u32) -> usize {
        let mut ahead = self.clone();
        let mut count = 0;
        while let Ok(Some(found)) = ahead.field() {
            count += usize::from(found == field);
            if ahead.skip().is_err() {
                break;
            }
        }
        count
    }

    #[inline]
    fn expect(&self, wire: u8) -> Result<(), DecodeError> {
        if self.wire == wire { Ok(()) } else { Err(self.wrong_wire()) }
    }

    #[cold]
    fn wrong_wire(&self) -> DecodeError {
        match self.wire {
            3 | 4 => self.error(Fault::Group(self.field)),
            wire => self.error(Fault::WireType { field: self.field, wire }),
        }
    }

    #[inline]
    fn raw_varint(&mut self) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.error(Fault::Truncated)) };
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.error(Fault::Varint))
    }

    #[inline]
    fn raw<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.error(Fault::Truncated)),
        }
    }

    #[inline]
    fn raw_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.raw_varint()?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => Err(self.error(Fault::Truncated)),
        }
    }
}

/// Messages of one repeated field that stand in a row.
#[derive(Clone)]
pub(crate) struct Row<'a> {
    reader: Reader<'a>,
    count: usize,
}

impl<'a> Row<'a> {
    /// How many messages there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// An error at its start.
    #[cold]
    pub(crate) fn error(&self, fault: Fault) -> DecodeError {
        self.reader.error(fault)
    }

    /// Their bytes, lengths included.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.reader.bytes.get(self.reader.at..).unwrap_or_default()
    }

    /// The next message.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Reader<'a>>, DecodeError> {
        if self.count == 0 {
            return Ok(None);
        }
        self.count -= 1;
        let message = self.reader.message(self.reader.message)?;
        // The tag before the one that follows.
        self.reader.at += usize::from(self.count > 0);
        Ok(Some(message))
    }
}
