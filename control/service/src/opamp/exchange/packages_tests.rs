//! Versions of the collector: what is offered to whom, and what becomes of a rollout by what is told.

use super::tests::{Scene, described, message};
use crate::app::App;
use crate::rollout::plan::Plan;
use crate::rollout::{Engine, Wanted, abort, begin};
use serde_json::json;
use warren_opamp::capability::{agent as can, server};
use warren_opamp::{
    AgentDescription, AgentToServer, KeyValue, PackageState, PackageStatus, PackageStatuses, PackagesAvailable, ServerToAgent,
};
use warren_package::COLLECTOR;
use warren_store::{Actor, Package, Rollout, RolloutState, Scope, TargetState};

const SHA256: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn with_packages(message: AgentToServer) -> AgentToServer {
    let bits = can::ACCEPTS_PACKAGES | can::REPORTS_PACKAGE_STATUSES;
    let description = AgentDescription {
        non_identifying_attributes: vec![KeyValue::text("os.type", "linux"), KeyValue::text("host.arch", "arm64")],
        ..AgentDescription::default()
    };
    AgentToServer { capabilities: message.capabilities | bits, agent_description: Some(description), ..message }
}

/// What a collector tells of an offer.
fn tells(number: u64, offer: &PackagesAvailable, state: PackageState, error: &str) -> AgentToServer {
    let offered = offer.packages.get(COLLECTOR).cloned().unwrap_or_default();
    let status = PackageStatus {
        name: COLLECTOR.into(),
        agent_has_version: "1.0.0".into(),
        server_offered_version: offered.version,
        server_offered_hash: offered.hash,
        status: state as i32,
        error_message: error.into(),
        ..PackageStatus::default()
    };
    let statuses = PackageStatuses {
        packages: [(COLLECTOR.to_owned(), status)].into(),
        server_provided_all_packages_hash: offer.all_packages_hash.clone(),
        error_message: String::new(),
    };
    AgentToServer { package_statuses: Some(statuses), ..with_packages(message(number)) }
}

async fn add(app: &App, version: &str, size: u64) {
    let package = Package {
        version: version.into(),
        os: "linux".into(),
        arch: "arm64".into(),
        sha256: SHA256.into(),
        size,
        signature: "signed".into(),
        ..Package::default()
    };
    let mut change = app.store.begin().await.unwrap();
    change.add_package(&package).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
}

fn plan(again: bool) -> Plan {
    let stages = json!([{"servers": ["a"], "soak": "0s"}, {"percent": 100, "soak": "0s"}]);
    serde_json::from_value(json!({"stages": stages, "again": again})).unwrap()
}

async fn start(app: &App, again: bool) -> Rollout {
    let wanted = Wanted::Package("2.0.0".into());
    begin(app, wanted, &plan(again), "", (&Actor::default(), false)).await.unwrap().0
}

/// How it stands with the rollout that was begun last.
async fn last(app: &App) -> Rollout {
    app.store.rollouts(i64::MAX, 1).await.unwrap().remove(0)
}

async fn ticks(app: &App, count: usize) {
    for _ in 0..count {
        Engine::new(app.clone()).tick().await.unwrap();
    }
}

