//! Several control planes on one PostgreSQL: what one changes reaches the collectors of the other, and what one has begun the other brings to its
//! end.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::http::Server;
use warren_e2e::postgres::Postgres;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target};

/// What a change may take from one node to a collector of the other.
const REACHES: Duration = Duration::from_secs(2);

/// A fleet of one server, and two control planes.
struct Scene {
    // Dropped in this order: the database last.
    first: ControlPlane,
    second: ControlPlane,
    profile: Value,
    _target: Server,
    mimir: Receiver,
    state: TempDir,
    _database: Postgres,
}

impl Scene {
    fn new() -> Result<Scene> {
        let (database, target, mimir) = (Postgres::start()?, healthy_target()?, Receiver::start()?);
        let setup = control_plane::Setup { store: Some(database.url()), ..control_plane::Setup::default() };
        let first = ControlPlane::start_with(setup)?;
        let second = first.beside()?;
        let profile = json!({"overlays": [{"name": "base", "settings": {
            "scrape": {"endpoint": target.address(), "interval": "1s"},
            "destinations": {"mimir": {"endpoint": mimir.url()}},
            "telemetry_port": port::free()?,
        }}]});
        first.post("/profile", &profile)?;
        first.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "cluster": "hare", "name": "server-01"}))?;
        Ok(Scene { first, second, profile, _target: target, mimir, state: tempfile::tempdir().unwrap(), _database: database })
    }

    /// The server's collector, connected to one of them.
    fn collector(&self, plane: &ControlPlane) -> Result<Collector> {
        Setup::host(&plane.host_config("srv-1")?).args(["--state-dir", self.state.path().to_str().unwrap()]).start()
    }
}

fn applied(plane: &ControlPlane) -> Result<Value> {
    let state = || Some(plane.get("/servers/srv-1").ok()?["state"].clone());
    wait::until("the server is applied", PATIENCE, || {
        state().filter(|state| state["config"] == "applied" && state["link"] == "connected" && state["health"] == "healthy")
    })
}

fn offers(plane: &ControlPlane) -> Result<f64> {
    let page = warren_e2e::http::get(&format!("{}/metrics", plane.url()), None)?.text();
    let line = page.lines().find_map(|line| line.strip_prefix("warren_config_offers_total "));
    Ok(line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0))
}

#[test]
fn a_change_at_one_node_reaches_the_collectors_of_the_other_which_keep_their_state_when_they_move() -> Result<()> {
    let scene = Scene::new()?;
    let mut collector = scene.collector(&scene.second)?;
    applied(&scene.second)?;
    // Both know it, whoever it is connected to.
    applied(&scene.first)?;

    scene.first.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "green"}}))?;
    let began = Instant::now();
    let told = |plane: &ControlPlane| {
        let config = plane.get("/servers/srv-1/config").ok()?;
        (config["reported"]["hash"] == config["desired"]["hash"]).then_some(())
    };
    wait::until("the collector has the change", PATIENCE, || told(&scene.first))?;
    assert!(began.elapsed() < REACHES, "{:?}", began.elapsed());
    applied(&scene.first)?;
    assert!((offers(&scene.first)?, offers(&scene.second)?) == (0.0, 2.0));

    // It moves: nothing is given again, and what comes next comes from where it is.
    assert!(collector.stop()?.success(), "{}", collector.log());
    let mut collector = scene.collector(&scene.first)?;
    applied(&scene.first)?;
    applied(&scene.second)?;
    assert_eq!(offers(&scene.first)?, 0.0);
    scene.second.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "blue"}}))?;
    wait::until("the collector has the change", REACHES, || told(&scene.second))?;
    applied(&scene.second)?;
    assert_eq!(offers(&scene.first)?, 1.0);
    let blue = |receiver: &Receiver| {
        receiver.samples().iter().any(|(labels, ..)| labels.get("colour").is_some_and(|colour| colour == "blue"))
    };
    wait::until("the change arrives", PATIENCE, || blue(&scene.mimir).then_some(()))?;

    // A server that is removed at one node is shut out at the other.
    scene.second.delete("/servers/srv-1")?;
    collector.wait_for_log("401", PATIENCE)?;
    Ok(())
}

