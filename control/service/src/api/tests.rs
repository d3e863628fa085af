//! What is promised of all that can be changed.

use super::body::{Json, Page, Trial};
use super::{config, document, integrations, profiles, servers, settings, tokens};
use crate::app::{App, Bounds};
use crate::auth::Caller;
use crate::problem::Cause;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use warren_fleet::{Overlay, Profile, Server};
use warren_store::{Actor, Role, Token, new_token};
use warren_telemetry::Logger;

struct Scene {
    app: App,
    _directory: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (app, _directory) = App::scratch().await;
        Self { app, _directory }
    }

    async fn with_server(self, id: &str) -> Self {
        let server = Server { id: id.into(), tenant: "t".into(), cluster: "c".into(), name: id.into(), ..Server::default() };
        let mut change = self.app.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        self
    }

    /// Makes a version of the profile that sends to this URL.
    async fn profile(&self, endpoint: &str) {
        let settings = json!({"destinations": {"mimir": {"endpoint": endpoint}}});
        let profile = Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] };
        profiles::create(self.state(), admin(), Query(Trial::default()), Json(profile)).await.unwrap();
    }

    fn state(&self) -> State<App> {
        State(self.app.clone())
    }
}

fn admin() -> Caller {
    let token = Token { id: "tok-0".into(), name: "test".into(), role: Role::Admin, tenant: String::new() };
    Caller { token, address: String::new() }
}

