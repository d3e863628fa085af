//! The process log, in the layout of upstream's logger.
//!
//! A line is `time<TAB>level<TAB>message<TAB>{fields}` (console) or one JSON object. Lines that repeat are thinned out per level,
//! message and component, and the number of those left out is told when the window closes.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Distinct (level, message, component) whose repetitions are counted at the same time.
const SAMPLED_KEYS_MAX: usize = 4_096;

/// The local time in this format of `strftime`.
pub fn now(format: &str) -> String {
    chrono::Local::now().format(format).to_string()
}

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// For developers.
    Debug,
    /// Milestones.
    Info,
    /// Something is not as it should be; the program goes on by itself.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The name as it stands in a line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// For people.
    #[default]
    Console,
    /// For machines.
    Json,
}

/// How repetitions are thinned out: within each `tick` the first `initial` lines, then every `thereafter`-th.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Length of a window.
    pub tick: Duration,
    /// Lines written at its start.
    pub initial: u64,
    /// Then one of so many; zero writes no more.
    pub thereafter: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { tick: Duration::from_secs(10), initial: 10, thereafter: 100 }
    }
}

/// How and where to write.
pub struct LogSettings {
    /// The least serious level written.
    pub level: Level,
    /// Layout.
    pub encoding: Encoding,
    /// Thinning out; `None` writes every line.
    pub sampling: Option<Sampling>,
    /// Fields that stand first in every line.
    pub fields: Vec<(String, serde_json::Value)>,
    /// Where lines go.
    pub output: Box<dyn Write + Send>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: Level::Info,
            encoding: Encoding::Console,
            sampling: Some(Sampling::default()),
            fields: Vec::new(),
            output: Box::new(std::io::stderr()),
        }
    }
}

