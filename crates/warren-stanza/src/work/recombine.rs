//! `recombine`: entries of one source, in a row, become one.

use crate::{Entry, Field};
use hashbrown::HashMap;
use std::time::{Duration, Instant};
use warren_expr::Expression;
use warren_pdata::{Text, Value};

/// Bytes that one operator holds back: texts, and the entries that they go into.
pub(crate) const HELD_BYTES_MAX: usize = 8 << 20;

/// What goes together.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Whether the condition says that a new one begins, or that one is complete.
    pub(crate) at_first: bool,
    pub(crate) condition: Expression,
    pub(crate) field: Field,
    pub(crate) with: Text,
    /// Whether the other fields are those of the newest entry, or of the oldest.
    pub(crate) newest: bool,
    pub(crate) source: Field,
    pub(crate) period: Duration,
    pub(crate) limits: Limits,
}

/// Where entries are let go; zero is no limit but for sources.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) lines: usize,
    pub(crate) unmatched_lines: usize,
    pub(crate) sources: usize,
    pub(crate) bytes: usize,
}

/// What one operator holds back.
#[derive(Debug, Default)]
pub(crate) struct Held {
    sources: HashMap<Text, Batch>,
    bytes: usize,
}

/// Entries of one source.
#[derive(Debug)]
struct Batch {
    base: Entry,
    base_bytes: usize,
    text: String,
    lines: usize,
    matched: bool,
    since: Instant,
    /// The mark of the first of them.
    mark: u64,
}

impl Held {
    /// Takes an entry, and hands out what is complete, the marks of which are those of their first entries.
    ///
    /// # Errors
    /// When it cannot be told whether the entry goes with others, or it has no text to put together; it is handed back with the reason.
    pub(crate) fn push(
        &mut self,
        rule: &Rule,
        entry: Entry,
        now: Instant,
        out: &mut Vec<Entry>,
    ) -> Result<(), Box<(Entry, String)>> {
        let matches = match rule.condition.holds(&entry) {
            Ok(matches) => matches,
            Err(error) => return Err(Box::new((entry, error))),
        };
        let Some(line) = rule.field.text(&entry) else {
            return Err(Box::new((entry, "entry does not contain the combine_field".to_owned())));
        };
        // Entries without a source are one source.
        let source = rule.source.text(&entry).unwrap_or_default();
        if matches && rule.at_first {
            self.flush(rule, &source, out);
        }
        self.add(rule, &source, entry, line, matches, now, out);
        if matches && !rule.at_first {
            self.flush(rule, &source, out);
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "what is added, to what, and where it goes")]
    fn add(&mut self, rule: &Rule, source: &Text, entry: Entry, line: Text, matches: bool, now: Instant, out: &mut Vec<Entry>) {
        let is_new = !self.sources.contains_key(source);
        if is_new && self.sources.len() >= rule.limits.sources.max(1) || self.bytes + line.len() > HELD_BYTES_MAX {
            self.flush_all(rule, out);
        }
        let mark = entry.mark;
        let mut given = Some(entry);
        let batch = self.sources.entry(source.clone()).or_insert_with(|| Batch {
            base: given.take().unwrap_or_default(),
            base_bytes: 0,
            text: String::new(),
            lines: 0,
            matched: false,
            since: now,
            mark,
        });
        if let Some(entry) = given.filter(|_| rule.newest) {
            batch.base = entry;
        }
        batch.matched |= matches;
        let before = batch.bytes();
        if !batch.text.is_empty() {
            batch.text.push_str(&rule.with);
        }
        batch.text.push_str(&line);
        // The entry alone has its line again, and is charged with all of it.
        drop(line);
        if batch.lines == 0 || rule.newest {
            batch.base_bytes = batch.base.held_bytes();
        }
        batch.lines += 1;
        self.bytes = (self.bytes + batch.bytes()).saturating_sub(before);
        let limits = &rule.limits;
        let over = |lines: usize, limit: usize| limit > 0 && lines >= limit;
        let full = limits.bytes > 0 && batch.text.len() > limits.bytes
            || over(batch.lines, limits.lines)
            || !batch.matched && over(batch.lines, limits.unmatched_lines);
        if full {
            self.flush(rule, source, out);
        }
    }

    fn flush(&mut self, rule: &Rule, source: &Text, out: &mut Vec<Entry>) {
        if let Some(batch) = self.sources.remove(source) {
            self.bytes = self.bytes.saturating_sub(batch.bytes());
            out.push(batch.into_entry(rule));
        }
    }

    /// Hands out all, in the order in which they began.
    pub(crate) fn flush_all(&mut self, rule: &Rule, out: &mut Vec<Entry>) {
        self.bytes = 0;
        let mut all: Vec<Batch> = self.sources.drain().map(|(_, batch)| batch).collect();
        all.sort_by_key(|batch| batch.mark);
        out.extend(all.into_iter().map(|batch| batch.into_entry(rule)));
    }

    /// Hands out what was held for as long as it may be.
    pub(crate) fn flush_due(&mut self, rule: &Rule, now: Instant, out: &mut Vec<Entry>) {
        let due = |batch: &Batch| now.saturating_duration_since(batch.since) >= rule.period;
        let mut all: Vec<Batch> = self.sources.extract_if(|_, batch| due(batch)).map(|(_, batch)| batch).collect();
        all.sort_by_key(|batch| batch.mark);
        for batch in all {
            self.bytes = self.bytes.saturating_sub(batch.bytes());
            out.push(batch.into_entry(rule));
        }
    }

    /// When something is due.
    pub(crate) fn next_due(&self, rule: &Rule) -> Option<Instant> {
        self.sources.values().map(|batch| batch.since + rule.period).min()
    }

    /// The mark of the oldest entry that is held.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.sources.values().map(|batch| batch.mark).min()
    }
}

impl Batch {
    fn bytes(&self) -> usize {
        self.base_bytes + self.text.len()
    }

    fn into_entry(self, rule: &Rule) -> Entry {
        let mut entry = self.base;
        // What comes after it may still hold it: until then it began here.
        entry.mark = self.mark;
        // A text can be set anywhere but at the root of attributes, which no field to combine is.
        let _ = rule.field.set(&mut entry, Value::Str(self.text.into()));
        entry
    }
}
