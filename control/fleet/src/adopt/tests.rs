mod kept;

use super::*;
use crate::layers::merge;
use crate::model::{Backend, Destination, Server};
use crate::render::tests::{Case, matrix};
use crate::{Input, Layer, Overlay, Profile, SecretRef, Selector, canonical, render, reveal};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Everything that is known beforehand of a server that is adopted.
fn known(server: &Server) -> Server {
    Server { name: String::new(), cluster: String::new(), ..server.clone() }
}

/// What a server is, and the document that comes of it again.
fn adopted(config: &Value, server: &Server, vaults: &mut Vaults) -> (Read, Adopted, Value) {
    let read = read(config, server, vaults).unwrap();
    let mut read = read;
    for (number, integration) in (1..).zip(read.integrations.iter_mut().filter(|integration| integration.id == 0)) {
        integration.id = 100 + number;
    }
    let profile = Profile::default();
    let adopted = read.fit(&profile, &[], &read.integrations, &|_| true).unwrap();
    let layers = [Layer { origin: "server".into(), settings: adopted.settings.clone(), config: adopted.config.clone() }];
    let input = Input {
        server: &read.server,
        profile: &profile,
        layers: &layers,
        integrations: &read.integrations,
        exporters: &|_| true,
    };
    let again = serde_json::from_str(&render(&input).unwrap().body).unwrap();
    (read, adopted, again)
}

fn seed(name: &str) -> Value {
    json!({
        "receivers": {"prometheus/broker": {"config": {"scrape_configs": [{
            "job_name": "rabbitmq", "scrape_interval": "60s", "static_configs": [{"targets": ["localhost:15692"]}],
        }]}}},
        "processors": {"attributes/instance": {"actions": [{"key": "instance", "value": name, "action": "insert"}]}},
        "exporters": {"prometheusremotewrite/mimir": {
            "endpoint": "https://prometheus-prod-example.grafana.net/api/prom/push", "auth": {"authenticator": "basicauth/mimir"},
        }},
        "extensions": {"basicauth/mimir": {"client_auth": {"username": "1234", "password": "hunter2"}}},
        "service": {
            "extensions": ["basicauth/mimir"],
            "pipelines": {"metrics/broker": {
                "receivers": ["prometheus/broker"], "processors": ["attributes/instance"], "exporters": ["prometheusremotewrite/mimir"],
            }},
        },
    })
}

#[test]
fn what_the_generator_made_is_said_wholly_by_the_model() {
    for Case { name, server, profile, integrations } in matrix() {
        let input = Input { server: &server, profile: &profile, layers: &[], integrations: &integrations, exporters: &|_| true };
        let document = render(&input).unwrap();
        let (read, adopted, again) =
            adopted(&serde_json::from_str(&document.body).unwrap(), &known(&server), &mut Vaults::default());
        assert_eq!(read.server, server, "{name}");
        assert_eq!(adopted.gaps, [], "{name}");
        assert_eq!(adopted.config, Value::Null, "{name}");
        assert_eq!(canonical(&again), document.body, "{name}");
    }
}

#[test]
fn the_first_configuration_is_said_wholly_but_for_the_name_that_never_arrived() {
    let mut vaults = Vaults::default();
    let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
    let (read, adopted, again) = adopted(&seed("server-name-01"), &server, &mut vaults);
    assert_eq!(read.server.name, "server-name-01");
    assert_eq!((adopted.gaps, adopted.config), (vec![], Value::Null));
    assert_eq!(adopted.notes.len(), 1);
    assert_eq!(adopted.notes[0].pointer, "/processors/attributes~1instance");
    assert_eq!(
        again["processors"],
        json!({"resource/instance": {"attributes": [
            {"key": "service.instance.id", "value": "server-name-01", "action": "upsert"},
        ]}})
    );
    assert_eq!(vaults.fleet.taken(), [("fleet/mimir@1".parse().unwrap(), "hunter2".to_owned())]);
    assert!(!again.to_string().contains("hunter2"));
    assert_eq!(
        adopted.settings,
        json!({"destinations": {"mimir": {
            "endpoint": "https://prometheus-prod-example.grafana.net/api/prom/push", "username": "1234", "password": "fleet/mimir@1",
            "headers": {},
        }}})
    );
}

