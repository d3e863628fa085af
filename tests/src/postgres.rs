//! A private PostgreSQL: the store of a control plane that has outgrown SQLite.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::port;
use crate::process::{self, Process};

/// Where Debian puts the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The account that Debian's package brings: PostgreSQL does not run as root.
const ACCOUNT: &str = "postgres";

/// The user and the database of the database.
const USER: &str = "warren";

/// Its data, within its directory.
const DATA: &str = "data";

const INIT_TIMEOUT: Duration = Duration::from_secs(120);
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running server, stopped and removed when dropped.
pub struct Postgres {
    server: Process,
    programs: PathBuf,
    directory: TempDir,
    port: u16,
}

impl Postgres {
    /// Where its programs are, of the newest version there is.
    fn programs() -> Option<PathBuf> {
        let versions = std::fs::read_dir(VERSIONS).ok()?.flatten().map(|entry| entry.path().join("bin"));
        versions.filter(|programs| programs.join("initdb").is_file()).max()
    }

    /// Starts a server with an empty database, and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start() -> Result<Postgres> {
        let remedy = "run `cargo xtask test`, or `apt-get install postgresql`";
        let programs = Postgres::programs().ok_or(Error::Missing { program: "PostgreSQL", remedy })?;
        let directory = tempfile::Builder::new().prefix("warren-postgres-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for PostgreSQL"))?;
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), open).map_err(Error::io(|| "open PostgreSQL's directory to its account"))?;
        let mut init = as_account(&programs.join("initdb"), directory.path());
        init.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username", USER, "--pgdata", DATA]);
        must(process::run("initdb", &mut init, INIT_TIMEOUT)?)?;
        let port = port::free()?;
        let server = launch(&programs, directory.path(), port)?;
        let mut postgres = Postgres { server, programs, directory, port };
        postgres.ready()?;
        let mut create = postgres.client("createdb");
        create.arg(USER);
        must(process::run("createdb", &mut create, START_TIMEOUT)?)?;
        Ok(postgres)
    }

    /// The address of its database, as `--store` takes it.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{USER}", self.port)
    }

    /// Ends the server, its clients' connections with it, and starts it again.
    ///
    /// # Errors
    /// When it does not end or come up.
    pub fn restart(&mut self) -> Result<()> {
        self.server.signal(Signal::INT);
        self.server.wait(START_TIMEOUT)?;
        self.server = launch(&self.programs, self.directory.path(), self.port)?;
        self.ready()
    }

    fn ready(&mut self) -> Result<()> {
        let mut asks = self.client("pg_isready");
        self.server.until("is ready", START_TIMEOUT, || asks.output().ok()?.status.success().then_some(()))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string(), "--username", USER]);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It waits for its clients when it is terminated, and not when it is interrupted.
        self.server.signal(Signal::INT);
    }
}

fn launch(programs: &Path, directory: &Path, port: u16) -> Result<Process> {
    let mut command = as_account(&programs.join("postgres"), directory);
    command.args(["-D", DATA, "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c"]);
    command.arg(format!("unix_socket_directories={}", directory.display()));
    Process::spawn("postgres", &mut command, &directory.join("log"))
}

/// A command that ends with this process, as [`ACCOUNT`] if this is root.
fn as_account(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--init-groups"]);
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program).current_dir(directory);
    command
}

fn must(finished: process::Finished) -> Result<()> {
    match finished.status.success() {
        true => Ok(()),
        false => Err(Error::Malformed { what: "PostgreSQL's database".to_owned(), reason: finished.stderr }),
    }
}
