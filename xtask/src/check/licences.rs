//! Licences of everything that is linked, and crates that must not be. The lists stand in `deny.toml`, in the form cargo-deny reads, so that
//! whoever has that program can use it as well; this check needs neither it nor the network.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// Packages under a licence that is not on the list, or banned by name.
pub(super) fn broken(metadata: &Value) -> Result<Vec<String>> {
    let path = workspace::root().join("deny.toml");
    let policy = Policy::read(&path)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let mut broken = Vec::new();
    for package in packages {
        let text = |key| package.get(key).and_then(Value::as_str);
        let (name, version) = (text("name").unwrap_or_default(), text("version").unwrap_or_default());
        if policy.banned.iter().any(|banned| banned == name) {
            broken.push(format!("{name} {version} is banned by deny.toml; see the reason there"));
        }
        match text("license").map(|expression| (expression, allowed(expression, &policy.licences))) {
            Some((_, Ok(true))) => {}
            Some((expression, Ok(false))) => {
                broken.push(format!(
                    "{name} {version} is licensed {expression:?}, which deny.toml does not allow; use another crate"
                ));
            }
            Some((expression, Err(error))) => broken.push(format!("{name} {version}: licence {expression:?}: {error}")),
            None => broken.push(format!("{name} {version} names no licence; use another crate")),
        }
    }
    Ok(broken)
}

/// What `deny.toml` says.
struct Policy {
    licences: Vec<String>,
    banned: Vec<String>,
}

impl Policy {
    fn read(path: &Path) -> Result<Policy> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Policy { licences: strings(&text, "licenses", "allow")?, banned: strings(&text, "bans", "deny")? })
    }
}

/// The strings of `key = ["…", …]` in a section; comments may stand between them.
fn strings(toml: &str, section: &str, key: &str) -> Result<Vec<String>> {
    let missing = || format!("deny.toml has no list {key} in [{section}]");
    let (_, body) = toml.split_once(&format!("[{section}]\n")).with_context(missing)?;
    let body = body.split("\n[").next().unwrap_or_default();
    let (_, list) = body.split_once(&format!("{key} = [")).with_context(missing)?;
    let (list, _) = list.split_once(']').with_context(missing)?;
    let entries = list.lines().map(|line| line.split('#').next().unwrap_or_default());
    let quoted = entries.flat_map(|line| line.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
    quoted.map(|entry| entry.trim_matches('"').to_owned()).map(Ok).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences. `/` is the old spelling of `OR`.
fn allowed(expression: &str, licences: &[String]) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, licences };
    let verdict = parser.any()?;
    match parser.words {
        [] => Ok(verdict),
        [word, ..] => bail!("unexpected {word:?}"),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    licences: &'a [String],
}

impl Parser<'_> {
    fn any(&mut self) -> Result<bool> {
        let mut verdict = self.all()?;
        while self.skip("OR") {
            verdict |= self.all()?;
        }
        Ok(verdict)
    }

    fn all(&mut self) -> Result<bool> {
        let mut verdict = self.one()?;
        while self.skip("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool> {
        if self.skip("(") {
            let verdict = self.any()?;
            anyhow::ensure!(self.skip(")"), "a parenthesis is not closed");
            return Ok(verdict);
        }
        let [licence, rest @ ..] = self.words else { bail!("it ends early") };
        self.words = rest;
        let mut name = (*licence).to_owned();
        if self.skip("WITH") {
            let [exception, rest @ ..] = self.words else { bail!("an exception is not named") };
            name = format!("{name} WITH {exception}");
            self.words = rest;
        }
        Ok(self.licences.contains(&name))
    }

    fn skip(&mut self, word: &str) -> bool {
        match self.words {
            [first, rest @ ..] if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{allowed, strings};

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let list = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        for (expression, verdict) in [
            ("MIT", true),
            ("MPL-2.0", false),
            ("MIT OR GPL-3.0", true),
            ("MIT/Apache-2.0", true),
            ("MIT AND Unicode-3.0", false),
            ("(MIT OR MPL-2.0) AND Apache-2.0", true),
            ("MIT AND (GPL-2.0 OR MPL-2.0)", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("GPL-3.0 WITH GCC-exception", false),
        ] {
            assert_eq!(allowed(expression, &list).unwrap(), verdict, "{expression}");
        }
        for malformed in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT"] {
            assert!(allowed(malformed, &list).is_err(), "{malformed:?}");
        }
    }

    #[test]
    fn lists_are_read_from_their_own_section() {
        let toml = "[bans]\nallow = [\"no\"]\n[licenses]\n# why\nallow = [\n  \"MIT\", # short\n  \"ISC\",\n]\n";
        assert_eq!(strings(toml, "licenses", "allow").unwrap(), ["MIT", "ISC"]);
        assert!(strings(toml, "licenses", "deny").is_err());
    }
}
