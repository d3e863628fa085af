//! Giving a version to servers.

use super::judge::Proof;
use super::sight::sight;
use super::{Step, Tally};
use crate::app::{hex, now};
use crate::desired::{Inputs, attempt, keep};
use crate::problem::Problem;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use warren_fleet::{Profile, Server};
use warren_store::{StoreError, Target, TargetState, Versioned};

/// Most servers that are given something in one go.
const GIVEN_MAX: i64 = 200;

/// How long that may take; others that change something wait meanwhile.
const TIME_MAX: Duration = Duration::from_millis(200);

/// Why a server may not be given anything now, if it may not.
pub(super) fn closed(inputs: &Inputs) -> Option<String> {
    inputs.settings().ok()?.rollouts.closed(now())
}

impl Step {
    /// Gives the version to servers of the stages so far, as many as may be under way, of clusters that have none under way.
    pub(super) async fn give(&mut self, mut busy: BTreeSet<(String, String)>) -> Result<(), StoreError> {
        let (number, stage) = (self.rollout.number, self.rollout.stage);
        let tally = Tally::of(&self.change.target_counts(number).await?, stage);
        let mut free = i64::from(self.plan.parallel) - tally.flying;
        let next = if tally.pending > 0 { self.app.store.next_targets(number, stage, GIVEN_MAX).await? } else { Vec::new() };
        if next.is_empty() {
            return Ok(());
        }
        let profile = match self.rollout.package.is_empty() {
            true => Some(self.app.store.profile(self.rollout.version).await?),
            false => None,
        };
        let (began, mut come) = (Instant::now(), BTreeMap::<TargetState, Vec<String>>::new());
        for target in next {
            if free <= 0 || began.elapsed() > TIME_MAX {
                break;
            }
            let server = match self.app.store.server(&target.server).await {
                Ok(server) => server.body,
                Err(StoreError::Missing(_)) => {
                    self.change.remove_target(number, &target.server).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let cluster = (server.tenant.clone(), server.cluster.clone());
            if busy.contains(&cluster) {
                continue;
            }
            let target = match &profile {
                Some(profile) => self.given(target, server, profile).await?,
                None => self.given_package(target, server).await?,
            };
            self.change.put_target(number, &target).await?;
            if target.state == TargetState::Given {
                free -= 1;
                if !cluster.1.is_empty() {
                    busy.insert(cluster);
                }
            }
            match target.state {
                TargetState::Refused => self.failed(&target),
                state => come.entry(state).or_default().push(target.server),
            }
        }
        for (state, servers) in come {
            let version = match self.rollout.package.as_str() {
                "" => json!(self.rollout.version),
                package => json!(package),
            };
            self.tell(&format!("rollout.{}", state.name()), json!({"version": version, "servers": servers}));
        }
        Ok(())
    }

    /// Gives the version to a server, and tells how far it has come with that.
    async fn given(&mut self, target: Target, server: Server, profile: &Versioned<Profile>) -> Result<Target, StoreError> {
        let seen = sight(&self.app, &server, &self.plan.gates).await?;
        let id = server.id.clone();
        let inputs = Inputs::of(&self.app, server).await?.with_profile(profile.clone());
        if let Some(reason) = closed(&inputs) {
            return Ok(Target { state: TargetState::Held, since: now(), error: reason, ..target });
        }
        let well = seen.well && seen.config != "failed" && !matches!(seen.data, Proof::Lacking { .. });
        let baseline = seen.figures.map(|figures| figures.text()).unwrap_or_default();
        let to = |state: TargetState, error: String| Target {
            state,
            since: now(),
            well,
            error,
            baseline: baseline.clone(),
            ..target.clone()
        };
        let mut rendered = match inputs.configuration(&self.app) {
            Ok(rendered) => rendered,
            Err(faults) => return Ok(to(TargetState::Refused, Problem::faults(faults).detail)),
        };
        let hash = hex(&rendered.hash);
        let failed = self.app.store.failures(&id).await?.into_iter().find(|failure| failure.hash == hash);
        if let Some(failure) = failed {
            if !self.plan.again {
                return Ok(to(TargetState::Refused, format!("it has failed with this before: {}", failure.error)));
            }
            rendered.hash = attempt(&self.app, &id, &rendered).await?;
        }
        let cause = format!("rollout {} of profile {}", self.rollout.number, self.rollout.version);
        if !keep(&self.app, &mut self.change, &inputs, &rendered, &cause).await? {
            return Ok(to(TargetState::Same, String::new()));
        }
        self.woken.push(id);
        Ok(to(if seen.connected { TargetState::Given } else { TargetState::Waiting }, String::new()))
    }
}
