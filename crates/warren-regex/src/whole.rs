//! Patterns that can be answered by comparing bytes: alternatives of literals, prefixes, suffixes and
//! "anything", anchored at both ends. These are most of what people write in relabel rules.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// An anchored choice of [`Part`]s, every group of which spans the whole text.
#[derive(Debug, Clone)]
pub(crate) struct Whole(Box<[Part]>);

#[derive(Debug, Clone)]
enum Part {
    Equals(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Anything,
    NotEmpty,
}

impl Whole {
    /// Recognises `^…$` around alternatives of simple parts; `None` for everything else.
    pub(crate) fn new(hir: &Hir) -> Option<Self> {
        let HirKind::Concat(items) = hir.kind() else { return None };
        let [first, middle @ .., last] = items.as_slice() else { return None };
        if *first.kind() != HirKind::Look(Look::Start) || *last.kind() != HirKind::Look(Look::End) {
            return None;
        }
        let mut middle = middle;
        // One group around everything is allowed: it spans the whole text too.
        if let [only] = middle
            && let HirKind::Capture(capture) = only.kind()
        {
            middle = std::slice::from_ref(&*capture.sub);
        }
        let alternatives = match middle {
            [only] => match only.kind() {
                HirKind::Alternation(alternatives) => alternatives.as_slice(),
                _ => middle,
            },
            _ => return part(middle).map(|part| Self(Box::new([part]))),
        };
        alternatives.iter().map(alternative).collect::<Option<Box<[Part]>>>().map(Self)
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.0.iter().any(|part| match part {
            Part::Equals(literal) => text == &**literal,
            Part::StartsWith(literal) => text.starts_with(&**literal),
            Part::EndsWith(literal) => text.ends_with(&**literal),
            Part::Contains(literal) => text.contains(&**literal),
            Part::Anything => true,
            Part::NotEmpty => !text.is_empty(),
        })
    }
}

fn alternative(hir: &Hir) -> Option<Part> {
    match hir.kind() {
        HirKind::Concat(items) => part(items),
        _ => part(std::slice::from_ref(hir)),
    }
}

fn part(items: &[Hir]) -> Option<Part> {
    Some(match items {
        [] => Part::Equals("".into()),
        [only] => match only.kind() {
            HirKind::Empty => Part::Equals("".into()),
            HirKind::Literal(_) => Part::Equals(literal(only)?),
            _ => match any_run(only)? {
                0 => Part::Anything,
                1 => Part::NotEmpty,
                _ => return None,
            },
        },
        [text, run] if any_run(run) == Some(0) => Part::StartsWith(literal(text)?),
        [run, text] if any_run(run) == Some(0) => Part::EndsWith(literal(text)?),
        [before, text, after] if any_run(before) == Some(0) && any_run(after) == Some(0) => Part::Contains(literal(text)?),
        _ => return None,
    })
}

fn literal(hir: &Hir) -> Option<Box<str>> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(Into::into),
        _ => None,
    }
}

/// The least number of characters of an unbounded run of any characters (`.*` is 0, `.+` is 1).
fn any_run(hir: &Hir) -> Option<u32> {
    let HirKind::Repetition(repetition) = hir.kind() else { return None };
    let HirKind::Class(Class::Unicode(class)) = repetition.sub.kind() else { return None };
    let all = matches!(class.ranges(), [range] if range.start() == '\0' && range.end() == char::MAX);
    (all && repetition.max.is_none()).then_some(repetition.min)
}
