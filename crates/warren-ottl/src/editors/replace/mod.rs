//! `replace_match`, `replace_all_matches`, `replace_pattern`, `replace_all_patterns`.
//!
//! A replacement may be passed through a converter (`function`), and its result through a format with one `%s` (`replacement_format`). Patterns
//! replace what they find with `$1` and `$name` expanded; with a function, each match is expanded and converted for itself and then put in the place
//! of **every** occurrence of the matched text, so that a later match can rewrite what an earlier one has put in, as upstream has it.

use crate::editors::glob;
use crate::function::{Args, Changes, Edit, Editor, Function, Kind, Literals, Param, optional, param};
use crate::functions::entries::Entries;
use crate::functions::{TEXT_BYTES_MAX, within_bounds};
use crate::getter::coerce;
use crate::record::Failure;
use crate::room;
use crate::value::{Got, Val};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use warren_pdata::{Text, Value};
use warren_regex::{Regex, Template};

/// How many bytes of text are gone through for one text whose matches are converted.
const WORK_BYTES_MAX: usize = 4 * TEXT_BYTES_MAX;

/// What one call of a function costs, and one search besides going through the text, in bytes gone through.
const CALL_WORK: usize = 256;
const SEARCH_WORK: usize = 16;

const MATCH: &[Param] = &[
    param("target", Kind::Target),
    param("pattern", Kind::LitStr),
    param("replacement", Kind::Str),
    optional("function", Kind::Function),
    optional("replacement_format", Kind::Any),
];
const ALL_MATCHES: &[Param] = &[
    param("target", Kind::TargetMap),
    param("pattern", Kind::LitStr),
    param("replacement", Kind::Str),
    optional("function", Kind::Function),
    optional("replacement_format", Kind::Any),
];
// The replacement is looked at only if there is something to replace it with.
const PATTERN: &[Param] = &[
    param("target", Kind::Target),
    param("regex_pattern", Kind::LitStr),
    param("replacement", Kind::Any),
    optional("function", Kind::Function),
    optional("replacement_format", Kind::Any),
];
const ALL_PATTERNS: &[Param] = &[
    param("target", Kind::TargetMap),
    param("mode", Kind::LitStr),
    param("regex_pattern", Kind::LitStr),
    param("replacement", Kind::Str),
    optional("function", Kind::Function),
    optional("replacement_format", Kind::Any),
];

pub(in crate::editors) const EDITORS: &[Editor] = &[
    Editor {
        name: "replace_match",
        params: MATCH,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let (glob, conversion) = (whole_pattern(literals)?, Conversion::new(literals, 3));
            Ok(Edit::new(move |place, args| {
                // Also without a match, for what is wrong with it shall be told.
                let replacement = conversion.of_replacement(args)?;
                let matches = place.get()?.as_text().is_some_and(|text| glob.is_match(text));
                if matches { place.set(Val::Str(replacement)) } else { Ok(()) }
            }))
        },
    },
    Editor {
        name: "replace_all_matches",
        params: ALL_MATCHES,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let (glob, conversion) = (whole_pattern(literals)?, Conversion::new(literals, 3));
            Ok(Edit::new(move |place, args| {
                let map = place.map()?;
                let replacement = conversion.of_replacement(args)?;
                let matches = |value: &Value| value.as_str().is_some_and(|text| glob.is_match(text));
                if map.iter().any(|entry| matches(&entry.value)) {
                    for entry in map.edit().iter_mut().filter(|entry| matches(&entry.value)) {
                        entry.value = Value::Str(replacement.clone());
                    }
                }
                Ok(())
            }))
        },
    },
    Editor {
        name: "replace_pattern",
        params: PATTERN,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let replacer = Replacer::new(literals, 1, "replace_pattern")?;
            Ok(Edit::new(move |place, args| {
                // Mostly there is a text, and a text to replace it with.
                if let (Some(text), Val::Str(replacement)) = (place.text(), args.get(2)) {
                    return match replacer.replace(text, replacement, args)? {
                        Replaced::Nothing | Replaced::Same => Ok(()),
                        Replaced::New(replaced) => place.set(Val::Str(replaced)),
                    };
                }
                let found = place.get()?;
                if matches!(&found, Got::Own(Val::Nil) | Got::Stored(Value::Empty)) {
                    return Ok(());
                }
                let Val::Str(replacement) = args.get(2) else { return coerce(Kind::Str, args.get(2).clone()).map(drop) };
                let Some(text) = found.as_text() else { return Ok(()) };
                match (replacer.replace(text, replacement, args)?, &found) {
                    (Replaced::Nothing, _) | (Replaced::Same, Got::Text(_) | Got::Stored(_)) => Ok(()),
                    // What only has this text form becomes the text.
                    (Replaced::Same, _) => {
                        let text = text.clone();
                        place.set(Val::Str(text))
                    }
                    (Replaced::New(replaced), _) => place.set(Val::Str(replaced)),
                }
            }))
        },
    },
    Editor {
        name: "replace_all_patterns",
        params: ALL_PATTERNS,
        contexts: &[],
        changes: Changes::Target,
        bind: |literals| {
            let replacer = Replacer::new(literals, 2, "replace_all_patterns")?;
            let of_keys = match literals.text(1).unwrap_or_default() {
                "key" => true,
                "value" => false,
                other => return Err(format!("invalid mode {other}, must be either 'key' or 'value'")),
            };
            Ok(Edit::new(move |place, args| {
                let map = place.map()?;
                let replacement = Text::from(args.text(3));
                let searched = |key: &Text, value: &Value| match (of_keys, value) {
                    (true, _) => Some(key.clone()),
                    (false, Value::Str(text)) => Some(text.clone()),
                    (false, _) => None,
                };
                let matches = |entry: &warren_pdata::KeyValue| {
                    searched(&entry.key, &entry.value).is_some_and(|text| replacer.regex.is_match(&text))
                };
                if !map.iter().any(matches) {
                    return Ok(());
                }
                // What fails leaves the map as it was.
                let mut entries = Entries::default();
                let mut bytes = 0;
                for entry in &*map {
                    let text = searched(&entry.key, &entry.value);
                    let replaced = text.map(|text| replacer.replace(&text, &replacement, args)).transpose()?;
                    let Some(Replaced::New(replaced)) = replaced else {
                        entries.set(entry.key.clone(), entry.value.clone());
                        continue;
                    };
                    bytes += replaced.len();
                    within_bounds(bytes)?;
                    if of_keys {
                        entries.set(replaced, entry.value.clone());
                    } else {
                        entries.set(entry.key.clone(), Value::Str(replaced));
                    }
                }
                *map = entries.into();
                Ok(())
            }))
        },
    },
];

