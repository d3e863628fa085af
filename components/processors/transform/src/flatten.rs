//! `flatten_data`: each log record has a resource and a scope of its own while statements run, so that a statement that changes them changes them
//! for this record alone; then records whose resources and scopes are equal are put together again.

use hashbrown::HashMap;
use warren_pdata::{Logs, Resource, ResourceGroup, Scope, ScopeGroup, Text};

/// Gives every record a resource and a scope of its own.
pub(crate) fn flatten(logs: &mut Logs) {
    let mut flat = Vec::new();
    for ResourceGroup { resource, schema_url, scopes } in std::mem::take(&mut logs.resources) {
        for ScopeGroup { scope, schema_url: scope_schema_url, items } in scopes {
            flat.extend(items.into_iter().map(|log| ResourceGroup {
                resource: resource.clone(),
                schema_url: schema_url.clone(),
                scopes: vec![ScopeGroup { scope: scope.clone(), schema_url: scope_schema_url.clone(), items: vec![log] }],
            }));
        }
    }
    logs.resources = flat;
}

/// What makes two resources, or two scopes, one. Attributes count without their order.
type Key = (Vec<(Text, warren_pdata::Value)>, Vec<Text>, u32);

/// Puts records of equal resources and scopes together, in the order in which these first come.
pub(crate) fn regroup(logs: &mut Logs) {
    let mut groups: Vec<(ResourceGroup<_>, HashMap<Key, usize>)> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    for ResourceGroup { resource, schema_url, scopes } in std::mem::take(&mut logs.resources) {
        let place = *known.entry(resource_key(&resource, &schema_url)).or_insert_with(|| {
            groups.push((ResourceGroup { resource, schema_url, scopes: Vec::new() }, HashMap::new()));
            groups.len() - 1
        });
        let Some((group, known)) = groups.get_mut(place) else { continue };
        for ScopeGroup { scope, schema_url, mut items } in scopes {
            let place = *known.entry(scope_key(&scope, &schema_url)).or_insert_with(|| {
                group.scopes.push(ScopeGroup { scope, schema_url, items: Vec::new() });
                group.scopes.len() - 1
            });
            if let Some(scoped) = group.scopes.get_mut(place) {
                scoped.items.append(&mut items);
            }
        }
    }
    logs.resources = groups.into_iter().map(|(group, _)| group).collect();
}

fn sorted(attrs: &warren_pdata::Attrs) -> Vec<(Text, warren_pdata::Value)> {
    let mut entries: Vec<_> = attrs.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries
}

fn resource_key(resource: &Resource, schema_url: &Text) -> Key {
    (sorted(&resource.attrs), vec![schema_url.clone()], resource.dropped_attributes)
}

fn scope_key(scope: &Scope, schema_url: &Text) -> Key {
    (sorted(&scope.attrs), vec![schema_url.clone(), scope.name.clone(), scope.version.clone()], scope.dropped_attributes)
}