/// One of a running fleet: everything in a few pipelines, with what a generator of another's writes.
fn lived_in() -> Value {
    json!({
        "receivers": {
            "prometheus": {"config": {"global": {"scrape_interval": "30s"}, "scrape_configs": [
                {"job_name": "rabbitmq", "static_configs": [{"targets": ["localhost:15692"], "labels": {"cluster": "hare"}}]},
                {"job_name": "rabbitmq-detailed", "metrics_path": "/metrics/detailed", "scrape_interval": "5m",
                 "params": {"family": ["queue_metrics"], "vhost": ["a$b"]}, "static_configs": [{"targets": ["localhost:15692"]}]},
                {"job_name": "other", "static_configs": [{"targets": ["localhost:1"]}]},
            ]}},
            "hostmetrics": {"collection_interval": "10s", "scrapers": {"cpu": null, "memory": {}}},
            "journald": {"units": ["rabbitmq-server"]},
            "otlp": {"protocols": {"grpc": null}},
            "filelog/unused": {},
        },
        "processors": {
            "batch": null,
            "memory_limiter": {"check_interval": "1s", "limit_mib": 200},
            "attributes/instance": {"actions": [
                {"key": "instance", "value": "n1", "action": "insert"}, {"key": "region", "value": "eu", "action": "insert"},
            ]},
            "transform/names": {"metric_statements": []},
            "filter/customer": {"metrics": {"include": {"match_type": "strict", "metric_names": ["system.cpu.utilization", "rabbitmq_queues"]}}},
        },
        "exporters": {
            "prometheusremotewrite/mimir": {"endpoint": "https://m/push", "headers": {"X-Scope-OrgID": "1"}, "timeout": "7s",
                "auth": {"authenticator": "basicauth/m"}},
            "rabbitmq": {"connection": {"endpoint": "amqp://bus", "auth": {"plain": {"username": "u", "password": "p1"}}},
                "routing": {"exchange": "x", "routing_key": "k"}},
            "datadog/customer": {"api": {"key": "dd-key", "site": "datadoghq.eu"}, "hostname": "h"},
            "otlphttp/nr": {"endpoint": "https://otlp.nr-data.net:4318", "headers": {"api-key": "nr-key"}},
            "kafka": {"brokers": ["k"], "auth": {"plain_text": {"username": "u", "password": "kafka-password"}}},
            "otlphttp/loki": {"endpoint": "https://loki/otlp", "headers": {"Authorization": "Bearer loki-token"}},
        },
        "extensions": {"basicauth/m": {"client_auth": {"username": "u", "password": "${env:MIMIR}"}}, "pprof": null, "opamp": {}},
        "service": {
            "extensions": ["basicauth/m", "pprof", "opamp"],
            "telemetry": {"logs": {"level": "warn"}},
            "pipelines": {
                "metrics": {"receivers": ["prometheus", "hostmetrics", "otlp"], "exporters": ["prometheusremotewrite/mimir", "rabbitmq"],
                    "processors": ["memory_limiter", "attributes/instance", "batch"]},
                "metrics/dd": {"receivers": ["prometheus", "hostmetrics"], "exporters": ["datadog/customer"],
                    "processors": ["memory_limiter", "attributes/instance", "filter/customer", "transform/names", "batch"]},
                "metrics/nr": {"receivers": ["prometheus"], "exporters": ["otlphttp/nr", "kafka"],
                    "processors": ["memory_limiter", "attributes/instance", "batch"]},
                "logs": {"receivers": ["journald"], "processors": ["memory_limiter", "batch"], "exporters": ["otlphttp/loki"]},
                "traces": {"receivers": ["otlp"], "exporters": ["kafka"]},
            },
        },
    })
}

