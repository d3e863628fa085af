//! What upstream does oddly and harms nobody: mended, unless its way is asked for.

use super::Compiler;
use super::library::{self, Found};
use super::paths::Prefix;
use crate::function::{Changes, Editor};
use crate::functions::ODD_RECORD_CONVERTERS;
use crate::path::{Field, ResourceField, ScopeField};
use crate::record::Context;

/// Whether what upstream does oddly is mended. Accidents (panics, loops without end, lost data) always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oddities {
    /// Mended.
    #[default]
    Mended,
    /// As upstream has them.
    Upstream,
}

impl Oddities {
    /// Upstream's if they are wanted.
    pub fn upstream(wanted: bool) -> Self {
        if wanted { Self::Upstream } else { Self::Mended }
    }
}

impl Compiler {
    /// The field that a path to this one means. Upstream takes the scope's schema URL for that of the resource in statements on scopes, and shows
    /// none to conditions on data points that stand alone.
    pub(super) fn field(&self, field: Field) -> Field {
        if self.oddities == Oddities::Mended {
            return field;
        }
        match (self.context, self.prefix, field) {
            (Context::Scope, _, Field::Resource(ResourceField::SchemaUrl)) => Field::Scope(ScopeField::SchemaUrl),
            (
                Context::DataPoint,
                Prefix::Optional,
                Field::Resource(ResourceField::SchemaUrl) | Field::Scope(ScopeField::SchemaUrl),
            ) => Field::Resource(ResourceField::NoSchemaUrl),
            _ => field,
        }
    }

    /// The converter of this name.
    pub(super) fn converter_named(&self, name: &str) -> Option<Found> {
        let odd = || ODD_RECORD_CONVERTERS.iter().find(|odd| odd.name == name && odd.contexts.contains(&self.context));
        match self.oddities {
            Oddities::Upstream => odd().map(Found::OfRecord).or_else(|| library::converter(self.context, name)),
            Oddities::Mended => library::converter(self.context, name),
        }
    }

    /// What an editor changes. Upstream has editors of data points that add a metric do so for each point.
    pub(super) fn changes(&self, editor: &Editor) -> Changes {
        match (self.oddities, self.context, editor.changes) {
            (Oddities::Upstream, Context::DataPoint, Changes::Metrics) => Changes::Record,
            (_, _, changes) => changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorMode, Failed, Observer, compile_as};
    use warren_pdata::{
        Attrs, Batch, Data, LogRecord, Logs, Metric, Metrics, Number, NumberPoint, Resource, Scope, Signal, SummaryPoint, Text,
    };

    struct Silent;

    impl Observer for Silent {
        fn failed(&mut self, failed: &Failed) {
            panic!("{failed}");
        }
    }

    fn run(oddities: Oddities, signal: Signal, context: Context, statements: &[&str], batch: &mut Batch) {
        let group = compile_as(oddities, signal, Some(context), &[], statements).unwrap();
        group.run(batch, ErrorMode::Propagate, &mut group.memo(), &mut Silent).unwrap();
    }

    fn metrics(data: Data) -> Metrics {
        Metrics::of(Resource::default(), Scope::default(), vec![Metric { name: "m".into(), data, ..Metric::default() }])
    }

    #[test]
    fn what_summaries_hold_is_added_once_or_for_each_point() {
        let point = |count| SummaryPoint { count, ..SummaryPoint::default() };
        for (oddities, expected) in [(Oddities::Mended, 1), (Oddities::Upstream, 3)] {
            let mut batch = Batch::Metrics(metrics(Data::Summary(vec![point(1), point(2), point(3)])));
            let statement = r#"convert_summary_count_val_to_sum("delta", false)"#;
            run(oddities, Signal::Metrics, Context::DataPoint, &[statement], &mut batch);
            let Batch::Metrics(metrics) = &batch else { unreachable!() };
            let added: Vec<&Metric> = metrics.iter().map(|(_, _, metric)| metric).skip(1).collect();
            assert_eq!(added.len(), expected);
            assert!(added.iter().all(|metric| metric.name == "m_count" && metric.data.len() == 3));
        }
    }

    #[test]
    fn statements_on_scopes_see_the_resources_schema_url_or_what_upstream_shows_for_it() {
        let statements = [r#"set(scope.attributes["seen"], resource.schema_url)"#, r#"set(resource.schema_url, "new")"#];
        let cases = [
            (Oddities::Mended, Signal::Logs, ["resource", "new", "scope"]),
            (Oddities::Mended, Signal::Metrics, ["resource", "new", "scope"]),
            (Oddities::Upstream, Signal::Logs, ["scope", "resource", "new"]),
            (Oddities::Upstream, Signal::Metrics, ["scope", "resource", "new"]),
        ];
        for (oddities, signal, expected) in cases {
            let mut batch = match signal {
                Signal::Metrics => Batch::Metrics(metrics(Data::Empty)),
                _ => Batch::Logs(Logs::of(Resource::default(), Scope::default(), vec![LogRecord::default()])),
            };
            let mut urls = |resource: &str, scope: &str| match &mut batch {
                Batch::Metrics(metrics) => put(&mut metrics.resources[0], resource, scope),
                Batch::Logs(logs) => put(&mut logs.resources[0], resource, scope),
                Batch::Traces(_) => unreachable!(),
            };
            urls("resource", "scope");
            run(oddities, signal, Context::Scope, &statements, &mut batch);
            let (attrs, resource, scope) = match &batch {
                Batch::Metrics(metrics) => seen(&metrics.resources[0]),
                Batch::Logs(logs) => seen(&logs.resources[0]),
                Batch::Traces(_) => unreachable!(),
            };
            assert_eq!(
                (attrs, resource.as_str(), scope.as_str()),
                (Attrs::from([("seen", expected[0])]), expected[1], expected[2])
            );
        }
    }

    fn put<T>(group: &mut warren_pdata::ResourceGroup<T>, resource: &str, scope: &str) {
        group.schema_url = resource.into();
        group.scopes[0].schema_url = scope.into();
    }

    fn seen<T>(group: &warren_pdata::ResourceGroup<T>) -> (Attrs, Text, Text) {
        let scoped = &group.scopes[0];
        (scoped.scope.attrs.clone(), group.schema_url.clone(), scoped.schema_url.clone())
    }

    #[test]
    fn an_attribute_is_looked_for_on_all_points_or_on_the_first_that_has_its_key() {
        let point =
            |value: &str| NumberPoint { attrs: Attrs::from([("k", value)]), value: Number::Int(1), ..NumberPoint::default() };
        let statement = r#"set(metric.unit, "found") where HasAttrOnDatapoint("k", "b")"#;
        for (oddities, expected) in [(Oddities::Mended, "found"), (Oddities::Upstream, "")] {
            let bare = NumberPoint::default();
            let mut batch = Batch::Metrics(metrics(Data::Gauge([bare, point("a"), point("b")].into_iter().collect())));
            run(oddities, Signal::Metrics, Context::Metric, &[statement], &mut batch);
            let Batch::Metrics(metrics) = &batch else { unreachable!() };
            assert_eq!(metrics.iter().next().unwrap().2.unit, expected);
        }
    }
}