fn whole_pattern(literals: &Literals<'_>) -> Result<Regex, String> {
    glob::compile(literals.text(1).unwrap_or_default())
        .map_err(|error| format!("the pattern supplied to replace_match is not a valid pattern: {error}"))
}

/// What a replacement is passed through.
struct Conversion {
    function: Option<Function>,
    /// The parameter of the format, if it is given.
    format: Option<usize>,
}

impl Conversion {
    /// `function` is the place of that parameter; the format follows it.
    fn new(literals: &Literals<'_>, function: usize) -> Self {
        Self { function: literals.function(function).cloned(), format: literals.get(function + 1).map(|_| function + 1) }
    }

    /// The replacement of [`MATCH`] and [`ALL_MATCHES`], converted.
    fn of_replacement(&self, args: Args<'_>) -> Result<Text, Failure> {
        match (&self.function, args.get(2)) {
            (Some(function), replacement) => {
                self.convert(function, replacement.clone(), args, "replacement value is not a string")
            }
            (None, Val::Str(text)) => Ok(text.clone()),
            (None, _) => Ok(Text::new()),
        }
    }

    /// The function's result for a text, in the format. What is no text is refused with the message.
    fn convert(&self, function: &Function, text: Val, args: Args<'_>, message: &str) -> Result<Text, Failure> {
        let Val::Str(result) = function.call(text)? else { return Err(Failure::new(message)) };
        let Some(format) = self.format else { return Ok(result) };
        match coerce(Kind::Str, args.get(format).clone())? {
            Val::Str(format) => formatted(&format, &result),
            _ => Ok(result),
        }
    }
}

/// A text in a format with one `%s`.
fn formatted(format: &str, text: &str) -> Result<Text, Failure> {
    let mut parts = format.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    let verbs: Vec<&str> = parts.collect();
    let valid = |(index, part): (usize, &&str)| part.starts_with('s') || (part.is_empty() && index + 1 == verbs.len());
    let has_verb = verbs.first().is_some_and(|part| part.starts_with('s'));
    if !has_verb || format.contains('\n') || !verbs.iter().enumerate().all(valid) {
        return Err(Failure::new(
            "replacementFormat must be format string containing a single %s and no other format specifiers",
        ));
    }
    within_bounds(format.len() + text.len())?;
    for (index, part) in verbs.iter().enumerate() {
        match part.strip_prefix('s') {
            // As `Sprintf` prints verbs without arguments.
            Some(rest) => out.extend([if index == 0 { text } else { "%!s(MISSING)" }, rest]),
            None => out.push_str("%!(NOVERB)"),
        }
    }
    Ok(out.into())
}

