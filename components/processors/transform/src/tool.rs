//! `warren-collector ottl run`: what the statements of a configuration do to records of a file, for people who write them.
//!
//! The block of a `transform` processor is read as a configuration is, references to the environment included, and telemetry as OTLP in JSON, whole or
//! a request on each line. Each group walks over the records as in the processor, and a line of JSON is written for each record it meets. A statement that
//! fails does not end the run, whatever the error mode says: the line names it.

mod trial;

use crate::Config;
use crate::config::FLATTEN_GATE;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::sync::Arc;
use warren_component::Tool;
use warren_config::{Diagnostics, Fetch, Loader, Node, render};

/// The command.
pub(crate) const OTTL: Tool = Tool {
    name: "ottl",
    usage: "ottl run --statements FILE --input FILE           what the transform block in a file does to OTLP in JSON",
    run,
};

/// Longest input that is read.
const INPUT_BYTES_MAX: u64 = 256 << 20;

const USAGE: &str = "usage: ottl run --statements FILE --input OTLP.json
  --statements FILE   YAML: the block of a `transform` processor, alone, under `transform:`, or within a whole configuration
  --input FILE        OTLP in JSON, one request or one on each line; `-` is standard input";

fn run(arguments: Vec<OsString>, out: &mut dyn Write) -> Result<(), String> {
    let asked = Asked::read(arguments)?;
    let config = statements(&asked.statements)?;
    let input = read(&asked.input)?;
    trial::run(&config, &input, out).map_err(|fault| format!("{}: {fault}", asked.input))
}

/// What the arguments say.
struct Asked {
    statements: String,
    input: String,
}

impl Asked {
    fn read(arguments: Vec<OsString>) -> Result<Self, String> {
        let mut words = arguments.into_iter().map(|word| word.to_string_lossy().into_owned());
        if words.next().as_deref() != Some("run") {
            return Err(USAGE.to_owned());
        }
        let (mut statements, mut input) = (None, None);
        while let Some(word) = words.next() {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let target = match flag.as_str() {
                "--statements" => &mut statements,
                "--input" => &mut input,
                other => return Err(format!("unknown argument {other:?}\n{USAGE}")),
            };
            *target = Some(value.or_else(|| words.next()).ok_or_else(|| format!("{flag} needs a file\n{USAGE}"))?);
        }
        match (statements, input) {
            (Some(statements), Some(input)) => Ok(Self { statements, input }),
            (None, _) => Err(format!("--statements is missing\n{USAGE}")),
            (_, None) => Err(format!("--input is missing\n{USAGE}")),
        }
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let refuse = |error: std::io::Error| format!("cannot read {path}: {error}");
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = match path {
        "-" => Box::new(std::io::stdin()),
        path => Box::new(std::fs::File::open(path).map_err(refuse)?),
    };
    source.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(format!("{path} is larger than {INPUT_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// Nothing is fetched for a trial.
struct NoFetch;

impl Fetch for NoFetch {
    fn fetch(&self, uri: &str, _: usize) -> Result<Vec<u8>, String> {
        Err(format!("{uri} is not fetched here; give a file"))
    }
}

/// Reads the settings of the processor; everything that is wrong with them is told together.
fn statements(path: &str) -> Result<Config, String> {
    let variable = |name: &str| std::env::var(name).ok();
    let loaded = Loader::new(&variable, &NoFetch).load(&[format!("file:{path}")], &[]);
    let loaded = loaded.map_err(|diagnostics| render(&diagnostics))?;
    let mut diagnostics: Diagnostics = loaded.diagnostics;
    diagnostics.gates = Arc::new(BTreeSet::from([FLATTEN_GATE.to_owned()]));
    let mut config = Config::default();
    warren_config::decode_settings(block(&loaded.root), &mut config, &mut diagnostics);
    if diagnostics.has_errors() { Err(render(&diagnostics)) } else { Ok(config) }
}

/// The block of the first `transform` processor; the whole file if it is no more than that block.
fn block(root: &Node) -> &Node {
    let within = root.get("processors").unwrap_or(root);
    let is_transform = |name: &str| name == "transform" || name.starts_with("transform/");
    let found = within.as_map().and_then(|map| map.iter().find(|(name, _)| is_transform(name)).map(|(_, entry)| &entry.node));
    found.unwrap_or(root)
}

#[cfg(test)]
mod tests;
