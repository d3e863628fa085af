//! Emergencies: what holds for some servers for a while.

use super::body::{Json, Listed, Page, Trial, entries};
use crate::app::{App, now};
use crate::auth::Caller;
use crate::desired::{Common, PAGE, made};
use crate::emergency::{end, layer};
use crate::problem::Problem;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::ToSchema;
use warren_fleet::{Fault, Selector};
use warren_store::{Emergency, Entry, Role};

/// The longest time one holds.
const TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Most that hold at the same time.
const CURRENT_MAX: usize = 20;

/// What is to hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// For which servers; for all if it says nothing.
    #[serde(default, rename = "where")]
    when: Selector,
    /// A merge patch of their settings.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Value,
    /// A merge patch of their configurations.
    #[serde(default)]
    #[schema(value_type = Object)]
    config: Value,
    /// How long, such as `2h`; at most seven days.
    expires: String,
    /// Why.
    reason: String,
}

/// Emergencies, newest first.
#[utoipa::path(get, path = "/api/v1/emergencies", params(Page), responses((status = 200, body = Listed<Emergency>)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(page): Query<Page>) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let before = match page.after.as_str() {
        "" => i64::MAX,
        after => after.parse().map_err(|_| Problem::bad(format!("after: {after:?} is no number of an emergency")))?,
    };
    let limit = entries(page.limit);
    let items = app.store.emergencies(before, limit).await?;
    Ok(axum::Json(Listed::new(items, limit, |emergency| emergency.number.to_string())).into_response())
}

/// Has something hold for some servers for a while, over everything else that is said of them, and without stages. Nothing is changed if one of
/// them could not run what it would be given.
#[utoipa::path(
    post, path = "/api/v1/emergencies", params(Trial), request_body = Wanted,
    responses((status = 201, body = Emergency), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let time = warren_config::parse_prometheus(&wanted.expires).ok().filter(|time| !time.is_zero() && *time <= TIME_MAX);
    let mut faults = Vec::new();
    if time.is_none() {
        faults.push(Fault::new("/expires", format!("{:?} is no time up to 7d, such as 30m or 2h", wanted.expires)));
    }
    if wanted.reason.trim().is_empty() || wanted.reason.len() > 1000 {
        faults.push(Fault::new("/reason", "say why, in at most 1000 bytes"));
    }
    if wanted.settings.is_null() && wanted.config.is_null() {
        faults.push(Fault::new("/settings", "say what is to hold, by settings or config"));
    }
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    let milliseconds = i64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let mut emergency = Emergency {
        when: wanted.when,
        settings: wanted.settings,
        config: wanted.config,
        reason: wanted.reason,
        author: caller.actor().name,
        expires: now() + milliseconds,
        ..Emergency::default()
    };
    // Others may change something meanwhile: what is given is made anew.
    let fitting = fitting(&app, &emergency).await?;
    let mut change = app.store.begin().await?;
    if app.store.current_emergencies().await?.len() >= CURRENT_MAX {
        return Err(Problem::new(StatusCode::CONFLICT, format!("at most {CURRENT_MAX} hold at the same time; clear one first")));
    }
    emergency = change.add_emergency(&emergency).await?;
    if !trial.dry_run {
        let detail = json!({
            "where": emergency.when, "settings": emergency.settings, "config": emergency.config, "expires": emergency.expires,
            "reason": emergency.reason, "servers": fitting,
        });
        let entry = Entry::new("", "emergency.create", format!("emergencies/{}", emergency.number), detail);
        change.commit(&caller.actor(), &[entry]).await?;
    }
    let mut shown = serde_json::to_value(&emergency).unwrap_or_default();
    shown["fitting"] = json!(fitting);
    Ok((if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED }, axum::Json(shown)).into_response())
}

/// Ends an emergency before its time; its servers get back what they had.
#[utoipa::path(
    delete, path = "/api/v1/emergencies/{number}", params(("number" = i64, Path), Trial), responses((status = 200, body = Emergency))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<i64>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Operator)?;
    let emergency = match trial.dry_run {
        true => app.store.emergency(number).await?,
        false => end(&app, number, "cleared", &caller.actor()).await?,
    };
    Ok(axum::Json(emergency).into_response())
}

/// How many servers it is for; all of them could run what they would be given.
async fn fitting(app: &App, emergency: &Emergency) -> Result<u64, Problem> {
    let (mut count, mut after, mut common) = (0, String::new(), Common::default());
    loop {
        let servers = app.store.servers(None, None, &after, PAGE).await?;
        let Some(last) = servers.last().map(|server| server.body.id.clone()) else { break };
        let page = app.store.page(&after, &last).await?;
        let mut all = Vec::new();
        for server in servers.into_iter().map(|server| server.body).filter(|server| emergency.when.fits(server)) {
            let mut inputs = common.inputs(app, server, &page).await?;
            inputs.layers.push(layer(emergency));
            all.push(inputs);
        }
        for (inputs, rendered) in made(app, all).await {
            rendered.map_err(|faults| Problem::faults(faults).of_server(&inputs.server.id))?;
            count += 1;
        }
        after = last;
    }
    if count == 0 { Err(Problem::faults(vec![Fault::new("/where", "no server fits")])) } else { Ok(count) }
}
