//! How much memory a configuration may take: what each component declares, and the sum.
//!
//! The bounds are those at which components refuse, drop or block; what a process takes in practice is a small part of their sum.

use crate::config::Settings;
use crate::outline::{Key, Outline};
use serde_json::{Value, json};
use std::fmt::Write;
use warren_component::MemoryBound;
use warren_config::ByteSize;

/// The program without components: its code as far as it is mapped in, runtime, log, own metrics.
const PROGRAM_BYTES: u64 = 16 << 20;

/// Bounds that are named when the sum is too large.
const NAMED_MAX: usize = 5;

/// The bounds of a configuration.
pub(crate) struct Memory(Vec<(Option<Key>, MemoryBound)>);

impl Memory {
    /// What the nodes of an outline declare.
    pub(crate) fn of(settings: &Settings, outline: &Outline) -> Self {
        let mut bounds = vec![(None, MemoryBound::new("the program itself", PROGRAM_BYTES))];
        for key in outline.parts.keys() {
            let declared = match key {
                Key::Extension(id) => settings.extensions.get(id).map(|config| config.memory()),
                Key::Exporter(_, id) => settings.exporters.get(id).map(|config| config.memory()),
                Key::Processor(_, id) => settings.processors.get(id).map(|config| config.memory()),
                Key::Receiver(id) => settings.receivers.get(id).map(|config| config.memory()),
            };
            bounds.extend(declared.unwrap_or_default().into_iter().map(|bound| (Some(key.clone()), bound)));
        }
        Self(bounds)
    }

    /// All of it together.
    pub(crate) fn sum(&self) -> u64 {
        self.0.iter().map(|(_, bound)| bound.bytes).fold(0, u64::saturating_add)
    }

    /// Why it is too much, if it is.
    pub(crate) fn refusal(&self, most: ByteSize) -> Option<String> {
        (self.sum() > most.0).then(|| {
            let mut largest: Vec<_> = self.0.iter().collect();
            largest.sort_by_key(|(_, bound)| std::cmp::Reverse(bound.bytes));
            let mut text = format!(
                "the configuration may take {} of memory, more than --memory-max {}; the largest parts:",
                shown(self.sum()),
                shown(most.0)
            );
            for (key, bound) in largest.into_iter().take(NAMED_MAX) {
                let setting = bound.setting.map(|setting| format!(" ({setting})")).unwrap_or_default();
                let _ = write!(text, "\n  {}: {}, {}{setting}", whose(key.as_ref()), bound.what, shown(bound.bytes));
            }
            text.push_str("\nvalidate --memory shows all of them");
            text
        })
    }

    /// A table for people.
    pub(crate) fn table(&self) -> String {
        let rows = self
            .0
            .iter()
            .map(|(key, bound)| (whose(key.as_ref()), bound.what.clone(), shown(bound.bytes), bound.setting.unwrap_or_default()));
        let sum = ("sum".to_owned(), String::new(), shown(self.sum()), "");
        let rows: Vec<_> = rows.chain([sum]).collect();
        let width = |of: fn(&(String, String, String, &str)) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let (first, second, third) =
            (width(|row| row.0.chars().count()), width(|row| row.1.chars().count()), width(|row| row.2.len()));
        let mut text = String::new();
        for (whose, what, bytes, setting) in &rows {
            let line = format!("{whose:first$}  {what:second$}  {bytes:>third$}  {setting}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Value {
        let bound = |(key, bound): &(Option<Key>, MemoryBound)| {
            let name = key.as_ref().map(Key::name);
            json!({
                "kind": name.as_ref().map(|name| name.kind), "id": name.as_ref().map(|name| name.id.to_string()),
                "signal": name.as_ref().and_then(|name| name.signal).map(|signal| signal.name()),
                "pipeline": name.as_ref().and_then(|name| name.pipeline.clone()),
                "what": bound.what, "bytes": bound.bytes, "setting": bound.setting,
            })
        };
        json!({ "bounds": self.0.iter().map(bound).collect::<Vec<_>>(), "sum": self.sum() })
    }
}

fn whose(key: Option<&Key>) -> String {
    key.map_or_else(|| "program".to_owned(), Key::to_string)
}

/// Bytes as people read them.
fn shown(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64 / f64::from(1 << 20);
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Memory {
        let key = Key::Exporter(warren_pdata::Signal::Metrics, "otlphttp/x".parse().unwrap());
        Memory(vec![
            (None, MemoryBound::new("the program itself", 1 << 20)),
            (Some(key), MemoryBound::new("queue", 3 << 30).set_by("sending_queue")),
        ])
    }

    #[test]
    fn a_table_adds_up() {
        let lines = [
            "program                        the program itself  1.0 MiB",
            "exporter otlphttp/x (metrics)  queue               3.0 GiB  sending_queue",
            "sum                                                3.0 GiB",
        ];
        assert_eq!(memory().table().lines().collect::<Vec<_>>(), lines);
        assert_eq!(memory().json()["sum"], json!((3u64 << 30) + (1 << 20)));
    }

    #[test]
    fn what_is_too_much_is_told_with_the_largest_parts_first() {
        assert_eq!(memory().refusal(ByteSize(4 << 30)), None);
        let text = memory().refusal(ByteSize(64 << 20)).unwrap();
        let first = "  exporter otlphttp/x (metrics): queue, 3.0 GiB (sending_queue)";
        assert!(text.starts_with("the configuration may take 3.0 GiB of memory, more than --memory-max 64.0 MiB"));
        assert_eq!(text.lines().nth(1), Some(first));
    }
}
