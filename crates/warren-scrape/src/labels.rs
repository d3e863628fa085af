//! A label set that is built, changed and read many times over in the same two buffers.
//!
//! Scraped series and discovered targets both pass through a [`Labels`]: filled with
//! [`Labels::push`], changed by relabelling, then read in order. As in Prometheus an absent label and
//! an empty one are the same. The order is that of arrival, and a label that a rule sets moves behind
//! those the rules have not touched (this is seen where two labels are mapped to one name); call
//! [`Labels::sort`] before anything depends on the order of names.

use std::fmt;

use xxhash_rust::xxh64::Xxh64;

/// Most bytes of names and values a set may take while rules work on it.
pub const LABELS_BYTES_MAX: usize = 16 << 20;

/// A set would grow beyond [`LABELS_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("label set exceeds {LABELS_BYTES_MAX} bytes; check the replacements in relabel_configs and metric_relabel_configs")]
pub struct TooLarge;

/// Names and values of one series or target.
#[derive(Default, Clone)]
pub struct Labels {
    /// All texts ever set since the last [`Labels::clear`], one behind the other.
    text: String,
    entries: Vec<Entry>,
    /// Entries before this one are as they were pushed.
    untouched: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    name: Span,
    value: Span,
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Labels {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the set and keeps its buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.untouched = 0;
    }

    /// Number of labels, those pushed with an empty value included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no labels.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a label without looking for one of the same name.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), TooLarge> {
        debug_assert!(self.untouched == self.entries.len(), "push after set");
        let name = self.store(name)?;
        let value = self.store(value)?;
        self.entries.push(Entry { name, value });
        self.untouched = self.entries.len();
        Ok(())
    }

    /// Value of a label; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).and_then(|at| self.entries.get(at)).map_or("", |entry| self.read(entry.value))
    }

    /// Sets a label; an empty value removes it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TooLarge> {
        if value.is_empty() {
            self.remove(name);
            return Ok(());
        }
        let found = self.find(name);
        let name = match found.and_then(|at| self.entries.get(at)) {
            Some(entry) => entry.name,
            None => self.store(name)?,
        };
        let entry = Entry { name, value: self.store(value)? };
        match found {
            Some(at) if at >= self.untouched => {
                if let Some(slot) = self.entries.get_mut(at) {
                    *slot = entry;
                }
            }
            Some(at) => {
                self.entries.remove(at);
                self.untouched -= 1;
                self.entries.push(entry);
            }
            None => self.entries.push(entry),
        }
        Ok(())
    }

    /// Removes a label if it is there.
    pub fn remove(&mut self, name: &str) {
        if let Some(at) = self.find(name) {
            self.entries.remove(at);
            self.untouched -= usize::from(at < self.untouched);
        }
    }

    /// Keeps the labels for which `keep(name, value)` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let mut untouched = 0;
        let mut at = 0;
        let (text, before) = (&self.text, self.untouched);
        self.entries.retain(|entry| {
            let kept = keep(entry.name.of(text), entry.value.of(text));
            untouched += usize::from(kept && at < before);
            at += 1;
            kept
        });
        self.untouched = untouched;
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| (self.read(entry.name), self.read(entry.value)))
    }

    /// Puts the labels in the order of their names.
    pub fn sort(&mut self) {
        let text = &self.text;
        self.entries.sort_by(|a, b| a.name.of(text).cmp(b.name.of(text)));
        self.untouched = self.entries.len();
    }

    /// The first name that occurs twice; the labels must be sorted.
    pub fn duplicate(&self) -> Option<&str> {
        self.entries.windows(2).find_map(|pair| match pair {
            [a, b] if self.read(a.name) == self.read(b.name) => Some(self.read(a.name)),
            _ => None,
        })
    }

    /// A hash of names and values in order, the same in every process.
    pub fn hash(&self) -> u64 {
        let mut hash = Xxh64::new(0);
        for (name, value) in self.iter() {
            for text in [name, value] {
                hash.update(text.as_bytes());
                hash.update(&[0xFF]);
            }
        }
        hash.digest()
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| self.read(entry.name) == name)
    }

    fn read(&self, span: Span) -> &str {
        span.of(&self.text)
    }

    fn store(&mut self, text: &str) -> Result<Span, TooLarge> {
        if self.text.len() + text.len() > LABELS_BYTES_MAX {
            return Err(TooLarge);
        }
        let start = self.text.len();
        self.text.push_str(text);
        // Both fit: the bound is far below `u32::MAX`.
        Ok(Span { start: start as u32, end: self.text.len() as u32 })
    }
}

impl Span {
    fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Two sets are equal when they hold the same labels in the same order.
impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Labels {}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    /// Collects labels; what would exceed [`LABELS_BYTES_MAX`] is left out.
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut labels = Self::new();
        for (name, value) in pairs {
            if labels.push(name, value).is_err() {
                break;
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_value_is_an_absent_label() {
        let mut labels: Labels = [("a", "1"), ("b", "")].into_iter().collect();
        assert_eq!(labels.get("b"), "");
        assert_eq!(labels.get("c"), "");
        labels.set("a", "").unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("b", "")]);
    }

    #[test]
    fn a_label_that_is_set_moves_behind_the_untouched_ones_once() {
        let mut labels: Labels = [("a", "1"), ("b", "2"), ("c", "3")].into_iter().collect();
        labels.set("a", "4").unwrap();
        labels.set("d", "5").unwrap();
        labels.set("a", "6").unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("b", "2"), ("c", "3"), ("a", "6"), ("d", "5")]);
        labels.sort();
        assert_eq!(labels.iter().next(), Some(("a", "6")));
    }

    #[test]
    fn retaining_keeps_track_of_what_was_touched() {
        let mut labels: Labels = [("a", "1"), ("b", "2"), ("c", "3")].into_iter().collect();
        labels.set("b", "4").unwrap();
        labels.retain(|name, _| name != "a");
        labels.set("c", "5").unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("b", "4"), ("c", "5")]);
    }

    #[test]
    fn duplicates_are_found_in_sorted_sets() {
        let mut labels: Labels = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        labels.sort();
        assert_eq!(labels.duplicate(), Some("b"));
    }

    #[test]
    fn a_set_stays_within_its_bound() {
        let mut labels = Labels::new();
        let big = "x".repeat(LABELS_BYTES_MAX - 1);
        labels.push("a", &big).unwrap();
        assert_eq!(labels.set("b", "y"), Err(TooLarge));
        labels.clear();
        labels.push("b", "y").unwrap();
        assert_eq!(labels.get("b"), "y");
    }

    #[test]
    fn the_hash_tells_names_from_values() {
        let a: Labels = [("ab", "c")].into_iter().collect();
        let b: Labels = [("a", "bc")].into_iter().collect();
        assert_ne!(a.hash(), b.hash());
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec(("[a-e]", "[xyz]{0,2}"), 0..40)) {
            let mut labels = Labels::new();
            let mut model = std::collections::BTreeMap::new();
            for (name, value) in &steps {
                labels.set(name, value).unwrap();
                if value.is_empty() { model.remove(name); } else { model.insert(name.clone(), value.clone()); }
            }
            labels.sort();
            let got: Vec<(String, String)> = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            prop_assert_eq!(got, model.into_iter().collect::<Vec<_>>());
        }
    }
}
