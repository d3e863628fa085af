//! Layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` written as the wanted text should look.

/// A layout, taken apart.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Elements, each with the literal text before it.
    pub(super) chunks: Box<[Chunk]>,
    /// Literal text behind the last element.
    pub(super) suffix: Box<str>,
}

/// An element and the literal text before it.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) prefix: Box<str>,
    pub(super) element: Element,
    /// The element as the layout writes it.
    pub(super) written: Box<str>,
}

/// An element of a layout; the comment shows how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// `January`
    LongMonth,
    /// `Jan`
    Month,
    /// `1`
    NumMonth,
    /// `01`
    ZeroMonth,
    /// `Monday`
    LongWeekDay,
    /// `Mon`
    WeekDay,
    /// `2`
    Day,
    /// `_2`
    UnderDay,
    /// `02`
    ZeroDay,
    /// `__2`
    UnderYearDay,
    /// `002`
    ZeroYearDay,
    /// `15`
    Hour,
    /// `3`
    Hour12,
    /// `03`
    ZeroHour12,
    /// `4`
    Minute,
    /// `04`
    ZeroMinute,
    /// `5`
    Second,
    /// `05`
    ZeroSecond,
    /// `2006`
    LongYear,
    /// `06`
    Year,
    /// `PM`, `pm`
    Half { upper: bool },
    /// `MST`
    ZoneName,
    /// `Z0700`, `-07:00` and so on.
    Offset { z: bool, form: OffsetForm },
    /// `.000`, `,999` and so on.
    Fraction { trimmed: bool, digits: usize, separator: u8 },
}

/// What an offset shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetForm {
    /// `0700`
    Minutes,
    /// `070000`
    Seconds,
    /// `07`
    Hours,
    /// `07:00`
    ColonMinutes,
    /// `07:00:00`
    ColonSeconds,
}

impl OffsetForm {
    pub(super) fn colons(self) -> bool {
        matches!(self, Self::ColonMinutes | Self::ColonSeconds)
    }

    pub(super) fn seconds(self) -> bool {
        matches!(self, Self::Seconds | Self::ColonSeconds)
    }
}

/// Offsets as layouts write them, behind `-` or `Z`; the first that fits counts.
const OFFSETS: [(&str, OffsetForm); 5] = [
    ("070000", OffsetForm::Seconds),
    ("07:00:00", OffsetForm::ColonSeconds),
    ("0700", OffsetForm::Minutes),
    ("07:00", OffsetForm::ColonMinutes),
    ("07", OffsetForm::Hours),
];

impl Layout {
    /// Takes a layout apart. Every text is a layout.
    pub fn new(text: &str) -> Self {
        let mut chunks = Vec::new();
        let (mut literal, mut at) = (0, 0);
        while at < text.len() {
            let Some((element, skipped, length)) = element(&text.as_bytes()[at..]) else {
                at += 1;
                continue;
            };
            let (start, end) = (at + skipped, at + skipped + length);
            chunks.push(Chunk { prefix: text[literal..start].into(), element, written: text[start..end].into() });
            (literal, at) = (end, end);
        }
        Self { chunks: chunks.into(), suffix: text[literal..].into() }
    }
}

/// The element at the beginning of a text, after how many bytes it begins, and its length. All are ASCII, so that places in the text are always
/// between characters.
fn element(rest: &[u8]) -> Option<(Element, usize, usize)> {
    let lower_at = |at: usize| rest.get(at).is_some_and(u8::is_ascii_lowercase);
    let found = |element, length| Some((element, 0, length));
    match rest {
        [b'J', b'a', b'n', b'u', b'a', b'r', b'y', ..] => found(Element::LongMonth, 7),
        [b'J', b'a', b'n', ..] if !lower_at(3) => found(Element::Month, 3),
        [b'M', b'o', b'n', b'd', b'a', b'y', ..] => found(Element::LongWeekDay, 6),
        [b'M', b'o', b'n', ..] if !lower_at(3) => found(Element::WeekDay, 3),
        [b'M', b'S', b'T', ..] => found(Element::ZoneName, 3),
        [b'0', b'1', ..] => found(Element::ZeroMonth, 2),
        [b'0', b'2', ..] => found(Element::ZeroDay, 2),
        [b'0', b'3', ..] => found(Element::ZeroHour12, 2),
        [b'0', b'4', ..] => found(Element::ZeroMinute, 2),
        [b'0', b'5', ..] => found(Element::ZeroSecond, 2),
        [b'0', b'6', ..] => found(Element::Year, 2),
        [b'0', b'0', b'2', ..] => found(Element::ZeroYearDay, 3),
        [b'1', b'5', ..] => found(Element::Hour, 2),
        [b'1', ..] => found(Element::NumMonth, 1),
        [b'2', b'0', b'0', b'6', ..] => found(Element::LongYear, 4),
        [b'2', ..] => found(Element::Day, 1),
        // The year, after a literal underscore.
        [b'_', b'2', b'0', b'0', b'6', ..] => Some((Element::LongYear, 1, 4)),
        [b'_', b'2', ..] => found(Element::UnderDay, 2),
        [b'_', b'_', b'2', ..] => found(Element::UnderYearDay, 3),
        [b'3', ..] => found(Element::Hour12, 1),
        [b'4', ..] => found(Element::Minute, 1),
        [b'5', ..] => found(Element::Second, 1),
        [b'P', b'M', ..] => found(Element::Half { upper: true }, 2),
        [b'p', b'm', ..] => found(Element::Half { upper: false }, 2),
        [first @ (b'-' | b'Z'), behind @ ..] => {
            let (digits, form) = OFFSETS.iter().find(|(digits, _)| behind.starts_with(digits.as_bytes()))?;
            found(Element::Offset { z: *first == b'Z', form: *form }, 1 + digits.len())
        }
        [separator @ (b'.' | b','), digit @ (b'0' | b'9'), ..] => {
            let digits = rest.iter().skip(1).take_while(|byte| *byte == digit).count();
            // Only a run of one digit is a fraction.
            if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            found(Element::Fraction { trimmed: *digit == b'9', digits, separator: *separator }, 1 + digits)
        }
        _ => None,
    }
}
