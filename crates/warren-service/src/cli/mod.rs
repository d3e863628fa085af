//! The command line.

mod args;
mod ask;
mod completion;
mod components;
mod doctor;
mod gates;
mod help;
mod print;
mod source;
mod tool;

use crate::config::{NO_PIPELINES_GATE, decode};
use crate::host;
use crate::memory::Memory;
use crate::outline::Outline;
use crate::reload::{Decoded, Origin, Read, Show};
use crate::run::{Ended, Options, Source, run};
use crate::state;
use args::{Arguments, Command, RunOptions, ValidateOptions};
use source::Configuration;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use warren_component::{BuildInfo, Factories, Refused};
use warren_config::{ByteSize, Diagnostic, Diagnostics, Loaded, Severity, Stage};

/// Stack of a thread that may block.
const BLOCKING_STACK_BYTES: usize = 256 * 1024;

/// Threads that may block, at a time.
const BLOCKING_THREADS_MAX: usize = 2;

/// Exit code when data was dropped and `--strict-exit` is given.
const EXIT_DROPPED: u8 = 3;

/// What a distribution's `main` does: `warren-collector` of a version, which reads the arguments and does what they say with the components there are.
pub fn main(version: &str, factories: Factories) -> ExitCode {
    warren_sys::tune();
    let build = BuildInfo {
        command: "warren-collector".to_owned(),
        description: "Collector for broker servers".to_owned(),
        version: version.to_owned(),
    };
    let done = match tool::called(&factories, std::env::args_os().skip(1)) {
        Some(done) => done.map(|()| ExitCode::SUCCESS).map_err(Failure::answered),
        None => args::parse(&build.command, std::env::args_os())
            .map_err(Failure::plain)
            .and_then(|arguments| execute(arguments, build, &factories)),
    };
    done.unwrap_or_else(|failure| failure.tell())
}

/// What went wrong.
struct Failure {
    /// Everything, for people.
    text: String,
    /// The process's last word, where it is a collector that ends.
    last_word: Option<String>,
}

impl Failure {
    fn plain(text: String) -> Self {
        Self { last_word: Some(text.clone()), text }
    }

    fn refused(refused: Refused) -> Self {
        Self { text: refused.reason, last_word: Some(refused.summary) }
    }

    /// What another process answered.
    fn answered(text: String) -> Self {
        Self { text, last_word: None }
    }

