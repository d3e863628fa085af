//! A relabel rule as it is written, and what Prometheus asks of it.

use std::fmt;

/// `regex` of a rule that does not say one.
pub(super) const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";
const DEFAULT_SEPARATOR: &str = ";";

/// What a rule does. Written in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sets `target_label` to `replacement` when `regex` matches.
    Replace,
    /// Drops what `regex` does not match.
    Keep,
    /// Drops what `regex` matches.
    Drop,
    /// Drops what differs from `target_label`.
    KeepEqual,
    /// Drops what equals `target_label`.
    DropEqual,
    /// Sets `target_label` to a hash modulo `modulus`.
    HashMod,
    /// Copies labels whose names match to the name in `replacement`.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets `target_label` to the lower-case value.
    Lowercase,
    /// Sets `target_label` to the upper-case value.
    Uppercase,
}

impl Action {
    const ALL: [(&'static str, Self); 11] = [
        ("replace", Self::Replace),
        ("keep", Self::Keep),
        ("drop", Self::Drop),
        ("keepequal", Self::KeepEqual),
        ("dropequal", Self::DropEqual),
        ("hashmod", Self::HashMod),
        ("labelmap", Self::LabelMap),
        ("labeldrop", Self::LabelDrop),
        ("labelkeep", Self::LabelKeep),
        ("lowercase", Self::Lowercase),
        ("uppercase", Self::Uppercase),
    ];

    /// The action of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, action)| action)
    }

    /// Names of all actions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|&(name, _)| name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, action)| action == self).map_or("", |&(name, _)| name);
        f.write_str(name)
    }
}

/// One rule. [`Rule::default`] holds Prometheus' defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Labels whose values are joined with `separator`; `None` when not given.
    pub source_labels: Option<Vec<String>>,
    /// Between the joined values.
    pub separator: String,
    /// Pattern the joined value must match as a whole; `None` stands for `(.*)`.
    pub regex: Option<String>,
    /// Divisor of `hashmod`.
    pub modulus: u64,
    /// Label that is set or compared; `replace` fills in groups.
    pub target_label: String,
    /// New value (`replace`) or name (`labelmap`), with groups filled in.
    pub replacement: String,
    /// `None` when it was given as null, which is an error.
    pub action: Option<Action>,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            source_labels: None,
            separator: DEFAULT_SEPARATOR.into(),
            regex: None,
            modulus: 0,
            target_label: String::new(),
            replacement: DEFAULT_REPLACEMENT.into(),
            action: Some(Action::Replace),
        }
    }
}

/// Why a rule cannot be used; the texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum RuleError {
    #[error("relabel action cannot be empty")]
    NoAction,
    #[error("relabel configuration for hashmod requires non-zero modulus")]
    NoModulus,
    #[error("relabel configuration for {0} action requires 'target_label' value")]
    NoTarget(Action),
    #[error("'replacement' can not be set for {0} action")]
    ReplacementNotUsed(Action),
    #[error("{0:?} is invalid 'replacement' for {1} action")]
    BadReplacement(String, Action),
    #[error("{0} action requires only 'source_labels' and `target_label`, and no other fields")]
    OnlySourceAndTarget(Action),
    #[error("{0} action requires only 'regex', and no other fields")]
    OnlyRegex(Action),
    #[error(transparent)]
    Regex(#[from] warren_regex::Error),
}

impl Rule {
    /// Checks the fields against each other and returns the action.
    pub(super) fn check(&self) -> Result<Action, RuleError> {
        use Action::*;
        let action = self.action.ok_or(RuleError::NoAction)?;
        if action == HashMod && self.modulus == 0 {
            return Err(RuleError::NoModulus);
        }
        let has_target = matches!(action, Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual);
        if has_target && self.target_label.is_empty() {
            return Err(RuleError::NoTarget(action));
        }
        let default_replacement = self.replacement == DEFAULT_REPLACEMENT;
        if matches!(action, Lowercase | Uppercase | KeepEqual | DropEqual) && !default_replacement {
            return Err(RuleError::ReplacementNotUsed(action));
        }
        if action == LabelMap && self.replacement.is_empty() {
            return Err(RuleError::BadReplacement(self.replacement.clone(), action));
        }
        let plain = self.modulus == 0 && self.separator == DEFAULT_SEPARATOR && default_replacement;
        if matches!(action, KeepEqual | DropEqual) && !(plain && self.regex.is_none()) {
            return Err(RuleError::OnlySourceAndTarget(action));
        }
        let no_labels = self.source_labels.is_none() && self.target_label.is_empty();
        if matches!(action, LabelDrop | LabelKeep) && !(plain && no_labels) {
            return Err(RuleError::OnlyRegex(action));
        }
        Ok(action)
    }
}
