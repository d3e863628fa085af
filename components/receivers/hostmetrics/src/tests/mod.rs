//! The receiver against stored trees of `/proc` and `/sys` with known answers, and against this machine.

mod config;
mod figures;
mod machine;
mod processes;
mod running;

use crate::Config;
use crate::work::Work;
use std::path::Path;
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, BuildInfo, Extensions, Gates, Inherited};
use warren_config::{Diagnostics, decode_settings, parse_yaml};
use warren_host::Paths;
use warren_pdata::{Metric, Metrics, Number, Value};
use warren_telemetry::Telemetry;

/// A tree that looks like the root of a machine.
struct Tree(tempfile::TempDir);

impl Tree {
    /// With these files; `proc/stat` says when it booted unless they do.
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.write("proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\nbtime 1700000000\n");
        for (path, text) in files {
            tree.write(path, text);
        }
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Its paths; a container's marks on this machine are none of its own.
    fn paths(&self) -> Paths {
        let mut paths = Paths::new(self.path(), |_| None);
        paths.marks = self.path().to_owned();
        paths
    }

    /// The scrapers of a configuration (the settings `scrapers`), looking at this tree.
    fn work(&self, scrapers: &str) -> Work {
        self.work_of(&format!("{{scrapers: {scrapers}}}"), &context(&Telemetry::discarded())).unwrap()
    }

    /// The same with right figures.
    fn corrected(&self, scrapers: &str) -> Work {
        let text = format!("{{scrapers: {scrapers}, warren: {{compat: corrected}}}}");
        self.work_of(&text, &context(&Telemetry::discarded())).unwrap()
    }

    fn work_of(&self, text: &str, cx: &BuildContext) -> Result<Work, BuildError> {
        decoded(text).unwrap().work(cx, self.paths()).map(|(work, _)| work)
    }
}

fn decoded(text: &str) -> Result<Config, Vec<String>> {
    let mut config = Config::default();
    let mut diagnostics = Diagnostics::new();
    decode_settings(&parse_yaml("test", text).unwrap(), &mut config, &mut diagnostics);
    let errors: Vec<String> = diagnostics.errors().map(|error| error.to_string()).collect();
    if errors.is_empty() { Ok(config) } else { Err(errors) }
}

fn context(telemetry: &Telemetry) -> BuildContext {
    BuildContext {
        id: "hostmetrics/t".parse().unwrap(),
        telemetry: telemetry.clone(),
        build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: "1.2.3".to_owned() }),
        extensions: Extensions::default(),
        inherited: Inherited::default(),
        collect_now: false,
        gates: Gates::new(Arc::new(["hostmetrics.process.bootTimeCache".to_owned()].into())),
    }
}

/// Every point as a line: `name{key=value,…} value`.
fn lines(metrics: &Metrics) -> Vec<String> {
    metrics.iter().flat_map(|(_, _, metric)| points(metric)).collect()
}

/// The points of the metrics with this name.
fn lines_of(metrics: &Metrics, name: &str) -> Vec<String> {
    metrics.iter().filter(|(_, _, metric)| metric.name == name).flat_map(|(_, _, metric)| points(metric)).collect()
}

fn points(metric: &Metric) -> impl Iterator<Item = String> {
    metric.data.numbers().unwrap().iter().map(|point| {
        let attrs: Vec<String> = point.attrs.iter().map(|entry| format!("{}={}", entry.key, shown(&entry.value))).collect();
        let value = match point.value {
            Number::Int(value) => value.to_string(),
            Number::Double(value) => format!("{value:?}"),
            Number::Empty => "none".to_owned(),
        };
        format!("{}{{{}}} {value}", metric.name, attrs.join(","))
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        value => value.as_str().unwrap().to_owned(),
    }
}
