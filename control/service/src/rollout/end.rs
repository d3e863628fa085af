//! What ends a rollout, or has it wait.

use super::Step;
use crate::app::{App, hex, now};
use crate::desired::{Inputs, attempt, keep};
use crate::problem::Problem;
use axum::http::StatusCode;
use serde_json::json;
use warren_fleet::Profile;
use warren_store::{Actor, Rollout, RolloutState, StoreError, Target, TargetState, Versioned};
use warren_telemetry::Field;

/// Servers in one go.
const PAGE: i64 = 500;

/// Has a rollout wait.
///
/// # Errors
/// When there is none that runs.
pub(crate) async fn pause(app: &App, number: i64, reason: &str, who: Option<&Actor>) -> Result<Rollout, Problem> {
    let mut step = step(app, number, &[RolloutState::Running]).await?;
    step.rollout.state = RolloutState::Paused;
    step.rollout.reason = reason.to_owned();
    step.tell("rollout.pause", json!({"reason": reason}));
    finish(step, who).await
}

/// Has a rollout go on. Failures until now do not count any more.
///
/// # Errors
/// When there is none that waits.
pub(crate) async fn resume(app: &App, number: i64, reason: &str, who: Option<&Actor>) -> Result<Rollout, Problem> {
    let mut step = step(app, number, &[RolloutState::Paused]).await?;
    let counts = step.change.target_counts(number).await?;
    let failed = counts.iter().filter(|((_, state), _)| matches!(state, TargetState::Failed | TargetState::Refused));
    step.rollout.forgiven = failed.map(|(_, count)| count).sum();
    step.rollout.state = RolloutState::Running;
    step.rollout.reason = String::new();
    step.tell("rollout.resume", json!({"reason": reason, "forgiven": step.rollout.forgiven}));
    finish(step, who).await
}

/// Ends a rollout: all servers get back what they had.
///
/// # Errors
/// When there is none under way.
pub(crate) async fn abort(app: &App, number: i64, reason: &str, who: Option<&Actor>) -> Result<Rollout, Problem> {
    let mut step = step(app, number, &[RolloutState::Running, RolloutState::Paused]).await?;
    step.tell("rollout.abort", json!({"reason": reason}));
    step.roll_back(if reason.is_empty() { "somebody ended it" } else { reason }).await?;
    finish(step, who).await
}

async fn step(app: &App, number: i64, states: &[RolloutState]) -> Result<Step, Problem> {
    let step = Step::begin(app, number).await?;
    if states.contains(&step.rollout.state) {
        return Ok(step);
    }
    Err(Problem::new(StatusCode::CONFLICT, format!("rollout {number} is {}", step.rollout.state.name())))
}

/// Makes it so; nobody only tries.
async fn finish(step: Step, who: Option<&Actor>) -> Result<Rollout, Problem> {
    let rollout = step.rollout.clone();
    if let Some(who) = who {
        step.commit(who).await?;
    }
    Ok(rollout)
}

impl Step {
    /// The version holds for everybody. Servers that came meanwhile get it first.
    pub(super) async fn complete(&mut self) -> Result<(), StoreError> {
        let number = self.rollout.number;
        let late = self.app.store.late_servers(number, PAGE).await?;
        if late.is_empty() {
            let version = match self.rollout.package.as_str() {
                "" => {
                    self.change.release_profile(self.rollout.version).await?;
                    json!(self.rollout.version)
                }
                package => {
                    self.change.release_package(package).await?;
                    json!(package)
                }
            };
            self.rollout.state = RolloutState::Completed;
            self.rollout.reason = String::new();
            self.tell("rollout.complete", json!({"version": version}));
            return Ok(());
        }
        for server in late {
            self.change.add_target(number, &server, self.rollout.stage).await?;
        }
        Ok(())
    }

    /// All servers that have the version get back what they had.
    pub(super) async fn roll_back(&mut self, reason: &str) -> Result<(), StoreError> {
        let package = !self.rollout.package.is_empty();
        let before = match self.rollout.before {
            0 => Versioned { version: 0, body: Profile::default() },
            version => self.app.store.profile(version).await?,
        };
        let (mut after, mut back, mut left) = (String::new(), 0u64, Vec::new());
        loop {
            let targets = self.app.store.targets(self.rollout.number, None, &after, PAGE).await?;
            let Some(last) = targets.last() else { break };
            after.clone_from(&last.server);
            for target in targets {
                use TargetState::{Held, Pending, Refused, RolledBack, Same};
                // Whoever cannot take a package was not given it.
                if matches!(target.state, Pending | Held | Refused | RolledBack) || (package && target.state == Same) {
                    continue;
                }
                let server = target.server.clone();
                if package {
                    // What holds from now on is what is released: it is offered when its collectors look.
                    self.change.return_target(self.rollout.number, &Target { since: now(), ..target }).await?;
                    self.woken.push(server);
                    back += 1;
                    continue;
                }
                match self.returned(target, &before).await {
                    Ok(None) => back += 1,
                    Ok(Some(fault)) => left.push(json!({"server": server, "error": fault})),
                    Err(StoreError::Missing(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        for server in &left {
            self.app.log.error("A server cannot get back what it had", &[("server", Field::Display(server))]);
        }
        self.rollout.state = RolloutState::RolledBack;
        self.rollout.reason = reason.to_owned();
        let version = if package { json!(self.rollout.package_before) } else { json!(before.version) };
        self.tell("rollout.rollback", json!({"reason": reason, "version": version, "servers": back, "left": left}));
        Ok(())
    }

    /// Gives a server what it had; tells why not if there is no such configuration that could run: what was changed since does not go with it.
    async fn returned(&mut self, target: Target, before: &Versioned<Profile>) -> Result<Option<String>, StoreError> {
        let server = self.app.store.server(&target.server).await?.body;
        let inputs = Inputs::of(&self.app, server).await?.with_profile(before.clone());
        let (fault, error) = match inputs.configuration(&self.app) {
            Ok(mut rendered) => {
                let hash = hex(&rendered.hash);
                if self.app.store.failures(&target.server).await?.iter().any(|failure| failure.hash == hash) {
                    rendered.hash = attempt(&self.app, &target.server, &rendered).await?;
                }
                let cause = format!("rollout {} was rolled back", self.rollout.number);
                if keep(&self.app, &mut self.change, &inputs, &rendered, &cause).await? {
                    self.woken.push(target.server.clone());
                }
                (None, target.error.clone())
            }
            Err(faults) => {
                let fault = Problem::faults(faults).detail;
                (Some(fault.clone()), fault)
            }
        };
        // What it failed with was kept in this change, and is not to be lost.
        self.change.return_target(self.rollout.number, &Target { since: now(), error, ..target }).await?;
        Ok(fault)
    }
}
