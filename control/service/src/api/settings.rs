//! Settings of tenants, clusters and servers.

use super::body::{Json, Trial, seen, versioned};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{Inputs, remake, remake_all};
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use warren_fleet::Fault;
use warren_store::{Entry, Role, Scope};

/// What a layer says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Body {
    /// A merge patch (RFC 7396) of the settings.
    #[schema(value_type = Object)]
    settings: Value,
    /// A merge patch of the configuration itself, for what settings cannot say. Not for tokens of a tenant.
    #[schema(value_type = Object)]
    config: Value,
}

/// Settings of a tenant.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/settings", params(("tenant" = String, Path)), responses((status = 200, body = Body)))]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Path(tenant): Path<String>) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &tenant)?;
    show(&app, &Scope::Tenant(tenant)).await
}

/// Sets the settings of a tenant.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/settings", params(("tenant" = String, Path), Trial), request_body = Body,
    responses((status = 200, body = Body), (status = 412, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path(tenant): Path<String>,
    Query(trial): Query<Trial>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    let place = Place {
        scope: Scope::Tenant(tenant.clone()),
        origin: "tenant",
        resource: format!("tenants/{tenant}/settings"),
        tenant,
        cluster: None,
    };
    set(&app, &caller, place, &trial, &headers, body).await
}

/// Settings of a cluster.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/settings", params(("tenant" = String, Path), ("cluster" = String, Path)),
    responses((status = 200, body = Body))
)]
pub(crate) async fn read_cluster(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &tenant)?;
    show(&app, &Scope::Cluster(tenant, cluster)).await
}

/// Sets the settings of a cluster.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/clusters/{cluster}/settings", params(("tenant" = String, Path), ("cluster" = String, Path), Trial),
    request_body = Body, responses((status = 200, body = Body), (status = 412, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn update_cluster(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, cluster)): Path<(String, String)>,
    Query(trial): Query<Trial>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    super::body::name("/cluster", &cluster)?;
    let place = Place {
        scope: Scope::Cluster(tenant.clone(), cluster.clone()),
        origin: "cluster",
        resource: format!("tenants/{tenant}/clusters/{cluster}/settings"),
        tenant,
        cluster: Some(cluster),
    };
    set(&app, &caller, place, &trial, &headers, body).await
}

/// Settings of a server.
#[utoipa::path(get, path = "/api/v1/servers/{id}/settings", params(("id" = String, Path)), responses((status = 200, body = Body)))]
pub(crate) async fn read_server(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &app.store.server(&id).await?.body.tenant)?;
    show(&app, &Scope::Server(id)).await
}

/// Sets the settings of a server.
#[utoipa::path(
    put, path = "/api/v1/servers/{id}/settings", params(("id" = String, Path), Trial), request_body = Body,
    responses((status = 200, body = Body), (status = 412, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn update_server(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    let tenant = app.store.server(&id).await?.body.tenant;
    caller.may(Role::Editor, &tenant)?;
    let resource = format!("servers/{id}/settings");
    set(
        &app,
        &caller,
        Place { scope: Scope::Server(id), origin: "server", resource, tenant, cluster: None },
        &trial,
        &headers,
        body,
    )
    .await
}

/// Whose settings, and what they hold for.
struct Place {
    scope: Scope,
    origin: &'static str,
    resource: String,
    tenant: String,
    cluster: Option<String>,
}

async fn show(app: &App, scope: &Scope) -> Result<Response, Problem> {
    let settings = app.store.settings(scope).await?;
    Ok(versioned(StatusCode::OK, settings.version, &settings.body))
}

async fn set(
    app: &App,
    caller: &Caller,
    place: Place,
    trial: &Trial,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let version = seen(headers)?;
    let body = serde_json::to_value(&body).unwrap_or_default();
    let mut change = app.store.begin().await?;
    let before = app.store.settings(&place.scope).await?.body;
    allowed(caller, &body, &before)?;
    let version = change.put_settings(&place.scope, &body, version).await?;
    let with = |known: Inputs| known.with_settings(place.origin, body.clone());
    let cause = format!("settings of the {}", place.origin);
    let remade = match &place.scope {
        Scope::Server(id) => {
            let inputs = with(Inputs::of(app, app.store.server(id).await?.body).await?);
            let remade = remake(app, &mut change, &inputs, &cause).await?;
            remade.then_some(inputs.server.id).into_iter().collect()
        }
        _ => {
            let whose = (Some(place.tenant.as_str()), place.cluster.as_deref());
            remake_all(app, &mut change, whose, &cause, with).await?
        }
    };
    if !trial.dry_run {
        let entry = Entry::new(&place.tenant, "settings.update", place.resource, json!({"before": before, "after": body}));
        change.tell_nodes(&remade).await?;
        change.commit(&caller.actor(), &[entry]).await?;
        app.wake(&remade);
    }
    Ok(versioned(StatusCode::OK, version, &body))
}

/// What is not for a tenant to say, and why: where everything of the fleet goes, and the configuration itself, by which it could have the operator's
/// secrets sent to itself; and whether rollouts are held.
const OPERATORS: [(&str, &str); 4] = [
    ("/settings/destinations", "tokens of a tenant cannot set this; use an integration"),
    ("/settings/extensions", "tokens of a tenant cannot set this"),
    ("/settings/rollouts/freeze", "tokens of a tenant cannot set this; use windows"),
    ("/config", "tokens of a tenant cannot set this"),
];

/// Whether a tenant leaves what is the operator's as it is: it neither sets it nor takes it away.
fn allowed(caller: &Caller, body: &Value, before: &Value) -> Result<(), Problem> {
    if caller.tenant().is_none() {
        return Ok(());
    }
    // A patch that is nothing patches nothing; a setting that is nothing takes away what was said before.
    let said =
        |body: &Value, pointer: &str| body.pointer(pointer).filter(|said| pointer != "/config" || !said.is_null()).cloned();
    let mut faults: Vec<Fault> = OPERATORS
        .iter()
        .filter(|(pointer, _)| said(body, pointer) != said(before, pointer))
        .map(|(pointer, message)| Fault::new(*pointer, *message))
        .collect();
    if body.pointer("/settings/rollouts").is_some_and(Value::is_null) {
        faults.push(Fault::new("/settings/rollouts", "tokens of a tenant cannot take this away; set windows"));
    }
    if faults.is_empty() { Ok(()) } else { Err(Problem { status: 403, ..Problem::faults(faults) }) }
}
