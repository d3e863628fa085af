//! `load`: how many threads run or wait to, averaged over time.

use crate::faults::Faults;
use crate::metric::{MetricSettings, gauge, metrics};
use crate::recorder::Recorder;
use crate::scraper::{Scraper, ScraperConfig, ScraperContext};
use warren_config::{Block, Fields};
use warren_host::{Host, Source, cpu, system};
use warren_pdata::Attrs;

metrics! {
    MINUTES_15 = gauge("system.cpu.load_average.15m", "{thread}", &[], "Threads that run or wait to, averaged over 15 minutes.");
    MINUTES_1 = gauge("system.cpu.load_average.1m", "{thread}", &[], "Threads that run or wait to, averaged over one minute.");
    MINUTES_5 = gauge("system.cpu.load_average.5m", "{thread}", &[], "Threads that run or wait to, averaged over 5 minutes.");
}

/// Settings of the scraper.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    metrics: MetricSettings,
    /// Divide by the number of processors.
    cpu_average: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { metrics: MetricSettings::new(METRICS), cpu_average: false }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("metrics", &mut self.metrics);
        f.scalar("cpu_average", &mut self.cpu_average);
    }
}

impl ScraperConfig for Config {
    fn metrics(&self) -> &MetricSettings {
        &self.metrics
    }

    fn build(&self, _: &ScraperContext<'_>) -> Result<Box<dyn Scraper>, String> {
        Ok(Box::new(Load { divide: self.cpu_average, processors: system::processors_allowed().map(f64::from) }))
    }
}

struct Load {
    divide: bool,
    /// How many processors this process may run on, as of its start.
    processors: Option<f64>,
}

impl Scraper for Load {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, _: &mut Faults) {
        let told = host.text(Source::Loadavg).ok().and_then(system::load);
        let mut averages = told.unwrap_or_else(system::load_by_call);
        if self.divide {
            // More processors than a mask names: those that there are.
            let processors = self
                .processors
                .unwrap_or_else(|| host.text(Source::Stat).map_or(1, |stat| cpu::processors(stat).count().max(1)) as f64);
            averages = averages.map(|average| average / processors);
        }
        let [one, five, fifteen] = averages;
        out.fraction(MINUTES_1, &Attrs::EMPTY, one);
        out.fraction(MINUTES_5, &Attrs::EMPTY, five);
        out.fraction(MINUTES_15, &Attrs::EMPTY, fifteen);
    }
}
