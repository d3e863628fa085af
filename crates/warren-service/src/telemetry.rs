//! `service::telemetry`: what the process says of itself, and where.

use indexmap::IndexMap;
use std::io::Write;
use std::time::Duration;
use warren_component::BuildInfo;
use warren_config::{Block, Fields, Keyword, Node, Report, Scalar, Value};
use warren_telemetry::{Detail, Encoding, Level, LogSettings, PageStyle, Sampling};

/// `service::telemetry`
#[derive(Clone, Debug, Default)]
pub(crate) struct TelemetrySettings {
    pub(crate) logs: LogsSettings,
    pub(crate) metrics: MetricsSettings,
    /// Accepted; the process makes no traces of itself.
    traces: Option<Node>,
    /// Attributes of the process; one without a value is left out.
    pub(crate) resource: Option<Node>,
}

/// `service::telemetry::logs`
#[derive(Clone, Debug)]
pub(crate) struct LogsSettings {
    level: LogLevel,
    encoding: String,
    sampling: SamplingSettings,
    output_paths: Vec<String>,
    error_output_paths: Vec<String>,
    initial_fields: Option<Node>,
    development: bool,
    disable_caller: bool,
    disable_stacktrace: bool,
    processors: Option<Node>,
}

#[derive(Clone, Debug)]
struct SamplingSettings {
    enabled: bool,
    tick: Duration,
    initial: u64,
    thereafter: u64,
}

/// `service::telemetry::metrics`
#[derive(Clone, Debug)]
pub(crate) struct MetricsSettings {
    pub(crate) level: MetricsLevel,
    readers: Vec<Reader>,
    views: Option<Node>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LogLevel(LevelWord);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LevelWord {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
}

impl Keyword for LogLevel {
    const TYPE: &'static str = "zapcore.Level";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("debug", Self(LevelWord::Debug)),
        ("info", Self(LevelWord::Info)),
        ("warn", Self(LevelWord::Warn)),
        ("error", Self(LevelWord::Error)),
        ("dpanic", Self(LevelWord::Error)),
        ("panic", Self(LevelWord::Error)),
        ("fatal", Self(LevelWord::Error)),
        ("", Self(LevelWord::Info)),
    ];
    const IGNORE_CASE: bool = true;

    fn unknown(word: &str) -> String {
        format!("unrecognized level: {word:?}")
    }
}

/// How much the process measures of itself, as a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetricsLevel(Detail);

impl Keyword for MetricsLevel {
    const TYPE: &'static str = "configtelemetry.Level";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self(Detail::None)),
        ("basic", Self(Detail::Basic)),
        ("normal", Self(Detail::Normal)),
        ("detailed", Self(Detail::Detailed)),
    ];
    const IGNORE_CASE: bool = true;
    const NUMERIC: bool = true;

    fn unknown(word: &str) -> String {
        format!("unknown metrics level {word:?}")
    }

    fn from_integer(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self(Detail::None)),
            0 => Some(Self(Detail::Basic)),
            1 => Some(Self(Detail::Normal)),
            2.. => Some(Self(Detail::Detailed)),
            _ => None,
        }
    }
}

/// One reader: who gets the process's own metrics.
#[derive(Clone, Debug, Default)]
struct Reader {
    pull: Option<Pull>,
    periodic: Option<Node>,
}

#[derive(Clone, Debug, Default)]
struct Pull {
    exporter: PullExporter,
}

#[derive(Clone, Debug, Default)]
struct PullExporter {
    prometheus: Option<PrometheusReader>,
}

/// The endpoint that serves the process's own metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrometheusReader {
    pub(crate) host: String,
    pub(crate) port: u16,
    without_scope_info: bool,
    without_units: bool,
    without_type_suffix: bool,
    with_resource_constant_labels: Option<Selection>,
}

/// Names of attributes: those included, all if none is named, without those excluded.
#[derive(Clone, Debug, Default)]
struct Selection {
    included: Vec<String>,
    excluded: Vec<String>,
}

impl Default for LogsSettings {
    fn default() -> Self {
        Self {
            level: LogLevel::default(),
            encoding: "console".into(),
            sampling: SamplingSettings { enabled: true, tick: Duration::from_secs(10), initial: 10, thereafter: 100 },
            output_paths: vec!["stderr".into()],
            error_output_paths: vec!["stderr".into()],
            initial_fields: None,
            development: false,
            disable_caller: false,
            disable_stacktrace: false,
            processors: None,
        }
    }
}

