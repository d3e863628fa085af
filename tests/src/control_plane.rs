//! The control plane under test: the real program on a database of SQLite of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::http::{self, Message, Request};
use crate::process::{self, Finished, Process};
use crate::{port, program};

/// Variable that names the program to test; without it the one of this workspace is built.
pub const BINARY_VARIABLE: &str = "WARREN_CONTROL_PLANE";

const START_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Path of the program to test: [`BINARY_VARIABLE`], else built from this workspace, once per process.
///
/// # Errors
/// When the variable names no file, or the build fails.
pub fn binary() -> Result<PathBuf> {
    program::to_test(BINARY_VARIABLE, "warren")
}

/// How one is to be started.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The program; [`binary`] if there is none.
    pub binary: Option<PathBuf>,
    /// The port of its API; a free one if there is none.
    pub port: Option<u16>,
    /// Where it keeps what it knows, as `--store` takes it; a SQLite of its own if there is none.
    pub store: Option<String>,
    /// Where it asks by PromQL whether data arrives: URL, user and password.
    pub query: Option<(String, String, String)>,
    /// The directory of another one, whose key and token it has.
    pub beside: Option<PathBuf>,
    /// More of its command line.
    pub arguments: Vec<String>,
    /// The authority of its certificate, which is on its command line; without one it has no TLS.
    pub authority: Option<PathBuf>,
    /// The bus where it sees whether data arrives: URL and exchange; the account is `guest`.
    pub bus: Option<(String, String)>,
}

/// A control plane, stopped when dropped.
pub struct ControlPlane {
    process: Process,
    directory: TempDir,
    setup: Setup,
    port: u16,
    token: String,
}

/// An answer of its API.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Version of what was asked for.
    pub etag: Option<String>,
    /// Body.
    pub body: Value,
}

