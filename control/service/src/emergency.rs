//! Emergencies: what holds for some servers for a while, over profile, tenants, clusters and servers, without stages.
//!
//! ```text
//! operator: set ─▶ could all run it? ─▶ store ◀─▶ each second: is one over? ─▶ render the next 20 servers, give
//! operator: clear ─────────────────────▶ store
//! ```
//!
//! How far it is is in the store: a control plane that starts again goes on there. When one ends, by itself or by somebody, its servers get their
//! configuration back at the same rate.

use crate::app::{App, now};
use crate::desired::{Inputs, PAGE, keep};
use crate::nodes::{Duty, is_ours};
use serde_json::json;
use std::time::Duration;
use warren_fleet::Layer;
use warren_store::{Actor, Emergency, EmergencyState, Entry, StoreError};
use warren_telemetry::Field;

/// Time between two looks.
const TICK: Duration = Duration::from_secs(1);

/// Servers that are given another configuration in one go.
const GIVEN: usize = if cfg!(test) { 2 } else { 20 };

/// Servers that are looked at in one go.
const LOOKED_AT: usize = 2000;

/// Looks after emergencies, for ever.
pub(crate) async fn run(app: App) {
    loop {
        tokio::time::sleep(TICK).await;
        if !is_ours(&app, Duty::Emergencies).await {
            continue;
        }
        if let Err(error) = tick(&app).await {
            app.log.error("An emergency cannot go on", &[("error", Field::Display(&error))]);
        }
    }
}

/// What an emergency says of its servers.
pub(crate) fn layer(emergency: &Emergency) -> Layer {
    Layer {
        origin: format!("emergency {}", emergency.number),
        settings: emergency.settings.clone(),
        config: emergency.config.clone(),
    }
}

/// Looks once, and does what there is to do.
///
/// # Errors
/// When the store fails; nothing was done then.
pub(crate) async fn tick(app: &App) -> Result<(), StoreError> {
    let current = app.store.current_emergencies().await?;
    for over in current.iter().filter(|known| known.state == EmergencyState::Active && !known.holds()) {
        end(app, over.number, "expired", &actor()).await?;
    }
    let left = current.iter().find(|known| !known.settled);
    let Some(number) = left.map(|known| known.number) else { return Ok(()) };
    let mut change = app.store.begin().await?;
    let mut emergency = app.store.emergency(number).await?;
    if emergency.settled {
        return Ok(());
    }
    let (mut woken, mut seen, mut all) = (Vec::new(), 0, false);
    'pages: loop {
        let servers = app.store.servers(None, None, &emergency.after, PAGE).await?;
        if servers.is_empty() {
            all = true;
            break;
        }
        for server in servers {
            if woken.len() >= GIVEN || seen >= LOOKED_AT {
                break 'pages;
            }
            let server = server.body;
            emergency.after.clone_from(&server.id);
            seen += 1;
            if !emergency.when.fits(&server) {
                continue;
            }
            let id = server.id.clone();
            let inputs = Inputs::of(app, server).await?;
            match inputs.configuration(app) {
                Ok(rendered) => {
                    let cause = format!("emergency {number}{}", if emergency.holds() { "" } else { " is over" });
                    if keep(app, &mut change, &inputs, &rendered, &cause).await? {
                        woken.push(id);
                    }
                }
                Err(faults) => {
                    let error = faults.first().map(ToString::to_string).unwrap_or_default();
                    let fields = [("server", Field::Str(&id)), ("error", Field::Str(&error))];
                    app.log.error("A server keeps what it has: there is no configuration for it", &fields);
                }
            }
        }
    }
    let mut entries = Vec::new();
    if emergency.state == EmergencyState::Active {
        emergency.servers += i64::try_from(woken.len()).unwrap_or(0);
    }
    if all {
        emergency.settled = true;
        if emergency.state == EmergencyState::Ending {
            emergency.state = EmergencyState::Ended;
        }
        let detail = json!({"state": emergency.state, "servers": emergency.servers});
        entries.push(Entry::new("", "emergency.settled", format!("emergencies/{number}"), detail));
    }
    change.put_emergency(&emergency).await?;
    change.tell_nodes(&woken).await?;
    change.commit(&actor(), &entries).await?;
    app.wake(&woken);
    Ok(())
}

