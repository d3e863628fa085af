//! Files by pattern, with the rules of Go's `path/filepath` (`Glob`, `Match`): `*` and `?` stay within one part of a path,
//! `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Most files one pattern may find.
pub(crate) const FILES_MAX: usize = 10_000;

/// Files that match, sorted by name. What cannot be read is as if it were not there; a pattern that is no pattern matches nothing.
pub(crate) fn files(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        found = match component {
            Component::Normal(part) => match part.to_str().filter(|part| part.contains(['*', '?', '[', '\\'])) {
                Some(part) => found.iter().flat_map(|directory| matching(directory, part)).take(FILES_MAX).collect(),
                None => found.into_iter().map(|path| path.join(part)).collect(),
            },
            other => found.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found
}

/// Entries of a directory whose names match, sorted.
fn matching(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let listed = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Ok(entries) = fs::read_dir(listed) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| matches(pattern, name)).take(FILES_MAX).collect();
    names.sort();
    names.into_iter().map(|name| directory.join(name)).collect()
}

/// Whether a name matches; in linear space, and in time pattern × name.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(pattern) = tokens(pattern) else { return false };
    // reached[i]: the tokens so far match the first i characters.
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for token in &pattern {
        reached = match token {
            Token::Any => {
                let mut any = false;
                reached
                    .iter()
                    .map(|&here| {
                        any |= here;
                        any
                    })
                    .collect()
            }
            Token::One(set) => {
                let steps = reached.iter().zip(&name).map(|(&here, &c)| here && set.contains(c));
                std::iter::once(false).chain(steps).collect()
            }
        };
    }
    reached.last().copied().unwrap_or(false)
}

enum Token {
    Any,
    One(Set),
}

struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Set {
    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| (low..=high).contains(&c)) != self.negated
    }
}

/// Reads a pattern; `None` when it is malformed.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One(Set { negated: true, ranges: Vec::new() }),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || chars.next_if_eq(&']').is_none() {
                    let low = class_char(&mut chars)?;
                    let high = if chars.next_if_eq(&'-').is_some() { class_char(&mut chars)? } else { low };
                    ranges.push((low, high));
                }
                Token::One(Set { negated, ranges })
            }
            '\\' => single(chars.next()?),
            c => single(c),
        });
    }
    Some(tokens)
}

fn single(c: char) -> Token {
    Token::One(Set { negated: false, ranges: vec![(c, c)] })
}

fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of Go's `path/filepath/match_test.go`.
    #[test]
    fn names_match_as_in_go() {
        let cases = [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*b*c*d*e*", "axbxcxdxe", true),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("[]a]", "]", false),
            ("[-x]", "-", false),
            ("[a-b-c]", "a", false),
            ("[", "a", false),
            ("a[", "ab", false),
            ("*x", "xxx", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_by_pattern_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.json"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| {
            let found = files(&directory.path().join(pattern));
            found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("*.yml"), ["a.yml", "b.yml"]);
        assert_eq!(names("c.json"), ["c.json"]);
        assert_eq!(names("missing.yml"), Vec::<String>::new());
        assert_eq!(names("nowhere/*.yml"), Vec::<String>::new());
    }
}
