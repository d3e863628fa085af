//! Regular expressions with the syntax and meaning of Go's `regexp` package (RE2), run by the `regex` crate.
//!
//! Configurations of collectors and of Prometheus are written for RE2. The `regex` crate shares its
//! engine model but not its dialect: `\d` and `\w` are Unicode there, `\Q…\E`, octal escapes and a
//! literal `{` are missing, classes know set operations. A pattern therefore passes through
//! [`translate`](crate::translate), which reads RE2 syntax, refuses what RE2 refuses with the same
//! text, and writes the equivalent pattern; capture names stay on our side.
//!
//! ```
//! use warren_regex::{Captures, Regex, Template};
//!
//! let regex = Regex::anchored("([a-z]+)\\.(?P<zone>.+)").unwrap();
//! let template = Template::new("${zone}/$1", &regex);
//! let mut captures = Captures::default();
//! let mut out = String::new();
//! if regex.captures("broker.eu", &mut captures) {
//!     template.expand("broker.eu", &captures, &mut out);
//! }
//! assert_eq!(out, "eu/broker");
//! ```
//!
//! Matching is linear in the text. The compiled size and the cache of the lazy automaton are bounded
//! ([`COMPILED_BYTES_MAX`], [`AUTOMATON_BYTES_MAX`]). Patterns that only ask for literals, prefixes,
//! suffixes or anything at all, or that leave no choice on the way, are answered without an automaton.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod literals;
mod steps;
mod template;
mod translate;
mod whole;

pub use literals::Literals;
pub use template::Template;

use regex_syntax::hir::HirKind;
use smallvec::SmallVec;
use std::ops::{ControlFlow, Range};
use steps::{Steps, Vain};
use whole::Whole;

/// Most bytes one compiled pattern may take.
pub const COMPILED_BYTES_MAX: usize = 4 << 20;

/// Most bytes the lazily built automaton of one pattern may take.
pub const AUTOMATON_BYTES_MAX: usize = 256 << 10;

/// Longest pattern that is accepted, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A pattern that RE2 refuses, or that is too large to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {reason}: `{part}`")]
pub struct Error {
    /// What is wrong, in the words of Go's `regexp/syntax`.
    pub reason: &'static str,
    /// The part of the pattern it is about.
    pub part: String,
}

impl Error {
    fn new(reason: &'static str, part: &str) -> Self {
        const SHOWN_CHARS_MAX: usize = 400;
        Self { reason, part: part.chars().take(SHOWN_CHARS_MAX).collect() }
    }
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Regex {
    pattern: Box<str>,
    /// Names of the groups, the whole match first; `None` for unnamed groups.
    names: Box<[Option<Box<str>>]>,
    /// The way without an automaton, if there is one. Apart, for it is large.
    steps: Option<Box<Steps>>,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    /// Matches the whole text or nothing, and so do all its groups.
    Whole(Whole),
    /// Asks for nothing, and so matches everywhere: before each letter and at the end.
    Empty,
    Automaton(regex::Regex),
}

/// Groups, the whole match among them, whose ranges need no memory of their own.
const SPANS_INLINE: usize = 4;

/// Byte ranges of the groups of one match, the whole match first. Reused between matches.
#[derive(Debug, Default, Clone)]
pub struct Captures {
    spans: SmallVec<[Option<(usize, usize)>; SPANS_INLINE]>,
    /// Room of the engine, for patterns of as many groups.
    locations: Option<regex::CaptureLocations>,
}

impl Captures {
    /// Text of group `index` (0 is the whole match), or `None` when it took no part in the match.
    pub fn get<'t>(&self, text: &'t str, index: usize) -> Option<&'t str> {
        let (start, end) = (*self.spans.get(index)?)?;
        text.get(start..end)
    }

    /// Where group `index` (0 is the whole match) stands in the text, or `None` when it took no part in the match.
    pub fn range(&self, index: usize) -> Option<Range<usize>> {
        self.spans.get(index).copied().flatten().map(|(start, end)| start..end)
    }

    /// Number of groups of the pattern, the whole match included; 0 before the first match.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether nothing has matched yet.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Sets so many groups to none found.
    fn empty(&mut self, groups: usize) {
        if groups <= SPANS_INLINE {
            self.spans = SmallVec::from_buf_and_len([None; SPANS_INLINE], groups);
        } else {
            self.spans.clear();
            self.spans.resize(groups, None);
        }
    }
}

impl Regex {
    /// Compiles a pattern that may match anywhere in a text, as `regexp.Compile` does.
    ///
    /// # Errors
    /// What RE2 refuses, and patterns beyond [`PATTERN_BYTES_MAX`] or [`COMPILED_BYTES_MAX`].
    pub fn new(pattern: &str) -> Result<Self, Error> {
        Self::compile(pattern, pattern)
    }

