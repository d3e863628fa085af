use super::*;
use crate::model::{Broker, Destination, OtlpAuth};
use crate::{Overlay, Selector};
use proptest::prelude::*;

/// Exporters that the collector has in these tests.
fn known(kind: &str) -> bool {
    ["prometheusremotewrite", "otlphttp", "rabbitmq", "prometheus"].contains(&kind)
}

fn server() -> Server {
    Server { id: "srv-1".into(), tenant: "t".into(), name: "server-name-01".into(), ..Server::default() }
}

fn profile(settings: Value) -> Profile {
    Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] }
}

fn to_mimir() -> Value {
    json!({"destinations": {"mimir": {
        "endpoint": "https://prometheus-prod-example.grafana.net/api/prom/push", "username": "1234", "password": "mimir/password@1",
    }}})
}

fn rendered(server: &Server, profile: &Profile, integrations: &[Integration]) -> Result<Rendered, Vec<Fault>> {
    render(&Input { server, profile, layers: &[], integrations, exporters: &known })
}

/// The configuration from which this project grew, with an identity that reaches the store and the extension that it refers to.
#[test]
fn the_first_configuration_comes_out() {
    let body = rendered(&server(), &profile(to_mimir()), &[]).unwrap().body;
    let expected = json!({
        "receivers": {"prometheus/broker": {"config": {"scrape_configs": [{
            "job_name": "rabbitmq", "scrape_interval": "60s", "static_configs": [{"targets": ["localhost:15692"]}],
        }]}}},
        "processors": {"resource/instance": {"attributes": [
            {"key": "service.instance.id", "value": "server-name-01", "action": "upsert"},
        ]}},
        "exporters": {"prometheusremotewrite/mimir": {
            "endpoint": "https://prometheus-prod-example.grafana.net/api/prom/push", "auth": {"authenticator": "basicauth/mimir"},
        }},
        "extensions": {"basicauth/mimir": {"client_auth": {"username": "1234", "password": "${secret:mimir/password@1}"}}},
        "service": {
            "extensions": ["basicauth/mimir"],
            "pipelines": {"metrics/broker": {
                "receivers": ["prometheus/broker"], "processors": ["resource/instance"], "exporters": ["prometheusremotewrite/mimir"],
            }},
        },
    });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    assert_eq!(body, canonical(&expected));
}

/// What collectors tell of themselves goes where nothing else goes, and changes nothing of what was there.
#[test]
fn a_collectors_own_figures_and_log_have_pipelines_of_their_own() {
    let own = json!({"destinations": {"own": {
        "metrics": {"endpoint": "https://own.example.net/api/v1/push", "username": "ops", "password": "fleet/own@2"},
        "logs": {"endpoint": "https://logs.example.net/otlp"},
        "interval": "30s",
    }}});
    let server = Server { cluster: "hare".into(), ..server() };
    let without = rendered(&server, &profile(to_mimir()), &[]).unwrap().body;
    let mut both = profile(to_mimir());
    both.overlays.push(Overlay { name: "own".into(), settings: own, ..Overlay::default() });
    let with = rendered(&server, &both, &[]).unwrap();
    let (mut with, without): (Value, Value) =
        (serde_json::from_str(&with.body).unwrap(), serde_json::from_str(&without).unwrap());
    assert_eq!(
        with["service"]["pipelines"]["metrics/own"],
        json!({
            "receivers": ["prometheus/own"], "processors": ["resource/instance", "attributes/identity"],
            "exporters": ["prometheusremotewrite/own"],
        })
    );
    assert_eq!(
        with["service"]["pipelines"]["logs/own"],
        json!({"receivers": ["journald/own"], "processors": ["resource/own"], "exporters": ["otlphttp/own"]})
    );
    assert_eq!(
        with["receivers"]["prometheus/own"]["config"]["scrape_configs"],
        json!([{"job_name": "warren-collector", "scrape_interval": "30s", "static_configs": [{"targets": ["127.0.0.1:8888"]}]}])
    );
    assert_eq!(with["receivers"]["journald/own"]["units"], json!(["warren-collector.service"]));
    assert_eq!(with["exporters"]["prometheusremotewrite/own"]["auth"]["authenticator"], "basicauth/own-metrics");
    for (part, ids) in [
        ("receivers", ["prometheus/own", "journald/own"]),
        ("processors", ["resource/own", ""]),
        ("exporters", ["prometheusremotewrite/own", "otlphttp/own"]),
        ("extensions", ["basicauth/own-metrics", ""]),
    ] {
        with[part].as_object_mut().unwrap().retain(|id, _| !ids.contains(&id.as_str()));
    }
    for id in ["metrics/own", "logs/own"] {
        with["service"]["pipelines"].as_object_mut().unwrap().remove(id);
    }
    with["service"]["extensions"].as_array_mut().unwrap().retain(|id| id != "basicauth/own-metrics");
    assert_eq!(with, without);
}

