//! Rollouts of versions of the profile and of the collector.

use super::body::{Json, Listed, Page, Trial, entries};
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::rollout::plan::Plan;
use crate::rollout::{Wanted, abort, begin, pause, resume};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use warren_fleet::Profile;
use warren_store::{Role, Rollout, Target, TargetCounts, TargetState};

/// Longest reason.
const REASON_BYTES_MAX: usize = 1024;

/// What is to be rolled out: a version of the profile that there is, a new one, or a version of the collector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// A version that there is.
    version: Option<i64>,
    /// A new version.
    profile: Option<Profile>,
    /// A version of the collector instead, of which there are packages.
    package: Option<String>,
    /// Stages and gates; what is left out is as usual.
    #[serde(default)]
    plan: Plan,
    /// Why.
    #[serde(default)]
    reason: String,
}

/// Why something is done.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Why {
    reason: String,
}

/// What can be done with a rollout that is under way.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// It waits: no further servers are given anything.
    Pause,
    /// It goes on; the failures until now do not count any more.
    Resume,
    /// It ends: all servers get back what they had.
    Abort,
}

/// A rollout and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shown {
    #[serde(flatten)]
    rollout: Rollout,
    /// The name of the stage that is under way.
    stage_name: String,
    /// How many servers are in each state.
    servers: BTreeMap<&'static str, i64>,
    /// The same for each stage.
    stages: Vec<BTreeMap<&'static str, i64>>,
}

/// Which servers of a rollout.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// In this state: `pending`, `waiting`, `given`, `applied`, `done`, `same`, `failed`, `refused`, `rolled_back`.
    state: String,
    /// Where the page before ended.
    after: String,
    /// Entries at most.
    limit: Option<i64>,
}

/// Rollouts, newest first.
#[utoipa::path(get, path = "/api/v1/rollouts", params(Page), responses((status = 200, body = Listed<Shown>)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller, Query(page): Query<Page>) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let before = match page.after.as_str() {
        "" => i64::MAX,
        after => after.parse().map_err(|_| Problem::bad(format!("after: {after:?} is no number of a rollout")))?,
    };
    let limit = entries(page.limit);
    let mut items = Vec::new();
    for rollout in app.store.rollouts(before, limit).await? {
        let counts = app.store.target_counts(rollout.number).await?;
        items.push(shown(rollout, &counts));
    }
    Ok(axum::Json(Listed::new(items, limit, |shown| shown.rollout.number.to_string())).into_response())
}

/// Begins a rollout. Nothing is begun if a server could not run what it would be given, or while another rollout is under way.
#[utoipa::path(
    post, path = "/api/v1/rollouts", params(Trial), request_body = Body,
    responses((status = 201, body = Shown), (status = 409, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(body): Json<Body>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let wanted = match (body.version, body.profile, body.package) {
        (Some(version), None, None) => Wanted::Version(version),
        (None, Some(profile), None) => Wanted::New(profile),
        (None, None, Some(version)) => Wanted::Package(version),
        _ => return Err(Problem::bad("say what is to be rolled out: one of version, profile and package")),
    };
    let (rollout, counts) = begin(&app, wanted, &body.plan, why(&body.reason)?, (&caller.actor(), trial.dry_run)).await?;
    let status = if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(shown(rollout, &counts))).into_response())
}

/// A rollout.
#[utoipa::path(get, path = "/api/v1/rollouts/{number}", params(("number" = i64, Path)), responses((status = 200, body = Shown)))]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Path(number): Path<i64>) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let rollout = app.store.rollout(number).await?;
    Ok(axum::Json(shown(rollout, &app.store.target_counts(number).await?)).into_response())
}

/// Servers of a rollout, and how far each has come.
#[utoipa::path(
    get, path = "/api/v1/rollouts/{number}/servers", params(("number" = i64, Path), Which),
    responses((status = 200, body = Listed<Target>))
)]
pub(crate) async fn servers(
    State(app): State<App>,
    caller: Caller,
    Path(number): Path<i64>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let state = match which.state.as_str() {
        "" => None,
        name => Some(TargetState::named(name).ok_or_else(|| Problem::bad(format!("state: {name:?} is none")))?),
    };
    app.store.rollout(number).await?;
    let limit = entries(which.limit);
    let items = app.store.targets(number, state, &which.after, limit).await?;
    Ok(axum::Json(Listed::new(items, limit, |target| target.server.clone())).into_response())
}

/// Does something with a rollout that is under way.
#[utoipa::path(
    post, path = "/api/v1/rollouts/{number}/actions/{action}", params(("number" = i64, Path), ("action" = Action, Path), Trial),
    request_body = Why, responses((status = 200, body = Shown), (status = 409, body = Problem))
)]
pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Path((number, action)): Path<(i64, Action)>,
    Query(trial): Query<Trial>,
    Json(body): Json<Why>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Operator)?;
    let (reason, actor) = (why(&body.reason)?, caller.actor());
    let who = (!trial.dry_run).then_some(&actor);
    let rollout = match action {
        Action::Pause => pause(&app, number, reason, who).await?,
        Action::Resume => resume(&app, number, reason, who).await?,
        Action::Abort => abort(&app, number, reason, who).await?,
    };
    let counts = app.store.target_counts(number).await?;
    Ok(axum::Json(shown(rollout, &counts)).into_response())
}

fn why(reason: &str) -> Result<&str, Problem> {
    if reason.len() > REASON_BYTES_MAX {
        return Err(Problem::bad(format!("a reason has at most {REASON_BYTES_MAX} bytes")));
    }
    Ok(reason)
}

fn shown(rollout: Rollout, counts: &TargetCounts) -> Shown {
    let names = rollout.plan["stages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stage_name = names.get(rollout.stage).and_then(|stage| stage["name"].as_str()).unwrap_or_default().to_owned();
    let (mut servers, mut stages) = (BTreeMap::new(), vec![BTreeMap::new(); names.len()]);
    for ((stage, state), count) in counts {
        *servers.entry(state.name()).or_default() += count;
        if let Some(of) = usize::try_from(*stage).ok().and_then(|stage| stages.get_mut(stage)) {
            of.insert(state.name(), *count);
        }
    }
    Shown { rollout, stage_name, servers, stages }
}
