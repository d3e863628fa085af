//! The process log, in the layout of upstream's logger.
//!
//! A line is `time<TAB>level<TAB>message<TAB>{fields}` (console) or one JSON object. Lines that repeat are thinned out per level,
//! message and component, and the number of those left out is told when the window closes.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::io::Write;
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
    /// A duration, written as `1.5s` for people and as seconds for machines.
    Duration(Duration),
    /// A value of any shape.
    Json(serde_json::Value),
}

/// Writes lines that carry its identity. Clones share the output.
#[derive(Clone)]
pub struct Logger {
    shared: Option<Arc<Shared>>,
    fields: Arc<Vec<(String, serde_json::Value)>>,
    component: Arc<str>,
}

struct Shared {
    level: Level,
    encoding: Encoding,
    sampling: Option<Sampling>,
    state: Mutex<State>,
}

struct State {
    output: Box<dyn Write + Send>,
    windows: HashMap<(Level, String, Arc<str>), Window>,
    swept: Instant,
}

struct Window {
    opened: Instant,
    seen: u64,
    suppressed: u64,
}

impl Logger {
    /// A logger as the settings say.
    pub fn new(settings: LogSettings) -> Self {
        let state = State { output: settings.output, windows: HashMap::new(), swept: Instant::now() };
        let shared =
            Shared { level: settings.level, encoding: settings.encoding, sampling: settings.sampling, state: Mutex::new(state) };
        Self { shared: Some(Arc::new(shared)), fields: Arc::new(settings.fields), component: Arc::from("") }
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
        self.shared.as_ref().is_some_and(|shared| level >= shared.level)
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
        let Some(shared) = self.shared.as_ref().filter(|shared| level >= shared.level) else { return };
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sampling) = &shared.sampling {
            let (written, suppressed) = state.sample(sampling, level, message, &self.component);
            if suppressed > 0 {
                let line = self.line(shared.encoding, level, message, &[("suppressed", Field::Int(suppressed as i64))]);
                let _ = state.output.write_all(line.as_bytes());
            }
            if !written {
                return;
            }
        }
        let line = self.line(shared.encoding, level, message, fields);
        let _ = state.output.write_all(line.as_bytes()).and_then(|()| state.output.flush());
    }

    fn line(&self, encoding: Encoding, level: Level, message: &str, fields: &[(&str, Field<'_>)]) -> String {
        let time = chrono::Local::now().format("%Y-%m-%dT%H:%M:%S%.3f%z").to_string().replace("+0000", "Z");
        let own = self.fields.iter().map(|(name, value)| (name.as_str(), value.to_string()));
        let given = fields.iter().map(|(name, value)| (*name, value.json(encoding)));
        let mut line = String::new();
        match encoding {
            Encoding::Console => {
                let _ = write!(line, "{time}\t{}\t{message}", level.name());
                for (index, (name, value)) in own.chain(given).enumerate() {
                    line.push_str(if index == 0 { "\t{" } else { ", " });
                    let _ = write!(line, "{}: {value}", quoted(name));
                }
                line.push_str(if self.fields.is_empty() && fields.is_empty() { "\n" } else { "}\n" });
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
}

impl State {
    /// Whether the line is written now, and how many like it were left out in the window that just closed.
    fn sample(&mut self, sampling: &Sampling, level: Level, message: &str, component: &Arc<str>) -> (bool, u64) {
        let now = Instant::now();
        if now.duration_since(self.swept) > sampling.tick || self.windows.len() >= SAMPLED_KEYS_MAX {
            self.swept = now;
            self.windows.retain(|_, window| window.suppressed > 0 || now.duration_since(window.opened) <= sampling.tick);
        }
        if self.windows.len() >= SAMPLED_KEYS_MAX {
            self.windows.clear();
        }
        let key = (level, message.to_owned(), component.clone());
        let window = self.windows.entry(key).or_insert(Window { opened: now, seen: 0, suppressed: 0 });
        let mut told = 0;
        if now.duration_since(window.opened) > sampling.tick {
            told = window.suppressed;
            *window = Window { opened: now, seen: 0, suppressed: 0 };
        }
        window.seen += 1;
        let beyond = window.seen.saturating_sub(sampling.initial);
        let written = beyond == 0 || (sampling.thereafter > 0 && beyond.is_multiple_of(sampling.thereafter));
        window.suppressed += u64::from(!written);
        (written, told)
    }
}

impl Field<'_> {
    fn json(&self, encoding: Encoding) -> String {
        match self {
            Self::Str(text) => quoted(text),
            Self::Display(shown) => quoted(&shown.to_string()),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => serde_json::Value::from(*number).to_string(),
            Self::Bool(truth) => truth.to_string(),
            Self::Duration(duration) if encoding == Encoding::Console => quoted(&format!("{duration:?}")),
            Self::Duration(duration) => serde_json::Value::from(duration.as_secs_f64()).to_string(),
            Self::Json(value) => value.to_string(),
        }
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
