//! The running receiver.

use crate::Config;
use std::any::Any;
use std::sync::Arc;
use warren_component::{
    BoxFuture, BuildContext, BuildError, MemoryBound, Outputs, Receiver, ReceiverConfig, RunContext, RunError,
};
use warren_pdata::Signal;
use warren_regex::Regex;
use warren_scrape::discovery::{Resolver, Tools};
use warren_scrape::http::HttpFetch;
use warren_scrape::runner::{Jobs, Plan, Runner};
use warren_scrape::scrape::Settings;
use warren_scrape::series::StartTimes;
use warren_scrape::target::offset_seed;

impl ReceiverConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        let jobs = self.scrape.series_memory().into_iter();
        let limits =
            "body_size_limit, target_limit, or sample_limit with label_limit, label_name_length_limit, label_value_length_limit";
        jobs.map(|(job, bytes)| MemoryBound::new(format!("series of job {job}"), bytes).set_by(limits)).collect()
    }

    fn build(&self, cx: BuildContext, outputs: Outputs) -> Result<Box<dyn Receiver>, BuildError> {
        let output = outputs.get(Signal::Metrics).ok_or_else(|| BuildError::new("telemetry type is not supported"))?;
        let user_agent = format!("{}/{}", cx.build.command, cx.build.version);
        let tools = Tools {
            telemetry: cx.telemetry.clone(),
            fetch: Arc::new(HttpFetch { user_agent: user_agent.clone() }),
            resolver: Resolver::default(),
        };
        let jobs = self.scrape.jobs().map_err(|diagnostics| {
            let told: Vec<String> = diagnostics.errors().map(|error| error.to_string()).collect();
            BuildError::new(told.join("; "))
        })?;
        let external_labels = self.scrape.global.external_labels.clone();
        let plan = Plan {
            jobs,
            seed: offset_seed(&host_name(), &external_labels),
            settings: Settings {
                lenient_lines: self.warren.lenient_lines,
                trim_metric_suffixes: self.trim_metric_suffixes,
                report_extra_scrape_metrics: self.report_extra_scrape_metrics,
                start_times: self.start_times(&cx)?,
                native_histograms: has_gate(&cx, "EnableNativeHistograms"),
                version: cx.build.version.clone(),
                external_labels,
            },
            user_agent,
            receiver: cx.id.to_string(),
            at_once: cx.collect_now,
        };
        Ok(Box::new(Scraping(Runner::new(plan, &tools, Arc::clone(output), cx.inherited.take::<Jobs>())?)))
    }
}

impl Config {
    fn start_times(&self, cx: &BuildContext) -> Result<StartTimes, BuildError> {
        let created = has_gate(cx, "UseCreatedMetric") || has_gate(cx, "EnableCreatedTimestampZeroIngestion");
        let adjusted = match has_gate(cx, "RemoveStartTimeAdjustment") {
            true => StartTimes::Told { created },
            false => StartTimes::Adjusted { created },
        };
        if !self.use_start_time_metric {
            return Ok(adjusted);
        }
        let pattern = Some(&self.start_time_metric_regex).filter(|pattern| !pattern.is_empty());
        let regex = pattern.map(|pattern| Regex::new(pattern)).transpose();
        regex.map(StartTimes::Metric).map_err(|error| BuildError::new(format!("start_time_metric_regex: {error}")))
    }
}

/// Whether one of the receiver's feature gates is on.
fn has_gate(cx: &BuildContext, name: &str) -> bool {
    cx.gates.is_on(&format!("receiver.prometheusreceiver.{name}"))
}

struct Scraping(Runner);

impl Receiver for Scraping {
    fn run(self: Box<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        let scraping = self.0.run(cx);
        Box::pin(async move {
            scraping.await;
            Ok(())
        })
    }

    /// Jobs that do not change are taken over by the successor as they run.
    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        Some(Box::new(self.0.running()))
    }
}

/// The host's name; empty where the system does not tell it.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default()
}
