//! Tokens of people and programs.

use super::body::{Json, Trial};
use crate::app::{App, now};
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use warren_store::{Entry, Role, new_token};

/// The longest life of a token, in days.
const DAYS_MAX: i64 = 366;

/// A token to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// The tenant it is bound to; to none if it is left out.
    #[serde(default)]
    tenant: String,
    /// After how many days it ends.
    #[serde(default = "ninety")]
    days: i64,
}

fn ninety() -> i64 {
    90
}

/// All tokens, without themselves.
#[utoipa::path(get, path = "/api/v1/tokens", responses((status = 200, body = Value)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.may(Role::Admin, &caller.token.tenant)?;
    Ok(axum::Json(json!({"items": app.store.tokens(caller.tenant()).await?})).into_response())
}

/// A new token. It is shown now and never again.
#[utoipa::path(post, path = "/api/v1/tokens", params(Trial), request_body = Body, responses((status = 201, body = Value)))]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may(Role::Admin, &body.tenant)?;
    super::body::name("/name", &body.name)?;
    if !(1..=DAYS_MAX).contains(&body.days) {
        return Err(Problem::bad(format!("a token lives 1 to {DAYS_MAX} days")));
    }
    let token = new_token("wrn_")?;
    let mut change = app.store.begin().await?;
    let info = change.add_token(&token, &body.name, body.role, &body.tenant, now() + body.days * 24 * 3600 * 1000).await?;
    if trial.dry_run {
        return Ok(axum::Json(info).into_response());
    }
    let detail = json!({"name": info.name, "role": info.role, "expires": info.expires});
    let entry = Entry::new(&body.tenant, "token.create", format!("tokens/{}", info.id), detail);
    change.commit(&caller.actor(), &[entry]).await?;
    let mut shown = serde_json::to_value(&info).unwrap_or_default();
    shown["token"] = json!(token);
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// Takes a token back.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", params(("id" = String, Path), Trial), responses((status = 204)))]
pub(crate) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    let known = app.store.tokens(caller.tenant()).await?.into_iter().find(|token| token.id == id);
    let known = known.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no token {id:?}")))?;
    caller.may(Role::Admin, &known.tenant)?;
    let mut change = app.store.begin().await?;
    change.revoke_token(&id).await?;
    if !trial.dry_run {
        let entry = Entry::new(&known.tenant, "token.revoke", format!("tokens/{id}"), json!({"name": known.name}));
        change.commit(&caller.actor(), &[entry]).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
