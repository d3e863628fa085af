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
    section(&mut out, "receivers", receivers, build);
    section(&mut out, "processors", processors, build);
    section(&mut out, "exporters", exporters, build);
    section(&mut out, "connectors", Vec::new(), build);
    section(&mut out, "extensions", extensions, build);
    out.push_str("providers:\n");
    for scheme in ["env", "file", "http", "https", "yaml"] {
        let _ = writeln!(out, "    - scheme: {scheme}\n      module: warren-config v{}", build.version);
    }
    out
}

fn signals(signals: &Signals) -> Vec<(&'static str, Stability)> {
    vec![("logs", signals.logs), ("metrics", signals.metrics), ("traces", signals.traces)]
}

/// A component's type and how settled it is for what it supports.
type Listed = (&'static str, Vec<(&'static str, Stability)>);

fn section(out: &mut String, name: &str, mut components: Vec<Listed>, build: &BuildInfo) {
    if components.is_empty() {
        let _ = writeln!(out, "{name}: []");
        return;
    }
    components.sort_by_key(|(kind, _)| *kind);
    let _ = writeln!(out, "{name}:");
    let singular = name.trim_end_matches('s');
    for (kind, stability) in components {
        let package = format!("warren-{singular}-{}", kind.replace('_', "-"));
        let _ = writeln!(out, "    - name: {kind}\n      module: {package} v{}\n      stability:", build.version);
        for (what, stability) in stability {
            let _ = writeln!(out, "        {what}: {stability:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_upstreams_form() {
        let build = BuildInfo { command: "c".into(), description: "d".into(), version: "1".into() };
        let text = text(&build, &Factories::default());
        let expected = "buildinfo:\n    command: c\n    description: d\n    version: 1\nreceivers: []\nprocessors: []\n\
            exporters: []\nconnectors: []\nextensions: []\nproviders:\n    - scheme: env\n      module: warren-config v1\n";
        assert!(text.starts_with(expected), "{text}");
        let mut out = String::new();
        let listed = vec![("b_x", vec![("metrics", Stability::Beta)]), ("a", vec![("metrics", Stability::Undefined)])];
        section(&mut out, "processors", listed, &build);
        let expected = "processors:\n    - name: a\n      module: warren-processor-a v1\n      stability:\n        metrics: Undefined\n    \
            - name: b_x\n      module: warren-processor-b-x v1\n      stability:\n        metrics: Beta\n";
        assert_eq!(out, expected);
    }
}
