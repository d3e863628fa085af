//! Records of a batch, by resource and scope.

use warren_pdata::{Attrs, Batch, LogRecord, Logs, Resource, ResourceGroup, Scope, ScopeGroup, Text};

/// Records until they are taken out as a batch.
#[derive(Default)]
pub(crate) struct Groups {
    all: Vec<Group>,
    /// The group that the last record went to.
    last: usize,
    records: usize,
}

struct Group {
    resource: Attrs,
    scope_name: Text,
    records: Vec<LogRecord>,
}

impl Groups {
    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: LogRecord, resource: Attrs, scope_name: Text) {
        self.records += 1;
        let is_its = |group: &Group| group.resource == resource && group.scope_name == scope_name;
        if let Some(group) = self.all.get_mut(self.last).filter(|group| is_its(group)) {
            group.records.push(record);
            return;
        }
        self.last = self.all.iter().position(is_its).unwrap_or(self.all.len());
        match self.all.get_mut(self.last) {
            Some(group) => group.records.push(record),
            None => self.all.push(Group { resource, scope_name, records: vec![record] }),
        }
    }

    /// The records as a batch; none if there are none.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        let groups = std::mem::take(self).all;
        let mut resources: Vec<ResourceGroup<LogRecord>> = Vec::new();
        for Group { resource, scope_name, records } in groups {
            let scope = Scope { name: scope_name, ..Scope::default() };
            let scope = ScopeGroup { scope, schema_url: Text::new(), items: records };
            match resources.iter_mut().find(|group| group.resource.attrs == resource) {
                Some(group) => group.scopes.push(scope),
                None => resources.push(ResourceGroup {
                    resource: Resource { attrs: resource, dropped_attributes: 0 },
                    schema_url: Text::new(),
                    scopes: vec![scope],
                }),
            }
        }
        (!resources.is_empty()).then_some(Batch::Logs(Logs { resources }))
    }
}
