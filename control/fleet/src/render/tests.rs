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

fn integration(id: i64, destination: Destination) -> Integration {
    Integration {
        id,
        enabled: true,
        destination,
        tags: BTreeMap::new(),
        metrics_filter: Vec::new(),
        queue_allow: String::new(),
        vhost_allow: String::new(),
    }
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

/// Providers, plans and integrations: each document as it was when somebody last looked at it.
#[test]
fn documents_of_a_matrix_stay_as_they_are() {
    let base = json!({
        "host": {"enabled": true}, "logs": {"enabled": true}, "telemetry_port": 8890,
        "destinations": {
            "mimir": {"endpoint": "https://mimir.example.net/api/v1/push", "username": "u", "password": "mimir@3"},
            "amqp": {"endpoint": "amqps://bus.example.net", "username": "warren", "password": "bus@1", "exchange": "metrics"},
            "loki": {"endpoint": "https://loki.example.net/otlp", "headers": {"X-Scope-OrgID": "fleet"}},
        },
    });
    let overlay =
        |name: &str, when: Selector, settings: Value| Overlay { name: name.into(), when, settings, config: Value::Null };
    let profile = Profile {
        overlays: vec![
            overlay("base", Selector::default(), base),
            overlay(
                "google",
                Selector { provider: vec!["google-compute-engine".into()], ..Selector::default() },
                json!({"tags": {"cloud": "gcp"}}),
            ),
            overlay(
                "small plans",
                Selector { plan: vec!["squirrel".into()], ..Selector::default() },
                json!({"host": {"enabled": false}, "destinations": {"amqp": null}}),
            ),
            overlay(
                "large plans",
                Selector { plan: vec!["rhino".into()], ..Selector::default() },
                json!({"scrape": {"detailed": {"enabled": true, "vhosts": ["/"], "max_series": 1000}}, "direct_access": {"enabled": true}}),
            ),
        ],
    };
    let secret = |text: &str| text.parse().unwrap();
    let new_relic = integration(1, Destination::NewRelic { region: "eu".into(), api_key: secret("int-1/api_key@1") });
    let grafana = Integration {
        tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        metrics_filter: vec!["rabbitmq_queue_messages".into(), "system_cpu_utilization_ratio".into()],
        queue_allow: "orders.*".into(),
        ..integration(
            2,
            Destination::GrafanaCloud {
                endpoint: "https://g.example.net/api/prom/push".into(),
                instance_id: "77".into(),
                api_token: secret("int-2/api_token@4"),
            },
        )
    };
    let otlp = integration(
        3,
        Destination::Otlp {
            endpoint: "https://otlp.example.net".into(),
            auth: OtlpAuth::Headers { headers: BTreeMap::from([("x-key".to_owned(), secret("int-3/x-key@1"))]) },
            logs: true,
        },
    );
    for provider in ["amazon-web-services", "google-compute-engine"] {
        for plan in ["squirrel-1", "rhino-3"] {
            for kind in [Backend::RabbitMq, Backend::LavinMq] {
                for (name, integrations) in [("none", vec![]), ("three", vec![new_relic.clone(), grafana.clone(), otlp.clone()])]
                {
                    let broker = Broker { kind, version: "3.13.7".into() };
                    let server =
                        Server { provider: provider.into(), plan: plan.into(), cluster: "hare".into(), broker, ..server() };
                    let body = rendered(&server, &profile, &integrations).unwrap().body;
                    let pretty: Value = serde_json::from_str(&body).unwrap();
                    insta::assert_json_snapshot!(format!("{provider} {plan} {} {name}", kind.name()), pretty);
                }
            }
        }
    }
}

#[test]
fn an_exporter_that_the_collector_does_not_have_is_told() {
    let datadog = Destination::Datadog { region: "us1".into(), api_key: "int-9/api_key@1".parse().unwrap() };
    let faults = rendered(&server(), &profile(to_mimir()), &[integration(9, datadog)]).unwrap_err();
    assert_eq!(faults, [Fault::new("/integrations/9", "this build of the collector has no exporter \"datadog\"")]);
}

#[test]
fn what_is_wrong_with_parameters_is_told_together() {
    let bad = [
        integration(1, Destination::RemoteWrite { endpoint: "mimir".into(), username: String::new(), password: None }),
        integration(2, Destination::NewRelic { region: "mars".into(), api_key: "k@1".parse().unwrap() }),
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
        let mut integration = integration(304, Destination::RemoteWrite { endpoint, username: user, password: None });
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
