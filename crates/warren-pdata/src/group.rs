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

    /// Cuts into pieces of `most` data points, log records or spans; the last may have fewer. Each keeps its resources, scopes and schema
    /// URLs. Takes time in proportion to what there is, however many pieces it gives.
    pub fn into_chunks(self, most: usize) -> Vec<Self> {
        let most = most.max(1);
        let (mut chunks, mut chunk, mut room) = (Vec::new(), Self::default(), most);
        for ResourceGroup { resource, schema_url, scopes } in self.resources {
            let mut new_resource = true;
            for scoped in scopes {
                let mut new_scope = true;
                for item in scoped.items {
                    for piece in pieces(item, room, most) {
                        if piece.count() > room {
                            chunks.push(std::mem::take(&mut chunk));
                            (room, new_resource, new_scope) = (most, true, true);
                        }
                        room -= piece.count();
                        if std::mem::take(&mut new_resource) {
                            let (resource, schema_url) = (resource.clone(), schema_url.clone());
                            chunk.resources.push(ResourceGroup { resource, schema_url, scopes: Vec::new() });
                        }
                        let Some(group) = chunk.resources.last_mut() else { continue };
                        if std::mem::take(&mut new_scope) {
                            let (scope, schema_url) = (scoped.scope.clone(), scoped.schema_url.clone());
                            group.scopes.push(ScopeGroup { scope, schema_url, items: Vec::new() });
                        }
                        if let Some(scoped) = group.scopes.last_mut() {
                            scoped.items.push(piece);
                        }
                    }
                }
            }
        }
        if !chunk.resources.is_empty() {
            chunks.push(chunk);
        }
        chunks
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

/// Cuts an item so that its first piece fits into the room left, or into a chunk of its own if there is none, as each other piece does.
fn pieces<T: Item>(mut item: T, room: usize, most: usize) -> impl Iterator<Item = T> {
    let first = if room == 0 { most } else { room };
    let mut later = Vec::new();
    let mut count = item.count();
    // From the end, so that every point is moved once.
    while count > first {
        count = first + (count - first - 1) / most * most;
        later.push(item.split_off(count));
    }
    std::iter::once(item).chain(later.into_iter().rev())
}
