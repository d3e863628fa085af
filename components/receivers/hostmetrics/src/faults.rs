//! What goes wrong while scraping: counted each time, told once.

use std::collections::HashMap;
use std::fmt::Write;
use warren_telemetry::{Field, Logger};

/// Kinds of faults that are kept apart in one tick; further ones are only counted.
const KINDS_MAX: usize = 100;

/// Ticks without a fault after which it counts as over: one that comes and goes is not told each time it comes.
const TICKS_UNTIL_OVER: u32 = 30;

/// The faults of one scraper.
#[derive(Default)]
pub(crate) struct Faults {
    now: Vec<Fault>,
    failed: usize,
    told: HashMap<Kind, u32>,
}

/// What is told once: what failed, and with what, where that matters.
type Kind = (&'static str, Box<str>);

struct Fault {
    kind: Kind,
    /// How often.
    count: usize,
    /// The first of them.
    message: String,
}

impl Faults {
    /// Something failed, and with it so many metrics. Faults of one `what` and `with` are told as one, in the words of the first.
    pub(crate) fn add(&mut self, what: &'static str, with: &str, failed: usize, message: impl FnOnce() -> String) {
        self.failed += failed;
        let room = self.now.len() < KINDS_MAX;
        match self.now.iter_mut().find(|fault| fault.kind.0 == what && *fault.kind.1 == *with) {
            Some(fault) => fault.count += 1,
            None if room => self.now.push(Fault { kind: (what, with.into()), count: 1, message: message() }),
            None => {}
        }
    }

    /// Forgets the faults of this tick.
    pub(crate) fn forget(&mut self) {
        self.now.clear();
        self.failed = 0;
    }

    /// Ends the tick: tells what is new and what is over, and gives the number of metrics that failed.
    pub(crate) fn end_tick(&mut self, scraper: &str, log: &Logger) -> usize {
        let mut told = String::new();
        for fault in self.now.drain(..) {
            if self.told.insert(fault.kind, 0).is_none() {
                let separator = if told.is_empty() { "" } else { "; " };
                // Writing to a String cannot fail.
                let _ = write!(told, "{separator}{}", fault.message);
                if fault.count > 1 {
                    let _ = write!(told, " (and {} more)", fault.count - 1);
                }
            }
        }
        if !told.is_empty() {
            log.error("Error scraping metrics", &[("scraper", Field::Str(scraper)), ("error", Field::Str(&told))]);
        }
        self.told.retain(|(what, with), ticks| {
            *ticks += 1;
            let over = *ticks > TICKS_UNTIL_OVER;
            if over {
                let fields = [("scraper", Field::Str(scraper)), ("what", Field::Str(what)), ("with", Field::Str(with))];
                log.info("Scraping metrics does not fail any more", &fields);
            }
            !over
        });
        std::mem::take(&mut self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use warren_telemetry::LogSettings;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_standing_fault_is_counted_each_time_and_told_once() {
        let lines = Lines::default();
        let log = Logger::new(LogSettings { output: Box::new(lines.clone()), ..LogSettings::default() });
        let written = || String::from_utf8(std::mem::take(&mut *lines.0.lock().unwrap())).unwrap();
        let mut faults = Faults::default();
        for _ in 0..3 {
            for pid in 1..=3 {
                faults.add("disk usage", "", 1, || format!("reading disk usage of {pid}"));
            }
            faults.add("usage", "/mnt", 2, || "usage of /mnt".to_owned());
            assert_eq!(faults.end_tick("process", &log), 5);
        }
        let text = written();
        assert!(
            text.contains(r#"{"scraper": "process", "error": "reading disk usage of 1 (and 2 more); usage of /mnt"}"#),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
        // Another mount is another fault.
        faults.add("usage", "/srv", 1, || "usage of /srv".to_owned());
        faults.end_tick("process", &log);
        assert!(written().contains("usage of /srv"));
        for _ in 0..TICKS_UNTIL_OVER {
            assert_eq!(faults.end_tick("process", &log), 0);
        }
        assert_eq!(written().matches("does not fail any more").count(), 3);
        faults.add("usage", "/srv", 1, || "usage of /srv again".to_owned());
        faults.end_tick("process", &log);
        assert!(written().contains("usage of /srv again"));
    }

    #[test]
    fn kinds_of_faults_are_bounded_and_all_are_counted() {
        let mut faults = Faults::default();
        for number in 0..10 * KINDS_MAX {
            faults.add("usage", &number.to_string(), 1, String::new);
        }
        assert_eq!(faults.now.len(), KINDS_MAX);
        assert_eq!(faults.end_tick("x", &Logger::discarded()), 10 * KINDS_MAX);
    }
}
