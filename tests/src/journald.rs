//! systemd's journal: a real `systemd-journald` in a mount namespace of its own, journals made from text, and `journalctl` to compare with.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{self, Process};
use crate::{Error, Result};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);
const JOURNALD: &str = "/lib/systemd/systemd-journald";
const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

/// Prepares the namespace and becomes journald: `/run` and `/var/log` are its own, nothing is limited but the size of a file.
const BECOME_JOURNALD: &str = r#"
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
cat >/run/systemd/journald.conf.d/test.conf <<END
[Journal]
RateLimitIntervalSec=0
RateLimitBurst=0
RuntimeMaxFileSize=2M
RuntimeMaxUse=400M
SystemMaxFileSize=8M
SystemMaxUse=400M
END
exec "$0"
"#;

/// A running journald that nobody else writes to.
pub struct Journald {
    server: Process,
    _directory: TempDir,
}

impl Journald {
    /// Starts journald and waits until it listens. Needs root, for the namespace.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start() -> Result<Self> {
        let directory = tempfile::tempdir().map_err(Error::io(|| "make a directory for journald"))?;
        let mut command = process::command("unshare");
        command.args(["--mount", "sh", "-c", BECOME_JOURNALD, JOURNALD]);
        let server = Process::spawn("systemd-journald", &mut command, &directory.path().join("log"))?;
        let mut journald = Self { server, _directory: directory };
        let Sender(socket) = journald.sender();
        journald.server.until("listens", START_TIMEOUT, || socket.exists().then_some(()))?;
        Ok(journald)
    }

    /// The root of its files, for others.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.server.id()))
    }

    /// A command that sees files as journald does.
    pub fn enter(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = process::command("nsenter");
        command.arg(format!("--target={}", self.server.id())).args(["--mount", "--"]).arg(program);
        command
    }

    /// Puts an empty disk of a size such as `256k` over a directory that only journald and who enters sees; where it is for others.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(&self, directory: &str, size: &str) -> Result<PathBuf> {
        let mut command = self.enter("sh");
        command.args(["-ec", r#"mkdir -p "$1"; mount -t tmpfs -o "size=$2" tmpfs "$1""#, "sh", directory, size]);
        let mounted = process::run("mount", &mut command, TOOL_TIMEOUT)?;
        match mounted.status.success() {
            true => Ok(self.root().join(directory.trim_start_matches('/'))),
            false => Err(Error::Malformed { what: format!("a disk at {directory}"), reason: mounted.stderr }),
        }
    }

    /// Where entries are sent to.
    pub fn sender(&self) -> Sender {
        Sender(self.root().join("run/systemd/journal/socket"))
    }

    /// Sends messages of an identifier.
    ///
    /// # Errors
    /// When journald takes none.
    pub fn send(&self, identifier: &str, messages: impl IntoIterator<Item = String>) -> Result<()> {
        self.sender().send(identifier, messages)
    }

    /// Has it begin new files.
    pub fn rotate(&mut self) {
        self.server.signal(Signal::USR2);
    }

    /// Has it move what it holds in memory to disk.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn flush(&mut self) -> Result<()> {
        std::fs::create_dir_all(self.root().join("var/log/journal")).map_err(Error::io(|| "make /var/log/journal"))?;
        self.server.signal(Signal::USR1);
        Ok(())
    }
}

/// The socket of a journald.
#[derive(Clone, Debug)]
pub struct Sender(PathBuf);

impl Sender {
    /// Sends messages of an identifier over the native protocol.
    ///
    /// # Errors
    /// When journald takes none.
    pub fn send(&self, identifier: &str, messages: impl IntoIterator<Item = String>) -> Result<()> {
        let failed = || "send to journald";
        let socket = UnixDatagram::unbound().map_err(Error::io(failed))?;
        socket.connect(&self.0).map_err(Error::io(failed))?;
        for message in messages {
            let entry = format!("MESSAGE={message}\nPRIORITY=6\nSYSLOG_IDENTIFIER={identifier}\n");
            socket.send(entry.as_bytes()).map_err(Error::io(failed))?;
        }
        Ok(())
    }
}

/// Makes a journal file of entries in the export format; further files appear beside it when it is full. `environment` chooses the layout.
///
/// # Errors
/// When `systemd-journal-remote` is not installed or refuses.
pub fn import(export: &Path, journal: &Path, environment: &[(&str, &str)]) -> Result<()> {
    let mut command = process::command(REMOTE);
    command.arg(format!("--output={}", journal.display())).arg(export).envs(environment.iter().copied());
    process::run("systemd-journal-remote", &mut command, TOOL_TIMEOUT).map(drop)
}

/// What `journalctl` shows of a directory: one object for each entry.
///
/// # Errors
/// When it is not installed, or shows what is no JSON.
pub fn shown(directory: &Path, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut command = process::command("journalctl");
    command.arg("--directory").arg(directory).args(["--output=json", "--all", "--no-pager", "--quiet"]).args(arguments);
    let finished = process::run("journalctl", &mut command, TOOL_TIMEOUT)?;
    finished.stdout.lines().map(|line| serde_json::from_str(line).map_err(|error| malformed(&error))).collect()
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::Malformed { what: "an entry of journalctl".to_owned(), reason: error.to_string() }
}

/// Entries in the export format, as a broker's would be: fields that repeat, long ones, bytes that are no text, fields that occur twice,
/// several boots, a clock that is set back.
pub fn broker_export(entries: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..entries {
        let boot = number * 3 / entries;
        let (realtime, monotonic) = (1_700_000_000_000_000 + number * 1000 - boot * 500_000, 1_000_000 + number * 1000);
        let unit = ["rabbitmq-server", "lavinmq", "ssh"][(number % 3) as usize];
        let mut text = String::new();
        let _ = write!(
            text,
            "__REALTIME_TIMESTAMP={realtime}\n__MONOTONIC_TIMESTAMP={monotonic}\n_BOOT_ID={boot:031x}a\nPRIORITY={}\n_UID=0\n\
             _HOSTNAME=server-name-01\n_SYSTEMD_UNIT={unit}.service\nSYSLOG_IDENTIFIER={unit}\n_SOURCE_REALTIME_TIMESTAMP={realtime}\n",
            number % 8
        );
        if number % 7 == 0 {
            text.push_str("TAG=a\nTAG=b\nTAG=c\n");
        }
        out.extend(text.into_bytes());
        let mut message = format!("closing AMQP connection <0.{number}.0> (vhost: '/', user: 'guest')").into_bytes();
        if number % 11 == 0 {
            message.extend(b" state".repeat(1 + (number % 2000) as usize));
        }
        if number % 13 == 0 {
            message.extend(b"\n\x1b[31m\0\xff");
        }
        out.extend(b"MESSAGE\n");
        out.extend((message.len() as u64).to_le_bytes());
        out.extend(message);
        out.extend(b"\n\n");
    }
    out
}
