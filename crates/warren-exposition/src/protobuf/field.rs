//! Fields of protobuf messages.

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// They break off.
    Short,
    /// They break the format.
    Reason(&'static str),
}

impl Bad {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Short => "a message breaks off",
            Self::Reason(reason) => reason,
        }
    }
}

/// A field's value by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Number(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Reads a number of seven bits a byte.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, Bad> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate() {
        if at >= 10 {
            return Err(Bad::Reason("integer overflow"));
        }
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or_default();
        if byte & 0x80 == 0 {
            *bytes = bytes.get(at + 1..).unwrap_or_default();
            return Ok(value);
        }
    }
    Err(Bad::Short)
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Bad> {
    let (head, tail) = bytes.split_first_chunk().ok_or(Bad::Short)?;
    *bytes = tail;
    Ok(*head)
}

/// Reads a field: its number and value. Leaves `bytes` as they are when it does not succeed.
pub(super) fn field<'a>(bytes: &mut &'a [u8], length_max: usize) -> Result<(u64, Value<'a>), Bad> {
    let mut rest = *bytes;
    let tag = varint(&mut rest)?;
    let number = tag >> 3;
    if number == 0 || number > u64::from(u32::MAX >> 3) {
        return Err(Bad::Reason("illegal tag"));
    }
    let value = match tag & 7 {
        0 => Value::Number(varint(&mut rest)?),
        1 => Value::Fixed64(u64::from_le_bytes(fixed(&mut rest)?)),
        2 => {
            let length = varint(&mut rest)?;
            let length = usize::try_from(length).ok().filter(|length| *length <= length_max);
            let length = length.ok_or(Bad::Reason("a field is too long"))?;
            let (head, tail) = rest.split_at_checked(length).ok_or(Bad::Short)?;
            rest = tail;
            Value::Bytes(head)
        }
        5 => Value::Fixed32(u32::from_le_bytes(fixed(&mut rest)?)),
        _ => return Err(Bad::Reason("groups are not supported")),
    };
    *bytes = rest;
    Ok((number, value))
}

/// All fields of a message.
pub(super) fn each<'a>(message: &'a [u8], mut take: impl FnMut(u64, Value<'a>) -> Result<(), Bad>) -> Result<(), Bad> {
    let mut rest = message;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest, usize::MAX)?;
        take(number, value)?;
    }
    Ok(())
}

impl<'a> Value<'a> {
    pub(super) fn number(self) -> Result<u64, Bad> {
        if let Self::Number(number) = self { Ok(number) } else { Err(Bad::Reason("wrong wire type")) }
    }

    pub(super) fn double(self) -> Result<f64, Bad> {
        if let Self::Fixed64(bits) = self { Ok(f64::from_bits(bits)) } else { Err(Bad::Reason("wrong wire type")) }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], Bad> {
        if let Self::Bytes(bytes) = self { Ok(bytes) } else { Err(Bad::Reason("wrong wire type")) }
    }

    /// Appends numbers, one or many packed into one field.
    pub(super) fn numbers(self, to: &mut Vec<u64>) -> Result<(), Bad> {
        match self {
            Self::Number(number) => to.push(number),
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    to.push(varint(&mut packed)?);
                }
            }
            Self::Fixed64(_) | Self::Fixed32(_) => return Err(Bad::Reason("wrong wire type")),
        }
        Ok(())
    }

    /// Appends doubles, one or many packed into one field.
    pub(super) fn doubles(self, to: &mut Vec<f64>) -> Result<(), Bad> {
        match self {
            Self::Fixed64(bits) => to.push(f64::from_bits(bits)),
            Self::Bytes(mut packed) => {
                while !packed.is_empty() {
                    to.push(f64::from_le_bytes(fixed(&mut packed)?));
                }
            }
            Self::Number(_) | Self::Fixed32(_) => return Err(Bad::Reason("wrong wire type")),
        }
        Ok(())
    }
}

/// A signed number, which protobuf interleaves with the unsigned ones.
pub(super) fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// UTF-8 text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Bad> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| Bad::Reason("text is not valid UTF-8"))
}
