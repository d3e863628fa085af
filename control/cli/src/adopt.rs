//! Adoption of running collectors: `warren adopt …`.

use crate::api::Api;
use crate::commands::{Shown, given, list, read_text};
use crate::import::servers_of;
use crate::table::{cell, table};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use warren_fleet::merge;

/// Kinds of files that are read from directories.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// What is to be adopted, and how.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// Configurations of collectors (JSON or YAML), one for each server, named by the server's id; or directories of such.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Whose the servers are that --servers says nothing of.
    #[arg(long, default_value = "")]
    tenant: String,
    /// What is known of servers besides: a JSON list, a JSON object on each line, or CSV, as servers import takes it.
    #[arg(long)]
    servers: Option<PathBuf>,
    /// A file of lines NAME=VALUE: what ${env:NAME} stands for in the configurations, as the unit of the collector sets it.
    #[arg(long)]
    env: Option<PathBuf>,
    /// A merge patch that is put over each configuration before it is read, as JSON: text, or @FILE.
    #[arg(long)]
    patch: Option<String>,
    /// Keeps integrations that this build has no exporter for, switched off.
    #[arg(long)]
    partial: bool,
    /// The collectors take the place of the others at once, and do not run beside them first.
    #[arg(long)]
    live: bool,
    /// What else is to be otherwise beside another collector, as JSON ({"settings": …, "config": …}): text, or @FILE.
    #[arg(long, conflicts_with = "live")]
    beside: Option<String>,
}

/// Asks, and gives the report.
pub(crate) async fn adopt(api: &Api, adopt: Adopt) -> Result<Shown, String> {
    let known = match &adopt.servers {
        Some(file) => servers_of(&read_text(file)?).map_err(|error| format!("{}: {error}", file.display()))?,
        None => Vec::new(),
    };
    let known: BTreeMap<String, Value> = known.into_iter().map(|server| (cell(&server, "/id"), server)).collect();
    let environment = adopt.env.as_deref().map(environment).transpose()?.unwrap_or_default();
    let patch = adopt.patch.as_deref().map(given).transpose()?.unwrap_or_else(|| json!({}));
    let mut servers = Vec::new();
    for file in files(&adopt.files)? {
        let mut config = config(&file)?;
        merge(&mut config, &patch, "", &mut |_| {});
        set(&mut config, &environment);
        let id = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let server = known.get(&id).cloned().unwrap_or_else(|| json!({"id": id, "tenant": adopt.tenant}));
        servers.push(json!({"server": server, "config": config}));
    }
    let overlay = adopt.beside.as_deref().map(given).transpose()?.unwrap_or(Value::Null);
    let body = json!({"servers": servers, "partial": adopt.partial, "beside": !adopt.live, "overlay": overlay});
    let report = api.post("/adoptions", &body).await?.body;
    let text = told(&report);
    Ok(Shown::new(report, text))
}

/// The report for people.
fn told(report: &Value) -> String {
    let items = list(report);
    let count = |item: &Value, key: &str| item.get(key).and_then(Value::as_array).map_or(0, Vec::len).to_string();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let mut row: Vec<String> =
                ["/server/id", "/server/name", "/server/cluster", "/outcome"].iter().map(|pointer| cell(item, pointer)).collect();
            row.extend(["gaps", "notes", "integrations", "secrets", "faults"].iter().map(|key| count(item, key)));
            row
        })
        .collect();
    let mut text = table(&["ID", "NAME", "CLUSTER", "OUTCOME", "GAPS", "NOTES", "INTEGRATIONS", "SECRETS", "FAULTS"], &rows);
    for (key, title) in [
        ("faults", "Not adopted because of"),
        ("gaps", "Said by no setting, and carried over as a patch of the server's configuration"),
        ("notes", "Otherwise than before"),
    ] {
        // What is the same of many is told once.
        let mut seen: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for item in &items {
            for entry in item.get(key).and_then(Value::as_array).into_iter().flatten() {
                let entry = (cell(entry, "/pointer"), cell(entry, "/message"));
                seen.entry(entry).or_default().push(cell(item, "/server/id"));
            }
        }
        if !seen.is_empty() {
            text.push_str(&format!("\n\n{title}:"));
        }
        for ((pointer, message), servers) in seen {
            let first = servers.first().cloned().unwrap_or_default();
            let whose = if servers.len() == 1 { first } else { format!("{} servers, such as {first}", servers.len()) };
            text.push_str(&format!("\n  {pointer}: {message} ({whose})"));
        }
    }
    let number = |key: &str| cell(report, &format!("/summary/{key}"));
    let profile =
        report.pointer("/summary/profile/version").map(|version| format!("\nversion {version} of the profile was made"));
    format!(
        "{text}\n\n{} said wholly by settings, {} with a patch, {} not adopted, {} registered before{}",
        number("full"),
        number("patch"),
        number("refused"),
        number("exists"),
        profile.unwrap_or_default()
    )
}

/// Files, and those that lie in directories, in order.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(told)? {
            let file = entry.map_err(told)?.path();
            if file.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
                inside.push(file);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    if files.is_empty() { Err("there is no file that ends with .json, .yaml or .yml".to_owned()) } else { Ok(files) }
}

fn config(path: &Path) -> Result<Value, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let node = warren_config::parse_yaml(&path.display().to_string(), &read_text(path)?).map_err(|error| told(&error))?;
    serde_json::from_str(&warren_config::to_json(&node)).map_err(|error| told(&error))
}

/// Variables of a file as units of systemd read it.
fn environment(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = read_text(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim();
        let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        Some((name.trim_start_matches("export ").trim().to_owned(), bare.unwrap_or(value).to_owned()))
    });
    Ok(pairs.collect())
}

/// Puts the values of variables in: of those that are known.
fn set(value: &mut Value, environment: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            for (name, value) in environment {
                for form in [format!("${{env:{name}}}"), format!("${{{name}}}")] {
                    if text.contains(&form) {
                        *text = text.replace(&form, &value.replace('$', "$$"));
                    }
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| set(value, environment)),
        Value::Object(map) => map.values_mut().for_each(|value| set(value, environment)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_where_they_are_known() {
        let mut value = json!({"a": ["${env:A} ${B}", "${env:C}"]});
        set(&mut value, &BTreeMap::from([("A".to_owned(), "1$".to_owned()), ("B".to_owned(), "2".to_owned())]));
        assert_eq!(value, json!({"a": ["1$$ 2", "${env:C}"]}));
    }

    #[test]
    fn files_of_environments_are_read_as_units_read_them() {
        let directory = std::env::temp_dir().join(format!("warren-adopt-{}", std::process::id()));
        std::fs::write(&directory, "# a comment\nA=\"x y\"\nexport B=z=1\n\nC=\n").unwrap();
        let read = environment(&directory).unwrap();
        std::fs::remove_file(&directory).unwrap();
        let expected = [("A", "x y"), ("B", "z=1"), ("C", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read, BTreeMap::from(expected));
    }
}
