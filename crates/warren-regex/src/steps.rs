//! Patterns that can be gone through step by step: literals and greedy runs of characters such that there is one way only to match from where one
//! starts. `password=[^ ]*` and `user '(?P<user>[^']+)'` are such; they need no automaton, and their groups fall out on the way.
//!
//! A run must not take what comes after it, so that giving characters back never helps. A pattern starts with a literal, which is searched for, or at
//! the start of the text.

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Bytes that may be gone through in vain for each byte of the text, in all searches of it together, so that they stay linear.
const VAIN_MAX: usize = 4;

/// A pattern without choices.
#[derive(Debug, Clone)]
pub(crate) struct Steps {
    /// What is searched for; `None` if the pattern starts with the text.
    first: Option<Finder<'static>>,
    steps: Box<[Step]>,
    /// Bytes that every match has at least.
    least: usize,
}

#[derive(Debug, Clone)]
enum Step {
    /// The literal of so many bytes that was searched for.
    Found(usize),
    Literal(Box<[u8]>),
    Byte(u8),
    Run(Box<Set>, bool),
    /// A run of everything but one byte.
    Until(u8, bool),
    /// The text must end here.
    End,
    Open(usize),
    Close(usize),
}

/// Bytes. Those of characters beyond ASCII are all in it, or none.
type Set = [bool; 256];

/// Too much was gone through in vain.
pub(crate) struct Vain;

impl Steps {
    /// Recognises such a pattern; `None` for everything else.
    pub(crate) fn new(hir: &Hir) -> Option<Self> {
        let mut steps = Vec::new();
        let mut anchored = false;
        collect(hir, &mut steps, &mut anchored)?;
        let matching: Vec<&Step> = steps.iter().filter(|step| !matches!(step, Step::Open(_) | Step::Close(_))).collect();
        for pair in matching.windows(2) {
            let apart = match pair {
                [Step::End, _] => false,
                [Step::Run(set, _), Step::Literal(literal)] => literal.first().is_some_and(|first| !set[usize::from(*first)]),
                [Step::Run(set, _), Step::Run(next, true)] => set.iter().zip(next.iter()).all(|(set, next)| !(*set && *next)),
                [Step::Run(..), Step::Run(_, false)] => false,
                _ => true,
            };
            if !apart {
                return None;
            }
        }
        if anchored && matching.is_empty() {
            return None;
        }
        let least = steps.iter().map(least).sum();
        if anchored {
            steps.iter_mut().for_each(quicker);
            return Some(Self { first: None, steps: steps.into(), least });
        }
        let found = steps.iter_mut().find(|step| !matches!(step, Step::Open(_) | Step::Close(_)))?;
        let Step::Literal(literal) = found else { return None };
        let first = Some(Finder::new(literal).into_owned());
        *found = Step::Found(literal.len());
        steps.iter_mut().for_each(quicker);
        Some(Self { first, steps: steps.into(), least })
    }

    /// Finds the first match from a place on and fills in where its groups are, as far as there is room for them; says where it is. `vain` counts
    /// what searches of this text went through in vain.
    pub(crate) fn find(
        &self,
        text: &str,
        from: usize,
        groups: &mut [Option<(usize, usize)>],
        vain: &mut usize,
    ) -> Result<Option<(usize, usize)>, Vain> {
        let bytes = text.as_bytes();
        if bytes.len().saturating_sub(from) < self.least {
            return Ok(None);
        }
        let Some(first) = &self.first else {
            return Ok(if from == 0 { self.match_at(bytes, 0, groups).ok().map(|end| (0, end)) } else { None });
        };
        let mut from = from;
        while let Some(at) = bytes.get(from..).and_then(|rest| first.find(rest)) {
            let start = from + at;
            match self.match_at(bytes, start, groups) {
                Ok(end) => return Ok(Some((start, end))),
                Err(failed) => *vain += failed - start,
            }
            if *vain > VAIN_MAX * bytes.len() {
                return Err(Vain);
            }
            from = start + 1;
        }
        Ok(None)
    }

