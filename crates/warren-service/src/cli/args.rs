//! Arguments as the user wrote them.

use super::gates;
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use warren_component::Gates;
use warren_config::ByteSize;

/// How long draining may take, unless said otherwise.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What to do, and on what.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) command: Command,
    pub(super) sources: Sources,
    pub(super) gates: Gates,
}

/// What to do.
#[derive(Debug)]
pub(super) enum Command {
    Run(RunOptions),
    Validate(ValidateOptions),
    PrintConfig(PrintOptions),
    Components,
    FeatureGate(Option<String>),
    Reload(Asked),
    Status(Asked),
    Doctor(Examination),
    Completion(String),
    Help,
    Version,
}

/// How the collector is to run.
#[derive(Clone, Debug)]
pub(super) struct RunOptions {
    pub(super) collect_now: bool,
    pub(super) drain_timeout: Duration,
    pub(super) strict_exit: bool,
    pub(super) state_dir: Option<PathBuf>,
    /// Changed files are read again at once.
    pub(super) watch: bool,
    /// A refused configuration is made up for by the last good one.
    pub(super) last_good: bool,
    /// Most memory that a configuration may take by its own account.
    pub(super) memory_max: Option<ByteSize>,
}

/// What a running collector is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its state directory.
    pub(super) state_dir: Option<PathBuf>,
    /// To tell only.
    pub(super) dry_run: bool,
    /// The answer as it comes.
    pub(super) json: bool,
}

/// What is looked at on this host.
#[derive(Clone, Debug, Default)]
pub(super) struct Examination {
    pub(super) options: warren_doctor::Options,
    /// Safe remedies are applied.
    pub(super) fix: bool,
    pub(super) json: bool,
}

/// How a configuration is to be checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ValidateOptions {
    /// Where a host that is given its configuration keeps it.
    pub(super) state_dir: Option<PathBuf>,
    pub(super) json: bool,
    /// Refuses what upstream does not know.
    pub(super) strict_upstream: bool,
    /// Tells how much memory the configuration may take.
    pub(super) memory: bool,
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
    /// What the host runs beside every configuration, if it was said where that is.
    pub(super) host: Option<PathBuf>,
}

pub(super) const COMMANDS: [&str; 10] = [
    "validate",
    "print-config",
    "print-initial-config",
    "components",
    "featuregate",
    "reload",
    "status",
    "completion",
    "help",
    "doctor",
];

pub(super) const FLAGS: [&str; 21] = [
    "config",
    "host-config",
    "set",
    "feature-gates",
    "version",
    "help",
    "scrape-now",
    "strict-exit",
    "drain-timeout",
    "state-dir",
    "watch",
    "no-last-good",
    "dry-run",
    "mode",
    "format",
    "validate",
    "strict-upstream",
    "fix",
    "endpoint",
    "memory",
    "memory-max",
];

/// Text of upstream's for the command that must be allowed first.
const EXPERIMENTAL: &str =
    "print-initial-config is currently experimental, use the otelcol.printInitialConfig feature gate to enable this command";

/// Everything that flags can say.
struct Flags {
    sources: Sources,
    gates: Vec<(String, bool)>,
    run: RunOptions,
    validate: ValidateOptions,
    print: PrintOptions,
    /// The word behind `--format`.
    format: Option<String>,
    dry_run: bool,
    fix: bool,
    endpoints: Vec<String>,
    version: bool,
    help: bool,
}

/// Reads the arguments of the program `name`; the first is how it was called.
pub(super) fn parse(name: &str, arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, String> {
    let mut parser = Parser::from_iter(arguments);
    let mut words: Vec<String> = Vec::new();
    let mut flags = Flags {
        sources: Sources::default(),
        gates: Vec::new(),
        run: RunOptions {
            collect_now: false,
            drain_timeout: DRAIN_TIMEOUT,
            strict_exit: false,
            state_dir: None,
            watch: false,
            last_good: true,
            memory_max: None,
        },
        validate: ValidateOptions::default(),
        print: PrintOptions { redacted: true, json: false, validate: true },
        format: None,
        dry_run: false,
        fix: false,
        endpoints: Vec::new(),
        version: false,
        help: false,
    };
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Value(word) => words.push(word.string().map_err(|error| error.to_string())?),
            Arg::Long(name) => {
                let name = name.to_owned();
                flags.take(&name, &mut parser)?;
            }
            Arg::Short('v') => flags.version = true,
            Arg::Short('h') => flags.help = true,
            Arg::Short(flag) => return Err(format!("unknown shorthand flag: {flag:?} in -{flag}")),
        }
    }
    let gates = gates::resolve(&flags.gates)?;
    let command = command(name, words, &flags, &gates)?;
    Ok(Arguments { command, sources: flags.sources, gates })
}

