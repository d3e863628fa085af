//! Servers.

use super::body::{Json, Listed, Trial, entries, name, seen, versioned};
use crate::app::{App, now};
use crate::auth::Caller;
use crate::desired::{Common, Inputs, made, made_of, remake};
use crate::problem::Problem;
use crate::standing::{Standing, standing};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use warren_fleet::Server;
use warren_store::{Change, Entry, Page, Role, new_token};

/// How long an enrolment token is good, in milliseconds.
const ENROLMENT: i64 = 24 * 3600 * 1000;

/// Servers that are registered in one go.
const IMPORTED_MAX: usize = 500;

/// A server and how it stands with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shown {
    #[serde(flatten)]
    server: Server,
    /// Grows with every change.
    version: i64,
    /// Its collector.
    state: Standing,
}

/// Which servers.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of this tenant.
    tenant: Option<String>,
    /// Of this cluster.
    cluster: Option<String>,
    /// Where the page before ended.
    after: String,
    /// Entries at most.
    limit: Option<i64>,
}

/// Servers, in order.
#[utoipa::path(get, path = "/api/v1/servers", params(Which), responses((status = 200, body = Listed<Shown>)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(which): Query<Which>) -> Result<Response, Problem> {
    let tenant = caller.tenant().or(which.tenant.as_deref());
    caller.may(Role::Viewer, tenant.unwrap_or_default())?;
    let limit = entries(which.limit);
    let servers = app.store.servers(tenant, which.cluster.as_deref(), &which.after, limit).await?;
    let mut items = Vec::new();
    for server in servers {
        items.push(shown(&app, server.body, server.version).await?);
    }
    Ok(axum::Json(Listed::new(items, limit, |shown| shown.server.id.clone())).into_response())
}

/// Registers a server.
#[utoipa::path(post, path = "/api/v1/servers", params(Trial), request_body = Server, responses((status = 201, body = Shown)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(server): Json<Server>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &server.tenant)?;
    check(&server)?;
    let mut change = app.store.begin().await?;
    let inputs = Inputs::of(&app, server.clone()).await?;
    change.add_server(&server).await?;
    match remake(&app, &mut change, &inputs, "the server was registered").await {
        // A server may be registered before there is anything to collect of it.
        Err(problem) if problem.errors.is_empty() => return Err(problem),
        Ok(_) | Err(_) => {}
    }
    if !trial.dry_run {
        let detail = json!({"after": server});
        let entry = Entry::new(&server.tenant, "server.create", format!("servers/{}", server.id), detail);
        change.commit(&caller.actor(), &[entry]).await?;
    }
    let shown = shown(&app, server, 1).await?;
    Ok(versioned(if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED }, 1, &shown))
}

/// Servers to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// The servers, 500 at most.
    #[schema(value_type = Vec<Server>)]
    servers: Vec<Value>,
}

/// How servers are registered.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// Says what would come of it, and changes nothing.
    dry_run: bool,
    /// Makes an enrolment token for each.
    enrol: bool,
}

/// What came of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// How many are registered.
    registered: usize,
    /// Each in the order that they were given.
    items: Vec<Registered>,
}

/// What came of one.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// What it is known by.
    id: String,
    /// Why it is not registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Its enrolment token, which is shown now and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Registers servers, up to 500 at once. Those that cannot be registered are told with the reason, and hold up none of the others.
#[utoipa::path(
    post, path = "/api/v1/servers/actions/import", params(How), request_body = Import, responses((status = 200, body = Imported))
)]
pub(crate) async fn import(
    State(app): State<App>,
    caller: Caller,
    Query(how): Query<How>,
    Json(import): Json<Import>,
) -> Result<Response, Problem> {
    if import.servers.len() > IMPORTED_MAX {
        return Err(Problem::bad(format!("{IMPORTED_MAX} servers at most are registered at once")));
    }
    let (mut items, mut inputs) = (Vec::new(), Vec::new());
    let (mut common, mut told) = (Common::default(), BTreeMap::<String, Vec<Value>>::new());
    let mut change = app.store.begin().await?;
    for server in import.servers {
        let id = server.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut item = Registered { id, ..Registered::default() };
        match added(&caller, &mut change, server).await {
            Ok(server) => {
                if how.enrol {
                    let token = new_token("wre_")?;
                    change.add_enrolment(&token, &server.id, now() + ENROLMENT).await?;
                    item.token = Some(token).filter(|_| !how.dry_run);
                }
                told.entry(server.tenant.clone()).or_default().push(json!(server));
                inputs.push(common.inputs(&app, server, &Page::default()).await?);
            }
            // Whatever comes to others fails as well.
            Err(problem) if problem.cause.is_some() => return Err(problem),
            Err(problem) => item.error = Some(problem.detail),
        }
        items.push(item);
    }
    let registered = inputs.len();
    for (inputs, rendered) in made(&app, inputs).await {
        // A server may be registered before there is anything to collect of it.
        if let Ok(rendered) = rendered {
            let desired = made_of(&inputs, &rendered, &rendered.hash, "the server was registered");
            change.put_desired_after(&inputs.server.id, 0, &desired).await?;
        }
    }
    if !how.dry_run {
        let entry = |(tenant, servers): (String, Vec<Value>)| {
            Entry::new(&tenant, "server.import", "servers", json!({"after": servers, "enrolment_tokens": how.enrol}))
        };
        let entries: Vec<Entry> = told.into_iter().map(entry).collect();
        change.commit(&caller.actor(), &entries).await?;
    }
    Ok(axum::Json(Imported { registered, items }).into_response())
}

