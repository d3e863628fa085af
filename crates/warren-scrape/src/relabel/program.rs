//! Compiled rules and how they change labels.

use md5::{Digest, Md5};
use warren_regex::{Captures, Regex, Template};

use super::rule::{Action, DEFAULT_REGEX, Rule, RuleError};
use crate::labels::{LABELS_BYTES_MAX, Labels, TooLarge};

/// Whether a series or target goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on with the labels as they are now.
    Keep,
    /// It is dropped; its labels are of no use any more.
    Drop,
}

/// A list of rules, compiled once and applied in order.
#[derive(Debug, Clone, Default)]
pub struct Program {
    steps: Box<[Step]>,
}

#[derive(Debug, Clone)]
enum Step {
    Match { source: Source, regex: Regex, keep: bool },
    Equal { source: Source, target: Box<str>, keep: bool },
    Replace { source: Source, regex: Regex, target: Template, replacement: Template },
    HashMod { source: Source, target: Box<str>, modulus: u64 },
    ChangeCase { source: Source, target: Box<str>, upper: bool },
    MapNames { regex: Regex, replacement: Template },
    MatchNames { regex: Regex, keep: bool },
}

/// Labels whose values are joined.
#[derive(Debug, Clone)]
struct Source {
    labels: Box<[Box<str>]>,
    separator: Box<str>,
}

impl Program {
    /// Compiles rules.
    ///
    /// # Errors
    /// The first fault of each faulty rule with the index of the rule.
    pub fn new(rules: &[Rule]) -> Result<Self, Vec<(usize, RuleError)>> {
        let mut errors = Vec::new();
        let mut steps = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            match Step::new(rule) {
                Ok(step) => steps.push(step),
                Err(error) => errors.push((index, error)),
            }
        }
        if errors.is_empty() { Ok(Self { steps: steps.into() }) } else { Err(errors) }
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Applies the rules to `labels` until one drops them.
    ///
    /// # Errors
    /// [`TooLarge`] when a replacement grows beyond [`LABELS_BYTES_MAX`].
    pub fn apply(&self, labels: &mut Labels) -> Result<Verdict, TooLarge> {
        let mut scratch = Scratch::default();
        for step in &self.steps {
            if step.apply(labels, &mut scratch)? == Verdict::Drop {
                return Ok(Verdict::Drop);
            }
        }
        Ok(Verdict::Keep)
    }
}

/// Buffers of one run of a program.
#[derive(Default)]
struct Scratch {
    joined: String,
    target: String,
    value: String,
    captures: Captures,
}

impl Step {
    fn new(rule: &Rule) -> Result<Self, RuleError> {
        let action = rule.check()?;
        let regex = Regex::anchored(rule.regex.as_deref().unwrap_or(DEFAULT_REGEX))?;
        let source = Source::new(rule);
        let target: Box<str> = rule.target_label.as_str().into();
        Ok(match action {
            Action::Keep => Self::Match { source, regex, keep: true },
            Action::Drop => Self::Match { source, regex, keep: false },
            Action::KeepEqual => Self::Equal { source, target, keep: true },
            Action::DropEqual => Self::Equal { source, target, keep: false },
            Action::Replace => Self::Replace {
                source,
                target: Template::new(&target, &regex),
                replacement: Template::new(&rule.replacement, &regex),
                regex,
            },
            Action::HashMod => Self::HashMod { source, target, modulus: rule.modulus },
            Action::Lowercase => Self::ChangeCase { source, target, upper: false },
            Action::Uppercase => Self::ChangeCase { source, target, upper: true },
            Action::LabelMap => Self::MapNames { replacement: Template::new(&rule.replacement, &regex), regex },
            Action::LabelDrop => Self::MatchNames { regex, keep: false },
            Action::LabelKeep => Self::MatchNames { regex, keep: true },
        })
    }

