//! The main path: a real broker's metrics reach a real metric store.

use serde_json::json;
use warren_e2e::collector::Setup;
use warren_e2e::prometheus::{self, Prometheus};
use warren_e2e::rabbitmq::RabbitMq;
use warren_e2e::seed::{self, Places};
use warren_e2e::{Result, port, wait};

use crate::support::{PATIENCE, job};

#[test]
fn what_happens_on_a_broker_can_be_asked_for_in_promql() -> Result<()> {
    let (mut broker, store) = (RabbitMq::start()?, Prometheus::start()?);
    broker.declare_queue("orders")?;
    let mut detailed = job("queues", &broker.metrics_address());
    detailed["metrics_path"] = json!("/metrics/detailed");
    detailed["params"] = json!({"family": ["queue_coarse_metrics"]});
    let mut collector = Setup::new(json!({
        "receivers": {"prometheus/broker": {"config": {"scrape_configs": [job("rabbitmq", &broker.metrics_address()), detailed]}}},
        "processors": {"attributes/plan": {"actions": [{"key": "plan", "value": "big-bunny", "action": "insert"}]}},
        "exporters": {"prometheusremotewrite/mimir": {"endpoint": store.write_url(), "auth": {"authenticator": "basicauth/mimir"}}},
        "extensions": {"basicauth/mimir": {"client_auth": {"username": prometheus::USER, "password": "${env:MIMIR_PASSWORD}"}}},
        "service": {
            "extensions": ["basicauth/mimir"],
            "pipelines": {"metrics/broker": {
                "receivers": ["prometheus/broker"], "processors": ["attributes/plan"], "exporters": ["prometheusremotewrite/mimir"],
            }},
        },
    }))?
    .env("MIMIR_PASSWORD", prometheus::PASSWORD)
    .start()?;

    let reaches = |promql: &str, expected: f64| {
        wait::until(format!("{promql} is {expected}"), PATIENCE, || (store.number(promql).ok()? == Some(expected)).then_some(()))
    };
    reaches(r#"rabbitmq_queues{job="rabbitmq", plan="big-bunny"}"#, 1.0)?;
    for message in ["a", "b", "c"] {
        broker.publish("orders", message)?;
    }
    reaches(r#"rabbitmq_detailed_queue_messages_ready{job="queues", vhost="/", queue="orders"}"#, 3.0)?;
    assert!(store.number(r#"count({job="rabbitmq"})"#)? > Some(500.0), "the whole page is there");
    assert_eq!(store.number(r#"up{job="rabbitmq"}"#)?, Some(1.0));

    // The very configuration from which this project grew brings the same broker's series, at once.
    let broker_port = broker.metrics_address().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
    let places = Places { write_url: store.write_url(), broker_port, telemetry_port: port::free()? };
    let example = seed::config(&places)?.to_string();
    let mut example = Setup::text(example).env(seed::PASSWORD_VARIABLE, prometheus::PASSWORD).args(["--scrape-now"]).start()?;
    reaches(&format!("rabbitmq_queues{{job=\"rabbitmq\", instance=\"localhost:{broker_port}\"}}"), 1.0)?;
    assert!(example.stop()?.success(), "{}", example.log());

    // The series of a queue that is gone end at once instead of lingering for five minutes.
    broker.delete_queue("orders")?;
    wait::until("the deleted queue's series end", PATIENCE, || {
        let series = store.query(r#"rabbitmq_detailed_queue_messages_ready{queue="orders"}"#).ok()?;
        series.is_empty().then_some(())
    })?;

    // So do all of a broker that stops, and `up` says why.
    broker.stop()?;
    reaches(r#"up{job="rabbitmq", plan="big-bunny"}"#, 0.0)?;
    assert_eq!(store.query(r#"rabbitmq_queues{plan="big-bunny"}"#)?, Vec::<serde_json::Value>::new());

    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}