    /// Compiles a pattern that must match a whole text, `.` including line ends, as Prometheus'
    /// relabelling does: `^(?s:PATTERN)$`.
    ///
    /// # Errors
    /// As [`Regex::new`]; the text shows the pattern with the anchors around it.
    pub fn anchored(pattern: &str) -> Result<Self, Error> {
        Self::compile(pattern, &format!("^(?s:{pattern})$"))
    }

    fn compile(pattern: &str, source: &str) -> Result<Self, Error> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(Error::new("expression too large", source));
        }
        let translated = translate::translate(source)?;
        let hir = regex_syntax::parse(&translated.pattern).map_err(|_| Error::new("expression nests too deeply", source))?;
        let engine = match Whole::new(&hir) {
            Some(whole) => Engine::Whole(whole),
            None if *hir.kind() == HirKind::Empty => Engine::Empty,
            None => Engine::Automaton(
                regex::RegexBuilder::new(&translated.pattern)
                    .size_limit(COMPILED_BYTES_MAX)
                    .dfa_size_limit(AUTOMATON_BYTES_MAX)
                    .build()
                    .map_err(|_| Error::new("expression too large", source))?,
            ),
        };
        Ok(Self { pattern: pattern.into(), names: translated.names.into(), steps: Steps::new(&hir).map(Box::new), engine })
    }

    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Names of the groups in order, the whole match (never named) first.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.names.iter().map(Option::as_deref)
    }

    /// Whether the pattern matches in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        if let Some(Ok(found)) = self.steps.as_ref().map(|steps| steps.find(text, 0, &mut [], &mut 0)) {
            return found.is_some();
        }
        match &self.engine {
            Engine::Whole(whole) => whole.is_match(text),
            Engine::Empty => true,
            Engine::Automaton(regex) => regex.is_match(text),
        }
    }

    /// Whether [`Captures`] take memory of their own for this pattern, so that it pays to keep them from text to text.
    pub fn needs_room(&self) -> bool {
        self.names.len() > SPANS_INLINE || (self.steps.is_none() && matches!(self.engine, Engine::Automaton(_)))
    }

    /// Finds the leftmost match and fills `captures`; returns whether there is one.
    pub fn captures(&self, text: &str, captures: &mut Captures) -> bool {
        if let Some(steps) = &self.steps {
            captures.empty(self.names.len());
            if let Ok(found) = steps.find(text, 0, &mut captures.spans, &mut 0) {
                if found.is_none() {
                    captures.spans.clear();
                }
                return found.is_some();
            }
        }
        captures.spans.clear();
        match &self.engine {
            Engine::Whole(whole) => {
                let found = whole.is_match(text);
                if found {
                    captures.spans.resize(self.names.len(), Some((0, text.len())));
                }
                found
            }
            Engine::Empty => {
                captures.spans.push(Some((0, 0)));
                true
            }
            Engine::Automaton(regex) => {
                // Room is laid out by the number of groups alone.
                let kept = captures.locations.take().filter(|kept| kept.len() == regex.captures_len());
                let mut locations = kept.unwrap_or_else(|| regex.capture_locations());
                let found = regex.captures_read(&mut locations, text).is_some();
                if found {
                    captures.spans.extend((0..locations.len()).map(|i| locations.get(i)));
                }
                captures.locations = Some(locations);
                found
            }
        }
    }

    /// Calls `visit` for every match from left to right, as `FindAllStringSubmatchIndex` finds them, until it breaks off.
    pub fn each_match<B>(&self, text: &str, mut visit: impl FnMut(&Captures) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut captures = Captures::default();
        let (mut visited, mut vain) = (0, 0);
        if let Some(steps) = &self.steps {
            captures.empty(self.names.len());
            loop {
                match steps.find(text, visited, &mut captures.spans, &mut vain) {
                    Ok(Some((_, end))) => {
                        visited = end.max(1);
                        visit(&captures)?;
                    }
                    Ok(None) => return ControlFlow::Continue(()),
                    Err(Vain) => break,
                }
            }
        }
        let regex = match &self.engine {
            Engine::Automaton(regex) => regex,
            Engine::Whole(_) => {
                return if self.captures(text, &mut captures) { visit(&captures) } else { ControlFlow::Continue(()) };
            }
            Engine::Empty => {
                return letters(text).try_for_each(|at| {
                    captures.spans.clear();
                    captures.spans.push(Some((at, at)));
                    visit(&captures)
                });
            }
        };
        // Where the steps gave up, it goes on behind what they found.
        for found in regex.captures_iter(text).filter(|found| found.get(0).is_some_and(|whole| whole.start() >= visited)) {
            captures.spans.clear();
            captures.spans.extend(found.iter().map(|group| group.map(|g| (g.start(), g.end()))));
            visit(&captures)?;
        }
        ControlFlow::Continue(())
    }

    /// Appends `text` to `out` with every match replaced by `template`, as `ReplaceAllString` does.
    pub fn replace_all(&self, text: &str, template: &Template, out: &mut String) {
        if self.replace_within(text, template, out, usize::MAX) != Replaced::New {
            out.push_str(text);
        }
    }

    /// As [`Regex::replace_all`], but appends only a text that differs, and gives up once `out` would have more than `bytes_max` bytes; it then
    /// holds a part.
    pub fn replace_within(&self, text: &str, template: &Template, out: &mut String, bytes_max: usize) -> Replaced {
        let mut replacing = Replacing { text, out, bytes_max, done: 0, outcome: Replaced::Nothing };
        let end = match template.literal() {
            Some(literal) => self.each_range(text, |range| replacing.replace(range, literal)),
            None => self.each_match(text, |captures| replacing.expand(template, captures)),
        };
        replacing.finish(end)
    }

    /// Calls `visit` with where every match is, as [`Regex::each_match`]: no groups need to be found.
    fn each_range(&self, text: &str, mut visit: impl FnMut(Range<usize>) -> ControlFlow<()>) -> ControlFlow<()> {
        let (mut visited, mut vain) = (0, 0);
        if let Some(steps) = &self.steps {
            loop {
                match steps.find(text, visited, &mut [], &mut vain) {
                    Ok(Some((start, end))) => {
                        visited = end.max(1);
                        visit(start..end)?;
                    }
                    Ok(None) => return ControlFlow::Continue(()),
                    Err(Vain) => break,
                }
            }
        }
        match &self.engine {
            Engine::Whole(whole) if whole.is_match(text) => visit(0..text.len()),
            Engine::Whole(_) => ControlFlow::Continue(()),
            Engine::Empty => letters(text).try_for_each(|at| visit(at..at)),
            // As in `each_match`.
            Engine::Automaton(regex) => {
                let mut found = regex.find_iter(text).map(|found| found.range()).filter(|range| range.start >= visited);
                found.try_for_each(visit)
            }
        }
    }
}

