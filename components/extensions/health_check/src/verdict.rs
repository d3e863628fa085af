//! Whether the program is well.

use std::time::Duration;
use warren_component::{ComponentName, Pulse, ServiceStatus};
use warren_config::format_seconds;

/// What is wrong with one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    pub(crate) component: ComponentName,
    pub(crate) text: String,
}

/// What is wrong, if an exporter may be silent for so long.
pub(crate) fn reasons(status: &ServiceStatus, silence_max: Duration) -> Vec<Reason> {
    let wrong = status
        .pulses
        .iter()
        .filter_map(|(component, pulse)| Some(Reason { component: component.clone(), text: wrong(pulse, silence_max)? }));
    wrong.collect()
}

fn wrong(pulse: &Pulse, silence_max: Duration) -> Option<String> {
    match *pulse {
        Pulse::Sends { waiting, silent } if waiting > 0 && silent >= silence_max => {
            Some(format!("{waiting} waiting, and the destination has taken nothing for {}", format_seconds(silent)))
        }
        Pulse::Sends { .. } | Pulse::Collects { .. } => pulse.missed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: Duration = Duration::from_secs(300);

    #[test]
    fn silence_counts_only_while_something_waits() {
        let sends = |waiting, silent| wrong(&Pulse::Sends { waiting, silent: Duration::from_secs(silent) }, MINUTES);
        assert_eq!(sends(0, 9_000), None);
        assert_eq!(sends(7, 299), None);
        assert_eq!(sends(7, 300).unwrap(), "7 waiting, and the destination has taken nothing for 5m0s");
    }

    #[test]
    fn three_intervals_may_not_be_missed() {
        let collects = |interval, ago| {
            wrong(&Pulse::Collects { interval: Duration::from_secs(interval), ago: Duration::from_secs(ago) }, MINUTES)
        };
        assert_eq!(collects(60, 179), None);
        assert_eq!(collects(5, 15).unwrap(), "nothing was collected for 15s, which should happen every 5s");
    }
}