/// A server of the matrix, and what its document is made of.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) profile: Profile,
    pub(crate) integrations: Vec<Integration>,
}

/// Providers, plans and integrations.
pub(crate) fn matrix() -> Vec<Case> {
    let base = json!({
        "host": {"enabled": true}, "logs": {"enabled": true}, "telemetry_port": 8890,
        "destinations": {
            "mimir": {"endpoint": "https://mimir.example.net/api/v1/push", "username": "u", "password": "mimir@3"},
            "amqp": {"endpoint": "amqps://bus.example.net", "username": "warren", "password": "bus@1", "exchange": "metrics"},
            "loki": {"endpoint": "https://loki.example.net/otlp", "headers": {"X-Scope-OrgID": "fleet"}},
        },
    });
    let overlay =
        |name: &str, when: Selector, settings: Value| Overlay { name: name.into(), when, settings, ..Overlay::default() };
    let plan = |name: &str| Selector { plan: vec![name.into()], ..Selector::default() };
    let profile = Profile {
        overlays: vec![
            overlay("base", Selector::default(), base),
            overlay(
                "google",
                Selector { provider: vec!["google-compute-engine".into()], ..Selector::default() },
                json!({"tags": {"cloud": "gcp"}}),
            ),
            overlay("small plans", plan("squirrel"), json!({"host": {"enabled": false}, "destinations": {"amqp": null}})),
            overlay(
                "large plans",
                plan("rhino"),
                json!({"scrape": {"detailed": {"enabled": true, "vhosts": ["/"], "max_series": 1000}}, "direct_access": {"enabled": true}}),
            ),
            overlay(
                "bounded plans",
                plan("hippo"),
                json!({
                    "scrape": {"interval": "15s", "detailed": {"enabled": true, "interval": "5m", "families": ["queue_metrics"]}},
                    "memory": {"limit_mib": 256, "spike_limit_mib": 64}, "batch": {"timeout": "5s"}, "extensions": {"pprof": {}},
                    "logs": {"units": ["broker", "sshd"]},
                    "destinations": {"loki": null, "mimir": {"headers": {"X-Scope-OrgID": "a$b"}, "exporter": {"timeout": "20s"}}},
                }),
            ),
        ],
    };
    let secret = |text: &str| text.parse().unwrap();
    let new_relic = Integration::new(1, Destination::NewRelic { region: "eu".into(), api_key: secret("int-1/api_key@1") });
    let grafana = Integration {
        tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        metrics_filter: vec!["rabbitmq_queue_messages".into(), "system_cpu_utilization_ratio".into()],
        queue_allow: "orders.*".into(),
        ..Integration::new(
            2,
            Destination::GrafanaCloud {
                endpoint: "https://g.example.net/api/prom/push".into(),
                instance_id: "77".into(),
                api_token: secret("int-2/api_token@4"),
            },
        )
    };
    let otlp = Integration::new(
        3,
        Destination::Otlp {
            endpoint: "https://otlp.example.net".into(),
            auth: OtlpAuth::Headers { headers: BTreeMap::from([("x-key".to_owned(), secret("int-3/x-key@1"))]) },
            logs: true,
        },
    );
    let vendors = vec![
        Integration::new(10, Destination::Datadog { region: "eu1".into(), api_key: secret("int-10/api_key@1") }),
        Integration::new(
            11,
            Destination::Cloudwatch {
                region: "eu-north-1".into(),
                iam_role: "arn:aws:iam::1:role/r".into(),
                iam_external_id: "x".into(),
            },
        ),
        Integration::new(12, Destination::Stackdriver { credentials: secret("int-12/credentials@1") }),
        Integration {
            exporter: json!({"sending_queue": {"queue_size": 10}}),
            ..Integration::new(
                13,
                Destination::Splunk { endpoint: "https://s.example.net:8088/services/collector".into(), token: secret("t@1") },
            )
        },
        Integration::new(14, Destination::AzureMonitor { connection_string: secret("int-14/connection_string@1") }),
        Integration::new(
            15,
            Destination::Coralogix { domain: "eu2.coralogix.com".into(), application: "a".into(), private_key: secret("k@2") },
        ),
        Integration::new(
            16,
            Destination::Dynatrace { environment_id: "abc123".into(), access_token: secret("int-16/access_token@1") },
        ),
        Integration::new(
            17,
            Destination::Loki {
                endpoint: "https://l.example.net/otlp".into(),
                username: "u".into(),
                password: Some(secret("l@1")),
            },
        ),
        Integration::new(
            18,
            Destination::RemoteWrite { endpoint: "https://w.example.net/write".into(), username: String::new(), password: None },
        ),
        Integration::new(
            19,
            Destination::Otlp {
                endpoint: "https://o.example.net".into(),
                auth: OtlpAuth::Basic { username: "u".into(), password: secret("o@1") },
                logs: false,
            },
        ),
    ];
    let mut cases = Vec::new();
    for provider in ["amazon-web-services", "google-compute-engine"] {
        for plan in ["squirrel-1", "rhino-3", "hippo-5"] {
            for kind in [Backend::RabbitMq, Backend::LavinMq] {
                let sets = [
                    ("none", vec![]),
                    ("three", vec![new_relic.clone(), grafana.clone(), otlp.clone()]),
                    ("vendors", vendors.clone()),
                ];
                for (name, integrations) in sets {
                    let broker = Broker { kind, version: "3.13.7".into() };
                    let server =
                        Server { provider: provider.into(), plan: plan.into(), cluster: "hare".into(), broker, ..server() };
                    let name = format!("{provider} {plan} {} {name}", kind.name());
                    cases.push(Case { name, server, profile: profile.clone(), integrations });
                }
            }
        }
    }
    cases
}

