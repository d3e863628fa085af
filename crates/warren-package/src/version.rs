//! Which of two versions is the newer one.

use std::cmp::Ordering;

/// Compares versions by their precedence: numbers by their value, what is behind `-` before what has nothing there; a `v` before it and what is
/// behind `+` count for nothing (Semantic Versioning 2.0.0, 11). Texts that are no such versions have some order, too.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (parts(one), parts(other));
    list(one.0, other.0, "0").then_with(|| match (one.1, other.1) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) => list(one, other, ""),
    })
}

fn parts(version: &str) -> (&str, Option<&str>) {
    let version = version.split('+').next().unwrap_or_default();
    let version = version.strip_prefix('v').unwrap_or(version);
    version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)))
}

/// Identifiers between dots; what is missing is as `missing`.
fn list(one: &str, other: &str, missing: &str) -> Ordering {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        let order = match (one.next(), other.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => identifier(one.unwrap_or(missing), other.unwrap_or(missing)),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn identifier(one: &str, other: &str) -> Ordering {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.trim_start_matches('0').to_owned());
    match (one.is_empty(), other.is_empty(), number(one), number(other)) {
        (true, ..) | (_, true, ..) => one.len().cmp(&other.len()),
        (.., Some(one), Some(other)) => one.len().cmp(&other.len()).then_with(|| one.cmp(&other)),
        (.., Some(_), None) => Ordering::Less,
        (.., None, Some(_)) => Ordering::Greater,
        (.., None, None) => one.cmp(other),
    }
}
