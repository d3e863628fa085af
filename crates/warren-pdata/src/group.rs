//! Resource and scope groups: the frame that all three signals share.

use crate::value::text_bytes;
use crate::{Attrs, Text};

/// What the telemetry is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
}

/// What produced the telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Name of the instrumentation.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// Its attributes.
    pub attrs: Attrs,
    /// How many attributes were dropped before.
    pub dropped_attributes: u32,
}

/// All items of one signal: `Telemetry<Metric>`, `Telemetry<LogRecord>`, `Telemetry<Span>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry<T> {
    /// Groups by resource. Equal resources may occur more than once.
    pub resources: Vec<ResourceGroup<T>>,
}

/// What belongs to one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceGroup<T> {
    /// The resource.
    pub resource: Resource,
    /// Schema URL of the resource; empty if none.
    pub schema_url: Text,
    /// Groups by scope.
    pub scopes: Vec<ScopeGroup<T>>,
}

/// What belongs to one scope of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeGroup<T> {
    /// The scope.
    pub scope: Scope,
    /// Schema URL of the scope's items; empty if none.
    pub schema_url: Text,
    /// Metrics, log records or spans.
    pub items: Vec<T>,
}

/// A metric, a log record or a span: what can be counted, cut and weighed.
pub trait Item: Clone {
    /// Data points of a metric; one for a log record or a span.
    fn count(&self) -> usize;

    /// Keeps the first `at` data points and returns the rest under the same description. Only called with `0 < at < count()`.
    fn split_off(&mut self, at: usize) -> Self;

    /// Heap bytes the item keeps alive, its share only of what is shared.
    fn heap_bytes(&self) -> usize;
}

impl<T> Default for Telemetry<T> {
    fn default() -> Self {
        Self { resources: Vec::new() }
    }
}

impl<T> Default for ResourceGroup<T> {
    fn default() -> Self {
        Self { resource: Resource::default(), schema_url: Text::new(), scopes: Vec::new() }
    }
}

impl<T> Default for ScopeGroup<T> {
    fn default() -> Self {
        Self { scope: Scope::default(), schema_url: Text::new(), items: Vec::new() }
    }
}

impl<T> Telemetry<T> {
    /// One resource with one scope that holds these items.
    pub fn of(resource: Resource, scope: Scope, items: Vec<T>) -> Self {
        let scopes = vec![ScopeGroup { scope, schema_url: Text::new(), items }];
        Self { resources: vec![ResourceGroup { resource, schema_url: Text::new(), scopes }] }
    }

    /// All items with their resource and scope.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceGroup<T>, &ScopeGroup<T>, &T)> {
        self.resources.iter().flat_map(|resource| {
            resource.scopes.iter().flat_map(move |scope| scope.items.iter().map(move |item| (resource, scope, item)))
        })
    }

    /// Keeps the items that `keep` accepts, then drops scopes and resources that became empty.
    pub fn retain(&mut self, mut keep: impl FnMut(&Resource, &Scope, &mut T) -> bool) {
        self.resources.retain_mut(|group| {
            let resource = &group.resource;
            group.scopes.retain_mut(|scoped| {
                let scope = &scoped.scope;
                scoped.items.retain_mut(|item| keep(resource, scope, item));
                !scoped.items.is_empty()
            });
            !group.scopes.is_empty()
        });
    }
}

impl<T: Item> Telemetry<T> {
    /// Data points, log records or spans.
    pub fn count(&self) -> usize {
        self.iter().map(|(_, _, item)| item.count()).sum()
    }

    /// Cuts after `at` data points, log records or spans and returns the rest; both halves keep their resource, scope and schema URLs.
    pub fn split_off(&mut self, at: usize) -> Self {
        let mut room = at;
        let mut rest = Vec::new();
        let mut kept = Vec::with_capacity(self.resources.len());
        for mut group in self.resources.drain(..) {
            let mut later = Vec::new();
            let mut sooner = Vec::with_capacity(group.scopes.len());
            for mut scoped in group.scopes.drain(..) {
                let tail = cut_items(&mut scoped.items, &mut room);
                if !tail.is_empty() {
                    later.push(ScopeGroup { scope: scoped.scope.clone(), schema_url: scoped.schema_url.clone(), items: tail });
                }
                if !scoped.items.is_empty() {
                    sooner.push(scoped);
                }
            }
            if !later.is_empty() {
                rest.push(ResourceGroup {
                    resource: group.resource.clone(),
                    schema_url: group.schema_url.clone(),
                    scopes: later,
                });
            }
            if !sooner.is_empty() {
                group.scopes = sooner;
                kept.push(group);
            }
        }
        self.resources = kept;
        Self { resources: rest }
    }

    /// Heap bytes kept alive, the share only of what is shared: what a queue that holds this is charged.
    pub fn heap_bytes(&self) -> usize {
        let groups = self.resources.iter().map(|group| {
            let scopes: usize = group
                .scopes
                .iter()
                .map(|scoped| {
                    size_of::<ScopeGroup<T>>()
                        + text_bytes(&scoped.scope.name)
                        + text_bytes(&scoped.scope.version)
                        + scoped.scope.attrs.heap_bytes()
                        + scoped.items.capacity() * size_of::<T>()
                        + scoped.items.iter().map(T::heap_bytes).sum::<usize>()
                })
                .sum();
            size_of::<ResourceGroup<T>>() + group.resource.attrs.heap_bytes() + scopes
        });
        groups.sum()
    }
}

/// Keeps items as long as there is room, counts the room down, and returns the rest.
fn cut_items<T: Item>(items: &mut Vec<T>, room: &mut usize) -> Vec<T> {
    for index in 0..items.len() {
        let Some(item) = items.get_mut(index) else { break };
        let count = item.count();
        if count <= *room {
            *room -= count;
            continue;
        }
        let here = std::mem::take(room);
        if here == 0 {
            return items.split_off(index);
        }
        let tail = item.split_off(here);
        let mut rest = vec![tail];
        rest.extend(items.drain(index + 1..));
        return rest;
    }
    Vec::new()
}
