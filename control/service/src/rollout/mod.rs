//! Staged rollouts: a version of the profile, or of the collector, is given to some servers, looked at, and given to more, or taken back.
//!
//! ```text
//! begin: could all run it? who is in which stage? ─▶ store ◀─▶ Engine, each second:  look ─▶ judge ─▶ halt │ give ─▶ pass to the next stage
//! operator: pause, resume, abort ──────────────────▶ store                                     └─▶ end: roll back, or release
//! ```
//!
//! Everything that counts is in the store; whatever is done is done in one transaction with its entry in the audit log, and a control plane that
//! starts again goes on where it was.

mod begin;
mod end;
mod figures;
mod give;
mod judge;
mod package;
pub(crate) mod plan;
mod sight;
#[cfg(test)]
mod tests;

pub(crate) use begin::{Wanted, begin};
pub(crate) use end::{abort, pause, resume};

use crate::app::{App, now};
use crate::desired::Inputs;
use crate::nodes::{Duty, is_ours};
use judge::{Times, judged};
use plan::{OnFailure, Plan, milliseconds};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use warren_store::{Actor, Change, Entry, Rollout, RolloutState, StoreError, Target, TargetCounts, TargetState};
use warren_telemetry::Field;

/// Time between two looks.
const TICK: Duration = Duration::from_secs(1);

/// Servers, beside those that were given something, that are looked at in one go.
const LOOKED_AT: i64 = 100;

/// Looks after rollouts, for ever.
pub(crate) async fn run(app: App) {
    let mut engine = Engine::new(app.clone());
    loop {
        tokio::time::sleep(TICK).await;
        if !is_ours(&app, Duty::Rollouts).await {
            // Whoever takes them on looks at them as if it had just started.
            engine = Engine::new(app.clone());
            continue;
        }
        if let Err(error) = engine.tick().await {
            app.log.error("A rollout cannot go on", &[("error", Field::Display(&error))]);
        }
    }
}

/// What looks after the rollout that is under way.
pub(crate) struct Engine {
    app: App,
    /// When it began to look, in milliseconds since 1970.
    started: i64,
    /// The server that was looked at last of those that are looked at by turns.
    after: String,
}

/// Where a server was, and where it is now.
type News = (TargetState, Target);

/// What is done in one go: all of it or nothing.
struct Step {
    app: App,
    change: Change,
    /// As it was, and as it is to be.
    before: Rollout,
    rollout: Rollout,
    plan: Plan,
    entries: Vec<Entry>,
    /// Servers that have something new.
    woken: Vec<String>,
}

impl Engine {
    pub(crate) fn new(app: App) -> Self {
        Self { app, started: now(), after: String::new() }
    }

    /// Looks once, and does what there is to do.
    ///
    /// # Errors
    /// When the store fails; nothing was done then.
    pub(crate) async fn tick(&mut self) -> Result<(), StoreError> {
        let Some(rollout) = self.app.store.active_rollout().await? else { return Ok(()) };
        let plan = plan_of(&rollout)?;
        let (news, busy) = self.look(&rollout, &plan).await?;
        let mut step = Step::begin(&self.app, rollout.number).await?;
        if step.rollout != rollout {
            // Somebody did something meanwhile: look again.
            return Ok(());
        }
        step.told(news).await?;
        if step.rollout.state == RolloutState::Running && !step.halted().await? {
            step.give(busy).await?;
            step.pass(Times { now: now(), started: self.started }).await?;
        }
        step.commit(&Actor { name: format!("rollout:{}", rollout.number), address: String::new() }).await
    }

