//! What collectors tell of themselves in figures, compared with what they told before they were given a version.

use super::plan::Gates;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of memory that are no difference, however small a collector is.
const MEMORY_SLACK: f64 = (16 << 20) as f64;

/// Points and records below which a part of them says nothing.
const ITEMS_MIN: f64 = 100.0;

/// Figures of a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Figures {
    /// When it was started, in milliseconds since 1970.
    pub(super) started: i64,
    /// Bytes of memory that it occupies.
    pub(super) memory: f64,
    /// What its exporters have sent since it was started, and what they have not been able to send or to keep.
    pub(super) sent: f64,
    pub(super) lost: f64,
    /// How often it was started since it applied what it was given.
    pub(super) restarts: u32,
}

impl Figures {
    /// As a collector tells them with its health; none if it tells none.
    pub(super) fn told(health: &Value) -> Option<Self> {
        let number = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0);
        let memory = number(health, "/attributes/warren.memory.rss");
        let mut figures = Self { started: health.get("started").and_then(Value::as_i64)?, memory, ..Self::default() };
        if figures.started == 0 || memory <= 0.0 {
            return None;
        }
        let components = health.get("components").and_then(Value::as_object).into_iter().flatten();
        for (_, exporter) in components.filter(|(name, _)| name.starts_with("exporter:")) {
            figures.sent += number(exporter, "/attributes/sent");
            figures.lost += number(exporter, "/attributes/send_failed") + number(exporter, "/attributes/enqueue_failed");
        }
        Some(figures)
    }

    /// As they are kept.
    pub(super) fn kept(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As they are to be kept.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What is known from before, once the collector was seen to run since then: whether it was started again counts only where it `settled`.
    pub(super) fn seen(self, now: &Self, settled: bool) -> Self {
        if now.started == self.started {
            return self;
        }
        // A process that was started again counts from zero.
        let counts = Self { started: now.started, sent: 0.0, lost: 0.0, ..self };
        Self { restarts: self.restarts + u32::from(settled), ..counts }
    }

    /// Parts of a hundred that were lost of what there was to send since then.
    fn lost_since(&self, before: &Self) -> Option<f64> {
        let (sent, lost) = (self.sent - before.sent, self.lost - before.lost);
        (sent >= 0.0 && lost >= 0.0 && sent + lost >= ITEMS_MIN).then(|| 100.0 * lost / (sent + lost))
    }

    /// What is wrong with them, beside those from before; whether that has to last to count.
    pub(super) fn ail(&self, before: &Self, gates: &Gates) -> Option<(String, bool)> {
        if gates.restarts.is_some_and(|most| before.restarts > most) {
            return Some((format!("its collector was started {} times", before.restarts), false));
        }
        if let Some(percent) = gates.memory_percent {
            let most = (before.memory * (1.0 + f64::from(percent) / 100.0)).max(before.memory + MEMORY_SLACK);
            if self.memory > most {
                let mib = |bytes: f64| bytes / f64::from(1 << 20);
                return Some((
                    format!("it takes {:.0} MiB of memory, and {:.0} before", mib(self.memory), mib(before.memory)),
                    true,
                ));
            }
        }
        if let (Some(percent), Some(lost)) = (gates.dropped_percent, self.lost_since(before)) {
            let usual = before.lost_since(&Self::default()).unwrap_or(0.0);
            if lost > usual + f64::from(percent) {
                return Some((format!("its exporters lose {lost:.1} of a hundred, and {usual:.1} before"), true));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn figures(memory: f64, sent: f64, lost: f64) -> Figures {
        Figures { started: 1, memory: memory * f64::from(1 << 20), sent, lost, restarts: 0 }
    }

    #[test]
    fn figures_are_those_of_all_exporters() {
        let health = json!({
            "healthy": true, "started": 7, "attributes": {"warren.memory.rss": 1048576.0},
            "components": {
                "exporter:a/metrics": {"attributes": {"sent": 5.0, "send_failed": 1.0, "enqueue_failed": 2}},
                "exporter:b/logs": {"attributes": {"sent": 6.0}}, "receiver:c/metrics": {"attributes": {"sent": 100.0}},
            },
        });
        let told = Figures::told(&health).unwrap();
        assert_eq!((told.started, told.memory, told.sent, told.lost), (7, 1048576.0, 11.0, 3.0));
        assert_eq!(Figures::told(&json!({"healthy": true})), None);
        assert_eq!(Figures::kept(&told.text()), Some(told));
    }

    #[test]
    fn much_more_memory_than_before_is_told_but_not_a_little() {
        let gates = Gates::default();
        let ail = |before: f64, now: f64| figures(now, 0.0, 0.0).ail(&figures(before, 0.0, 0.0), &gates).is_some();
        assert!(!ail(20.0, 36.0) && ail(20.0, 36.1), "16 MiB are nothing");
        assert!(!ail(200.0, 240.0) && ail(200.0, 241.0));
        let off = Gates { memory_percent: None, ..Gates::default() };
        assert_eq!(figures(999.0, 0.0, 0.0).ail(&figures(1.0, 0.0, 0.0), &off), None);
    }

    #[test]
    fn what_is_lost_is_compared_with_what_was_lost_before() {
        let gates = Gates::default();
        let ail = |before: Figures, now: Figures| now.ail(&before, &gates).is_some();
        assert!(!ail(figures(1.0, 1000.0, 0.0), figures(1.0, 1950.0, 50.0)), "five of a hundred");
        assert!(ail(figures(1.0, 1000.0, 0.0), figures(1.0, 1900.0, 100.0)));
        assert!(!ail(figures(1.0, 900.0, 100.0), figures(1.0, 1800.0, 200.0)), "as before");
        assert!(!ail(figures(1.0, 1000.0, 0.0), figures(1.0, 1000.0, 99.0)), "too few to say anything");
    }

    #[test]
    fn starts_count_once_it_runs_what_it_was_given() {
        let (before, again) = (figures(1.0, 500.0, 5.0), Figures { started: 2, ..figures(1.0, 3.0, 0.0) });
        assert_eq!(before.seen(&before, true), before);
        assert_eq!(before.seen(&again, false).restarts, 0);
        let once = before.seen(&again, true);
        assert_eq!((once.restarts, once.sent, once.memory), (1, 0.0, before.memory));
        let twice = once.seen(&Figures { started: 3, ..again }, true);
        assert_eq!(twice.restarts, 2);
        assert_eq!(again.ail(&once, &Gates::default()), None);
        assert_eq!(again.ail(&twice, &Gates::default()), Some(("its collector was started 2 times".to_owned(), false)));
    }
}
