//! The identity of a collector: 16 bytes, a UUID of version 7 where we make it.

use std::fmt;
use std::str::FromStr;

/// The digits of ULID texts, in which collectors of old give their identity.
const ULID_DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Who a collector is to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceUid([u8; 16]);

/// What is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an instance uid has 16 bytes, or is a ULID of 26 characters")]
pub struct BadUid;

impl InstanceUid {
    /// A new one: version 7, from the milliseconds since 1970 and ten random bytes.
    pub fn new(milliseconds: u64, random: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let (time, rest) = bytes.split_at_mut(6);
        time.copy_from_slice(milliseconds.to_be_bytes().get(2..).unwrap_or(&[0; 6]));
        rest.copy_from_slice(&random);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// As a message has it: 16 bytes, or the 26 characters of a ULID.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_wire(bytes: &[u8]) -> Result<Self, BadUid> {
        if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
            return Ok(Self(bytes));
        }
        if bytes.len() != 26 {
            return Err(BadUid);
        }
        let mut value: u128 = 0;
        for (at, digit) in bytes.iter().enumerate() {
            let digit = ULID_DIGITS.iter().position(|known| *known == digit.to_ascii_uppercase()).ok_or(BadUid)?;
            // 26 digits of five bits are two bits more than there is room for.
            if at == 0 && digit > 7 {
                return Err(BadUid);
            }
            value = value << 5 | digit as u128;
        }
        Ok(Self(value.to_be_bytes()))
    }

    /// The bytes that messages carry.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for InstanceUid {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// As UUIDs are written.
impl fmt::Display for InstanceUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for InstanceUid {
    type Err = BadUid;

    /// From a UUID's text, or a ULID.
    fn from_str(text: &str) -> Result<Self, BadUid> {
        if text.len() == 26 {
            return Self::from_wire(text.as_bytes());
        }
        let shape =
            text.len() == 36 && text.bytes().enumerate().all(|(at, byte)| (byte == b'-') == matches!(at, 8 | 13 | 18 | 23));
        let digits: String = text.chars().filter(|letter| *letter != '-').collect();
        if !shape || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadUid);
        }
        u128::from_str_radix(&digits, 16).map(|value| Self(value.to_be_bytes())).map_err(|_| BadUid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_and_bytes_mean_the_same(bytes: [u8; 16]) {
            let uid = InstanceUid::from(bytes);
            prop_assert_eq!(uid.to_string().parse(), Ok(uid));
            prop_assert_eq!(InstanceUid::from_wire(&bytes), Ok(uid));
            let mut value = u128::from_be_bytes(bytes);
            let mut ulid = vec![0; 26];
            for digit in ulid.iter_mut().rev() {
                *digit = ULID_DIGITS[(value & 31) as usize];
                value >>= 5;
            }
            prop_assert_eq!(InstanceUid::from_wire(&ulid), Ok(uid));
        }

        #[test]
        fn other_texts_and_bytes_are_none(text in "\\PC{0,40}") {
            if let Ok(uid) = text.parse::<InstanceUid>() {
                prop_assert!(uid.to_string() == text.to_lowercase() || text.len() == 26);
            }
            let _ = InstanceUid::from_wire(text.as_bytes());
        }
    }

    #[test]
    fn a_new_one_is_of_version_seven_and_sorts_by_time() {
        let (early, late) = (InstanceUid::new(1, [0xff; 10]), InstanceUid::new(2, [0; 10]));
        assert!(early < late);
        assert_eq!(early.to_string(), "00000000-0001-7fff-bfff-ffffffffffff");
    }

    #[test]
    fn other_lengths_and_digits_are_refused() {
        for bytes in [&b""[..], b"123456789012345", b"8ZZZZZZZZZZZZZZZZZZZZZZZZZ", b"0123456789012345678901234U"] {
            assert_eq!(InstanceUid::from_wire(bytes), Err(BadUid));
        }
        assert_eq!("0000000-00001-7fff-bfff-ffffffffffff".parse::<InstanceUid>(), Err(BadUid));
    }
}
