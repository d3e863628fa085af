//! The `rabbitmq` exporter and a real RabbitMQ: everybody who listens hears the same, and what nobody takes is never called delivered.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use warren_e2e::collector::Setup;
use warren_e2e::otlp::{numbers, send_numbers};
use warren_e2e::rabbitmq::{RabbitMq, Wishes};
use warren_e2e::{Result, port, wait};

use crate::support::PATIENCE;

/// A broker that was stopped takes its time to come back.
const BROKER_PATIENCE: Duration = Duration::from_secs(120);

/// OTLP in, to the given exporters with what they share; and the port it comes in on.
fn scene(exporters: Value) -> Result<(Value, u16)> {
    let (port, mut exporters) = (port::free()?, exporters);
    for (_, exporter) in exporters.as_object_mut().unwrap() {
        exporter["connection"]["auth"] = json!({"plain": {"username": "guest", "password": "${env:AMQP_PASSWORD}"}});
        exporter["retry_on_failure"] = json!({"enabled": true, "initial_interval": "50ms", "max_interval": "100ms"});
    }
    let ids: Vec<&String> = exporters.as_object().unwrap().keys().collect();
    let config = json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "extensions": {"otlp_encoding/json": {"protocol": "otlp_json"}},
        "service": {
            "extensions": ["otlp_encoding/json"],
            "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ids}},
        },
        "exporters": exporters,
    });
    Ok((config, port))
}

fn setup(config: Value) -> Result<Setup> {
    Ok(Setup::new(config)?.env("AMQP_PASSWORD", "guest"))
}

/// Consumes a queue until all these numbers have come out of it.
fn hear(broker: &RabbitMq, queue: &str, expected: &BTreeSet<u64>, within: Duration) -> Result<()> {
    let mut heard = BTreeSet::new();
    wait::until(format!("{queue} has heard everything"), within, || {
        let messages = broker.consume(queue).ok()?;
        heard.extend(messages.iter().flat_map(|(_, payload)| numbers(payload)));
        heard.is_superset(expected).then_some(())
    })
}

#[test]
fn several_services_hear_the_same_stream_each_on_a_queue_of_its_own() -> Result<()> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.pem(), certified.signing_key.serialize_pem());
    let broker = RabbitMq::start_with(&Wishes { tls: Some((&certificate, &key)), ..Wishes::default() })?;
    broker.declare_topic("warren.telemetry")?;
    for (queue, pattern) in [("alarms", "logs.#"), ("billing", "logs.aws.*.one"), ("archive", "#"), ("graphs", "metrics.#")] {
        broker.declare_queue(queue)?;
        broker.bind("warren.telemetry", queue, pattern)?;
    }
    broker.declare_queue("otlp_logs")?;
    let tls = json!({"ca_pem": certificate, "min_version": "1.2"});
    let (config, port) = scene(json!({
        "rabbitmq/json": {
            "connection": {"endpoint": broker.amqps_url().unwrap(), "tls": tls, "name": "server one"},
            "routing": {"exchange": "warren.telemetry", "routing_key": "logs.aws.eu.one"},
            "encoding_extension": "otlp_encoding/json",
        },
        "rabbitmq/proto": {"connection": {"endpoint": broker.amqp_url()}, "durable": false},
    }))?;
    let mut collector = setup(config)?.start()?;
    for number in 0..50 {
        assert_eq!(send_numbers(port, number..number + 1)?, 200);
    }
    let sent = "otelcol_exporter_sent_log_records";
    collector.wait_for_metric(sent, "rabbitmq/json", PATIENCE, |sent| sent == 50.0)?;
    let mut bodies = Vec::new();
    for queue in ["alarms", "billing", "archive"] {
        let messages = broker.consume(queue)?;
        assert!(messages.iter().all(|(properties, _)| *properties == json!({"delivery_mode": 2})), "{messages:?}");
        let payloads: Vec<Vec<u8>> = messages.into_iter().map(|(_, payload)| payload).collect();
        let mut heard: Vec<u64> = payloads.iter().flat_map(|payload| numbers(payload)).collect();
        heard.sort_unstable();
        assert_eq!(heard, (0..50).collect::<Vec<_>>(), "{queue}");
        bodies.push(payloads);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "byte for byte, in the same order");
    assert_eq!(broker.consume("graphs")?.len(), 0);
    collector.wait_for_metric(sent, "rabbitmq/proto", PATIENCE, |sent| sent == 50.0)?;
    let messages = broker.consume("otlp_logs")?;
    assert_eq!(messages.len(), 50);
    assert!(messages.iter().all(|(properties, payload)| payload[0] == 0x0a && *properties == json!({"delivery_mode": 1})));
    assert!(collector.stop()?.success(), "{}", collector.log());
    assert!(!std::fs::read_to_string(broker.log_path()).unwrap().contains("client unexpectedly closed"));
    Ok(())
}

