//! The same promises on SQLite, and on PostgreSQL where `WARREN_TEST_POSTGRES` names one (a database that may be filled).

use super::*;
use serde_json::json;
use warren_fleet::{Destination, Integration, Profile, Server};

struct Scene {
    store: Store,
    directory: tempfile::TempDir,
    address: String,
}

impl Scene {
    fn key(&self) -> MasterKey {
        MasterKey::from_file(&self.directory.path().join("key")).unwrap()
    }
}

/// There is one rollout at a time, also of tests that share a database.
static ROLLOUTS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

async fn scenes() -> Vec<Scene> {
    let mut scenes = Vec::new();
    let postgres = std::env::var("WARREN_TEST_POSTGRES").ok();
    for postgres in [None, postgres].into_iter().enumerate().filter(|(at, address)| *at == 0 || address.is_some()) {
        let directory = tempfile::tempdir().unwrap();
        let address = postgres.1.unwrap_or_else(|| format!("sqlite:{}", directory.path().join("store.db").display()));
        let key = MasterKey::from_file(&directory.path().join("key")).unwrap();
        scenes.push(Scene { store: Store::open(&address, key).await.unwrap(), directory, address });
    }
    scenes
}

/// An id that no earlier test has left behind in a database that is not new.
fn fresh(name: &str) -> String {
    format!("{name}-{}", &new_token("").unwrap()[..12])
}

fn server(id: &str) -> Server {
    Server { id: id.into(), tenant: fresh("t"), cluster: "c".into(), name: "n".into(), ..Server::default() }
}

