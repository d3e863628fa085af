//! What must not be lost, or be otherwise untold.

use super::*;

fn server() -> Server {
    Server { id: "srv-1".into(), tenant: "t".into(), ..Server::default() }
}

/// The jobs of a receiver.
fn jobs<'a>(document: &'a Value, receiver: &str) -> &'a Value {
    &document["receivers"][receiver]["config"]["scrape_configs"]
}

/// Whether something that begins with this is told of a place.
fn noted(notes: &[Note], pointer: &str, message: &str) -> bool {
    notes.iter().any(|note| note.pointer == pointer && note.message.contains(message))
}

#[test]
fn jobs_of_others_are_scraped_as_often_as_before() {
    for interval in ["10s", "${env:INTERVAL}"] {
        let mut config = seed("a");
        let scrape = &mut config["receivers"]["prometheus/broker"]["config"];
        scrape["global"] = json!({"scrape_interval": interval});
        scrape["scrape_configs"][0].as_object_mut().unwrap().remove("scrape_interval");
        let other = json!({"job_name": "other", "static_configs": [{"targets": ["localhost:1"]}]});
        scrape["scrape_configs"].as_array_mut().unwrap().push(other);
        let (.., again) = adopted(&config, &server(), &mut Vaults::default());
        assert_eq!(jobs(&again, "prometheus/broker")[0]["scrape_interval"], interval);
        let others = &again["receivers"]["prometheus/broker-others"]["config"];
        assert_eq!(others["global"], json!({"scrape_interval": interval}));
        assert_eq!(others["scrape_configs"][0]["job_name"], "other");
    }
}

#[test]
fn intervals_that_variables_say_stay_with_them() {
    let mut config = lived_in();
    config["receivers"]["hostmetrics"]["collection_interval"] = json!("${env:HOST}");
    for (at, name) in [(0, "${env:BROKER}"), (1, "${env:DETAILED}")] {
        config["receivers"]["prometheus"]["config"]["scrape_configs"][at]["scrape_interval"] = json!(name);
    }
    let (_, adopted, again) = adopted(&config, &server(), &mut Vaults::default());
    assert_eq!(again["receivers"]["hostmetrics/host"]["collection_interval"], "${env:HOST}");
    assert_eq!(jobs(&again, "prometheus/broker")[0]["scrape_interval"], "${env:BROKER}");
    assert_eq!(jobs(&again, "prometheus/detailed")[0]["scrape_interval"], "${env:DETAILED}");
    assert!(adopted.gaps.iter().any(|gap| gap.pointer == "/receivers/hostmetrics/collection_interval"));
}

#[test]
fn a_receiver_whose_jobs_are_named_elsewhere_is_carried_over_whole() {
    let listed = seed("a")["receivers"]["prometheus/broker"]["config"].clone();
    let mut with_files = listed.clone();
    with_files["scrape_config_files"] = json!(["/etc/jobs/*.yml"]);
    for body in [
        json!({"config": {"scrape_config_files": ["/etc/jobs/*.yml"]}}),
        json!({"config": with_files}),
        json!({"config": {"scrape_configs": "${file:/etc/jobs.yml}"}}),
        json!({"config": {}, "target_allocator": {"endpoint": "http://allocator"}}),
        json!({"config": listed, "target_allocator": {"endpoint": "http://allocator"}}),
    ] {
        let mut config = seed("a");
        config["receivers"]["prometheus/broker"] = body.clone();
        let (_, adopted, again) = adopted(&config, &server(), &mut Vaults::default());
        assert_eq!(again["receivers"], json!({"prometheus/broker-others": body}));
        assert_ne!(adopted.gaps, []);
    }
}

#[test]
fn labels_of_a_target_that_is_in_no_list_stay_where_they_are() {
    let mut config = seed("a");
    let place = json!({"0": {"targets": ["localhost:15692"], "labels": {"a": 1}}});
    config["receivers"]["prometheus/broker"]["config"]["scrape_configs"][0]["static_configs"] = place.clone();
    let (.., again) = adopted(&config, &server(), &mut Vaults::default());
    assert_eq!(jobs(&again, "prometheus/broker")[0]["static_configs"], place);
}

/// What a pipeline of a document does.
fn processors(document: &Value, pipeline: &str) -> Value {
    document["service"]["pipelines"][pipeline]["processors"].clone()
}

