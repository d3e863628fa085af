//! Settings of `recombine`.

use super::{Base, Compile, Settings};
use crate::work::Work;
use crate::work::recombine::{Limits, Rule};
use warren_config::{Block, ByteSize, Fields, GoDuration, Keyword};

/// `recombine`
#[derive(Debug)]
pub(crate) struct Recombine {
    base: Base,
    is_first_entry: String,
    is_last_entry: String,
    combine_field: String,
    combine_with: String,
    max_batch_size: i64,
    max_unmatched_batch_size: i64,
    overwrite_with: Overwrite,
    force_flush_period: GoDuration,
    source_identifier: String,
    max_sources: i64,
    max_log_size: ByteSize,
}

/// Whose other fields the combined entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overwrite {
    Oldest,
    Newest,
}

impl Keyword for Overwrite {
    const TYPE: &'static str = "string";
    const WORDS: &'static [(&'static str, Self)] = &[("oldest", Self::Oldest), ("newest", Self::Newest), ("", Self::Oldest)];

    fn unknown(word: &str) -> String {
        format!("invalid value '{word}' for parameter 'overwrite_with'")
    }
}

impl Default for Recombine {
    fn default() -> Self {
        Self {
            base: Base::default(),
            is_first_entry: String::new(),
            is_last_entry: String::new(),
            combine_field: String::new(),
            combine_with: "\n".to_owned(),
            max_batch_size: 1000,
            max_unmatched_batch_size: 100,
            overwrite_with: Overwrite::Oldest,
            force_flush_period: GoDuration(5_000_000_000),
            source_identifier: "attributes[\"log.file.path\"]".to_owned(),
            max_sources: 1000,
            max_log_size: ByteSize(0),
        }
    }
}

impl Block for Recombine {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.base);
        f.scalar("is_first_entry", &mut self.is_first_entry);
        f.scalar("is_last_entry", &mut self.is_last_entry);
        f.scalar("combine_field", &mut self.combine_field);
        f.scalar("combine_with", &mut self.combine_with);
        f.scalar("max_batch_size", &mut self.max_batch_size);
        f.scalar("max_unmatched_batch_size", &mut self.max_unmatched_batch_size);
        f.scalar("overwrite_with", &mut self.overwrite_with);
        f.scalar("force_flush_period", &mut self.force_flush_period);
        f.scalar("source_identifier", &mut self.source_identifier);
        f.scalar("max_sources", &mut self.max_sources);
        f.scalar("max_log_size", &mut self.max_log_size);
    }
}

impl Settings for Recombine {
    fn base(&self) -> &Base {
        &self.base
    }

    fn compile(&self, cx: &mut Compile<'_>) -> Option<Work> {
        let condition = match (self.is_first_entry.as_str(), self.is_last_entry.as_str()) {
            ("", "") => cx.missing("", "is_first_entry", "one of is_first_entry and is_last_entry must be set"),
            ("", last) => cx.condition("is_last_entry", last),
            (first, "") => cx.condition("is_first_entry", first),
            _ => cx.missing("", "is_first_entry", "only one of is_first_entry and is_last_entry can be set"),
        };
        let field = cx.required("combine_field", &self.combine_field, "missing required argument 'combine_field'");
        let source = cx.field("source_identifier", &self.source_identifier);
        let period = self.force_flush_period.as_duration().filter(|period| !period.is_zero());
        let period = match period {
            Some(period) => Some(period),
            None => cx.missing("", "force_flush_period", "must be positive"),
        };
        let limit = |number: i64| usize::try_from(number).unwrap_or(0);
        let limits = Limits {
            lines: limit(self.max_batch_size),
            unmatched_lines: limit(self.max_unmatched_batch_size),
            sources: limit(self.max_sources),
            bytes: usize::try_from(self.max_log_size.0).unwrap_or(usize::MAX),
        };
        Some(Work::Recombine(Box::new(Rule {
            at_first: !self.is_first_entry.is_empty(),
            condition: condition?,
            field: field?,
            with: self.combine_with.as_str().into(),
            newest: self.overwrite_with == Overwrite::Newest,
            source: source?,
            period: period?,
            limits,
        })))
    }
}