#[test]
fn whatever_changes_something_can_be_tried_first() {
    let document = serde_json::to_value(document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(method, _)| method.as_str() != "get") {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            assert!(parameters.iter().any(|parameter| parameter["name"] == "dry_run"), "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_tried_changes_nothing() {
    let scene = Scene::new().await.with_server("a").await;
    let trial = || Query(Trial { dry_run: true });
    let tried = servers::remove(scene.state(), admin(), Path("a".into()), trial()).await.unwrap();
    assert_eq!(tried.status(), 204);
    assert!(scene.app.store.server("a").await.is_ok());
    let body = serde_json::from_value(json!({"name": "ci", "role": "viewer"})).unwrap();
    tokens::create(scene.state(), admin(), trial(), Json(body)).await.unwrap();
    assert!(scene.app.store.tokens(None).await.unwrap().is_empty());
    assert!(scene.app.store.audit(None, i64::MAX, 9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_is_not_replaced_by_the_same_that_has_failed() {
    let scene = Scene::new().await.with_server("a").await;
    scene.profile("https://mimir.example.net").await;
    let failed = scene.app.store.desired("a").await.unwrap().unwrap();
    let mut change = scene.app.store.begin().await.unwrap();
    change.add_failure("a", &failed.hash, "why").await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    config::retry(scene.state(), admin(), Path("a".into()), Query(Trial::default())).await.unwrap();
    let again = scene.app.store.desired("a").await.unwrap().unwrap();
    assert!(again.hash != failed.hash && again.body == failed.body);
    scene.profile("https://mimir.example.net").await;
    assert_eq!(scene.app.store.desired("a").await.unwrap().unwrap().hash, again.hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_all_servers_however_many_there_are() {
    let mut scene = Scene::new().await;
    let ids = ["a", "b", "c", "d", "e"];
    for id in ids {
        scene = scene.with_server(id).await;
    }
    scene.profile("https://mimir.example.net").await;
    let cluster = || Path(("t".to_owned(), "c".to_owned()));
    let destination = json!({"kind": "remote_write", "endpoint": "https://customer.example.net"});
    let integration = Json(json!({"destination": destination}));
    integrations::create(scene.state(), admin(), cluster(), Query(Trial::default()), integration).await.unwrap();
    let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static("\"0\""))]);
    let tags: settings::Body = serde_json::from_value(json!({"settings": {"tags": {"colour": "green"}}})).unwrap();
    settings::update_cluster(scene.state(), admin(), cluster(), Query(Trial::default()), headers, Json(tags)).await.unwrap();
    for id in ids {
        let desired = scene.app.store.desired(id).await.unwrap().unwrap();
        assert!(desired.number == 3 && desired.body.contains("green") && desired.body.contains("customer"), "{id}: {desired:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_has_pages_and_what_it_does_not_hold_is_not_compared() {
    let scene = Scene::new().await.with_server("a").await;
    for number in 1..=3 {
        scene.profile(&format!("https://mimir-{number}.example.net")).await;
    }
    let page = async |after: String| {
        let page = Query(Page { after, limit: Some(2) });
        body(config::history(scene.state(), admin(), Path("a".into()), page).await.unwrap()).await
    };
    let first = page(String::new()).await;
    let second = page(first["next"].as_str().unwrap().to_owned()).await;
    assert_eq!((first["items"][0]["number"].as_i64(), second["items"][0]["number"].as_i64()), (Some(3), Some(1)));
    assert!(second.get("next").is_none());
    let diff = async |from: Option<i64>, to: Option<i64>| {
        config::diff(scene.state(), admin(), Path("a".into()), Query(config::Two { from, to })).await
    };
    let newest = body(diff(None, None).await.unwrap()).await;
    assert_eq!((&newest["from"], &newest["changes"][0]["after"]), (&json!(2), &json!("https://mimir-3.example.net")));
    assert_eq!(body(diff(None, Some(1)).await.unwrap()).await["from"], 0);
    for (from, to) in [(None, Some(i64::MIN)), (Some(7), None)] {
        assert_eq!(diff(from, to).await.unwrap_err().status, 404);
    }
}

fn of_tenant() -> Caller {
    let token = Token { id: "tok-1".into(), name: "customer".into(), role: Role::Editor, tenant: "t".into() };
    Caller { token, address: String::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_neither_sets_nor_takes_away_what_is_the_operators() {
    let scene = Scene::new().await.with_server("a").await;
    scene.profile("https://mimir.example.net").await;
    let set = async |caller: Caller, version: i64, body: Value| {
        let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::try_from(format!("\"{version}\"")).unwrap())]);
        let body: settings::Body = serde_json::from_value(body).unwrap();
        settings::update(scene.state(), caller, Path("t".into()), Query(Trial::default()), headers, Json(body)).await
    };
    let frozen = json!({"settings": {"rollouts": {"freeze": "a sale"}, "extensions": {"pprof": {}}}});
    set(admin(), 0, frozen.clone()).await.unwrap();
    for (body, place) in [
        (json!({"settings": {"rollouts": null, "extensions": {"pprof": {}}}}), "/settings/rollouts"),
        (json!({"settings": {"extensions": {"pprof": {}}}}), "/settings/rollouts/freeze"),
        (json!({"settings": {"rollouts": {"freeze": null}, "extensions": {"pprof": {}}}}), "/settings/rollouts/freeze"),
        (json!({"settings": {"rollouts": {"freeze": "a sale"}}}), "/settings/extensions"),
        (
            json!({"settings": {"rollouts": {"freeze": "a sale"}, "extensions": {"pprof": {}}, "destinations": null}}),
            "/settings/destinations",
        ),
        (json!({"settings": frozen["settings"], "config": {"exporters": {}}}), "/config"),
    ] {
        let refused = set(of_tenant(), 1, body.clone()).await.unwrap_err();
        assert!(
            refused.status == 403 && refused.errors.iter().any(|fault| fault.pointer == place),
            "{body}: {:?}",
            refused.errors
        );
    }
    let mut tagged = frozen;
    tagged["settings"]["tags"] = json!({"colour": "green"});
    set(of_tenant(), 1, tagged).await.unwrap();
    assert!(scene.app.store.desired("a").await.unwrap().unwrap().body.contains("green"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_patch_of_an_exporter_goes_nowhere_else_by_a_tenant() {
    let scene = Scene::new().await.with_server("a").await;
    scene.profile("https://mimir.example.net").await;
    let place = || Path(("t".to_owned(), "c".to_owned()));
    let integration = |endpoint: &str, exporter: Value| {
        Json(json!({"destination": {"kind": "remote_write", "endpoint": endpoint}, "exporter": exporter}))
    };
    let patch = || json!({"headers": {"x": "y"}});
    let made = integrations::create(
        scene.state(),
        admin(),
        place(),
        Query(Trial::default()),
        integration("https://one.example.net", patch()),
    );
    let id = body(made.await.unwrap()).await["id"].as_i64().unwrap();
    let update = async |endpoint: &str, exporter: Value| {
        let headers = HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static("\"1\""))]);
        let path = Path(("t".to_owned(), "c".to_owned(), id));
        integrations::update(scene.state(), of_tenant(), path, Query(Trial::default()), headers, integration(endpoint, exporter))
            .await
    };
    assert_eq!(update("https://two.example.net", patch()).await.unwrap_err().status, 403);
    update("https://two.example.net", Value::Null).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_are_shown_once_are_not_kept_with_the_answer() {
    let scene = Scene::new().await;
    let token = new_token("wrn_").unwrap();
    let mut change = scene.app.store.begin().await.unwrap();
    change.add_token(&token, "ci", Role::Admin, "", i64::MAX).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    let ask = async || {
        let servers = json!({"servers": [{"id": "a", "tenant": "t", "name": "a"}]}).to_string();
        let request = Request::post("/servers/actions/import?enrol=true")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header("idempotency-key", "k")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(servers))
            .unwrap();
        tower::ServiceExt::oneshot(super::routes(&scene.app).with_state(scene.app.clone()), request).await.unwrap()
    };
    let first = ask().await;
    assert_eq!(first.status(), 200, "{}", body(first).await);
    let kept = scene.app.store.reply(&warren_store::digest(&token), "k").await.unwrap().unwrap();
    assert_eq!(kept.body, "");
    assert_eq!(ask().await.status(), 409);
}

async fn body(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_too_often_is_told_when_to_ask_again() {
    let scene = Scene::new().await;
    let token = new_token("wrn_").unwrap();
    let mut change = scene.app.store.begin().await.unwrap();
    change.add_token(&token, "ci", Role::Viewer, "", i64::MAX).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    let bounds = Bounds { api_rate: 1, ..scene.app.bounds };
    let app = App::new(scene.app.store.clone(), Logger::discarded(), bounds, scene.app.files.clone());
    let ask = async || {
        let mut parts = Request::new(()).into_parts().0;
        parts.headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
        Caller::from_request_parts(&mut parts, &app).await
    };
    assert!(ask().await.is_ok() && ask().await.is_ok());
    let answer = ask().await.unwrap_err().into_response();
    assert_eq!(answer.status(), 429);
    assert!(answer.headers()[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_says_is_for_the_log_and_not_for_whoever_asks() {
    let scene = Scene::new().await;
    scene.app.store.close().await;
    let answer = servers::read(scene.state(), admin(), Path("a".into())).await.unwrap_err().into_response();
    assert_eq!(answer.status(), 503);
    let Cause(cause) = answer.extensions().get().cloned().unwrap();
    assert!(!body(answer).await.to_string().contains(&cause));
}
