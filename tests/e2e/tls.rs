//! The control plane with a certificate of its own, and collectors that are known by theirs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::http::Server;
use warren_e2e::process::Finished;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target};

/// An authority, whose certificate lies in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    path: PathBuf,
}

impl Authority {
    fn new(directory: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let path = directory.join(format!("{name}.pem"));
        std::fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), path }
    }

    /// Writes a certificate for names, and its key.
    fn issue(&self, names: &[&str], valid: bool, certificate: &Path, key: &Path) {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        if !valid {
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        }
        let own = KeyPair::generate().unwrap();
        std::fs::write(certificate, params.signed_by(&own, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(key, own.serialize_pem()).unwrap();
    }
}

/// A control plane with TLS, and one server.
struct Scene {
    plane: ControlPlane,
    ours: Authority,
    others: Authority,
    files: TempDir,
    _target: Server,
    mimir: Receiver,
}

const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

impl Scene {
    fn new(client_auth: &str) -> Result<Scene> {
        let files = tempfile::tempdir().unwrap();
        let (ours, others) = (Authority::new(files.path(), "ours"), Authority::new(files.path(), "others"));
        let path = |name: &str| files.path().join(name);
        ours.issue(&NAMES, true, &path("cert"), &path("key"));
        let text = |path: PathBuf| path.display().to_string();
        let arguments =
            ["--tls-cert", &text(path("cert")), "--tls-key", &text(path("key")), "--client-ca", &text(ours.path.clone())];
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        arguments.extend(["--client-auth".to_owned(), client_auth.to_owned()]);
        let setup = control_plane::Setup { arguments, authority: Some(ours.path.clone()), ..control_plane::Setup::default() };
        let (plane, target, mimir) = (ControlPlane::start_with(setup)?, healthy_target()?, Receiver::start()?);
        Ok(Scene { plane, ours, others, files, _target: target, mimir })
    }

    /// Registers the server, with a certificate where one is needed.
    fn register(&self, more: &[&str]) -> Result<()> {
        let profile = json!({"overlays": [{"name": "base", "settings": {
            "scrape": {"endpoint": self._target.address(), "interval": "1s"},
            "destinations": {"mimir": {"endpoint": self.mimir.url()}},
            "telemetry_port": port::free()?,
        }}]});
        for arguments in [&["profile", "set", &profile.to_string()][..], &["servers", "add", "srv-1", "--tenant", "acme"]] {
            let done = self.plane.command(&[arguments, more].concat())?;
            assert!(done.status.success(), "{}", done.stderr);
        }
        Ok(())
    }

    fn path(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// A certificate for a name, as the keys of TLS that name it.
    fn certificate(&self, authority: &Authority, name: &str, valid: bool) -> Value {
        let authority_name = authority.path.file_stem().unwrap().display();
        let file = |ending: &str| self.path(&format!("{name}-{authority_name}-{valid}.{ending}"));
        let (certificate, key) = (file("cert"), file("key"));
        authority.issue(&[name], valid, Path::new(&certificate), Path::new(&key));
        json!({"ca_file": self.ours.path, "cert_file": certificate, "key_file": key})
    }

    /// A collector that has no token, only these keys of TLS.
    fn collector(&self, tls: &Value, state: &TempDir) -> Result<Collector> {
        let host = json!({"extensions": {"opamp": {
            "server": {"ws": {"endpoint": self.plane.opamp_url(), "tls": tls}},
            "warren": {"accepts_remote_config": true, "apply_grace": "1s"},
        }}});
        Setup::host(&host).args(["--state-dir", state.path().to_str().unwrap()]).start()
    }

    fn wait_for_applied(&self, more: &[&str]) -> Result<Value> {
        wait::until("the server is applied", PATIENCE, || {
            let shown = self.plane.command(&[&["--json", "servers", "show", "srv-1"], more].concat()).ok()?;
            let server: Value = serde_json::from_str(&shown.stdout).ok()?;
            Some(server["state"].clone()).filter(|state| state["config"] == "applied" && state["link"] == "connected")
        })
    }
}

fn refused(finished: &Finished, why: &str) {
    assert!(!finished.status.success() && finished.stderr.contains(why), "{}{}", finished.stdout, finished.stderr);
}

#[test]
fn a_collector_is_known_by_its_certificate_and_by_no_other() -> Result<()> {
    let scene = Scene::new("request")?;
    scene.register(&[])?;
    for (what, tls, log) in [
        ("no certificate, and no token", json!({"ca_file": scene.ours.path}), "401"),
        ("the certificate of a server that is none", scene.certificate(&scene.ours, "srv-2", true), "401"),
        ("a certificate that has expired", scene.certificate(&scene.ours, "srv-1", false), "expired"),
        (
            "a certificate of another authority",
            scene.certificate(&scene.others, "srv-1", true),
            "No connection to the OpAMP server",
        ),
        ("a control plane that is not trusted", json!({"ca_file": scene.others.path}), "No connection to the OpAMP server"),
    ] {
        let state = tempfile::tempdir().unwrap();
        let mut collector = scene.collector(&tls, &state)?;
        let found = collector.wait_for_log("No connection to the OpAMP server", PATIENCE);
        assert!(found.is_ok(), "{what}: {}", collector.log());
        assert!(collector.log().to_lowercase().contains(&log.to_lowercase()), "{what}: {}", collector.log());
    }
    let state = tempfile::tempdir().unwrap();
    let tls = scene.certificate(&scene.ours, "srv-1", true);
    let mut collector = scene.collector(&tls, &state)?;
    scene.wait_for_applied(&[])?;
    scene.mimir.wait_for("healthy", PATIENCE, |values| !values.is_empty())?;

    // The certificate is changed, to one of another authority: who is connected stays so, who comes finds the new one.
    let mut trusting = vec!["--ca", scene.others.path.to_str().unwrap()];
    refused(&scene.plane.command(&[&["servers", "list"], &trusting[..]].concat())?, "ertificate");
    let path = |name: &str| scene.files.path().join(name);
    scene.others.issue(&NAMES, true, &path("cert"), &path("key"));
    wait::until("the new certificate is used", PATIENCE, || {
        let asked = scene.plane.command(&[&["servers", "list"], &trusting[..]].concat()).ok()?;
        asked.status.success().then_some(())
    })?;
    let settings = json!({"tags": {"colour": "green"}}).to_string();
    trusting.extend(["settings", "set", "--server", "srv-1", &settings]);
    let changed = scene.plane.command(&trusting)?;
    assert!(changed.status.success(), "{}", changed.stderr);
    wait::until("the change arrives", PATIENCE, || {
        let samples = scene.mimir.samples();
        samples.iter().any(|(labels, ..)| labels.get("colour").is_some_and(|colour| colour == "green")).then_some(())
    })?;
    assert_eq!(collector.log().matches("Connected to the OpAMP server").count(), 1, "{}", collector.log());
    assert!(collector.stop()?.success());
    Ok(())
}

#[test]
fn where_certificates_are_required_nobody_gets_in_without_one() -> Result<()> {
    let scene = Scene::new("require")?;
    let own = scene.certificate(&scene.ours, "operator", true);
    let with = ["--cert", own["cert_file"].as_str().unwrap(), "--cert-key", own["key_file"].as_str().unwrap()];
    refused(&scene.plane.command(&["servers", "list"])?, "ertificate");
    scene.register(&with)?;
    let (state, tls) = (tempfile::tempdir().unwrap(), scene.certificate(&scene.ours, "srv-1", true));
    let _collector = scene.collector(&tls, &state)?;
    scene.wait_for_applied(&with)?;
    Ok(())
}

#[test]
fn nobody_but_this_machine_is_served_without_tls_unless_that_is_said() -> Result<()> {
    let directory = tempfile::tempdir().unwrap();
    let listen = format!("0.0.0.0:{}", port::free()?);
    let mut command = warren_e2e::process::command(control_plane::binary()?);
    command.args(["serve", "--listen", &listen]).current_dir(directory.path());
    let ended = warren_e2e::process::run("warren", &mut command, Duration::from_secs(30))?;
    refused(&ended, "--insecure");
    Ok(())
}
