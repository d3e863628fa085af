//! Walking batches and dropping what is not wanted.

use std::sync::Arc;

use warren_component::{BuildContext, ConsumeError, Stage};
use warren_match::Selector;
use warren_ottl::{Item, Level, Record};
use warren_pdata::{
    Batch, Logs, Metric, Metrics, Resource, ResourceGroup, Scope, ScopeGroup, Signal, Span, Telemetry, Text, Traces,
};
use warren_telemetry::{Counter, Field, Logger};

use crate::conditions::{Failures, Rule};
use crate::properties::MetricSelector;

/// What is asked of the items of one signal.
pub(crate) enum Filter {
    /// Nothing: batches pass as they are.
    Nothing,
    /// Metrics, and points of those that are kept.
    Metrics { metric: Option<Rule>, point: Option<Rule> },
    /// Metrics by properties.
    ChosenMetrics(MetricSelector),
    /// Log records.
    Logs(Rule),
    /// Log records by properties.
    ChosenLogs(Selector),
    /// Spans, and events of those that are kept.
    Spans { span: Option<Rule>, event: Option<Rule> },
    /// Spans by properties.
    ChosenSpans(Selector),
}

impl Filter {
    /// A batch has been walked.
    fn end_batch(&mut self) {
        let rules = match self {
            Self::Metrics { metric, point } => [metric.as_mut(), point.as_mut()],
            Self::Spans { span, event } => [span.as_mut(), event.as_mut()],
            Self::Logs(rule) => [Some(rule), None],
            Self::Nothing | Self::ChosenMetrics(_) | Self::ChosenLogs(_) | Self::ChosenSpans(_) => [None, None],
        };
        rules.into_iter().flatten().for_each(Rule::end_batch);
    }
}

/// Drops items of one signal.
pub(crate) struct FilterStage {
    filter: Filter,
    signal: Signal,
    filtered: Counter,
    log: Logger,
}

impl FilterStage {
    pub(crate) fn new(filter: Filter, cx: &BuildContext, signal: Signal) -> Self {
        let (name, help) = match signal {
            Signal::Metrics => {
                ("otelcol_processor_filter_datapoints_filtered", "Number of metric data points dropped by the filter processor")
            }
            Signal::Logs => ("otelcol_processor_filter_logs_filtered", "Number of logs dropped by the filter processor"),
            Signal::Traces => ("otelcol_processor_filter_spans_filtered", "Number of spans dropped by the filter processor"),
        };
        let filtered = cx.telemetry.registry.counter(name, help, &[("filter", &cx.id.to_string())]);
        Self { filter, signal, filtered, log: cx.telemetry.log.clone() }
    }
}

impl Stage for FilterStage {
    fn process(&mut self, batch: Arc<Batch>) -> Result<Option<Arc<Batch>>, ConsumeError> {
        if matches!(self.filter, Filter::Nothing) {
            return Ok(Some(batch));
        }
        let before = batch.items();
        let mut batch = Batch::owned(batch);
        let mut failures = Failures::new(&self.log);
        match (&mut self.filter, &mut batch) {
            (Filter::Metrics { metric, point }, Batch::Metrics(metrics)) => drop_metrics(metrics, metric, point, &mut failures),
            (Filter::ChosenMetrics(selector), Batch::Metrics(metrics)) => {
                metrics.resources.retain(|group| selector.chooses_resource(&group.resource));
                metrics.retain(|_, _, metric| selector.chooses(metric));
            }
            (Filter::Logs(rule), Batch::Logs(logs)) => drop_logs(logs, rule, &mut failures),
            (Filter::ChosenLogs(selector), Batch::Logs(logs)) => {
                logs.retain(|resource, scope, log| selector.chooses_log(log, resource, scope));
            }
            (Filter::Spans { span, event }, Batch::Traces(traces)) => drop_spans(traces, span, event, &mut failures),
            (Filter::ChosenSpans(selector), Batch::Traces(traces)) => {
                traces.retain(|resource, scope, span| selector.chooses_span(span, resource, scope));
            }
            _ => {}
        }
        self.filtered.add((before - batch.items()) as u64);
        let told = failures.told();
        self.filter.end_batch();
        if let Some(failed) = told {
            self.log.error(&format!("failed processing {}", self.signal), &[("error", Field::Str(&failed))]);
            return Err(ConsumeError::retryable(failed));
        }
        Ok((!batch.is_empty()).then(|| Arc::new(batch)))
    }
}

