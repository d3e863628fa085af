//! `UserAgent`: the program and the system that a User-Agent text speaks of, by the rules of uap-core (`rules.txt`).
//!
//! The rules are read when a configuration first uses the function, and an expression is compiled when a text first holds what every match of it must
//! hold, so that whoever does not use the function pays nothing for it. The answers for the texts seen last are kept.

#[cfg(test)]
mod tests;

use super::entries::Entries;
use crate::Val;
use crate::function::{Call, Converter, Kind, Yields, param};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use warren_pdata::{Attrs, Text};
use warren_regex::{Captures, Literals, Regex, Template};

/// The converters of this folder.
pub(super) const CONVERTERS: &[Converter] = &[Converter {
    name: "UserAgent",
    params: &[param("user_agent", Kind::Str)],
    yields: Yields::Map,
    bind: |_| {
        let rules = LazyLock::force(&RULES);
        Ok(Call::new(|args| Ok(Val::Map(rules.answer(args.get(0))))))
    },
}];

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::read(include_str!("rules.txt")));

/// How much of a text is looked at; what programs send is far shorter.
const LOOKED_AT_BYTES_MAX: usize = 4096;

/// Answers that are kept, and the longest text for which one is.
const KEPT_MAX: usize = 1024;
const KEPT_TEXT_BYTES_MAX: usize = 512;

/// Parts of an answer: the name and the version.
const PARTS: usize = 5;

struct Rules {
    programs: Vec<Rule>,
    systems: Vec<Rule>,
    kept: Mutex<HashMap<Text, Attrs>>,
}

struct Rule {
    expression: &'static str,
    /// What the match becomes.
    parts: [&'static str; PARTS],
    /// One of these is in every text that matches.
    needs: Literals,
    compiled: OnceLock<Option<Compiled>>,
}

struct Compiled {
    regex: Regex,
    parts: [Template; PARTS],
}

impl Rules {
    fn read(text: &'static str) -> Self {
        let mut rules = Self { programs: Vec::new(), systems: Vec::new(), kept: Mutex::default() };
        let mut systems = false;
        for line in text.lines() {
            match line {
                "# systems" => systems = true,
                _ if line.is_empty() || line.starts_with('#') => {}
                _ if systems => rules.systems.push(Rule::read(line, PARTS)),
                _ => rules.programs.push(Rule::read(line, PARTS - 1)),
            }
        }
        rules
    }

    fn answer(&self, value: &Val) -> Attrs {
        let Val::Str(text) = value else { return Attrs::EMPTY };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = kept.get(text) {
            return answer.clone();
        }
        let answer = self.look_up(text);
        if text.len() <= KEPT_TEXT_BYTES_MAX {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(text.clone(), answer.clone());
        }
        answer
    }

    fn look_up(&self, text: &Text) -> Attrs {
        let end = (0..=text.len().min(LOOKED_AT_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let looked_at = text.get(..end).unwrap_or_default();
        let (program, version) = first(&self.programs, looked_at);
        let (system, system_version) = first(&self.systems, looked_at);
        let mut answer = Entries::default();
        answer.set("user_agent.name".into(), program);
        answer.set("user_agent.original".into(), text.clone());
        answer.set("user_agent.version".into(), version);
        answer.set("os.name".into(), system);
        if !system_version.is_empty() {
            answer.set("os.version".into(), system_version);
        }
        answer.into()
    }
}

/// Name and version by the first rule that gives a name.
fn first(rules: &[Rule], text: &str) -> (String, String) {
    let mut captures = Captures::default();
    let mut parts = [const { String::new() }; PARTS];
    for rule in rules.iter().filter(|rule| rule.needs.may_match(text)) {
        let Some(compiled) = rule.compiled() else { continue };
        if compiled.regex.captures(text, &mut captures) {
            for (part, template) in parts.iter_mut().zip(&compiled.parts) {
                part.clear();
                template.expand(text, &captures, part);
            }
            if !parts[0].is_empty() {
                break;
            }
        }
    }
    let [name, version @ ..] = parts;
    let mut joined = String::new();
    for (index, part) in version.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
        joined.push_str(if index > 0 { "." } else { "" });
        joined.push_str(part);
    }
    (if name.is_empty() { "Other".to_owned() } else { name }, joined)
}

impl Rule {
    /// Reads a line; so many parts are groups of the expression where the line says nothing, the others nothing.
    fn read(line: &'static str, groups: usize) -> Self {
        const GROUPS: [&str; PARTS] = ["$1", "$2", "$3", "$4", "$5"];
        let mut columns = line.split('\t');
        let expression = columns.next().unwrap_or_default();
        let mut parts = [""; PARTS];
        for (index, part) in parts.iter_mut().enumerate().take(groups) {
            *part = columns.next().filter(|column| !column.is_empty()).unwrap_or(GROUPS[index]);
        }
        Self { expression, parts, needs: Literals::of(expression), compiled: OnceLock::new() }
    }

    fn compiled(&self) -> Option<&Compiled> {
        let compile = || {
            let regex = Regex::new(self.expression).ok()?;
            let parts = self.parts.map(|part| Template::new(part, &regex));
            Some(Compiled { regex, parts })
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}
