//! Settings of the receiver.

use crate::extras::Extras;
use indexmap::IndexMap;
use warren_config::{Block, ComponentId, Custom, Fields, GoDuration, Keyword, Map, Node, Place, ReferenceKind, Report, Value};
use warren_journal::{Match, Namespace, Source, query};
use warren_regex::Regex;
use warren_stanza::{Operators, Template};

/// Settings of a `journald` receiver.
#[derive(Debug)]
pub struct Config {
    /// Where journal files are, instead of the system's own.
    pub directory: Option<String>,
    /// Journal files, or patterns of their paths; a directory goes first.
    pub files: Vec<String>,
    /// Where to begin when it is not known how far the journal was read.
    pub start_at: StartAt,
    /// Only what belongs to these units.
    pub units: Vec<String>,
    /// Only what has one of these identifiers.
    pub identifiers: Vec<String>,
    /// Only what has one of these combinations of fields.
    pub matches: Matches,
    /// Only what is at least as serious, or within a range.
    pub priority: String,
    /// Only messages that match.
    pub grep: String,
    /// Only what the kernel said, in this boot.
    pub dmesg: bool,
    /// Which journal namespace.
    pub namespace: String,
    /// Messages that are not text become text all the same.
    pub convert_message_bytes: bool,
    /// The extension that keeps how far the journal is read.
    pub storage: Option<ComponentId>,
    /// Attributes of every record.
    pub attributes: IndexMap<String, String>,
    /// Attributes of the resource of every record.
    pub resource: IndexMap<String, String>,
    /// How refused batches are tried again.
    pub retry: Retry,
    /// Journals of other machines too.
    pub merge: bool,
    /// The root below which the system's own journal is looked for.
    pub root_path: String,
    /// What upstream does not know.
    pub warren: Extras,
    /// What is done with single records before they become a batch.
    pub operators: Operators,
    all: bool,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At the oldest entry.
    Beginning,
    /// Behind the newest.
    End,
}

/// The block `retry_on_failure`. There is no end to trying: the journal keeps what is not taken.
#[derive(Debug)]
pub struct Retry {
    /// Accepted as upstream has it. Without, the defaults hold.
    pub enabled: bool,
    /// Wait before the second attempt.
    pub initial_interval: GoDuration,
    /// Longest wait.
    pub max_interval: GoDuration,
    max_elapsed_time: GoDuration,
}

/// Combinations of fields, one of which an entry must have.
#[derive(Debug, Default)]
pub struct Matches(Vec<IndexMap<String, String>>);

const fn seconds(count: i64) -> GoDuration {
    GoDuration(count * 1_000_000_000)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: None,
            files: Vec::new(),
            start_at: StartAt::End,
            units: Vec::new(),
            identifiers: Vec::new(),
            matches: Matches::default(),
            priority: "info".to_owned(),
            grep: String::new(),
            dmesg: false,
            namespace: String::new(),
            convert_message_bytes: false,
            storage: None,
            attributes: IndexMap::new(),
            resource: IndexMap::new(),
            retry: Retry::default(),
            merge: false,
            root_path: String::new(),
            warren: Extras::default(),
            operators: Operators::default(),
            all: false,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self { enabled: false, initial_interval: seconds(1), max_interval: seconds(30), max_elapsed_time: seconds(300) }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional_scalar("directory", &mut self.directory);
        f.list("files", &mut self.files);
        f.scalar("start_at", &mut self.start_at);
        f.list("units", &mut self.units);
        f.list("identifiers", &mut self.identifiers);
        f.custom("matches", &mut self.matches);
        f.scalar("priority", &mut self.priority);
        f.scalar("grep", &mut self.grep);
        f.scalar("dmesg", &mut self.dmesg);
        f.scalar("all", &mut self.all);
        f.scalar("namespace", &mut self.namespace);
        f.scalar("convert_message_bytes", &mut self.convert_message_bytes);
        f.optional_scalar("storage", &mut self.storage);
        f.custom("operators", &mut self.operators);
        f.list("output", &mut self.operators.entrance);
        f.map("attributes", &mut self.attributes);
        f.map("resource", &mut self.resource);
        f.block("retry_on_failure", &mut self.retry);
        // Keys that every operator has; the receiver is the first of a chain.
        for key in ["id", "type"] {
            f.accepted(key, "the key has no effect on the receiver");
        }
        f.scalar("merge", &mut self.merge);
        f.scalar("root_path", &mut self.root_path);
        f.accepted("journalctl_path", "the journal is read without journalctl");
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Err(part) = query::priorities(&self.priority) {
            let hint = "a name (emerg, alert, crit, err, warning, notice, info, debug), a number from 0 to 7, or a range such as err..info";
            report.error_with_hint("priority", format!("invalid priority {part:?}"), hint);
        }
        if let Err(error) = self.grep() {
            report.error("grep", error.to_string());
        }
        if let Some(storage) = &self.storage {
            report.reference("storage", ReferenceKind::Storage, storage);
        }
        if self.directory.is_some() && !self.files.is_empty() {
            report.warning("files", "`files` is ignored because `directory` is set");
        }
        for (key, values) in [("attributes", &self.attributes), ("resource", &self.resource)] {
            for error in values.values().filter_map(|text| Template::new(text).err()) {
                report.error(key, error);
            }
        }
    }
}

