//! Protobuf, written forward into one buffer.

/// Wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;

/// Appends a varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a varint.
pub(crate) fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Maps signed numbers to unsigned ones so that small ones stay short (`sint32`, `sint64`).
pub(crate) fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)) as u64
}

/// Appends a number, also when it is zero.
pub(crate) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field << 3 | VARINT));
    varint(out, value);
}

/// Appends a number unless it is zero.
pub(crate) fn number_unless_zero(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        number(out, field, value);
    }
}

/// Appends a double unless it is zero. The sign of a zero is lost, as in every proto3 encoder that compares values.
pub(crate) fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    if value != 0.0 {
        varint(out, u64::from(field << 3 | FIXED64));
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Appends text unless it is empty.
pub(crate) fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    if !value.is_empty() {
        varint(out, u64::from(field << 3 | BYTES));
        varint(out, value.len() as u64);
        out.extend_from_slice(value.as_bytes());
    }
}

/// Appends a message whose content `write` appends. `room` is how many bytes its length probably takes.
#[inline]
pub(crate) fn message(out: &mut Vec<u8>, field: u32, room: usize, write: impl FnOnce(&mut Vec<u8>)) {
    varint(out, u64::from(field << 3 | BYTES));
    let start = out.len();
    out.resize(start + room, 0);
    write(out);
    let len = out.len() - start - room;
    let needed = varint_len(len as u64);
    if needed > room {
        out.splice(start..start, std::iter::repeat_n(0, needed - room));
    } else if needed < room {
        out.drain(start..start + room - needed);
    }
    let mut rest = len;
    if let Some((last, others)) = out.get_mut(start..start + needed).and_then(|length| length.split_last_mut()) {
        for byte in others {
            *byte = rest as u8 | 0x80;
            rest >>= 7;
        }
        *last = rest as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_gets_the_length_it_needs() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
            for room in 1..=3 {
                let mut out = vec![7];
                message(&mut out, 1, room, |out| out.resize(out.len() + len, 5));
                let mut expected = vec![7, 0x0a];
                varint(&mut expected, len as u64);
                expected.resize(expected.len() + len, 5);
                assert_eq!(out, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn prop_varints_have_the_announced_length_and_value(value in any::<u64>()) {
            for value in [value, value >> 57, value >> 32] {
                let mut out = Vec::new();
                varint(&mut out, value);
                prop_assert_eq!(out.len(), varint_len(value));
                prop_assert_eq!(prost::encoding::decode_varint(&mut out.as_slice()).unwrap(), value);
            }
        }
    }
}
