//! What is promised of rollouts, with collectors that are only told of.

use super::plan::Plan;
use super::{Engine, Wanted, abort, begin, pause, resume};
use crate::app::{App, now};
use crate::desired::{Inputs, remake};
use serde_json::{Value, json};
use warren_fleet::{Overlay, Profile, Server};
use warren_store::{Actor, Client, Desired, Rollout, RolloutState, Scope, TargetState};

struct Scene {
    app: App,
    _directory: tempfile::TempDir,
}

fn profile(name: &str) -> Profile {
    let settings = json!({"destinations": {"mimir": {"endpoint": format!("https://{name}.example.net")}}});
    Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] }
}

/// One server, and then all others at once.
fn plan(more: Value) -> Plan {
    let mut plan =
        json!({"stages": [{"name": "canary", "count": 1, "soak": "0s"}, {"name": "all", "percent": 100, "soak": "0s"}]});
    plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(plan).unwrap()
}

impl Scene {
    /// Servers that run version 1 of the profile.
    async fn new(ids: &[&str]) -> Self {
        let (app, _directory) = App::scratch().await;
        let scene = Self { app, _directory };
        let mut change = scene.app.store.begin().await.unwrap();
        let version = change.add_profile(&profile("one"), "test").await.unwrap();
        change.release_profile(version).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        for id in ids {
            scene.server(id, "").await;
            scene.runs(id).await;
        }
        scene
    }

    async fn server(&self, id: &str, cluster: &str) {
        let server = Server { id: id.into(), tenant: "t".into(), cluster: cluster.into(), name: id.into(), ..Server::default() };
        let mut change = self.app.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        let inputs = Inputs::of(&self.app, server).await.unwrap();
        remake(&self.app, &mut change, &inputs, "test").await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
    }

    /// The collector of a server tells what has become of what it is to run.
    async fn tells(&self, id: &str, status: &str, error: &str) {
        let hash = self.desired(id).await.hash;
        let client = Client {
            uid: format!("uid-{id}"),
            server: id.into(),
            config_hash: hash.clone(),
            config_status: status.into(),
            config_error: error.into(),
            health: json!({"healthy": true}),
            seen: now(),
            ..Client::default()
        };
        let mut change = self.app.store.begin().await.unwrap();
        change.put_client(&client, None).await.unwrap();
        if status == "failed" {
            change.add_failure(id, &hash, error).await.unwrap();
        }
        change.commit(&Actor::default(), &[]).await.unwrap();
    }

    async fn runs(&self, id: &str) {
        self.tells(id, "applied", "").await;
    }

    async fn desired(&self, id: &str) -> Desired {
        self.app.store.desired(id).await.unwrap().unwrap()
    }

    async fn begin(&self, wanted: Wanted, plan: &Plan) -> Rollout {
        begin(&self.app, wanted, plan, "", (&Actor::default(), false)).await.unwrap().0
    }

    /// Looks so often; each time as a control plane that has just started would.
    async fn ticks(&self, count: usize) {
        for _ in 0..count {
            Engine::new(self.app.clone()).tick().await.unwrap();
        }
    }

    async fn rollout(&self) -> Rollout {
        self.app.store.rollouts(i64::MAX, 1).await.unwrap().remove(0)
    }

    /// Servers in a state.
    async fn those(&self, state: TargetState) -> Vec<String> {
        let targets = self.app.store.targets(self.rollout().await.number, Some(state), "", 100).await.unwrap();
        targets.into_iter().map(|target| target.server).collect()
    }

