//! A field's value as upstream's record has it: what `journalctl -o json` writes, read back.

use warren_pdata::{Text, Value};

/// Bytes that become numbers at most; a number takes sixteen times its byte. More become text.
const NUMBERS_MAX: usize = 64 << 10;

/// The value of a field: text where it is, else the list of its bytes as numbers.
pub(crate) fn of_field(bytes: &[u8], to_text: bool) -> Value {
    match text(bytes) {
        Some(text) => Value::Str(Text::from(text)),
        None if to_text || bytes.len() > NUMBERS_MAX => Value::Str(Text::from(String::from_utf8_lossy(bytes).as_ref())),
        None => Value::list(bytes.iter().map(|byte| Value::Double(f64::from(*byte))).collect::<Vec<_>>()),
    }
}

/// The bytes as text, if `journalctl` takes them for such.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let plain = bytes.iter().all(|byte| (b' '..0x7f).contains(byte) || matches!(byte, b'\t' | b'\n'));
    (plain || text.chars().all(is_printable)).then_some(text)
}

/// Tab and line end count as printable; control characters and what Unicode keeps for no character do not.
fn is_printable(letter: char) -> bool {
    let code = u32::from(letter);
    let none = (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe;
    matches!(letter, '\t' | '\n') || !letter.is_control() && !none
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_journalctl_prints_as_text_is_text_and_the_rest_numbers() {
        for plain in ["", "a\tb\nc", "grün 🐇", "x=y"] {
            assert_eq!(of_field(plain.as_bytes(), false), Value::from(plain));
        }
        let numbers = |bytes: &[u8]| Value::list(bytes.iter().map(|byte| Value::Double(f64::from(*byte))).collect::<Vec<_>>());
        for odd in [
            &b"\x1b[31m"[..],
            b"a\rb",
            b"\0",
            b"\xff",
            b"\x7f",
            "\u{85}".as_bytes(),
            "\u{fdd0}".as_bytes(),
            "\u{1ffff}".as_bytes(),
        ] {
            assert_eq!(of_field(odd, false), numbers(odd));
        }
        assert!(matches!(of_field(&vec![0; NUMBERS_MAX + 1], false), Value::Str(_)));
        assert_eq!(of_field(b"\x1b[31mred\xff", true), Value::from("\u{1b}[31mred\u{fffd}"));
    }
}
