//! Operators at work.

use crate::Entry;
use crate::graph::{Graph, Operator};
use crate::work::Work;
use crate::work::recombine::Held;
use std::sync::Arc;
use std::time::Instant;

/// Takes what comes out of a chain.
pub trait Sink {
    /// Takes an entry that has passed all operators.
    fn entry(&mut self, entry: Entry);

    /// Hears that an operator failed on an entry.
    fn failed(&mut self, failure: Failure<'_>);

    /// Hears that an entry fits no route of a router, or one that leads nowhere; it is dropped.
    fn unrouted(&mut self, operator: &str);
}

/// An operator that failed on an entry.
#[derive(Debug)]
pub struct Failure<'a> {
    /// Its id.
    pub operator: &'a str,
    /// Why.
    pub message: &'a str,
    /// Whether the entry is dropped; else it goes on.
    pub dropped: bool,
    /// Whether it is only to be counted.
    pub quiet: bool,
}

/// Operators, and what they hold back.
#[derive(Debug)]
pub struct Chain {
    graph: Arc<Graph>,
    /// By rank; only that of a `recombine` is ever filled.
    held: Vec<Held>,
    /// Entries and the operators that are next for them.
    todo: Vec<(usize, Entry)>,
    /// What an operator let go.
    out: Vec<Entry>,
}

impl Chain {
    pub(crate) fn new(graph: Arc<Graph>) -> Self {
        let held = graph.operators.iter().map(|_| Held::default()).collect();
        Self { graph, held, todo: Vec::new(), out: Vec::new() }
    }

    /// Runs an entry through the operators.
    pub fn push(&mut self, entry: Entry, now: Instant, sink: &mut dyn Sink) {
        let graph = Arc::clone(&self.graph);
        self.hand_to(&graph.entrance, entry);
        self.run(&graph, now, sink);
    }

    /// Lets go what was held back for as long as it may be.
    pub fn flush_due(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.flush(now, sink, |held, rule, out| held.flush_due(rule, now, out));
    }

    /// Lets go all that is held back.
    pub fn flush_all(&mut self, now: Instant, sink: &mut dyn Sink) {
        self.flush(now, sink, |held, rule, out| held.flush_all(rule, out));
    }

    /// When something that is held back is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.holders().filter_map(|(held, rule)| held.next_due(rule)).min()
    }

    /// The mark of the oldest entry that is held back.
    pub fn oldest(&self) -> Option<u64> {
        self.holders().filter_map(|(held, _)| held.oldest()).min()
    }

    fn holders(&self) -> impl Iterator<Item = (&Held, &crate::work::recombine::Rule)> {
        self.held.iter().zip(&self.graph.operators).filter_map(|(held, operator)| match &operator.work {
            Work::Recombine(rule) => Some((held, &**rule)),
            _ => None,
        })
    }

    fn flush(
        &mut self,
        now: Instant,
        sink: &mut dyn Sink,
        mut let_go: impl FnMut(&mut Held, &crate::work::recombine::Rule, &mut Vec<Entry>),
    ) {
        let graph = Arc::clone(&self.graph);
        // What one lets go another may hold: operators further down come again until nothing moves.
        for _ in 0..=graph.operators.len() {
            let mut moved = false;
            for (index, operator) in graph.operators.iter().enumerate() {
                let Work::Recombine(rule) = &operator.work else { continue };
                let mut out = std::mem::take(&mut self.out);
                if let Some(held) = self.held.get_mut(index) {
                    let_go(held, rule, &mut out);
                }
                moved |= !out.is_empty();
                for entry in out.drain(..) {
                    self.hand_to(&operator.outputs, entry);
                    self.run(&graph, now, sink);
                }
                self.out = out;
            }
            if !moved {
                break;
            }
        }
    }

    /// Puts an entry before operators; the first of them is the next to run.
    fn hand_to(&mut self, outputs: &[usize], entry: Entry) {
        let Some((first, others)) = outputs.split_first() else { return };
        for output in others.iter().rev() {
            self.todo.push((*output, entry.clone()));
        }
        self.todo.push((*first, entry));
    }

    fn run(&mut self, graph: &Graph, now: Instant, sink: &mut dyn Sink) {
        while let Some((index, entry)) = self.todo.pop() {
            match graph.operators.get(index) {
                None => sink.entry(entry),
                Some(operator) => self.step(index, operator, entry, now, sink),
            }
        }
    }

    fn step(&mut self, index: usize, operator: &Operator, mut entry: Entry, now: Instant, sink: &mut dyn Sink) {
        match operator.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&entry)) {
            Ok(true) => {}
            Ok(false) => return self.hand_to(&operator.outputs, entry),
            Err(error) => return self.failed(operator, entry, &format!("running if expr: {error}"), sink),
        }
        match &operator.work {
            Work::Transform(transform) => match transform.apply(&mut entry) {
                Ok(()) => self.hand_to(&operator.outputs, entry),
                Err(error) => self.failed(operator, entry, &error, sink),
            },
            Work::Filter(filter) => match filter.drops(&entry) {
                Ok(true) => {}
                Ok(false) => self.hand_to(&operator.outputs, entry),
                Err(error) => self.failed(operator, entry, &format!("Running expressing returned an error: {error}"), sink),
            },
            Work::Route(routes) => {
                for route in routes {
                    match route.condition.as_ref().map_or(Ok(true), |condition| condition.holds(&entry)) {
                        Ok(false) => {}
                        Ok(true) if route.outputs.is_empty() => return sink.unrouted(&operator.id),
                        Ok(true) => {
                            let mut rendered = Vec::new();
                            for (key, template) in &route.attributes {
                                match template.render(&entry) {
                                    Ok(text) => rendered.push((key.clone(), text)),
                                    Err(error) => tell(operator, &format!("Failed to label entry: {error}"), false, sink),
                                }
                            }
                            for (key, text) in rendered {
                                entry.record.attrs.upsert(key, warren_pdata::Value::Str(text));
                            }
                            return self.hand_to(&route.outputs, entry);
                        }
                        Err(error) => tell(operator, &format!("Running expression returned an error: {error}"), false, sink),
                    }
                }
                sink.unrouted(&operator.id);
            }
            Work::Recombine(rule) => {
                let mut out = std::mem::take(&mut self.out);
                let pushed = self.held.get_mut(index).map_or(Ok(()), |held| held.push(rule, entry, now, &mut out));
                if let Err(refused) = pushed {
                    let (entry, error) = *refused;
                    self.failed(operator, entry, &error, sink);
                }
                // The last goes on the pile first: the first is the next to run.
                for entry in out.drain(..).rev() {
                    self.hand_to(&operator.outputs, entry);
                }
                self.out = out;
            }
        }
    }

    fn failed(&mut self, operator: &Operator, entry: Entry, message: &str, sink: &mut dyn Sink) {
        let dropped = operator.on_error.drops();
        tell(operator, message, dropped, sink);
        if !dropped {
            self.hand_to(&operator.outputs, entry);
        }
    }
}

fn tell(operator: &Operator, message: &str, dropped: bool, sink: &mut dyn Sink) {
    sink.failed(Failure { operator: &operator.id, message, dropped, quiet: operator.on_error.is_quiet() });
}
