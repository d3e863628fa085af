//! Settings of the `filter` processor.

use std::sync::Arc;

use warren_component::{BuildContext, BuildError, Consumer, Processor, ProcessorConfig, Staged};
use warren_config::{Block, Fields, Report};
use warren_match::{RegexpSettings, SelectionSettings};
use warren_ottl::{Context, ErrorMode};
use warren_pdata::Signal;

use crate::conditions::ConditionList;
use crate::properties::{LogProperties, MetricProperties, MetricSelector, log_selector, selector};
use crate::stage::{Filter, FilterStage};

/// Settings of one `filter` processor.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What happens when a condition fails.
    pub error_mode: ErrorMode,
    /// What is dropped of metrics.
    pub metrics: MetricSettings,
    /// What is dropped of log records.
    pub logs: LogSettings,
    /// Which spans are chosen by their properties.
    pub spans: SelectionSettings,
    /// What is dropped of spans by conditions.
    pub traces: TraceSettings,
}

/// `metrics`.
#[derive(Clone, Debug)]
pub struct MetricSettings {
    /// What must hold.
    pub include: Option<MetricProperties>,
    /// What must not hold.
    pub exclude: Option<MetricProperties>,
    /// Accepted and without effect, as upstream.
    pub regexp: Option<RegexpSettings>,
    /// Metrics are dropped for which one of these holds.
    pub metric: ConditionList,
    /// Data points are dropped for which one of these holds.
    pub datapoint: ConditionList,
}

/// `logs`.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// What must hold.
    pub include: Option<LogProperties>,
    /// What must not hold.
    pub exclude: Option<LogProperties>,
    /// Log records are dropped for which one of these holds.
    pub log_record: ConditionList,
}

/// `traces`.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// Spans are dropped for which one of these holds.
    pub span: ConditionList,
    /// Events are dropped for which one of these holds.
    pub spanevent: ConditionList,
}

impl Default for MetricSettings {
    fn default() -> Self {
        let [metric, datapoint] = [Context::Metric, Context::DataPoint].map(ConditionList::of);
        Self { include: None, exclude: None, regexp: None, metric, datapoint }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { include: None, exclude: None, log_record: ConditionList::of(Context::Log) }
    }
}

impl Default for TraceSettings {
    fn default() -> Self {
        let [span, spanevent] = [Context::Span, Context::SpanEvent].map(ConditionList::of);
        Self { span, spanevent }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("error_mode", &mut self.error_mode);
        f.block("metrics", &mut self.metrics);
        f.block("logs", &mut self.logs);
        f.block("spans", &mut self.spans);
        f.block("traces", &mut self.traces);
    }

    fn validate(&self, report: &mut Report<'_>) {
        let mixed = [
            (
                "spans",
                self.traces.span.is_given() || self.traces.spanevent.is_given(),
                self.spans.include.is_some() || self.spans.exclude.is_some(),
            ),
            (
                "metrics",
                self.metrics.metric.is_given() || self.metrics.datapoint.is_given(),
                self.metrics.include.is_some() || self.metrics.exclude.is_some(),
            ),
            ("logs", self.logs.log_record.is_given(), self.logs.include.is_some() || self.logs.exclude.is_some()),
        ];
        for (key, conditions, properties) in mixed {
            if conditions && properties {
                report.error(key, format!("cannot use ottl conditions and include/exclude for {key} at the same time"));
            }
        }
    }
}

impl Block for MetricSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("include", &mut self.include);
        f.optional("exclude", &mut self.exclude);
        f.optional("regexp", &mut self.regexp);
        f.custom("metric", &mut self.metric);
        f.custom("datapoint", &mut self.datapoint);
    }
}

impl Block for LogSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.optional("include", &mut self.include);
        f.optional("exclude", &mut self.exclude);
        f.custom("log_record", &mut self.log_record);
    }
}

impl Block for TraceSettings {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.custom("span", &mut self.span);
        f.custom("spanevent", &mut self.spanevent);
    }
}

impl Config {
    /// What is asked of the items of a signal.
    fn filter(&self, cx: &BuildContext, signal: Signal) -> Result<Filter, String> {
        let rule = |list: &ConditionList, name| list.compile(self.error_mode, name, cx);
        Ok(match signal {
            Signal::Traces => {
                let span = rule(&self.traces.span, "traces.span")?;
                let event = rule(&self.traces.spanevent, "traces.spanevent")?;
                if span.is_some() || event.is_some() {
                    Filter::Spans { span, event }
                } else {
                    selector(&self.spans, signal)?.map_or(Filter::Nothing, Filter::ChosenSpans)
                }
            }
            Signal::Metrics => {
                let metric = rule(&self.metrics.metric, "metrics.metric")?;
                let point = rule(&self.metrics.datapoint, "metrics.datapoint")?;
                if metric.is_some() || point.is_some() {
                    Filter::Metrics { metric, point }
                } else {
                    let (include, exclude) = (self.metrics.include.as_ref(), self.metrics.exclude.as_ref());
                    MetricSelector::new(include, exclude)?.map_or(Filter::Nothing, Filter::ChosenMetrics)
                }
            }
            Signal::Logs => match rule(&self.logs.log_record, "logs.log_record")? {
                Some(rule) => Filter::Logs(rule),
                None => log_selector(self.logs.include.as_ref(), self.logs.exclude.as_ref())?
                    .map_or(Filter::Nothing, Filter::ChosenLogs),
            },
        })
    }
}

impl ProcessorConfig for Config {
    fn build(&self, cx: BuildContext, signal: Signal, next: Arc<dyn Consumer>) -> Result<Arc<dyn Processor>, BuildError> {
        let filter = self.filter(&cx, signal).map_err(BuildError::new)?;
        let stage = FilterStage::new(filter, &cx, signal);
        Ok(Arc::new(Staged::new(stage, &cx, signal, next)))
    }
}
