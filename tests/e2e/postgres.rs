//! The control plane on PostgreSQL: what it does on SQLite it does there, also after the database was away.

use serde_json::json;
use warren_e2e::collector::Setup;
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::postgres::Postgres;
use warren_e2e::remote_write::Receiver;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, healthy_target};

#[test]
fn a_fleet_on_postgresql_survives_restarts_of_the_database_and_of_the_control_plane() -> Result<()> {
    let (mut database, target, mimir) = (Postgres::start()?, healthy_target()?, Receiver::start()?);
    let setup = control_plane::Setup { store: Some(database.url()), ..control_plane::Setup::default() };
    let mut plane = ControlPlane::start_with(setup)?;
    plane.ask("PUT", "/secrets/fleet/mimir", Some(&json!({"value": "canary-of-the-store"})), None)?;
    let profile = json!({"overlays": [{"name": "base", "settings": {
        "scrape": {"endpoint": target.address(), "interval": "1s"},
        "destinations": {"mimir": {"endpoint": mimir.url(), "username": "u", "password": "fleet/mimir@1"}},
        "telemetry_port": port::free()?,
    }}]});
    plane.post("/profile", &profile)?;
    plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "cluster": "hare", "name": "server-01"}))?;
    let state = tempfile::tempdir().unwrap();
    let host = plane.host_config("srv-1")?;
    let mut collector = Setup::host(&host).args(["--state-dir", state.path().to_str().unwrap()]).start()?;
    let applied = |plane: &ControlPlane| {
        wait::until("the server is applied", PATIENCE, || {
            let server = plane.get("/servers/srv-1").ok()?;
            (server["state"]["config"] == "applied" && server["state"]["link"] == "connected").then_some(())
        })
    };
    applied(&plane)?;
    mimir.wait_for("healthy", PATIENCE, |values| !values.is_empty())?;

    // The database goes away and comes back: nothing has to be done.
    database.restart()?;
    wait::until("the store answers again", PATIENCE, || plane.get("/servers/srv-1").ok())?;
    plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "green"}}))?;
    let green = |values: &Receiver| {
        values.samples().iter().any(|(labels, ..)| labels.get("colour").is_some_and(|colour| colour == "green"))
    };
    wait::until("the change arrives", PATIENCE, || green(&mimir).then_some(()))?;

    // So does the control plane, and knows what it knew.
    plane.stop()?;
    plane.restart()?;
    applied(&plane)?;
    let history = plane.get("/servers/srv-1/config/history")?;
    assert_eq!(history["items"].as_array().map(Vec::len), Some(2), "{history}");
    plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"colour": "blue"}}))?;
    applied(&plane)?;
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}
