//! What another configuration changes: the difference of two outlines, to be printed and to be carried out.

use crate::outline::{Key, Outline, Why};
use std::fmt;
use warren_component::Step;

/// What becomes of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// There was none.
    Add,
    /// Another one takes its place and what it hands over.
    Replace(Vec<Why>),
    /// It stays as it is, but what follows it is another.
    Relink,
    /// There is none any more.
    Remove,
}

/// Everything that a configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What happens to nodes, in the order of their start; what is removed comes last.
    pub(crate) changes: Vec<(Key, Change)>,
    /// How many nodes stay as they are.
    pub(crate) kept: usize,
    /// Whether `service::telemetry` changes.
    pub(crate) telemetry: bool,
}

impl Plan {
    /// What leads from one outline to another.
    pub(crate) fn between(old: &Outline, new: &Outline) -> Self {
        let mut plan = Self { telemetry: old.telemetry != new.telemetry, ..Self::default() };
        for (key, part) in &new.parts {
            let change = match old.parts.get(key) {
                None => Change::Add,
                Some(before) if before.print != part.print => Change::Replace(before.print.differences(&part.print)),
                Some(before) if before.next != part.next => Change::Relink,
                Some(_) => {
                    plan.kept += 1;
                    continue;
                }
            };
            plan.changes.push((key.clone(), change));
        }
        let removed = old.parts.keys().filter(|key| !new.parts.contains_key(*key));
        plan.changes.extend(removed.map(|key| (key.clone(), Change::Remove)));
        plan
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && !self.telemetry
    }

    /// The nodes that are started.
    pub(crate) fn started(&self) -> Vec<Key> {
        let starts = |change: &Change| matches!(change, Change::Add | Change::Replace(_));
        self.changes.iter().filter(|(_, change)| starts(change)).map(|(key, _)| key.clone()).collect()
    }

    /// The changes one by one, for programs.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let why = |change: &Change| match change {
            Change::Replace(why) => why.iter().map(ToString::to_string).collect(),
            Change::Add | Change::Relink | Change::Remove => Vec::new(),
        };
        let step = |(key, change): &(Key, Change)| Step { action: change.word(), component: key.name(), why: why(change) };
        self.changes.iter().map(step).collect()
    }
}

impl Change {
    fn word(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace(_) => "replace",
            Self::Relink => "relink",
            Self::Remove => "remove",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing changes; {} components stay as they are", self.kept);
        }
        for (key, change) in &self.changes {
            let word = change.word();
            match change {
                Change::Replace(why) => {
                    let why: Vec<String> = why.iter().map(ToString::to_string).collect();
                    writeln!(f, "{word:<8}{key}: {}", why.join("; "))?;
                }
                Change::Relink => writeln!(f, "{word:<8}{key}: what follows it changes; itself it goes on")?,
                Change::Add | Change::Remove => writeln!(f, "{word:<8}{key}")?,
            }
        }
        if self.telemetry {
            writeln!(f, "update  service::telemetry")?;
        }
        writeln!(f, "{} components stay as they are", self.kept)
    }
}
