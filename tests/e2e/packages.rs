//! Versions of the collector: signed, rolled out by the control plane, tried and kept or taken back by the watchdog, while a counted stream
//! flows through the collectors that are replaced.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use warren_e2e::collector;
use warren_e2e::control_plane::ControlPlane;
use warren_e2e::otlp::{NumberReceiver, send_numbers};
use warren_e2e::watchdog::Watchdog;
use warren_e2e::{Result, port, wait};

use crate::support::PATIENCE;

/// How long a rollout may take to end.
const LONG: Duration = Duration::from_secs(120);

const SERVERS: [&str; 2] = ["srv-1", "srv-2"];

/// A server: a watchdog, its collector, and a stream of numbers through that.
struct Member {
    watchdog: Watchdog,
    receiver: NumberReceiver,
    stop: Arc<AtomicBool>,
    /// Gives how many numbers were taken.
    sender: Option<JoinHandle<u64>>,
}

struct Scene {
    plane: ControlPlane,
    members: Vec<Member>,
    /// Where packages are made, with the keys that sign them.
    workshop: tempfile::TempDir,
}

impl Scene {
    fn new() -> Result<Scene> {
        let (plane, workshop) = (ControlPlane::start()?, tempfile::tempdir().unwrap());
        for name in ["key", "stranger"] {
            let path = workshop.path().join(name);
            let made = plane.command(&["packages", "keygen", "--unencrypted", "--key", path.to_str().unwrap()])?;
            assert!(made.status.success(), "{}", made.stderr);
        }
        let mut scene = Scene { plane, members: Vec::new(), workshop };
        for id in SERVERS {
            let member = scene.member(id)?;
            scene.members.push(member);
        }
        Ok(scene)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workshop.path().join(name)
    }