    /// Who has come further or fares otherwise than before, with where each was, and the clusters that have a server under way.
    async fn look(&mut self, rollout: &Rollout, plan: &Plan) -> Result<(Vec<News>, BTreeSet<(String, String)>), StoreError> {
        let store = &self.app.store;
        let mut targets = BTreeMap::new();
        for state in [TargetState::Given, TargetState::Applied] {
            // More than may be under way: those that come back are not counted.
            let limit = i64::from(plan.parallel) + LOOKED_AT;
            targets.extend(
                store
                    .targets(rollout.number, Some(state), "", limit)
                    .await?
                    .into_iter()
                    .map(|target| (target.server.clone(), target)),
            );
        }
        let others = store.targets(rollout.number, None, &self.after, LOOKED_AT).await?;
        let full = i64::try_from(others.len()).is_ok_and(|count| count == LOOKED_AT);
        self.after = others.last().filter(|_| full).map(|last| last.server.clone()).unwrap_or_default();
        targets.extend(others.into_iter().map(|target| (target.server.clone(), target)));
        let (mut news, mut busy) = (Vec::new(), BTreeSet::new());
        let held = targets.values().any(|target| target.state == TargetState::Held);
        let profile = match held && rollout.package.is_empty() {
            true => Some(store.profile(rollout.version).await?),
            false => None,
        };
        for target in targets.into_values() {
            use TargetState::{Applied, Done, Failed, Given, Held, Waiting};
            if !matches!(target.state, Held | Waiting | Given | Applied | Done | Failed) {
                continue;
            }
            let server = match store.server(&target.server).await {
                Ok(server) => server.body,
                Err(StoreError::Missing(_)) => continue,
                Err(error) => return Err(error),
            };
            if target.state == Held {
                let mut inputs = Inputs::of(&self.app, server).await?;
                if let Some(profile) = &profile {
                    inputs = inputs.with_profile(profile.clone());
                }
                if give::closed(&inputs).is_none() {
                    let after = Target { state: TargetState::Pending, since: now(), error: String::new(), ..target };
                    news.push((Held, after));
                }
                continue;
            }
            let sight = sight::sight(&self.app, &server, &plan.gates).await?;
            let sight = match rollout.package.is_empty() {
                true => sight,
                false => package::seen(&self.app, rollout, &server, sight).await?,
            };
            let after = judged(&target, &sight, &plan.gates, Times { now: now(), started: self.started });
            if matches!(after.state, Given | Applied) && !server.cluster.is_empty() {
                busy.insert((server.tenant, server.cluster));
            }
            if after != target {
                news.push((target.state, after));
            }
        }
        Ok((news, busy))
    }
}

impl Step {
    /// Begins; others that change something wait.
    async fn begin(app: &App, rollout: i64) -> Result<Self, StoreError> {
        let change = app.store.begin().await?;
        let rollout = app.store.rollout(rollout).await?;
        let plan = plan_of(&rollout)?;
        Ok(Self { app: app.clone(), change, before: rollout.clone(), rollout, plan, entries: Vec::new(), woken: Vec::new() })
    }

    /// Makes it so.
    async fn commit(mut self, actor: &Actor) -> Result<(), StoreError> {
        if self.rollout != self.before {
            self.change.put_rollout(&self.rollout).await?;
        }
        self.change.tell_nodes(&self.woken).await?;
        self.change.commit(actor, &self.entries).await?;
        self.app.wake(&self.woken);
        Ok(())
    }

    fn tell(&mut self, action: &str, detail: serde_json::Value) {
        self.entries.push(Entry::new("", action, format!("rollouts/{}", self.rollout.number), detail));
    }

    /// Keeps what has become of servers.
    async fn told(&mut self, news: Vec<News>) -> Result<(), StoreError> {
        let mut come: BTreeMap<TargetState, Vec<String>> = BTreeMap::new();
        for (before, target) in news {
            self.change.put_target(self.rollout.number, &target).await?;
            match target.state {
                // That it fares badly for a moment, or well again, is nothing to be told.
                state if state == before => {}
                TargetState::Failed => self.failed(&target),
                state => come.entry(state).or_default().push(target.server),
            }
        }
        for (state, servers) in come {
            self.tell(&format!("rollout.{}", state.name()), json!({"servers": servers}));
        }
        Ok(())
    }

    fn failed(&mut self, target: &Target) {
        self.app.figures.rollout_failures.add(1);
        let fields = [("server", Field::Str(&target.server)), ("error", Field::Str(&target.error))];
        self.app.log.warn("A server failed with what a rollout gave it", &fields);
        self.tell("rollout.failed", json!({"server": target.server, "error": target.error}));
    }

    /// Ends or pauses the rollout if too many servers failed.
    async fn halted(&mut self) -> Result<bool, StoreError> {
        let tally = Tally::of(&self.change.target_counts(self.rollout.number).await?, self.rollout.stage);
        let (failed, attempted) = (tally.failed - self.rollout.forgiven, tally.attempted - self.rollout.forgiven);
        if !self.plan.gates.are_missed(failed, attempted) {
            return Ok(false);
        }
        let reason = format!("{failed} of the {attempted} servers that were given it failed");
        self.tell_halt(&reason);
        match self.plan.on_failure {
            OnFailure::Rollback => self.roll_back(&reason).await?,
            OnFailure::Pause => {
                self.tell("rollout.pause", json!({"reason": reason}));
                self.rollout.state = RolloutState::Paused;
                self.rollout.reason = reason;
            }
        }
        Ok(true)
    }

