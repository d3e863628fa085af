//! What the control plane keeps, and for how long; and how often it may be asked.

use serde_json::{Value, json};
use warren_e2e::control_plane::{self, ControlPlane};
use warren_e2e::http::{self, Message};
use warren_e2e::{Result, wait};

use crate::support::PATIENCE;

/// Configurations of a server that are remembered at most.
const HISTORY_MAX: usize = 100;

/// A server that has been given so many configurations.
fn changed(plane: &ControlPlane, times: usize) -> Result<()> {
    let settings = json!({"destinations": {"mimir": {"endpoint": "https://mimir.example.net/api/v1/push", "username": "1", "password": "fleet/m@1"}}});
    plane.ask("PUT", "/secrets/fleet/m", Some(&json!({"value": "the-password-of-the-fleet"})), None)?;
    plane.post("/profile", &json!({"overlays": [{"name": "base", "settings": settings}]}))?;
    plane.post("/servers", &json!({"id": "srv-1", "tenant": "acme", "name": "server-01"}))?;
    for number in 1..times {
        plane.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"number": number.to_string()}}))?;
    }
    Ok(())
}

fn history(plane: &ControlPlane) -> Result<Vec<Value>> {
    Ok(plane.get("/servers/srv-1/config/history?limit=1000")?["items"].as_array().cloned().unwrap_or_default())
}

#[test]
fn a_backup_that_is_taken_while_it_serves_is_all_that_is_needed_to_serve_again() -> Result<()> {
    let plane = ControlPlane::start()?;
    changed(&plane, 3)?;
    let copies = tempfile::tempdir().unwrap();
    let (copy, new) = (copies.path().join("copy"), copies.path().join("new.db"));
    let run = |arguments: &[&str]| {
        let done = plane.command(arguments)?;
        assert!(done.status.success(), "{}", done.stderr);
        Ok(())
    };
    let from = format!("sqlite:{}", plane.directory().join("warren.db").display());
    run(&["backup", "--store", &from, copy.to_str().unwrap()])?;
    // What comes later is not in it.
    plane.post("/servers", &json!({"id": "later", "tenant": "acme", "name": "later"}))?;
    let to = format!("sqlite:{}", new.display());
    run(&["restore", "--store", &to, copy.to_str().unwrap()])?;

    let key = copies.path().join("warren.key");
    std::fs::copy(new.with_extension("key"), &key).unwrap();
    std::fs::copy(plane.token_path(), copies.path().join("warren.admin-token")).unwrap();
    let beside = Some(copies.path().to_owned());
    let again = ControlPlane::start_with(control_plane::Setup { store: Some(to), beside, ..control_plane::Setup::default() })?;
    assert_eq!(history(&again)?, history(&plane)?);
    assert_eq!(again.ask("GET", "/servers/later", None, None)?.status, 404);
    // The secrets can be read: a configuration that refers to them can be made.
    again.put("/servers/srv-1/settings", |body| body["settings"] = json!({"tags": {"number": "after"}}))?;
    assert_eq!(history(&again)?.len(), 4);
    Ok(())
}

#[test]
fn of_former_configurations_so_many_are_remembered_and_the_rest_is_forgotten_soon_after_the_start() -> Result<()> {
    let mut plane = ControlPlane::start()?;
    changed(&plane, HISTORY_MAX + 5)?;
    plane.stop()?;
    plane.restart()?;
    let kept = wait::until("the oldest are forgotten", PATIENCE, || {
        history(&plane).ok().filter(|history| history.len() <= HISTORY_MAX)
    })?;
    assert_eq!(kept.len(), HISTORY_MAX);
    assert_eq!(kept[0]["number"], HISTORY_MAX + 5);
    Ok(())
}

#[test]
fn whoever_asks_too_often_waits_and_others_do_not() -> Result<()> {
    let arguments = ["--api-rate", "5"].map(str::to_owned).to_vec();
    let plane = ControlPlane::start_with(control_plane::Setup { arguments, ..control_plane::Setup::default() })?;
    let other = plane.post("/tokens", &json!({"name": "other", "role": "viewer", "tenant": "", "days": 1}))?;
    let statuses: Vec<u16> = (0..40).map(|_| plane.ask("GET", "/servers", None, None).unwrap().status).collect();
    assert!(statuses.contains(&429) && statuses[0] == 200, "{statuses:?}");
    assert_eq!(plane.ask_as(other["token"].as_str().unwrap(), "GET", "/servers", None, None)?.status, 200);
    // The program for people waits, and asks again.
    let listed = plane.command(&["servers", "list"])?;
    assert!(listed.status.success(), "{}", listed.stderr);
    Ok(())
}

#[test]
fn collectors_that_all_come_at_once_are_let_in_one_after_the_other() -> Result<()> {
    let arguments = ["--admit-rate", "2"].map(str::to_owned).to_vec();
    let plane = ControlPlane::start_with(control_plane::Setup { arguments, ..control_plane::Setup::default() })?;
    let url = plane.opamp_http_url();
    let come = || http::send(&http::Request { method: "GET", url: &url, ..http::Request::default() }).unwrap();
    let answers: Vec<Message> = (0..30).map(|_| come()).collect();
    let (in_turn, later): (Vec<&Message>, Vec<&Message>) = answers.iter().partition(|answer| answer.word(1) == "401");
    // Who is let in is asked who it is; the others are not even that.
    assert!((4..20).contains(&in_turn.len()), "{}", in_turn.len());
    for answer in later {
        let wait: u64 = answer.headers.get("retry-after").unwrap().parse().unwrap();
        assert!(answer.word(1) == "503" && (30..90).contains(&wait), "{} {wait}", answer.word(1));
    }
    let page = http::get(&format!("{}/metrics", plane.url()), None)?.text();
    let counted = page.lines().find_map(|line| line.strip_prefix("warren_opamp_deferred_total "));
    assert_eq!(counted, Some((30 - in_turn.len()).to_string().as_str()), "{page}");
    Ok(())
}
