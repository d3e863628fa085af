//! `components`: what is built in.

use std::fmt::Write;
use warren_component::{BuildInfo, Factories, Signals, Stability};

/// The list as YAML, in upstream's form.
pub(super) fn text(build: &BuildInfo, factories: &Factories) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "buildinfo:\n    command: {}\n    description: {}\n    version: {}\n",
        build.command, build.description, build.version
    );
    let receivers = factories.receivers.iter().map(|factory| (factory.kind, signals(&factory.signals))).collect();
    let processors = factories.processors.iter().map(|factory| (factory.kind, signals(&factory.signals))).collect();
    let exporters = factories.exporters.iter().map(|factory| (factory.kind, signals(&factory.signals))).collect();
    let extensions = factories.extensions.iter().map(|factory| (factory.kind, vec![("extension", factory.stability)])).collect();
    section(&mut out, "receivers", receivers);
    section(&mut out, "processors", processors);
    section(&mut out, "exporters", exporters);
    section(&mut out, "connectors", Vec::new());
    section(&mut out, "extensions", extensions);
    out.push_str("providers:\n");
    for scheme in ["env", "file", "http", "https", "yaml"] {
        let _ = writeln!(out, "    - scheme: {scheme}\n      module: warren-config");
    }
    out.push_str("converters: []\n");
    out
}

fn signals(signals: &Signals) -> Vec<(&'static str, Stability)> {
    vec![("logs", signals.logs), ("metrics", signals.metrics), ("traces", signals.traces)]
}

fn section(out: &mut String, name: &str, mut components: Vec<(&'static str, Vec<(&'static str, Stability)>)>) {
    if components.is_empty() {
        let _ = writeln!(out, "{name}: []");
        return;
    }
    components.sort_by_key(|(kind, _)| *kind);
    let _ = writeln!(out, "{name}:");
    let singular = name.trim_end_matches('s');
    for (kind, stability) in components {
        let _ = writeln!(out, "    - name: {kind}\n      module: warren-{singular}-{kind}\n      stability:");
        for (what, stability) in stability {
            let _ = writeln!(out, "        {what}: {stability:?}");
        }
    }
}
