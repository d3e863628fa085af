//! The command line.

use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const HELP: &str = "Runs warren-collector, and another version of it when it is given one, which stays if it is well.

Usage: warren-watchdog [OPTIONS] [-- ARGUMENTS OF THE COLLECTOR]

  --state-dir DIR      the collector's state directory [default: $STATE_DIRECTORY]
  --directory DIR      where versions are kept [default: packages in the state directory]
  --initial PROGRAM    the collector that the host came with
  --patience SECONDS   how long a new version may take to be well [default: 180]
  --steady SECONDS     how long it then has to stay well [default: 10]
  --probation SECONDS  how long it is in its place until crashes do not count against it any more [default: 3600]
";

/// How long a new version may take to be well. A control plane that lets collectors in one after the other may have it come again twice, after up to
/// 90 s each.
const PATIENCE_SECONDS: u64 = 180;

/// How to watch.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) directory: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) initial: Option<PathBuf>,
    pub(crate) patience: Duration,
    pub(crate) steady: Duration,
    pub(crate) probation: Duration,
    pub(crate) arguments: Vec<OsString>,
}

/// Reads the arguments; none if they only asked for help.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, String> {
    read(Parser::from_iter(arguments), std::env::var_os("STATE_DIRECTORY"))
        .map_err(|error| format!("{error}; --help tells what there is"))
}

fn read(mut parser: Parser, systemd: Option<OsString>) -> Result<Option<Options>, lexopt::Error> {
    let (mut directory, mut state, mut initial) = (None, None, None);
    let (mut patience, mut steady, mut probation) = (PATIENCE_SECONDS, 10, 3600);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("state-dir") => state = Some(PathBuf::from(parser.value()?)),
            Arg::Long("directory") => directory = Some(PathBuf::from(parser.value()?)),
            Arg::Long("initial") => initial = Some(PathBuf::from(parser.value()?)),
            Arg::Long("patience") => patience = parser.value()?.parse()?,
            Arg::Long("steady") => steady = parser.value()?.parse()?,
            Arg::Long("probation") => probation = parser.value()?.parse()?,
            Arg::Long("version") => return said(concat!("warren-watchdog ", env!("CARGO_PKG_VERSION"), "\n")),
            Arg::Long("help") | Arg::Short('h') => return said(HELP),
            // What comes behind `--` is the collector's.
            Arg::Value(first) => {
                let arguments = std::iter::once(first).chain(parser.raw_args()?).collect();
                return options(directory, state, systemd, initial, (patience, steady, probation), arguments).map(Some);
            }
            other => return Err(other.unexpected()),
        }
    }
    options(directory, state, systemd, initial, (patience, steady, probation), Vec::new()).map(Some)
}

fn options(
    directory: Option<PathBuf>,
    state: Option<PathBuf>,
    systemd: Option<OsString>,
    initial: Option<PathBuf>,
    (patience, steady, probation): (u64, u64, u64),
    arguments: Vec<OsString>,
) -> Result<Options, lexopt::Error> {
    let first = systemd.and_then(|list| list.to_str()?.split(':').next().map(PathBuf::from));
    let state = state.or(first.filter(|path| !path.as_os_str().is_empty()));
    let state = state.ok_or("where does the collector keep its state? give --state-dir")?;
    let directory = directory.unwrap_or_else(|| state.join("packages"));
    let [patience, steady, probation] = [patience, steady, probation].map(Duration::from_secs);
    Ok(Options { directory, state, initial, patience, steady, probation, arguments })
}

fn said(text: &str) -> Result<Option<Options>, lexopt::Error> {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, systemd: Option<&str>) -> Result<Option<Options>, lexopt::Error> {
        let words = std::iter::once("warren-watchdog").chain(line.split_whitespace()).map(OsString::from);
        super::read(Parser::from_iter(words), systemd.map(OsString::from))
    }

    #[test]
    fn what_stands_behind_the_dashes_is_the_collectors() {
        let options = read("--state-dir /s --patience 5 -- --host-config /h --patience x", None).unwrap().unwrap();
        assert_eq!((options.directory, options.patience), (PathBuf::from("/s/packages"), Duration::from_secs(5)));
        assert_eq!(options.arguments, ["--host-config", "/h", "--patience", "x"]);
        let options = read("--directory /d", Some("/a:/b")).unwrap().unwrap();
        assert!(HELP.contains(&format!("to be well [default: {}]", options.patience.as_secs())));
        assert_eq!((options.directory, options.state), (PathBuf::from("/d"), PathBuf::from("/a")));
    }

    #[test]
    fn mistakes_are_told() {
        for line in ["", "--state-dir /s --patience soon", "--state-dir /s --other"] {
            assert!(read(line, None).is_err(), "{line}");
        }
    }
}
