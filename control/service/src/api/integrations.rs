//! Integrations of clusters. Secrets go in and never come out.

use super::body::{Json, Trial, name, seen, versioned};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{Inputs, remake_all};
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use warren_fleet::{Destination, Fault, Integration, SecretRef};
use warren_store::{Change, Entry, Role, Versioned};

/// Most integrations of a cluster.
const CLUSTER_MAX: usize = 50;

/// The integrations of a cluster.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/integrations", params(("tenant" = String, Path), ("cluster" = String, Path)),
    responses((status = 200, body = Value))
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &tenant)?;
    let all = app.store.integrations(&tenant, &cluster).await?;
    Ok(axum::Json(json!({"items": all.iter().map(shown).collect::<Vec<_>>()})).into_response())
}

/// Has data of a cluster sent somewhere else as well.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/integrations",
    params(("tenant" = String, Path), ("cluster" = String, Path), Trial), request_body = Integration,
    responses((status = 201, body = Value), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster)): Path<(String, String)>,
    Query(trial): Query<Trial>,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    name("/tenant", &tenant)?;
    name("/cluster", &cluster)?;
    patched(&caller, &body, &Value::Null)?;
    let mut edit = Edit::begin(&app, &tenant, &cluster).await?;
    if edit.integrations.len() >= CLUSTER_MAX {
        return Err(Problem::bad(format!("a cluster has at most {CLUSTER_MAX} integrations")));
    }
    let id = edit.change.integration_number().await?;
    let integration = edit.taken(id, body, None).await?;
    edit.change.add_integration(&tenant, &cluster, &integration).await?;
    let new = Versioned { version: 1, body: integration };
    edit.integrations.push(new.body.clone());
    let detail = json!({"after": shown(&new)});
    edit.finish(&caller, &trial, "integration.create", id, detail).await?;
    Ok(versioned(if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED }, 1, &shown(&new)))
}

/// An integration.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/integrations/{id}",
    params(("tenant" = String, Path), ("cluster" = String, Path), ("id" = i64, Path)), responses((status = 200, body = Value))
)]
pub(crate) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster, id)): Path<(String, String, i64)>,
) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &tenant)?;
    let integration = app.store.integration(&tenant, &cluster, id).await?;
    Ok(versioned(StatusCode::OK, integration.version, &shown(&integration)))
}

/// Changes an integration. A secret that is left out, or given back as it was shown, stays as it is.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/integrations/{id}",
    params(("tenant" = String, Path), ("cluster" = String, Path), ("id" = i64, Path), Trial), request_body = Integration,
    responses((status = 200, body = Value), (status = 412, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster, id)): Path<(String, String, i64)>,
    Query(trial): Query<Trial>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    let version = seen(&headers)?;
    let mut edit = Edit::begin(&app, &tenant, &cluster).await?;
    let before = app.store.integration(&tenant, &cluster, id).await?;
    patched(&caller, &body, &before.body.exporter)?;
    let integration = edit.taken(id, body, Some(&before.body)).await?;
    if caller.tenant().is_some() && !integration.exporter.is_null() && integration.destination != before.body.destination {
        let message = "the settings of its exporter are the operator's and go nowhere else: leave them out, or ask the operator";
        return Err(Problem { status: 403, ..Problem::faults(vec![Fault::new("/destination", message)]) });
    }
    let version = edit.change.update_integration(&integration, version).await?;
    let new = Versioned { version, body: integration };
    edit.integrations.iter_mut().filter(|known| known.id == id).for_each(|known| *known = new.body.clone());
    let detail = json!({"before": shown(&before), "after": shown(&new)});
    edit.finish(&caller, &trial, "integration.update", id, detail).await?;
    Ok(versioned(StatusCode::OK, version, &shown(&new)))
}

/// Ends an integration.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/integrations/{id}",
    params(("tenant" = String, Path), ("cluster" = String, Path), ("id" = i64, Path), Trial), responses((status = 204))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster, id)): Path<(String, String, i64)>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    let mut edit = Edit::begin(&app, &tenant, &cluster).await?;
    let before = app.store.integration(&tenant, &cluster, id).await?;
    edit.change.remove_integration(&tenant, &cluster, id).await?;
    edit.integrations.retain(|known| known.id != id);
    edit.finish(&caller, &trial, "integration.delete", id, json!({"before": shown(&before)})).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An exporter's settings are not for a tenant to say: with them it could have others' credentials sent to itself.
fn patched(caller: &Caller, body: &Value, before: &Value) -> Result<(), Problem> {
    let patch = body.get("exporter").unwrap_or(&Value::Null);
    if caller.tenant().is_none() || patch.is_null() || patch == before {
        return Ok(());
    }
    let fault = Fault::new("/exporter", "tokens of a tenant cannot set this");
    Err(Problem { status: 403, ..Problem::faults(vec![fault]) })
}

/// A change of a cluster's integrations.
struct Edit {
    app: App,
    change: Change,
    tenant: String,
    cluster: String,
    integrations: Vec<Integration>,
}

impl Edit {
    async fn begin(app: &App, tenant: &str, cluster: &str) -> Result<Self, Problem> {
        let change = app.store.begin().await?;
        let integrations = app.store.integrations(tenant, cluster).await?.into_iter().map(|known| known.body).collect();
        Ok(Self { app: app.clone(), change, tenant: tenant.to_owned(), cluster: cluster.to_owned(), integrations })
    }

