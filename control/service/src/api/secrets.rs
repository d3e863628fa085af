//! Secrets by name. They go in and never come out.

use super::body::{Json, Trial};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{FLEET_SECRETS, OPERATOR};
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use warren_fleet::SecretRef;
use warren_store::{Entry, Role};

/// The longest secret.
const SECRET_BYTES_MAX: usize = 16 << 10;

/// A secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// The secret itself.
    value: String,
}

/// What there is of a tenant's secrets.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/secrets", params(("tenant" = String, Path)), responses((status = 200, body = Value)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Path(tenant): Path<String>) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &tenant)?;
    Ok(axum::Json(json!({"items": app.store.secret_infos(&tenant).await?})).into_response())
}

/// Stores a new version of a tenant's secret; what refers to it has to refer to the new version.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/secrets/{name}", params(("tenant" = String, Path), ("name" = String, Path), Trial),
    request_body = Body, responses((status = 200, body = Value))
)]
pub(crate) async fn update(
    State(app): State<App>,
    caller: Caller,
    Path((tenant, name)): Path<(String, String)>,
    Query(trial): Query<Trial>,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may(Role::Editor, &tenant)?;
    super::body::name("/tenant", &tenant)?;
    put(&app, &caller, &tenant, name, body, &trial).await
}

/// What there is of the operator's secrets.
#[utoipa::path(get, path = "/api/v1/secrets", responses((status = 200, body = Value)))]
pub(crate) async fn list_fleet(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    Ok(axum::Json(json!({"items": app.store.secret_infos(OPERATOR).await?})).into_response())
}

/// Stores a new version of a secret of the operator, which profiles may refer to. Its name begins with `fleet/`.
#[utoipa::path(
    put, path = "/api/v1/secrets/{name}", params(("name" = String, Path), Trial), request_body = Body,
    responses((status = 200, body = Value))
)]
pub(crate) async fn update_fleet(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(trial): Query<Trial>,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    put(&app, &caller, OPERATOR, name, body, &trial).await
}

async fn put(app: &App, caller: &Caller, tenant: &str, name: String, body: Body, trial: &Trial) -> Result<Response, Problem> {
    if name.starts_with(FLEET_SECRETS) != (tenant == OPERATOR) || format!("{name}@1").parse::<SecretRef>().is_err() {
        let words = "letters, digits, - _ . and /; those of the operator begin with fleet/, and those of a tenant do not";
        return Err(Problem::bad(format!("a secret's name has {words}")));
    }
    if body.value.is_empty() || body.value.len() > SECRET_BYTES_MAX {
        return Err(Problem::bad(format!("a secret has 1 to {SECRET_BYTES_MAX} bytes")));
    }
    let mut change = app.store.begin().await?;
    let secret = change.put_secret(tenant, &name, &body.value).await?;
    if !trial.dry_run {
        let entry = Entry::new(tenant, "secret.update", format!("secrets/{name}"), json!({"version": secret.version}));
        change.commit(&caller.actor(), &[entry]).await?;
    }
    Ok((StatusCode::OK, axum::Json(json!({"name": name, "version": secret.version, "reference": secret.to_string()})))
        .into_response())
}
