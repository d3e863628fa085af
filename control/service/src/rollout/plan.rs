//! The plan of a rollout: which servers are given the version first, how long they are looked at, and what ends it.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use warren_fleet::{Fault, Selector, Server};

/// Most stages of a plan.
const STAGES_MAX: usize = 20;

/// Most servers that a stage names.
const NAMED_MAX: usize = 1000;

/// The longest time there is in a plan.
const TIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a version is brought to all servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plan {
    /// One after the other; the last one has all servers that are left.
    pub(crate) stages: Vec<Stage>,
    /// What servers have to show.
    pub(crate) gates: Gates,
    /// Servers at most that were given the version and have not shown yet that they fare well. Of a cluster it is one.
    pub(crate) parallel: u32,
    /// What is done when too many servers fail.
    pub(crate) on_failure: OnFailure,
    /// Whether servers are given again what they have failed with before.
    pub(crate) again: bool,
}

/// Servers that are given the version together. What says which is exactly one of `servers`, `when`, `count` and `percent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Stage {
    /// Its name.
    pub(crate) name: String,
    /// These.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) servers: Vec<String>,
    /// Those that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Selector>,
    /// So many, connected ones first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    /// So many of a hundred of all that the version makes a difference to, those of earlier stages among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) percent: Option<u32>,
    /// How long they are looked at, once all of them fare well, before the next stage begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) soak: Option<String>,
    /// Whether somebody has to say that the next stage may begin.
    pub(crate) hold: bool,
}

/// What servers have to show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Gates {
    /// So many of a hundred that were given the version may fail.
    pub(crate) failed_percent: u32,
    /// How long a server may take to run what it was given and, where its data is watched, three intervals more until that arrives.
    pub(crate) patience: String,
    /// How long a server may fare badly.
    pub(crate) grace: String,
    /// Whether data has to arrive of servers whose data is watched.
    pub(crate) data: bool,
    /// So many of a hundred more than before may exporters lose of what there is to send; any if nothing is said.
    pub(crate) dropped_percent: Option<u32>,
    /// So many of a hundred more memory than before may collectors take, and 16 MiB in any case; any if nothing is said.
    pub(crate) memory_percent: Option<u32>,
    /// So often may a collector be started again; any number of times if nothing is said.
    pub(crate) restarts: Option<u32>,
}

/// What is done when too many servers fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnFailure {
    /// All servers get back what they had.
    #[default]
    Rollback,
    /// Nothing is given to further servers.
    Pause,
}

/// A server that a place in a plan is looked for.
pub(crate) struct Candidate {
    pub(crate) id: String,
    /// The stage that asks for it.
    pub(crate) named: Option<usize>,
    /// Whether its configuration becomes another one.
    pub(crate) affected: bool,
    /// Whether its collector is connected.
    pub(crate) connected: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let canary = Stage { name: "canary".to_owned(), count: Some(1), ..Stage::default() };
        let parts =
            [1, 10, 50, 100].map(|percent| Stage { name: format!("{percent} %"), percent: Some(percent), ..Stage::default() });
        Self {
            stages: std::iter::once(canary).chain(parts).collect(),
            gates: Gates::default(),
            parallel: 100,
            on_failure: OnFailure::Rollback,
            again: false,
        }
    }
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            failed_percent: 1,
            patience: "5m".to_owned(),
            grace: "1m".to_owned(),
            data: true,
            dropped_percent: Some(5),
            memory_percent: Some(20),
            restarts: Some(1),
        }
    }
}

impl Stage {
    /// How long its servers are looked at. Collectors themselves put back what fails within two minutes.
    pub(crate) fn soaks(&self) -> Duration {
        self.soak.as_deref().map_or(Duration::from_secs(600), time)
    }
}

impl Gates {
    pub(crate) fn patience(&self) -> i64 {
        milliseconds(time(&self.patience))
    }

    pub(crate) fn grace(&self) -> i64 {
        milliseconds(time(&self.grace))
    }

    /// Whether of so many that were given the version too many have failed.
    pub(crate) fn are_missed(&self, failed: i64, attempted: i64) -> bool {
        failed > 0 && failed.saturating_mul(100) > i64::from(self.failed_percent).saturating_mul(attempted)
    }
}

