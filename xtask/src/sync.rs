//! `cargo xtask sync`: from `distributions/*/manifest.yaml` to the two places that must agree with it, the dependencies in that distribution's
//! `Cargo.toml` (between two marks) and `src/components.rs`.
//!
//! A manifest has the form of the OpenTelemetry builder's. An entry names a Go module; its last path segment says which component is meant:
//! `…/receiver/prometheusreceiver v0.132.0` is `components/receivers/prometheus`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Kinds of components: section of the manifest, which is also the folder and the list of factories, and the word in names of modules.
const KINDS: [(&str, &str); 4] =
    [("receivers", "receiver"), ("processors", "processor"), ("exporters", "exporter"), ("extensions", "extension")];

const BEGIN: &str = "# <components> written by `cargo xtask sync` from manifest.yaml\n";
const END: &str = "# </components>\n";

/// The command.
pub(crate) fn run(arguments: lexopt::Parser) -> Result<()> {
    if crate::switch(arguments, Some("check"))? {
        let stale = stale()?;
        anyhow::ensure!(stale.is_empty(), "{}", stale.join("\n"));
        println!("all distributions agree with their manifests");
        return Ok(());
    }
    for output in outputs()? {
        if output.is_stale() {
            std::fs::write(&output.path, &output.text).with_context(|| format!("cannot write {}", output.path.display()))?;
            println!("wrote {}", output.path.display());
        }
    }
    Ok(())
}

/// Files that do not agree with their manifest.
pub(crate) fn stale() -> Result<Vec<String>> {
    let outputs = outputs()?;
    let stale = outputs.iter().filter(|output| output.is_stale());
    Ok(stale.map(|output| format!("{}: stale; run cargo xtask sync", output.path.display())).collect())
}

/// A file as it should be.
struct Output {
    path: std::path::PathBuf,
    text: String,
}

impl Output {
    fn is_stale(&self) -> bool {
        !std::fs::read_to_string(&self.path).is_ok_and(|text| text == self.text)
    }
}

fn outputs() -> Result<Vec<Output>> {
    let mut outputs = Vec::new();
    for distribution in workspace::distributions()? {
        let directory = workspace::root().join("distributions").join(&distribution);
        let read = |name: &str| {
            let path = directory.join(name);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let components = manifest(&read("manifest.yaml")?, &workspace::root().join("components"))
            .with_context(|| format!("distributions/{distribution}/manifest.yaml"))?;
        let cargo = dependencies(&read("Cargo.toml")?, &components)
            .with_context(|| format!("distributions/{distribution}/Cargo.toml"))?;
        outputs.push(Output { path: directory.join("Cargo.toml"), text: cargo });
        outputs.push(Output { path: directory.join("src/components.rs"), text: source(&components) });
    }
    Ok(outputs)
}

/// A component that a distribution contains, ordered as in the files: by kind, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Component {
    /// Index into [`KINDS`].
    kind: usize,
    /// Type as in configuration, which is also the name of its folder.
    name: String,
    /// Name of its package.
    package: String,
}

impl Component {
    fn path(&self) -> String {
        format!("../../components/{}/{}", KINDS[self.kind].0, self.name)
    }
}

/// The components a manifest lists. `folders` is `components/`, where each must have its own.
fn manifest(text: &str, folders: &Path) -> Result<BTreeSet<Component>> {
    let mut components = BTreeSet::new();
    let mut section = None;
    for (number, line) in text.lines().enumerate() {
        let place = || format!("line {}: {line:?}", number + 1);
        let content = line.split(" #").next().unwrap_or_default().trim_end();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(name) = content.strip_suffix(':').filter(|name| !name.starts_with([' ', '-'])) {
            section = Some(name.to_owned());
            continue;
        }
        let section = section.as_deref().with_context(place)?;
        // `dist` says names and versions; providers, converters and the like are built into every collector.
        let Some(kind) = KINDS.iter().position(|(folder, _)| *folder == section) else { continue };
        let module = content.trim_start().strip_prefix("- gomod:").with_context(place)?.trim();
        let path = module.split_whitespace().next().with_context(place)?;
        let component = component(path, kind, folders).with_context(place)?;
        if !components.insert(component) {
            bail!("{}: listed twice", place());
        }
    }
    Ok(components)
}

