//! What becomes of a server that was given a version: judged by what its collector tells and by whether its data arrives.
//!
//! ```text
//! waiting ─▶ given ─▶ applied ─▶ done          back to waiting: whoever says goodbye
//!              └─────────┴──────────┴─▶ failed ─▶ done (once it is mended)
//! ```

use super::figures::Figures;
use super::plan::Gates;
use warren_store::{Target, TargetState};

/// How it stands with a server.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sight {
    /// Whether its collector is connected.
    pub(super) connected: bool,
    /// Whether its collector has said goodbye.
    pub(super) stopped: bool,
    /// What became of its configuration: `waiting`, `applying`, `applied`, `failed`.
    pub(super) config: &'static str,
    /// Whether it is well by its own account, or gives none.
    pub(super) well: bool,
    /// What it says is wrong.
    pub(super) reason: String,
    /// Of when its newest data is, and what is known of it.
    pub(super) data: Proof,
    /// What its collector tells of itself in figures.
    pub(super) figures: Option<Figures>,
}

/// Whether data of a server arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Proof {
    /// None is watched.
    #[default]
    Unasked,
    /// The store of metrics does not answer.
    Unknown,
    /// It arrives, and the newest is of then; `interval` is the time between two samples, all in milliseconds.
    Arrives { newest: i64, interval: i64 },
    /// It does not arrive.
    Lacking { interval: i64 },
}

/// When it is, and since when somebody looks: what was not seen counts against nobody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) now: i64,
    pub(super) started: i64,
}

/// How far a server has come by now.
pub(super) fn judged(target: &Target, sight: &Sight, gates: &Gates, times: Times) -> Target {
    use TargetState::{Applied, Done, Failed, Given, Waiting};
    let target = &Target { baseline: baseline(target, sight), ..target.clone() };
    let to = |state: TargetState| Target { state, since: times.now, ill: 0, error: String::new(), ..target.clone() };
    let failed = |error: String| Target { error, ..to(Failed) };
    let runs = sight.connected && sight.config == "applied";
    match target.state {
        Waiting if sight.connected => to(Given),
        Given | Applied | Done if sight.config == "failed" => failed(sight.reason.clone()),
        Given | Applied if sight.stopped => to(Waiting),
        // Whoever fared badly before shows nothing but that it runs what it was given.
        Given | Failed if runs && !target.well => to(Done),
        Given if runs => to(Applied),
        Given if late(target, gates.patience(), times) => failed(if sight.connected { unapplied(sight) } else { gone() }),
        Applied if runs && sight.well && shown(target, sight.data) => to(Done),
        Applied | Done if target.well => {
            let Some((error, patience)) = ails(target, sight, gates) else {
                let overdue = target.state == Applied && late(target, gates.patience() + 3 * interval(sight.data), times);
                return match sight.data {
                    // Nobody can say.
                    Proof::Unknown => Target { ill: 0, ..target.clone() },
                    _ if overdue && runs => failed(silent()),
                    _ if overdue => failed(unapplied(sight)),
                    _ => Target { ill: 0, ..target.clone() },
                };
            };
            let ill = if target.ill == 0 { times.now } else { target.ill };
            if times.now - ill.max(times.started) > patience { failed(error) } else { Target { ill, ..target.clone() } }
        }
        Failed if runs && sight.well && shown(target, sight.data) && ails(target, sight, gates).is_none() => to(Done),
        _ => target.clone(),
    }
}

/// What is wrong with a server, and for how long it may be.
fn ails(target: &Target, sight: &Sight, gates: &Gates) -> Option<(String, i64)> {
    if !sight.connected {
        // Whoever says goodbye is not missed.
        return (!sight.stopped).then(|| (gone(), gates.patience()));
    }
    if !sight.well {
        return Some((format!("it does not fare well: {}", sight.reason), gates.grace()));
    }
    if let Proof::Lacking { interval } = sight.data {
        return Some((silent(), gates.grace() + 3 * interval));
    }
    let (error, lasts) = sight.figures?.ail(&Figures::kept(&target.baseline)?, gates)?;
    Some((error, if lasts { gates.grace() } else { 0 }))
}

/// The figures of a server from before, with how often its collector was started again since it runs what it was given.
fn baseline(target: &Target, sight: &Sight) -> String {
    let settled = match target.state {
        TargetState::Given => false,
        TargetState::Applied | TargetState::Done => true,
        _ => return target.baseline.clone(),
    };
    match (Figures::kept(&target.baseline), &sight.figures) {
        (Some(before), Some(now)) => before.seen(now, settled).text(),
        _ => target.baseline.clone(),
    }
}

fn unapplied(sight: &Sight) -> String {
    format!("its configuration is {}, and not applied", sight.config)
}

fn silent() -> String {
    "its data does not arrive".to_owned()
}

fn gone() -> String {
    "it is not connected any more".to_owned()
}

/// Whether data shows that what was applied collects: three samples are of later.
fn shown(target: &Target, data: Proof) -> bool {
    match data {
        Proof::Unasked => true,
        Proof::Unknown | Proof::Lacking { .. } => false,
        Proof::Arrives { newest, interval } => newest >= target.since + 3 * interval,
    }
}

fn interval(data: Proof) -> i64 {
    match data {
        Proof::Unasked | Proof::Unknown => 0,
        Proof::Arrives { interval, .. } | Proof::Lacking { interval } => interval,
    }
}

