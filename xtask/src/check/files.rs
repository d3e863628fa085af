//! Rules about files: none too long to read, every component explained, every crate under the workspace's lints, no unproven `unsafe`, no
//! fuzz target forgotten.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Longest source file. A file that needs more holds two things.
const LINES_MAX: usize = 700;

/// Directories with source of our own.
const SOURCES: [&str; 8] = ["components", "control", "crates", "distributions", "fuzz", "tests", "watchdog", "xtask"];

/// The only crate that may switch the ban on `unsafe` off.
const UNSAFE_CRATE: &str = "crates/warren-sys";

/// Every breach, with the file it is in.
pub(super) fn broken(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for directory in SOURCES {
        collect(&root.join(directory), &mut files)?;
    }
    let mut broken = Vec::new();
    for path in &files {
        let relative = path.strip_prefix(root).unwrap_or(path);
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = text.lines().count();
        if path.extension().is_some_and(|extension| extension == "rs") {
            if lines > LINES_MAX {
                broken.push(format!("{}: {lines} lines, more than {LINES_MAX}; split it by responsibility", relative.display()));
            }
            // The attribute is spelt in two parts so that this line does not find itself.
            if text.contains(concat!("allow(unsafe", "_code)")) && !relative.starts_with(UNSAFE_CRATE) {
                broken
                    .push(format!("{}: allows unsafe code; it belongs into {UNSAFE_CRATE}, with its proof", relative.display()));
            }
        } else if text.contains("[package]") && !relative.starts_with("fuzz") && !text.contains("[lints]\nworkspace = true") {
            broken.push(format!("{}: lacks `[lints] workspace = true`", relative.display()));
        }
        if relative.starts_with("components") && relative.ends_with("Cargo.toml") {
            let readme = path.with_file_name("README.md");
            if !readme.exists() {
                broken.push(format!("{}: the component has no README.md", relative.display()));
            }
        }
    }
    broken.extend(forgotten_fuzz_targets(&root.join("fuzz"))?);
    Ok(broken)
}

/// Fuzz targets that `fuzz/Cargo.toml` does not name are never built.
fn forgotten_fuzz_targets(directory: &Path) -> Result<Vec<String>> {
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).context("cannot read fuzz/Cargo.toml")?;
    let mut files = Vec::new();
    collect(&directory.join("fuzz_targets"), &mut files)?;
    let names = files.iter().filter_map(|path| path.file_name()?.to_str());
    let forgotten = names.filter(|name| !manifest.contains(&format!("\"fuzz_targets/{name}\"")));
    Ok(forgotten.map(|name| format!("fuzz/Cargo.toml: no [[bin]] for fuzz_targets/{name}")).collect())
}

/// Source files and manifests below a directory.
fn collect(directory: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", directory.display()))?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" {
            collect(&path, into)?;
        } else if name == "Cargo.toml" || path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn breaches_are_found_and_named() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("crates/a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n");
        write("crates/a/src/lib.rs", &"//\n".repeat(701));
        write("crates/b/src/lib.rs", concat!("#![allow(unsafe", "_code)]\n"));
        write("crates/warren-sys/src/lib.rs", concat!("#![allow(unsafe", "_code)]\n"));
        write("components/exporters/x/Cargo.toml", "[package]\nname = \"x\"\n");
        write("fuzz/Cargo.toml", "path = \"fuzz_targets/known.rs\"\n");
        write("fuzz/fuzz_targets/known.rs", "");
        write("fuzz/fuzz_targets/new.rs", "");
        let mut found = broken(root.path()).unwrap();
        found.sort();
        let expected = [
            "components/exporters/x/Cargo.toml: lacks `[lints] workspace = true`",
            "components/exporters/x/Cargo.toml: the component has no README.md",
            "crates/a/src/lib.rs: 701 lines, more than 700; split it by responsibility",
            "crates/b/src/lib.rs: allows unsafe code; it belongs into crates/warren-sys, with its proof",
            "fuzz/Cargo.toml: no [[bin]] for fuzz_targets/new.rs",
        ];
        assert_eq!(found, expected);
    }
}