impl Plan {
    /// Everything that is wrong with it.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |pointer: String, message: String| faults.push(Fault::new(pointer, message));
        if self.stages.len() > STAGES_MAX {
            fault("/stages".into(), format!("there are at most {STAGES_MAX} stages"));
        }
        for (at, stage) in self.stages.iter().enumerate() {
            let pointer = format!("/stages/{at}");
            let ways = [!stage.servers.is_empty(), stage.when.is_some(), stage.count.is_some(), stage.percent.is_some()];
            if ways.iter().filter(|way| **way).count() != 1 {
                fault(pointer.clone(), "say which servers by one of servers, when, count and percent".into());
            }
            if stage.name.len() > 128 || stage.name.chars().any(char::is_control) {
                fault(format!("{pointer}/name"), "a name has at most 128 bytes and no control characters".into());
            }
            if stage.servers.len() > NAMED_MAX {
                fault(format!("{pointer}/servers"), format!("a stage names at most {NAMED_MAX} servers; select by labels"));
            }
            if stage.percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
                fault(format!("{pointer}/percent"), "from 1 to 100".into());
            }
            if let Some(soak) = &stage.soak
                && !is_time(soak)
            {
                fault(format!("{pointer}/soak"), no_time(soak));
            }
        }
        if self.stages.last().is_none_or(|stage| stage.percent != Some(100)) {
            fault("/stages".into(), "the last stage has everybody: \"percent\": 100".into());
        }
        for (key, text) in [("patience", &self.gates.patience), ("grace", &self.gates.grace)] {
            if !is_time(text) {
                fault(format!("/gates/{key}"), no_time(text));
            }
        }
        if self.gates.failed_percent > 100 {
            fault("/gates/failed_percent".into(), "from 0 to 100".into());
        }
        if self.parallel == 0 || self.parallel > 1000 {
            fault("/parallel".into(), "from 1 to 1000".into());
        }
        faults
    }

    /// The same for versions of the collector, of which it shows later whether they are good, and which take longer to come.
    pub(crate) fn for_packages(mut self) -> Self {
        for stage in &mut self.stages {
            stage.soak.get_or_insert_with(|| "1h".to_owned());
        }
        if self.gates.patience == Gates::default().patience {
            "20m".clone_into(&mut self.gates.patience);
        }
        self
    }

    /// The stage that asks for a server.
    pub(crate) fn named(&self, server: &Server) -> Option<usize> {
        let asks =
            |stage: &Stage| stage.servers.contains(&server.id) || stage.when.as_ref().is_some_and(|when| when.fits(server));
        self.stages.iter().position(asks)
    }

    /// The stage of each server. Which ones come first is another matter in each rollout, and the same whenever it is asked.
    pub(crate) fn places(&self, rollout: i64, candidates: Vec<Candidate>) -> Vec<(String, usize)> {
        let last = self.stages.len().saturating_sub(1);
        let all = candidates.iter().filter(|candidate| candidate.affected).count();
        let mut places = Vec::with_capacity(candidates.len());
        let mut taken = vec![0usize; self.stages.len()];
        let mut free = Vec::new();
        for candidate in candidates {
            match candidate.named {
                Some(stage) => {
                    if let Some(taken) = taken.get_mut(stage).filter(|_| candidate.affected) {
                        *taken += 1;
                    }
                    places.push((candidate.id, stage));
                }
                // It makes no difference to it, and shows nothing.
                None if !candidate.affected => places.push((candidate.id, last)),
                None => free.push(candidate),
            }
        }
        free.sort_by_cached_key(|candidate| {
            let hash = warren_opamp::Hash::default().with(&rollout.to_be_bytes()).with(candidate.id.as_bytes()).finish();
            (hash, candidate.id.clone())
        });
        let mut before = 0;
        for (at, stage) in self.stages.iter().enumerate() {
            before += taken.get(at).copied().unwrap_or(0);
            let wanted = match (stage.count, stage.percent) {
                (Some(count), _) => usize::try_from(count).unwrap_or(usize::MAX),
                (None, Some(percent)) => {
                    all.saturating_mul(usize::try_from(percent).unwrap_or(100)).div_ceil(100).saturating_sub(before)
                }
                (None, None) => 0,
            };
            if stage.count.is_some() {
                free.sort_by_key(|candidate| !candidate.connected);
            }
            let chosen: Vec<Candidate> = free.drain(..wanted.min(free.len())).collect();
            before += chosen.len();
            places.extend(chosen.into_iter().map(|candidate| (candidate.id, at)));
        }
        places.extend(free.into_iter().map(|candidate| (candidate.id, last)));
        places
    }
}