/// A value beside a message.
pub enum Field<'a> {
    /// Text.
    Str(&'a str),
    /// Whatever can be shown.
    Display(&'a dyn Display),
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A duration, written as seconds.
    Duration(Duration),
    /// A value of any shape.
    Json(serde_json::Value),
}

/// Writes lines that carry its identity. Clones share the output.
#[derive(Clone)]
pub struct Logger {
    shared: Option<Arc<Shared>>,
    fields: Fields,
    component: Arc<str>,
}

struct Shared {
    /// The least serious level written, as a number.
    level: AtomicU8,
    state: Mutex<State>,
}

struct State {
    settings: LogSettings,
    windows: HashMap<Key, Window>,
}

/// What makes a line a repetition: level, message, component.
type Key = (Level, String, Arc<str>);

struct Window {
    opened: Instant,
    seen: u64,
    suppressed: u64,
    /// The identity of whoever wrote the line.
    fields: Fields,
}

/// Fields that stand in every line of a logger.
type Fields = Arc<Vec<(String, serde_json::Value)>>;

impl Logger {
    /// A logger as the settings say.
    pub fn new(settings: LogSettings) -> Self {
        let level = AtomicU8::new(settings.level as u8);
        let shared = Shared { level, state: Mutex::new(State { settings, windows: HashMap::new() }) };
        Self { shared: Some(Arc::new(shared)), fields: Arc::default(), component: Arc::from("") }
    }

    /// Writes as these settings say from now on, also through loggers that were made of this one.
    pub fn configure(&self, settings: LogSettings) {
        let Some(shared) = &self.shared else { return };
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.close_windows(|_| true);
        shared.level.store(settings.level as u8, Relaxed);
        state.settings = settings;
    }

    /// A logger that writes nothing.
    pub fn discarded() -> Self {
        Self { shared: None, fields: Arc::default(), component: Arc::from("") }
    }

    /// The same log for one component: `fields` stand in every line.
    pub fn with(&self, fields: &[(&str, &str)]) -> Self {
        let mut all = (*self.fields).clone();
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), serde_json::Value::from(*value))));
        let component = fields.iter().fold(self.component.to_string(), |key, (_, value)| key + "/" + value);
        Self { shared: self.shared.clone(), fields: Arc::new(all), component: component.into() }
    }

    /// Whether lines of this level are written.
    pub fn enabled(&self, level: Level) -> bool {
        self.shared.as_ref().is_some_and(|shared| level as u8 >= shared.level.load(Relaxed))
    }

    /// Writes a line for developers.
    pub fn debug(&self, message: &str, fields: &[(&str, Field<'_>)]) {
        self.write(Level::Debug, message, fields);
    }

    /// Writes a milestone.
    pub fn info(&self, message: &str, fields: &[(&str, Field<'_>)]) {
        self.write(Level::Info, message, fields);
    }

    /// Writes what is not as it should be.
    pub fn warn(&self, message: &str, fields: &[(&str, Field<'_>)]) {
        self.write(Level::Warn, message, fields);
    }

    /// Writes what failed.
    pub fn error(&self, message: &str, fields: &[(&str, Field<'_>)]) {
        self.write(Level::Error, message, fields);
    }

    /// Writes a line, unless its level is too low or it repeats too often.
    pub fn write(&self, level: Level, message: &str, fields: &[(&str, Field<'_>)]) {
        let Some(shared) = self.shared.as_ref().filter(|_| self.enabled(level)) else { return };
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sampling) = state.settings.sampling {
            let key = (level, message.to_owned(), self.component.clone());
            let over = state.windows.get(&key).is_some_and(|window| window.opened.elapsed() > sampling.tick);
            let full = state.windows.len() >= SAMPLED_KEYS_MAX;
            if over || full {
                state.close_windows(|window| full || window.opened.elapsed() > sampling.tick);
            }
            if !state.sample(&sampling, key, self) {
                return;
            }
        }
        let line = line(&state.settings, level, message, &self.fields, fields);
        let output = &mut state.settings.output;
        let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
    }

    /// Tells how many lines were left out in windows that are over. A further line of the same kind does so too; to be called now and
    /// then, for there may be none.
    pub fn tell_suppressed(&self) {
        let Some(shared) = &self.shared else { return };
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sampling) = state.settings.sampling {
            state.close_windows(|window| window.opened.elapsed() > sampling.tick);
        }
    }

    /// Tells how many lines were left out so far: the last thing before the program ends.
    pub fn flush(&self) {
        if let Some(shared) = &self.shared {
            shared.state.lock().unwrap_or_else(PoisonError::into_inner).close_windows(|_| true);
        }
    }
}

fn line(settings: &LogSettings, level: Level, message: &str, own: &Fields, fields: &[(&str, Field<'_>)]) -> String {
    let time = now("%Y-%m-%dT%H:%M:%S%.3f%z").replace("+0000", "Z");
    let own = settings.fields.iter().chain(own.iter()).map(|(name, value)| (name.as_str(), spaced(value)));
    let given = fields.iter().map(|(name, value)| (*name, value.json()));
    let mut line = String::new();
    // Writing to a String cannot fail.
    match settings.encoding {
        Encoding::Console => {
            let _ = write!(line, "{time}\t{}\t{message}", level.name());
            let mut before = "\t{";
            for (name, value) in own.chain(given) {
                let _ = write!(line, "{before}{}: {value}", quoted(name));
                before = ", ";
            }
            line.push_str(if before == ", " { "}\n" } else { "\n" });
        }
        Encoding::Json => {
            let _ = write!(line, "{{\"level\":\"{}\",\"ts\":\"{time}\",\"msg\":{}", level.name(), quoted(message));
            for (name, value) in own.chain(given) {
                let _ = write!(line, ",{}:{value}", quoted(name));
            }
            line.push_str("}\n");
        }
    }
    line
}

impl State {
    /// Whether the line is written now.
    fn sample(&mut self, sampling: &Sampling, key: Key, logger: &Logger) -> bool {
        let new = || Window { opened: Instant::now(), seen: 0, suppressed: 0, fields: logger.fields.clone() };
        let window = self.windows.entry(key).or_insert_with(new);
        window.seen += 1;
        let beyond = window.seen.saturating_sub(sampling.initial);
        let written = beyond == 0 || (sampling.thereafter > 0 && beyond.is_multiple_of(sampling.thereafter));
        window.suppressed += u64::from(!written);
        written
    }

    /// Tells what was left out in the windows that are to be closed.
    fn close_windows(&mut self, to_close: impl Fn(&Window) -> bool) {
        for ((level, message, _), window) in self.windows.extract_if(|_, window| to_close(window)) {
            if window.suppressed > 0 {
                let told = [("suppressed", Field::Int(i64::try_from(window.suppressed).unwrap_or(i64::MAX)))];
                let line = line(&self.settings, level, &message, &window.fields, &told);
                let _ = self.settings.output.write_all(line.as_bytes());
            }
        }
    }
}

impl Field<'_> {
    fn json(&self) -> String {
        match self {
            Self::Str(text) => quoted(text),
            Self::Display(shown) => quoted(&shown.to_string()),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => serde_json::Value::from(*number).to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Duration(duration) => {
                let seconds = duration.as_secs_f64();
                if seconds.fract() == 0.0 { duration.as_secs().to_string() } else { seconds.to_string() }
            }
            Self::Json(value) => spaced(value),
        }
    }
}

/// JSON with a blank behind colons and commas, as upstream's console has it.
fn spaced(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(name, value)| format!("{}: {}", quoted(name), spaced(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        serde_json::Value::Array(list) => format!("[{}]", list.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logger").field("component", &self.component).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// What was written, without the times.
        fn text(&self) -> String {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| line.split_once('\t').map_or(line, |(_, rest)| rest).to_owned() + "\n").collect()
        }
    }

    fn logger(settings: LogSettings) -> (Logger, Lines) {
        let lines = Lines::default();
        (Logger::new(LogSettings { output: Box::new(lines.clone()), ..settings }), lines)
    }

    #[test]
    fn a_line_has_upstreams_layout() {
        let resource = serde_json::json!({"service.name": "w", "n": [1, 2]});
        let (log, lines) = logger(LogSettings { fields: vec![("resource".into(), resource)], ..LogSettings::default() });
        let log = log.with(&[("otelcol.component.id", "debug")]);
        log.info("Ready\nto \"go\"", &[("wait", Field::Duration(Duration::from_millis(1500))), ("on", Field::Bool(true))]);
        log.debug("not seen", &[]);
        let expected = "info\tReady\nto \"go\"\t{\"resource\": {\"n\": [1, 2], \"service.name\": \"w\"}, \
            \"otelcol.component.id\": \"debug\", \"wait\": 1.5, \"on\": true}\n";
        assert_eq!(String::from_utf8(lines.0.lock().unwrap().clone()).unwrap().split_once('\t').unwrap().1, expected);
    }

    #[test]
    fn a_line_for_machines_is_one_object() {
        let (log, lines) = logger(LogSettings { encoding: Encoding::Json, ..LogSettings::default() });
        log.warn("w", &[("error", Field::Str("a\nb"))]);
        let object: serde_json::Value = serde_json::from_str(lines.text().trim()).unwrap();
        assert_eq!((&object["level"], &object["msg"], &object["error"]), (&"warn".into(), &"w".into(), &"a\nb".into()));
    }

    #[test]
    fn repetitions_are_thinned_out_per_component_and_the_rest_is_told() {
        let long = Sampling { tick: Duration::from_secs(3600), initial: 2, thereafter: 3 };
        let (log, lines) = logger(LogSettings { sampling: Some(long), ..LogSettings::default() });
        for number in 0..9 {
            log.with(&[("id", "a")]).info("same", &[("n", Field::Int(number))]);
        }
        log.with(&[("id", "b")]).info("same", &[]);
        let numbers: Vec<&str> = ["0", "1", "4", "7"].to_vec();
        let expected: String = numbers.iter().map(|n| format!("info\tsame\t{{\"id\": \"a\", \"n\": {n}}}\n")).collect();
        assert_eq!(lines.text(), expected + "info\tsame\t{\"id\": \"b\"}\n");

        // What was left out is told once, with the identity of whoever wrote it, but not before the window is over.
        log.tell_suppressed();
        assert!(!lines.text().contains("suppressed"));
        log.flush();
        log.flush();
        assert_eq!(lines.text().lines().last(), Some("info\tsame\t{\"id\": \"a\", \"suppressed\": 5}"));
        assert_eq!(lines.text().matches("suppressed").count(), 1);
    }

    #[test]
    fn kinds_of_lines_are_bounded() {
        let long = Sampling { tick: Duration::from_secs(3600), initial: 1, thereafter: 0 };
        let (log, _) = logger(LogSettings { sampling: Some(long), ..LogSettings::default() });
        for number in 0..SAMPLED_KEYS_MAX + 10 {
            log.info(&number.to_string(), &[]);
        }
        let windows = log.shared.as_ref().unwrap().state.lock().unwrap().windows.len();
        assert!(windows <= SAMPLED_KEYS_MAX);
    }
}