    /// Where the match from here ends; else where it fails.
    #[inline]
    fn match_at(&self, bytes: &[u8], start: usize, groups: &mut [Option<(usize, usize)>]) -> Result<usize, usize> {
        let mut at = start;
        for step in &self.steps {
            let rest = bytes.get(at..).unwrap_or_default();
            match step {
                Step::Found(length) => at += length,
                Step::Literal(literal) if rest.starts_with(literal) => at += literal.len(),
                Step::Byte(byte) if rest.first() == Some(byte) => at += 1,
                Step::Run(set, some) => {
                    at += taken(rest, rest.iter().position(|byte| !set[usize::from(*byte)]), *some).ok_or(at)?
                }
                Step::Until(end, some) => at += taken(rest, memchr::memchr(*end, rest), *some).ok_or(at)?,
                Step::End if rest.is_empty() => {}
                Step::Literal(_) | Step::Byte(_) | Step::End => return Err(at),
                Step::Open(group) => {
                    if let Some(group) = groups.get_mut(*group) {
                        *group = Some((at, at));
                    }
                }
                Step::Close(group) => {
                    if let Some(Some((_, end))) = groups.get_mut(*group) {
                        *end = at;
                    }
                }
            }
        }
        if let Some(whole) = groups.first_mut() {
            *whole = Some((start, at));
        }
        Ok(at)
    }
}

/// How long a run is that ends before a place, or with the text; `None` if it must not be empty and is.
#[inline]
fn taken(rest: &[u8], end: Option<usize>, some: bool) -> Option<usize> {
    let length = end.unwrap_or(rest.len());
    (length > 0 || !some).then_some(length)
}

/// Bytes that a step takes at least.
fn least(step: &Step) -> usize {
    match step {
        Step::Found(length) => *length,
        Step::Literal(literal) => literal.len(),
        Step::Byte(_) | Step::Run(_, true) | Step::Until(_, true) => 1,
        Step::Run(_, false) | Step::Until(_, false) | Step::End | Step::Open(_) | Step::Close(_) => 0,
    }
}

/// The same step, quicker.
fn quicker(step: &mut Step) {
    if let Step::Literal(literal) = step
        && let [byte] = **literal
    {
        *step = Step::Byte(byte);
    }
    if let Step::Run(set, some) = step
        && let [Some(end), None] = {
            let mut others = (0..=u8::MAX).filter(|byte| !set[usize::from(*byte)]);
            [others.next(), others.next()]
        }
    {
        *step = Step::Until(end, *some);
    }
}

/// Appends the steps of a part of the pattern.
fn collect(hir: &Hir, steps: &mut Vec<Step>, anchored: &mut bool) -> Option<()> {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Literal(literal) => match steps.last_mut() {
            Some(Step::Literal(before)) => *before = [&**before, &*literal.0].concat().into(),
            _ => steps.push(Step::Literal(literal.0.clone())),
        },
        HirKind::Repetition(repetition) if repetition.greedy && repetition.max.is_none() && repetition.min <= 1 => {
            steps.push(Step::Run(Box::new(set(&repetition.sub)?), repetition.min == 1));
        }
        HirKind::Look(Look::Start) if steps.is_empty() && !*anchored => *anchored = true,
        HirKind::Look(Look::End) => steps.push(Step::End),
        HirKind::Capture(capture) => {
            let group = capture.index as usize;
            steps.push(Step::Open(group));
            collect(&capture.sub, steps, anchored)?;
            steps.push(Step::Close(group));
        }
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| collect(part, steps, anchored))?,
        _ => return None,
    }
    Some(())
}

/// The bytes of a class, or of a single character; `None` if it has some characters beyond ASCII and others not.
fn set(hir: &Hir) -> Option<Set> {
    let mut set = [false; 256];
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let mut beyond = 0;
            for range in class.ranges() {
                let (start, end) = (range.start() as u32, range.end() as u32);
                (start..=end.min(0x7f)).for_each(|byte| set[byte as usize & 0x7f] = true);
                match (start.max(0x80), end) {
                    (_, ..=0x7f) => {}
                    (0x80, 0x10_ffff) => beyond += 1,
                    _ => return None,
                }
            }
            set[0x80..].fill(beyond == 1);
        }
        HirKind::Literal(literal) => match *literal.0 {
            [byte @ ..=0x7f] => set[usize::from(byte)] = true,
            _ => return None,
        },
        _ => return None,
    }
    Some(set)
}