impl ControlPlane {
    /// Starts one with nothing in its database.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<ControlPlane> {
        ControlPlane::start_with(Setup::default())
    }

    /// Starts one with nothing in its database, in this way.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_with(setup: Setup) -> Result<ControlPlane> {
        let directory = tempfile::Builder::new().prefix("warren-control-").tempdir();
        let directory = directory.map_err(Error::io(|| "create a directory for the control plane"))?;
        let port = setup.port.map_or_else(port::free, Ok)?;
        let process = launch(&setup, &directory, port)?;
        let mut plane = ControlPlane { process, directory, setup, port, token: String::new() };
        plane.ready()?;
        Ok(plane)
    }

    /// Starts another one on the same database, which is not SQLite.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn beside(&self) -> Result<ControlPlane> {
        let beside = Some(self.directory.path().to_owned());
        ControlPlane::start_with(Setup { port: None, beside, ..self.setup.clone() })
    }

    /// Starts it again, after it was stopped, on the same database and port.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        self.process = launch(&self.setup, &self.directory, self.port)?;
        self.ready()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it has to be killed.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop(STOP_TIMEOUT).map(drop)
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Its address.
    pub fn url(&self) -> String {
        let secure = if self.setup.authority.is_some() { "s" } else { "" };
        format!("http{secure}://127.0.0.1:{}", self.port)
    }

    /// The address for collectors.
    pub fn opamp_url(&self) -> String {
        let secure = if self.setup.authority.is_some() { "s" } else { "" };
        format!("ws{secure}://127.0.0.1:{}/v1/opamp", self.port)
    }

    /// The same for those who ask in intervals.
    pub fn opamp_http_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/opamp", self.port)
    }

    /// The directory of its database.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// File of the administrator's token.
    pub fn token_path(&self) -> PathBuf {
        self.setup.beside.as_deref().unwrap_or(self.directory.path()).join("warren.admin-token")
    }

    /// File its log goes to.
    pub fn log_path(&self) -> &Path {
        self.process.log_path()
    }

    /// The administrator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks its API, whatever the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>, etag: Option<&str>) -> Result<Answer> {
        self.ask_as(&self.token, method, path, body, etag)
    }

    /// The same with another token.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask_as(&self, token: &str, method: &str, path: &str, body: Option<&Value>, etag: Option<&str>) -> Result<Answer> {
        let url = format!("{}/api/v1{path}", self.url());
        let authorization = format!("Bearer {token}");
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut headers = vec![("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        headers.extend(etag.map(|etag| ("If-Match", etag)));
        let answer = http::send(&Request { method, url: &url, user: None, headers: &headers, body: body.as_bytes() })?;
        let text = answer.text();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Answer { status: answer.word(1).parse().unwrap_or_default(), etag: header(&answer, "etag"), body })
    }

    /// Asks for what must be given.
    ///
    /// # Errors
    /// When the answer is not 2xx.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.must("GET", path, None, None)
    }

    /// Posts what must be taken.
    ///
    /// # Errors
    /// When the answer is not 2xx.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.must("POST", path, Some(body), None)
    }

    /// Changes what must be changed, at the version that it is at.
    ///
    /// # Errors
    /// When the answer is not 2xx.
    pub fn put(&self, path: &str, change: impl FnOnce(&mut Value)) -> Result<Value> {
        let known = self.ask("GET", path, None, None)?;
        let mut body = known.body;
        change(&mut body);
        self.must("PUT", path, Some(&body), known.etag.as_deref())
    }

    /// Deletes what must be deleted.
    ///
    /// # Errors
    /// When the answer is not 2xx.
    pub fn delete(&self, path: &str) -> Result<Value> {
        self.must("DELETE", path, None, None)
    }

    fn must(&self, method: &str, path: &str, body: Option<&Value>, etag: Option<&str>) -> Result<Value> {
        let answer = self.ask(method, path, body, etag)?;
        match answer.status {
            200..300 => Ok(answer.body),
            status => Err(Error::Answer { request: format!("{method} {path}"), status, body: answer.body.to_string() }),
        }
    }

    /// A host file with which a collector enrols as a server.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn host_config(&self, server: &str) -> Result<Value> {
        let token = self.post(&format!("/servers/{server}/enrolment-tokens"), &json!({}))?;
        Ok(json!({"extensions": {"opamp": {
            "server": {"ws": {"endpoint": self.opamp_url()}},
            "warren": {"accepts_remote_config": true, "enrolment_token": token["token"], "apply_grace": "1s"},
        }}}))
    }

    /// Runs one of its commands for people.
    ///
    /// # Errors
    /// When it cannot be started or does not end in time.
    pub fn command(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = self.setup.command()?;
        command.args(arguments).env("WARREN_URL", self.url()).env("WARREN_TOKEN", &self.token);
        if let Some(authority) = &self.setup.authority {
            command.env("WARREN_CA", authority);
        }
        process::run("warren", &mut command, COMMAND_TIMEOUT)
    }

    fn ready(&mut self) -> Result<()> {
        if self.setup.authority.is_some() {
            let address = ("127.0.0.1", self.port);
            self.process.until("is ready", START_TIMEOUT, || std::net::TcpStream::connect(address).ok())?;
        } else {
            let url = format!("{}/healthz", self.url());
            self.process.until("is ready", START_TIMEOUT, || http::get(&url, None).ok())?;
        }
        let path = self.token_path();
        let token = std::fs::read_to_string(&path).map_err(Error::io(|| format!("read {}", path.display())))?;
        token.trim().clone_into(&mut self.token);
        Ok(())
    }
}

impl Setup {
    fn command(&self) -> Result<Command> {
        Ok(process::command(self.binary.clone().map_or_else(binary, Ok)?))
    }
}

fn launch(setup: &Setup, directory: &TempDir, port: u16) -> Result<Process> {
    let mut command = setup.command()?;
    let own = || format!("sqlite:{}", directory.path().join("warren.db").display());
    let store = setup.store.clone().unwrap_or_else(own);
    command
        .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--store", &store, "--heartbeat", "2"])
        // Who waits for something asks often.
        .args(["--api-rate", "1000", "--packages", "packages"])
        .current_dir(directory.path());
    if setup.store.is_some() {
        let key = setup.beside.as_deref().unwrap_or(directory.path()).join("warren.key");
        command.arg("--key-file").arg(key);
    }
    command.args(&setup.arguments);
    if let Some((url, user, password)) = &setup.query {
        command.args(["--query-url", url, "--query-user", user]).env("WARREN_QUERY_PASSWORD", password);
    }
    if let Some((url, exchange)) = &setup.bus {
        command.args(["--bus-url", url, "--bus-exchange", exchange]);
    }
    Process::spawn("warren", &mut command, &directory.path().join("warren.log"))
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.get(name).map(str::to_owned)
}