#[test]
fn what_no_setting_can_say_is_carried_over_and_named() {
    let mut vaults = Vaults::default();
    let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
    let (read, adopted, again) = adopted(&lived_in(), &server, &mut vaults);
    assert_eq!((read.server.name.as_str(), read.server.cluster.as_str()), ("n1", "hare"));
    assert_eq!(read.integrations.len(), 2);
    assert!(matches!(&read.integrations[0].destination, Destination::Datadog { region, .. } if region == "eu1"));
    assert_eq!(read.integrations[0].metrics_filter, ["system_cpu_utilization_ratio", "rabbitmq_queues"]);
    assert_eq!(read.integrations[0].exporter, json!({"hostname": "h"}));
    assert_eq!(read.integrations[1].exporter, json!({"endpoint": "https://otlp.nr-data.net:4318"}));
    for secret in ["dd-key", "nr-key", "kafka-password", "loki-token", "p1\""] {
        assert!(!again.to_string().contains(secret), "{secret}");
    }
    // Where a password is not in the file, the extension that knows where it is stays.
    assert_eq!(again["extensions"]["basicauth/m"]["client_auth"]["password"], "${env:MIMIR}");
    let told: Vec<String> = adopted.gaps.iter().map(|gap| format!("{}: {}", gap.pointer, gap.message)).collect();
    insta::assert_json_snapshot!(
        "lived in",
        json!({
            "settings": adopted.settings, "config": adopted.config, "gaps": told,
            "notes": adopted.notes.iter().map(|note| format!("{}: {}", note.pointer, note.message)).collect::<Vec<_>>(), "document": again,
        })
    );
}

#[test]
fn secrets_have_one_name_for_one_value_and_are_told_once() {
    let mut vaults =
        Vaults { fleet: Vault::new([("fleet/known@4".parse().unwrap(), "hunter2".to_owned())]), own: Vault::default() };
    let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
    let (_, first, _) = adopted(&seed("a"), &server, &mut vaults);
    assert_eq!(first.settings["destinations"]["mimir"]["password"], "fleet/known@4");
    let mut other = seed("b");
    other["extensions"]["basicauth/mimir"]["client_auth"]["password"] = json!("another");
    let (_, second, _) = adopted(&other, &server, &mut vaults);
    assert_eq!(second.settings["destinations"]["mimir"]["password"], "fleet/mimir@1");
    assert_eq!(vaults.fleet.taken().len(), 1);
    assert!(vaults.fleet.taken().is_empty());
}

#[test]
fn what_a_profile_says_is_not_said_again() {
    let mut vaults = Vaults::default();
    let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
    let read = read(&seed("a"), &server, &mut vaults).unwrap();
    let settings = json!({"destinations": {"mimir": {
        "endpoint": "https://prometheus-prod-example.grafana.net/api/prom/push", "username": "1234", "password": "fleet/mimir@1",
    }}, "scrape": {"interval": "10s"}});
    let base = Overlay { name: "base".into(), settings, ..Overlay::default() };
    let over = Overlay {
        name: "beside".into(),
        when: Selector { labels: [("adoption".to_owned(), "beside".to_owned())].into(), ..Selector::default() },
        settings: json!({"destinations": {"mimir": null}}),
        over: true,
        ..Overlay::default()
    };
    let adopted = read.fit(&Profile { overlays: vec![base, over] }, &[], &[], &|_| true).unwrap();
    assert_eq!(adopted.settings, json!({"scrape": {"interval": "60s"}}));
}

#[test]
fn what_no_configuration_says_stays_what_the_fleet_says() {
    let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
    let read = read(&seed("a"), &server, &mut Vaults::default()).unwrap();
    let settings = json!({
        "rollouts": {"freeze": "the end of the year", "windows": [{"from": "22:00", "until": "04:00"}]},
        "destinations": {"own": {
            "metrics": {"endpoint": "https://own.example.net/push", "username": "ops", "password": "fleet/own@2"},
            "logs": {"endpoint": "https://own.example.net/otlp"}, "interval": "30s",
        }},
    });
    let profile = Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] };
    let adopted = read.fit(&profile, &[], &[], &|_| true).unwrap();
    assert_eq!(adopted.settings.pointer("/rollouts"), None);
    assert_eq!(adopted.settings["destinations"].as_object().unwrap().keys().collect::<Vec<_>>(), ["mimir"]);
    assert_eq!((adopted.gaps, adopted.config), (vec![], Value::Null), "its own pipelines are not taken away either");
}

#[test]
fn what_servers_have_in_common_is_found() {
    let values = [json!({"a": {"b": 1, "c": 2}, "d": 1}), json!({"a": {"b": 1, "c": 3}}), json!({"a": {"b": 1}, "d": 1})];
    assert_eq!(common(&values), json!({"a": {"b": 1}}));
    assert_eq!(common(&[]), Value::Null);
}