#[test]
fn large_batches_become_several_messages_with_the_properties_that_are_wanted() -> Result<()> {
    let broker = RabbitMq::start()?;
    broker.declare_queue("otlp_logs")?;
    let (config, port) = scene(json!({"rabbitmq": {
        "connection": {"endpoint": broker.amqp_url()},
        "encoding_extension": "otlp_encoding/json",
        "warren": {"max_message_bytes": "2KiB", "content_type": "application/json", "headers": {"tenant": "a"}},
    }}))?;
    let collector = setup(config)?.start()?;
    assert_eq!(send_numbers(port, 0..300)?, 200);
    let mut heard = Vec::new();
    wait::until("everything is heard", PATIENCE, || {
        heard.extend(broker.consume("otlp_logs").ok()?);
        (heard.iter().map(|(_, payload)| numbers(payload).len()).sum::<usize>() >= 300).then_some(())
    })?;
    let mut all: Vec<u64> = heard.iter().flat_map(|(_, payload)| numbers(payload)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..300).collect::<Vec<_>>(), "each once");
    let properties = json!({"delivery_mode": 2, "content_type": "application/json", "headers": {"tenant": "a"}});
    assert!(heard.iter().all(|(told, payload)| *told == properties && payload.len() <= 2048), "{:?}", heard.first());
    assert_eq!(collector.metric("otelcol_exporter_sent_log_records", "rabbitmq")?, Some(300.0));
    Ok(())
}

#[test]
fn what_no_queue_takes_fails_until_one_does_and_a_broker_may_come_and_go() -> Result<()> {
    let amqp = port::free()?;
    let endpoint = format!("amqp://127.0.0.1:{amqp}");
    let (config, port) = scene(json!({
        "rabbitmq/orders": {
            "connection": {"endpoint": endpoint}, "routing": {"routing_key": "orders"}, "encoding_extension": "otlp_encoding/json",
        },
        "rabbitmq/nowhere": {"connection": {"endpoint": endpoint}, "routing": {"exchange": "nowhere"}},
    }))?;
    // The broker is away when the collector starts.
    let mut collector = setup(config)?.start()?;
    for number in 0..20 {
        assert_eq!(send_numbers(port, number..number + 1)?, 200);
    }
    collector.wait_for_log("no connection to RabbitMQ at 127.0.0.1", PATIENCE)?;
    let mut broker = RabbitMq::start_with(&Wishes { amqp: Some(amqp), ..Wishes::default() })?;
    // It is there, but no queue is.
    collector.wait_for_log("unroutable: 312 NO_ROUTE exchange=", BROKER_PATIENCE)?;
    collector.wait_for_metric("warren_rabbitmq_unroutable_messages_total", "rabbitmq/orders", PATIENCE, |count| count > 0.0)?;
    let sent = "otelcol_exporter_sent_log_records";
    assert_eq!(collector.metric(sent, "rabbitmq/orders")?.unwrap_or_default(), 0.0, "not one is called delivered");
    // What has no exchange is dropped, with the broker's own words.
    let told = collector.wait_for_log("NOT_FOUND - no exchange 'nowhere' in vhost '/'", PATIENCE)?;
    assert!(told.contains("rabbitmq/nowhere"), "{told}");
    broker.declare_queue("orders")?;
    hear(&broker, "orders", &(0..20).collect(), PATIENCE)?;
    // The broker goes in the middle of the stream, and comes back.
    broker.stop()?;
    for number in 20..40 {
        assert_eq!(send_numbers(port, number..number + 1)?, 200);
    }
    broker.restart()?;
    hear(&broker, "orders", &(20..40).collect(), BROKER_PATIENCE)?;
    let orders = "component=\"rabbitmq/orders\"";
    assert_eq!(collector.metric("warren_dropped_items_total", orders)?.unwrap_or_default(), 0.0);
    assert!(!collector.log().contains("guest"), "no credentials in the log");
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}