impl Config {
    /// Where the files are.
    pub(crate) fn source(&self) -> Source {
        if let Some(directory) = &self.directory {
            return Source::Directory(directory.into());
        }
        if !self.files.is_empty() {
            return Source::Files(self.files.clone());
        }
        let root = if self.root_path.is_empty() { "/" } else { &self.root_path };
        Source::System { root: root.into(), namespace: Namespace::parse(&self.namespace), all_machines: self.merge }
    }

    /// Which entries are wanted, but for `grep`.
    pub(crate) fn wanted(&self) -> Match {
        let texts = |list: &'_ [String]| list.to_vec();
        let (units, identifiers) = (texts(&self.units), texts(&self.identifiers));
        let mut all = vec![
            query::units(units.iter().map(String::as_str)),
            query::identifiers(identifiers.iter().map(String::as_str)),
            // Validated.
            query::priorities(&self.priority).unwrap_or(Match::everything()),
            self.matches.wanted(),
        ];
        if self.dmesg {
            all.push(query::kernel());
        }
        Match::All(all)
    }

    /// What messages must match, if anything. Without capital letters case does not matter.
    pub(crate) fn grep(&self) -> Result<Option<Regex>, warren_regex::Error> {
        if self.grep.is_empty() {
            return Ok(None);
        }
        let any_case = !self.grep.chars().any(char::is_uppercase);
        let pattern = if any_case { format!("(?i){}", self.grep) } else { self.grep.clone() };
        Regex::new(&pattern).map(Some)
    }
}

impl Block for Retry {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("initial_interval", &mut self.initial_interval);
        f.scalar("max_interval", &mut self.max_interval);
        f.scalar("max_elapsed_time", &mut self.max_elapsed_time);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let durations = [
            ("initial_interval", self.initial_interval),
            ("max_interval", self.max_interval),
            ("max_elapsed_time", self.max_elapsed_time),
        ];
        for (key, duration) in durations {
            if duration.0 < 0 {
                report.error(key, format!("'{key}' must be non-negative"));
            }
        }
    }
}

impl Matches {
    fn wanted(&self) -> Match {
        if self.0.is_empty() {
            return Match::everything();
        }
        let one = |fields: &IndexMap<String, String>| Match::of_fields(fields.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        Match::Any(self.0.iter().map(one).collect())
    }
}

/// Whether journald takes it as the name of a field. Upstream refuses digits too.
fn is_field_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with(|first: char| first.is_ascii_digit())
}

