//! The command line: what `validate`, `print-config`, `components` and a refused start say, and how they end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use warren_e2e::Result;
use warren_e2e::collector::{Setup, command};
use warren_e2e::http::{Answer, Server};
use warren_e2e::process::Finished;

use crate::support::{PATIENCE, job, scrape_through};

const SECRET: &str = "correct-horse-battery-staple";

/// A configuration that is right, with a password in it.
fn right() -> Value {
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}}},
        "exporters": {"otlphttp": {
            "endpoint": "http://127.0.0.1:9", "headers": {"X-Api-Key": SECRET}, "auth": {"authenticator": "basicauth/store"},
        }},
        "extensions": {"basicauth/store": {"client_auth": {"username": "warren", "password": "${env:STORE_PASSWORD}"}}},
        "service": {
            "extensions": ["basicauth/store"],
            "pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
        },
    })
}

fn run(subcommand: &[&str], config: &str) -> Result<Finished> {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let path = file.path().to_str().unwrap();
    let arguments: Vec<&str> = subcommand.iter().copied().chain(["--config", path]).collect();
    command(arguments, &[("STORE_PASSWORD", SECRET)])
}

#[test]
fn validate_is_silent_about_a_right_configuration() -> Result<()> {
    let finished = run(&["validate"], &right().to_string())?;
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "");
    assert_eq!(finished.stderr, "");
    Ok(())
}

#[test]
fn validate_reports_every_fault_at_once_with_its_place_and_the_nearest_name() -> Result<()> {
    let config = "\
receivers:
  otlp:
    protocols:
      http:
        endpiont: 127.0.0.1:4318
exporters:
  debug:
    verbosity: loud
processors:
  batch:
    timeout: soon
service:
  pipelines:
    metrics:
      receivers: [otlp]
      exporters: [debug]
";
    let finished = run(&["validate"], config)?;
    assert_eq!(finished.status.code(), Some(1));
    let told = finished.stderr;
    for part in ["endpiont", "endpoint", "verbosity", "timeout", ":5", ":8", ":11"] {
        assert!(told.contains(part), "{part:?} is missing:\n{told}");
    }
    Ok(())
}

#[test]
fn validate_finds_references_to_what_is_not_there() -> Result<()> {
    let mut config = right();
    config["service"]["extensions"] = json!([]);
    let finished = run(&["validate"], &config.to_string())?;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("basicauth/store"), "{}", finished.stderr);
    assert!(finished.stderr.contains("service::extensions"), "it says which list lacks it: {}", finished.stderr);

    config.as_object_mut().unwrap().remove("extensions");
    let finished = run(&["validate"], &config.to_string())?;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("basicauth/store"), "{}", finished.stderr);
    Ok(())
}

#[test]
fn print_config_shows_no_secret_unless_asked_to() -> Result<()> {
    for format in ["yaml", "json"] {
        let redacted = run(&["print-config", "--format", format], &right().to_string())?;
        assert_eq!(redacted.status.code(), Some(0), "{}", redacted.stderr);
        assert!(!redacted.stdout.contains(SECRET), "{}", redacted.stdout);
        assert!(redacted.stdout.contains("warren"), "what is no secret is shown: {}", redacted.stdout);
        let open = run(&["print-config", "--mode", "unredacted", "--format", format], &right().to_string())?;
        assert_eq!(open.stdout.matches(SECRET).count(), 2, "{}", open.stdout);
    }
    Ok(())
}

#[test]
fn what_print_config_prints_is_the_same_configuration() -> Result<()> {
    let printed = run(&["print-config", "--mode", "unredacted", "--format", "json"], &right().to_string())?;
    let mut expected = right();
    expected["extensions"]["basicauth/store"]["client_auth"]["password"] = json!(SECRET);
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), expected);
    Ok(())
}

#[test]
fn the_log_of_a_run_holds_no_secret() -> Result<()> {
    let mut collector = Setup::new(right())?.env("STORE_PASSWORD", SECRET).start()?;
    collector.stop()?;
    assert!(!collector.log().contains(SECRET), "{}", collector.log());
    Ok(())
}

