//! Who changed what.

use super::body::{Listed, entries};
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use warren_store::{Recorded, Role};

/// Which entries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Older than this number.
    before: Option<i64>,
    /// Entries at most.
    limit: Option<i64>,
}

/// What was done, newest first.
#[utoipa::path(get, path = "/api/v1/audit", params(Which), responses((status = 200, body = Listed<Recorded>)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(which): Query<Which>) -> Result<Response, Problem> {
    caller.may(Role::Viewer, &caller.token.tenant)?;
    let limit = entries(which.limit);
    let items = app.store.audit(caller.tenant(), which.before.unwrap_or(i64::MAX), limit).await?;
    Ok(axum::Json(Listed::new(items, limit, |entry| entry.number.to_string())).into_response())
}