/// Ends an emergency; its servers get their configuration back.
///
/// # Errors
/// When there is none, or the store fails.
pub(crate) async fn end(app: &App, number: i64, reason: &str, who: &Actor) -> Result<Emergency, StoreError> {
    let mut change = app.store.begin().await?;
    let mut emergency = app.store.emergency(number).await?;
    if emergency.state == EmergencyState::Active {
        emergency.state = EmergencyState::Ending;
        emergency.expires = emergency.expires.min(now());
        emergency.after.clear();
        emergency.settled = false;
        change.put_emergency(&emergency).await?;
        let entry = Entry::new("", "emergency.end", format!("emergencies/{number}"), json!({"reason": reason}));
        change.commit(who, &[entry]).await?;
    }
    Ok(emergency)
}

fn actor() -> Actor {
    Actor { name: "emergency".to_owned(), address: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_fleet::{Overlay, Profile, Selector, Server};

    async fn fleet() -> (App, tempfile::TempDir) {
        let (app, directory) = App::scratch().await;
        let mut change = app.store.begin().await.unwrap();
        let settings = json!({"destinations": {"mimir": {"endpoint": "https://m"}}, "scrape": {"detailed": {"enabled": true}}});
        let profile = Profile { overlays: vec![Overlay { name: "base".into(), settings, ..Overlay::default() }] };
        let version = change.add_profile(&profile, "t").await.unwrap();
        change.release_profile(version).await.unwrap();
        for (id, region) in [("a", "eu"), ("b", "eu"), ("c", "us"), ("d", "eu")] {
            let server =
                Server { id: id.into(), tenant: "t".into(), name: id.into(), region: region.into(), ..Server::default() };
            change.add_server(&server).await.unwrap();
        }
        change.commit(&Actor::default(), &[]).await.unwrap();
        (app, directory)
    }

    async fn set(app: &App, expires: i64) -> i64 {
        let emergency = Emergency {
            when: Selector { region: vec!["eu".into()], ..Selector::default() },
            settings: json!({"scrape": {"detailed": {"enabled": false}}}),
            expires,
            ..Emergency::default()
        };
        let mut change = app.store.begin().await.unwrap();
        let number = change.add_emergency(&emergency).await.unwrap().number;
        change.commit(&Actor::default(), &[]).await.unwrap();
        number
    }

    async fn detailed(app: &App, id: &str) -> Option<bool> {
        Some(app.store.desired(id).await.unwrap()?.body.contains("prometheus/detailed"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_get_it_a_few_at_a_time_and_get_back_what_they_had() {
        let (app, _directory) = fleet().await;
        let number = set(&app, i64::MAX).await;
        tick(&app).await.unwrap();
        assert_eq!((detailed(&app, "b").await, detailed(&app, "d").await), (Some(false), None), "two at a time");
        tick(&app).await.unwrap();
        assert_eq!((detailed(&app, "d").await, detailed(&app, "c").await), (Some(false), None), "others are left alone");
        let known = app.store.emergency(number).await.unwrap();
        assert!(known.settled && known.servers == 3);
        end(&app, number, "better", &Actor::default()).await.unwrap();
        for _ in 0..2 {
            tick(&app).await.unwrap();
        }
        assert_eq!((detailed(&app, "a").await, detailed(&app, "d").await), (Some(true), Some(true)));
        assert_eq!(app.store.emergency(number).await.unwrap().state, EmergencyState::Ended);
        assert!(app.store.current_emergencies().await.unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_ends_by_itself() {
        let (app, _directory) = fleet().await;
        let number = set(&app, now() - 1).await;
        tick(&app).await.unwrap();
        assert_eq!(app.store.emergency(number).await.unwrap().state, EmergencyState::Ending);
        for _ in 0..2 {
            tick(&app).await.unwrap();
        }
        assert_eq!(app.store.emergency(number).await.unwrap().state, EmergencyState::Ended);
        assert_eq!(detailed(&app, "a").await, Some(true));
    }
}