#[test]
fn what_is_no_configuration_is_told() {
    for config in [json!(null), json!([]), json!({"service": {"pipelines": {}}}), json!({"service": {"pipelines": []}})] {
        assert!(read(&config, &Server::default(), &mut Vaults::default()).is_err());
    }
}

/// Any JSON, of keys among which are those that mean something.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(json!(true)), Just(json!(7)), Just(json!("a$b ${env:X}")), "[a-z/$]{0,6}".prop_map(Value::String),];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = prop_oneof![
            Just("config".to_owned()),
            Just("actions".to_owned()),
            Just("scrape_configs".to_owned()),
            Just("static_configs".to_owned()),
            Just("labels".to_owned()),
            Just("0".to_owned()),
            Just("password".to_owned()),
            Just("endpoint".to_owned()),
            "[a-z]{1,4}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::btree_map(key, inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_difference_makes_one_of_the_other(from in any_json(), to in any_json()) {
        let mut made = from.clone();
        let patch = difference(&from, &to);
        if !patch.is_null() {
            merge(&mut made, &patch, "", &mut |_| {});
        }
        prop_assert_eq!(made, to);
    }

    /// Whatever stands in a place of a configuration, what comes of it says it again, and hides what is secret.
    #[test]
    fn nothing_is_lost_whatever_stands_where(
        place in prop_oneof![
            Just("/receivers/prometheus"), Just("/receivers/prometheus/config/scrape_configs/0"), Just("/receivers/prometheus/config/scrape_configs/0/static_configs"), Just("/receivers/hostmetrics/scrapers"),
            Just("/processors/attributes~1instance"), Just("/processors/batch"), Just("/processors/filter~1customer/metrics"),
            Just("/exporters/rabbitmq"), Just("/exporters/datadog~1customer/api"), Just("/exporters/kafka"),
            Just("/exporters/prometheusremotewrite~1mimir"), Just("/service/telemetry"), Just("/extensions/basicauth~1m"),
        ],
        value in any_json(),
    ) {
        let mut config = lived_in();
        *config.pointer_mut(place).unwrap() = value;
        let server = Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() };
        let mut vaults = Vaults::default();
        let read = read(&config, &server, &mut vaults).unwrap();
        let profile = Profile::default();
        if let Ok(first) = read.fit(&profile, &[], &read.integrations, &|_| true) {
            // What comes out can be read again, and is then the same: nothing more is found, nothing is lost on the way.
            let layers = [Layer { origin: "server".into(), settings: first.settings.clone(), config: first.config.clone() }];
            let input = Input { server: &read.server, profile: &profile, layers: &layers, integrations: &read.integrations, exporters: &|_| true };
            let body = render(&input).unwrap().body;
            let leaves = |value: &Value| {
                let mut texts = Vec::new();
                collect(value, &mut texts);
                texts
            };
            let pipelines = |value: &Value| value.pointer("/service/pipelines").cloned().unwrap_or_default();
            let document: Value = serde_json::from_str(&body).unwrap();
            // Every receiver and every exporter of the pipelines is still in one.
            let exporters = leaves(&pipelines(&config)).len();
            prop_assert!(exporters > 0 && !leaves(&pipelines(&document)).is_empty());
            prop_assert!(!body.contains("kafka-password") || place == "/exporters/kafka");
            let secrets: Vec<(SecretRef, String)> = vaults.fleet.taken().into_iter().chain(vaults.own.taken()).collect();
            let find = |secret: &SecretRef| secrets.iter().find(|(known, _)| known == secret).map(|(_, value)| value.clone());
            prop_assert!(reveal(&body, &find).is_ok());
        }
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

#[test]
fn the_kind_of_broker_is_seen() {
    let mut config = seed("a");
    config["receivers"]["prometheus/broker"]["config"]["scrape_configs"][0]["job_name"] = json!("lavinmq");
    let server = Server { id: "srv-1".into(), ..Server::default() };
    let (read, adopted, _) = adopted(&config, &server, &mut Vaults::default());
    assert_eq!(read.server.broker.kind, Backend::LavinMq);
    assert_eq!(adopted.config, Value::Null);
}