/// Each document as it was when somebody last looked at it.
#[test]
fn documents_of_a_matrix_stay_as_they_are() {
    for Case { name, server, profile, integrations } in matrix() {
        let input = Input { server: &server, profile: &profile, layers: &[], integrations: &integrations, exporters: &|_| true };
        let pretty: Value = serde_json::from_str(&render(&input).unwrap().body).unwrap();
        insta::assert_json_snapshot!(name, pretty);
    }
}

#[test]
fn an_exporter_that_the_collector_does_not_have_is_told() {
    let datadog = Destination::Datadog { region: "us1".into(), api_key: "int-9/api_key@1".parse().unwrap() };
    let faults = rendered(&server(), &profile(to_mimir()), &[Integration::new(9, datadog)]).unwrap_err();
    assert_eq!(faults, [Fault::new("/integrations/9", "this build of the collector has no exporter \"datadog\"")]);
}

#[test]
fn what_is_wrong_with_parameters_is_told_together() {
    let bad = [
        Integration::new(1, Destination::RemoteWrite { endpoint: "mimir".into(), username: String::new(), password: None }),
        Integration::new(2, Destination::NewRelic { region: "mars".into(), api_key: "k@1".parse().unwrap() }),
    ];
    let faults = rendered(&server(), &profile(to_mimir()), &bad).unwrap_err();
    let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/integrations/1/destination/endpoint", "/integrations/2/destination/region"]);
}

#[test]
fn every_leaf_says_where_it_came_from() {
    let layers = [Layer {
        origin: "server".into(),
        settings: json!({"scrape": {"interval": "5s"}}),
        config: json!({"service": {"telemetry": {"logs": {"level": "debug"}}}}),
    }];
    let input = Input { server: &server(), profile: &profile(to_mimir()), layers: &layers, integrations: &[], exporters: &known };
    let provenance = render(&input).unwrap().provenance;
    assert_eq!(provenance["/service/telemetry/logs/level"], "server");
    assert_eq!(provenance["/exporters/prometheusremotewrite~1mimir/endpoint"], "profile:base");
}

proptest! {
    #[test]
    fn an_integration_touches_nothing_but_its_own(endpoint in "https://[a-z]{1,9}/[a-z]{0,9}", user in "\\PC{0,9}", tag in "\\PC{1,9}") {
        let mut integration = Integration::new(304, Destination::RemoteWrite { endpoint, username: user, password: None });
        integration.tags.insert(tag.clone(), tag);
        let profile = profile(to_mimir());
        let without: Value = serde_json::from_str(&rendered(&server(), &profile, &[]).unwrap().body).unwrap();
        let mut with: Value = serde_json::from_str(&rendered(&server(), &profile, &[integration]).unwrap().body).unwrap();
        for section in ["processors", "exporters", "extensions"] {
            with[section].as_object_mut().unwrap().retain(|id, _| !id.ends_with("int-304"));
        }
        with["service"]["pipelines"].as_object_mut().unwrap().remove("metrics/int-304");
        with["service"]["extensions"].as_array_mut().unwrap().retain(|id| id != "basicauth/int-304");
        prop_assert_eq!(with, without);
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(name in "[a-z0-9$-]{1,20}", cluster in "\\PC{0,20}") {
        let server = Server { name, cluster, ..server() };
        let (one, two) = (rendered(&server, &profile(to_mimir()), &[]).unwrap(), rendered(&server, &profile(to_mimir()), &[]).unwrap());
        prop_assert_eq!(&one.body, &two.body);
        prop_assert_eq!(one.hash, two.hash);
        prop_assert!(crate::reveal(&one.body, &|_| Some("s".into())).is_ok());
    }
}
