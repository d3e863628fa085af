//! Settings of the processor.

use crate::limits::Limits;
use crate::processor::Limiter;
use std::sync::Arc;
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Consumer, Processor, ProcessorConfig};
use warren_config::{Block, Fields, Report};
use warren_pdata::Signal;

/// Settings of one `memory_limiter` processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often memory is looked at.
    pub check_interval: Duration,
    /// The hard limit, in MiB; it goes before the percentage.
    pub limit_mib: u32,
    /// How far below it the soft limit lies, in MiB; zero means a fifth.
    pub spike_limit_mib: u32,
    /// The hard limit as a part of the memory that the process may use.
    pub limit_percentage: u32,
    /// How far below it the soft limit lies, as a part of that memory; zero means a fifth of the limit.
    pub spike_limit_percentage: u32,
    /// The shortest time between two attempts to give memory back above the soft limit.
    pub min_gc_interval_when_soft_limited: Duration,
    /// The same above the hard limit.
    pub min_gc_interval_when_hard_limited: Duration,
    /// Accepted; attempts do not grow rarer here.
    pub max_gc_interval_when_soft_limited: Duration,
    /// Accepted; attempts do not grow rarer here.
    pub max_gc_interval_when_hard_limited: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            check_interval: Duration::ZERO,
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: Duration::from_secs(10),
            min_gc_interval_when_hard_limited: Duration::ZERO,
            max_gc_interval_when_soft_limited: Duration::from_secs(30),
            max_gc_interval_when_hard_limited: Duration::from_secs(30),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("check_interval", &mut self.check_interval);
        f.scalar("limit_mib", &mut self.limit_mib);
        f.scalar("spike_limit_mib", &mut self.spike_limit_mib);
        f.scalar("limit_percentage", &mut self.limit_percentage);
        f.scalar("spike_limit_percentage", &mut self.spike_limit_percentage);
        f.scalar("min_gc_interval_when_soft_limited", &mut self.min_gc_interval_when_soft_limited);
        f.scalar("min_gc_interval_when_hard_limited", &mut self.min_gc_interval_when_hard_limited);
        f.scalar("max_gc_interval_when_soft_limited", &mut self.max_gc_interval_when_soft_limited);
        f.scalar("max_gc_interval_when_hard_limited", &mut self.max_gc_interval_when_hard_limited);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.check_interval.is_zero() {
            report.error("", "'check_interval' must be greater than zero");
        }
        if self.min_gc_interval_when_soft_limited < self.min_gc_interval_when_hard_limited {
            report.error("", "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'");
        }
        if self.limit_mib == 0 && self.limit_percentage == 0 {
            report.error("", "'limit_mib' or 'limit_percentage' must be greater than zero");
        }
        if self.limit_percentage > 100 || self.spike_limit_percentage > 100 {
            report.error(
                "",
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
            );
        }
        if self.limit_mib > 0 && self.limit_mib <= self.spike_limit_mib {
            report.error("", "'spike_limit_mib' must be smaller than 'limit_mib'");
        }
    }
}

impl ProcessorConfig for Config {
    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let usable = warren_sys::cgroup::memory_limit().into_iter().chain(warren_sys::memory::machine_bytes()).min();
        let limits = Limits::new(self, usable)
            .ok_or_else(|| BuildError::new("the machine does not tell how much memory it has: set limit_mib"))?;
        Ok(Arc::new(Limiter::new(self, limits, &cx, signal, next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    /// Facts of upstream's `internal/memorylimiter/config_test.go` at v0.132.0.
    #[test]
    fn settings_that_make_no_sense_are_refused_in_upstreams_words() {
        for (text, says) in [
            ("{limit_mib: 100}", "'check_interval' must be greater than zero"),
            ("{check_interval: 1s}", "'limit_mib' or 'limit_percentage' must be greater than zero"),
            ("{check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}", "'spike_limit_mib' must be smaller than 'limit_mib'"),
            ("{check_interval: 1s, limit_percentage: 101}", "less than or equal to hundred"),
            ("{check_interval: 1s, limit_mib: 10, min_gc_interval_when_hard_limited: 1m}", "should be larger than"),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
            assert!(told.iter().any(|error| error.contains(says)), "{text}: {told:?}");
        }
    }
}
