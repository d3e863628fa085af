//! Rollouts of versions of the collector: the same stages, other goods.

use super::Step;
use super::give::closed;
use super::judge::{Proof, Sight};
use super::plan::{Candidate, Plan};
use super::sight::sight;
use crate::app::{App, now};
use crate::desired::{Inputs, PAGE};
use crate::packages::{Choice, choice_of, version_choice};
use crate::problem::Problem;
use std::collections::BTreeSet;
use warren_fleet::Server;
use warren_store::{Client, Rollout, StoreError, Target, TargetState};

/// All servers; how many of them a version makes a difference to.
pub(super) async fn candidates(app: &App, plan: &Plan, version: &str) -> Result<Vec<Candidate>, Problem> {
    let packages = app.store.packages_of(version).await?;
    if packages.is_empty() {
        return Err(Problem::bad(format!("there is no package {version:?}")));
    }
    if let Some(lacking) = packages.iter().find(|package| !package.is_there()) {
        return Err(Problem::bad(format!("the content of package {version} for {}/{} is not there", lacking.os, lacking.arch)));
    }
    let mut unknown: BTreeSet<&String> = plan.stages.iter().flat_map(|stage| &stage.servers).collect();
    let (mut candidates, mut after) = (Vec::new(), String::new());
    loop {
        let servers = app.store.servers(None, None, &after, PAGE).await?;
        let Some(last) = servers.last() else { break };
        after.clone_from(&last.body.id);
        for server in servers {
            let server = server.body;
            unknown.remove(&server.id);
            let named = plan.named(&server);
            let connected = sight(app, &server, &plan.gates).await?.connected;
            let affected = match newest(app, &server.id).await? {
                None => false,
                Some(client) => match choice_of(app, &client, version, &packages).await? {
                    Choice::Package(chosen) => chosen.standing(&client) != "applied",
                    _ => false,
                },
            };
            candidates.push(Candidate { id: server.id, named, affected, connected });
        }
    }
    super::begin::all_known(unknown)?;
    Ok(candidates)
}

/// How it stands with a server, with its package in the place of its configuration.
pub(super) async fn seen(app: &App, rollout: &Rollout, server: &Server, sight: Sight) -> Result<Sight, StoreError> {
    let Some(client) = newest(app, &server.id).await? else { return Ok(sight) };
    Ok(match version_choice(app, &client, &rollout.package).await? {
        Choice::Package(chosen) => {
            let config = chosen.standing(&client);
            let reason = if config == "failed" { client.package.error } else { sight.reason };
            Sight { config, reason, ..sight }
        }
        Choice::Unfit(reason) => Sight { config: "failed", reason, ..sight },
        Choice::Nothing | Choice::Host => Sight { config: "waiting", ..sight },
    })
}

impl Step {
    /// Gives a version of the collector to a server, and tells how far it has come with that.
    pub(super) async fn given_package(&mut self, target: Target, server: Server) -> Result<Target, StoreError> {
        if let Some(reason) = closed(&Inputs::of(&self.app, server.clone()).await?) {
            return Ok(Target { state: TargetState::Held, since: now(), error: reason, ..target });
        }
        let seen = sight(&self.app, &server, &self.plan.gates).await?;
        let well = seen.well && !matches!(seen.data, Proof::Lacking { .. });
        let baseline = seen.figures.map(|figures| figures.text()).unwrap_or_default();
        let to = |state: TargetState, error: String| {
            let baseline = baseline.clone();
            Target { state, since: now(), well, error, baseline, ..target.clone() }
        };
        let Some(client) = newest(&self.app, &server.id).await? else {
            return Ok(to(TargetState::Same, "no collector of it is known yet".to_owned()));
        };
        let chosen = match version_choice(&self.app, &client, &self.rollout.package).await? {
            Choice::Package(chosen) => chosen,
            Choice::Unfit(reason) => return Ok(to(TargetState::Same, reason)),
            Choice::Nothing | Choice::Host => return Ok(to(TargetState::Same, String::new())),
        };
        if let Some(error) = chosen.failed {
            if !self.plan.again {
                return Ok(to(TargetState::Refused, format!("it has failed with this before: {error}")));
            }
            self.change.forgive_package(&server.id, &chosen.identity).await?;
        }
        self.woken.push(server.id);
        Ok(to(if seen.connected { TargetState::Given } else { TargetState::Waiting }, String::new()))
    }
}

/// The collector of a server that was heard of last.
async fn newest(app: &App, server: &str) -> Result<Option<Client>, StoreError> {
    Ok(app.store.clients_of(server).await?.into_iter().next())
}
