//! Arguments as the user wrote them.

use crate::run::Options;
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::time::Duration;

/// How long draining may take, unless said otherwise.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What to do, and on what.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) command: Command,
    pub(super) sources: Sources,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Command {
    Run(Options),
    Validate { json: bool },
    PrintConfig(PrintOptions),
    Components,
    FeatureGate(Option<String>),
    Completion(String),
    Help,
    Version,
}

/// How a configuration is to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PrintOptions {
    pub(super) redacted: bool,
    pub(super) json: bool,
    pub(super) validate: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    pub(super) configs: Vec<String>,
    pub(super) sets: Vec<String>,
    /// Feature gates and whether they are to be on.
    pub(super) gates: Vec<(String, bool)>,
}

const COMMANDS: [&str; 8] =
    ["validate", "print-config", "print-initial-config", "components", "featuregate", "completion", "help", "run"];

/// Reads the arguments; the first is the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
    let mut parser = Parser::from_iter(arguments);
    let mut words: Vec<String> = Vec::new();
    let mut sources = Sources::default();
    let mut options = Options { collect_now: false, drain_timeout: DRAIN_TIMEOUT, strict_exit: false };
    let mut print = PrintOptions { redacted: true, json: false, validate: true };
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Long("config") => sources.configs.push(text(&mut parser)?),
            Arg::Long("set") => sources.sets.push(set(text(&mut parser)?)?),
            Arg::Long("feature-gates") => sources.gates.extend(gates(&text(&mut parser)?)?),
            Arg::Long("version") | Arg::Short('v') => return Ok(Arguments { command: Command::Version, sources }),
            Arg::Long("help") | Arg::Short('h') => return Ok(Arguments { command: Command::Help, sources }),
            Arg::Long("scrape-now") => options.collect_now = true,
            Arg::Long("strict-exit") => options.strict_exit = true,
            Arg::Long("drain-timeout") => options.drain_timeout = duration("drain-timeout", &text(&mut parser)?)?,
            Arg::Long("mode") => print.redacted = choice("mode", &text(&mut parser)?, "redacted", "unredacted")?,
            Arg::Long("format") => {
                let value = text(&mut parser)?;
                let is_text = words.first().is_some_and(|word| word == "validate");
                let other = if is_text { "text" } else { "yaml" };
                json = choice("format", &value, "json", other)?;
                print.json = json;
            }
            Arg::Long("validate") => {
                print.validate =
                    match parser.optional_value().map(|value| value.string().map_err(|error| error.to_string())).transpose()? {
                        None => true,
                        Some(value) => choice("validate", &value, "true", "false")?,
                    };
            }
            Arg::Value(word) => words.push(word.string().map_err(|error| error.to_string())?),
            other => return Err(unknown_flag(&other)),
        }
    }
    let mut words = words.into_iter();
    let command = match words.next().as_deref() {
        None => Command::Run(options),
        Some("validate") => Command::Validate { json },
        Some("print-config") => Command::PrintConfig(print),
        Some("print-initial-config") => {
            if !sources.gates.contains(&("otelcol.printInitialConfig".to_owned(), true)) {
                return Err("print-initial-config is currently experimental, use the otelcol.printInitialConfig feature gate to enable this command".to_owned());
            }
            Command::PrintConfig(PrintOptions { redacted: false, json: false, validate: false })
        }
        Some("components") => Command::Components,
        Some("featuregate") => Command::FeatureGate(words.next()),
        Some("completion") => Command::Completion(words.next().ok_or("completion needs a shell: bash, zsh or fish")?),
        Some("help") => Command::Help,
        Some(other) => {
            let hint = warren_config::nearest(other, COMMANDS.into_iter())
                .map(|near| format!("; did you mean {near:?}?"))
                .unwrap_or_default();
            return Err(format!("unknown command {other:?}{hint}"));
        }
    };
    match words.next() {
        Some(extra) => Err(format!("unexpected argument {extra:?}")),
        None => Ok(Arguments { command, sources }),
    }
}

