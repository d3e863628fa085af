//! `cargo xtask bench --fleet`: what the control plane weighs with so many collectors connected, how fast a change for all of them is made and
//! given, and what happens when it is started again.
//!
//! ```text
//! clients::Clients, one thread ──WebSocket, TLS if asked──▶ warren serve ─▶ SQLite, or --store
//!                                warren servers import, profile set ──▲
//! ```

mod clients;
mod wire;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use warren_e2e::port;
use warren_e2e::process::{self, Process, Usage};

use super::table::{beside, mebibytes};
use crate::interrupt::Interrupt;
use crate::tool;
use clients::{Clients, Place};

/// Collectors that connect for the first time, each second; each does so twice, with its token and with what it gets for that.
const ENROLLED_A_SECOND: f64 = 80.0;

/// Time between two looks at the process.
const LOOK: Duration = Duration::from_millis(100);

/// Over which the share of a core is told at its highest.
const WINDOW: Duration = Duration::from_secs(1);

/// How long one part may take.
const PATIENCE: Duration = Duration::from_secs(1200);

/// What is wanted with 10,000 collectors: of a core, KiB of each connection without TLS, seconds to make and check all configurations.
const CORES_BUDGET: f64 = 1.0;
const CONNECTION_KIB_BUDGET: f64 = 40.0;
const RENDER_SECONDS_BUDGET: f64 = 20.0;

/// What to measure.
pub(super) struct Wanted {
    pub(super) clients: usize,
    pub(super) tls: bool,
    pub(super) seconds: u64,
    /// Where the control plane keeps what it knows; a database of SQLite of its own if there is none.
    pub(super) store: Option<String>,
}

/// The control plane, and what of it is looked at.
struct Plane {
    binary: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    wanted: Wanted,
    process: Process,
    interrupt: Interrupt,
}

/// What a part cost.
struct Part {
    took: Duration,
    /// Of a core, on average and in the busiest second.
    cores: f64,
    busiest: f64,
    resident: u64,
    resident_peak: u64,
}