    /// An integration as it was given, its secrets stored and referred to.
    async fn taken(&mut self, id: i64, mut body: Value, before: Option<&Integration>) -> Result<Integration, Problem> {
        let object = body.as_object_mut().ok_or_else(|| Problem::bad("an integration is a JSON object"))?;
        object.insert("id".to_owned(), json!(id));
        object.remove("version");
        let before = before.and_then(|before| serde_json::to_value(&before.destination).ok());
        let mut found = Vec::new();
        if let Some(destination) = object.get_mut("destination") {
            secrets(destination, before.as_ref().unwrap_or(&Value::Null), "", false, &mut found);
        }
        for (pointer, plain) in found {
            let secret = self.change.put_secret(&self.tenant, &format!("int-{id}{pointer}"), &plain).await?;
            if let Some(place) = object.get_mut("destination").and_then(|destination| destination.pointer_mut(&pointer)) {
                *place = json!(secret.to_string());
            }
        }
        serde_json::from_value(body).map_err(|error| Problem::faults(vec![Fault::new("", error.to_string())]))
    }

    /// Makes the configurations of the cluster's servers anew, and makes it so.
    async fn finish(mut self, caller: &Caller, trial: &Trial, action: &str, id: i64, detail: Value) -> Result<(), Problem> {
        let with = |known| Inputs { integrations: self.integrations.clone(), ..known };
        let (whose, cause) = ((Some(self.tenant.as_str()), Some(self.cluster.as_str())), format!("{action} {id}"));
        let remade = remake_all(&self.app, &mut self.change, whose, &cause, with).await?;
        if trial.dry_run {
            return Ok(());
        }
        let resource = format!("tenants/{}/clusters/{}/integrations/{id}", self.tenant, self.cluster);
        self.change.tell_nodes(&remade).await?;
        self.change.commit(&caller.actor(), &[Entry::new(&self.tenant, action, resource, detail)]).await?;
        self.app.wake(&remade);
        Ok(())
    }
}

/// Finds the secrets of a destination that are new, by their pointers; those that were left out or given back as they were shown are put in as
/// they were.
fn secrets(value: &mut Value, before: &Value, pointer: &str, all: bool, found: &mut Vec<(String, String)>) {
    let Value::Object(map) = value else { return };
    if !all && let Value::Object(before) = before {
        // Of another kind of destination nothing is kept.
        let same = map.get("kind").is_none_or(|kind| Some(kind) == before.get("kind"));
        for (key, old) in
            before.iter().filter(|(key, old)| same && Destination::SECRETS.contains(&key.as_str()) && old.is_string())
        {
            map.entry(key.clone()).or_insert_with(|| old.clone());
        }
    }
    for (key, value) in map {
        let below = warren_fleet::below(pointer, key);
        let old = before.get(key).unwrap_or(&Value::Null);
        match value {
            Value::String(plain)
                if (all || Destination::SECRETS.contains(&key.as_str())) && old.as_str() != Some(plain.as_str()) =>
            {
                found.push((below, plain.clone()));
            }
            Value::Object(shown) if shown.get("set") == Some(&json!(true)) && old.is_string() => *value = old.clone(),
            Value::Object(_) => secrets(value, old, &below, key == "headers", found),
            _ => {}
        }
    }
}

/// An integration as it may be shown.
fn shown(integration: &Versioned<Integration>) -> Value {
    let mut shown = serde_json::to_value(&integration.body).unwrap_or_default();
    shown["version"] = json!(integration.version);
    if let Some(destination) = shown.get_mut("destination") {
        hide(destination, false);
    }
    shown
}

fn hide(value: &mut Value, all: bool) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        let secret = all || Destination::SECRETS.contains(&key.as_str());
        match value.as_str().filter(|_| secret).map(str::parse::<SecretRef>) {
            Some(Ok(reference)) => {
                *value = Value::Object(Map::from_iter([
                    ("set".to_owned(), json!(true)),
                    ("version".to_owned(), json!(reference.version)),
                ]))
            }
            Some(Err(_)) => *value = Value::Null,
            None => hide(value, key == "headers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_wherever_they_stand_and_kept_where_they_are_not_given_again() {
        let before =
            json!({"kind": "otlp", "endpoint": "e", "auth": {"type": "headers", "headers": {"a": "int-1/auth/headers/a@1"}}});
        let mut given =
            json!({"kind": "otlp", "endpoint": "f", "auth": {"type": "headers", "headers": {"a": {"set": true}, "b": "new"}}});
        let mut found = Vec::new();
        secrets(&mut given, &before, "", false, &mut found);
        assert_eq!(found, [("/auth/headers/b".to_owned(), "new".to_owned())]);
        assert_eq!(given["auth"]["headers"]["a"], "int-1/auth/headers/a@1");
        let before = json!({"kind": "new_relic", "region": "eu", "api_key": "int-2/api_key@3"});
        let mut given = json!({"kind": "new_relic", "region": "us"});
        found.clear();
        secrets(&mut given, &before, "", false, &mut found);
        assert!(found.is_empty() && given["api_key"] == "int-2/api_key@3");
        let mut given = json!({"kind": "dynatrace"});
        secrets(&mut given, &before, "", false, &mut found);
        assert!(given.get("api_key").is_none());
    }

    #[test]
    fn nothing_that_is_shown_is_a_secret() {
        let mut shown = json!({"kind": "otlp", "auth": {"type": "basic", "username": "u", "password": "int-1/auth/password@2"}});
        hide(&mut shown, false);
        assert_eq!(shown["auth"]["password"], json!({"set": true, "version": 2}));
        assert_eq!(shown["auth"]["username"], "u");
    }
}