#[test]
fn an_attribute_that_an_exporter_replaces_is_warned_of_however_it_is_set() -> Result<()> {
    let setters = [
        json!({"attributes": {"actions": [{"key": "instance", "value": "a", "action": "insert"}]}}),
        json!({"transform": {"metric_statements": ["set(datapoint.attributes[\"instance\"], \"a\")"]}}),
    ];
    for setter in setters {
        let mut config =
            scrape_through(&[job("job", "127.0.0.1:9")], json!({"prometheusremotewrite": {"endpoint": "http://127.0.0.1:9"}}));
        config["service"]["pipelines"]["metrics"]["processors"] = json!(setter.as_object().unwrap().keys().collect::<Vec<_>>());
        config["processors"] = setter;
        let finished = run(&["validate"], &config.to_string())?;
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        for part in ["\"instance\"", "does not reach the destination of prometheusremotewrite", "service.instance.id"] {
            assert!(finished.stderr.contains(part), "{part:?} is missing:\n{}", finished.stderr);
        }
    }
    Ok(())
}

#[test]
fn components_lists_what_is_built_in() -> Result<()> {
    let finished = command(["components"], &[])?;
    assert_eq!(finished.status.code(), Some(0));
    for part in ["buildinfo:", "name: prometheus", "name: otlp", "name: batch", "name: prometheusremotewrite", "name: basicauth"]
    {
        assert!(finished.stdout.contains(part), "{part:?} is missing:\n{}", finished.stdout);
    }
    Ok(())
}

#[test]
fn a_missing_configuration_is_said_twice_as_upstream_does_and_ends_with_1() -> Result<()> {
    let finished = command::<&str>([], &[])?;
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.stderr.matches("at least one config flag must be provided").count(), 2, "{}", finished.stderr);
    Ok(())
}

#[test]
fn a_configuration_of_ten_megabytes_is_read_or_refused_quickly() -> Result<()> {
    let mut config = right();
    let actions = (0..100_000).map(|index| json!({"key": format!("key.{index}"), "action": "upsert", "value": "v".repeat(70)}));
    config["processors"]["attributes/many"]["actions"] = actions.collect();
    let text = config.to_string();
    assert!(text.len() > 10_000_000);
    let started = Instant::now();
    let finished = run(&["validate"], &text)?;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);

    // Ten megabytes of faults are told in a bounded number of lines.
    let faults: serde_json::Map<String, Value> = (0..300_000).map(|index| (format!("nonsense_{index:09}"), json!("v"))).collect();
    let mut config = right();
    config["exporters"]["otlphttp"] = Value::Object(faults);
    let finished = run(&["validate"], &config.to_string())?;
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.len() < 1 << 20, "{} bytes of errors", finished.stderr.len());
    assert!(finished.stderr.contains("nonsense_000000000"), "the first fault is named");
    Ok(())
}

#[test]
fn a_configuration_nested_without_end_is_refused() -> Result<()> {
    let deep = format!("{}{}", "{\"a\":".repeat(1_000_000), "}".repeat(1_000_000));
    for text in [deep, "[".repeat(5_000_000), "a: ".to_owned() + &"{a: ".repeat(1_000_000)] {
        let finished = run(&["validate"], &text)?;
        assert_eq!(finished.status.code(), Some(1), "it ends by itself, with an error: {:?}", finished.status);
        assert!(!finished.stderr.is_empty());
    }
    Ok(())
}

#[test]
fn a_feature_gate_reaches_the_component_it_is_for() -> Result<()> {
    let page = "# TYPE begun counter\nbegun_total 7\nbegun_created 1700000000\n# EOF\n";
    let target = Server::start(move |_| Answer::ok("application/openmetrics-text; version=1.0.0", page.as_bytes()))?;
    let config = scrape_through(&[job("job", &target.address())], json!({"debug": {"verbosity": "detailed"}}));
    let gate = ["--feature-gates", "receiver.prometheusreceiver.UseCreatedMetric"];
    let collector = Setup::new(config)?.args(gate).start()?;
    warren_e2e::wait::until("the start time is what the page says", PATIENCE, || {
        collector.log().contains("StartTimestamp: 2023-11-14 22:13:20 +0000 UTC").then_some(())
    })
}
