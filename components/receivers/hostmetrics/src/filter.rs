//! Filters by name, as several scrapers have them: `include` and `exclude`, each a list of names or of patterns.

use warren_config::{Block, Fields, Report};
use warren_match::{Names, RegexpSettings};

/// The settings of a filter: a block for what it includes and one for what it excludes, beside the other keys of the scraper.
#[derive(Clone, Debug)]
pub(crate) struct FilterSettings {
    /// Included, excluded.
    sides: [Side; 2],
}

/// One side of a filter. Without names there is no filter.
#[derive(Clone, Debug)]
struct Side {
    /// The key of the block.
    key: &'static str,
    /// The key of the list in it: `devices`, `interfaces`, …
    list: &'static str,
    /// What it is, in upstream's messages: `device include filters`.
    what: &'static str,
    names: Vec<String>,
    match_type: String,
    /// Of no effect: results are remembered with what they are about.
    regexp: RegexpSettings,
}

/// A filter by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    include: Option<Names>,
    exclude: Option<Names>,
}

impl FilterSettings {
    /// No names yet. `what` says what each side is in messages.
    pub(crate) fn new(keys: [&'static str; 2], list: &'static str, what: [&'static str; 2]) -> Self {
        let side =
            |key, what| Side { key, list, what, names: Vec::new(), match_type: String::new(), regexp: RegexpSettings::default() };
        let ([include, exclude], [included, excluded]) = (keys, what);
        Self { sides: [side(include, included), side(exclude, excluded)] }
    }

    /// The filter.
    ///
    /// # Errors
    /// In upstream's words, when one of the sides is not valid.
    pub(crate) fn compile(&self) -> Result<Filter, String> {
        let [include, exclude] = &self.sides;
        Ok(Filter { include: include.compile()?, exclude: exclude.compile()? })
    }
}

impl Block for FilterSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        for side in &mut self.sides {
            f.block(side.key, side);
        }
    }
}

impl Side {
    fn compile(&self) -> Result<Option<Names>, String> {
        if self.names.is_empty() {
            return Ok(None);
        }
        let names = Names::new(&self.match_type, &self.names);
        names.map(Some).map_err(|error| format!("error creating {}: {error}", self.what))
    }
}

impl Block for Side {
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

impl Filter {
    /// Whether a name passes.
    pub(crate) fn passes(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|names| names.matches(name))
            && !self.exclude.as_ref().is_some_and(|names| names.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    struct Whole(FilterSettings);

    impl Block for Whole {
        fn fields(&mut self, f: &mut Fields<'_>) {
            f.squash(&mut self.0);
        }
    }

    fn filter(text: &str) -> Result<Filter, String> {
        let what = ["device include filters", "device exclude filters"];
        let mut settings = Whole(FilterSettings::new(["include", "exclude"], "devices", what));
        let mut diagnostics = Diagnostics::new();
        decode_settings(&parse_yaml("t", text).unwrap(), &mut settings, &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics.to_string()) } else { settings.0.compile() }
    }

    #[test]
    fn patterns_match_anywhere_and_names_wholly() {
        let (sd, sda) = ("{devices: [sd], match_type: regexp}", "{devices: [sda], match_type: strict}");
        for (text, passing) in [
            ("{}".to_owned(), &["sda", "xsdb", "vda"][..]),
            (format!("{{include: {sd}}}"), &["sda", "xsdb"]),
            (format!("{{include: {sd}, exclude: {sda}}}"), &["xsdb"]),
            (format!("{{exclude: {sda}}}"), &["xsdb", "vda"]),
            (format!("{{include: {sda}}}"), &["sda"]),
        ] {
            let filter = filter(&text).unwrap();
            let passed: Vec<&str> = ["sda", "xsdb", "vda"].into_iter().filter(|name| filter.passes(name)).collect();
            assert_eq!(passed, passing, "{text}");
        }
    }

    #[test]
    fn faults_are_told_in_upstreams_words() {
        for (text, says) in [
            (
                "{include: {devices: [a]}}",
                "error creating device include filters: unrecognized match_type: '', valid types are: [regexp strict]",
            ),
            (
                "{exclude: {devices: [a], match_type: glob}}",
                "error creating device exclude filters: unrecognized match_type: 'glob'",
            ),
            ("{include: {devices: ['('], match_type: regexp}}", "error parsing regexp: missing closing ): `(`"),
        ] {
            assert!(filter(text).unwrap_err().contains(says), "{text}");
        }
        assert!(filter("{include: {match_type: glob, regexp: {cacheenabled: true, cachemaxnumentries: 3}}}").is_ok());
    }
}