fn late(target: &Target, patience: i64, times: Times) -> bool {
    times.now - target.since.max(times.started) > patience
}

#[cfg(test)]
mod tests {
    use super::*;
    use TargetState::{Applied, Done, Failed, Given, Waiting};

    fn target(state: TargetState) -> Target {
        Target { server: "a".into(), state, since: 1000, well: true, ..Target::default() }
    }

    fn good() -> Sight {
        Sight { connected: true, config: "applied", well: true, ..Sight::default() }
    }

    fn after(target: &Target, sight: &Sight, now: i64) -> Target {
        judged(target, sight, &Gates::default(), Times { now, started: 0 })
    }

    #[test]
    fn a_server_is_done_when_it_runs_what_it_was_given_and_shows_that_it_fares_well() {
        let given = after(&target(Waiting), &Sight { config: "waiting", ..good() }, 2000);
        assert_eq!((given.state, given.since), (Given, 2000));
        assert_eq!(after(&given, &Sight { config: "applying", ..good() }, 3000), given);
        let applied = after(&given, &good(), 4000);
        assert_eq!(applied.state, Applied);
        let sight = |newest| Sight { data: Proof::Arrives { newest, interval: 1000 }, ..good() };
        assert_eq!(after(&applied, &sight(6000), 6500).state, Applied, "what is of before the change shows nothing");
        assert_eq!(after(&applied, &sight(7000), 7500).state, Done);
        assert_eq!(after(&applied, &good(), 4500).state, Done, "where nothing is watched");
    }

    #[test]
    fn whoever_says_that_it_failed_has_failed_with_its_reason() {
        let sight = Sight { config: "failed", reason: "why".into(), ..good() };
        for state in [Given, Applied, Done] {
            let failed = after(&target(state), &sight, 2000);
            assert_eq!((failed.state, failed.error.as_str()), (Failed, "why"));
        }
        assert_eq!(after(&Target { error: "why".into(), ..target(Failed) }, &good(), 3000).state, Done, "somebody mended it");
    }

    #[test]
    fn whoever_takes_too_long_has_failed_but_only_while_somebody_looked() {
        let sight = Sight { config: "waiting", ..good() };
        assert_eq!(after(&target(Given), &sight, 301_000).state, Given);
        assert_eq!(after(&target(Given), &sight, 301_001).state, Failed);
        let times = Times { now: 900_000, started: 800_000 };
        assert_eq!(judged(&target(Given), &sight, &Gates::default(), times).state, Given);
        let away = Sight { connected: false, ..sight };
        assert_eq!(after(&target(Given), &away, 400_000).error, gone());
        assert_eq!(after(&target(Given), &Sight { stopped: true, ..away }, 400_000).state, Waiting);
    }

    #[test]
    fn whoever_fares_badly_for_too_long_has_failed() {
        let lacking = Sight { data: Proof::Lacking { interval: 1000 }, ..good() };
        for (bad, patience) in
            [(Sight { well: false, ..good() }, 60_000), (Sight { connected: false, ..good() }, 300_000), (lacking, 63_000)]
        {
            let ill = after(&target(Done), &bad, 2000);
            assert_eq!((ill.state, ill.ill), (Done, 2000));
            assert_eq!(after(&ill, &good(), 3000).ill, 0);
            assert_eq!(after(&ill, &bad, 2000 + patience).state, Done);
            assert_eq!(after(&ill, &bad, 2001 + patience).state, Failed, "{bad:?}");
        }
    }

    #[test]
    fn whoever_takes_much_more_memory_or_is_started_again_and_again_has_failed() {
        let before = Figures { started: 1, memory: 1e8, ..Figures::default() };
        let target = Target { baseline: before.text(), ..target(Done) };
        let sight = |figures: Figures| Sight { figures: Some(figures), ..good() };
        let large = sight(Figures { memory: 2e8, ..before });
        let ill = after(&target, &large, 2000);
        assert_eq!((ill.state, ill.ill), (Done, 2000));
        let failed = after(&ill, &large, 62_001);
        assert!(failed.state == Failed && failed.error.contains("memory"), "{failed:?}");
        assert_eq!(after(&failed, &large, 63_000), failed, "it has not become better");
        assert_eq!(after(&failed, &sight(before), 63_000).state, Done);
        let once = after(&target, &sight(Figures { started: 2, ..before }), 2000);
        assert_eq!((once.state, once.ill), (Done, 0));
        let twice = after(&once, &sight(Figures { started: 3, ..before }), 3000);
        assert_eq!((twice.state, twice.ill), (Done, 3000));
        assert_eq!(after(&twice, &sight(Figures { started: 3, ..before }), 3001).state, Failed);
    }

    #[test]
    fn whoever_fared_badly_before_is_not_held_responsible() {
        let before = Target { well: false, ..target(Given) };
        let done = after(&before, &Sight { well: false, ..good() }, 2000);
        assert_eq!(done.state, Done);
        assert_eq!(after(&done, &Sight { well: false, ..good() }, 10_000_000), done);
    }

    #[test]
    fn nothing_is_concluded_while_the_store_of_metrics_does_not_answer() {
        let sight = Sight { data: Proof::Unknown, ..good() };
        for state in [Applied, Done] {
            assert_eq!(after(&target(state), &sight, 10_000_000), target(state));
        }
        let never = Sight { data: Proof::Arrives { newest: 0, interval: 1000 }, ..good() };
        assert_eq!(after(&target(Applied), &never, 10_000_000).error, silent());
    }
}