impl Default for MetricsSettings {
    fn default() -> Self {
        let prometheus = PrometheusReader {
            host: "localhost".into(),
            port: 8888,
            without_scope_info: true,
            without_units: true,
            without_type_suffix: true,
            with_resource_constant_labels: Some(Selection::default()),
        };
        let reader = Reader { pull: Some(Pull { exporter: PullExporter { prometheus: Some(prometheus) } }), periodic: None };
        Self { level: MetricsLevel::default(), readers: vec![reader], views: None }
    }
}

impl Block for TelemetrySettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("logs", &mut self.logs);
        f.block("metrics", &mut self.metrics);
        f.any("traces", &mut self.traces);
        f.any("resource", &mut self.resource);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if let Some(level) = self.traces.as_ref().and_then(|traces| traces.get("level"))
            && let Value::String(word) = &level.value
            && MetricsLevel::decode(&level.value).is_err()
        {
            report.error_at("traces", &level.place, format!("unknown metrics level {word:?}"));
        }
        match self.resource.as_ref().map(|resource| (resource, resource.as_map())) {
            Some((resource, None)) => {
                let message =
                    format!("expected type 'map[string]*string', got unconvertible type '{}'", resource.value.go_type());
                report.error_at("resource", &resource.place, message);
            }
            Some((_, Some(map))) => {
                let fits = |node: &Node| node.original.is_some() || matches!(node.value, Value::String(_) | Value::Null);
                for (name, node) in map.iter().map(|(name, entry)| (name, &entry.node)).filter(|(_, node)| !fits(node)) {
                    let message = format!("'{name}' expected type 'string', got unconvertible type '{}'", node.value.go_type());
                    report.error_at("resource", &node.place, message);
                }
            }
            None => {}
        }
        if self.metrics.views.is_some() && self.metrics.level.0 != Detail::Detailed {
            let message =
                "service::telemetry::metrics::views can only be set when service::telemetry::metrics::level is detailed";
            report.error("", message);
        }
    }
}

impl Block for LogsSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("level", &mut self.level);
        f.scalar("development", &mut self.development);
        f.scalar("encoding", &mut self.encoding);
        f.scalar("disable_caller", &mut self.disable_caller);
        f.scalar("disable_stacktrace", &mut self.disable_stacktrace);
        f.block("sampling", &mut self.sampling);
        f.list("output_paths", &mut self.output_paths);
        f.list("error_output_paths", &mut self.error_output_paths);
        f.any("initial_fields", &mut self.initial_fields);
        f.any("processors", &mut self.processors);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !matches!(self.encoding.as_str(), "console" | "json") {
            let message = format!("failed to create logger: no encoder registered for name {:?}", self.encoding);
            report.error_with_hint("encoding", message, "use console or json");
        }
        if self.processors.is_some() {
            report.warning("processors", "log processors have no effect yet: write to output_paths, and collect from there");
        }
    }
}

impl Block for SamplingSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("tick", &mut self.tick);
        f.scalar("initial", &mut self.initial);
        f.scalar("thereafter", &mut self.thereafter);
    }
}

impl Block for MetricsSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("level", &mut self.level);
        f.blocks("readers", &mut self.readers);
        f.any("views", &mut self.views);
        f.removed("address", "use readers: [{pull: {exporter: {prometheus: {host: …, port: …}}}}]");
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.level.0 != Detail::None && self.readers.is_empty() {
            report.error("readers", "collector telemetry metrics reader should exist when metric level is not none");
        }
        if self.readers.iter().any(|reader| reader.periodic.is_some()) {
            report.warning(
                "readers",
                "periodic readers have no effect yet: scrape a pull reader, with a prometheus receiver if need be",
            );
        }
    }
}

impl Block for Reader {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("pull", &mut self.pull);
        f.any("periodic", &mut self.periodic);
    }
}

impl Block for Pull {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("exporter", &mut self.exporter);
    }
}

impl Block for PullExporter {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("prometheus", &mut self.prometheus);
    }
}

impl Block for PrometheusReader {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("host", &mut self.host);
        f.scalar("port", &mut self.port);
        f.scalar("without_scope_info", &mut self.without_scope_info);
        f.scalar("without_units", &mut self.without_units);
        f.scalar("without_type_suffix", &mut self.without_type_suffix);
        f.optional("with_resource_constant_labels", &mut self.with_resource_constant_labels);
    }
}

impl Block for Selection {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.list("included", &mut self.included);
        f.list("excluded", &mut self.excluded);
    }
}

impl Selection {
    fn holds(&self, name: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|own| own == name);
        (self.included.is_empty() || named(&self.included)) && !named(&self.excluded)
    }
}

