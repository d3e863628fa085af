//! An event that a broker told of.

/// What a broker told, without prefix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// How serious it is, if it says.
    pub severity: Option<Severity>,
    /// The message, all lines of it.
    pub body: String,
    /// What it is about; each name once.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
}

/// How serious an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severity {
    /// OpenTelemetry's number.
    pub number: i32,
    /// The broker's word, in its long form.
    pub word: &'static str,
}

/// Words for levels, with their short forms and numbers.
const LEVELS: [(&str, &[&str], i32); 9] = [
    ("debug", &["debug", "dbg", "dbug"], 5),
    ("info", &["info", "inf"], 9),
    ("notice", &["notice", "ntc", "noti"], 10),
    ("warning", &["warning", "wrn", "warn"], 13),
    ("error", &["error", "err", "erro"], 17),
    ("critical", &["critical", "crt", "crit"], 18),
    ("alert", &["alert", "alt", "alrt"], 19),
    ("emergency", &["emergency", "emg", "emgc"], 21),
    ("fatal", &["fatal"], 21),
];

impl Severity {
    /// The severity of a level's word, whatever its case.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let known = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
        LEVELS.iter().find(|(_, names, _)| known(names)).map(|(word, _, number)| Self { number: *number, word })
    }

    /// The severity of a priority of syslog.
    pub fn of_priority(priority: u8) -> Option<Self> {
        const WORDS: [&str; 8] = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
        WORDS.get(usize::from(priority)).and_then(|word| Self::of_word(word))
    }
}

impl Event {
    pub(crate) fn text(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.set(name, Attribute::Text(value));
        }
    }

    pub(crate) fn number(&mut self, name: &'static str, value: &str) {
        if let Ok(number) = value.parse() {
            self.set(name, Attribute::Number(number));
        }
    }

    fn set(&mut self, name: &'static str, value: Attribute) {
        if !self.attributes.iter().any(|(known, _)| *known == name) {
            self.attributes.push((name, value));
        }
    }

    /// Where a connection comes from, or leads to.
    pub(crate) fn address(&mut self, address: &'static str, port: &'static str, text: &str) {
        match text.rsplit_once(':') {
            Some((host, number)) if number.parse::<u16>().is_ok() => {
                self.text(address, host.trim_start_matches('[').trim_end_matches(']'));
                self.number(port, number);
            }
            _ => self.text(address, text),
        }
    }
}