    fn apply(&self, labels: &mut Labels, scratch: &mut Scratch) -> Result<Verdict, TooLarge> {
        let kept = match self {
            Self::Match { source, regex, keep } => regex.is_match(source.read(labels, &mut scratch.joined)?) == *keep,
            Self::Equal { source, target, keep } => (source.read(labels, &mut scratch.joined)? == labels.get(target)) == *keep,
            Self::MatchNames { regex, keep } => {
                labels.retain(|name, _| regex.is_match(name) == *keep);
                true
            }
            Self::Replace { source, regex, target, replacement } => {
                replace(source, regex, target, replacement, labels, scratch)?;
                true
            }
            Self::HashMod { source, target, modulus } => {
                let digest = Md5::digest(source.read(labels, &mut scratch.joined)?);
                // Prometheus takes the last eight bytes, for compatibility with its older versions.
                let tail = digest.iter().skip(8).fold(0, |number, &byte| number << 8 | u64::from(byte));
                labels.set(target, &(tail % modulus).to_string())?;
                true
            }
            Self::ChangeCase { source, target, upper } => {
                let changed = change_case(source.read(labels, &mut scratch.joined)?, *upper);
                labels.set(target, &changed)?;
                true
            }
            Self::MapNames { regex, replacement } => {
                map_names(regex, replacement, labels, &mut scratch.captures)?;
                true
            }
        };
        Ok(if kept { Verdict::Keep } else { Verdict::Drop })
    }
}

fn replace(
    source: &Source,
    regex: &Regex,
    target: &Template,
    replacement: &Template,
    labels: &mut Labels,
    scratch: &mut Scratch,
) -> Result<(), TooLarge> {
    let Scratch { joined, target: name, value, captures } = scratch;
    let text = source.read(labels, joined)?;
    if !regex.captures(text, captures) {
        return Ok(());
    }
    name.clear();
    value.clear();
    expand(target, text, captures, name)?;
    expand(replacement, text, captures, value)?;
    // A rule that yields no usable label name is skipped.
    if name.is_empty() { Ok(()) } else { labels.set(name, value) }
}

fn expand(template: &Template, text: &str, captures: &Captures, out: &mut String) -> Result<(), TooLarge> {
    if template.expanded_len(text, captures) > LABELS_BYTES_MAX {
        return Err(TooLarge);
    }
    template.expand(text, captures, out);
    Ok(())
}

/// Copies labels under new names; the labels seen are those before the first copy.
fn map_names(regex: &Regex, replacement: &Template, labels: &mut Labels, captures: &mut Captures) -> Result<(), TooLarge> {
    let mut mapped = Vec::new();
    for (name, value) in labels.iter() {
        if regex.captures(name, captures) {
            let mut new_name = String::new();
            expand(replacement, name, captures, &mut new_name)?;
            mapped.push((new_name, value.to_owned()));
        }
    }
    for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
        labels.set(name, value)?;
    }
    Ok(())
}

/// Changes case letter by letter, as Go does: a letter without a single counterpart stays.
fn change_case(text: &str, upper: bool) -> String {
    fn single(mut letters: impl Iterator<Item = char>, otherwise: char) -> char {
        match (letters.next(), letters.next()) {
            (Some(letter), None) => letter,
            _ => otherwise,
        }
    }
    text.chars()
        .map(|c| match (upper, c) {
            (true, _) => single(c.to_uppercase(), c),
            (false, 'İ') => 'i',
            (false, _) => single(c.to_lowercase(), c),
        })
        .collect()
}

impl Source {
    fn new(rule: &Rule) -> Self {
        let labels = rule.source_labels.as_deref().unwrap_or_default();
        Self { labels: labels.iter().map(|label| label.as_str().into()).collect(), separator: rule.separator.as_str().into() }
    }

    fn read<'a>(&self, labels: &'a Labels, joined: &'a mut String) -> Result<&'a str, TooLarge> {
        if let [only] = &*self.labels {
            return Ok(labels.get(only));
        }
        joined.clear();
        for (index, label) in self.labels.iter().enumerate() {
            if index > 0 {
                joined.push_str(&self.separator);
            }
            joined.push_str(labels.get(label));
            if joined.len() > LABELS_BYTES_MAX {
                return Err(TooLarge);
            }
        }
        Ok(joined)
    }
}