    fn member(&self, id: &str) -> Result<Member> {
        let receiver = NumberReceiver::start(|| 200)?;
        let (port, telemetry, queue) = (port::free()?, port::free()?, self.path(&format!("queue-{id}")));
        self.plane.post("/servers", &json!({"id": id, "tenant": "acme", "name": id}))?;
        let config = json!({
            "receivers": {"otlp/counted": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
            "exporters": {"otlphttp/counted": {
                "endpoint": receiver.url(), "encoding": "json", "compression": "none", "sending_queue": {"storage": "file_storage"},
            }},
            "extensions": {"file_storage": {"directory": queue, "create_directory": true}},
            "service": {
                "extensions": ["file_storage"],
                "pipelines": {"logs/counted": {"receivers": ["otlp/counted"], "exporters": ["otlphttp/counted"]}},
            },
        });
        self.plane.put(&format!("/servers/{id}/settings"), |body| {
            body["settings"] = json!({"telemetry_port": telemetry});
            body["config"] = config;
        })?;
        let mut host = self.plane.host_config(id)?;
        let packages = json!({"trusted_keys_file": self.path("key.pub"), "jitter": "0s"});
        host["extensions"]["opamp"]["warren"]["packages"] = packages;
        let watchdog = Watchdog::start(&host)?;
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        // Each number is sent until it is taken; one whose answer was cut off is sent again.
        let sender = std::thread::spawn(move || {
            let mut number = 0;
            while !until.load(Ordering::Relaxed) {
                if matches!(send_numbers(port, number..number + 1), Ok(200)) {
                    number += 1;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            number
        });
        Ok(Member { watchdog, receiver, stop, sender: Some(sender) })
    }

    fn server(&self, id: &str) -> Value {
        self.plane.get(&format!("/servers/{id}")).unwrap()
    }

    /// Waits until every server runs what it is to run, and data flows through it.
    fn wait_for_all(&self) -> Result<()> {
        for (id, member) in SERVERS.iter().zip(&self.members) {
            let before = member.receiver.order().len();
            let good = |server: &Value| server["state"]["config"] == "applied" && server["state"]["operational"] == true;
            let found = wait::until(format!("{id} is operational"), PATIENCE, || Some(self.server(id)).filter(&good));
            found.unwrap_or_else(|error| panic!("{error}: {}", self.server(id)));
            wait::until("data flows", PATIENCE, || (member.receiver.order().len() > before).then_some(()))?;
        }
        Ok(())
    }

    /// Signs a program as a version and gives it to the control plane.
    fn package(&self, program: &Path, version: &str, key: &str) -> Result<()> {
        let (program, key) = (program.to_str().unwrap(), self.path(key));
        let machine = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let sign = ["packages", "sign", program, "--key", key.to_str().unwrap(), "--version", version, "--arch", machine];
        for command in [&sign[..], &["packages", "add", program, "--version", version]] {
            let done = self.plane.command(command)?;
            assert!(done.status.success(), "{}", done.stderr);
        }
        Ok(())
    }

    /// A program that a shell runs.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Rolls a version out, first to the first server, and gives how that ended.
    fn roll_out(&self, version: &str) -> Result<Value> {
        let plan = json!({"stages": [
            {"name": "canary", "servers": [SERVERS[0]], "soak": "1s"}, {"name": "everybody", "percent": 100, "soak": "1s"},
        ]});
        let started = self.plane.command(&["--json", "rollouts", "start", "--package", version, "--plan", &plan.to_string()])?;
        assert!(started.status.success(), "{}", started.stderr);
        let number = serde_json::from_str::<Value>(&started.stdout).unwrap()["number"].as_i64().unwrap();
        let rollout = || self.plane.get(&format!("/rollouts/{number}")).unwrap();
        let over = || Some(rollout()).filter(|rollout| rollout["state"] != "running");
        let ended = wait::until("the rollout is over", LONG, over);
        let servers = self.plane.get(&format!("/rollouts/{number}/servers"))?;
        let mut ended = ended.unwrap_or_else(|error| panic!("{error}: {}\n{servers}\n{}", rollout(), self.server(SERVERS[0])));
        ended["targets"] = servers["items"].clone();
        Ok(ended)
    }

    /// What was wrong with a version on the first server.
    fn refused(&mut self, version: &str) -> Result<String> {
        let ended = self.roll_out(version)?;
        assert_eq!((&ended["state"], &ended["stage_name"]), (&json!("rolled_back"), &json!("canary")), "{ended}");
        assert_eq!(ended["servers"]["pending"], 1, "others never saw it: {ended}");
        let canary = ended["targets"].as_array().unwrap().iter().find(|target| target["server"] == SERVERS[0]).unwrap();
        Ok(canary["error"].as_str().unwrap_or_default().to_owned())
    }

    fn versions(&self) -> Vec<String> {
        self.members.iter().map(|member| member.watchdog.current().unwrap_or_default()).collect()
    }
}

#[test]
fn versions_of_the_collector_are_rolled_out_and_bad_ones_are_taken_back_while_data_flows() -> Result<()> {
    let mut scene = Scene::new()?;
    scene.wait_for_all()?;
    assert_eq!(scene.versions(), ["initial", "initial"]);

    // A good one: the same program, as another version.
    let program = scene.path("collector");
    std::fs::copy(collector::binary()?, &program).unwrap();
    scene.package(&program, "2.0.0", "key")?;
    let ended = scene.roll_out("2.0.0")?;
    assert_eq!((&ended["state"], &ended["servers"]), (&json!("completed"), &json!({"done": 2})), "{ended}");
    scene.wait_for_all()?;
    let good = scene.versions();
    assert!(good.iter().all(|slot| slot.starts_with("2.0.0-")), "{good:?}");
    let listed = scene.plane.command(&["packages", "list"])?.stdout;
    assert!(listed.contains("2.0.0 *") && listed.contains("MiB"), "{listed}");

    // One that refuses the configuration is not even started; one that ends, and one that is never well, give way.
    let validates = "for word; do last=$word; done";
    for (version, script, says) in [
        ("2.1.0", "echo 'no such setting' >&2; exit 1".to_owned(), "no such setting"),
        (
            "2.2.0",
            format!("{validates}; [ \"$last\" = validate ] && exit 0; echo 'boom password=hunter2' >&2; exit 7"),
            "boom password=[REDACTED]",
        ),
        ("2.3.0", format!("{validates}; [ \"$last\" = validate ] && exit 0; exec sleep 1000"), "not well within"),
    ] {
        let path = scene.script(&format!("bad-{version}"), &script);
        scene.package(&path, version, "key")?;
        let error = scene.refused(version)?;
        assert!(error.contains(says), "{version}: {error}");
        scene.wait_for_all()?;
        assert_eq!(scene.versions(), good);
    }

    // What somebody else has signed, what is not what was signed, and what is older.
    scene.package(&scene.script("strange", "exit 0"), "2.4.0", "stranger")?;
    let error = scene.refused("2.4.0")?;
    assert!(error.contains("not signed by a key that is trusted"), "{error}");
    scene.package(&scene.script("changed", "exit 0"), "2.5.0", "key")?;
    let kept = scene.plane.get("/packages/2.5.0")?["items"][0]["sha256"].as_str().unwrap().to_owned();
    std::fs::write(scene.plane.directory().join("packages").join(kept), "#!/bin/sh\nexit 1\n").unwrap();
    let error = scene.refused("2.5.0")?;
    assert!(error.contains("not that of this file"), "{error}");
    scene.package(&scene.script("older", "exit 0"), "1.9.0", "key")?;
    let error = scene.refused("1.9.0")?;
    assert!(error.contains("older than 2.0.0"), "{error}");
    // It failed with that before.
    let error = scene.refused("2.2.0")?;
    assert!(error.contains("it has failed with this before"), "{error}");
    scene.wait_for_all()?;
    assert_eq!(scene.versions(), good);
    let audit = scene.plane.get("/audit?limit=1000")?.to_string();
    for action in ["package.create", "package.content", "package.installed", "package.failed", "rollout.rollback"] {
        assert!(audit.contains(action), "{action}");
    }

    // The watchdog is killed, and the collector with it; what it finds afterwards is what was good.
    scene.members[0].watchdog.process().signal(Signal::KILL);
    scene.members[0].watchdog.process().wait(PATIENCE)?;
    scene.members[0].watchdog.restart()?;
    scene.wait_for_all()?;
    assert_eq!(scene.versions(), good);

    // Through all of that, what was taken arrived.
    for member in &mut scene.members {
        member.stop.store(true, Ordering::Relaxed);
        let taken = member.sender.take().unwrap().join().unwrap();
        assert!(taken > 500, "only {taken} numbers were taken");
        let arrived: BTreeSet<u64> = member.receiver.wait_for(usize::try_from(taken).unwrap(), PATIENCE)?.into_iter().collect();
        let lost: Vec<u64> = (0..taken).filter(|number| !arrived.contains(number)).collect();
        assert_eq!(lost, Vec::<u64>::new(), "of {taken} taken");
        member.watchdog.stop()?;
    }
    Ok(())
}
