//! What the processor tells of what does not go on.

use warren_component::BuildContext;
use warren_pdata::Signal;
use warren_telemetry::Counter;

/// Why a point does not go on as a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// It is the first of its series.
    Initial,
    /// Its series has begun anew: less was counted than before.
    Reset,
    /// It is older than the last point of its series.
    Late,
    /// It says that there is no value.
    NoValue,
    /// There is no room for its series.
    Full,
}

/// Counters of one processor.
pub(crate) struct Figures {
    initial: Counter,
    reset: Counter,
    late: Counter,
    no_value: Counter,
    full: Counter,
    /// Series forgotten because they were stale.
    pub(crate) stale: Counter,
    /// Series forgotten to make room.
    pub(crate) displaced: Counter,
}

impl Figures {
    pub(crate) fn new(cx: &BuildContext) -> Self {
        let registry = &cx.telemetry.registry;
        let id = cx.id.to_string();
        let counter = |name, help, reason| registry.counter(name, help, &[("processor", &id), ("reason", reason)]);
        let points = "warren_cumulativetodelta_withheld_points_total";
        let withheld = |reason| counter(points, "Points that give no delta, by reason.", reason);
        let series = "warren_cumulativetodelta_forgotten_series_total";
        let forgotten = |reason| counter(series, "Series that are no longer remembered, by reason.", reason);
        let lost = [("component", id.as_str()), ("signal", Signal::Metrics.name()), ("reason", "series_limit")];
        Self {
            initial: withheld("initial"),
            reset: withheld("reset"),
            late: withheld("late"),
            no_value: withheld("no_value"),
            full: registry.counter("warren_dropped_items_total", "Items lost, by reason.", &lost),
            stale: forgotten("stale"),
            displaced: forgotten("series_limit"),
        }
    }

    /// Counts a point that does not go on.
    pub(crate) fn withhold(&self, why: Withheld) {
        let counter = match why {
            Withheld::Initial => &self.initial,
            Withheld::Reset => &self.reset,
            Withheld::Late => &self.late,
            Withheld::NoValue => &self.no_value,
            Withheld::Full => &self.full,
        };
        counter.add(1);
    }
}