/// The component a Go module stands for: the folder named as its last path segment without the kind's word, underscores aside.
fn component(module: &str, kind: usize, folders: &Path) -> Result<Component> {
    let (section, word) = KINDS[kind];
    let segment = module.rsplit('/').next().unwrap_or(module);
    let wanted = segment.strip_suffix(word).unwrap_or(segment);
    let directory = folders.join(section);
    let entries = std::fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let mut names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let Some(name) = names.find(|name| name.replace('_', "") == wanted) else {
        bail!("there is no components/{section}/{wanted}; build it, or leave it out of the manifest");
    };
    let cargo = directory.join(&name).join("Cargo.toml");
    let text = std::fs::read_to_string(&cargo).with_context(|| format!("cannot read {}", cargo.display()))?;
    let package = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let package = package.with_context(|| format!("{} names no package", cargo.display()))?.to_owned();
    Ok(Component { kind, name, package })
}

/// `Cargo.toml` with the lines between the marks replaced.
fn dependencies(cargo: &str, components: &BTreeSet<Component>) -> Result<String> {
    let marks = || format!("needs the lines {BEGIN:?} and {END:?} below [dependencies]");
    let (before, rest) = cargo.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    let lines: String =
        components.iter().map(|component| format!("{} = {{ path = \"{}\" }}\n", component.package, component.path())).collect();
    Ok(format!("{before}{BEGIN}{lines}{END}{after}"))
}

/// `components.rs`.
fn source(components: &BTreeSet<Component>) -> String {
    let mut text = String::from(
        "//! The components of this distribution. Written by `cargo xtask sync` from manifest.yaml.\n\n\
         use warren_component::Factories;\n\n\
         /// Everything the manifest lists.\n\
         #[rustfmt::skip]\n\
         #[allow(unreachable_pub)] // a distribution may be a library too\n\
         pub const FACTORIES: Factories = Factories {\n",
    );
    for (kind, (field, _)) in KINDS.iter().enumerate() {
        let of_kind: Vec<&Component> = components.iter().filter(|component| component.kind == kind).collect();
        if of_kind.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "    {field}: &[],");
            continue;
        }
        let _ = writeln!(text, "    {field}: &[");
        for component in of_kind {
            let _ = writeln!(text, "        {}::FACTORY,", component.package.replace('-', "_"));
        }
        text.push_str("    ],\n");
    }
    text.push_str("};\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, dependencies, manifest, source};

    const MANIFEST: &str = "\
dist:
  name: warren-collector
  version: 0.1.0

receivers:
- gomod: github.com/open-telemetry/opentelemetry-collector-contrib/receiver/prometheusreceiver v0.132.0
processors:
  # indented lists are the same
  - gomod: go.opentelemetry.io/collector/processor/memorylimiterprocessor v0.132.0
extensions:
- gomod: github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage v0.132.0
providers:
- gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.38.0
";

    fn folders() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (folder, package) in [
            ("receivers/prometheus", "warren-receiver-prometheus"),
            ("processors/memory_limiter", "warren-processor-memory-limiter"),
            ("extensions/file_storage", "warren-extension-file-storage"),
        ] {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("Cargo.toml"), format!("[package]\nname = \"{package}\"\n")).unwrap();
        }
        root
    }

    #[test]
    fn modules_become_dependencies_and_factories() {
        let components = manifest(MANIFEST, folders().path()).unwrap();
        let cargo =
            dependencies(&format!("[dependencies]\nx = \"1\"\n{BEGIN}old = \"1\"\n{END}\n[[bin]]\n"), &components).unwrap();
        let expected = [
            "[dependencies]\nx = \"1\"\n",
            BEGIN,
            "warren-receiver-prometheus = { path = \"../../components/receivers/prometheus\" }\n",
            "warren-processor-memory-limiter = { path = \"../../components/processors/memory_limiter\" }\n",
            "warren-extension-file-storage = { path = \"../../components/extensions/file_storage\" }\n",
            END,
            "\n[[bin]]\n",
        ];
        assert_eq!(cargo, expected.concat());
        let source = source(&components);
        assert!(source.contains("    processors: &[\n        warren_processor_memory_limiter::FACTORY,\n    ],\n"), "{source}");
        assert!(source.contains("    exporters: &[],\n"), "{source}");
    }

    #[test]
    fn what_is_not_there_or_not_understood_is_refused_with_its_line() {
        let folders = folders();
        for (text, expected) in [
            ("receivers:\n- gomod: x/receiver/kafkareceiver v1\n", "components/receivers/kafka"),
            ("receivers:\n- path: ./x\n", "line 2"),
            ("- gomod: x/receiver/prometheusreceiver v1\n", "line 1"),
            ("receivers:\n- gomod: x/prometheusreceiver v1\n- gomod: y/prometheusreceiver v1\n", "listed twice"),
        ] {
            let error = format!("{:#}", manifest(text, folders.path()).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
        assert!(dependencies("[dependencies]\n", &Default::default()).is_err());
    }
}