async fn added(caller: &Caller, change: &mut Change, server: Value) -> Result<Server, Problem> {
    let server: Server = serde_json::from_value(server).map_err(|error| Problem::bad(error.to_string()))?;
    caller.may(Role::Editor, &server.tenant)?;
    check(&server)?;
    change.add_server(&server).await?;
    Ok(server)
}

/// A server.
#[utoipa::path(get, path = "/api/v1/servers/{id}", params(("id" = String, Path)), responses((status = 200, body = Shown)))]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let server = app.store.server(&id).await?;
    caller.may(Role::Viewer, &server.body.tenant)?;
    let version = server.version;
    Ok(versioned(StatusCode::OK, version, &shown(&app, server.body, version).await?))
}

/// Changes a server.
#[utoipa::path(
    put, path = "/api/v1/servers/{id}", params(("id" = String, Path), Trial), request_body = Server,
    responses((status = 200, body = Shown), (status = 412, body = Problem))
)]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
    headers: HeaderMap,
    Json(server): Json<Server>,
) -> Result<Response, Problem> {
    let version = seen(&headers)?;
    let mut change = app.store.begin().await?;
    let before = app.store.server(&id).await?.body;
    caller.may(Role::Editor, &before.tenant)?;
    if server.id != id || server.tenant != before.tenant {
        return Err(Problem::bad("the id and the tenant of a server do not change"));
    }
    check(&server)?;
    let inputs = Inputs::of(&app, server.clone()).await?;
    let version = change.update_server(&server, version).await?;
    remake(&app, &mut change, &inputs, "the server was changed").await?;
    if !trial.dry_run {
        let detail = json!({"before": before, "after": server});
        let entry = Entry::new(&server.tenant, "server.update", format!("servers/{id}"), detail);
        let servers = [id];
        change.tell_nodes(&servers).await?;
        change.commit(&caller.actor(), &[entry]).await?;
        app.wake(&servers);
    }
    Ok(versioned(StatusCode::OK, version, &shown(&app, server, version).await?))
}

/// Removes a server; its collector is not let in any more, and goes on with what it runs.
#[utoipa::path(delete, path = "/api/v1/servers/{id}", params(("id" = String, Path), Trial), responses((status = 204)))]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    let mut change = app.store.begin().await?;
    let before = app.store.server(&id).await?.body;
    caller.may(Role::Editor, &before.tenant)?;
    change.remove_server(&id).await?;
    if !trial.dry_run {
        let entry = Entry::new(&before.tenant, "server.delete", format!("servers/{id}"), json!({"before": before}));
        change.tell_nodes(std::slice::from_ref(&id)).await?;
        change.commit(&caller.actor(), &[entry]).await?;
        app.hub.forget(&id);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A token with which the collector of a server introduces itself, once, within a day. It is shown now and never again.
#[utoipa::path(
    post, path = "/api/v1/servers/{id}/enrolment-tokens", params(("id" = String, Path), Trial), responses((status = 201, body = Value))
)]
pub(crate) async fn enrol(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    let server = app.store.server(&id).await?.body;
    caller.may(Role::Editor, &server.tenant)?;
    let token = new_token("wre_")?;
    let expires = now() + ENROLMENT;
    let mut change = app.store.begin().await?;
    let name = change.add_enrolment(&token, &id, expires).await?;
    if trial.dry_run {
        return Ok(axum::Json(json!({"id": name, "expires": expires})).into_response());
    }
    let detail = json!({"enrolment": name, "expires": expires});
    let entry = Entry::new(&server.tenant, "enrolment.create", format!("servers/{id}/enrolment-tokens/{name}"), detail);
    change.commit(&caller.actor(), &[entry]).await?;
    Ok((StatusCode::CREATED, axum::Json(json!({"id": name, "token": token, "expires": expires}))).into_response())
}

pub(super) fn check(server: &Server) -> Result<(), Problem> {
    name("/id", &server.id)?;
    name("/tenant", &server.tenant)?;
    name("/name", &server.name)?;
    if server.cluster.is_empty() { Ok(()) } else { name("/cluster", &server.cluster) }
}

async fn shown(app: &App, server: Server, version: i64) -> Result<Shown, Problem> {
    let client = app.store.clients_of(&server.id).await?.into_iter().next();
    let desired = app.store.desired(&server.id).await?;
    let state = standing(app, &server, client.as_ref(), desired.as_ref());
    Ok(Shown { server, version, state })
}