/// The command.
pub(super) fn run(binary: &Path, wanted: Wanted, interrupt: &Interrupt) -> Result<()> {
    let files = Rlimit { current: getrlimit(Resource::Nofile).maximum, ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, files).context("cannot raise the limit of open files")?;
    let count = wanted.clients;
    let mut plane = Plane::start(binary, wanted, interrupt)?;
    let profile = |tag: &str| {
        json!({"overlays": [{"name": "base", "settings": {
            "tags": {"round": tag},
            "destinations": {"mimir": {"endpoint": "https://mimir.example.net/api/v1/push", "username": "1", "password": "fleet/mimir@1"}},
        }}]})
        .to_string()
    };
    let mut secret = plane.command(&["secrets", "set", "fleet/mimir"])?;
    let given = plane.directory.path().join("secret");
    std::fs::write(&given, "the-password-of-the-fleet")?;
    secret.stdin(std::fs::File::open(&given)?);
    if !secret.output()?.status.success() {
        bail!("the secret is not taken");
    }
    plane.ask(&["profile", "set", &profile("first")])?;

    tool::announce(&format!("registering {count} servers"));
    let list = plane.directory.path().join("servers.jsonl");
    let line = |number: usize| {
        let (cluster, region) = (number / 3, ["eu-north-1", "us-east-1", "ap-south-1"][number % 3]);
        let server = json!({
            "id": format!("srv-{number:06}"), "name": format!("server-{number:06}"), "tenant": format!("tenant-{}", number / 30),
            "cluster": format!("cluster-{cluster}"), "provider": "amazon-web-services", "region": region, "plan": "bunny-3",
        });
        format!("{server}\n")
    };
    std::fs::write(&list, (0..count).map(line).collect::<String>()).context("cannot write the list of servers")?;
    let (registered, answer) = plane.asked(&["--json", "servers", "import", "--enrol", &list.display().to_string()])?;
    let answer: Value = serde_json::from_str(&answer).context("the answer is no JSON")?;
    let tokens: Vec<String> =
        answer["items"].as_array().into_iter().flatten().filter_map(|item| Some(item["token"].as_str()?.to_owned())).collect();
    if tokens.len() != count {
        bail!("{} of {count} servers are registered", tokens.len());
    }
    let before = plane.look()?.resident;

    tool::announce(&format!("{count} collectors enrol, {ENROLLED_A_SECOND} a second"));
    let clients = Clients::start(&plane.place()?, tokens, ENROLLED_A_SECOND)?;
    let counts = Arc::clone(&clients.counts);
    let applied = |wanted: usize| counts.applied.load(Ordering::Relaxed) >= wanted as u64;
    let connected = |wanted: usize| counts.connected.load(Ordering::Relaxed) >= wanted as u64;
    let enrolled = plane.until("all are enrolled", || applied(count) && connected(count))?;
    tell_refusals(&clients);

    tool::announce(&format!("nothing but signs of life, for {} s", plane.wanted.seconds));
    let seconds = Duration::from_secs(plane.wanted.seconds);
    plane.until("a flush", ticking(Duration::from_secs(35)))?;
    let idle = plane.until("the time has passed", ticking(seconds))?;

    tool::announce("a change of the base profile");
    counts.applied.store(0, Ordering::Relaxed);
    counts.offers.store(0, Ordering::Relaxed);
    let began = Instant::now();
    let (made, _) = plane.asked(&["profile", "set", &profile("second")])?;
    let given = plane.until("all run the change", || applied(count))?;
    let pushed = began.elapsed();

    tool::announce("the control plane is started again");
    plane.until("it calms down", ticking(Duration::from_secs(10)))?;
    counts.greeted.store(0, Ordering::Relaxed);
    counts.full_states.store(0, Ordering::Relaxed);
    tell_refusals(&clients);
    plane.restart()?;
    let back = plane.until("all are back", || connected(count) && counts.greeted.load(Ordering::Relaxed) >= count as u64)?;
    tell_refusals(&clients);
    let after = plane.until("the time has passed", ticking(Duration::from_secs(40)))?;

    println!("\n{:<34} {:>8} {:>10} {:>10} {:>10} {:>10}", "", "seconds", "cores", "busiest s", "RSS MiB", "peak MiB");
    for (name, part) in [
        ("registered", &registered),
        ("enrolled, connected, applied", &enrolled),
        ("signs of life", &idle),
        ("a change made and checked", &made),
        ("the change given", &given),
        ("all back after a restart", &back),
        ("after that", &after),
    ] {
        println!(
            "{name:<34} {:>8.1} {:>10.3} {:>10.3} {:>10.1} {:>10.1}",
            part.took.as_secs_f64(),
            part.cores,
            part.busiest,
            mebibytes(part.resident),
            mebibytes(part.resident_peak)
        );
    }
    let kibibytes = idle.resident.saturating_sub(before) as f64 / 1024.0 / count as f64;
    let budget = (!plane.wanted.tls).then_some(CONNECTION_KIB_BUDGET);
    println!("\nprocessor with all connected   {:>18} of a core", beside(idle.cores, Some(CORES_BUDGET)));
    println!(
        "memory of a connection         {:>18} KiB (RSS above the {:.1} MiB before)",
        beside(kibibytes, budget),
        mebibytes(before)
    );
    println!("a change made and checked      {:>18} s", beside(made.took.as_secs_f64(), Some(RENDER_SECONDS_BUDGET)));
    println!("given to all                   {:>18.1} s after it was asked for", pushed.as_secs_f64());
    println!("full states asked for          {:>18}", counts.full_states.load(Ordering::Relaxed));
    drop(clients);
    plane.process.stop(Duration::from_secs(60))?;
    Ok(())
}

/// True once some time has passed.
fn ticking(time: Duration) -> impl FnMut() -> bool {
    let began = Instant::now();
    move || began.elapsed() >= time
}

fn tell_refusals(clients: &Clients) {
    let refused = std::mem::take(&mut *clients.counts.refused.lock().unwrap_or_else(|error| error.into_inner()));
    for (status, (count, least, most)) in refused {
        let name = if status == 1 { "UNAVAILABLE".to_owned() } else { status.to_string() };
        println!("    refused with {name}: {count}, to come again after {least} to {most} s");
    }
    for (reason, count) in std::mem::take(&mut *clients.counts.lost.lock().unwrap_or_else(|error| error.into_inner())) {
        println!("    lost: {count} ({reason})");
    }
}

impl Plane {
    fn start(binary: &Path, wanted: Wanted, interrupt: &Interrupt) -> Result<Plane> {
        let directory = tempfile::tempdir().context("cannot create a temporary directory")?;
        let port = port::free()?;
        if wanted.tls {
            certify(directory.path())?;
        }
        let process = launch(binary, directory.path(), port, &wanted)?;
        let mut plane = Plane { binary: binary.to_owned(), directory, port, wanted, process, interrupt: interrupt.clone() };
        plane.ready()?;
        Ok(plane)
    }

