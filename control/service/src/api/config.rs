//! Configurations: what a server is to run, what it runs, what it ran before.

use super::body::{Listed, Page, Trial, entries};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{Inputs, attempt, made_of};
use crate::problem::Problem;
use crate::standing::standing;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::IntoParams;
use warren_fleet::{Server, below};
use warren_store::{Desired, Entry, Role};

/// What a server is to run and what it runs; secrets are in neither.
#[utoipa::path(get, path = "/api/v1/servers/{id}/config", params(("id" = String, Path)), responses((status = 200, body = Value)))]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let server = server(&app, &caller, &id, Role::Viewer).await?;
    let client = app.store.clients_of(&id).await?.into_iter().next();
    let desired = app.store.desired(&id).await?;
    let state = standing(&app, &server, client.as_ref(), desired.as_ref());
    let effective = match &client {
        Some(client) => parsed(&app.store.effective(&client.uid).await?),
        None => Value::Null,
    };
    let answer = json!({
        "desired": desired.as_ref().map(shown),
        "effective": effective,
        "state": state,
        "reported": client.map(|client| json!({
            "hash": client.config_hash, "status": client.config_status, "error": client.config_error, "health": client.health,
            "description": client.description,
        })),
        "failures": app.store.failures(&id).await?,
    });
    Ok(axum::Json(answer).into_response())
}

/// What a server was to run, newest first.
#[utoipa::path(
    get, path = "/api/v1/servers/{id}/config/history", params(("id" = String, Path), Page), responses((status = 200, body = Value))
)]
pub(crate) async fn history(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    server(&app, &caller, &id, Role::Viewer).await?;
    let before = match page.after.as_str() {
        "" => i64::MAX,
        after => after.parse().map_err(|_| Problem::bad(format!("after: {after:?} is no number of the history")))?,
    };
    let limit = entries(page.limit);
    let items: Vec<Value> = app.store.desired_history(&id, before, limit).await?.iter().map(shown).collect();
    Ok(axum::Json(Listed::new(items, limit, |item| item["number"].to_string())).into_response())
}

/// Which two configurations are to be compared.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Two {
    /// A number of the history; the one before the other if it is left out.
    pub(super) from: Option<i64>,
    /// A number of the history; the newest if it is left out.
    pub(super) to: Option<i64>,
}

/// What differs between two configurations of a server, leaf by leaf, and where the newer value came from.
#[utoipa::path(
    get, path = "/api/v1/servers/{id}/config/diff", params(("id" = String, Path), Two), responses((status = 200, body = Value))
)]
pub(crate) async fn diff(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(two): Query<Two>,
) -> Result<Response, Problem> {
    server(&app, &caller, &id, Role::Viewer).await?;
    // Before the first there was nothing, and nothing is zero.
    let at = async |number: i64| if number == 0 { Ok(Desired::default()) } else { app.store.desired_at(&id, number).await };
    let to = match two.to {
        Some(number) => at(number).await?,
        None => app.store.desired(&id).await?.unwrap_or_default(),
    };
    let from = at(two.from.unwrap_or_else(|| to.number.saturating_sub(1).max(0))).await?;
    let mut changes = Vec::new();
    compare(&parsed(&from.body), &parsed(&to.body), "", &mut changes);
    for change in &mut changes {
        let origin = change["pointer"].as_str().and_then(|pointer| to.provenance.get(pointer));
        change["origin"] = origin.cloned().unwrap_or(Value::Null);
    }
    Ok(axum::Json(json!({"from": from.number, "to": to.number, "changes": changes})).into_response())
}

/// Has a server try a configuration again that it has failed with.
#[utoipa::path(
    post, path = "/api/v1/servers/{id}/actions/retry", params(("id" = String, Path), Trial), responses((status = 200, body = Value))
)]
pub(crate) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    let server = server(&app, &caller, &id, Role::Operator).await?;
    let mut change = app.store.begin().await?;
    let Some(before) = app.store.desired(&id).await? else { return Err(Problem::bad("the server has nothing to run")) };
    if !app.store.failures(&id).await?.iter().any(|failure| failure.hash == before.hash) {
        return Err(Problem::bad("the server has not failed with what it is to run"));
    }
    let inputs = Inputs::of(&app, server.clone()).await?;
    let made = inputs.configuration(&app).map_err(Problem::faults)?;
    let hash = attempt(&app, &id, &made).await?;
    let desired = made_of(&inputs, &made, &hash, "to be tried again");
    let number = change.put_desired(&id, &desired).await?;
    if !trial.dry_run {
        let detail = json!({"before": before.hash, "after": desired.hash});
        let entry = Entry::new(&server.tenant, "config.retry", format!("servers/{id}/config/{number}"), detail);
        let servers = [id];
        change.tell_nodes(&servers).await?;
        change.commit(&caller.actor(), &[entry]).await?;
        app.wake(&servers);
    }
    Ok(axum::Json(json!({"hash": desired.hash, "number": number})).into_response())
}

async fn server(app: &App, caller: &Caller, id: &str, role: Role) -> Result<Server, Problem> {
    let server = app.store.server(id).await?.body;
    caller.may(role, &server.tenant)?;
    Ok(server)
}

fn shown(desired: &Desired) -> Value {
    json!({
        "number": desired.number, "hash": desired.hash, "body": parsed(&desired.body), "provenance": desired.provenance,
        "profile": desired.profile, "cause": desired.cause, "created": desired.created,
    })
}

/// A text of JSON as such; another one as it is.
fn parsed(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())) }
}

/// Every leaf that differs. An object that is only on one side is compared with nothing, leaf by leaf.
fn compare(before: &Value, after: &Value, pointer: &str, changes: &mut Vec<Value>) {
    let nothing = Map::new();
    let (old, new) = match (before, after) {
        (Value::Object(old), Value::Object(new)) => (old, new),
        (Value::Object(old), Value::Null) => (old, &nothing),
        (Value::Null, Value::Object(new)) => (&nothing, new),
        (old, new) if old == new => return,
        (old, new) => return changes.push(json!({"pointer": pointer, "before": old, "after": new})),
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let (old, new) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
        compare(old, new, &below(pointer, key), changes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_leaf_by_leaf() {
        let mut changes = Vec::new();
        compare(&json!({"a": 1, "b": {"c": 2}}), &json!({"a": 1, "b": {"c": 3}, "d/e": {"f": [1]}}), "", &mut changes);
        assert_eq!(
            changes,
            [json!({"pointer": "/b/c", "before": 2, "after": 3}), json!({"pointer": "/d~1e/f", "before": null, "after": [1]}),]
        );
    }
}