    /// Tells it as upstream does: once for people, and once as the process's last word.
    fn tell(&self) -> ExitCode {
        let mut text = format!("Error: {}\n", self.text.trim_end());
        if let Some(last_word) = &self.last_word {
            let time = warren_telemetry::now("%Y/%m/%d %H:%M:%S");
            text.push_str(&format!("{time} collector server run finished with error: {}\n", last_word.trim_end()));
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
        ExitCode::FAILURE
    }
}

fn execute(arguments: Arguments, build: BuildInfo, factories: &Factories) -> Result<ExitCode, Failure> {
    let configuration = Configuration { sources: arguments.sources, gates: arguments.gates };
    let text = match arguments.command {
        Command::Run(options) => return collect(configuration, Arc::new(build), *factories, options),
        // A host that is given its configuration has none of its own: what it would start with is looked at.
        Command::Validate(ValidateOptions { state_dir: Some(state), .. }) if configuration.sources.configs.is_empty() => {
            let read = reader(configuration, *factories, Some(state), None);
            return read(&Origin::Sources).map(|_| ExitCode::SUCCESS).map_err(Failure::refused);
        }
        Command::Validate(options) => return validate(&configuration, factories, options),
        Command::PrintConfig(options) => print::config(&configuration, factories, &options).map_err(Failure::plain)?,
        Command::Components => components::text(&build, factories),
        Command::FeatureGate(id) => gates::text(id.as_deref(), &configuration.gates).map_err(Failure::plain)?,
        Command::Completion(shell) => completion::script(&build.command, &shell).map_err(Failure::plain)?,
        Command::Reload(asked) => ask::reload(&asked).map_err(Failure::answered)?,
        Command::Status(asked) => ask::status(&asked).map_err(Failure::answered)?,
        Command::Doctor(examination) => return Ok(doctor::examine(&examination)),
        Command::Help => help::text(&build, factories),
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
    configuration: Configuration,
    build: Arc<BuildInfo>,
    factories: Factories,
    options: RunOptions,
) -> Result<ExitCode, Failure> {
    if std::env::var_os(warren_slots::SLOT_VARIABLE).is_some() {
        // Whoever watches this process starts another one when it comes back, which could not have what this one holds.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    }
    let state_dir = state::chosen(options.state_dir, std::env::var("STATE_DIRECTORY").ok());
    let gates = configuration.gates.clone();
    let managed = configuration.sources.configs.is_empty();
    let read = reader(configuration, factories, state_dir.clone(), options.memory_max);
    let show: Show = Arc::new(move |canonical| print::shown(canonical, &factories));
    let (first, degraded) = match read(&Origin::Sources) {
        Ok(decoded) => (decoded, None),
        Err(refusal) => {
            let kept = state_dir.as_deref().filter(|_| options.last_good).and_then(state::last_good_of);
            // If that is refused as well, it is the new one that has to be put right.
            let decoded = kept.and_then(|text| read(&Origin::Canonical(text.into())).ok());
            // Whoever manages this host puts it right, if that is what it waits for.
            let decoded = decoded.or_else(|| read(&Origin::Canonical(host::ALONE.into())).ok().filter(|_| managed));
            let reason = refusal.summary.clone();
            (decoded.ok_or_else(|| Failure::refused(refusal))?, Some(reason))
        }
    };
    let options = Options {
        collect_now: options.collect_now,
        drain_timeout: options.drain_timeout,
        strict_exit: options.strict_exit,
        state_dir,
        watch: options.watch,
        gates,
    };
    let source = Source { first, degraded, read, show };
    let ended = runtime().and_then(|runtime| runtime.block_on(run(source, build, options)));
    match ended.map_err(Failure::plain)? {
        Ended::Well => Ok(ExitCode::SUCCESS),
        Ended::Dropped => Ok(ExitCode::from(EXIT_DROPPED)),
    }
}

/// What reads configurations.
///
/// A host that has extensions of its own may have no configuration besides: it is given one through them, and until then, as again after a
/// restart, its sources are the last one that was good, or nothing but those extensions.
fn reader(configuration: Configuration, factories: Factories, state_dir: Option<PathBuf>, memory_max: Option<ByteSize>) -> Read {
    Arc::new(move |origin| {
        let told = |diagnostics: Box<Diagnostics>| refused(&diagnostics, "");
        let host = configuration.host().map_err(told)?;
        let canonical = |text: &str| {
            let root = warren_config::parse_yaml("last-good.json", text).map_err(|error| Refused::because(error.to_string()))?;
            let mut diagnostics = Diagnostics::new();
            diagnostics.gates = configuration.gates.ids();
            Ok::<_, Refused>(Loaded { root, files: Vec::new(), diagnostics })
        };
        let mut loaded = match origin {
            Origin::Sources if host.is_some() && configuration.sources.configs.is_empty() => {
                canonical(state_dir.as_deref().and_then(state::last_good_of).as_deref().unwrap_or(host::ALONE))?
            }
            Origin::Sources => configuration.load().map_err(told)?,
            Origin::Text(text) => configuration.load_from(&[format!("yaml:{text}")]).map_err(told)?,
            Origin::Canonical(text) => canonical(text)?,
        };
        if let Some(host) = &host {
            host.put_over(&mut loaded.root);
            let pipelines = loaded.root.get("service").and_then(|service| service.get("pipelines")?.as_map());
            if !matches!(origin, Origin::Text(_)) && pipelines.is_none_or(|pipelines| pipelines.is_empty()) {
                let gates = loaded.diagnostics.gates.iter().cloned().chain([NO_PIPELINES_GATE.to_owned()]);
                loaded.diagnostics.gates = Arc::new(gates.collect());
            }
        }
        let decoded = decoded(loaded, &factories)?;
        match memory_max.and_then(|most| Memory::of(&decoded.settings, &decoded.outline).refusal(most)) {
            Some(reason) => Err(Refused::because(reason)),
            None => Ok(decoded),
        }
    })
}

/// Decodes what was loaded.
fn decoded(loaded: Loaded, factories: &Factories) -> Result<Decoded, Refused> {
    let Loaded { root, files, mut diagnostics } = loaded;
    let mut settings = decode(&root, factories, &mut diagnostics);
    if diagnostics.has_errors() {
        let only_invalid = diagnostics.errors().all(|finding| finding.stage == Stage::Validate);
        return Err(refused(&diagnostics, if only_invalid { "invalid configuration: " } else { "" }));
    }
    let warnings = diagnostics.warning_lines().collect();
    // What is needed for telling faults is not needed any more.
    drop(root);
    let outline = Outline::of(&mut settings, &diagnostics);
    let canonical = settings.canonical().into();
    Ok(Decoded { settings, outline, files, warnings, canonical })
}

/// Everything that is wrong with a configuration. Its summary is the first fault and how many more there are.
fn refused(diagnostics: &Diagnostics, prefix: &str) -> Refused {
    let reason = format!("{prefix}{}", warren_config::render(diagnostics));
    let mut summary = reason.lines().take_while(|line| !line.starts_with("  -->")).collect::<Vec<_>>().join("\n");
    match diagnostics.error_count() {
        0 | 1 => {}
        count => summary.push_str(&format!(" (and {} more, see above)", count - 1)),
    }
    Refused { reason, summary, findings: warren_config::diagnostics_to_json(diagnostics) }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(BLOCKING_STACK_BYTES)
        .build()
        .map_err(|error| format!("cannot start: {error}"))
}

fn validate(configuration: &Configuration, factories: &Factories, options: ValidateOptions) -> Result<ExitCode, Failure> {
    let mut memory = None;
    let diagnostics = match configuration.load() {
        Ok(Loaded { root, mut diagnostics, .. }) => {
            let mut settings = decode(&root, factories, &mut diagnostics);
            if options.strict_upstream {
                refuse_own_keys(&mut diagnostics);
            }
            if options.memory && !diagnostics.has_errors() {
                let outline = Outline::of(&mut settings, &diagnostics);
                memory = Some(Memory::of(&settings, &outline));
            }
            diagnostics
        }
        Err(diagnostics) => *diagnostics,
    };
    let code = if diagnostics.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if let Some(memory) = memory {
        print(&if options.json { format!("{}\n", memory.json()) } else { memory.table() });
    } else if options.json {
        print(&warren_config::diagnostics_to_json(&diagnostics));
    }
    if options.json {
        return Ok(code);
    }
    let warnings: String = diagnostics.warning_lines().map(|line| format!("warning: {line}\n")).collect();
    let _ = std::io::stderr().lock().write_all(warnings.as_bytes());
    if diagnostics.has_errors() { Err(Failure::refused(refused(&diagnostics, ""))) } else { Ok(code) }
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
