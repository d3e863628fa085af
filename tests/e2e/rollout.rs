//! A fleet of three: a real broker is scraped, a real Prometheus has the data and says whether it arrives. Integrations come and go, a bad
//! version of the profile ends at the canary, a good one reaches everybody, and of a counted stream nothing is lost.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::http::Server;
use warren_e2e::prometheus::{PASSWORD, Prometheus, USER};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target};

/// How long a rollout may take to end.
const LONG: Duration = Duration::from_secs(90);

const SERVERS: [&str; 3] = ["srv-1", "srv-2", "srv-3"];

/// A server: its collector, and a page that counts how often it is scraped, sent to a receiver.
struct Member {
    _collector: Collector,
    _page: Server,
    counted: Receiver,
    _state: TempDir,
}

struct Scene {
    plane: ControlPlane,
    prometheus: Prometheus,
    _broker: RabbitMq,
    members: Vec<Member>,
    profile: Value,
}

impl Scene {
    fn new() -> Result<Scene> {
        let (broker, prometheus) = (RabbitMq::start()?, Prometheus::start()?);
        let query = Some((prometheus.url(), USER.to_owned(), PASSWORD.to_owned()));
        let plane = ControlPlane::start_with(control_plane::Setup { query, ..Default::default() })?;
        plane.ask("PUT", "/secrets/fleet/mimir", Some(&json!({"value": PASSWORD})), None)?;
        let settings = json!({
            "scrape": {"endpoint": broker.metrics_address(), "interval": "1s"},
            "destinations": {"mimir": {"endpoint": prometheus.write_url(), "username": USER, "password": "fleet/mimir@1"}},
        });
        let profile = json!({"overlays": [{"name": "base", "settings": settings}]});
        plane.post("/profile", &profile)?;
        let mut members = Vec::new();
        for (number, id) in (0..).zip(SERVERS) {
            // The last one is a cluster by itself.
            let cluster = if id == "srv-3" { "rabbit" } else { "hare" };
            plane.post("/servers", &json!({"id": id, "tenant": "acme", "cluster": cluster, "name": id}))?;
            members.push(Member::new(&plane, id, number)?);
        }
        Ok(Scene { plane, prometheus, _broker: broker, members, profile })
    }

    fn state(&self, id: &str) -> Value {
        self.plane.get(&format!("/servers/{id}")).unwrap()["state"].clone()
    }

    /// Waits until every server runs what it is to run, and its data arrives.
    fn wait_for_all(&self) -> Result<()> {
        for id in SERVERS {
            let good = |state: &Value| state["config"] == "applied" && state["operational"] == true && state["data"] == "fresh";
            let found = wait::until(format!("{id} is operational"), PATIENCE, || Some(self.state(id)).filter(&good));
            let told = || self.plane.get(&format!("/servers/{id}/config")).unwrap_or_default();
            found.unwrap_or_else(|error| panic!("{error}: {}", told()));
        }
        Ok(())
    }

    /// The newest number of what a server was to run.
    fn history(&self, id: &str) -> Value {
        self.plane.get(&format!("/servers/{id}/config")).unwrap()["desired"]["number"].clone()
    }

    /// Begins a rollout by the command line, and tells its number.
    fn start(&self, profile: &Value, plan: &Value) -> Result<i64> {
        let (profile, plan) = (profile.to_string(), plan.to_string());
        let started = self.plane.command(&["--json", "rollouts", "start", &profile, "--plan", &plan, "--reason", "the test"])?;
        assert!(started.status.success(), "{}", started.stderr);
        let body: Value = serde_json::from_str(&started.stdout).unwrap();
        Ok(body["number"].as_i64().unwrap())
    }

    fn rollout(&self, number: i64) -> Value {
        self.plane.get(&format!("/rollouts/{number}")).unwrap()
    }

    fn wait_for_rollout(&self, number: i64, what: &str, found: impl Fn(&Value) -> bool) -> Result<Value> {
        let done = || Some(self.rollout(number)).filter(&found);
        wait::until(format!("the rollout is {what}"), LONG, done).map_err(|error| {
            let servers = self.plane.get(&format!("/rollouts/{number}/servers")).unwrap_or_default();
            panic!("{error}: {}\n{servers}", self.rollout(number))
        })
    }
}

impl Member {
    fn new(plane: &ControlPlane, id: &str, number: u16) -> Result<Member> {
        let (page, counted, state) = (healthy_target()?, Receiver::start()?, tempfile::tempdir().unwrap());
        // Below those that are given to whoever connects: it is used a while after it was found free.
        let port = port::prefer(20_000 + u16::try_from(std::process::id() % 4_000).unwrap_or_default() * 3 + number)?;
        let job = json!({
            "job_name": "counted", "scrape_interval": "1s", "scrape_timeout": "1s",
            "static_configs": [{"targets": [page.address()]}],
        });
        plane.put(&format!("/servers/{id}/settings"), |body| {
            body["settings"] = json!({"telemetry_port": port});
            body["config"] = json!({
                "receivers": {"prometheus/counted": {"config": {"scrape_configs": [job]}}},
                "exporters": {"prometheusremotewrite/counted": {"endpoint": counted.url()}},
                "service": {"pipelines": {"metrics/counted": {
                    "receivers": ["prometheus/counted"], "exporters": ["prometheusremotewrite/counted"],
                }}},
            });
        })?;
        let collector = Setup::host(&plane.host_config(id)?).args(["--state-dir", state.path().to_str().unwrap()]).start()?;
        Ok(Member { _collector: collector, _page: page, counted, _state: state })
    }
}

