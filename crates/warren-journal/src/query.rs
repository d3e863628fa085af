//! Conditions by the names of `journalctl`'s options: units, identifiers, priorities, kernel messages.

use crate::{Match, glob};

/// Suffixes of unit names.
const UNIT_SUFFIXES: [&str; 11] =
    [".service", ".socket", ".target", ".device", ".mount", ".automount", ".swap", ".timer", ".path", ".slice", ".scope"];

/// Message that systemd-coredump writes about a process of a unit.
const COREDUMP_MESSAGE_ID: &str = "fc2e22bc6ee647b6b90729ab34a250b1";

/// Names of priorities, the most serious first.
pub const PRIORITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// What belongs to one of these units, as `journalctl --unit` has it: their own entries, what systemd and privileged processes say about
/// them, crashes of their processes. A pattern holds for units that come later too. Without units everything is wanted.
pub fn units<'a>(units: impl IntoIterator<Item = &'a str>) -> Match {
    any(units.into_iter().map(unit).collect())
}

/// What has one of these identifiers. Without identifiers everything is wanted.
pub fn identifiers<'a>(identifiers: impl IntoIterator<Item = &'a str>) -> Match {
    any(identifiers.into_iter().map(|identifier| Match::field("SYSLOG_IDENTIFIER", identifier)).collect())
}

/// What is at least as serious as a priority, or within a range `a..b`: names or numbers. Entries without a priority are not among it.
///
/// # Errors
/// The part that is no priority.
pub fn priorities(text: &str) -> Result<Match, String> {
    let (from, to) = match text.split_once("..") {
        Some((a, b)) => (priority(a)?, priority(b)?),
        None => (0, priority(text)?),
    };
    let numbers = from.min(to)..=from.max(to);
    Ok(Match::Any(numbers.map(|number| Match::field("PRIORITY", &number.to_string())).collect()))
}

/// What the kernel says.
pub fn kernel() -> Match {
    Match::field("_TRANSPORT", "kernel")
}

fn priority(text: &str) -> Result<usize, String> {
    let by_name = PRIORITIES.iter().position(|name| *name == text);
    let number = || text.parse().ok().filter(|number| *number < PRIORITIES.len() && text.len() == 1);
    by_name.or_else(number).ok_or_else(|| text.to_owned())
}

fn any(conditions: Vec<Match>) -> Match {
    if conditions.is_empty() { Match::everything() } else { Match::Any(conditions) }
}

fn unit(name: &str) -> Match {
    let unit = unit_name(name);
    let is = |field: &str| match glob::is_pattern(&unit) {
        true => Match::Glob { name: field.to_owned(), pattern: unit.clone() },
        false => Match::field(field, &unit),
    };
    let root = || Match::field("_UID", "0");
    let mut ways = vec![
        is("_SYSTEMD_UNIT"),
        Match::All(vec![Match::field("MESSAGE_ID", COREDUMP_MESSAGE_ID), root(), is("COREDUMP_UNIT")]),
        Match::All(vec![Match::field("_PID", "1"), is("UNIT")]),
        Match::All(vec![root(), is("OBJECT_SYSTEMD_UNIT")]),
    ];
    if unit.ends_with(".slice") {
        ways.push(is("_SYSTEMD_SLICE"));
    }
    Match::Any(ways)
}

/// The full name of a unit: `.service` unless another suffix is there; paths become mounts and devices.
fn unit_name(name: &str) -> String {
    if UNIT_SUFFIXES.iter().any(|suffix| name.len() > suffix.len() && name.ends_with(suffix)) {
        return name.to_owned();
    }
    if name.starts_with('/') && !glob::is_pattern(name) {
        let suffix = if name.starts_with("/dev/") { ".device" } else { ".mount" };
        return escaped(name) + suffix;
    }
    format!("{name}.service")
}

/// A path as units are named after it.
fn escaped(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let path = parts.join("/");
    let mut out = String::new();
    for (index, byte) in path.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if index == 0 => out.push_str("\\x2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\x{other:02x}")),
        }
    }
    if out.is_empty() { "-".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_gets_the_suffix_that_systemd_gives_it() {
        for (name, expected) in [
            ("rabbitmq-server", "rabbitmq-server.service"),
            ("a.timer", "a.timer"),
            ("a.b", "a.b.service"),
            (".service", ".service.service"),
            ("/", "-.mount"),
            ("/var/lib/rabbit-mq", "var-lib-rabbit\\x2dmq.mount"),
            ("/dev/sda", "dev-sda.device"),
            ("rabbit*", "rabbit*.service"),
        ] {
            assert_eq!(unit_name(name), expected);
        }
    }

    #[test]
    fn priorities_are_names_numbers_and_ranges() {
        let numbers = |text| match priorities(text) {
            Ok(Match::Any(parts)) => parts.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!((numbers("info"), numbers("0"), numbers("err..warning"), numbers("6..4")), (7, 1, 2, 3));
        for wrong in ["", "8", "error", "+1", "01", "info..", "..info"] {
            assert!(priorities(wrong).is_err(), "{wrong}");
        }
    }
}