    fn tell_halt(&self, reason: &str) {
        self.app.figures.rollouts_halted.add(1);
        let fields = [("rollout", Field::Display(&self.rollout.number)), ("reason", Field::Str(reason))];
        self.app.log.error("A rollout is halted", &fields);
    }

    /// Why a version of the collector was given to none of the servers so far, if that is because none can take it: nobody has shown that it is good.
    async fn futile(&mut self, tally: &Tally) -> Result<Option<String>, StoreError> {
        if self.rollout.package.is_empty() || tally.attempted + tally.waiting + tally.held > 0 {
            return Ok(None);
        }
        let unfit = self.change.targets(self.rollout.number, TargetState::Same, 1).await?;
        let told = |Target { server, error, .. }: &Target| {
            format!("none of the {} servers so far can take it; {server}: {error}", tally.same)
        };
        Ok(unfit.first().map(told))
    }

    /// Goes on to the next stage, or ends, when there is nothing left to be done or looked at in this one.
    async fn pass(&mut self, times: Times) -> Result<(), StoreError> {
        let tally = Tally::of(&self.change.target_counts(self.rollout.number).await?, self.rollout.stage);
        let stage = self.plan.stages.get(self.rollout.stage).cloned().unwrap_or_default();
        if tally.pending > 0 {
            self.rollout.settled = 0;
            return Ok(());
        }
        if let Some(reason) = self.futile(&tally).await? {
            self.tell_halt(&reason);
            return self.roll_back(&reason).await;
        }
        if self.rollout.settled == 0 {
            // Servers that are away hold nothing up, but somebody has to have shown something.
            if tally.flying > 0 {
                return Ok(());
            }
            if tally.waiting > 0 && tally.done == 0 {
                self.rollout.reason = "none of the servers that it was given to is connected".to_owned();
                return Ok(());
            }
            if tally.held > 0 && tally.done == 0 {
                self.rollout.reason = held(tally.held);
                return Ok(());
            }
            self.rollout.settled = times.now;
            self.rollout.reason = String::new();
        }
        let looked_at = times.now - self.rollout.settled.max(times.started);
        if tally.members > 0 && looked_at < milliseconds(stage.soaks()) {
            return Ok(());
        }
        if self.rollout.stage + 1 == self.plan.stages.len() && tally.held > 0 {
            self.rollout.reason = held(tally.held);
            return Ok(());
        }
        self.rollout.settled = 0;
        if self.rollout.stage + 1 < self.plan.stages.len() {
            self.tell("rollout.stage", json!({"done": stage.name}));
            self.rollout.stage += 1;
            if stage.hold && tally.members > 0 {
                self.rollout.state = RolloutState::Paused;
                self.rollout.reason = format!("the stage {:?} is done; resume to begin the next", stage.name);
                self.tell("rollout.pause", json!({"reason": self.rollout.reason}));
            }
            return Ok(());
        }
        self.complete().await
    }
}

/// How far a rollout is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Servers of its stages so far that were given nothing yet.
    pending: i64,
    /// Servers that were given it and have not shown that they fare well.
    flying: i64,
    waiting: i64,
    /// Servers that may not be given anything at this time.
    held: i64,
    done: i64,
    /// Servers that it makes no difference to; of the collector: that cannot take it.
    same: i64,
    failed: i64,
    /// Servers that were given it and were there.
    attempted: i64,
    /// Servers of its stage that it makes a difference to.
    members: i64,
}

impl Tally {
    fn of(counts: &TargetCounts, stage: usize) -> Self {
        let mut tally = Self::default();
        let now = i64::try_from(stage).unwrap_or(i64::MAX);
        for ((stage, state), count) in counts {
            use TargetState::{Applied, Done, Failed, Given, Held, Pending, Refused, RolledBack, Same, Waiting};
            match state {
                Pending if *stage <= now => tally.pending += count,
                Waiting => tally.waiting += count,
                Held => tally.held += count,
                Given | Applied => tally.flying += count,
                Done => tally.done += count,
                Same => tally.same += count,
                Failed | Refused => tally.failed += count,
                Pending | RolledBack => {}
            }
            if matches!(state, Given | Applied | Done | Failed | Refused) {
                tally.attempted += count;
            }
            if *stage == now && *state != Same {
                tally.members += count;
            }
        }
        tally
    }
}

fn held(count: i64) -> String {
    format!("{count} servers may not be given anything at this time")
}

fn plan_of(rollout: &Rollout) -> Result<Plan, StoreError> {
    serde_json::from_value(rollout.plan.clone()).map_err(|error| StoreError::Malformed("the plan of a rollout", error))
}
