//! Regular expressions. Patterns are literals, compiled once.

use super::entries::Entries;
use crate::function::{Call, Converter, Kind, Yields, param};
use crate::value::Val;
use std::sync::{Arc, Mutex};
use warren_pdata::Text;
use warren_regex::{Captures, Regex};

/// Converters of this group.
pub(super) const CONVERTERS: &[Converter] = &[
    Converter {
        name: "IsMatch",
        params: &[param("target", Kind::StrLike), param("pattern", Kind::LitStr)],
        yields: Yields::Bool,
        bind: |literals| {
            let regex = Regex::new(literals.text(1).unwrap_or_default())
                .map_err(|error| format!("the pattern supplied to IsMatch is not a valid regexp pattern: {error}"))?;
            Ok(Call::testing(move |text| regex.is_match(text)))
        },
    },
    Converter {
        name: "ExtractPatterns",
        params: &[param("target", Kind::Str), param("pattern", Kind::LitStr)],
        yields: Yields::Map,
        bind: |literals| {
            let regex = Regex::new(literals.text(1).unwrap_or_default())
                .map_err(|error| format!("the pattern supplied to ExtractPatterns is not a valid pattern: {error}"))?;
            let groups: Vec<(usize, Text)> = regex
                .names()
                .enumerate()
                .filter_map(|(index, name)| Some((index, warren_pdata::key(name.filter(|name| !name.is_empty())?))))
                .collect();
            if groups.is_empty() {
                return Err("at least 1 named capture group must be supplied in the given regex".to_owned());
            }
            let distinct =
                groups.iter().enumerate().all(|(at, (_, name))| groups.iter().skip(at + 1).all(|(_, other)| name != other));
            let extractor = Arc::new(Extractor { captures: regex.needs_room().then(Mutex::default), regex, groups });
            let (same, by_entry) = (extractor.clone(), extractor.clone());
            let call = Call::new(move |args| Ok(extractor.extract(args.text(0))));
            let call = call.of_text(move |text| Ok(same.extract(text)));
            // Of groups of one name the last one counts, and has the place of the first.
            Ok(if distinct { call.by_entry(move |text, tell| by_entry.each(text, tell)) } else { call })
        },
    },
];

/// A pattern and its named groups.
struct Extractor {
    regex: Regex,
    groups: Vec<(usize, Text)>,
    /// Room for what is found, kept from call to call where much of it is needed.
    captures: Option<Mutex<Captures>>,
}

impl Extractor {
    /// The named groups of the first match.
    fn extract(&self, text: &str) -> Val {
        let mut entries = Entries::default();
        self.each(text, &mut |name, value| entries.set(name.clone(), value));
        entries.into()
    }

    /// Tells the named groups of the first match. A group that took no part in it is empty text.
    fn each(&self, text: &str, tell: &mut dyn FnMut(&Text, &str)) {
        let mut own = Captures::default();
        let mut kept = self.captures.as_ref().and_then(|kept| kept.try_lock().ok());
        let captures = kept.as_deref_mut().unwrap_or(&mut own);
        if self.regex.captures(text, captures) {
            for (index, name) in &self.groups {
                tell(name, captures.get(text, *index).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{map, show};
    use super::*;

    /// Results of upstream's functions.
    #[test]
    fn patterns_are_searched_in_the_text_form() {
        for (target, pattern, expected) in [
            ("hello world".into(), "o w", "true"),
            ("hello world".into(), "^world", "false"),
            (Val::Float(1.5), "^1\\.5$", "true"),
            (map([("a", 1i64)]), "\"a\":1", "true"),
            (Val::Nil, ".*", "false"),
            (
                "x".into(),
                "(",
                "error: the pattern supplied to IsMatch is not a valid regexp pattern: error parsing regexp: missing closing ): `(`",
            ),
        ] {
            assert_eq!(show("IsMatch", &[target, pattern.into()]), expected);
        }
    }

    #[test]
    fn named_groups_become_a_map() {
        for (target, pattern, expected) in [
            ("a=b c=d", "^a=(?P<a>\\w+)\\s+c=(?P<c>\\w+)$", "{\"a\": Str(\"b\"), \"c\": Str(\"d\")}"),
            ("a", "(?P<x>a)(?P<y>q)?", "{\"x\": Str(\"a\"), \"y\": Str(\"\")}"),
            ("a1", "(?P<x>a)(?P<x>1)", "{\"x\": Str(\"1\")}"),
            ("z", "(?P<x>a)", "{}"),
            ("z", "(a)", "error: at least 1 named capture group must be supplied in the given regex"),
            (
                "z",
                "(",
                "error: the pattern supplied to ExtractPatterns is not a valid pattern: error parsing regexp: missing closing ): `(`",
            ),
        ] {
            assert_eq!(show("ExtractPatterns", &[target.into(), pattern.into()]), expected);
        }
    }
}