fn text(parser: &mut Parser) -> Result<String, String> {
    parser.value().and_then(|value| value.string()).map_err(|error| error.to_string())
}

fn set(value: String) -> Result<String, String> {
    if value.contains('=') {
        Ok(value)
    } else {
        Err(format!("invalid argument {value:?} for \"--set\" flag: missing equal sign"))
    }
}

fn duration(flag: &str, value: &str) -> Result<Duration, String> {
    let refused = |reason: String| format!("invalid argument {value:?} for \"--{flag}\" flag: {reason}");
    let parsed = warren_config::parse_go(value).map_err(|error| refused(error.to_string()))?;
    parsed.as_duration().ok_or_else(|| refused("it must not be negative".to_owned()))
}

/// One of two words: whether it is the first.
fn choice(flag: &str, value: &str, first: &str, second: &str) -> Result<bool, String> {
    match value {
        value if value == first => Ok(true),
        value if value == second => Ok(false),
        other => Err(format!("invalid argument {other:?} for \"--{flag}\" flag: use {first} or {second}")),
    }
}

/// `a,-b,+c`: names and whether they are to be on.
fn gates(list: &str) -> Result<Vec<(String, bool)>, String> {
    let gate = |item: &str| match (item.strip_prefix('-'), item.strip_prefix('+').unwrap_or(item)) {
        (_, "") | (Some(""), _) => Err(format!("invalid argument {list:?} for \"--feature-gates\" flag: an element is empty")),
        (Some(name), _) => Ok((name.to_owned(), false)),
        (None, name) => Ok((name.to_owned(), true)),
    };
    list.split(',').map(gate).collect()
}

fn unknown_flag(argument: &Arg<'_>) -> String {
    match argument {
        Arg::Short(flag) => format!("unknown shorthand flag: {flag:?} in -{flag}"),
        Arg::Long(flag) => {
            let known = [
                "config",
                "set",
                "feature-gates",
                "version",
                "help",
                "scrape-now",
                "strict-exit",
                "drain-timeout",
                "mode",
                "format",
                "validate",
            ];
            let hint = warren_config::nearest(flag, known.into_iter())
                .map(|near| format!("; did you mean --{near}?"))
                .unwrap_or_default();
            format!("unknown flag: --{flag}{hint}")
        }
        Arg::Value(value) => format!("unexpected argument {value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        parse(std::iter::once("collector").chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn flags_may_stand_anywhere() {
        let arguments = read("--config a validate --config=b --set x=1").unwrap();
        assert!(matches!(arguments.command, Command::Validate { json: false }));
        assert_eq!(arguments.sources.configs, ["a", "b"]);
        assert_eq!(arguments.sources.sets, ["x=1"]);
        let Command::Run(options) = read("--config a --scrape-now --drain-timeout 1m30s").unwrap().command else {
            panic!("not run")
        };
        assert!(options.collect_now);
        assert_eq!(options.drain_timeout, Duration::from_secs(90));
        let Command::PrintConfig(print) =
            read("print-config --mode unredacted --format json --validate=false --config a").unwrap().command
        else {
            panic!("not print")
        };
        assert_eq!(print, PrintOptions { redacted: false, json: true, validate: false });
    }

    #[test]
    fn mistakes_are_told_in_upstreams_words_with_the_nearest_right_one() {
        for (line, says) in [
            ("--confg a", "unknown flag: --confg; did you mean --config?"),
            ("--set foo", "invalid argument \"foo\" for \"--set\" flag: missing equal sign"),
            ("validat --config a", "unknown command \"validat\"; did you mean \"validate\"?"),
            ("--drain-timeout 5x", "for \"--drain-timeout\" flag"),
            ("--feature-gates a,,b", "an element is empty"),
            ("print-initial-config", "use the otelcol.printInitialConfig feature gate"),
            ("validate a", "unexpected argument \"a\""),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
