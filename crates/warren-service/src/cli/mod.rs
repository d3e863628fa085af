//! The command line.

mod args;
mod completion;
mod components;
mod gates;
mod help;
mod print;

use crate::config::{Settings, decode};
use crate::run::{Ended, Options, run};
use args::{Arguments, Command, Sources};
use std::process::ExitCode;
use std::sync::Arc;
use warren_component::{BuildInfo, Factories};
use warren_config::{Diagnostics, Fetch, Loaded, Loader, Stage};

/// Stack of a thread that may block.
const BLOCKING_STACK_BYTES: usize = 256 * 1024;

/// Threads that may block, at a time.
const BLOCKING_THREADS_MAX: usize = 2;

/// Longest time a configuration is waited for over HTTP.
const FETCH_SECONDS_MAX: u64 = 30;

/// Exit code when data was dropped and `--strict-exit` is given.
const EXIT_DROPPED: u8 = 3;

/// The program: reads the arguments and does what they say.
pub fn main(build: BuildInfo, factories: Factories) -> ExitCode {
    let arguments = match args::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(message) => return failed(&message, None),
    };
    match execute(arguments, Arc::new(build), &factories) {
        Ok(code) => code,
        Err((message, prefix)) => failed(&message, prefix),
    }
}

/// What went wrong, and the words that the process ends with, if it was to run.
type Failure = (String, Option<&'static str>);

fn execute(arguments: Arguments, build: Arc<BuildInfo>, factories: &Factories) -> Result<ExitCode, Failure> {
    gates::check(&arguments.sources.gates).map_err(|message| (message, None))?;
    match arguments.command {
        Command::Help => print(&help::text(&build)),
        Command::Version => print(&format!("{} version {}\n", build.command, build.version)),
        Command::Completion(shell) => {
            return completion::script(&build.command, &shell).map(|text| print_code(&text)).map_err(|message| (message, None));
        }
        Command::Components => print(&components::text(&build, factories)),
        Command::FeatureGate(id) => {
            return gates::text(id.as_deref()).map(|text| print_code(&text)).map_err(|message| (message, None));
        }
        Command::Validate { json } => return Ok(validate(&arguments.sources, factories, json)),
        Command::PrintConfig(options) => {
            return print::config(&arguments.sources, factories, &options)
                .map(|text| print_code(&text))
                .map_err(|message| (message, None));
        }
        Command::Run(options) => {
            return collect(&arguments.sources, build, factories, options)
                .map_err(|message| (message, Some("collector server run finished with error")));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_code(text: &str) -> ExitCode {
    print(text);
    ExitCode::SUCCESS
}

/// Writes to standard output; a reader that went away is no error.
fn print(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
}

/// Tells a failure as upstream does: once for people, and once as the process's last word.
fn failed(message: &str, prefix: Option<&str>) -> ExitCode {
    let message = message.trim_end();
    let mut text = format!("Error: {message}\n");
    if let Some(prefix) = prefix {
        text.push_str(&format!("{} {prefix}: {message}\n", warren_telemetry::now("%Y/%m/%d %H:%M:%S")));
    }
    let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), text.as_bytes());
    ExitCode::FAILURE
}

/// Runs the collector.
fn collect(sources: &Sources, build: Arc<BuildInfo>, factories: &Factories, options: Options) -> Result<ExitCode, String> {
    let (settings, warnings) = settings(sources, factories).map_err(|diagnostics| {
        let text = warren_config::render(&diagnostics);
        let only_validation = diagnostics.errors().all(|finding| finding.stage == Stage::Validate);
        if only_validation { format!("invalid configuration: {text}") } else { text }
    })?;
    let ended = runtime()?.block_on(run(settings, build, options, warnings))?;
    Ok(if ended == Ended::Dropped { ExitCode::from(EXIT_DROPPED) } else { ExitCode::SUCCESS })
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(BLOCKING_STACK_BYTES)
        .build()
        .map_err(|error| format!("cannot start: {error}"))
}

/// Reads the sources and decodes them; warnings as texts.
fn settings(sources: &Sources, factories: &Factories) -> Result<(Settings, Vec<String>), Box<Diagnostics>> {
    let Loaded { root, mut diagnostics, .. } = load(sources)?;
    diagnostics.gates = gates::on(&sources.gates).into();
    let settings = decode(&root, factories, &mut diagnostics);
    if diagnostics.has_errors() {
        return Err(Box::new(diagnostics));
    }
    let warnings = diagnostics.warning_lines().collect();
    Ok((settings, warnings))
}

/// Reads, merges and expands the sources.
fn load(sources: &Sources) -> Result<Loaded, Box<Diagnostics>> {
    let variable = |name: &str| std::env::var(name).ok();
    let append = gates::is_on(&sources.gates, "confmap.enableMergeAppendOption");
    Loader::new(&variable, &HttpFetch).merge_append(append).load(&sources.configs, &sources.sets).map_err(Box::new)
}

fn validate(sources: &Sources, factories: &Factories, json: bool) -> ExitCode {
    let diagnostics = match load(sources) {
        Ok(Loaded { root, mut diagnostics, .. }) => {
            diagnostics.gates = gates::on(&sources.gates).into();
            decode(&root, factories, &mut diagnostics);
            diagnostics
        }
        Err(diagnostics) => *diagnostics,
    };
    if json {
        print(&(warren_config::diagnostics_to_json(&diagnostics) + "\n"));
    }
    let code = if diagnostics.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if !json {
        let warnings: String = diagnostics.warning_lines().map(|line| format!("warning: {line}\n")).collect();
        let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), warnings.as_bytes());
        if diagnostics.has_errors() {
            return failed(&warren_config::render(&diagnostics), None);
        }
    }
    code
}

/// Gets configurations over HTTP.
struct HttpFetch;

impl Fetch for HttpFetch {
    fn fetch(&self, uri: &str, limit: usize) -> Result<Vec<u8>, String> {
        let settings = warren_http::ClientSettings {
            proxies: warren_http::client::Proxies::from_environment(|name| std::env::var(name).ok()),
            timeout: std::time::Duration::from_secs(FETCH_SECONDS_MAX),
            redirects: 10,
            ..warren_http::ClientSettings::default()
        };
        let get = async {
            let client = warren_http::Client::new(settings).map_err(|error| error.to_string())?;
            let mut request = http::Request::new(Default::default());
            *request.uri_mut() = uri.parse().map_err(|_| "invalid URL".to_owned())?;
            let reply = client.send(request).await.map_err(|error| error.to_string())?;
            if reply.status() != http::StatusCode::OK {
                return Err(format!("failed to load resource from uri {uri:?}. status code: {}", reply.status().as_u16()));
            }
            reply.into_body().read(limit).await.map_err(|error| error.to_string())
        };
        runtime()?.block_on(get)
    }
}
