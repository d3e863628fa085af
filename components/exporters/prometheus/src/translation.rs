//! From OpenTelemetry's names to Prometheus's.

use indexmap::IndexMap;
use std::borrow::Cow;
use warren_config::Keyword;
use warren_promname::{Kind, MetricNamer, label_name, utf8_metric_name};

/// How names are translated (`translation_strategy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// As `add_metric_suffixes` says.
    #[default]
    Unset,
    /// Everything outside ASCII becomes `_`; units and `_total` are appended.
    UnderscoreEscapingWithSuffixes,
    /// Everything outside ASCII becomes `_`.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay; units and `_total` are appended.
    NoUtf8EscapingWithSuffixes,
    /// Names stay.
    NoTranslation,
}

impl Keyword for Strategy {
    const TYPE: &'static str = "prometheusexporter.translationStrategy";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("", Self::Unset),
        ("UnderscoreEscapingWithSuffixes", Self::UnderscoreEscapingWithSuffixes),
        ("UnderscoreEscapingWithoutSuffixes", Self::UnderscoreEscapingWithoutSuffixes),
        ("NoUTF8EscapingWithSuffixes", Self::NoUtf8EscapingWithSuffixes),
        ("NoTranslation", Self::NoTranslation),
    ];

    fn unknown(word: &str) -> String {
        format!("invalid translation_strategy: {word}")
    }
}

/// What decides names and labels. Stores of the same translation can be handed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Translation {
    /// Put before every name.
    pub(crate) namespace: String,
    /// Whether units and kinds are appended to names.
    pub(crate) suffixes: bool,
    /// Whether names keep what is not ASCII.
    pub(crate) utf8: bool,
    /// Labels of every series.
    pub(crate) constant: IndexMap<String, String>,
    /// Whether attributes of the resource become labels.
    pub(crate) resource_attributes: bool,
}

impl Translation {
    /// The name of a metric; none if nothing of it is allowed.
    pub(crate) fn metric(&self, name: &str, unit: &str, kind: Kind) -> Option<String> {
        let name = if self.utf8 {
            utf8_metric_name(&self.namespace, name, unit, kind, self.suffixes)
        } else {
            MetricNamer { namespace: self.namespace.clone(), suffixes: self.suffixes }.name(name, unit, kind)
        };
        Some(name).filter(|name| !name.is_empty())
    }

    /// The label for an attribute; none for those that Prometheus has no room for: without a name, or beginning with two underscores.
    pub(crate) fn label<'a>(&self, key: &'a str) -> Option<Cow<'a, str>> {
        let label = if self.utf8 { Cow::Borrowed(key) } else { label_name(key) };
        (!label.is_empty() && !label.starts_with("__")).then_some(label)
    }

    /// The name under which resources are shown.
    pub(crate) fn target_info(&self) -> String {
        let namespace = if self.utf8 { Cow::Borrowed(self.namespace.as_str()) } else { label_name(&self.namespace) };
        if namespace.is_empty() { "target_info".to_owned() } else { format!("{namespace}_target_info") }
    }
}