fn time(text: &str) -> Duration {
    warren_config::parse_prometheus(text).unwrap_or_default()
}

fn is_time(text: &str) -> bool {
    warren_config::parse_prometheus(text).is_ok_and(|time| time <= TIME_MAX)
}

fn no_time(text: &str) -> String {
    format!("{text:?} is no time up to 30d, such as 90s, 10m or 1h30m")
}

pub(crate) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn candidate(id: usize) -> Candidate {
        Candidate { id: format!("srv-{id}"), named: None, affected: true, connected: true }
    }

    fn sizes(plan: &Plan, places: &[(String, usize)]) -> Vec<usize> {
        (0..plan.stages.len()).map(|stage| places.iter().filter(|(_, place)| *place == stage).count()).collect()
    }

    #[test]
    fn stages_grow_and_everybody_has_one() {
        let plan = Plan::default();
        let places = plan.places(1, (0..1000).map(candidate).collect());
        assert_eq!(sizes(&plan, &places), [1, 9, 90, 400, 500]);
        assert_eq!(places, plan.places(1, (0..1000).rev().map(candidate).collect()));
        assert_ne!(places[0], plan.places(2, (0..1000).map(candidate).collect())[0]);
        assert_eq!(sizes(&plan, &plan.places(1, (0..3).map(candidate).collect())), [1, 0, 0, 1, 1]);
        assert_eq!(sizes(&plan, &plan.places(1, Vec::new())), [0; 5]);
    }

    #[test]
    fn canaries_are_connected_and_are_made_a_difference_to() {
        let plan = Plan::default();
        let candidates = (0..50).map(|id| Candidate { affected: id > 9, connected: id == 17 || id < 10, ..candidate(id) });
        let places = plan.places(3, candidates.collect());
        assert!(places.contains(&("srv-17".to_owned(), 0)), "{places:?}");
        assert!((0..10).all(|id| places.contains(&(format!("srv-{id}"), 4))));
    }

    #[test]
    fn servers_that_are_asked_for_are_where_they_are_asked_for() {
        let plan: Plan = serde_json::from_value(json!({"stages": [
            {"name": "mine", "servers": ["a"]}, {"when": {"labels": {"ring": "canary"}}}, {"percent": 50}, {"percent": 100},
        ]}))
        .unwrap();
        assert_eq!(plan.faults(), []);
        let mut server = Server { id: "a".into(), ..Server::default() };
        assert_eq!(plan.named(&server), Some(0));
        server.id = "b".into();
        assert_eq!(plan.named(&server), None);
        server.labels.insert("ring".into(), "canary".into());
        assert_eq!(plan.named(&server), Some(1));
        let candidates = (0..10).map(|id| Candidate { named: (id < 3).then_some(id.min(1)), ..candidate(id) }).collect();
        assert_eq!(sizes(&plan, &plan.places(1, candidates)), [1, 2, 2, 5]);
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_told_together() {
        let plan: Plan = serde_json::from_value(json!({
            "stages": [{"count": 1, "percent": 10}, {"percent": 0, "soak": "soon"}, {"percent": 50}],
            "gates": {"patience": "-1s", "failed_percent": 101}, "parallel": 0,
        }))
        .unwrap();
        let pointers: Vec<String> = plan.faults().into_iter().map(|fault| fault.pointer).collect();
        let expected = [
            "/stages/0",
            "/stages/1/percent",
            "/stages/1/soak",
            "/stages",
            "/gates/patience",
            "/gates/failed_percent",
            "/parallel",
        ];
        assert_eq!(pointers, expected);
        assert!(serde_json::from_value::<Plan>(json!({"stage": []})).is_err());
    }

    #[test]
    fn one_canary_that_fails_is_too_many() {
        let gates = Gates::default();
        assert!(gates.are_missed(1, 1) && gates.are_missed(1, 99) && !gates.are_missed(1, 100) && !gates.are_missed(0, 0));
        assert!(Gates { failed_percent: 0, ..Gates::default() }.are_missed(1, 1_000_000));
    }
}
