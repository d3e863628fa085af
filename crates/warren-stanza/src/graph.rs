//! From a list of operators to a graph: what each does, and where it hands its entries to.

use crate::settings::{Compile, Fault, OnError, Settings};
use crate::work::Work;
use warren_expr::Expression;

/// Entries that one may become on its way, at most: operators may hand to several others.
const COPIES_MAX: u64 = 64;

/// Compiled operators.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) operators: Vec<Operator>,
    /// Where entries come in.
    pub(crate) entrance: Vec<usize>,
}

/// A compiled operator. Outputs are ranks; the one behind the last is the receiver's batch.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) id: String,
    pub(crate) on_error: OnError,
    pub(crate) condition: Option<Expression>,
    pub(crate) work: Work,
    pub(crate) outputs: Vec<usize>,
}

/// Compiles all operators. Nothing, or something that cannot be used, when there are faults.
pub(crate) fn compile(all: &[Option<Box<dyn Settings>>], entrance: &[String], faults: &mut Vec<Fault>) -> Option<Graph> {
    let settings: Vec<&dyn Settings> = all.iter().map(|one| one.as_deref()).collect::<Option<_>>()?;
    let ids = ids(&settings, faults);
    let mut operators = Vec::new();
    for (index, one) in settings.iter().enumerate() {
        let base = one.base();
        let mut cx = Compile { operator: index, faults };
        let condition = if base.condition.is_empty() { None } else { Some(cx.condition("if", &base.condition)) };
        let work = one.compile(&mut cx);
        let mut outputs = resolve(&base.output, &ids, index, "output", faults);
        if base.output.is_empty() {
            outputs = vec![index + 1];
        }
        if let (Some(mut work), Ok(condition)) = (work, condition.map_or(Ok(None), |one| one.map(Some).ok_or(()))) {
            if let Work::Route(routes) = &mut work {
                for route in routes {
                    route.outputs = resolve(&route.named, &ids, index, "routes", faults);
                }
            }
            let id = ids.get(index).cloned().unwrap_or_default();
            operators.push(Operator { id, on_error: base.on_error, condition, work, outputs });
        }
    }
    if operators.len() < settings.len() {
        return None;
    }
    let mut into = resolve(entrance, &ids, 0, "output", faults);
    if entrance.is_empty() {
        into = vec![0];
    }
    let graph = Graph { operators, entrance: into };
    graph.check(faults);
    Some(graph)
}

impl Operator {
    /// All operators that may get an entry from this one.
    fn next(&self) -> Vec<usize> {
        match &self.work {
            Work::Route(routes) => routes.iter().flat_map(|route| &route.outputs).copied().collect(),
            _ => self.outputs.clone(),
        }
    }

    /// The most that it hands an entry to at once.
    fn copies(&self, copies: &[u64]) -> u64 {
        let sum = |outputs: &[usize]| {
            outputs.iter().fold(0, |sum: u64, output| sum.saturating_add(copies.get(*output).copied().unwrap_or(1)))
        };
        match &self.work {
            Work::Route(routes) => routes.iter().map(|route| sum(&route.outputs)).max().unwrap_or(0),
            _ => sum(&self.outputs),
        }
    }
}

impl Graph {
    /// There must be no way round, and not too many ways.
    fn check(&self, faults: &mut Vec<Fault>) {
        let count = self.operators.len();
        let mut copies = vec![1u64; count + 1];
        let mut waits: Vec<usize> =
            self.operators.iter().map(|operator| operator.next().iter().filter(|next| **next < count).count()).collect();
        let mut ready: Vec<usize> = (0..count).filter(|index| waits.get(*index) == Some(&0)).collect();
        let mut done = 0;
        while let Some(index) = ready.pop() {
            done += 1;
            let most = self.operators.get(index).map_or(0, |operator| operator.copies(&copies));
            if let Some(copies) = copies.get_mut(index) {
                *copies = most;
            }
            for (user, operator) in self.operators.iter().enumerate() {
                let uses = operator.next().iter().filter(|next| **next == index).count();
                let Some(wait) = waits.get_mut(user).filter(|_| uses > 0) else { continue };
                *wait -= uses;
                if *wait == 0 {
                    ready.push(user);
                }
            }
        }
        if done < count {
            let within = (0..count).find(|index| waits.get(*index).is_some_and(|wait| *wait > 0)).unwrap_or(0);
            let hint = "ensure that all operators are connected in a straight, acyclic line";
            faults.push(Fault::new(within, "output", "pipeline has a circular dependency", Some(hint)));
        } else if copies.iter().any(|copies| *copies > COPIES_MAX) {
            faults.push(Fault::new(0, "output", format!("an entry would become more than {COPIES_MAX}"), None));
        }
    }
}

/// The id of each operator: its own, or its type, numbered where several have the same.
fn ids(settings: &[&dyn Settings], faults: &mut Vec<Fault>) -> Vec<String> {
    let given = |one: &dyn Settings| {
        let base = one.base();
        if base.id.is_empty() { base.kind.clone() } else { base.id.clone() }
    };
    let mut ids: Vec<String> = settings.iter().map(|one| given(*one)).collect();
    let taken = ids.clone();
    for (index, one) in settings.iter().enumerate() {
        let kind = &one.base().kind;
        let named = taken.get(index).is_some_and(|id| id != kind);
        let earlier = taken.iter().take(index).filter(|id| *id == kind).count();
        if named || earlier == 0 {
            continue;
        }
        // The number of earlier ones without an id, or the next that nobody has.
        let free = (earlier..).map(|number| format!("{kind}{number}")).find(|id| !ids.contains(id));
        if let (Some(id), Some(free)) = (ids.get_mut(index), free) {
            *id = free;
        }
    }
    for (index, id) in ids.iter().enumerate() {
        if ids.iter().take(index).any(|other| other == id) {
            let hint = "ensure that each operator has a unique `type` or `id`";
            faults.push(Fault::new(index, "id", format!("operator with id '{id}' already exists in pipeline"), Some(hint)));
        }
    }
    ids
}

/// Ranks of operators by their ids.
fn resolve(names: &[String], ids: &[String], operator: usize, key: &'static str, faults: &mut Vec<Fault>) -> Vec<usize> {
    let mut outputs = Vec::new();
    for name in names {
        match ids.iter().position(|id| id == name) {
            Some(index) if outputs.contains(&index) => {
                let message = "operators cannot be connected, because a connection already exists";
                faults.push(Fault::new(operator, key, message, None));
            }
            Some(index) => outputs.push(index),
            None => {
                let message = format!("operators cannot be connected, because the output does not exist in the pipeline: {name}");
                faults.push(Fault::new(operator, key, message, Some("ensure that the output operator is defined")));
            }
        }
    }
    outputs
}