impl Custom for Matches {
    fn decode(&mut self, node: &Node, report: &mut Report<'_>) {
        let Some(list) = node.as_list() else {
            report.error("", format!("source data must be an array or slice, got {}", node.value.go_kind()));
            return;
        };
        self.0.clear();
        for (index, element) in list.iter().enumerate() {
            let mut fields = IndexMap::new();
            let mut report = report.at_index(index, element);
            let Some(map) = element.as_map() else {
                if !element.is_null() {
                    let message =
                        format!("expected type 'map[string]string', got unconvertible type '{}'", element.value.go_type());
                    report.error("", message);
                }
                continue;
            };
            for (name, entry) in map.iter() {
                let mut report = report.at_key(name, &entry.node);
                if !is_field_name(name) {
                    report.error("", format!("'{name}' is not a valid Systemd field name"));
                }
                if let Some(value) = report.scalar::<String>(&entry.node) {
                    fields.insert(name.to_owned(), value);
                }
            }
            self.0.push(fields);
        }
    }

    fn encode(&self) -> Value {
        let map = |fields: &IndexMap<String, String>| {
            let mut map = Map::new();
            for (name, value) in fields {
                map.insert(name.clone(), Place::none(), Node::from_value(Value::String(value.clone())));
            }
            Node::from_value(Value::Map(map))
        };
        Value::List(self.0.iter().map(map).collect())
    }
}

impl Keyword for StartAt {
    const TYPE: &'static str = "string";
    const WORDS: &'static [(&'static str, Self)] = &[("end", Self::End), ("beginning", Self::Beginning)];

    fn unknown(word: &str) -> String {
        format!("invalid value '{word}' for parameter 'start_at'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::read_settings;

    fn decode(yaml: &str) -> (Config, Vec<String>) {
        read_settings(yaml)
    }

    #[test]
    fn every_key_is_known() {
        let yaml = "
            directory: /x
            files: [/y]
            start_at: beginning
            units: [rabbitmq-server]
            identifiers: [a]
            matches: [{_UID: '0', _COMM: sh}, {MESSAGE_ID: '1'}]
            priority: err..warning
            grep: closing
            dmesg: true
            all: true
            namespace: n
            convert_message_bytes: true
            operators: [{type: noop, id: y}]
            attributes: {a: b}
            resource: {c: d}
            retry_on_failure: {enabled: true, initial_interval: 2s, max_interval: 3s, max_elapsed_time: 0}
            id: x
            type: journald_input
            output: y
            merge: true
            root_path: /host
            journalctl_path: /bin/journalctl
            warren: {severity: true, source_timestamp: true, host: true, unit: true, convert_bytes: true, broker_logs: auto}";
        let (config, errors) = decode(yaml);
        assert_eq!(errors, [""; 0]);
        assert_eq!(config.start_at, StartAt::Beginning);
        assert_eq!(config.matches.0[1]["MESSAGE_ID"], "1");
        assert!(matches!(config.source(), Source::Directory(path) if path.to_str() == Some("/x")));
    }

    #[test]
    fn all_faults_are_told_together() {
        let yaml = "{start_at: middle, priority: loud, grep: '(', matches: [{_pid: 1}], operators: [{type: nope}], attributes: {a: EXPR(1 +)}}";
        let (_, errors) = decode(yaml);
        for part in [
            "invalid value 'middle' for parameter 'start_at'",
            "invalid priority \"loud\"",
            "missing closing ): `(?i)(`",
            "'_pid' is not a valid Systemd field name",
            "unsupported type 'nope'",
            "compile embedded expression",
        ] {
            assert!(errors.iter().any(|error| error.contains(part)), "{part}: {errors:?}");
        }
    }

    #[test]
    fn case_matters_once_there_is_a_capital() {
        let grep = |pattern: &str| decode(&format!("grep: {pattern}")).0.grep().unwrap().unwrap();
        assert!(grep("closing").is_match("Closing connection"));
        assert!(!grep("Closing").is_match("closing connection"));
        assert!(Config::default().grep().unwrap().is_none());
    }
}
