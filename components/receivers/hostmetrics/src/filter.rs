//! Filters by name, as several scrapers have them: `include` and `exclude`, each a list of names or of patterns.

use std::collections::HashSet;
use warren_config::{Block, Fields, Report};
use warren_regex::Regex;

/// The settings of one side of a filter. Without names there is no filter.
#[derive(Clone, Debug)]
pub(crate) struct NameSettings {
    /// The key of the list: `devices`, `interfaces`, …
    list: &'static str,
    /// What it is, in upstream's messages: `device include`.
    what: &'static str,
    names: Vec<String>,
    match_type: String,
    regexp: Cache,
}

/// Accepted, and of no effect: results are remembered with what they are about.
#[derive(Clone, Debug, Default)]
struct Cache {
    enabled: bool,
    max_num_entries: i64,
}

/// One side of a filter.
#[derive(Clone, Debug)]
enum Names {
    Strict(HashSet<String>),
    Patterns(Vec<Regex>),
}

/// A filter by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    include: Option<Names>,
    exclude: Option<Names>,
}

impl NameSettings {
    /// No names, under this key; `what` says what it is in messages.
    pub(crate) fn new(list: &'static str, what: &'static str) -> Self {
        Self { list, what, names: Vec::new(), match_type: String::new(), regexp: Cache::default() }
    }

    fn compile(&self) -> Result<Option<Names>, String> {
        let names = match self.match_type.as_str() {
            _ if self.names.is_empty() => return Ok(None),
            "strict" => Names::Strict(self.names.iter().cloned().collect()),
            "regexp" => {
                let patterns = self.names.iter().map(|pattern| Regex::new(pattern));
                Names::Patterns(patterns.collect::<Result<_, _>>().map_err(|error| self.error(&error.to_string()))?)
            }
            other => return Err(self.error(&format!("unrecognized match_type: '{other}', valid types are: [regexp strict]"))),
        };
        Ok(Some(names))
    }

    fn error(&self, message: &str) -> String {
        format!("error creating {}: {message}", self.what)
    }
}

impl Block for NameSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.list(self.list, &mut self.names);
        f.scalar("match_type", &mut self.match_type);
        f.block("regexp", &mut self.regexp);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Err(message) = self.compile() {
            report.error("", message);
        }
    }
}

impl Block for Cache {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("cacheenabled", &mut self.enabled);
        f.scalar("cachemaxnumentries", &mut self.max_num_entries);
    }
}

impl Filter {
    /// The filter of both sides' settings.
    ///
    /// # Errors
    /// In upstream's words, when one of them is not valid.
    pub(crate) fn new(include: &NameSettings, exclude: &NameSettings) -> Result<Self, String> {
        Ok(Self { include: include.compile()?, exclude: exclude.compile()? })
    }

    /// Whether a name passes.
    pub(crate) fn passes(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|names| names.matches(name))
            && !self.exclude.as_ref().is_some_and(|names| names.matches(name))
    }
}

impl Names {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Strict(names) => names.contains(name),
            Self::Patterns(patterns) => patterns.iter().any(|pattern| pattern.is_match(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn names(text: &str) -> Result<NameSettings, String> {
        let mut settings = NameSettings::new("devices", "device include filters");
        let mut diagnostics = Diagnostics::new();
        decode_settings(&parse_yaml("t", text).unwrap(), &mut settings, &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics.to_string()) } else { Ok(settings) }
    }

    #[test]
    fn patterns_match_anywhere_and_names_wholly() {
        let (none, sd, sda) =
            (names("{}"), names("{devices: [sd], match_type: regexp}"), names("{devices: [sda], match_type: strict}"));
        let (none, sd, sda) = (none.unwrap(), sd.unwrap(), sda.unwrap());
        for (include, exclude, passing) in [
            (&none, &none, &["sda", "xsdb", "vda"][..]),
            (&sd, &none, &["sda", "xsdb"]),
            (&sd, &sda, &["xsdb"]),
            (&none, &sda, &["xsdb", "vda"]),
            (&sda, &none, &["sda"]),
        ] {
            let filter = Filter::new(include, exclude).unwrap();
            let passed: Vec<&str> = ["sda", "xsdb", "vda"].into_iter().filter(|name| filter.passes(name)).collect();
            assert_eq!(passed, passing);
        }
    }

    #[test]
    fn faults_are_told_in_upstreams_words() {
        for (text, says) in [
            (
                "{devices: [a]}",
                "error creating device include filters: unrecognized match_type: '', valid types are: [regexp strict]",
            ),
            ("{devices: [a], match_type: glob}", "unrecognized match_type: 'glob'"),
            ("{devices: ['('], match_type: regexp}", "error parsing regexp: missing closing ): `(`"),
        ] {
            assert!(names(text).unwrap_err().contains(says), "{text}");
        }
        assert!(names("{match_type: glob, regexp: {cacheenabled: true, cachemaxnumentries: 3}}").is_ok());
    }
}
