//! The control plane sees whether data really arrives on the bus that collectors publish to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use warren_e2e::collector::Setup;
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::http::{Answer, Server};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, text_page};

#[test]
fn whether_data_arrives_on_the_bus_is_seen_there() -> Result<()> {
    let mut broker = RabbitMq::start()?;
    broker.declare_topic("metrics")?;
    let bus = Some((broker.amqp_url(), "metrics".to_owned()));
    let plane = ControlPlane::start_with(control_plane::Setup { bus, ..control_plane::Setup::default() })?;
    let well = Arc::new(AtomicBool::new(true));
    let answers = Arc::clone(&well);
    let target = Server::start(move |_| match answers.load(Ordering::Relaxed) {
        true => text_page("# TYPE healthy gauge\nhealthy 1\n"),
        false => Answer::status(503),
    })?;
    let reference = plane.ask("PUT", "/secrets/fleet/bus", Some(&json!({"value": "guest"})), None)?.body["reference"].clone();
    let settings = json!({
        "scrape": {"endpoint": target.address(), "interval": "1s"}, "telemetry_port": port::free()?,
        "destinations": {"amqp": {
            "endpoint": broker.amqp_url(), "username": "guest", "password": reference, "exchange": "metrics",
        }},
    });
    plane.post("/profile", &json!({"overlays": [{"name": "base", "settings": settings}]}))?;
    plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "name": "server-01"}))?;
    let data = |wanted: &'static str| -> Result<Value> {
        let state = || plane.get("/servers/srv-1").ok().map(|server| server["state"].clone());
        wait::until(format!("data is {wanted}; it is {:?}", state()), PATIENCE, || {
            state().filter(|state| state["data"] == wanted)
        })
    };
    // Nobody else consumes: without the control plane's queue nothing would take what is published.
    let state = tempfile::tempdir().unwrap();
    let mut collector =
        Setup::host(&plane.host_config("srv-1")?).args(["--state-dir", state.path().to_str().unwrap()]).start()?;
    data("fresh")?;
    // A collector that sends, and has nothing good to send.
    well.store(false, Ordering::Relaxed);
    data("stale")?;
    well.store(true, Ordering::Relaxed);
    data("fresh")?;
    // Nothing is concluded while the bus is away, and it is found again.
    broker.stop()?;
    broker.restart()?;
    data("fresh")?;
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}
