//! The two limits, in bytes.

use crate::Config;

/// Bytes of a MiB.
pub(crate) const MIB: u64 = 1 << 20;

/// What the process may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From here on nothing is taken.
    pub(crate) soft: u64,
    /// From here on memory is returned with more zeal.
    pub(crate) hard: u64,
}

impl Limits {
    /// The limits that the settings ask for; `usable` is the memory that percentages are parts of. None when it is needed and not known.
    pub(crate) fn new(config: &Config, usable: Option<u64>) -> Option<Self> {
        let (hard, spike) = if config.limit_mib > 0 {
            (u64::from(config.limit_mib) * MIB, u64::from(config.spike_limit_mib) * MIB)
        } else {
            let part = |percentage: u32| usable.map(|usable| usable.saturating_mul(u64::from(percentage)) / 100);
            (part(config.limit_percentage)?, part(config.spike_limit_percentage)?)
        };
        let spike = if spike == 0 { hard / 5 } else { spike };
        Some(Self { soft: hard.saturating_sub(spike), hard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts of upstream's `internal/memorylimiter/memorylimiter_test.go` at v0.132.0 (`TestGetDecision`, `TestRefuseDecision`).
    #[test]
    fn limits_follow_settings() {
        let config = |limit_mib, spike_limit_mib, limit_percentage, spike_limit_percentage| Config {
            limit_mib,
            spike_limit_mib,
            limit_percentage,
            spike_limit_percentage,
            ..Config::default()
        };
        for (config, usable, soft, hard) in [
            (config(100, 0, 0, 0), None, 80 * MIB, 100 * MIB),
            (config(100, 20, 50, 10), Some(1000 * MIB), 80 * MIB, 100 * MIB),
            (config(0, 0, 50, 10), Some(100 * MIB), 40 * MIB, 50 * MIB),
            (config(0, 0, 50, 0), Some(1000 * MIB), 400 * MIB, 500 * MIB),
            (config(0, 0, 60, 30), Some(1000), 300, 600),
            (config(0, 0, 40, 20), Some(1000), 200, 400),
        ] {
            assert_eq!(Limits::new(&config, usable), Some(Limits { soft, hard }));
        }
        assert_eq!(Limits::new(&config(0, 0, 50, 0), None), None);
    }
}
