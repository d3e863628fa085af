//! Base64 as Go reads it: line ends are passed over, bits beyond the last byte do not matter, and a fault has its place.

use crate::Failure;

/// Which characters stand for which bits, and whether the end is filled up.
#[derive(Clone, Copy)]
pub(super) struct Alphabet {
    last: [u8; 2],
    padded: bool,
}

impl Alphabet {
    pub(super) const STANDARD: Self = Self { last: *b"+/", padded: true };

    /// The alphabet that `Decode` knows by this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "base64" => Self::STANDARD,
            "base64-raw" => Self { last: *b"+/", padded: false },
            "base64-url" => Self { last: *b"-_", padded: true },
            "base64-raw-url" => Self { last: *b"-_", padded: false },
            _ => return None,
        })
    }

    fn bits(self, byte: u8) -> Option<u32> {
        Some(u32::from(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            _ if byte == self.last[0] => 62,
            _ if byte == self.last[1] => 63,
            _ => return None,
        }))
    }
}

/// The bytes that a text stands for.
///
/// # Errors
/// Where a character cannot stand.
pub(super) fn decode(text: &[u8], alphabet: Alphabet) -> Result<Vec<u8>, Failure> {
    let illegal = |place: usize| Failure::new(format!("illegal base64 data at input byte {place}"));
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut rest = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    loop {
        let mut group = 0;
        let mut characters = 0;
        let mut ended = false;
        while characters < 4 {
            match rest.next() {
                None if characters == 0 => return Ok(out),
                None if characters == 1 || alphabet.padded => return Err(illegal(text.len() - characters)),
                None => {
                    ended = true;
                    break;
                }
                Some((place, byte)) => match alphabet.bits(byte) {
                    Some(bits) => group |= bits << (18 - 6 * characters),
                    None if byte == b'=' && alphabet.padded && characters >= 2 => {
                        let second = if characters == 2 { rest.next() } else { Some((place, b'=')) };
                        match second {
                            Some((_, b'=')) => {}
                            Some((second, _)) => return Err(illegal(second - 1)),
                            None => return Err(illegal(text.len())),
                        }
                        if let Some((place, _)) = rest.next() {
                            return Err(illegal(place));
                        }
                        ended = true;
                        break;
                    }
                    None => return Err(illegal(place)),
                },
            }
            characters += 1;
        }
        let bytes = group.to_be_bytes();
        out.extend(bytes.iter().skip(1).take(characters.saturating_sub(1)));
        if ended {
            return Ok(out);
        }
    }
}
