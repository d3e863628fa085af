//! The nearest valid name to one that is not.

/// The longest name that is compared; longer ones are no typing errors.
const MAX_NAME: usize = 64;

/// The known name that most likely was meant, if any is near: at most a third of its letters differ.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let letters = lower.chars().count();
    let most = |candidate: &str| candidate.chars().count().div_ceil(3).min(4);
    known
        .filter(|candidate| candidate.len() <= MAX_NAME)
        // At least as many letters differ as one has more.
        .filter(|candidate| candidate.chars().count().abs_diff(letters) <= most(candidate))
        .map(|candidate| (distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognised() {
        let known = ["verbosity", "sampling_initial", "use_internal_logger"];
        let cases = [
            ("verbosty", Some("verbosity")),
            ("Verbosity", Some("verbosity")),
            ("vebrosity", Some("verbosity")),
            ("sampling_inital", Some("sampling_initial")),
            ("endpoint", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
        assert_eq!(nearest("recievers", ["receivers", "service"].into_iter()), Some("receivers"));
        assert_eq!(nearest(&"x".repeat(10_000), known.into_iter()), None);
    }
}
