//! The control plane and a collector that it manages: enrolled, given its configuration, changed while it runs, and going on by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use warren_e2e::collector::{Collector, Setup};
use warren_e2e::control_plane::ControlPlane;
use warren_e2e::http::Server;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target};

/// A server whose broker is a page, and whose metrics go to a receiver.
struct Scene {
    plane: ControlPlane,
    target: Server,
    mimir: Receiver,
    state: TempDir,
}

impl Scene {
    fn new() -> Result<Scene> {
        let scene = Scene {
            plane: ControlPlane::start()?,
            target: healthy_target()?,
            mimir: Receiver::start()?,
            state: tempfile::tempdir().unwrap(),
        };
        let port = port::free()?;
        let profile = json!({"overlays": [{"name": "base", "settings": {
            "scrape": {"endpoint": scene.target.address(), "interval": "1s"},
            "destinations": {"mimir": {"endpoint": scene.mimir.url()}},
            "telemetry_port": port,
        }}]});
        scene.plane.post("/profile", &profile)?;
        scene.plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "cluster": "hare", "name": "server-01"}))?;
        Ok(scene)
    }

    /// The collector of the server, with its enrolment token.
    fn collector(&self) -> Result<Collector> {
        self.collector_with(&self.plane.host_config("srv-1")?)
    }

    fn collector_with(&self, host: &Value) -> Result<Collector> {
        Setup::host(host).args(["--state-dir", self.state.path().to_str().unwrap()]).start()
    }

    fn state(&self) -> Value {
        self.plane.get("/servers/srv-1").unwrap()["state"].clone()
    }

    fn wait_for(&self, what: &str, found: impl Fn(&Value) -> bool) -> Result<Value> {
        wait::until(format!("the server is {what}; it is {}", self.state()), PATIENCE, || Some(self.state()).filter(&found))
    }

    fn wait_for_applied(&self) -> Result<Value> {
        self.wait_for("applied", |state| state["config"] == "applied" && state["link"] == "connected")
    }
}

/// Labels of the newest sample of the page. (`target_info` is made of the resource and carries no tags.)
fn newest(receiver: &Receiver) -> Option<BTreeMap<String, String>> {
    let samples = receiver.samples().into_iter().rev();
    samples.map(|(labels, ..)| labels).find(|labels| labels["__name__"] == "healthy")
}

