use super::*;
use warren_store::Token;

fn admin() -> Caller {
    let token = Token { id: "tok-0".into(), name: "test".into(), role: Role::Admin, tenant: String::new() };
    Caller { token, address: String::new() }
}

fn running(id: &str, cluster: &str, exporters: Value) -> Value {
    let mut all =
        json!({"prometheusremotewrite/mimir": {"endpoint": "https://m/push", "auth": {"authenticator": "basicauth/mimir"}}});
    laid_over(&mut all, &exporters);
    let pipeline = |exporter: &String| {
        (
            format!("metrics/{}", exporter.replace('/', "-")),
            json!({"receivers": ["prometheus/broker"], "processors": ["attributes/who"], "exporters": [exporter]}),
        )
    };
    let pipelines: serde_json::Map<String, Value> = all.as_object().unwrap().keys().map(pipeline).collect();
    json!({
        "server": {"id": id, "tenant": "t", "cluster": cluster},
        "config": {
            "receivers": {"prometheus/broker": {"config": {"scrape_configs": [
                {"job_name": "rabbitmq", "scrape_interval": "60s", "static_configs": [{"targets": ["localhost:15692"]}]},
            ]}}},
            "processors": {"attributes/who": {"actions": [{"key": "instance", "value": format!("name-{id}"), "action": "insert"}]}},
            "exporters": all,
            "extensions": {"basicauth/mimir": {"client_auth": {"username": "u", "password": "hunter2"}}, "pprof": {}},
            "service": {"extensions": ["basicauth/mimir", "pprof"], "pipelines": pipelines},
        },
    })
}