fn drop_metrics(metrics: &mut Metrics, metric: &mut Option<Rule>, point: &mut Option<Rule>, failures: &mut Failures<'_>) {
    let mut stays = Vec::new();
    retain(metrics, |entered, item: &mut Metric, frame| {
        for rule in [&mut *metric, &mut *point].into_iter().flatten() {
            entered.iter().for_each(|level| rule.memo.enter(*level));
        }
        if let Some(rule) = metric
            && rule.drops(&frame.with(Item::Metric(item)), failures)
        {
            return false;
        }
        let Some(rule) = point else { return true };
        rule.memo.enter(Level::Parent);
        stays.clear();
        let points = item.data.len();
        let mut record = frame.with(Item::DataPoint(item, 0));
        for at in 0..points {
            record.enter_point(at);
            stays.push(!rule.drops(&record, failures));
        }
        drop(record);
        if stays.contains(&false) {
            item.data.retain(|at| stays.get(at).copied().unwrap_or(true));
        }
        !item.data.is_empty() || matches!(item.data, warren_pdata::Data::Empty)
    });
}

fn drop_logs(logs: &mut Logs, rule: &mut Rule, failures: &mut Failures<'_>) {
    retain(logs, |entered, log, frame| {
        entered.iter().for_each(|level| rule.memo.enter(*level));
        !rule.drops(&frame.with(Item::Log(log)), failures)
    });
}

fn drop_spans(traces: &mut Traces, span: &mut Option<Rule>, event: &mut Option<Rule>, failures: &mut Failures<'_>) {
    let mut stays = Vec::new();
    retain(traces, |entered, item: &mut Span, frame| {
        for rule in [&mut *span, &mut *event].into_iter().flatten() {
            entered.iter().for_each(|level| rule.memo.enter(*level));
        }
        if let Some(rule) = span
            && rule.drops(&frame.with(Item::Span(item)), failures)
        {
            return false;
        }
        if let Some(rule) = event {
            rule.memo.enter(Level::Parent);
            stays.clear();
            for at in 0..item.events.len() {
                stays.push(!rule.drops(&frame.with(Item::SpanEvent(item, at)), failures));
            }
            let mut stays = stays.iter();
            item.events.retain(|_| stays.next().copied().unwrap_or(true));
        }
        true
    });
}

/// What surrounds an item.
struct Frame<'a> {
    resource: &'a mut Resource,
    resource_schema_url: &'a mut Text,
    scope: &'a mut Scope,
    schema_url: &'a mut Text,
}

impl Frame<'_> {
    fn with<'b>(&'b mut self, item: Item<'b>) -> Record<'b> {
        Record::new(self.resource, self.resource_schema_url, Some((self.scope, self.schema_url)), item)
    }
}

/// Keeps the items that `keep` accepts, then drops scopes and resources that are empty. Besides the item, `keep` is told what is entered with it.
fn retain<T>(telemetry: &mut Telemetry<T>, mut keep: impl FnMut(&[Level], &mut T, &mut Frame<'_>) -> bool) {
    telemetry.resources.retain_mut(|ResourceGroup { resource, schema_url: resource_schema_url, scopes }| {
        let mut entered: &[Level] = &[Level::Resource];
        scopes.retain_mut(|ScopeGroup { scope, schema_url, items }| {
            if entered.is_empty() {
                entered = &[Level::Scope];
            }
            let mut frame = Frame { resource, resource_schema_url, scope, schema_url };
            items.retain_mut(|item| keep(std::mem::take(&mut entered), item, &mut frame));
            !items.is_empty()
        });
        !scopes.is_empty()
    });
}
