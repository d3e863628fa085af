//! The walk of a context through a batch.

use super::level::Level;
use super::memo::Memo;
use crate::record::{Context, Item, Lineage, Record};
use warren_pdata::{Attrs, Batch, Metric, Metrics, Resource, ResourceGroup, Scope, ScopeGroup, Telemetry, Text};

/// Of metrics that statements added to one scope in one run, at most so many are visited.
const APPENDED_MAX: usize = 65_536;

/// Visits each record of the context; contexts of other signals have none.
pub(super) fn walk<E>(
    context: Context,
    batch: &mut Batch,
    memo: &mut Memo,
    mut visit: impl FnMut(&mut Record<'_>, &mut Memo) -> Result<(), E>,
) -> Result<(), E> {
    match (context, batch) {
        (Context::Resource, Batch::Metrics(metrics)) => resources(metrics, memo, visit),
        (Context::Resource, Batch::Logs(logs)) => resources(logs, memo, visit),
        (Context::Resource, Batch::Traces(traces)) => resources(traces, memo, visit),
        (Context::Scope, Batch::Metrics(metrics)) => {
            scopes(metrics, memo, |_, mut frame, memo| visit(&mut frame.with(Item::None), memo))
        }
        (Context::Scope, Batch::Logs(logs)) => scopes(logs, memo, |_, mut frame, memo| visit(&mut frame.with(Item::None), memo)),
        (Context::Scope, Batch::Traces(traces)) => {
            scopes(traces, memo, |_, mut frame, memo| visit(&mut frame.with(Item::None), memo))
        }
        (Context::Log, Batch::Logs(logs)) => {
            scopes(logs, memo, |items, frame, memo| each_item(items.iter_mut().map(Item::Log), frame, memo, &mut visit))
        }
        (Context::Span, Batch::Traces(traces)) => {
            scopes(traces, memo, |items, frame, memo| each_item(items.iter_mut().map(Item::Span), frame, memo, &mut visit))
        }
        (Context::SpanEvent, Batch::Traces(traces)) => scopes(traces, memo, |items, mut frame, memo| {
            for span in items {
                memo.enter(Level::Parent);
                for at in 0..span.events.len() {
                    visit(&mut frame.with(Item::SpanEvent(span, at)), memo)?;
                }
            }
            Ok(())
        }),
        (Context::Metric, Batch::Metrics(metrics)) => each_metric(metrics, memo, |metric| Item::Metric(metric), visit),
        (Context::DataPoint, Batch::Metrics(metrics)) => each_metric(
            metrics,
            memo,
            |metric| Item::DataPoint(metric, 0),
            |record, memo| {
                memo.enter(Level::Parent);
                let mut at = 0;
                while record.enter_point(at) {
                    visit(record, memo)?;
                    record.cache = Attrs::EMPTY;
                    at += 1;
                }
                Ok(())
            },
        ),
        _ => Ok(()),
    }
}

/// What surrounds a record.
struct Frame<'a> {
    resource: &'a mut Resource,
    resource_schema_url: &'a mut Text,
    scope: Option<(&'a mut Scope, &'a mut Text)>,
}

impl Frame<'_> {
    fn with<'b>(&'b mut self, item: Item<'b>) -> Record<'b> {
        let scope = self.scope.as_mut().map(|(scope, schema_url)| (&mut **scope, &mut **schema_url));
        Record::new(self.resource, self.resource_schema_url, scope, item)
    }
}

fn resources<T, E>(
    telemetry: &mut Telemetry<T>,
    memo: &mut Memo,
    mut visit: impl FnMut(&mut Record<'_>, &mut Memo) -> Result<(), E>,
) -> Result<(), E> {
    for ResourceGroup { resource, schema_url, .. } in &mut telemetry.resources {
        memo.enter(Level::Resource);
        visit(&mut Frame { resource, resource_schema_url: schema_url, scope: None }.with(Item::None), memo)?;
    }
    Ok(())
}

fn scopes<T, E>(
    telemetry: &mut Telemetry<T>,
    memo: &mut Memo,
    mut visit: impl FnMut(&mut Vec<T>, Frame<'_>, &mut Memo) -> Result<(), E>,
) -> Result<(), E> {
    for ResourceGroup { resource, schema_url: resource_schema_url, scopes } in &mut telemetry.resources {
        memo.enter(Level::Resource);
        for ScopeGroup { scope, schema_url, items } in scopes {
            memo.enter(Level::Scope);
            let scope = Some((scope, schema_url));
            visit(items, Frame { resource, resource_schema_url, scope }, memo)?;
        }
    }
    Ok(())
}

/// Visits items one after the other.
fn each_item<'a, E>(
    items: impl Iterator<Item = Item<'a>>,
    mut frame: Frame<'a>,
    memo: &mut Memo,
    visit: &mut impl FnMut(&mut Record<'_>, &mut Memo) -> Result<(), E>,
) -> Result<(), E> {
    let mut record = frame.with(Item::None);
    for item in items {
        record.item = item;
        visit(&mut record, memo)?;
        record.cache = Attrs::EMPTY;
    }
    Ok(())
}

/// Visits every metric, and after them those that visits append.
fn each_metric<E>(
    metrics: &mut Metrics,
    memo: &mut Memo,
    item: impl Fn(&mut Metric) -> Item<'_>,
    mut visit: impl FnMut(&mut Record<'_>, &mut Memo) -> Result<(), E>,
) -> Result<(), E> {
    scopes(metrics, memo, |items, mut frame, memo| {
        let there = items.len();
        let mut lineages = Vec::new();
        let mut at = 0;
        while let Some(metric) = items.get_mut(at).filter(|_| at < there.saturating_add(APPENDED_MAX)) {
            let mut record = frame.with(item(metric));
            if let Some(lineage) = at.checked_sub(there).and_then(|added| lineages.get(added)) {
                record.lineage = Lineage::clone(lineage);
            }
            visit(&mut record, memo)?;
            let appended = std::mem::take(&mut record.appended);
            lineages.append(&mut record.lineage.take_appended());
            items.extend(appended);
            at += 1;
        }
        Ok(())
    })
}
