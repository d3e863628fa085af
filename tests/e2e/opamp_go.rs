//! The Go implementation of OpAMP on the other side: its client with the control plane, its server with the collector. Where there is no Go,
//! these promises are not checked.

use serde_json::json;
use warren_e2e::collector::Setup;
use warren_e2e::control_plane::ControlPlane;
use warren_e2e::opamp_go::{OpampGo, installed};
use warren_e2e::{Result, port};

use crate::support::{PATIENCE, healthy_target, job, scrape_to};
use warren_e2e::remote_write::Receiver;

#[test]
fn the_go_client_enrols_and_is_given_its_configuration() -> Result<()> {
    if !installed() {
        return Ok(());
    }
    for transport in ["ws", "http"] {
        let plane = ControlPlane::start()?;
        let mimir = json!({"endpoint": "https://mimir.example.net/push", "username": "u", "password": "fleet/mimir@1"});
        plane.ask("PUT", "/secrets/fleet/mimir", Some(&json!({"value": "the-secret"})), None)?;
        plane.post("/profile", &json!({"overlays": [{"name": "base", "settings": {"destinations": {"mimir": mimir}}}]}))?;
        plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "name": "server-01"}))?;
        let token = plane.post("/servers/srv-1/enrolment-tokens", &json!({}))?["token"].as_str().unwrap().to_owned();
        let endpoint = if transport == "ws" { plane.opamp_url() } else { plane.opamp_http_url() };
        let mut client = OpampGo::start(&["client", &endpoint, &token])?;
        client.wait_for("a credential of its own", PATIENCE, |told| told["credential"] == true)?;
        let given = client.wait_for("the configuration", PATIENCE, |told| told["config"].is_string())?;
        assert!(given["config"].as_str().unwrap().contains("the-secret"));
        let applied = || plane.get("/servers/srv-1").ok().filter(|server| server["state"]["config"] == "applied");
        warren_e2e::wait::until("the server is applied", PATIENCE, applied)?;
        let config = plane.get("/servers/srv-1/config")?;
        assert_eq!(config["reported"]["hash"], given["hash"]);
        assert_eq!(config["reported"]["description"]["identifying"]["service.name"], "opamp-go");
        // A change reaches it, and the same is not sent twice.
        plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "green"}}))?;
        client.wait_for("the change", PATIENCE, |told| told["config"].as_str().is_some_and(|config| config.contains("green")))?;
        warren_e2e::wait::until("the server is applied", PATIENCE, applied)?;
        assert_eq!(client.told().iter().filter(|told| told["config"].is_string()).count(), 2);
    }
    Ok(())
}

#[test]
fn the_go_server_manages_a_collector() -> Result<()> {
    if !installed() {
        return Ok(());
    }
    for transport in ["ws", "http"] {
        let (target, receiver, state) = (healthy_target()?, Receiver::start()?, tempfile::tempdir().unwrap());
        let mut config = scrape_to(&[job("job", &target.address())], &receiver.url());
        config["service"]["telemetry"] = json!({"metrics": {"level": "none"}});
        let file = state.path().join("given.json");
        std::fs::write(&file, config.to_string()).unwrap();
        let address = format!("127.0.0.1:{}", port::free()?);
        let mut server = OpampGo::start(&["server", &address, file.to_str().unwrap()])?;
        server.wait_for("it serves", PATIENCE, |told| told["serving"].is_string())?;
        let way = match transport {
            "ws" => json!({"ws": {"endpoint": format!("ws://{address}/v1/opamp")}}),
            _ => json!({"http": {"endpoint": format!("http://{address}/v1/opamp"), "polling_interval": "1s"}}),
        };
        let host =
            json!({"extensions": {"opamp": {"server": way, "warren": {"accepts_remote_config": true, "apply_grace": "1s"}}}});
        let directory = state.path().join("state");
        let mut collector = Setup::host(&host).args(["--state-dir", directory.to_str().unwrap()]).start()?;
        let first = server.wait_for("a description", PATIENCE, |told| told["description"].is_string())?;
        assert!(first["description"].as_str().unwrap().contains("warren-collector"));
        receiver.wait_for("healthy", PATIENCE, |values| !values.is_empty())?;
        let applied = server.wait_for("it is applied", PATIENCE, |told| {
            told["status"].as_str().is_some_and(|status| status.ends_with("_APPLIED"))
        })?;
        assert_eq!(applied["current"], true);
        server.wait_for("what runs", PATIENCE, |told| {
            told["effective"].as_str().is_some_and(|text| text.contains("prometheusremotewrite"))
        })?;
        collector.stop()?;
        server.wait_for("a goodbye", PATIENCE, |told| told["goodbye"] == true)?;
    }
    Ok(())
}
