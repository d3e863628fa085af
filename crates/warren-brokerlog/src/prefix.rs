//! The prefix of RabbitMQ's lines: `2025-08-12 12:00:00.123456+00:00 [info] <0.123.0> `.

use crate::Severity;

/// A line, taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prefixed<'a> {
    /// Time, level and process as they stand: the same for all lines of an event.
    pub(crate) prefix: &'a str,
    pub(crate) severity: Severity,
    /// The process, `<0.123.0>`.
    pub(crate) process: &'a str,
    /// What follows.
    pub(crate) rest: &'a str,
}

/// Takes a line apart, if it has a prefix.
pub(crate) fn read(line: &str) -> Option<Prefixed<'_>> {
    let (time, behind) = line.split_once(" [")?;
    if !is_time(time) {
        return None;
    }
    let (level, behind) = behind.split_once("] ")?;
    let severity = Severity::of_word(level)?;
    let (process, rest) = behind.split_once(' ').unwrap_or((behind, ""));
    if !is_process(process) {
        return None;
    }
    let length = line.len() - rest.len();
    Some(Prefixed { prefix: line.get(..length)?.trim_end(), severity, process, rest })
}

/// Whether a text is a time as RabbitMQ writes it: a date and a time of day, with or without fraction and offset, or seconds or microseconds.
fn is_time(text: &str) -> bool {
    if matches!(text.len(), 10 | 16) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let Some((day, time)) = text.split_at_checked(10) else { return false };
    let like = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text
                .bytes()
                .zip(pattern.bytes())
                .all(|(byte, like)| if like == b'0' { byte.is_ascii_digit() } else { byte == like })
    };
    let Some(clock) = time.strip_prefix([' ', 'T']) else { return false };
    let Some((clock, behind)) = clock.split_at_checked(8) else { return false };
    let rest = behind.strip_prefix('.').map_or(behind, |digits| digits.trim_start_matches(|c: char| c.is_ascii_digit()));
    like(day, "0000-00-00")
        && like(clock, "00:00:00")
        && (matches!(rest, "" | "Z") || like(rest, "+00:00") || like(rest, "-00:00"))
}

/// Whether a text is the identity of an Erlang process.
fn is_process(text: &str) -> bool {
    let Some(inside) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) else { return false };
    let mut parts = 0;
    let numbers = inside.split('.').all(|part| {
        parts += 1;
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
    });
    numbers && parts == 3
}