fn actor() -> Actor {
    Actor { name: "test".into(), address: "127.0.0.1".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_the_same_one_is_told() {
    for scene in scenes().await {
        let server = server(&fresh("srv"));
        let mut change = scene.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        assert!(matches!(change.add_server(&server).await, Err(StoreError::Exists(_))));
        change.commit(&actor(), &[]).await.unwrap();
        let mut change = scene.store.begin().await.unwrap();
        assert_eq!(change.update_server(&Server { name: "m".into(), ..server.clone() }, 1).await.unwrap(), 2);
        assert!(matches!(change.update_server(&server, 1).await, Err(StoreError::Stale { is: 2, .. })));
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.server(&server.id).await.unwrap().body.name, "m");
        let scope = Scope::Server(server.id.clone());
        let mut change = scene.store.begin().await.unwrap();
        assert_eq!(change.put_settings(&scope, &json!({"a": 1}), 0).await.unwrap(), 1);
        assert!(matches!(change.put_settings(&scope, &json!({}), 0).await, Err(StoreError::Stale { is: 1, .. })));
        drop(change);
        assert_eq!(scene.store.settings(&scope).await.unwrap().version, 0, "what was not committed did not happen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_in_the_database_and_open_with_their_key_only() {
    for scene in scenes().await {
        let tenant = fresh("t");
        let mut change = scene.store.begin().await.unwrap();
        let secret = change.put_secret(&tenant, "int-1/api_key", "canary-of-the-test-0123").await.unwrap();
        let newer = change.put_secret(&tenant, "int-1/api_key", "short").await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        let found = scene.store.secrets(&tenant, &[secret.clone(), newer.clone()]).await.unwrap();
        assert_eq!((found[&secret].as_str(), found[&newer].as_str()), ("canary-of-the-test-0123", "short"));
        let infos = scene.store.secret_infos(&tenant).await.unwrap();
        assert_eq!((infos[0].version, infos[0].last4.as_str()), (2, ""));
        assert!(scene.store.secrets(&fresh("other"), std::slice::from_ref(&secret)).await.is_err());
        for file in std::fs::read_dir(scene.directory.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"canary"));
        }
        let other = MasterKey::from_file(&scene.directory.path().join("other")).unwrap();
        let store = Store::open(&scene.address, other).await.unwrap();
        assert!(matches!(store.secrets(&tenant, &[secret]).await, Err(StoreError::Sealed(_))));
        let again = Store::open(&scene.address, scene.key()).await.unwrap();
        assert!(again.secrets(&tenant, &[newer]).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_the_audit_log_that_was_changed_shows() {
    for scene in scenes().await.into_iter().take(1) {
        for number in 1..=3 {
            let change = scene.store.begin().await.unwrap();
            let entry = Entry::new("t", "server.create", format!("servers/{number}"), json!({"n": number}));
            change.commit(&actor(), &[entry]).await.unwrap();
        }
        assert_eq!(scene.store.broken_audit().await.unwrap(), None);
        let told = scene.store.audit(Some("t"), i64::MAX, 2).await.unwrap();
        assert_eq!(told.iter().map(|entry| entry.number).collect::<Vec<_>>(), [3, 2]);
        assert!(scene.store.audit(Some("other"), i64::MAX, 9).await.unwrap().is_empty());
        sqlx::query("UPDATE audit SET actor = 'somebody' WHERE number = 2").execute(&scene.store.pool).await.unwrap();
        assert_eq!(scene.store.broken_audit().await.unwrap(), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_forgotten_and_what_counts_is_not() {
    let scene = scenes().await.remove(0);
    let server = server("a");
    let (used, good) = (new_token("").unwrap(), new_token("").unwrap());
    let mut change = scene.store.begin().await.unwrap();
    change.add_server(&server).await.unwrap();
    for number in 0..HISTORY_MAX + 5 {
        let desired = Desired { hash: format!("{number}"), provenance: json!({}), ..Desired::default() };
        change.put_desired("a", &desired).await.unwrap();
    }
    for hash in ["0", "104"] {
        change.add_failure("a", hash, "why").await.unwrap();
    }
    change.add_token(&used, "old", Role::Viewer, "", 1).await.unwrap();
    change.add_token(&good, "new", Role::Viewer, "", i64::MAX).await.unwrap();
    let entries: Vec<Entry> =
        (0..4).map(|number| Entry::new("t", "server.create", format!("servers/{number}"), json!({}))).collect();
    change.commit(&actor(), &entries).await.unwrap();
    scene.store.forget(2, &actor()).await.unwrap();
    let history = scene.store.desired_history("a", i64::MAX, 1000).await.unwrap();
    assert_eq!((history.len() as i64, history[0].number), (HISTORY_MAX, HISTORY_MAX + 5));
    assert_eq!(scene.store.tokens(None).await.unwrap().len(), 1);
    assert_eq!(scene.store.audit(None, i64::MAX, 9).await.unwrap().len(), 4, "nothing that old is there");
    scene.store.forget(i64::MAX, &actor()).await.unwrap();
    assert_eq!(scene.store.desired_history("a", i64::MAX, 1000).await.unwrap().len(), 1);
    assert_eq!(scene.store.failures("a").await.unwrap()[0].hash, "104", "what it is to run it has failed with");
    let audit = scene.store.audit(None, i64::MAX, 9).await.unwrap();
    assert_eq!(
        audit.iter().map(|entry| (entry.number, entry.action.as_str())).collect::<Vec<_>>(),
        [(5, "audit.forget"), (4, "server.create")]
    );
    assert_eq!(scene.store.broken_audit().await.unwrap(), None);
    sqlx::query("DELETE FROM audit WHERE number = 4").execute(&scene.store.pool).await.unwrap();
    assert_eq!(scene.store.broken_audit().await.unwrap(), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_good_until_they_are_revoked_or_over() {
    for scene in scenes().await {
        let (good, over) = (new_token("wrn_").unwrap(), new_token("wrn_").unwrap());
        let mut change = scene.store.begin().await.unwrap();
        let info = change.add_token(&good, "ci", Role::Editor, "t", i64::MAX).await.unwrap();
        change.add_token(&over, "ci", Role::Editor, "t", 1).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.token(&good).await.unwrap().unwrap().role, Role::Editor);
        assert_eq!(scene.store.token(&over).await.unwrap(), None);
        let mut change = scene.store.begin().await.unwrap();
        change.revoke_token(&info.id).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.token(&good).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_token_is_of_no_use_once_its_credential_is() {
    for scene in scenes().await {
        let server = fresh("srv");
        let (token, first, second) = (new_token("").unwrap(), new_token("").unwrap(), new_token("").unwrap());
        let mut change = scene.store.begin().await.unwrap();
        change.add_enrolment(&token, &server, i64::MAX).await.unwrap();
        let lost = change.add_credential(&first, &server).await.unwrap();
        let id = change.add_credential(&second, &server).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.enrolment(&token).await.unwrap().unwrap().server, server);
        assert_eq!(scene.store.credential(&first).await.unwrap(), Some((lost, server.clone(), false)));
        let mut change = scene.store.begin().await.unwrap();
        change.settle_credential(&id, &server).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.enrolment(&token).await.unwrap(), None);
        assert_eq!(scene.store.credential(&first).await.unwrap(), None);
        assert_eq!(scene.store.credential(&second).await.unwrap(), Some((id, server, true)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_there_after_a_restart() {
    for scene in scenes().await {
        let server = server(&fresh("srv"));
        let destination = Destination::RemoteWrite { endpoint: "http://x".into(), username: String::new(), password: None };
        let mut change = scene.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        let id = change.integration_number().await.unwrap();
        let integration = Integration::new(id, destination);
        change.add_integration(&server.tenant, "c", &integration).await.unwrap();
        change
            .put_client(&Client { uid: server.id.clone(), server: server.id.clone(), seen: 5, ..Client::default() }, Some("{}"))
            .await
            .unwrap();
        change.put_desired(&server.id, &Desired { hash: "a".into(), provenance: json!({}), ..Desired::default() }).await.unwrap();
        change.put_desired(&server.id, &Desired { hash: "b".into(), provenance: json!({}), ..Desired::default() }).await.unwrap();
        change.add_failure(&server.id, "a", "why").await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        let store = Store::open(&scene.address, scene.key()).await.unwrap();
        assert_eq!(store.integrations(&server.tenant, "c").await.unwrap()[0].body, integration);
        assert_eq!(store.desired(&server.id).await.unwrap().unwrap().hash, "b");
        assert_eq!(store.failures(&server.id).await.unwrap()[0].error, "why");
        assert_eq!(store.clients_of(&server.id).await.unwrap()[0].seen, 5);
        let mut change = store.begin().await.unwrap();
        change.remove_server(&server.id).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert!(store.desired(&server.id).await.unwrap().is_none() && store.clients_of(&server.id).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_profile_of_a_database_from_before_there_were_rollouts_holds() {
    let scene = scenes().await.remove(0);
    let mut change = scene.store.begin().await.unwrap();
    change.add_profile(&Profile::default(), "test").await.unwrap();
    let newest = change.add_profile(&Profile::default(), "test").await.unwrap();
    change.commit(&actor(), &[]).await.unwrap();
    assert_eq!(scene.store.released_profile().await.unwrap().version, 0);
    for statement in [
        "DROP TABLE released",
        "DROP TABLE rollouts",
        "DROP TABLE targets",
        "DROP TABLE audit_forgotten",
        "DROP TABLE emergencies",
        "DROP INDEX credentials_id",
        "DROP INDEX enrolments_id",
        "DROP INDEX enrolments_server",
        "DROP TABLE news",
        "DROP TABLE leases",
        "DROP TABLE packages",
        "DROP TABLE released_packages",
        "DROP TABLE package_failures",
        "ALTER TABLE desired DROP COLUMN bus_interval",
        "DELETE FROM steps WHERE number > 0",
    ] {
        sqlx::query(statement).execute(&scene.store.pool).await.unwrap();
    }
    let again = Store::open(&scene.address, scene.key()).await.unwrap();
    assert_eq!(again.released_profile().await.unwrap().version, newest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_the_version_that_the_rollout_under_way_has_given_it() {
    let _turn = ROLLOUTS.lock().await;
    for scene in scenes().await {
        let server = server(&fresh("srv"));
        let mut change = scene.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        let old = change.add_profile(&Profile::default(), "test").await.unwrap();
        change.release_profile(old).await.unwrap();
        let new = change.add_profile(&Profile::default(), "test").await.unwrap();
        let rollout = change.add_rollout(&Rollout { version: new, before: old, ..Rollout::default() }).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert!(scene.store.late_servers(rollout.number, i64::MAX).await.unwrap().contains(&server.id));
        let mut change = scene.store.begin().await.unwrap();
        change.add_target(rollout.number, &server.id, 0).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        for (state, has) in
            [(TargetState::Pending, old), (TargetState::Refused, old), (TargetState::Waiting, new), (TargetState::Done, new)]
        {
            let mut change = scene.store.begin().await.unwrap();
            assert!(matches!(change.add_rollout(&rollout).await, Err(StoreError::Exists(_))));
            change.put_target(rollout.number, &Target { server: server.id.clone(), state, ..Target::default() }).await.unwrap();
            assert_eq!(change.target_counts(rollout.number).await.unwrap()[&(0, state)], 1);
            change.commit(&actor(), &[]).await.unwrap();
            assert_eq!(scene.store.profile_of(&server.id).await.unwrap().version, has, "{state:?}");
        }
        let mut change = scene.store.begin().await.unwrap();
        change.put_rollout(&Rollout { state: RolloutState::RolledBack, ..rollout.clone() }).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.profile_of(&server.id).await.unwrap().version, old);
        let mut change = scene.store.begin().await.unwrap();
        change.remove_server(&server.id).await.unwrap();
        change.put_target(rollout.number, &Target { server: server.id.clone(), ..Target::default() }).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert!(scene.store.targets(rollout.number, None, "", 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_told_without_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let key = MasterKey::from_file(&directory.path().join("key")).unwrap();
    let error = Store::open("postgre://user:canary@host/db", key).await.err().unwrap().to_string();
    assert!(error.contains("\"postgre\"") && !error.contains("canary"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_nodes_one_has_a_lease_and_each_hears_what_others_change() {
    for scene in scenes().await {
        let (name, servers): (String, Vec<String>) = (fresh("duty"), (0..450).map(|number| format!("srv-{number}")).collect());
        assert!(scene.store.lease(&name, 60_000).await.unwrap());
        let before = scene.store.newest_news().await.unwrap();
        let mut change = scene.store.begin().await.unwrap();
        change.tell_nodes(&servers).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        if !scene.store.is_shared() {
            assert_eq!(scene.store.news(before).await.unwrap(), News::default());
            continue;
        }
        let other = Store::open(&scene.address, scene.key()).await.unwrap();
        assert!(!other.lease(&name, 60_000).await.unwrap());
        assert!(scene.store.lease(&name, 1).await.unwrap(), "whoever has it keeps it");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(other.lease(&name, 60_000).await.unwrap(), "its time is over");
        scene.store.release(&name).await.unwrap();
        assert!(!scene.store.lease(&name, 60_000).await.unwrap(), "it is another's");
        other.release(&name).await.unwrap();
        assert!(scene.store.lease(&name, 60_000).await.unwrap());
        let heard = other.news(before).await.unwrap();
        assert_eq!(heard.servers, servers);
        assert_eq!(other.news(heard.number).await.unwrap(), News { number: heard.number, servers: Vec::new() });
        assert_eq!(scene.store.news(before).await.unwrap(), News { number: heard.number, servers: Vec::new() }, "its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_what_each_of_its_servers_has_and_nothing_of_others() {
    for scene in scenes().await {
        let ids: Vec<String> = ["a", "b", "c"].into_iter().map(|name| fresh(&format!("page-{name}"))).collect();
        let mut change = scene.store.begin().await.unwrap();
        for id in &ids {
            change.add_server(&server(id)).await.unwrap();
            for number in 0..3 {
                let desired = Desired { body: format!("{id} {number}"), ..Desired::default() };
                assert_eq!(change.put_desired_after(id, number, &desired).await.unwrap(), number + 1);
            }
            change.put_settings(&Scope::Server(id.clone()), &json!({"of": id}), 0).await.unwrap();
        }
        change.commit(&actor(), &[]).await.unwrap();
        let page = scene.store.page(&ids[0], &ids[1]).await.unwrap();
        assert_eq!(page.desired.get(&ids[1]), Some(&(3, format!("{} 2", ids[1]))));
        assert_eq!(page.settings.get(&ids[1]), Some(&json!({"of": ids[1]})));
        assert!(!page.desired.contains_key(&ids[0]) && !page.desired.contains_key(&ids[2]) && page.given.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_last_counts_whoever_writes_it_down_first() {
    for scene in scenes().await {
        let uid = fresh("uid");
        let mut change = scene.store.begin().await.unwrap();
        change.put_client(&Client { uid: uid.clone(), sequence: 5, seen: 50, ..Client::default() }, None).await.unwrap();
        let heard = |seen, sequence| Heard { uid: uid.clone(), seen, sequence, body: None };
        change.touch_clients(&[heard(70, 7), heard(60, 6)]).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        let client = scene.store.client(&uid).await.unwrap().unwrap();
        assert_eq!((client.seen, client.sequence), (70, 7));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_the_package_that_is_released_or_that_the_rollout_under_way_has_given_it() {
    let _turn = ROLLOUTS.lock().await;
    for scene in scenes().await {
        let server = server(&fresh("srv"));
        let version = fresh("2.0.0-");
        let package = Package { version: version.clone(), arch: "amd64".into(), sha256: fresh("sha"), ..Package::default() };
        let mut change = scene.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        change.add_package(&package).await.unwrap();
        assert!(matches!(change.add_package(&package).await, Err(StoreError::Exists(_))));
        change.put_package(&Package { size: 7, ..package.clone() }).await.unwrap();
        let before = scene.store.released_package().await.unwrap();
        let rollout = Rollout { package: version.clone(), package_before: before.clone(), ..Rollout::default() };
        let rollout = change.add_rollout(&rollout).await.unwrap();
        change.add_target(rollout.number, &server.id, 0).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        let kept = scene.store.package_with(&package.sha256).await.unwrap().unwrap();
        assert!(kept.size == 7 && kept.is_there() && scene.store.packages().await.unwrap().contains(&kept));
        for (state, has) in [
            (TargetState::Pending, &before),
            (TargetState::Refused, &before),
            (TargetState::Same, &before),
            (TargetState::Given, &version),
            (TargetState::Failed, &version),
            (TargetState::RolledBack, &before),
        ] {
            let mut change = scene.store.begin().await.unwrap();
            change.put_target(rollout.number, &Target { server: server.id.clone(), state, ..Target::default() }).await.unwrap();
            change.commit(&actor(), &[]).await.unwrap();
            assert_eq!(scene.store.package_of(&server.id).await.unwrap(), *has, "{state:?}");
            // The version of the profile is none of its business.
            let profile = scene.store.profile_of(&server.id).await.unwrap().version;
            assert_eq!(profile, scene.store.released_profile().await.unwrap().version);
        }
        let mut change = scene.store.begin().await.unwrap();
        assert!(change.add_package_failure(&server.id, &package.sha256, 0, "why").await.unwrap());
        assert!(!change.add_package_failure(&server.id, &package.sha256, 0, "again").await.unwrap());
        change.put_rollout(&Rollout { state: RolloutState::Completed, ..rollout }).await.unwrap();
        change.release_package(&version).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        assert_eq!(scene.store.package_of(&server.id).await.unwrap(), version);
        let failures = scene.store.package_failures(&server.id, &package.sha256).await.unwrap();
        assert_eq!((failures.forgiven, failures.error.as_deref()), (0, Some("why")));
        let mut change = scene.store.begin().await.unwrap();
        change.forgive_package(&server.id, &package.sha256).await.unwrap();
        change.remove_packages(&version).await.unwrap();
        change.commit(&actor(), &[]).await.unwrap();
        let failures = scene.store.package_failures(&server.id, &package.sha256).await.unwrap();
        assert_eq!((failures.forgiven, failures.error), (1, None));
    }
}
