//! Relabelling: the rules of `relabel_configs` and `metric_relabel_configs`.
//!
//! A [`Rule`] is what a user writes, with the defaults and the checks of Prometheus (commit
//! 419d436a447a, `model/relabel`). A list of rules is compiled once into a [`Program`], which is then
//! applied to the labels of every new series or target. Rules that compare with literals, prefixes or
//! suffixes run without a regular expression (see [`warren_regex::Regex::anchored`]).

mod program;
mod rule;

pub use program::{Program, Verdict};
pub use rule::{Action, Rule, RuleError};

#[cfg(test)]
mod tests;
