//! A real Loki as the destination of `otlphttp`: it takes every compression, and what it refuses costs nothing but itself.

use serde_json::{Value, json};
use warren_e2e::collector::Setup;
use warren_e2e::otlp::send_numbers;
use warren_e2e::{Result, http, port, wait};

use crate::support::{PATIENCE, loki};

/// OTLP in, and out to exporters of the given settings through a pipeline each, which names the service after the exporter.
fn config(port: u16, exporters: Value) -> Value {
    let (mut pipelines, mut processors) = (json!({}), json!({}));
    for id in exporters.as_object().unwrap().keys() {
        let name = id.trim_start_matches("otlphttp/");
        let processor = format!("resource/{name}");
        pipelines[format!("logs/{name}")] = json!({"receivers": ["otlp"], "processors": [&processor], "exporters": [id]});
        processors[processor] = json!({"attributes": [{"key": "service.name", "value": name, "action": "upsert"}]});
    }
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "processors": processors,
        "exporters": exporters,
        "service": {"pipelines": pipelines},
    })
}

#[test]
fn loki_takes_every_compression_and_both_encodings() -> Result<()> {
    let Some(loki) = loki("loki_takes_every_compression_and_both_encodings")? else { return Ok(()) };
    let mut exporters = json!({});
    for (name, compression, encoding) in [
        ("gzip", "gzip", "proto"),
        ("zstd", "zstd", "proto"),
        ("lz4", "lz4", "proto"),
        ("plain", "none", "proto"),
        ("json", "gzip", "json"),
    ] {
        exporters[format!("otlphttp/{name}")] =
            json!({"endpoint": loki.otlp_url(), "compression": compression, "encoding": encoding});
    }
    let names: Vec<String> =
        exporters.as_object().unwrap().keys().map(|id| id.trim_start_matches("otlphttp/").to_owned()).collect();
    let port = port::free()?;
    let mut collector = Setup::new(config(port, exporters))?.start()?;
    assert_eq!(send_numbers(port, 0..500)?, 200);
    for name in names {
        let query = format!("sum(count_over_time({{service_name=\"{name}\"}}[1h]))");
        wait::until(query.clone(), PATIENCE, || loki.number(&query).ok()?.filter(|count| *count == 500.0))?;
    }
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}

#[test]
fn a_record_that_loki_refuses_costs_only_itself() -> Result<()> {
    let Some(loki) = loki("a_record_that_loki_refuses_costs_only_itself")? else { return Ok(()) };
    let port = port::free()?;
    let exporters = json!({"otlphttp/all": {"endpoint": loki.otlp_url(), "sending_queue": {"num_consumers": 1}}});
    let mut collector = Setup::new(config(port, exporters))?.start()?;
    // Longer than Loki's 256 KiB among others that are not: it answers 400, and has taken the rest.
    let long = "x".repeat(300 << 10);
    let records: Vec<Value> = ["first", &long, "last"].iter().map(|text| json!({"body": {"stringValue": text}})).collect();
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string();
    http::post(&format!("http://127.0.0.1:{port}/v1/logs"), "application/json", body.as_bytes())?;
    collector.wait_for_log("max entry size", PATIENCE)?;
    assert_eq!(send_numbers(port, 0..10)?, 200);
    let arrived = r#"sum(count_over_time({service_name="all"}[1h]))"#;
    wait::until(arrived, PATIENCE, || loki.number(arrived).ok()?.filter(|count| *count == 12.0))?;
    assert_eq!(collector.metric("otelcol_exporter_send_failed_log_records", "")?, Some(3.0), "nobody says which it was");
    assert!(collector.stop()?.success(), "{}", collector.log());
    Ok(())
}
