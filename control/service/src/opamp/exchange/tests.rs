//! What collectors are answered, without a network between.

use super::Exchange;
use crate::app::{App, hex};
use crate::desired::{Inputs, remake};
use crate::opamp::principal::{By, Principal};
use serde_json::json;
use warren_fleet::{Overlay, Profile, Server};
use warren_opamp::capability::{agent as can, server_flag};
use warren_opamp::{
    AgentDescription, AgentToServer, ConfigStatus, InstanceUid, RemoteConfigStatus, ServerErrorResponseType, ServerToAgent,
};
use warren_store::{Actor, CLIENTS_MAX};

pub(super) struct Scene {
    pub(super) app: App,
    _directory: tempfile::TempDir,
}

impl Scene {
    /// Two servers that have something to run.
    pub(super) async fn new() -> Self {
        let (app, _directory) = App::scratch().await;
        Self::of(app, _directory).await
    }

    async fn of(app: App, _directory: tempfile::TempDir) -> Self {
        let settings = json!({"destinations": {"mimir": {"endpoint": "https://mimir.example.net", "username": "u", "password": "fleet/m@1"}}});
        let profile = Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] };
        let mut change = app.store.begin().await.unwrap();
        change.put_secret("", "fleet/m", "the-password").await.unwrap();
        let version = change.add_profile(&profile, "test").await.unwrap();
        change.release_profile(version).await.unwrap();
        for id in ["a", "b"] {
            let server = Server { id: id.into(), tenant: "t".into(), name: id.into(), ..Server::default() };
            change.add_server(&server).await.unwrap();
        }
        change.commit(&Actor::default(), &[]).await.unwrap();
        let scene = Self { app, _directory };
        for id in ["a", "b"] {
            scene.remake(id).await;
        }
        scene
    }

    /// A server has something else to run.
    async fn changes(&self, id: &str) {
        let mut change = self.app.store.begin().await.unwrap();
        let settings = json!({"settings": {"tags": {"colour": "green"}}});
        change.put_settings(&warren_store::Scope::Server(id.into()), &settings, 0).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        self.remake(id).await;
    }

    async fn remake(&self, id: &str) {
        let server = self.app.store.server(id).await.unwrap().body;
        let inputs = Inputs::of(&self.app, server).await.unwrap();
        let mut change = self.app.store.begin().await.unwrap();
        remake(&self.app, &mut change, &inputs, "test").await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
    }

    pub(super) fn exchange(&self, server: &str) -> Exchange {
        let by = By::Credential { id: "crd-0".into(), used: true };
        Exchange::new(self.app.clone(), Principal { server: server.into(), by, base: "http://warren".into() }, None)
    }
}

pub(super) fn message(number: u64) -> AgentToServer {
    AgentToServer {
        instance_uid: InstanceUid::from([7; 16]).as_bytes().to_vec(),
        sequence_num: number,
        capabilities: can::REPORTS_STATUS
            | can::ACCEPTS_REMOTE_CONFIG
            | can::REPORTS_REMOTE_CONFIG
            | can::ACCEPTS_OPAMP_CONNECTION_SETTINGS,
        ..AgentToServer::default()
    }
}

pub(super) fn described(number: u64) -> AgentToServer {
    AgentToServer { agent_description: Some(AgentDescription::default()), ..message(number) }
}

fn status(number: u64, hash: &[u8], status: ConfigStatus) -> AgentToServer {
    let status =
        RemoteConfigStatus { last_remote_config_hash: hash.to_vec(), status: status as i32, error_message: "why".into() };
    AgentToServer { remote_config_status: Some(status), ..message(number) }
}