#[test]
fn what_is_done_with_logs_is_done_wherever_they_go() {
    let mut config = lived_in();
    config["processors"]["resource/who"] = json!({"attributes": [
        {"key": "service.name", "value": "hare", "action": "upsert"}, {"key": "host.name", "value": "n1", "action": "upsert"},
    ]});
    let chain = json!(["memory_limiter", "resource/who", "batch"]);
    for (pipeline, exporter) in [("logs", "otlphttp/loki"), ("logs/archive", "kafka")] {
        config["service"]["pipelines"][pipeline] =
            json!({"receivers": ["journald"], "processors": chain, "exporters": [exporter]});
    }
    let (.., again) = adopted(&config, &server(), &mut Vaults::default());
    for pipeline in ["logs/loki", "logs/kafka"] {
        assert_eq!(processors(&again, pipeline), json!(["memory_limiter", "resource/logs", "batch"]), "{pipeline}");
    }
}

#[test]
fn logs_that_the_generator_does_not_read_are_carried_over_with_all_that_is_done_with_them() {
    let mut config = lived_in();
    config["processors"]["resource/who"] = json!({"attributes": [{"key": "host.name", "value": "n1", "action": "upsert"}]});
    config["service"]["pipelines"]["logs"] = json!({
        "receivers": ["filelog/unused"], "processors": ["memory_limiter", "resource/who", "batch"], "exporters": ["otlphttp/loki"],
    });
    let (_, adopted, again) = adopted(&config, &server(), &mut Vaults::default());
    assert_eq!(processors(&again, "logs/loki"), json!(["memory_limiter", "resource/who", "batch"]));
    assert_eq!(again["processors"]["resource/who"], config["processors"]["resource/who"]);
    assert_eq!(again["exporters"]["otlphttp/loki"]["endpoint"], "https://loki/otlp");
    assert!(adopted.gaps.iter().any(|gap| gap.pointer == "/exporters/otlphttp~1loki"));
}

#[test]
fn what_is_done_with_everything_is_done_also_where_the_only_integration_is_off() {
    let mut config = lived_in();
    let pipelines = config["service"]["pipelines"].as_object_mut().unwrap();
    pipelines.retain(|id, _| id == "metrics/dd");
    pipelines["metrics/dd"]["exporters"] = json!(["datadog/customer", "kafka"]);
    let mut read = read(&config, &server(), &mut Vaults::default()).unwrap();
    read.integrations[0].id = 7;
    read.integrations[0].enabled = false;
    let adopted = read.fit(&Profile::default(), &[], &read.integrations, &|_| true).unwrap();
    let pipelines = adopted.config["service"]["pipelines"].as_object().unwrap();
    for pipeline in pipelines.values() {
        let first = ["memory_limiter", "resource/instance", "attributes/identity"].map(Value::from);
        assert_eq!(pipeline["processors"].as_array().unwrap()[..3], first, "{pipeline}");
    }
    assert!(adopted.config["processors"]["attributes/identity"].is_object());
}

#[test]
fn what_was_done_for_one_integration_and_is_done_for_everybody_is_told() {
    let mut config = lived_in();
    config["processors"]["attributes/stage"] = json!({"actions": [
        {"key": "cluster", "value": "hare", "action": "upsert"}, {"key": "stage", "value": "x", "action": "upsert"},
    ]});
    config["processors"]["attributes/tag"] = json!({"actions": [{"key": "paid", "value": "yes", "action": "upsert"}]});
    for pipeline in ["metrics", "metrics/nr", "logs"] {
        config["service"]["pipelines"][pipeline]["processors"] = json!(["memory_limiter", "attributes/instance"]);
    }
    config["service"]["pipelines"]["logs"]["processors"] = json!(["memory_limiter"]);
    config["service"]["pipelines"]["metrics/dd"]["processors"] =
        json!(["attributes/tag", "memory_limiter", "attributes/instance", "attributes/stage", "batch"]);
    let (read, adopted, _) = adopted(&config, &server(), &mut Vaults::default());
    assert_eq!(read.integrations[0].tags, [("paid".to_owned(), "yes".to_owned())].into());
    assert_eq!(read.settings.tags["stage"], "x");
    for (processor, told) in [("attributes~1stage", true), ("batch", false), ("attributes~1tag", false)] {
        assert_eq!(noted(&adopted.notes, &format!("/processors/{processor}"), "for everything"), told, "{processor}");
    }
    for (pipeline, told) in [("metrics", true), ("metrics~1nr", true), ("logs", true), ("metrics~1dd", false)] {
        let pointer = format!("/service/pipelines/{pipeline}");
        assert_eq!(noted(&adopted.notes, &pointer, "goes through batch from now on"), told, "{pipeline}");
        assert!(!noted(&adopted.notes, &pointer, "goes through memory_limiter"), "{pipeline}");
    }
}