    async fn actions(&self) -> Vec<String> {
        let mut audit = self.app.store.audit(None, i64::MAX, 100).await.unwrap();
        audit.reverse();
        audit.into_iter().map(|entry| entry.action).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_version_reaches_everybody_stage_by_stage_and_then_holds() {
    let ids = ["a", "b", "c"];
    let scene = Scene::new(&ids).await;
    scene.begin(Wanted::New(profile("two")), &plan(json!({}))).await;
    scene.ticks(3).await;
    let canary = scene.those(TargetState::Given).await.remove(0);
    assert_eq!(scene.those(TargetState::Pending).await.len(), 2);
    assert!(scene.desired(&canary).await.body.contains("two.example.net"));
    // What is changed of servers meanwhile is made with the version that each has.
    for id in ids {
        let mut change = scene.app.store.begin().await.unwrap();
        let tags = json!({"settings": {"tags": {"colour": "green"}}});
        change.put_settings(&Scope::Server(id.into()), &tags, 0).await.unwrap();
        let inputs = Inputs::of(&scene.app, scene.app.store.server(id).await.unwrap().body).await.unwrap();
        remake(&scene.app, &mut change, &inputs.with_settings("server", tags), "test").await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        assert_eq!(scene.desired(id).await.body.contains("two.example.net"), id == canary);
        assert!(scene.desired(id).await.body.contains("green"));
        scene.runs(id).await;
    }
    scene.ticks(4).await;
    assert_eq!(scene.those(TargetState::Done).await, std::slice::from_ref(&canary));
    assert_eq!(scene.those(TargetState::Given).await.len(), 2);
    // Who comes now comes last.
    scene.server("late", "").await;
    assert!(scene.desired("late").await.body.contains("one.example.net"));
    scene.runs("late").await;
    for id in ids {
        scene.runs(id).await;
    }
    scene.ticks(4).await;
    assert_eq!(scene.those(TargetState::Given).await, ["late"]);
    scene.runs("late").await;
    scene.ticks(4).await;
    assert_eq!(scene.rollout().await.state, RolloutState::Completed);
    assert_eq!(scene.app.store.released_profile().await.unwrap().version, 2);
    scene.server("later", "").await;
    assert!(scene.desired("later").await.body.contains("two.example.net"));
    let actions = scene.actions().await;
    let expected = [
        "rollout.create",
        "rollout.given",
        "rollout.applied",
        "rollout.done",
        "rollout.stage",
        "rollout.given",
        "rollout.applied",
        "rollout.done",
        "rollout.given",
        "rollout.applied",
        "rollout.done",
        "rollout.complete",
    ];
    assert_eq!(actions, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_version_is_taken_back_before_others_see_it_and_is_not_given_to_that_server_again() {
    let scene = Scene::new(&["a", "b", "c"]).await;
    let before = scene.desired("a").await;
    let canary_of = |id: &str| plan(json!({"stages": [{"servers": [id]}, {"percent": 100}]}));
    scene.begin(Wanted::New(profile("two")), &canary_of("a")).await;
    scene.ticks(1).await;
    scene.tells("a", "failed", "why").await;
    let bad = scene.desired("a").await;
    scene.ticks(1).await;
    let rollout = scene.rollout().await;
    assert_eq!(rollout.state, RolloutState::RolledBack, "{rollout:?}");
    let back = scene.desired("a").await;
    assert_eq!((back.number, &back.hash, &back.body), (3, &before.hash, &before.body));
    assert!(scene.desired("b").await.number == 1 && scene.desired("c").await.number == 1);
    let told = scene.app.store.targets(1, Some(TargetState::RolledBack), "", 9).await.unwrap();
    assert_eq!((told[0].server.as_str(), told[0].error.as_str()), ("a", "why"));
    scene.runs("a").await;
    // The same again: that server has failed with it before.
    scene.begin(Wanted::Version(2), &canary_of("a")).await;
    scene.ticks(2).await;
    assert_eq!((scene.rollout().await.state, scene.desired("a").await.number), (RolloutState::RolledBack, 3));
    assert!(scene.app.store.targets(2, Some(TargetState::Refused), "", 9).await.unwrap()[0].error.contains("why"));
    // Unless somebody says so.
    scene.begin(Wanted::Version(2), &Plan { again: true, ..canary_of("a") }).await;
    scene.ticks(1).await;
    let again = scene.desired("a").await;
    assert!(again.body == bad.body && again.hash != bad.hash);
    scene.tells("a", "failed", "why").await;
    scene.ticks(1).await;
    assert_eq!(scene.desired("a").await.hash, before.hash);
    assert_eq!(scene.app.store.broken_audit().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_may_also_wait_for_somebody_to_look_at_it() {
    let scene = Scene::new(&["a", "b"]).await;
    let rollout = scene.begin(Wanted::New(profile("two")), &plan(json!({"on_failure": "pause"}))).await;
    scene.ticks(1).await;
    let canary = scene.those(TargetState::Given).await.remove(0);
    scene.tells(&canary, "failed", "why").await;
    scene.ticks(2).await;
    let paused = scene.rollout().await;
    assert_eq!((paused.state, paused.stage), (RolloutState::Paused, 0));
    assert!(paused.reason.contains("1 of the 1"), "{paused:?}");
    // Whoever tries has changed nothing.
    resume(&scene.app, rollout.number, "", None).await.unwrap();
    assert_eq!(scene.rollout().await.state, RolloutState::Paused);
    resume(&scene.app, rollout.number, "it is known", Some(&Actor::default())).await.unwrap();
    scene.ticks(3).await;
    assert_eq!(scene.those(TargetState::Given).await.len(), 1);
    abort(&scene.app, rollout.number, "enough", Some(&Actor::default())).await.unwrap();
    let ended = scene.rollout().await;
    assert_eq!((ended.state, ended.reason.as_str()), (RolloutState::RolledBack, "enough"));
    for id in ["a", "b"] {
        assert!(scene.desired(id).await.body.contains("one.example.net"));
    }
    assert_eq!(resume(&scene.app, rollout.number, "", None).await.unwrap_err().status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_given_while_a_rollout_waits_and_stages_may_wait_for_somebody() {
    let scene = Scene::new(&["a", "b"]).await;
    let held = plan(json!({"stages": [{"count": 1, "soak": "0s", "hold": true}, {"percent": 100, "soak": "0s"}]}));
    let number = scene.begin(Wanted::New(profile("two")), &held).await.number;
    pause(&scene.app, number, "", Some(&Actor::default())).await.unwrap();
    scene.ticks(2).await;
    assert!(scene.those(TargetState::Given).await.is_empty());
    resume(&scene.app, number, "", Some(&Actor::default())).await.unwrap();
    scene.ticks(1).await;
    scene.runs(&scene.those(TargetState::Given).await[0]).await;
    scene.ticks(4).await;
    let waits = scene.rollout().await;
    assert_eq!((waits.state, waits.stage), (RolloutState::Paused, 1));
    resume(&scene.app, number, "", Some(&Actor::default())).await.unwrap();
    scene.ticks(1).await;
    assert_eq!(scene.those(TargetState::Given).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_rollout_at_a_time_and_of_what_every_server_could_run() {
    let scene = Scene::new(&["a"]).await;
    let refused =
        async |wanted: Wanted, plan: Plan| begin(&scene.app, wanted, &plan, "", (&Actor::default(), false)).await.unwrap_err();
    let nowhere = Profile { overlays: Vec::new() };
    assert!(refused(Wanted::New(nowhere), Plan::default()).await.detail.starts_with("server a: /service/pipelines"));
    assert_eq!(refused(Wanted::Version(1), Plan::default()).await.status, 400);
    assert_eq!(refused(Wanted::Version(9), Plan::default()).await.status, 404);
    let unknown = plan(json!({"stages": [{"servers": ["b"]}, {"percent": 100}]}));
    assert!(refused(Wanted::New(profile("two")), unknown).await.detail.contains("\"b\""));
    assert!(scene.app.store.rollouts(i64::MAX, 9).await.unwrap().is_empty());
    scene.begin(Wanted::New(profile("two")), &Plan::default()).await;
    assert_eq!(refused(Wanted::New(profile("three")), Plan::default()).await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_cluster_one_server_is_under_way_and_servers_that_are_away_hold_nothing_up() {
    let scene = Scene::new(&["away"]).await;
    for id in ["a", "b"] {
        scene.server(id, "hare").await;
        scene.runs(id).await;
    }
    let gone = Client { uid: "uid-away".into(), server: "away".into(), seen: 1, ..Client::default() };
    let mut change = scene.app.store.begin().await.unwrap();
    change.put_client(&gone, None).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    scene.begin(Wanted::New(profile("two")), &plan(json!({"stages": [{"percent": 100, "soak": "0s"}]}))).await;
    scene.ticks(3).await;
    assert_eq!(scene.those(TargetState::Waiting).await, ["away"]);
    assert_eq!(scene.those(TargetState::Given).await, ["a"]);
    scene.runs("a").await;
    scene.ticks(3).await;
    assert_eq!(scene.those(TargetState::Given).await, ["b"]);
    scene.runs("b").await;
    scene.ticks(4).await;
    assert_eq!(scene.rollout().await.state, RolloutState::Completed);
    assert!(scene.desired("away").await.body.contains("two.example.net"));
}

#[tokio::test(flavor = "multi_thread")]
async fn as_long_as_nobody_has_shown_anything_no_further_servers_are_given_it() {
    let scene = Scene::new(&["a", "b"]).await;
    let mut change = scene.app.store.begin().await.unwrap();
    for id in ["a", "b"] {
        let gone = Client { uid: format!("uid-{id}"), server: id.into(), seen: 1, ..Client::default() };
        change.put_client(&gone, None).await.unwrap();
    }
    change.commit(&Actor::default(), &[]).await.unwrap();
    scene.begin(Wanted::New(profile("two")), &plan(json!({}))).await;
    scene.ticks(4).await;
    let waits = scene.rollout().await;
    assert!(waits.stage == 0 && waits.reason.contains("connected"), "{waits:?}");
    // It comes back, and has what it is to run.
    let canary = scene.those(TargetState::Waiting).await.remove(0);
    scene.runs(&canary).await;
    scene.ticks(5).await;
    assert_eq!(scene.rollout().await.stage, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_get_nothing_outside_their_windows_and_hold_up_no_stage_but_the_last() {
    let scene = Scene::new(&["a", "b", "c"]).await;
    let freeze = |id: &'static str, reason: Value| {
        let app = scene.app.clone();
        async move {
            let mut change = app.store.begin().await.unwrap();
            let scope = Scope::Server(id.into());
            let version = app.store.settings(&scope).await.unwrap().version;
            change.put_settings(&scope, &json!({"settings": {"rollouts": {"freeze": reason}}}), version).await.unwrap();
            change.commit(&Actor::default(), &[]).await.unwrap();
        }
    };
    freeze("b", json!("sale")).await;
    scene
        .begin(
            Wanted::New(profile("two")),
            &plan(json!({"stages": [
                {"name": "those", "servers": ["a", "b"], "soak": "0s"}, {"name": "all", "percent": 100, "soak": "0s"},
            ]})),
        )
        .await;
    scene.ticks(1).await;
    assert_eq!(scene.those(TargetState::Held).await, ["b"]);
    for id in ["a", "c"] {
        scene.ticks(1).await;
        scene.runs(id).await;
        scene.ticks(4).await;
    }
    assert_eq!(scene.those(TargetState::Done).await, ["a", "c"], "the first stage has passed without it");
    assert_eq!(scene.rollout().await.state, RolloutState::Running, "the last one has not");
    assert!(scene.rollout().await.reason.contains("1 servers may not"), "{}", scene.rollout().await.reason);
    let held = scene.app.store.targets(scene.rollout().await.number, Some(TargetState::Held), "", 9).await.unwrap();
    assert_eq!(held[0].error, "frozen: sale");
    assert!(!scene.desired("b").await.body.contains("two"));
    freeze("b", Value::Null).await;
    scene.ticks(2).await;
    scene.runs("b").await;
    scene.ticks(4).await;
    assert_eq!(scene.rollout().await.state, RolloutState::Completed);
    assert!(scene.desired("b").await.body.contains("two"));
}
