//! `warren-collector ottl run`: what the statements of a configuration do to records of a file, for people who write them.
//!
//! The block of a `transform` processor is read as a configuration is, references to the environment included, and telemetry as OTLP in JSON, whole or
//! a request on each line. Each group walks over the records as in the processor, and a line of JSON is written for each record it meets. A statement that
//! fails does not end the run, whatever the error mode says: the line names it.

mod trial;

use crate::Config;
use crate::config::FLATTEN_GATE;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::sync::Arc;
use warren_component::{Tool, UPSTREAM_ODDITIES};
use warren_config::{Diagnostics, Fetch, Loader, Node, render};
use warren_ottl::Oddities;

/// The command.
pub(crate) const OTTL: Tool = Tool {
    name: "ottl",
    usage: "ottl run --statements FILE --input FILE           what the transform block in a file does to OTLP in JSON",
    run,
};

/// Longest input that is read.
const INPUT_BYTES_MAX: u64 = 256 << 20;

const USAGE: &str = "usage: ottl run --statements FILE --input OTLP.json
  --statements FILE     YAML: the block of a `transform` processor, alone, under `transform:`, or within a whole configuration
  --input FILE          OTLP in JSON, one request or one on each line; `-` is standard input
  --feature-gates LIST  as for the collector: `warren.upstreamOddities` (`transform.flatten.logs` is on in any case)";

fn run(arguments: Vec<OsString>, out: &mut dyn Write) -> Result<(), String> {
    let asked = Asked::read(arguments)?;
    let config = statements(&asked.statements, asked.oddities)?;
    let input = read(&asked.input)?;
    trial::run(&config, asked.oddities, &input, out).map_err(|fault| format!("{}: {fault}", asked.input))
}

/// What the arguments say.
struct Asked {
    statements: String,
    input: String,
    oddities: Oddities,
}

impl Asked {
    fn read(arguments: Vec<OsString>) -> Result<Self, String> {
        let mut words = arguments.into_iter().map(|word| word.to_string_lossy().into_owned());
        if words.next().as_deref() != Some("run") {
            return Err(USAGE.to_owned());
        }
        let (mut statements, mut input, mut gates) = (None, None, None);
        while let Some(word) = words.next() {
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let target = match flag.as_str() {
                "--statements" => &mut statements,
                "--input" => &mut input,
                "--feature-gates" => &mut gates,
                other => return Err(format!("unknown argument {other:?}\n{USAGE}")),
            };
            *target = Some(value.or_else(|| words.next()).ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))?);
        }
        let oddities = oddities(gates.as_deref().unwrap_or_default())?;
        match (statements, input) {
            (Some(statements), Some(input)) => Ok(Self { statements, input, oddities }),
            (None, _) => Err(format!("--statements is missing\n{USAGE}")),
            (_, None) => Err(format!("--input is missing\n{USAGE}")),
        }
    }
}

/// What a list of feature gates says of upstream's oddities.
fn oddities(gates: &str) -> Result<Oddities, String> {
    let mut wanted = false;
    for gate in gates.split(',').filter(|gate| !gate.is_empty()) {
        let (on, name) = match gate.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, gate.strip_prefix('+').unwrap_or(gate)),
        };
        match name {
            UPSTREAM_ODDITIES => wanted = on,
            FLATTEN_GATE => {}
            other => return Err(format!("statements do not ask for a feature gate {other:?}\n{USAGE}")),
        }
    }
    Ok(Oddities::upstream(wanted))
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
fn statements(path: &str, oddities: Oddities) -> Result<Config, String> {
    let variable = |name: &str| std::env::var(name).ok();
    let loaded = Loader::new(&variable, &NoFetch).load(&[format!("file:{path}")], &[]);
    let loaded = loaded.map_err(|diagnostics| render(&diagnostics))?;
    let mut diagnostics: Diagnostics = loaded.diagnostics;
    let odd = (oddities == Oddities::Upstream).then_some(UPSTREAM_ODDITIES);
    diagnostics.gates = Arc::new([FLATTEN_GATE].into_iter().chain(odd).map(str::to_owned).collect());
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