impl Flags {
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<(), String> {
        match name {
            "config" => self.sources.configs.push(text(name, parser)?),
            "host-config" => self.sources.host = Some(PathBuf::from(text(name, parser)?)),
            "set" => self.sources.sets.push(set(text(name, parser)?)?),
            "feature-gates" => self.gates.extend(asked_gates(&text(name, parser)?)?),
            "version" => self.version = true,
            "help" => self.help = true,
            "scrape-now" => self.run.collect_now = true,
            "strict-exit" => self.run.strict_exit = true,
            "drain-timeout" => self.run.drain_timeout = duration(name, &text(name, parser)?)?,
            "state-dir" => self.run.state_dir = Some(PathBuf::from(text(name, parser)?)),
            "watch" => self.run.watch = true,
            "no-last-good" => self.run.last_good = false,
            "dry-run" => self.dry_run = true,
            "fix" => self.fix = true,
            "endpoint" => self.endpoints.push(text(name, parser)?),
            "mode" => self.print.redacted = choice(name, &text(name, parser)?, "redacted", "unredacted")?,
            "format" => self.format = Some(text(name, parser)?),
            "memory" => self.validate.memory = true,
            "memory-max" => self.run.memory_max = Some(size(name, &text(name, parser)?)?),
            "strict-upstream" => self.validate.strict_upstream = true,
            "validate" => {
                let value = parser.optional_value().map(|value| value.string().map_err(|error| error.to_string())).transpose()?;
                self.print.validate = value.map_or(Ok(true), |value| choice(name, &value, "true", "false"))?;
            }
            other => {
                let near = warren_config::nearest(other, FLAGS.into_iter());
                let hint = near.map(|near| format!("; did you mean --{near}?")).unwrap_or_default();
                return Err(format!("unknown flag: --{other}{hint}"));
            }
        }
        Ok(())
    }

    /// What a running collector is asked.
    fn asked(&self) -> Result<Asked, String> {
        Ok(Asked { state_dir: self.run.state_dir.clone(), dry_run: self.dry_run, json: self.json("text")? })
    }

    /// What is looked at on this host.
    fn examination(&self) -> Result<Examination, String> {
        let options = warren_doctor::Options { endpoints: self.endpoints.clone(), state_dir: self.run.state_dir.clone() };
        Ok(Examination { options, fix: self.fix, json: self.json("text")? })
    }

    /// Whether `--format` asks for JSON rather than for the command's own form.
    fn json(&self, other: &str) -> Result<bool, String> {
        self.format.as_deref().map_or(Ok(false), |format| choice("format", format, "json", other))
    }
}

fn command(name: &str, words: Vec<String>, flags: &Flags, gates: &Gates) -> Result<Command, String> {
    if flags.version {
        return Ok(Command::Version);
    }
    if flags.help {
        return Ok(Command::Help);
    }
    let mut words = words.into_iter();
    let command = match words.next().as_deref() {
        None => Command::Run(flags.run.clone()),
        Some("validate") => Command::Validate(ValidateOptions {
            state_dir: flags.run.state_dir.clone(),
            json: flags.json("text")?,
            ..flags.validate.clone()
        }),
        Some("print-config") => Command::PrintConfig(PrintOptions { json: flags.json("yaml")?, ..flags.print }),
        Some("print-initial-config") if !gates.is_on("otelcol.printInitialConfig") => return Err(EXPERIMENTAL.to_owned()),
        Some("print-initial-config") => Command::PrintConfig(PrintOptions { redacted: false, json: false, validate: false }),
        Some("components") => Command::Components,
        Some("featuregate") => Command::FeatureGate(words.next()),
        Some("reload") => Command::Reload(flags.asked()?),
        Some("status") => Command::Status(flags.asked()?),
        Some("doctor") => Command::Doctor(flags.examination()?),
        Some("completion") => Command::Completion(words.next().ok_or("completion needs a shell: bash, zsh or fish")?),
        Some("help") => return Ok(Command::Help),
        Some(other) => {
            let near = warren_config::nearest(other, COMMANDS.into_iter());
            let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            return Err(format!("unknown command {other:?} for {name:?}{hint}"));
        }
    };
    match words.next() {
        Some(extra) => Err(format!("unexpected argument {extra:?}")),
        None => Ok(command),
    }
}