#[test]
fn a_collector_enrols_and_runs_what_it_is_given() -> Result<()> {
    let scene = Scene::new()?;
    let host = scene.plane.host_config("srv-1")?;
    let mut collector = scene.collector_with(&host)?;
    scene.wait_for_applied()?;
    scene.mimir.wait_for("healthy", PATIENCE, |values| values.len() >= 2)?;
    let labels = newest(&scene.mimir).unwrap();
    assert_eq!((labels["instance"].as_str(), labels["cluster"].as_str()), ("server-01", "hare"));
    let config = scene.plane.get("/servers/srv-1/config")?;
    assert_eq!(config["reported"]["status"], "applied");
    assert_eq!(config["reported"]["hash"], config["desired"]["hash"]);
    assert!(config["effective"]["exporters"]["prometheusremotewrite/mimir"]["endpoint"].is_string(), "{config}");
    assert!(
        !config["effective"].to_string().contains(host["extensions"]["opamp"]["warren"]["enrolment_token"].as_str().unwrap())
    );
    // The token was exchanged: it opens nothing any more.
    collector.stop()?;
    assert_eq!(scene.wait_for("stopped", |state| state["link"] == "stopped")?["config"], "applied");
    let other = tempfile::tempdir().unwrap();
    let mut stranger = Setup::host(&host).args(["--state-dir", other.path().to_str().unwrap()]).start()?;
    stranger.wait_for_log("401", PATIENCE)?;
    // With its credential the collector itself comes back.
    let _collector = scene.collector_with(&host)?;
    scene.wait_for_applied()?;
    let actions: Vec<Value> =
        scene.plane.get("/audit")?["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert!(actions.contains(&json!("server.enrolled")), "{actions:?}");
    Ok(())
}

#[test]
fn an_integration_reaches_a_running_collector_at_once_and_disturbs_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let customer = Receiver::start()?;
    let _collector = scene.collector()?;
    scene.wait_for_applied()?;
    scene.mimir.wait_for("healthy", PATIENCE, |values| !values.is_empty())?;
    let path = "/tenants/acme/clusters/hare/integrations";
    let integration = json!({
        "destination": {"kind": "remote_write", "endpoint": customer.url(), "username": "u", "password": "canary-of-the-customer"},
        "tags": {"env": "prod"},
    });
    let began = Instant::now();
    let created = scene.plane.post(path, &integration)?;
    assert_eq!(created["destination"]["password"], json!({"set": true, "version": 1}));
    // At the latest with the scrape after the next.
    customer.wait_for("healthy", Duration::from_secs(5), |values| !values.is_empty())?;
    assert!(began.elapsed() < Duration::from_secs(5));
    let push = customer.pushes().remove(0);
    assert_eq!(push.headers.get("authorization"), Some("Basic dTpjYW5hcnktb2YtdGhlLWN1c3RvbWVy"));
    assert_eq!(newest(&customer).unwrap()["env"], "prod");
    let applied = scene.wait_for_applied()?;
    assert_eq!(applied["health"], "healthy", "{applied}");
    for shown in [scene.plane.get("/servers/srv-1/config")?, scene.plane.get(path)?, scene.plane.get("/audit")?] {
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    let id = created["id"].as_i64().unwrap();
    let printed = scene.plane.command(&["integrations", "disable", "--tenant", "acme", "--cluster", "hare", &id.to_string()])?;
    assert_eq!(printed.stdout, format!("integration {id} is off\n"), "{}", printed.stderr);
    scene.wait_for_applied()?;
    wait::until("nothing more arrives", PATIENCE, || {
        let before = customer.requests();
        std::thread::sleep(Duration::from_millis(2500));
        (customer.requests() == before).then_some(())
    })?;
    // Every scrape of the page arrived once, through both changes.
    let values = scene.mimir.values("healthy");
    let expected: Vec<f64> = (1..=values.len()).map(|count| count as f64).collect();
    assert_eq!(values, expected);
    Ok(())
}

#[test]
fn what_cannot_run_has_failed_with_the_reason_and_is_not_offered_again() -> Result<()> {
    let scene = Scene::new()?;
    let _collector = scene.collector()?;
    scene.wait_for_applied()?;
    let good = scene.plane.get("/servers/srv-1/config")?["desired"]["hash"].clone();
    // Only the host can know that this port is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = taken.local_addr().unwrap().to_string();
    scene.plane.put("/servers/srv-1/settings", |body| {
        body["config"] = json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": endpoint}}}},
            "service": {"pipelines": {"metrics/extra": {"receivers": ["otlp"], "exporters": ["prometheusremotewrite/mimir"]}}},
        });
    })?;
    let failed = scene.wait_for("failed", |state| state["config"] == "failed")?;
    assert!(failed["reason"].as_str().unwrap().contains("address already in use"), "{failed}");
    let count = scene.mimir.values("healthy").len();
    scene.mimir.wait_for("healthy", PATIENCE, |values| values.len() > count + 1)?;
    let offers = |scene: &Scene| {
        let page = warren_e2e::http::get(&format!("{}/metrics", scene.plane.url()), None).unwrap().text();
        page.lines().find(|line| line.starts_with("warren_config_offers_total")).unwrap().to_owned()
    };
    let before = offers(&scene);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(offers(&scene), before);
    // When there is nothing in the way any more, somebody has it tried again.
    drop(taken);
    let printed = scene.plane.command(&["config", "retry", "srv-1"])?;
    assert!(printed.status.success(), "{}", printed.stderr);
    scene.wait_for_applied()?;
    let config = scene.plane.get("/servers/srv-1/config")?;
    assert_ne!(config["desired"]["hash"], good);
    assert!(config["effective"]["receivers"]["otlp"].is_object());
    Ok(())
}

#[test]
fn whoever_is_started_again_while_it_applies_says_so_and_can_be_told_to_try_again() -> Result<()> {
    let scene = Scene::new()?;
    let mut host = scene.plane.host_config("srv-1")?;
    host["extensions"]["opamp"]["warren"]["apply_grace"] = json!("1m");
    let mut collector = scene.collector_with(&host)?;
    scene.wait_for("applying", |state| state["config"] == "applying")?;
    collector.stop()?;
    host["extensions"]["opamp"]["warren"]["apply_grace"] = json!("1s");
    let _collector = scene.collector_with(&host)?;
    let failed = scene.wait_for("failed", |state| state["config"] == "failed")?;
    assert!(failed["reason"].as_str().unwrap().contains("started again"), "{failed}");
    let printed = scene.plane.command(&["config", "retry", "srv-1"])?;
    assert!(printed.status.success(), "{}", printed.stderr);
    scene.wait_for_applied()?;
    Ok(())
}