#[test]
fn versions_of_the_profile_reach_a_fleet_in_stages_and_nothing_is_lost() -> Result<()> {
    let mut scene = Scene::new()?;
    scene.wait_for_all()?;

    // An integration comes and goes.
    let customer = Receiver::start()?;
    let path = "/tenants/acme/clusters/hare/integrations";
    let destination = json!({"kind": "remote_write", "endpoint": customer.url()});
    let created = scene.plane.post(path, &json!({"destination": destination, "tags": {"env": "prod"}}))?;
    customer.wait_for("rabbitmq_identity_info", PATIENCE, |values| values.len() >= 4)?;
    let from = |id: &str| customer.samples().iter().any(|(labels, ..)| labels.get("instance").is_some_and(|name| name == id));
    assert!(from("srv-1") && from("srv-2") && !from("srv-3"));
    let id = created["id"].as_i64().unwrap().to_string();
    let off = scene.plane.command(&["integrations", "disable", "--tenant", "acme", "--cluster", "hare", &id])?;
    assert!(off.status.success(), "{}", off.stderr);
    scene.wait_for_all()?;

    // A version that only the host can know to be bad: the port is taken.
    let before: Vec<Value> = SERVERS.map(|id| scene.history(id)).to_vec();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut bad = scene.profile.clone();
    bad["overlays"][0]["config"] = json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": taken.local_addr().unwrap().to_string()}}}},
        "service": {"pipelines": {"metrics/extra": {"receivers": ["otlp"], "exporters": ["prometheusremotewrite/mimir"]}}},
    });
    let plan = json!({"stages": [
        {"name": "canary", "servers": ["srv-2"], "soak": "1s"}, {"name": "everybody", "percent": 100, "soak": "1s"},
    ]});
    let number = scene.start(&bad, &plan)?;
    let ended = scene.wait_for_rollout(number, "over", |rollout| rollout["state"] != "running")?;
    assert_eq!((&ended["state"], &ended["stage_name"]), (&json!("rolled_back"), &json!("canary")));
    scene.wait_for_all()?;
    assert_eq!(ended["servers"], json!({"rolled_back": 1, "pending": 2}));
    let servers = scene.plane.command(&["rollouts", "servers", &number.to_string(), "--state", "rolled_back"])?.stdout;
    assert!(servers.contains("srv-2") && servers.contains("address already in use"), "{servers}");
    let after: Vec<Value> = SERVERS.map(|id| scene.history(id)).to_vec();
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "others never saw it");
    assert_ne!(after[1], before[1]);

    // One that every host can run, and whose data does not arrive: nobody is where it scrapes.
    let mut blind = scene.profile.clone();
    blind["overlays"][0]["settings"]["scrape"]["endpoint"] = json!(format!("127.0.0.1:{}", port::free()?));
    let gates = json!({"patience": "5s", "grace": "2s"});
    let number = scene.start(&blind, &json!({"stages": plan["stages"], "gates": gates}))?;
    let ended = scene.wait_for_rollout(number, "over", |rollout| rollout["state"] != "running")?;
    assert_eq!((&ended["state"], &ended["servers"]), (&json!("rolled_back"), &json!({"rolled_back": 1, "pending": 2})));
    let told = scene.plane.get(&format!("/rollouts/{number}/servers?state=rolled_back"))?;
    assert_eq!(told["items"][0]["error"], "its data does not arrive", "{told}");
    scene.wait_for_all()?;
    assert_eq!((&scene.history("srv-1"), &scene.history("srv-3")), (&before[0], &before[2]), "others never saw it");

    // A good one, looked after by a control plane that is started anew on the way.
    let mut good = scene.profile.clone();
    good["overlays"][0]["settings"]["tags"] = json!({"ring": "new"});
    let number = scene.start(&good, &plan)?;
    scene.wait_for_rollout(number, "under way", |rollout| rollout["servers"]["pending"] == 2)?;
    scene.plane.stop()?;
    scene.plane.restart()?;
    let done = scene.wait_for_rollout(number, "over", |rollout| rollout["state"] != "running")?;
    assert_eq!((&done["state"], &done["servers"]), (&json!("completed"), &json!({"done": 3})), "{done}");
    scene.wait_for_all()?;
    for id in SERVERS {
        let tagged = format!("count(rabbitmq_identity_info{{instance=\"{id}\", ring=\"new\"}})");
        wait::until("the tag arrives", PATIENCE, || scene.prometheus.number(&tagged).ok()?.filter(|count| *count > 0.0))?;
    }
    let listed = scene.plane.command(&["rollouts", "list"])?.stdout;
    assert!(listed.contains("completed") && listed.contains("rolled_back"), "{listed}");
    let audit = scene.plane.get("/audit?limit=100")?.to_string();
    for action in ["rollout.create", "rollout.given", "rollout.failed", "rollout.rollback", "rollout.stage", "rollout.complete"] {
        assert!(audit.contains(action), "{action}");
    }

    // Through all of that, every scrape of the counted pages arrived once.
    for member in &scene.members {
        let values = member.counted.values("healthy");
        let expected: Vec<f64> = (1..=values.len()).map(|count| count as f64).collect();
        assert_eq!(values, expected);
    }
    Ok(())
}
