//! Which entries are wanted: conditions on fields, joined by and and or, as `journalctl` joins them.

use crate::glob;
use hashbrown::HashMap;

/// A condition on an entry. `All` of nothing holds, `Any` of nothing does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The entry has this field with this value: `NAME=value`.
    Field(Vec<u8>),
    /// The entry has this field with a value of this pattern (`*`, `?`, `[…]`).
    Glob {
        /// The field.
        name: String,
        /// The pattern.
        pattern: String,
    },
    /// All of these hold.
    All(Vec<Match>),
    /// One of these holds.
    Any(Vec<Match>),
}

impl Match {
    /// The entry has this field with this value.
    pub fn field(name: &str, value: &str) -> Self {
        Self::Field(format!("{name}={value}").into_bytes())
    }

    /// What holds for everything.
    pub fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// `NAME=value` conditions as they stand on `journalctl`'s command line: one of those on a field must hold, for each field.
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut names: Vec<(&str, Vec<Self>)> = Vec::new();
        for (name, value) in fields {
            let condition = Self::field(name, value);
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(condition),
                None => names.push((name, vec![condition])),
            }
        }
        Self::All(names.into_iter().map(|(_, values)| Self::Any(values)).collect())
    }
}

/// A condition made ready: each distinct comparison has a number.
#[derive(Default)]
pub(crate) struct Filter {
    tree: Option<Tree>,
    exact: HashMap<Vec<u8>, u32>,
    globs: Vec<(Vec<u8>, String)>,
    /// The longest payload that can meet a comparison.
    longest: usize,
}

enum Tree {
    Comparison(u32),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

/// Longest name of a unit, and of what else is matched by a pattern.
const GLOBBED_BYTES_MAX: usize = 512;

impl Filter {
    pub(crate) fn new(wanted: &Match) -> Self {
        let mut filter = Self::default();
        // Globs are numbered behind the others, so these are collected first.
        filter.collect(wanted);
        let exact = filter.exact.keys().map(Vec::len).max().unwrap_or_default();
        filter.longest = if filter.globs.is_empty() { exact } else { exact.max(GLOBBED_BYTES_MAX) };
        let tree = filter.tree(wanted);
        filter.tree = (!matches!(&tree, Tree::All(parts) if parts.is_empty())).then_some(tree);
        filter
    }

    fn collect(&mut self, wanted: &Match) {
        match wanted {
            Match::Field(field) => {
                let next = self.exact.len() as u32;
                self.exact.entry(field.clone()).or_insert(next);
            }
            Match::Glob { name, pattern } => {
                let glob = (format!("{name}=").into_bytes(), pattern.clone());
                if !self.globs.contains(&glob) {
                    self.globs.push(glob);
                }
            }
            Match::All(parts) | Match::Any(parts) => parts.iter().for_each(|part| self.collect(part)),
        }
    }

    fn tree(&self, wanted: &Match) -> Tree {
        let all = |parts: &[Match]| parts.iter().map(|part| self.tree(part)).collect();
        match wanted {
            Match::Field(field) => Tree::Comparison(self.exact.get(field).copied().unwrap_or(u32::MAX)),
            Match::Glob { name, pattern } => {
                let known =
                    |(prefix, known): &(Vec<u8>, String)| known == pattern && prefix.strip_suffix(b"=") == Some(name.as_bytes());
                let rank = self.globs.iter().position(known).unwrap_or_default();
                Tree::Comparison((self.exact.len() + rank) as u32)
            }
            Match::All(parts) => Tree::All(all(parts)),
            Match::Any(parts) => Tree::Any(all(parts)),
        }
    }

    /// Whether every entry is wanted.
    pub(crate) fn is_everything(&self) -> bool {
        self.tree.is_none()
    }

    /// How many comparisons there are.
    pub(crate) fn comparisons(&self) -> usize {
        self.exact.len() + self.globs.len()
    }

    /// Whether a payload of this length can meet a comparison.
    pub(crate) fn may_meet(&self, len: u64) -> bool {
        len <= self.longest as u64
    }

    /// The comparisons that a payload meets.
    pub(crate) fn met(&self, payload: &[u8], met: &mut Vec<u32>) {
        met.clear();
        met.extend(self.exact.get(payload));
        for (rank, (prefix, pattern)) in self.globs.iter().enumerate() {
            if payload.strip_prefix(prefix.as_slice()).is_some_and(|value| glob::matches(pattern.as_bytes(), value)) {
                met.push((self.exact.len() + rank) as u32);
            }
        }
    }

    /// Whether an entry whose fields meet these comparisons is wanted.
    pub(crate) fn wants(&self, met: &[bool]) -> bool {
        self.tree.as_ref().is_none_or(|tree| tree.holds(met))
    }
}

impl Tree {
    fn holds(&self, met: &[bool]) -> bool {
        match self {
            Self::Comparison(number) => met.get(*number as usize).copied().unwrap_or_default(),
            Self::All(parts) => parts.iter().all(|part| part.holds(met)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(met)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(wanted: &Match, fields: &[&str]) -> bool {
        let filter = Filter::new(wanted);
        let (mut all, mut met) = (vec![false; filter.comparisons()], Vec::new());
        for field in fields {
            filter.met(field.as_bytes(), &mut met);
            met.iter().for_each(|number| all[*number as usize] = true);
        }
        filter.wants(&all)
    }

    #[test]
    fn values_of_a_field_are_alternatives_and_fields_add_up() {
        let wanted = Match::of_fields([("A", "1"), ("B", "x"), ("A", "2")]);
        assert!(wants(&wanted, &["A=2", "B=x"]));
        assert!(!wants(&wanted, &["A=1", "A=2"]));
        assert!(!wants(&wanted, &["A=3", "B=x"]));
        assert!(wants(&Match::everything(), &[]));
        assert!(Filter::new(&Match::everything()).is_everything());
        assert!(!wants(&Match::Any(Vec::new()), &["A=1"]));
    }

    #[test]
    fn a_pattern_is_about_its_field_alone() {
        let glob = |name: &str, pattern: &str| Match::Glob { name: name.into(), pattern: pattern.into() };
        let wanted = Match::All(vec![Match::Any(vec![glob("U", "rabbit*"), glob("V", "rabbit*")]), Match::field("P", "6")]);
        assert!(wants(&wanted, &["V=rabbitmq-server.service", "P=6"]));
        assert!(!wants(&wanted, &["W=rabbitmq-server.service", "P=6"]));
        assert!(!wants(&wanted, &["U=rabbitmq-server.service"]));
    }
}
