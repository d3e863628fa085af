//! Settings of the exporter.

use crate::export::{Debug, Output};
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, Exporter, ExporterConfig};
use warren_config::{Block, Fields, Keyword, Report};
use warren_delivery::{DeliveryConfig, QueueConfig, RetryConfig, deliver};
use warren_pdata::Signal;

/// Settings of one exporter.
#[derive(Clone, Debug)]
pub struct Config {
    /// How much is shown.
    pub verbosity: Verbosity,
    /// Equal lines shown within a second.
    pub sampling_initial: i64,
    /// Of those that follow within the second, one of so many is shown; none if zero.
    pub sampling_thereafter: i64,
    /// Whether it goes to the process log, or to standard output without time and level.
    pub use_internal_logger: bool,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing; refused by this exporter.
    None,
    /// Counts.
    Basic,
    /// A line per item.
    Normal,
    /// A line per field.
    Detailed,
}

impl Keyword for Verbosity {
    const TYPE: &'static str = "configtelemetry.Level";
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("basic", Self::Basic), ("normal", Self::Normal), ("detailed", Self::Detailed)];
    const IGNORE_CASE: bool = true;
    const NUMERIC: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown metrics level {:?}", word.to_lowercase())
    }

    fn from_integer(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::None),
            0 => Some(Self::Basic),
            1 => Some(Self::Normal),
            2 => Some(Self::Detailed),
            _ => None,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { verbosity: Verbosity::Basic, sampling_initial: 2, sampling_thereafter: 1, use_internal_logger: true }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("verbosity", &mut self.verbosity);
        f.scalar("sampling_initial", &mut self.sampling_initial);
        f.scalar("sampling_thereafter", &mut self.sampling_thereafter);
        f.scalar("use_internal_logger", &mut self.use_internal_logger);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.verbosity == Verbosity::None {
            report.error_with_hint(
                "",
                "verbosity level \"None\" is not supported",
                "use basic, or take the exporter out of the pipeline",
            );
        }
    }
}

impl ExporterConfig for Config {
    fn build(&self, cx: BuildContext, signal: Signal) -> Result<Arc<dyn Exporter>, BuildError> {
        let output =
            if self.use_internal_logger { Output::Log(cx.telemetry.log.clone()) } else { Output::stream(tokio::io::stdout()) };
        let delivery = DeliveryConfig {
            queue: QueueConfig::disabled(),
            retry: RetryConfig { enabled: false, ..RetryConfig::default() },
            timeout: None,
            ordered: true,
        };
        deliver(&cx, signal, delivery, Debug::new(self, output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn decode(text: &str) -> (Config, Vec<String>) {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
        (config, diagnostics.errors().map(|error| error.message.clone()).collect())
    }

    #[test]
    fn a_level_is_read_by_its_name_in_any_case_or_by_its_number() {
        for (text, verbosity) in [
            ("{}", Verbosity::Basic),
            ("{verbosity: detailed}", Verbosity::Detailed),
            ("{verbosity: Normal}", Verbosity::Normal),
            ("{verbosity: 2}", Verbosity::Detailed),
            ("{verbosity: null}", Verbosity::Basic),
        ] {
            let (config, errors) = decode(text);
            assert_eq!((config.verbosity, errors), (verbosity, Vec::new()), "{text}");
        }
    }

    /// Facts of upstream's `exporter/debugexporter/config_test.go` at v0.132.0 and of its `Validate`.
    #[test]
    fn settings_that_make_no_sense_are_refused_in_upstreams_words() {
        for (text, says) in [
            ("{verbosity: none}", "verbosity level \"None\" is not supported"),
            ("{verbosity: Loud}", "unknown metrics level \"loud\""),
            ("{verBosity: detailed}", "has invalid keys: verBosity"),
            ("{sampling_initial: many}", "expected type 'int"),
        ] {
            let (_, errors) = decode(text);
            assert!(errors.iter().any(|error| error.contains(says)), "{text}: {errors:?}");
        }
    }
}