async fn says(scene: &Scene, message: AgentToServer) -> ServerToAgent {
    scene.exchange("a").answer(message).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_offered_to_those_that_the_rollout_gives_it_and_taken_back_when_it_fails() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let first = says(&scene, with_packages(described(1))).await;
    assert!(first.packages_available.is_none() && first.capabilities & server::OFFERS_PACKAGES != 0);
    add(app, "2.0.0", 0).await;
    let lacking = begin(app, Wanted::Package("2.0.0".into()), &plan(false), "", (&Actor::default(), true)).await;
    assert!(lacking.unwrap_err().detail.contains("the content of package 2.0.0"));
    let mut change = app.store.begin().await.unwrap();
    let package = app.store.packages_of("2.0.0").await.unwrap().remove(0);
    change.put_package(&Package { size: 7, ..package }).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    start(app, false).await;
    assert!(says(&scene, with_packages(message(2))).await.packages_available.is_none(), "it was given to nobody yet");
    ticks(app, 1).await;
    let offer = says(&scene, with_packages(message(3))).await.packages_available.unwrap();
    let package = &offer.packages[COLLECTOR];
    let file = package.file.clone().unwrap();
    assert_eq!((package.version.as_str(), file.download_url), ("2.0.0", format!("http://warren/v1/packages/{SHA256}")));
    assert_eq!((file.content_hash.len(), file.signature.as_slice(), file.headers), (32, &b"signed"[..], None));
    // Others, and those that take none, are offered nothing.
    let other = AgentToServer { instance_uid: vec![8; 16], ..with_packages(described(1)) };
    assert!(scene.exchange("b").answer(other).await.unwrap().packages_available.is_none());
    // What it knows of it is not offered again, whatever becomes of it.
    for (number, state) in [(4, PackageState::Downloading), (5, PackageState::Installing)] {
        assert!(says(&scene, tells(number, &offer, state, "")).await.packages_available.is_none());
        ticks(app, 1).await;
        assert_eq!(app.store.active_rollout().await.unwrap().unwrap().stage, 0);
    }
    says(&scene, tells(6, &offer, PackageState::InstallFailed, "exit status 1")).await;
    ticks(app, 2).await;
    let rollout = last(app).await;
    assert_eq!(rollout.state, RolloutState::RolledBack);
    let target = app.store.targets(rollout.number, Some(TargetState::RolledBack), "", 9).await.unwrap().remove(0);
    assert_eq!((target.server.as_str(), target.error.as_str()), ("a", "exit status 1"));
    let audit: Vec<String> = app.store.audit(None, i64::MAX, 100).await.unwrap().into_iter().map(|entry| entry.action).collect();
    assert!(audit.contains(&"package.failed".to_owned()), "{audit:?}");

    // Of others, whatever they have, nothing was taken back.
    let other = AgentToServer { instance_uid: vec![8; 16], ..tells(2, &offer, PackageState::Installed, "") };
    assert!(scene.exchange("b").answer(other).await.unwrap().packages_available.is_none());
    // It is to be what the host came with again, and knows that after it was told.
    let back = says(&scene, tells(7, &offer, PackageState::InstallFailed, "exit status 1")).await.packages_available.unwrap();
    assert!(back.packages.is_empty() && !back.all_packages_hash.is_empty());
    assert!(says(&scene, tells(8, &back, PackageState::Installed, "")).await.packages_available.is_none());
    // The same again: it has failed with it, unless somebody says so.
    start(app, false).await;
    ticks(app, 2).await;
    let rollout = last(app).await;
    let refused = app.store.targets(rollout.number, Some(TargetState::Refused), "", 9).await.unwrap().remove(0);
    assert!(refused.error.contains("exit status 1") && rollout.state == RolloutState::RolledBack);
    assert!(says(&scene, tells(9, &back, PackageState::Installed, "")).await.packages_available.is_none());
    start(app, true).await;
    ticks(app, 1).await;
    let again = says(&scene, tells(10, &back, PackageState::Installed, "")).await.packages_available.unwrap();
    assert_ne!(again.packages[COLLECTOR].hash, offer.packages[COLLECTOR].hash);
    says(&scene, AgentToServer { health: Some(Default::default()), ..tells(11, &again, PackageState::Installed, "") }).await;
    ticks(app, 1).await;
    let target = app.store.targets(3, None, "", 1).await.unwrap().remove(0);
    assert_eq!((target.server.as_str(), target.state), ("a", TargetState::Applied));
}

/// The same from a machine that there is no package for.
fn elsewhere(message: AgentToServer) -> AgentToServer {
    let amd64 = vec![KeyValue::text("os.type", "linux"), KeyValue::text("host.arch", "amd64")];
    let description = AgentDescription { non_identifying_attributes: amd64, ..AgentDescription::default() };
    AgentToServer { agent_description: Some(description), ..with_packages(message) }
}

/// The same from the other server.
async fn b_says(scene: &Scene, message: AgentToServer) -> ServerToAgent {
    scene.exchange("b").answer(AgentToServer { instance_uid: vec![8; 16], ..message }).await.unwrap()
}

