//! The profile: how servers of each kind are run.

use super::body::{Json, Trial, versioned};
use crate::app::App;
use crate::auth::Caller;
use crate::desired::{Inputs, remake_all};
use crate::problem::Problem;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use warren_fleet::Profile;
use warren_store::{Entry, Role, Versioned};

/// Which version.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// A version; the released one if it is left out.
    version: Option<i64>,
}

/// A version of the profile.
#[utoipa::path(get, path = "/api/v1/profile", params(Which), responses((status = 200, body = Profile)))]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Query(which): Query<Which>) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let profile = match which.version {
        Some(version) => app.store.profile(version).await?,
        None => app.store.released_profile().await?,
    };
    Ok(versioned(StatusCode::OK, profile.version, &profile.body))
}

/// A new version of the profile, for all servers at once. Nothing is changed if one of them could not run what it would be given, or while a
/// rollout is under way.
#[utoipa::path(
    post, path = "/api/v1/profile", params(Trial), request_body = Profile,
    responses((status = 201, body = Profile), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(profile): Json<Profile>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let mut change = app.store.begin().await?;
    if let Some(active) = app.store.active_rollout().await? {
        let advice = format!("rollout {} is under way: abort it first, or let it end", active.number);
        return Err(Problem::new(StatusCode::CONFLICT, advice));
    }
    let version = change.add_profile(&profile, &caller.actor().name).await?;
    change.release_profile(version).await?;
    let with = |known: Inputs| known.with_profile(Versioned { version, body: profile.clone() });
    let woken = remake_all(&app, &mut change, (None, None), &format!("profile {version}"), with).await?;
    if !trial.dry_run {
        let detail = json!({"version": version, "servers": woken.len()});
        change.tell_nodes(&woken).await?;
        change.commit(&caller.actor(), &[Entry::new("", "profile.create", format!("profile/{version}"), detail)]).await?;
        app.wake(&woken);
    }
    Ok(versioned(if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED }, version, &profile))
}