fn given(answer: &ServerToAgent) -> Option<(Vec<u8>, String)> {
    let config = answer.remote_config.as_ref()?;
    let file = config.config.as_ref()?.config_map.get("")?;
    Some((config.config_hash.clone(), String::from_utf8(file.body.clone()).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_run_is_given_with_its_secrets_until_the_collector_has_it() {
    let scene = Scene::new().await;
    let mut exchange = scene.exchange("a");
    let first = exchange.answer(described(1)).await.unwrap();
    let (hash, text) = given(&first).unwrap();
    assert!(text.contains("the-password") && first.capabilities != 0);
    assert_eq!(hex(&hash), scene.app.store.desired("a").await.unwrap().unwrap().hash);
    let second = scene.exchange("a").answer(status(2, &hash, ConfigStatus::Applying)).await.unwrap();
    assert_eq!(given(&second), None);
    assert!(!scene.app.store.desired("a").await.unwrap().unwrap().body.contains("the-password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_failed_is_not_given_again_whatever_the_collector_says_later() {
    let scene = Scene::new().await;
    let (hash, _) = given(&scene.exchange("a").answer(described(1)).await.unwrap()).unwrap();
    scene.exchange("a").answer(status(2, &hash, ConfigStatus::Failed)).await.unwrap();
    // It went back to something else, and says so.
    let later = scene.exchange("a").answer(status(3, b"before", ConfigStatus::Applied)).await.unwrap();
    assert_eq!(given(&later), None);
    assert_eq!(scene.app.store.failures("a").await.unwrap()[0].error, "why");
    let of_another = scene.exchange("b").answer(AgentToServer { instance_uid: vec![8; 16], ..described(1) }).await.unwrap();
    assert!(given(&of_another).is_some(), "the failure of one server says nothing of another");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_machine_gets_an_identity_of_its_own_and_changes_nothing_of_the_other() {
    let scene = Scene::new().await;
    scene.exchange("a").answer(described(1)).await.unwrap();
    let answer = scene.exchange("b").answer(AgentToServer { capabilities: 1, ..described(1) }).await.unwrap();
    let fresh = answer.agent_identification.clone().unwrap().new_instance_uid;
    assert_ne!(fresh, message(1).instance_uid);
    assert_eq!(given(&answer), None);
    let known = scene.app.hub.client(&InstanceUid::from([7; 16]).to_string()).unwrap();
    assert_eq!((known.server.as_str(), known.capabilities), ("a", message(1).capabilities));
    let entry = &scene.app.store.audit(None, i64::MAX, 1).await.unwrap()[0];
    assert_eq!(entry.action, "collector.duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_enrols_is_given_a_credential_and_nothing_else_until_it_comes_with_that() {
    let scene = Scene::new().await;
    let principal = Principal { server: "a".into(), by: By::Enrolment { id: "enr-1".into() }, base: String::new() };
    let mut exchange = Exchange::new(scene.app.clone(), principal, None);
    let answer = exchange.answer(described(1)).await.unwrap();
    assert!(answer.connection_settings.is_some() && given(&answer).is_none());
    assert!(exchange.answer(message(2)).await.unwrap().connection_settings.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_lost_count_is_asked_for_everything_and_nonsense_is_refused() {
    let scene = Scene::new().await;
    let mut exchange = scene.exchange("a");
    exchange.answer(described(1)).await.unwrap();
    assert_eq!(exchange.answer(message(2)).await.unwrap().flags & server_flag::REPORT_FULL_STATE, 0);
    assert_ne!(exchange.answer(message(9)).await.unwrap().flags & server_flag::REPORT_FULL_STATE, 0);
    let refused = exchange.answer(AgentToServer { instance_uid: vec![1; 5], ..message(10) }).await.unwrap();
    assert_eq!(refused.error_response.unwrap().kind, ServerErrorResponseType::BadRequest as i32);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_number_there_is_does_no_harm() {
    let scene = Scene::new().await;
    let mut exchange = scene.exchange("a");
    exchange.answer(described(u64::MAX)).await.unwrap();
    assert_eq!(exchange.answer(message(0)).await.unwrap().flags, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lies_leaves_no_more_behind_than_whoever_does_not() {
    let scene = Scene::new().await;
    let mut exchange = scene.exchange("a");
    for number in 0..40u8 {
        let lie = AgentToServer { instance_uid: vec![number; 16], ..status(1, &[number], ConfigStatus::Failed) };
        exchange.answer(lie).await.unwrap();
    }
    assert_eq!(scene.app.store.clients_of("a").await.unwrap().len(), CLIENTS_MAX);
    let known = |number: u8| scene.app.hub.client(&InstanceUid::from([number; 16]).to_string()).is_some();
    assert_eq!((0..40).filter(|number| known(*number)).count(), CLIENTS_MAX);
    assert!(known(39) && scene.app.store.failures("a").await.unwrap().is_empty());
    let mut other = scene.exchange("b");
    for number in 1..4 {
        other.answer(AgentToServer { instance_uid: vec![39; 16], ..message(number) }).await.unwrap();
    }
    assert_eq!(scene.app.store.audit(None, i64::MAX, 100).await.unwrap().len(), 1);
    let long = exchange.answer(status(2, &[1; 65], ConfigStatus::Failed)).await.unwrap();
    assert!(long.error_response.unwrap().error_message.contains("hash"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_takes_the_place_of_others_has_their_connections_look() {
    let scene = Scene::new().await;
    let wake = std::sync::Arc::new(tokio::sync::Notify::new());
    let mut before = Exchange { connection: Some((1, wake.clone())), ..scene.exchange("a") };
    before.answer(described(1)).await.unwrap();
    let by = By::Credential { id: "crd-1".into(), used: false };
    let mut after = Exchange::new(scene.app.clone(), Principal { server: "a".into(), by, base: String::new() }, None);
    after.answer(AgentToServer { instance_uid: vec![8; 16], ..described(1) }).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(10), wake.notified()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_for_many_is_given_to_each_in_its_turn_and_a_change_for_one_at_once() {
    let (app, _directory) = App::scratch_with(|bounds| bounds.push_rate = 1).await;
    let scene = Scene::of(app, _directory).await;
    let mut exchange = scene.exchange("a");
    exchange.connection = Some((1, std::sync::Arc::new(tokio::sync::Notify::new())));
    let (hash, _) = given(&exchange.answer(described(1)).await.unwrap()).unwrap();
    exchange.answer(status(2, &hash, ConfigStatus::Applied)).await.unwrap();
    scene.changes("a").await;
    let many: Vec<String> = (0..30).map(|number| format!("other-{number}")).chain(["a".to_owned()]).collect();
    scene.app.wake(&many);
    assert_eq!(given(&exchange.answer(message(3)).await.unwrap()), None, "it is not its turn");
    scene.app.wake(&["a".to_owned()]);
    assert!(given(&exchange.answer(message(4)).await.unwrap()).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_count_in_a_storm_is_asked_for_everything_later() {
    let scene = Scene::new().await;
    let mut exchange = scene.exchange("a");
    exchange.connection = Some((1, std::sync::Arc::new(tokio::sync::Notify::new())));
    exchange.answer(described(1)).await.unwrap();
    while scene.app.admission.has_room() {}
    assert_eq!(exchange.answer(message(9)).await.unwrap().flags & server_flag::REPORT_FULL_STATE, 0);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_ne!(exchange.answer(message(10)).await.unwrap().flags & server_flag::REPORT_FULL_STATE, 0);
    assert_eq!(exchange.answer(message(11)).await.unwrap().flags & server_flag::REPORT_FULL_STATE, 0, "once for each gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_time_between_signs_of_life_reaches_whoever_is_enrolled() {
    let scene = Scene::new().await;
    let able = |message: AgentToServer| AgentToServer {
        capabilities: message.capabilities | can::REPORTS_CONNECTION_SETTINGS_STATUS,
        ..message
    };
    let answer = scene.exchange("a").answer(able(described(1))).await.unwrap();
    let settings = answer.connection_settings.unwrap();
    let opamp = settings.opamp.unwrap();
    assert_eq!((opamp.heartbeat_interval_seconds, opamp.headers), (30, None));
    let told = warren_opamp::ConnectionSettingsStatus {
        last_connection_settings_hash: settings.hash,
        status: ConfigStatus::Applied as i32,
        error_message: String::new(),
    };
    let message = AgentToServer { connection_settings_status: Some(told), ..able(message(2)) };
    assert_eq!(scene.exchange("a").answer(message).await.unwrap().connection_settings, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_written_down_now_and_then_and_how_somebody_fares_at_once() {
    let scene = Scene::new().await;
    let health = |number: u64, healthy: bool| {
        let attribute = warren_opamp::KeyValue { key: format!("n{number}"), value: None };
        let health = warren_opamp::ComponentHealth { healthy, attributes: vec![attribute], ..Default::default() };
        AgentToServer { health: Some(health), ..described(number) }
    };
    let kept = || async { scene.app.store.clients_of("a").await.unwrap()[0].health.clone() };
    let mut exchange = scene.exchange("a");
    exchange.answer(health(1, true)).await.unwrap();
    exchange.answer(health(2, true)).await.unwrap();
    assert!(kept().await["attributes"].get("n1").is_some());
    let touched = scene.app.hub.touched();
    let mut change = scene.app.store.begin().await.unwrap();
    change.touch_clients(&touched).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    assert!(kept().await["attributes"].get("n2").is_some());
    exchange.answer(health(3, false)).await.unwrap();
    assert_eq!(kept().await["healthy"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_tell_at_once_is_all_kept() {
    let scene = Scene::new().await;
    let tell = |number: u8| {
        let mut exchange = scene.exchange(if number < 6 { "a" } else { "b" });
        async move { exchange.answer(AgentToServer { instance_uid: vec![number; 16], ..described(1) }).await }
    };
    let answers = futures_util::future::join_all((0..12).map(tell)).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(scene.app.store.clients_of("a").await.unwrap().len(), 6);
    assert_eq!(scene.app.store.clients_of("b").await.unwrap().len(), 6);
}