async fn those(app: &App, state: TargetState) -> Vec<String> {
    let targets = app.store.targets(last(app).await.number, Some(state), "", 9).await.unwrap();
    targets.into_iter().map(|target| target.server).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_none_of_the_first_can_take_is_given_to_nobody_and_does_not_hold() {
    let scene = Scene::new().await;
    let app = &scene.app;
    add(app, "2.0.0", 7).await;
    says(&scene, elsewhere(described(1))).await;
    b_says(&scene, with_packages(described(1))).await;
    start(app, false).await;
    ticks(app, 3).await;
    let ended = last(app).await;
    assert_eq!((ended.state, ended.stage), (RolloutState::RolledBack, 0));
    let reason = "none of the 1 servers so far can take it; a: there is no package of version 2.0.0 for linux/amd64";
    assert_eq!(ended.reason, reason);
    assert_eq!(
        (those(app, TargetState::Same).await, those(app, TargetState::Pending).await),
        (vec!["a".into()], vec!["b".into()])
    );
    // Nor if it is all there are, whatever the stages.
    b_says(&scene, elsewhere(message(2))).await;
    begin(app, Wanted::Package("2.0.0".into()), &Plan::default(), "", (&Actor::default(), false)).await.unwrap();
    ticks(app, 6).await;
    let ended = last(app).await;
    assert!(ended.state == RolloutState::RolledBack && ended.reason.starts_with("none of the 2 servers"), "{ended:?}");
    assert_eq!(app.store.released_package().await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_back_from_whoever_could_not_take_it() {
    let scene = Scene::new().await;
    let app = &scene.app;
    add(app, "2.0.0", 7).await;
    says(&scene, with_packages(described(1))).await;
    b_says(&scene, elsewhere(described(1))).await;
    let all: Plan = serde_json::from_value(json!({"stages": [{"percent": 100}]})).unwrap();
    let begun = begin(app, Wanted::Package("2.0.0".into()), &all, "", (&Actor::default(), false)).await.unwrap().0;
    ticks(app, 2).await;
    assert_eq!((those(app, TargetState::Given).await, those(app, TargetState::Same).await), (vec!["a".into()], vec!["b".into()]));
    abort(app, begun.number, "", Some(&Actor::default())).await.unwrap();
    assert_eq!(
        (those(app, TargetState::RolledBack).await, those(app, TargetState::Same).await),
        (vec!["a".into()], vec!["b".into()])
    );
    let had = [app.store.had_package("a").await.unwrap(), app.store.had_package("b").await.unwrap()];
    assert_eq!(had, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_version_is_offered_to_whoever_comes() {
    let scene = Scene::new().await;
    let app = &scene.app;
    let mut change = app.store.begin().await.unwrap();
    change.release_package("2.0.0").await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    add(app, "2.0.0", 7).await;
    says(&scene, described(1)).await;
    assert!(says(&scene, with_packages(message(2))).await.packages_available.is_some());
    let mut wrong = with_packages(message(3));
    wrong.agent_description = Some(AgentDescription::default());
    assert!(says(&scene, wrong).await.packages_available.is_none(), "there is none for its machine");
    let huge = PackageStatuses { error_message: "x".repeat(40_000), ..PackageStatuses::default() };
    let answer = says(&scene, AgentToServer { package_statuses: Some(huge), ..with_packages(message(4)) }).await;
    assert!(answer.error_response.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_frozen_is_offered_nothing_until_it_is_not() {
    let scene = Scene::new().await;
    let app = &scene.app;
    add(app, "2.0.0", 7).await;
    says(&scene, with_packages(described(1))).await;
    let freeze = async |reason: serde_json::Value| {
        let mut change = app.store.begin().await.unwrap();
        let scope = Scope::Server("a".into());
        let version = app.store.settings(&scope).await.unwrap().version;
        change.put_settings(&scope, &json!({"settings": {"rollouts": {"freeze": reason}}}), version).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
    };
    freeze(json!("sale")).await;
    let rollout = start(app, false).await;
    ticks(app, 3).await;
    let held = app.store.targets(rollout.number, Some(TargetState::Held), "", 9).await.unwrap();
    assert_eq!((held[0].server.as_str(), held[0].error.as_str()), ("a", "frozen: sale"));
    assert!(says(&scene, with_packages(message(2))).await.packages_available.is_none());
    freeze(serde_json::Value::Null).await;
    ticks(app, 2).await;
    assert!(says(&scene, with_packages(message(3))).await.packages_available.is_some());
}
