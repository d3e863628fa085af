//! Settings of the processor.

use crate::checker::Checker;
use crate::limits::{Limits, MIB};
use crate::memory::Process;
use crate::processor::Limiter;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use warren_component::{BuildContext, BuildError, Consumer, Processor, ProcessorConfig};
use warren_config::{Block, Fields, GoDuration, Report};
use warren_pdata::Signal;
use warren_telemetry::Field;

/// Settings of one `memory_limiter` processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often memory is looked at.
    pub check_interval: GoDuration,
    /// The hard limit, in MiB; it goes before the percentage.
    pub limit_mib: u32,
    /// How far below it the soft limit lies, in MiB; zero means a fifth.
    pub spike_limit_mib: u32,
    /// The hard limit as a part of the memory that the process may use.
    pub limit_percentage: u32,
    /// How far below it the soft limit lies, as a part of that memory; zero means a fifth of the limit.
    pub spike_limit_percentage: u32,
    /// The shortest time between two attempts to return memory above the soft limit.
    pub min_gc_interval_when_soft_limited: GoDuration,
    /// The same above the hard limit.
    pub min_gc_interval_when_hard_limited: GoDuration,
    /// The longest time between two attempts above the soft limit, when they do not help; zero leaves it at the shortest.
    pub max_gc_interval_when_soft_limited: GoDuration,
    /// The same above the hard limit.
    pub max_gc_interval_when_hard_limited: GoDuration,
    pub(crate) shared: Shared,
}

/// The checker that all pipelines with these settings have in common, while one of them has it.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Weak<Checker>>>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

const SECOND: i64 = 1_000_000_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            check_interval: GoDuration(0),
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: GoDuration(10 * SECOND),
            min_gc_interval_when_hard_limited: GoDuration(0),
            max_gc_interval_when_soft_limited: GoDuration(30 * SECOND),
            max_gc_interval_when_hard_limited: GoDuration(30 * SECOND),
            shared: Shared::default(),
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
        let faults = [
            (self.check_interval.0 <= 0, "'check_interval' must be greater than zero"),
            (
                self.min_gc_interval_when_soft_limited.0 < self.min_gc_interval_when_hard_limited.0,
                "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'",
            ),
            (self.limit_mib == 0 && self.limit_percentage == 0, "'limit_mib' or 'limit_percentage' must be greater than zero"),
            (
                self.limit_percentage > 100 || self.spike_limit_percentage > 100,
                "'limit_percentage' and 'spike_limit_percentage' must be greater than zero and less than or equal to hundred",
            ),
            (self.limit_mib > 0 && self.limit_mib <= self.spike_limit_mib, "'spike_limit_mib' must be smaller than 'limit_mib'"),
            (
                self.limit_percentage > 0 && self.limit_percentage <= self.spike_limit_percentage,
                "'spike_limit_percentage' must be smaller than 'limit_percentage'",
            ),
        ];
        faults.into_iter().filter(|(fault, _)| *fault).for_each(|(_, text)| report.error("", text));
    }
}

impl Config {
    /// How often memory is looked at.
    pub(crate) fn check_interval(&self) -> Duration {
        self.check_interval.as_duration().unwrap_or_default()
    }

    pub(crate) fn min_gc_interval_when_soft_limited(&self) -> Duration {
        self.min_gc_interval_when_soft_limited.as_duration().unwrap_or_default()
    }

    pub(crate) fn min_gc_interval_when_hard_limited(&self) -> Duration {
        self.min_gc_interval_when_hard_limited.as_duration().unwrap_or_default()
    }

    pub(crate) fn max_gc_interval_when_soft_limited(&self) -> Duration {
        self.max_gc_interval_when_soft_limited.as_duration().unwrap_or_default()
    }

    pub(crate) fn max_gc_interval_when_hard_limited(&self) -> Duration {
        self.max_gc_interval_when_hard_limited.as_duration().unwrap_or_default()
    }

    /// The checker, made by the first pipeline that asks.
    pub(crate) fn checker(&self, cx: &BuildContext) -> Result<Arc<Checker>, BuildError> {
        let mut shared = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checker) = shared.upgrade() {
            return Ok(checker);
        }
        let usable = warren_sys::cgroup::memory_limit().into_iter().chain(warren_sys::memory::machine_bytes()).min();
        let limits = Limits::new(self, usable)
            .ok_or_else(|| BuildError::new("failed to get total memory, use fixed memory settings (limit_mib)"))?;
        self.tell(cx, &limits, usable);
        let checker = Arc::new(Checker::new(self, limits, Box::new(Process), cx.telemetry.log.clone()));
        *shared = Arc::downgrade(&checker);
        Ok(checker)
    }

    fn tell(&self, cx: &BuildContext, limits: &Limits, usable: Option<u64>) {
        let in_mib = |bytes: u64| Field::Int((bytes / MIB) as i64);
        if self.limit_mib == 0 {
            let fields = [
                ("total_memory_mib", in_mib(usable.unwrap_or_default())),
                ("limit_percentage", Field::Int(i64::from(self.limit_percentage))),
                ("spike_limit_percentage", Field::Int(i64::from(self.spike_limit_percentage))),
            ];
            cx.telemetry.log.info("Using percentage memory limiter", &fields);
        }
        let fields = [
            ("limit_mib", in_mib(limits.hard)),
            ("spike_limit_mib", in_mib(limits.hard - limits.soft)),
            ("check_interval", Field::Duration(self.check_interval())),
        ];
        cx.telemetry.log.info("Memory limiter configured", &fields);
    }
}

impl ProcessorConfig for Config {
    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        Ok(Arc::new(Limiter::new(self.checker(&cx)?, &cx, signal, next)))
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
            (
                "{check_interval: 1s, limit_percentage: 20, spike_limit_percentage: 20}",
                "'spike_limit_percentage' must be smaller than 'limit_percentage'",
            ),
            ("{check_interval: -1s, limit_mib: 10}", "'check_interval' must be greater than zero"),
            ("{check_interval: 1s, limit_mib: 10, min_gc_interval_when_hard_limited: 1m}", "should be larger than"),
            ("{check_interval: 1s, limit_mib: 10, spike_limit_mib: -1}", "cannot parse value as 'uint32': -1 overflows uint"),
        ] {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
            let told: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
            assert!(told.len() == 1 && told[0].contains(says), "{text}: {told:?}");
        }
    }

    #[test]
    fn keys_of_later_versions_are_accepted() {
        let text = "{check_interval: 1s, limit_mib: 10, min_gc_interval_when_soft_limited: 1m, max_gc_interval_when_soft_limited: 2m, \
                    max_gc_interval_when_hard_limited: 0}";
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
        assert_eq!(diagnostics.iter().count(), 0);
        assert_eq!(config.max_gc_interval_when_soft_limited().as_secs(), 120);
    }
}