/// A pattern whose matches are replaced.
struct Replacer {
    regex: Regex,
    conversion: Conversion,
    /// The first replacement that was met, taken apart: it hardly ever changes.
    template: OnceLock<(Text, Template)>,
}

/// What became of a text.
enum Replaced {
    /// There was no match.
    Nothing,
    /// Its matches were replaced by what they were.
    Same,
    New(Text),
}

impl Replacer {
    /// `pattern` is the place of that parameter; replacement, function and format follow it.
    fn new(literals: &Literals<'_>, pattern: usize, editor: &str) -> Result<Self, String> {
        let regex = Regex::new(literals.text(pattern).unwrap_or_default())
            .map_err(|error| format!("the regex pattern supplied to {editor} is not a valid pattern: {error}"))?;
        Ok(Self { regex, conversion: Conversion::new(literals, pattern + 2), template: OnceLock::new() })
    }

    /// The text with its matches replaced.
    fn replace(&self, text: &str, replacement: &Text, args: Args<'_>) -> Result<Replaced, Failure> {
        let (met, template) = self.template.get_or_init(|| (replacement.clone(), Template::new(replacement, &self.regex)));
        if met != replacement {
            return self.replace_by(text, &Template::new(replacement, &self.regex), args);
        }
        self.replace_by(text, template, args)
    }

    fn replace_by(&self, text: &str, template: &Template, args: Args<'_>) -> Result<Replaced, Failure> {
        let made = |out: &str| if out == text { Replaced::Same } else { Replaced::New(out.into()) };
        if let Some(function) = &self.conversion.function {
            if !self.regex.is_match(text) {
                return Ok(Replaced::Nothing);
            }
            return self.convert_matches(text, template, function, args).map(|out| made(&out));
        }
        let mut room = room::take();
        match self.regex.replace_within(text, template, &mut room, TEXT_BYTES_MAX) {
            warren_regex::Replaced::Nothing => Ok(Replaced::Nothing),
            warren_regex::Replaced::Same => Ok(Replaced::Same),
            warren_regex::Replaced::New => Ok(made(&room)),
            warren_regex::Replaced::TooLong => {
                Err(Failure::new(format!("the text with its matches replaced would have more than {TEXT_BYTES_MAX} bytes")))
            }
        }
    }

    fn convert_matches(&self, text: &str, template: &Template, function: &Function, args: Args<'_>) -> Result<String, Failure> {
        let mut edited = text.to_owned();
        // Texts that are known not to occur any more.
        let mut gone: HashSet<&str> = HashSet::new();
        // The last text that was converted and what it became: often the next is the same.
        let mut last: Option<(String, Text)> = None;
        let mut work = 0;
        let end = self.regex.each_match(text, |captures| {
            let one = || {
                let matched = captures.get(text, 0).unwrap_or_default();
                within_bounds(template.expanded_len(text, captures))?;
                let mut expanded = String::new();
                template.expand(text, captures, &mut expanded);
                let replacement = match &last {
                    Some((converted, replacement)) if *converted == expanded => replacement.clone(),
                    _ => {
                        worked(&mut work, CALL_WORK + expanded.len())?;
                        let message = "the replacement value must be a string";
                        let replacement = self.conversion.convert(function, expanded.as_str().into(), args, message)?;
                        last.insert((expanded, replacement)).1.clone()
                    }
                };
                if gone.contains(matched) {
                    return Ok(());
                }
                worked(&mut work, edited.len() + matched.len() + SEARCH_WORK)?;
                // Nothing stands before each letter and at the end; to look for it there is slow.
                let count = if matched.is_empty() { edited.chars().count() + 1 } else { edited.matches(matched).count() };
                if count == 0 {
                    gone.insert(matched);
                    return Ok(());
                }
                within_bounds((edited.len() - count * matched.len()).saturating_add(count.saturating_mul(replacement.len())))?;
                edited = edited.replace(matched, &replacement);
                gone.clear();
                Ok(())
            };
            match { one }() {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => ControlFlow::Break(failure),
            }
        });
        match end {
            ControlFlow::Continue(()) => Ok(edited),
            ControlFlow::Break(failure) => Err(failure),
        }
    }
}

/// Counts work for one text, up to the bound.
fn worked(work: &mut usize, more: usize) -> Result<(), Failure> {
    *work = work.saturating_add(more);
    if *work > WORK_BYTES_MAX {
        return Err(Failure::new("there are too many matches in too long a text to convert each"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