#[test]
fn a_rollout_goes_on_at_the_other_node_when_one_is_killed_in_the_midst_of_a_change() -> Result<()> {
    let mut scene = Scene::new()?;
    let _collector = scene.collector(&scene.second)?;
    applied(&scene.second)?;
    let mut profile = scene.profile.clone();
    profile["overlays"][0]["settings"]["tags"] = json!({"version": "two"});
    let plan = json!({
        "stages": [{"name": "canary", "count": 1, "soak": "5s"}, {"name": "all", "percent": 100, "soak": "0s"}],
        "gates": {"data": false},
    });
    let rollout = scene.first.post("/rollouts", &json!({"profile": profile, "plan": plan, "reason": "the test"}))?;
    let path = format!("/rollouts/{}", rollout["number"]);
    let given = |plane: &ControlPlane| {
        let servers = plane.get(&format!("{path}/servers")).ok()?;
        (!servers.to_string().contains("\"pending\"")).then_some(())
    };
    wait::until("the canary was given it", PATIENCE, || given(&scene.first))?;

    // The first is killed while it changes something, with a transaction open.
    let servers: Vec<Value> = (0..500)
        .map(|number| json!({"id": format!("more-{number}"), "tenant": "acme", "name": format!("more-{number}")}))
        .collect();
    std::thread::scope(|threads| {
        let plane = &scene.first;
        // It does not get an answer.
        threads.spawn(|| drop(plane.post("/servers/actions/import", &json!({"servers": servers}))));
        std::thread::sleep(Duration::from_millis(60));
        let killed = rustix::process::Pid::from_raw(i32::try_from(plane.process_id()).unwrap()).unwrap();
        rustix::process::kill_process(killed, Signal::KILL).unwrap();
    });
    let began = Instant::now();
    scene.second.put("/tenants/acme/settings", |body| body["settings"] = json!({"tags": {"who": "acme"}}))?;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let ended = wait::until("the rollout has ended", Duration::from_secs(90), || {
        scene.second.get(&path).ok().filter(|rollout| rollout["state"] != "running")
    })?;
    assert_eq!(ended["state"], "completed", "{ended}");
    applied(&scene.second)?;
    scene.first.restart()?;
    applied(&scene.first)?;
    Ok(())
}

#[test]
fn a_node_that_ends_says_so_and_sends_its_collectors_away_one_after_the_other() -> Result<()> {
    let (target, mimir) = (healthy_target()?, Receiver::start()?);
    let arguments = ["--drain", "4"].map(str::to_owned).to_vec();
    let mut plane = ControlPlane::start_with(control_plane::Setup { arguments, ..control_plane::Setup::default() })?;
    let settings = json!({
        "scrape": {"endpoint": target.address(), "interval": "1s"}, "destinations": {"mimir": {"endpoint": mimir.url()}},
        "telemetry_port": port::free()?,
    });
    plane.post("/profile", &json!({"overlays": [{"name": "base", "settings": settings}]}))?;
    plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "cluster": "hare", "name": "server-01"}))?;
    let state = tempfile::tempdir().unwrap();
    let host = plane.host_config("srv-1")?;
    let mut collector = Setup::host(&host).args(["--state-dir", state.path().to_str().unwrap()]).start()?;
    applied(&plane)?;
    plane.process().signal(Signal::TERM);
    let url = format!("{}/healthz", plane.url());
    wait::until("it says that it ends", Duration::from_secs(3), || {
        let answer =
            warren_e2e::http::send(&warren_e2e::http::Request { method: "GET", url: &url, ..Default::default() }).ok()?;
        (answer.word(1) == "503").then_some(())
    })?;
    collector.wait_for_log("1012 this node ends", PATIENCE)?;
    assert!(plane.process().wait(PATIENCE)?.success());
    // It comes back, and is where it was.
    plane.restart()?;
    applied(&plane)?;
    Ok(())
}
