//! Metric names.

use crate::{is_word, unit};

/// What a metric is, as far as its name shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A gauge: with unit `1` it is a ratio.
    Gauge,
    /// A sum that only grows: its name ends with `_total`.
    Counter,
    /// Anything else.
    Other,
}

/// How metrics are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricNamer {
    /// Put before every name, followed by an underscore; not cleaned.
    pub namespace: String,
    /// Whether units and `_total` or `_ratio` are put behind names.
    pub suffixes: bool,
}

impl MetricNamer {
    /// The name of a metric. Empty when nothing of its name is allowed and there is no namespace.
    pub fn name(&self, name: &str, unit: &str, kind: Kind) -> String {
        if self.suffixes { self.with_suffixes(name, unit, kind) } else { self.as_given(name) }
    }

    fn with_suffixes(&self, name: &str, unit: &str, kind: Kind) -> String {
        let (of, per) = unit::words(unit);
        let mut words: Vec<&str> = name.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
        let per = match per.as_str() {
            "per_" => "",
            per => per.strip_suffix('_').unwrap_or(per),
        };
        let per = if words.contains(&per) { "" } else { per };
        let of = if words.contains(&of.as_str()) { "" } else { &of };
        let of = if per.is_empty() { of } else { of.strip_suffix('_').unwrap_or(of) };
        words.extend([of, per].into_iter().filter(|word| !word.is_empty()));
        let last = match kind {
            Kind::Counter => Some("total"),
            Kind::Gauge if unit == "1" => Some("ratio"),
            Kind::Gauge | Kind::Other => None,
        };
        if let Some(last) = last {
            words.retain(|word| *word != last);
            words.push(last);
        }
        if !self.namespace.is_empty() {
            words.insert(0, &self.namespace);
        }
        not_from_a_digit(words.join("_"))
    }

    fn as_given(&self, name: &str) -> String {
        let pieces: Vec<&str> = name.split(|c| !is_word(c) && c != '_').filter(|piece| !piece.is_empty()).collect();
        let name = pieces.join("_");
        if self.namespace.is_empty() { not_from_a_digit(name) } else { format!("{}_{name}", self.namespace) }
    }
}

/// The name of a metric whose characters stay as they are: with the namespace before it and, if wanted, unit and kind behind it.
pub fn utf8_metric_name(namespace: &str, name: &str, unit: &str, kind: Kind, suffixes: bool) -> String {
    let mut out = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}_{name}") };
    if !suffixes {
        return out;
    }
    let (of, per) = unit::plain_words(unit);
    let last = match kind {
        Kind::Counter => "total",
        Kind::Gauge if unit == "1" => "ratio",
        Kind::Gauge | Kind::Other => "",
    };
    for (before, word) in [("_", of), ("_per_", per), ("_", last)].into_iter().filter(|(_, word)| !word.is_empty()) {
        out.push_str(before);
        out.push_str(word);
    }
    out
}

