//! The example from which this project grew, made to run here.
//!
//! Changed: the endpoint of remote write. Added: the extension `basicauth/mimir`, which the example refers to and leaves out. Where the
//! broker's metrics and the collector's own are not on the ports the example relies on, these move as well.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::{collector, prometheus};

/// The example as published.
pub const EXAMPLE: &str = include_str!("seed.json");

/// Port of the broker's metrics in the example.
pub const BROKER_PORT: u16 = 15692;

/// Where a collector serves its own metrics when nobody says otherwise.
pub const TELEMETRY_PORT: u16 = 8888;

/// Environment variable the password comes from.
pub const PASSWORD_VARIABLE: &str = "MIMIR_PASSWORD";

/// What the machine decides.
pub struct Places {
    /// Address that takes remote write.
    pub write_url: String,
    /// Port of the broker's metrics.
    pub broker_port: u16,
    /// Port of the collector's own metrics.
    pub telemetry_port: u16,
}

/// The configuration for these places.
///
/// # Errors
/// When the example is no JSON.
pub fn config(places: &Places) -> Result<Value> {
    let malformed = |error: serde_json::Error| Error::Malformed { what: "seed.json".to_owned(), reason: error.to_string() };
    let mut config: Value = serde_json::from_str(EXAMPLE).map_err(malformed)?;
    config["exporters"]["prometheusremotewrite/mimir"]["endpoint"] = json!(places.write_url);
    let credentials = json!({"username": prometheus::USER, "password": format!("${{env:{PASSWORD_VARIABLE}}}")});
    config["extensions"] = json!({"basicauth/mimir": {"client_auth": credentials}});
    config["service"]["extensions"] = json!(["basicauth/mimir"]);
    if places.broker_port != BROKER_PORT {
        let job = &mut config["receivers"]["prometheus/broker"]["config"]["scrape_configs"][0];
        job["static_configs"][0]["targets"] = json!([format!("localhost:{}", places.broker_port)]);
    }
    if places.telemetry_port != TELEMETRY_PORT {
        config["service"]["telemetry"] = json!({"metrics": collector::own_metrics_on(places.telemetry_port)});
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::{BROKER_PORT, EXAMPLE, Places, TELEMETRY_PORT, config};
    use serde_json::{Value, json};

    fn places(broker_port: u16, telemetry_port: u16) -> Places {
        Places { write_url: "http://127.0.0.1:9/api/v1/write".to_owned(), broker_port, telemetry_port }
    }

    #[test]
    fn with_the_usual_ports_only_the_endpoint_and_the_missing_extension_differ_from_the_seed() {
        let mut config = config(&places(BROKER_PORT, TELEMETRY_PORT)).unwrap();
        let seed: Value = serde_json::from_str(EXAMPLE).unwrap();
        let endpoint = "/exporters/prometheusremotewrite~1mimir/endpoint";
        assert_eq!(config.pointer(endpoint), Some(&json!("http://127.0.0.1:9/api/v1/write")));
        *config.pointer_mut(endpoint).unwrap() = seed.pointer(endpoint).unwrap().clone();
        let extensions = config.as_object_mut().unwrap().remove("extensions").unwrap();
        assert_eq!(extensions["basicauth/mimir"]["client_auth"]["password"], "${env:MIMIR_PASSWORD}");
        config["service"].as_object_mut().unwrap().remove("extensions");
        assert_eq!(config, seed);
    }

    #[test]
    fn taken_ports_move_the_target_and_the_own_metrics() {
        let config = config(&places(1000, 2000)).unwrap();
        let target = "/receivers/prometheus~1broker/config/scrape_configs/0/static_configs/0/targets/0";
        assert_eq!(config.pointer(target), Some(&json!("localhost:1000")));
        let port = "/service/telemetry/metrics/readers/0/pull/exporter/prometheus/port";
        assert_eq!(config.pointer(port), Some(&json!(2000)));
    }
}