#[test]
fn a_collector_needs_no_control_plane_to_go_on_and_to_start_again() -> Result<()> {
    let mut scene = Scene::new()?;
    let host = scene.plane.host_config("srv-1")?;
    let mut collector = scene.collector_with(&host)?;
    scene.wait_for_applied()?;
    scene.plane.stop()?;
    let count = scene.mimir.values("healthy").len();
    scene.mimir.wait_for("healthy", PATIENCE, |values| values.len() > count)?;
    collector.stop()?;
    let count = scene.mimir.values("healthy").len();
    let _collector = scene.collector_with(&host)?;
    scene.mimir.wait_for("healthy", PATIENCE, |values| values.len() > count + 1)?;
    scene.plane.restart()?;
    scene.wait_for_applied()?;
    // What was changed while it was away arrives when it is back.
    scene.plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "green"}}))?;
    scene.wait_for_applied()?;
    wait::until("the tag arrives", PATIENCE, || newest(&scene.mimir)?.contains_key("colour").then_some(()))
}

#[test]
fn a_configuration_that_no_collector_could_run_is_not_taken() -> Result<()> {
    let scene = Scene::new()?;
    let before = scene.plane.get("/servers/srv-1/config")?["desired"].clone();
    let known = scene.plane.ask("GET", "/servers/srv-1/settings", None, None)?;
    for (body, says) in [
        (
            json!({"config": {"exporters": {"prometheusremotewrite/mimir": {"timeout": "soon"}}}}),
            "/exporters/prometheusremotewrite~1mimir/timeout",
        ),
        (json!({"settings": {"scrape": {"intervall": "1s"}}}), "intervall"),
    ] {
        let refused = scene.plane.ask("PUT", "/servers/srv-1/settings", Some(&body), known.etag.as_deref())?;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.to_string().contains(says), "{}", refused.body);
    }
    assert_eq!(scene.plane.get("/servers/srv-1/config")?["desired"], before);
    Ok(())
}

#[test]
fn of_two_who_edit_at_once_one_is_told() -> Result<()> {
    let scene = Scene::new()?;
    let known = scene.plane.ask("GET", "/servers/srv-1/settings", None, None)?;
    let body = json!({"settings": {"tags": {"a": "1"}}});
    assert_eq!(scene.plane.ask("PUT", "/servers/srv-1/settings", Some(&body), None)?.status, 428);
    assert_eq!(scene.plane.ask("PUT", "/servers/srv-1/settings", Some(&body), known.etag.as_deref())?.status, 200);
    assert_eq!(scene.plane.ask("PUT", "/servers/srv-1/settings", Some(&body), known.etag.as_deref())?.status, 412);
    Ok(())
}

#[test]
fn a_tenant_sees_and_changes_its_own_only() -> Result<()> {
    let scene = Scene::new()?;
    let token = |role: &str, tenant: &str| {
        let body = json!({"name": "t", "role": role, "tenant": tenant});
        scene.plane.post("/tokens", &body).unwrap()["token"].as_str().unwrap().to_owned()
    };
    let (own, other, viewer) = (token("editor", "acme"), token("editor", "other"), token("viewer", "acme"));
    let status = |token: &str, method: &str, path: &str, body: Option<Value>| {
        let etag = scene.plane.ask_as(token, "GET", path, None, None).unwrap().etag;
        scene.plane.ask_as(token, method, path, body.as_ref(), etag.as_deref()).unwrap().status
    };
    let tags = || Some(json!({"settings": {"tags": {"a": "b"}}}));
    assert_eq!(status(&own, "GET", "/servers/srv-1", None), 200);
    assert_eq!(status(&other, "GET", "/servers/srv-1", None), 404);
    assert_eq!(scene.plane.ask_as(&other, "GET", "/servers", None, None)?.body["items"], json!([]));
    assert_eq!(status(&viewer, "PUT", "/servers/srv-1/settings", tags()), 403);
    assert_eq!(status(&own, "PUT", "/servers/srv-1/settings", tags()), 200);
    assert_eq!(status(&own, "PUT", "/servers/srv-1/settings", Some(json!({"settings": {"destinations": {}}}))), 403);
    assert_eq!(status(&own, "GET", "/profile", None), 403);
    assert_eq!(status(&own, "GET", "/tokens", None), 403);
    assert_eq!(scene.plane.ask_as("wrn_nobody", "GET", "/servers", None, None)?.status, 401);
    Ok(())
}

#[test]
fn a_collector_that_asks_in_intervals_is_managed_as_well() -> Result<()> {
    let scene = Scene::new()?;
    let mut host = scene.plane.host_config("srv-1")?;
    host["extensions"]["opamp"]["server"] = json!({"http": {"endpoint": scene.plane.opamp_http_url(), "polling_interval": "1s"}});
    let _collector = scene.collector_with(&host)?;
    scene.wait_for_applied()?;
    scene.plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "green"}}))?;
    wait::until("the tag arrives", PATIENCE, || newest(&scene.mimir)?.contains_key("colour").then_some(()))
}
