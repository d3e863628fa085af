//! Settings of the processor.

use crate::convert::Choice;
use crate::processor::Converter;
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, Consumer, MemoryBound, Processor, ProcessorConfig};
use warren_config::{Block, ByteSize, Fields, GoDuration, Keyword, Report};
use warren_match::{Names, RegexpSettings};
use warren_pdata::Signal;

/// Settings of one `cumulativetodelta` processor.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How long a series is remembered after its last point; for ever unless positive.
    pub max_staleness: GoDuration,
    /// What becomes of the first point of a series.
    pub initial_value: InitialValue,
    /// The metrics that are converted; all when empty.
    pub include: MatchMetrics,
    /// Those of them that are not.
    pub exclude: MatchMetrics,
    /// Settings that only Warren knows.
    pub warren: Own,
}

/// What becomes of the first point of a series, of which nobody knows since when it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialValue {
    /// It goes on if the series has begun after the processor did.
    #[default]
    Auto,
    /// It goes on.
    Keep,
    /// It does not.
    Drop,
}

impl Keyword for InitialValue {
    const TYPE: &'static str = "tracking.InitialValue";
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto), ("keep", Self::Keep), ("drop", Self::Drop)];
    const NUMERIC: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown initial_value: {word}")
    }

    fn from_integer(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Auto),
            1 => Some(Self::Keep),
            2 => Some(Self::Drop),
            _ => None,
        }
    }
}

/// `include` or `exclude`: metrics by name and by type. What is empty holds for all.
#[derive(Clone, Debug, Default)]
pub struct MatchMetrics {
    /// `strict` or `regexp`.
    pub match_type: String,
    /// Caching of matches; accepted, matches are not cached.
    pub regexp: Option<RegexpSettings>,
    /// Names or patterns, of which one must match.
    pub metrics: Vec<String>,
    /// `sum` or `histogram`, in any case.
    pub metric_types: Vec<String>,
}

/// The block `warren`.
#[derive(Clone, Debug)]
pub struct Own {
    /// Most memory that what is known of the series may take.
    pub max_state: ByteSize,
}

impl Default for Own {
    fn default() -> Self {
        Self { max_state: ByteSize(64 << 20) }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("max_staleness", &mut self.max_staleness);
        f.scalar("initial_value", &mut self.initial_value);
        f.block("include", &mut self.include);
        f.block("exclude", &mut self.exclude);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        for (key, block) in [("include", &self.include), ("exclude", &self.exclude)] {
            if !block.metrics.is_empty() && block.match_type.is_empty() {
                report.error(key, "match_type must be set if metrics are supplied");
            }
            if block.metrics.is_empty() && !block.match_type.is_empty() {
                report.error(key, "metrics must be supplied if match_type is set");
            }
            for name in block.metric_types.iter().filter(|name| Choice::kind_of(name).is_none()) {
                let message =
                    format!("found invalid metric type in {key}.metric_types: {name}. Valid values are [sum histogram]");
                report.error(key, message);
            }
            match block.match_type.as_str() {
                "" | "strict" => {}
                "regexp" => {
                    if let Err(error) = Names::new("regexp", &block.metrics) {
                        report.error(key, error);
                    }
                }
                other => {
                    let message = format!("match_type {other:?} is neither strict nor regexp: the names in {key} have no effect");
                    report.warning(key, message);
                }
            }
        }
    }
}

impl Block for MatchMetrics {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("match_type", &mut self.match_type);
        f.optional("regexp", &mut self.regexp);
        f.list("metrics", &mut self.metrics);
        f.list("metric_types", &mut self.metric_types);
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("max_state", &mut self.max_state);
    }

    fn validate(&self, report: &mut Report<'_>) {
        const LEAST: u64 = 64 << 10;
        if self.max_state.0 < LEAST {
            report.error("max_state", "must be at least 64KiB");
        }
    }
}

impl ProcessorConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        vec![MemoryBound::new("series", self.warren.max_state.0).set_by("warren::max_state")]
    }

    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        Ok(Arc::new(Converter::build(self, &cx, signal, next)?))
    }
}
