//! What every match of a pattern must hold, found without compiling the pattern: whoever has many patterns compiles those that may match.

use crate::translate;
use regex_syntax::hir::literal::{ExtractKind, Extractor};

/// Shorter texts are in almost everything and say nothing.
const BYTES_MIN: usize = 2;

/// More texts than these are no quicker than the pattern itself.
const TEXTS_MAX: usize = 32;

/// Texts of which one is in every text that a pattern matches; none if the pattern asks for nothing of the kind.
#[derive(Debug, Clone, Default)]
pub struct Literals(Box<[Box<str>]>);

impl Literals {
    /// The texts of a pattern in RE2 syntax.
    pub fn of(pattern: &str) -> Self {
        let hir = translate::translate(pattern).ok().and_then(|translated| regex_syntax::parse(&translated.pattern).ok());
        let Some(hir) = hir else { return Self::default() };
        let found = [ExtractKind::Prefix, ExtractKind::Suffix].into_iter().filter_map(|kind| {
            let mut extractor = Extractor::new();
            extractor.kind(kind).limit_total(TEXTS_MAX);
            let found = extractor.extract(&hir);
            let texts = found.literals()?.iter().map(|literal| std::str::from_utf8(literal.as_bytes()).ok().map(Box::from));
            let texts: Box<[Box<str>]> = texts.collect::<Option<_>>()?;
            let shortest = texts.iter().map(|text| text.len()).min()?;
            (shortest >= BYTES_MIN).then_some((shortest, texts))
        });
        Self(found.max_by_key(|(shortest, _)| *shortest).map(|(_, texts)| texts).unwrap_or_default())
    }

    /// Whether the pattern may match in a text; it cannot where this is false.
    pub fn may_match(&self, text: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|needed| text.contains(&**needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Regex;
    use proptest::prelude::*;

    #[test]
    fn what_a_pattern_needs_is_found() {
        for (pattern, text, wanted) in [
            (r"(Chrome)/(\d+)", "Chrome/1", true),
            (r"(Chrome)/(\d+)", "Firefox/1", false),
            (r"(?:cat|dog)s \d", "dogs 1", true),
            (r"(?:cat|dog)s \d", "birds", false),
            (r"\d+ (apples)", "1 apples", true),
            (r"\d+ (apples)", "1 pears", false),
            (r"\d+", "x", true),
            ("(", "x", true),
        ] {
            assert_eq!(Literals::of(pattern).may_match(text), wanted, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn prop_nothing_that_matches_is_ruled_out(pattern in "[abc(|)?*\\[\\]]{1,10}(?:abc|ab)?", text in "[abc]{0,12}") {
            if let Ok(regex) = Regex::new(&pattern) {
                prop_assert!(!regex.is_match(&text) || Literals::of(&pattern).may_match(&text), "{}", pattern);
            }
        }
    }
}
