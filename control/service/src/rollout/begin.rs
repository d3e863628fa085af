//! Beginning a rollout: could every server run it, and who is in which stage.

use super::plan::{Candidate, Plan};
use super::sight::sight;
use crate::app::App;
use crate::desired::{Common, PAGE, made};
use crate::problem::Problem;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use warren_fleet::{Fault, Profile};
use warren_store::{Actor, Change, Entry, Rollout, RolloutState, TargetCounts, Versioned};

/// What is to be rolled out.
pub(crate) enum Wanted {
    /// A version that there is.
    Version(i64),
    /// A new version.
    New(Profile),
    /// A version of the collector.
    Package(String),
}

/// Begins a rollout, or only tells what it would be.
///
/// # Errors
/// What is wrong with the plan; when a server could not run the version; when a rollout is under way.
pub(crate) async fn begin(
    app: &App,
    wanted: Wanted,
    plan: &Plan,
    reason: &str,
    (who, trial): (&Actor, bool),
) -> Result<(Rollout, TargetCounts), Problem> {
    let faults = plan.faults();
    if !faults.is_empty() {
        return Err(Problem::faults(faults));
    }
    let (new, mut profile) = match wanted {
        Wanted::Package(version) => return begin_package(app, version, plan.clone().for_packages(), reason, (who, trial)).await,
        Wanted::Version(version) => (false, app.store.profile(version).await?),
        Wanted::New(body) => (true, Versioned { version: 0, body }),
    };
    let before = app.store.released_profile().await?.version;
    if !new && before == profile.version {
        return Err(Problem::bad(format!("version {before} of the profile holds already")));
    }
    // Others may change something meanwhile: what is given is made anew.
    let candidates = candidates(app, plan, &profile).await?;
    let mut change = app.store.begin().await?;
    if new {
        profile.version = change.add_profile(&profile.body, &who.name).await?;
    }
    let rollout = Rollout {
        version: profile.version,
        before: app.store.released_profile().await?.version,
        state: RolloutState::Running,
        plan: serde_json::to_value(plan).unwrap_or(Value::Null),
        author: who.name.clone(),
        reason: reason.to_owned(),
        ..Rollout::default()
    };
    enter(change, rollout, (plan, candidates), reason, (who, trial)).await
}

/// Begins a rollout of a version of the collector, or only tells what it would be.
async fn begin_package(
    app: &App,
    version: String,
    plan: Plan,
    reason: &str,
    by: (&Actor, bool),
) -> Result<(Rollout, TargetCounts), Problem> {
    let before = app.store.released_package().await?;
    if before == version {
        return Err(Problem::bad(format!("version {version} of the collector holds already")));
    }
    let candidates = super::package::candidates(app, &plan, &version).await?;
    let change = app.store.begin().await?;
    let rollout = Rollout {
        package: version,
        package_before: app.store.released_package().await?,
        state: RolloutState::Running,
        plan: serde_json::to_value(&plan).unwrap_or(Value::Null),
        author: by.0.name.clone(),
        reason: reason.to_owned(),
        ..Rollout::default()
    };
    enter(change, rollout, (&plan, candidates), reason, by).await
}

/// Gives everybody a stage.
async fn enter(
    mut change: Change,
    rollout: Rollout,
    (plan, candidates): (&Plan, Vec<Candidate>),
    reason: &str,
    (who, trial): (&Actor, bool),
) -> Result<(Rollout, TargetCounts), Problem> {
    let rollout = change.add_rollout(&rollout).await?;
    let affected = candidates.iter().filter(|candidate| candidate.affected).count();
    let places = plan.places(rollout.number, candidates);
    let servers = places.len();
    for (server, stage) in places {
        change.add_target(rollout.number, &server, stage).await?;
    }
    let counts = change.target_counts(rollout.number).await?;
    if !trial {
        let (version, before) = match rollout.package.as_str() {
            "" => (json!(rollout.version), json!(rollout.before)),
            package => (json!(package), json!(rollout.package_before)),
        };
        let detail = json!({
            "version": version, "before": before, "plan": rollout.plan, "servers": servers, "affected": affected,
            "reason": reason,
        });
        change.commit(who, &[Entry::new("", "rollout.create", format!("rollouts/{}", rollout.number), detail)]).await?;
    }
    Ok((rollout, counts))
}

/// All servers; each of them could run the version.
async fn candidates(app: &App, plan: &Plan, profile: &Versioned<Profile>) -> Result<Vec<Candidate>, Problem> {
    let mut unknown: BTreeSet<&String> = plan.stages.iter().flat_map(|stage| &stage.servers).collect();
    let (mut candidates, mut after, mut common) = (Vec::new(), String::new(), Common::default());
    loop {
        let servers = app.store.servers(None, None, &after, PAGE).await?;
        let Some(last) = servers.last().map(|server| server.body.id.clone()) else { break };
        let page = app.store.page(&after, &last).await?;
        let mut inputs = Vec::with_capacity(servers.len());
        for server in servers {
            inputs.push(common.inputs(app, server.body, &page).await?.with_profile(profile.clone()));
        }
        for (inputs, rendered) in made(app, inputs).await {
            let server = &inputs.server;
            unknown.remove(&server.id);
            let rendered = rendered.map_err(|faults| Problem::faults(faults).of_server(&server.id))?;
            let affected = page.desired.get(&server.id).is_none_or(|(_, body)| *body != rendered.body);
            let (named, connected) = (plan.named(server), sight(app, server, &plan.gates).await?.connected);
            candidates.push(Candidate { id: inputs.server.id, named, affected, connected });
        }
        after = last;
    }
    all_known(unknown)?;
    Ok(candidates)
}

/// Whether there are all servers that a plan names.
pub(super) fn all_known(unknown: BTreeSet<&String>) -> Result<(), Problem> {
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.into_iter().map(|id| format!("{id:?}")).collect::<Vec<_>>().join(", ");
    Err(Problem::faults(vec![Fault::new("/stages", format!("there are no servers {names}"))]))
}