async fn adopt(app: &App, servers: Value, dry_run: bool, more: Value) -> Value {
    let mut body = json!({"servers": servers});
    laid_over(&mut body, &more);
    let wanted = serde_json::from_value(body).unwrap();
    let answer = create(State(app.clone()), admin(), Query(Trial { dry_run }), Json(wanted)).await.unwrap();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_is_adopted_with_a_profile_of_what_it_has_in_common() {
    let (app, _directory) = App::scratch().await;
    let servers = json!([running("a", "c", json!({})), running("b", "c", json!({}))]);
    let tried = adopt(&app, servers.clone(), true, json!({})).await;
    assert_eq!(tried["summary"]["full"], 2, "{tried}");
    assert!(app.store.server("a").await.is_err() && app.store.secret_infos(OPERATOR).await.unwrap().is_empty());
    let done = adopt(&app, servers.clone(), false, json!({})).await;
    assert_eq!(done["items"], tried["items"]);
    let profile = app.store.released_profile().await.unwrap();
    assert_eq!(profile.body.overlays[0].settings["destinations"]["mimir"]["password"], "fleet/mimir@1");
    let left = app.store.settings(&Scope::Server("a".into())).await.unwrap();
    assert_eq!(left.version, 0, "nothing is left to say of the server itself: {}", left.body);
    let server = app.store.server("a").await.unwrap().body;
    assert_eq!(server.name, "name-a");
    let desired = app.store.desired("a").await.unwrap().unwrap();
    assert!(!desired.body.contains("hunter2"));
    assert!(crate::desired::revealed(&app, &server, &desired.body).await.unwrap().contains("hunter2"));
    // Adopted once, it is left alone.
    let again = adopt(&app, servers, false, json!({})).await;
    assert_eq!(again["summary"]["exists"], 2);
    assert!(!app.store.audit(None, i64::MAX, 99).await.unwrap().iter().any(|entry| json!(entry).to_string().contains("hunter2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_within_an_address_becomes_a_secret_and_hinders_nothing() {
    let (app, _directory) = App::scratch().await;
    let mut server = running("a", "c", json!({}));
    server["config"]["exporters"]["prometheusremotewrite/mimir"] = json!({"endpoint": "https://u:hunter3@m/push"});
    let report = adopt(&app, json!([server]), false, json!({})).await;
    assert_eq!(report["summary"]["refused"], 0, "{report}");
    assert!(!report.to_string().contains("hunter3"));
    let (server, desired) = (app.store.server("a").await.unwrap().body, app.store.desired("a").await.unwrap().unwrap());
    assert!(!desired.body.contains("hunter3"));
    let revealed = crate::desired::revealed(&app, &server, &desired.body).await.unwrap();
    assert!(revealed.contains("\"https://u:hunter3@m/push\""), "{revealed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_that_an_adoption_makes_holds_for_servers_that_were_there() {
    let (app, _directory) = App::scratch().await;
    let mut change = app.store.begin().await.unwrap();
    change.add_server(&Server { id: "z".into(), tenant: "t".into(), name: "z".into(), ..Server::default() }).await.unwrap();
    change.commit(&warren_store::Actor::default(), &[]).await.unwrap();
    adopt(&app, json!([running("a", "c", json!({}))]), true, json!({})).await;
    assert!(app.store.desired("z").await.unwrap().is_none());
    adopt(&app, json!([running("a", "c", json!({}))]), false, json!({})).await;
    assert!(app.store.desired("z").await.unwrap().unwrap().body.contains("https://m/push"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_another_collector_nothing_is_sent_or_listened_to_twice() {
    let (app, _directory) = App::scratch().await;
    let bus = json!({"rabbitmq/bus": {"connection": {"endpoint": "amqp://b", "auth": {"plain": {"username": "u", "password": "bus-word"}}}}});
    let done = adopt(&app, json!([running("a", "c", bus)]), false, json!({"beside": true})).await;
    assert_eq!(done["summary"]["full"], 1, "{done}");
    let body = |desired: warren_store::Desired| serde_json::from_str::<Value>(&desired.body).unwrap();
    let beside = body(app.store.desired("a").await.unwrap().unwrap());
    assert!(beside["exporters"].get("rabbitmq/bus").is_none() && beside["extensions"].get("pprof").is_none());
    assert_eq!(beside["processors"]["attributes/identity"]["actions"][1]["value"], "warren", "{beside}");
    // The cut-over is one label.
    let mut server = app.store.server("a").await.unwrap().body;
    server.labels.clear();
    let headers = axum::http::HeaderMap::from_iter([(axum::http::header::IF_MATCH, "\"1\"".parse().unwrap())]);
    let trial = Query(Trial::default());
    super::super::servers::update(
        State(app.clone()),
        admin(),
        axum::extract::Path("a".into()),
        trial,
        headers,
        Json(server.clone()),
    )
    .await
    .unwrap();
    let live = app.store.desired("a").await.unwrap().unwrap();
    assert!(crate::desired::revealed(&app, &server, &live.body).await.unwrap().contains("bus-word"));
    assert_eq!(body(live)["service"]["extensions"], json!(["basicauth/mimir", "pprof"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_adopted_whole_or_not_at_all() {
    let (app, _directory) = App::scratch().await;
    let datadog = json!({"datadog/x": {"api": {"key": "dd"}}});
    let servers = || json!([running("a", "c", datadog.clone()), running("b", "c", json!({})), running("z", "other", json!({}))]);
    let done = adopt(&app, servers(), true, json!({})).await;
    assert_eq!((&done["summary"]["refused"], &done["summary"]["full"]), (&json!(2), &json!(1)), "{done}");
    assert!(done["items"][0]["faults"][0]["message"].as_str().unwrap().contains("no exporter \"datadog\""), "{done}");
    let done = adopt(&app, servers(), false, json!({"partial": true})).await;
    assert_eq!(done["summary"]["refused"], 0, "{done}");
    let integrations = app.store.integrations("t", "c").await.unwrap();
    assert_eq!(integrations.len(), 1);
    assert!(!integrations[0].body.enabled);
    assert_eq!(done["items"][0]["secrets"], json!([]), "what is switched off is stored with its integration");
    assert_eq!(app.store.secret_infos("t").await.unwrap().len(), 1);
    // A server that comes later and sends elsewhere would have the others do so as well.
    let elsewhere = json!({"otlphttp/x": {"endpoint": "https://o.example.net", "headers": {"k": "v"}}});
    let later = adopt(&app, json!([running("d", "c", elsewhere)]), false, json!({})).await;
    assert_eq!(later["summary"]["refused"], 1, "{later}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_a_cluster_share_integrations_and_keep_their_differences() {
    let (app, _directory) = App::scratch().await;
    let otlp = json!({"otlphttp/x": {"endpoint": "https://o.example.net", "headers": {"k": "v"}}});
    let done = adopt(
        &app,
        json!([running("a", "c", otlp.clone()), running("b", "c", otlp), running("d", "c", json!({}))]),
        false,
        json!({}),
    )
    .await;
    assert_eq!(done["summary"]["full"], 2, "{done}");
    assert_eq!(done["items"][2]["outcome"], "patch");
    assert_eq!(app.store.integrations("t", "c").await.unwrap().len(), 1);
    let without = app.store.desired("d").await.unwrap().unwrap();
    assert!(!without.body.contains("o.example.net"), "{}", without.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_release_for_all_may_adopt() {
    let (app, _directory) = App::scratch().await;
    for (role, tenant) in [(Role::Editor, ""), (Role::Admin, "t")] {
        let token = Token { id: "tok".into(), name: "x".into(), role, tenant: tenant.into() };
        let caller = Caller { token, address: String::new() };
        let wanted = serde_json::from_value(json!({"servers": []})).unwrap();
        let refused = create(State(app.clone()), caller, Query(Trial::default()), Json(wanted)).await.unwrap_err();
        assert_eq!(refused.status, 403);
    }
}
