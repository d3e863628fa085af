//! 128-bit ids, as systemd has them for files, boots, machines and sequences.

use std::fmt;

/// A 128-bit id; shown as 32 lower hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub u128);

impl Id {
    /// The id of 16 bytes as they stand in a file.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Reads 32 hexadecimal digits, or the dashed form of a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() == 36 {
            let dashes = [8, 13, 18, 23].iter().all(|&at| text.as_bytes().get(at) == Some(&b'-'));
            return if dashes { Self::parse(&text.replace('-', "")) } else { None };
        }
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits { u128::from_str_radix(text, 16).ok().map(Self) } else { None }
    }

    /// Whether it is the id of nothing.
    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_and_nothing_else() {
        let id = Id::parse("0123456789abcdef0123456789ABCDEF").unwrap();
        assert_eq!(id.to_string(), "0123456789abcdef0123456789abcdef");
        assert_eq!(Id::parse("01234567-89ab-cdef-0123-456789abcdef"), Some(id));
        for wrong in ["", "1", "+123456789abcdef0123456789abcdef0", "01234567-89ab-cdef-0123456789abcdef0"] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
    }
}