#[test]
fn what_log_records_carry_otherwise_is_told() {
    let resource = |list: &[(&str, &str)]| {
        let action = |(key, value): &(&str, &str)| json!({"key": key, "value": value, "action": "upsert"});
        json!({"attributes": list.iter().map(action).collect::<Vec<_>>()})
    };
    let notes = |list: &[(&str, &str)]| {
        let mut config = lived_in();
        config["processors"]["resource/who"] = resource(list);
        config["service"]["pipelines"]["logs"]["processors"] =
            if list.is_empty() { json!([]) } else { json!(["memory_limiter", "resource/who", "batch"]) };
        adopted(&config, &server(), &mut Vaults::default()).1.notes
    };
    let same = notes(&[("service.name", "hare"), ("host.name", "n1"), ("appname", "rabbitmq")]);
    assert!(!noted(&same, "/processors/resource~1who", "") && !noted(&same, "/service/pipelines/logs", ""), "{same:?}");
    let other = notes(&[("service.name", "hare"), ("host.name", "n1"), ("appname", "mq-prod")]);
    assert!(noted(&other, "/processors/resource~1who", "appname is \"rabbitmq\" from now on, and was \"mq-prod\""), "{other:?}");
    let fewer = notes(&[("host.name", "n1")]);
    assert!(noted(&fewer, "/service/pipelines/logs", "carry service.name, appname of the server"), "{fewer:?}");
    assert!(noted(&notes(&[]), "/service/pipelines/logs", "carry service.name, host.name, appname of the server"));
}

#[test]
fn secrets_are_hidden_whatever_they_look_like() {
    let mut config = lived_in();
    let exporters = &mut config["exporters"];
    exporters["kafka"] = json!({
        "auth": {"password": 4711001}, "api_keys": ["list-1", "list-2"], "metadata_keys": ["X-Tenant"],
        "brokers": ["amqp://u:address-1@k", "amqp://u:address-2@l,amqp://v:address-3@m/x", "http://u:${env:PASSWORD}@n"],
    });
    exporters["rabbitmq"]["connection"]["endpoint"] = json!("amqp://u:address-4@bus/v");
    exporters["rabbitmq"]["connection"]["auth"]["plain"]["password"] = json!(4711002);
    exporters["datadog/customer"]["api"]["key"] = json!(4711003);
    exporters["prometheusremotewrite/mimir"]["endpoint"] = json!("https://u:address-5@m/push");
    exporters["prometheusremotewrite/mimir"]["headers"]["Origin"] = json!("http://u:address-6@m");
    config["extensions"]["basicauth/m"]["client_auth"]["password"] = json!(4711004);
    config["receivers"]["prometheus"]["config"]["scrape_configs"][2]["authorization"] = json!({"credentials": "a-credential"});
    let mut vaults = Vaults::default();
    let (read, adopted, again) = adopted(&config, &server(), &mut vaults);
    let kept: Vec<(SecretRef, String)> = vaults.fleet.taken().into_iter().chain(vaults.own.taken()).collect();
    let find = |secret: &SecretRef| kept.iter().find(|(known, _)| known == secret).map(|(_, value)| value.clone());
    let revealed = reveal(&again.to_string(), &find).unwrap();
    let integrations = json!(read.integrations).to_string();
    for secret in ["4711", "list-", "address-", "a-credential"] {
        for text in [again.to_string(), adopted.settings.to_string(), adopted.config.to_string(), integrations.clone()] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    for whole in [
        "\"4711001\"",
        "\"4711002\"",
        "\"4711003\"",
        "\"4711004\"",
        "[\"list-1\",\"list-2\"]",
        "[\"X-Tenant\"]",
        "\"amqp://u:address-1@k\"",
        "\"amqp://u:address-2@l,amqp://v:address-3@m/x\"",
        "\"http://u:${env:PASSWORD}@n\"",
        "\"amqp://u:address-4@bus/v\"",
        "\"https://u:address-5@m/push\"",
        "\"http://u:address-6@m\"",
        "\"a-credential\"",
    ] {
        assert!(revealed.contains(whole), "{whole}: {revealed}");
    }
    assert_eq!(adopted.settings["destinations"]["mimir"]["endpoint"], "https://m/push");
    assert_eq!(adopted.settings["destinations"]["amqp"]["endpoint"], "amqp://bus/v");
    assert!(again.to_string().contains("X-Tenant"));
}