    fn restart(&mut self) -> Result<()> {
        self.process.stop(Duration::from_secs(60))?;
        self.process = launch(&self.binary, self.directory.path(), self.port, &self.wanted)?;
        Ok(())
    }

    fn ready(&mut self) -> Result<()> {
        let address = ("127.0.0.1", self.port);
        self.process.until("is ready", Duration::from_secs(60), || std::net::TcpStream::connect(address).ok())?;
        Ok(())
    }

    fn place(&self) -> Result<Place> {
        if !self.wanted.tls {
            return Ok(Place { port: self.port, tls: None });
        }
        use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
        let mut roots = RootCertStore::empty();
        let authority =
            CertificateDer::from_pem_file(self.directory.path().join("ca.pem")).context("cannot read the authority")?;
        roots.add(authority).context("cannot use the authority")?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Place { port: self.port, tls: Some(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())) })
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = process::command(&self.binary);
        let scheme = if self.wanted.tls { "https" } else { "http" };
        let token = self.directory.path().join("warren.admin-token");
        command.args(arguments).env("WARREN_URL", format!("{scheme}://localhost:{}", self.port));
        command.env("WARREN_TOKEN", format!("@{}", token.display()));
        if self.wanted.tls {
            command.arg("--ca").arg(self.directory.path().join("ca.pem"));
        }
        Ok(command)
    }

    fn ask(&mut self, arguments: &[&str]) -> Result<String> {
        Ok(self.asked(arguments)?.1)
    }

    /// Runs a command for people, and looks at what it costs the control plane.
    fn asked(&mut self, arguments: &[&str]) -> Result<(Part, String)> {
        let (out, errors) = (self.directory.path().join("stdout"), self.directory.path().join("stderr"));
        let mut asking = Process::spawn_apart("warren", &mut self.command(arguments)?, &out, &errors)?;
        let part = self.until("the command has ended", || asking.ended().is_some())?;
        let status = asking.ended().context("the command has not ended")?;
        if !status.success() {
            bail!("warren {}: {}", arguments.first().unwrap_or(&""), std::fs::read_to_string(&errors)?);
        }
        Ok((part, std::fs::read_to_string(&out)?))
    }

    fn look(&self) -> Result<Usage> {
        self.process.usage().context("the control plane has ended")
    }

    /// Looks at it until something is so.
    fn until(&mut self, what: &str, mut done: impl FnMut() -> bool) -> Result<Part> {
        let (began, first) = (Instant::now(), self.look()?);
        let (mut peak, mut busiest, mut window) = (0, 0.0f64, (Instant::now(), first.cpu));
        while !done() {
            if self.interrupt.wait(LOOK) {
                bail!("stopped before it was done");
            }
            if began.elapsed() > PATIENCE {
                bail!("not so in time: {what}");
            }
            let usage = self.look()?;
            peak = peak.max(usage.resident);
            if window.0.elapsed() >= WINDOW {
                busiest = busiest.max(usage.cpu.saturating_sub(window.1).as_secs_f64() / window.0.elapsed().as_secs_f64());
                window = (Instant::now(), usage.cpu);
            }
        }
        let (took, last) = (began.elapsed(), self.look()?);
        let cores = last.cpu.saturating_sub(first.cpu).as_secs_f64() / took.as_secs_f64().max(1e-3);
        Ok(Part { took, cores, busiest: busiest.max(cores), resident: last.resident, resident_peak: peak.max(last.resident) })
    }
}

fn launch(binary: &Path, directory: &Path, port: u16, wanted: &Wanted) -> Result<Process> {
    let mut command = process::command(binary);
    let own = format!("sqlite:{}", directory.join("warren.db").display());
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--store", wanted.store.as_deref().unwrap_or(&own)]);
    command.arg("--key-file").arg(directory.join("warren.key"));
    if wanted.tls {
        command.arg("--tls-cert").arg(directory.join("cert.pem")).arg("--tls-key").arg(directory.join("key.pem"));
    }
    Ok(Process::spawn("warren", &mut command, &directory.join("log"))?)
}

/// An authority, and a certificate of this machine by it.
fn certify(directory: &Path) -> Result<()> {
    let mut params = rcgen::CertificateParams::new(Vec::new())?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    std::fs::write(directory.join("ca.pem"), params.self_signed(&key)?.pem())?;
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate()?;
    let certificate =
        rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    std::fs::write(directory.join("cert.pem"), certificate.pem())?;
    std::fs::write(directory.join("key.pem"), key.serialize_pem())?;
    Ok(())
}