impl PrometheusReader {
    /// What the reader's page looks like.
    pub(crate) fn style(&self, resource: &IndexMap<String, String>) -> PageStyle {
        let label = |(name, value): (&String, &String)| (name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"), value.clone());
        let constant = self
            .with_resource_constant_labels
            .as_ref()
            .map_or_else(Vec::new, |selection| resource.iter().filter(|(name, _)| selection.holds(name)).map(label).collect());
        PageStyle {
            constant,
            target: Some(resource.iter().map(label).collect()),
            scopes: !self.without_scope_info,
            units: !self.without_units,
            type_suffix: !self.without_type_suffix,
        }
    }
}

impl TelemetrySettings {
    /// The endpoints that serve the process's own metrics.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = &PrometheusReader> {
        let readers = if self.metrics.level.0 == Detail::None { &[] } else { self.metrics.readers.as_slice() };
        readers.iter().filter_map(|reader| reader.pull.as_ref()?.exporter.prometheus.as_ref())
    }

    /// How much the process measures of itself.
    pub(crate) fn detail(&self) -> Detail {
        self.metrics.level.0
    }

    /// Attributes of the process: its name, version and instance, and what the configuration adds, changes or (with null) takes away.
    pub(crate) fn resource(&self, build: &BuildInfo, instance: &str) -> IndexMap<String, String> {
        let own = [
            ("service.instance.id", instance),
            ("service.name", build.command.as_str()),
            ("service.version", build.version.as_str()),
        ];
        let mut resource: IndexMap<String, String> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let map = self.resource.as_ref().and_then(Node::as_map);
        for (name, entry) in map.into_iter().flat_map(warren_config::Map::iter) {
            match (&entry.node.value, entry.node.as_text()) {
                (Value::Null, _) => drop(resource.shift_remove(name)),
                (_, Some(text)) => drop(resource.insert(name.to_owned(), text.to_owned())),
                _ => drop(resource.insert(name.to_owned(), warren_config::to_json(&entry.node).trim().to_owned())),
            }
        }
        resource.sort_keys();
        resource
    }

    /// How the process's log is written.
    ///
    /// # Errors
    /// When an output cannot be opened.
    pub(crate) fn log_settings(&self, resource: &IndexMap<String, String>) -> Result<LogSettings, String> {
        let logs = &self.logs;
        let sampling =
            Sampling { tick: logs.sampling.tick, initial: logs.sampling.initial, thereafter: logs.sampling.thereafter };
        let mut fields: Vec<(String, serde_json::Value)> = vec![(
            "resource".to_owned(),
            resource.iter().map(|(name, value)| (name.clone(), serde_json::Value::from(value.as_str()))).collect(),
        )];
        let initial = logs.initial_fields.as_ref().and_then(Node::as_map);
        for (name, entry) in initial.into_iter().flat_map(warren_config::Map::iter) {
            let value = serde_json::from_str(&warren_config::to_json(&entry.node)).unwrap_or_default();
            fields.push((name.to_owned(), value));
        }
        Ok(LogSettings {
            level: match logs.level.0 {
                LevelWord::Debug => Level::Debug,
                LevelWord::Info => Level::Info,
                LevelWord::Warn => Level::Warn,
                LevelWord::Error => Level::Error,
            },
            encoding: if logs.encoding == "json" { Encoding::Json } else { Encoding::Console },
            sampling: logs.sampling.enabled.then_some(sampling),
            fields,
            output: open(&logs.output_paths)?,
        })
    }
}

/// The outputs of these names: `stderr`, `stdout` or files that are appended to.
fn open(paths: &[String]) -> Result<Box<dyn Write + Send>, String> {
    let one = |path: &String| -> Result<Box<dyn Write + Send>, String> {
        match path.as_str() {
            "stderr" => Ok(Box::new(std::io::stderr())),
            "stdout" => Ok(Box::new(std::io::stdout())),
            file => {
                let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
                Ok(Box::new(opened.map_err(|error| format!("failed to create logger: open {file}: {error}"))?))
            }
        }
    };
    let mut outputs = paths.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    match (outputs.pop(), outputs.is_empty()) {
        (None, _) => Ok(Box::new(std::io::stderr())),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            outputs.push(last);
            Ok(Box::new(Tee(outputs)))
        }
    }
}

/// Writes everything to several outputs; one that fails does not keep it from the others.
struct Tee(Vec<Box<dyn Write + Send>>);

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for output in &mut self.0 {
            let _ = output.write_all(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        for output in &mut self.0 {
            let _ = output.flush();
        }
        Ok(())
    }
}