/// A name may not begin with a digit.
fn not_from_a_digit(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(namespace: &str, suffixes: bool, name: &str, unit: &str, kind: Kind) -> String {
        MetricNamer { namespace: namespace.to_owned(), suffixes }.name(name, unit, kind)
    }

    /// The cases of `otlptranslator` `metric_namer_test.go` at 94f535e0c588 without UTF-8, worked examples of the specification, edges.
    #[test]
    fn names_get_units_and_kinds_behind_them() {
        use Kind::{Counter, Gauge, Other};
        for (namespace, name, unit, kind, expected) in [
            ("", "requests", "", Counter, "requests_total"),
            ("", "cpu_usage", "1", Gauge, "cpu_usage_ratio"),
            ("", "items", "1", Counter, "items_total"),
            ("", "response_time", "ms", Gauge, "response_time_milliseconds"),
            ("", "requests", "1/s", Gauge, "requests_per_second"),
            ("", "throughput", "By/s", Gauge, "throughput_bytes_per_second"),
            ("", "custom_metric", "custom_unit", Gauge, "custom_metric_custom_unit"),
            ("", "custom_metric", "{custom}", Gauge, "custom_metric"),
            ("", "custom_metric", "By/{custom}", Gauge, "custom_metric_bytes"),
            ("", "requests_total", "", Counter, "requests_total"),
            ("", "cpu_usage_ratio", "1", Gauge, "cpu_usage_ratio"),
            ("", "response_time_seconds", "s", Gauge, "response_time_seconds"),
            ("app", "requests", "1/s", Counter, "app_requests_per_second_total"),
            ("app", "123_requests", "", Counter, "app_123_requests_total"),
            ("1x", "a", "", Gauge, "_1x_a"),
            ("", "metric__with__underscores_", "unit__underscores", Gauge, "metric_with_underscores_unit_underscores"),
            ("", "custom_metric", "unit@with#special/chars", Gauge, "custom_metric_unit_with_special_per_chars"),
            ("", "@#$%", "", Gauge, ""),
            ("", "lavinmq_uptime", "", Counter, "lavinmq_uptime_total"),
            ("", "a_total_bytes_total", "By", Counter, "a_bytes_total"),
            ("", "x.y", "{packet}/s", Counter, "x_y_per_second_total"),
            ("", "system.memory.utilization", "1", Gauge, "system_memory_utilization_ratio"),
            ("", "wait_foo_bar", "foo_bar", Gauge, "wait_foo_bar_foo_bar"),
            ("", "temperature", "a%", Gauge, "temperature_a_"),
            ("", "temperature", "a%/s", Gauge, "temperature_a_per_second"),
            ("", "temperature", "s/%%", Gauge, "temperature_seconds"),
            ("", "größe", "", Gauge, "gr_e"),
            ("", "2xx", "", Gauge, "_2xx"),
            ("", "latency", "s", Other, "latency_seconds"),
            ("", "job:rate", "1", Other, "job:rate"),
        ] {
            assert_eq!(named(namespace, true, name, unit, kind), expected, "{name} {unit}");
        }
    }

    #[test]
    fn without_suffixes_names_are_only_cleaned() {
        for (namespace, name, expected) in [
            ("", "simple_metric", "simple_metric"),
            ("", "metric@with#special$chars", "metric_with_special_chars"),
            ("", "123metric", "_123metric"),
            ("test_namespace", "simple_metric", "test_namespace_simple_metric"),
            ("", "", ""),
            ("", "metric@@##$$name", "metric_name"),
            ("", "@#$%", ""),
            ("test@namespace", "metric", "test@namespace_metric"),
            ("1x", "metric", "1x_metric"),
            ("", "__a__b_", "__a__b_"),
            ("", "a_total", "a_total"),
        ] {
            assert_eq!(named(namespace, false, name, "By", Kind::Counter), expected, "{name}");
        }
    }

    /// Read off `otlptranslator` `metric_namer.go` at 94f535e0c588, `buildMetricName`.
    #[test]
    fn names_with_any_characters_only_get_more_behind_them() {
        for (namespace, name, unit, kind, suffixes, expected) in [
            ("", "http.größe", "By", Kind::Counter, true, "http.größe_bytes_total"),
            ("n.s", "a_total", "By/s", Kind::Counter, true, "n.s_a_total_bytes_per_second_total"),
            ("", "a", "1", Kind::Gauge, true, "a_ratio"),
            ("", "a", "{x}/{y}", Kind::Other, true, "a"),
            ("", "a.b", "By", Kind::Counter, false, "a.b"),
        ] {
            assert_eq!(utf8_metric_name(namespace, name, unit, kind, suffixes), expected);
        }
    }

    proptest! {
        #[test]
        fn prop_a_name_is_empty_or_valid(name in any::<String>(), unit in any::<String>(), suffixes in any::<bool>(), counter in any::<bool>()) {
            let kind = if counter { Kind::Counter } else { Kind::Gauge };
            let named = named("", suffixes, &name, &unit, kind);
            prop_assert!(!named.starts_with(|c: char| c.is_ascii_digit()));
            prop_assert!(named.chars().all(|c| is_word(c) || c == '_'), "{named}");
        }
    }
}