fn text(flag: &str, parser: &mut Parser) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("flag needs an argument: --{flag}"))?;
    value.string().map_err(|error| error.to_string())
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

fn size(flag: &str, value: &str) -> Result<ByteSize, String> {
    ByteSize::parse(value).map_err(|error| format!("invalid argument {value:?} for \"--{flag}\" flag: {error}; as in 512MiB"))
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
fn asked_gates(list: &str) -> Result<Vec<(String, bool)>, String> {
    let gate = |item: &str| match (item.strip_prefix('-'), item.strip_prefix('+').unwrap_or(item)) {
        (_, "") | (Some(""), _) => Err(format!("invalid argument {list:?} for \"--feature-gates\" flag: an element is empty")),
        (Some(name), _) => Ok((name.to_owned(), false)),
        (None, name) => Ok((name.to_owned(), true)),
    };
    list.split(',').map(gate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Arguments, String> {
        parse("collector", std::iter::once("collector").chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn flags_may_stand_anywhere() {
        let arguments = read("--config a validate --config=b --set x=1").unwrap();
        let options = ValidateOptions::default();
        assert!(matches!(arguments.command, Command::Validate(asked) if asked == options));
        assert_eq!(arguments.sources.configs, ["a", "b"]);
        assert_eq!(arguments.sources.sets, ["x=1"]);
        let line = "--config a --scrape-now --drain-timeout 1m30s --state-dir /s";
        let Command::Run(options) = read(line).unwrap().command else { panic!("not run") };
        assert_eq!(options.state_dir, Some(PathBuf::from("/s")));
        assert!(options.collect_now);
        assert_eq!(options.memory_max, None);
        let Command::Run(options) = read("--config a --memory-max 64MiB").unwrap().command else { panic!("not run") };
        assert_eq!(options.memory_max, Some(ByteSize(64 << 20)));
        assert!(read("--memory-max much").unwrap_err().contains("as in 512MiB"));
        let Command::Run(options) = read(line).unwrap().command else { panic!("not run") };
        assert_eq!(options.drain_timeout, Duration::from_secs(90));
        let Command::PrintConfig(print) =
            read("print-config --mode unredacted --format json --validate=false --config a").unwrap().command
        else {
            panic!("not print")
        };
        assert_eq!(print, PrintOptions { redacted: false, json: true, validate: false });
    }

    #[test]
    fn what_the_reader_of_a_script_asks_for_first_wins() {
        assert!(matches!(read("--config a -v").unwrap().command, Command::Version));
        assert!(matches!(read("validate --help").unwrap().command, Command::Help));
        assert!(matches!(read("help validate").unwrap().command, Command::Help));
        let gates = read("--feature-gates otelcol.printInitialConfig print-initial-config --config a").unwrap().gates;
        assert!(gates.is_on("otelcol.printInitialConfig"));
        let json = read("validate --format json --strict-upstream").unwrap().command;
        assert!(matches!(json, Command::Validate(ValidateOptions { json: true, strict_upstream: true, memory: false, .. })));
        let Command::Reload(asked) = read("reload --dry-run --state-dir /s --format json").unwrap().command else {
            panic!("not reload")
        };
        assert_eq!(asked, Asked { state_dir: Some(PathBuf::from("/s")), dry_run: true, json: true });
    }

    #[test]
    fn mistakes_are_told_in_upstreams_words_with_the_nearest_right_one() {
        for (line, says) in [
            ("--confg a", "unknown flag: --confg; did you mean --config?"),
            ("--set foo", "invalid argument \"foo\" for \"--set\" flag: missing equal sign"),
            ("validat --config a", "unknown command \"validat\" for \"collector\"; did you mean \"validate\"?"),
            ("--drain-timeout 5x", "for \"--drain-timeout\" flag"),
            ("--feature-gates a,,b", "an element is empty"),
            ("print-initial-config", "use the otelcol.printInitialConfig feature gate"),
            ("validate a", "unexpected argument \"a\""),
            ("--config", "flag needs an argument: --config"),
            ("-x", "unknown shorthand flag: 'x' in -x"),
            ("validate --format yaml", "use json or text"),
            ("print-config --format text", "use json or yaml"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
