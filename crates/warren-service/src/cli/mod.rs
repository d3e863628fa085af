//! The command line.

mod args;
mod completion;
mod components;
mod gates;
mod help;
mod print;
mod source;

use crate::config::decode;
use crate::run::{Ended, Options, run};
use crate::state;
use args::{Arguments, Command, RunOptions, ValidateOptions};
use source::Configuration;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use warren_component::{BuildInfo, Factories};
use warren_config::{Diagnostic, Diagnostics, Loaded, Severity, Stage};

/// Stack of a thread that may block.
const BLOCKING_STACK_BYTES: usize = 256 * 1024;

/// Threads that may block, at a time.
const BLOCKING_THREADS_MAX: usize = 2;

/// Exit code when data was dropped and `--strict-exit` is given.
const EXIT_DROPPED: u8 = 3;

/// The program: reads the arguments and does what they say.
pub fn main(build: BuildInfo, factories: Factories) -> ExitCode {
    let done = args::parse(&build.command, std::env::args_os())
        .map_err(Failure::plain)
        .and_then(|arguments| execute(arguments, build, &factories));
    done.unwrap_or_else(|failure| failure.tell())
}

/// What went wrong.
struct Failure {
    /// Everything, for people.
    text: String,
    /// The process's last word.
    last_word: String,
}

impl Failure {
    fn plain(text: String) -> Self {
        Self { last_word: text.clone(), text }
    }

    /// A configuration that is refused: its last word is the first fault and how many more there are.
    fn refused(diagnostics: &Diagnostics, prefix: &str) -> Self {
        let text = format!("{prefix}{}", warren_config::render(diagnostics));
        let mut last_word = text.lines().take_while(|line| !line.starts_with("  -->")).collect::<Vec<_>>().join("\n");
        match diagnostics.error_count() {
            0 | 1 => {}
            count => last_word.push_str(&format!(" (and {} more, see above)", count - 1)),
        }
        Self { text, last_word }
    }

    /// Tells it as upstream does: once for people, and once as the process's last word.
    fn tell(&self) -> ExitCode {
        let (text, last_word) = (self.text.trim_end(), self.last_word.trim_end());
        let time = warren_telemetry::now("%Y/%m/%d %H:%M:%S");
        let text = format!("Error: {text}\n{time} collector server run finished with error: {last_word}\n");
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        ExitCode::FAILURE
    }
}

fn execute(arguments: Arguments, build: BuildInfo, factories: &Factories) -> Result<ExitCode, Failure> {
    let configuration = Configuration { sources: &arguments.sources, gates: &arguments.gates };
    let text = match arguments.command {
        Command::Run(options) => return collect(&configuration, Arc::new(build), factories, options),
        Command::Validate(options) => return validate(&configuration, factories, options),
        Command::PrintConfig(options) => print::config(&configuration, factories, &options).map_err(Failure::plain)?,
        Command::Components => components::text(&build, factories),
        Command::FeatureGate(id) => gates::text(id.as_deref(), &arguments.gates).map_err(Failure::plain)?,
        Command::Completion(shell) => completion::script(&build.command, &shell).map_err(Failure::plain)?,
        Command::Help => help::text(&build),
        Command::Version => format!("{} version {}\n", build.command, build.version),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output; a reader that went away is no error.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Runs the collector.
fn collect(
    configuration: &Configuration<'_>,
    build: Arc<BuildInfo>,
    factories: &Factories,
    options: RunOptions,
) -> Result<ExitCode, Failure> {
    let Loaded { root, mut diagnostics, .. } = configuration.load().map_err(|diagnostics| Failure::refused(&diagnostics, ""))?;
    let settings = decode(&root, factories, &mut diagnostics);
    if diagnostics.has_errors() {
        let only_invalid = diagnostics.errors().all(|finding| finding.stage == Stage::Validate);
        return Err(Failure::refused(&diagnostics, if only_invalid { "invalid configuration: " } else { "" }));
    }
    let warnings = diagnostics.warning_lines().collect();
    // What is needed for telling faults is not needed any more.
    drop((root, diagnostics));
    let options = Options {
        collect_now: options.collect_now,
        drain_timeout: options.drain_timeout,
        strict_exit: options.strict_exit,
        state_dir: state::chosen(options.state_dir, std::env::var("STATE_DIRECTORY").ok()),
        gates: configuration.gates.clone(),
    };
    let ended = runtime().and_then(|runtime| runtime.block_on(run(settings, build, options, warnings)));
    match ended.map_err(Failure::plain)? {
        Ended::Well => Ok(ExitCode::SUCCESS),
        Ended::Dropped => Ok(ExitCode::from(EXIT_DROPPED)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(BLOCKING_STACK_BYTES)
        .build()
        .map_err(|error| format!("cannot start: {error}"))
}

fn validate(configuration: &Configuration<'_>, factories: &Factories, options: ValidateOptions) -> Result<ExitCode, Failure> {
    let diagnostics = match configuration.load() {
        Ok(Loaded { root, mut diagnostics, .. }) => {
            decode(&root, factories, &mut diagnostics);
            if options.strict_upstream {
                refuse_own_keys(&mut diagnostics);
            }
            diagnostics
        }
        Err(diagnostics) => *diagnostics,
    };
    let code = if diagnostics.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if options.json {
        print(&warren_config::diagnostics_to_json(&diagnostics));
        return Ok(code);
    }
    let warnings: String = diagnostics.warning_lines().map(|line| format!("warning: {line}\n")).collect();
    let _ = std::io::stderr().lock().write_all(warnings.as_bytes());
    if diagnostics.has_errors() { Err(Failure::refused(&diagnostics, "")) } else { Ok(code) }
}

/// Settings that upstream would not read.
fn refuse_own_keys(diagnostics: &mut Diagnostics) {
    for (path, place) in diagnostics.own_keys.clone() {
        let message = "only Warren knows this setting; the OpenTelemetry Collector refuses it";
        let mut finding = Diagnostic::new(Severity::Error, Stage::Validate, "own-setting", message, place);
        finding.pointer = format!("/{}", path.replace("::", "/"));
        finding.path = path;
        diagnostics.push(finding);
    }
}