/// Where each letter of a text starts, and where it ends.
fn letters(text: &str) -> impl Iterator<Item = usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}

/// What became of a text whose matches were to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// There was no match.
    Nothing,
    /// Every match was what it was to be replaced by.
    Same,
    /// There is a new text; templates that name groups can give an equal one.
    New,
    /// The new text would be too long.
    TooLong,
}

/// A text while its matches are replaced.
struct Replacing<'a> {
    text: &'a str,
    out: &'a mut String,
    bytes_max: usize,
    /// Up to where the text was taken over.
    done: usize,
    outcome: Replaced,
}

impl Replacing<'_> {
    /// Replaces a match by a text.
    fn replace(&mut self, range: Range<usize>, by: &str) -> ControlFlow<()> {
        if self.text.as_bytes().get(range.clone()) == Some(by.as_bytes()) {
            if self.outcome == Replaced::Nothing {
                self.outcome = Replaced::Same;
            }
            return ControlFlow::Continue(());
        }
        self.advance(range, by.len())?;
        self.out.push_str(by);
        ControlFlow::Continue(())
    }

    /// Replaces a match by a template.
    fn expand(&mut self, template: &Template, captures: &Captures) -> ControlFlow<()> {
        let Some(range) = captures.range(0) else { return ControlFlow::Continue(()) };
        self.advance(range, template.expanded_len(self.text, captures))?;
        template.expand(self.text, captures, self.out);
        ControlFlow::Continue(())
    }

    /// Takes over what stands before a match, if there is room for that and for so many bytes more.
    fn advance(&mut self, range: Range<usize>, more: usize) -> ControlFlow<()> {
        self.outcome = Replaced::New;
        let before = self.text.get(self.done..range.start).unwrap_or_default();
        if self.out.len().saturating_add(before.len()).saturating_add(more) > self.bytes_max {
            return ControlFlow::Break(());
        }
        self.out.push_str(before);
        self.done = range.end;
        ControlFlow::Continue(())
    }

    /// Takes over what stands behind the last match.
    fn finish(self, end: ControlFlow<()>) -> Replaced {
        if self.outcome != Replaced::New {
            return self.outcome;
        }
        let rest = self.text.get(self.done..).unwrap_or_default();
        if end.is_break() || self.out.len().saturating_add(rest.len()) > self.bytes_max {
            return Replaced::TooLong;
        }
        self.out.push_str(rest);
        Replaced::New
    }
}

#[cfg(test)]
mod tests;
