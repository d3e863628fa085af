//! `cpu`: what each processor spends its time on.

use super::{each, plain_config, texts};
use crate::config::Compat;
use crate::faults::Faults;
use crate::known::Known;
use crate::metric::{counter, gauge, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use warren_host::cpu::{Ticks, cores, cores_of_cpuinfo, frequencies, logical, processors};
use warren_host::{Host, ReadError, Source, system};
use warren_pdata::Attrs;

metrics! {
    FREQUENCY = gauge("system.cpu.frequency", "Hz", &["cpu"], "Clock of each processor.").off();
    LOGICAL_COUNT = up_down("system.cpu.logical.count", "{cpu}", &[], "Processors that programs can run on.").off();
    PHYSICAL_COUNT = up_down("system.cpu.physical.count", "{cpu}", &[], "Processor cores.").off();
    TIME = counter("system.cpu.time", "s", &["cpu", "state"], "Time that each processor spent in each state.");
    UTILIZATION = gauge("system.cpu.utilization", "1", &["cpu", "state"], "Share of the time since the last scrape that each processor spent in each state.").off();
}

/// The states that are reported, in the order of [`counts`].
const STATES: [&str; 8] = ["user", "system", "idle", "interrupt", "nice", "softirq", "steal", "wait"];

/// A count that falls by less than this is one of the kernel's that goes back a little, which happens to idle, waiting and stolen time; one that
/// falls by more is that of a processor that was off-line.
const JUMP_SECONDS: u64 = 3;

plain_config!(|cx| Box::new(Processors {
    corrected: cx.compat == Compat::Corrected,
    ticks_per_second: system::ticks_per_second(),
    known: Known::default(),
}));

struct Processors {
    corrected: bool,
    ticks_per_second: u64,
    known: Known<Box<str>, Processor>,
}

/// What is remembered of a processor.
struct Processor {
    attrs: Attrs,
    states: [Attrs; 8],
    last: Option<Ticks>,
}

impl Scraper for Processors {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        // Upstream takes a file that it cannot read for an empty one, and so does this.
        if let Ok(stat) = host.text(Source::Stat) {
            for (name, ticks) in processors(stat) {
                self.known.named(name, || Processor::new(name)).record(ticks, self.corrected, self.ticks_per_second, out);
            }
        }
        if let Err(error) = self.inventory(host, out) {
            // As upstream, which drops the rest as well.
            const FAILED: usize = 2;
            out.discard();
            faults.add("inventory", "", FAILED, || error.to_string());
        }
        self.known.end_tick();
    }
}

impl Processors {
    /// What there is, as far as it is asked for.
    fn inventory(&mut self, host: &mut Host, out: &mut Recorder) -> Result<(), ReadError> {
        if out.wants(PHYSICAL_COUNT) {
            let paths = host.paths().clone();
            let count = cores(&paths, || host.text(Source::Cpuinfo).map(cores_of_cpuinfo))?;
            out.count(PHYSICAL_COUNT, &Attrs::EMPTY, count as u64);
        }
        if out.wants(LOGICAL_COUNT) {
            let told = host.text(Source::Cpuinfo).map_or(0, |cpuinfo| logical(cpuinfo, &[]));
            let count = if told > 0 { told } else { logical(&[], host.text(Source::Stat)?) };
            out.count(LOGICAL_COUNT, &Attrs::EMPTY, count as u64);
        }
        if out.wants(FREQUENCY) {
            let cpuinfo = host.text(Source::Cpuinfo)?;
            let mut name = String::new();
            for (number, mhz) in frequencies(cpuinfo) {
                name.clear();
                // Writing to a String cannot fail.
                let _ = std::fmt::Write::write_fmt(&mut name, format_args!("cpu{number}"));
                let processor = self.known.named(&name, || Processor::new(&name));
                out.fraction(FREQUENCY, &processor.attrs, mhz * 1e6);
            }
        }
        Ok(())
    }
}

impl Processor {
    fn new(name: &str) -> Self {
        let attrs = texts([("cpu", name)]);
        Self { states: each(&attrs, "state", STATES), attrs, last: None }
    }

    fn record(&mut self, told: Ticks, corrected: bool, ticks_per_second: u64, out: &mut Recorder) {
        let ticks = match self.last.filter(|_| corrected) {
            Some(last) => never_back(last, told, JUMP_SECONDS * ticks_per_second),
            None => told,
        };
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
        for (attrs, ticks) in self.states.iter().zip(counts(&ticks)) {
            out.fraction(TIME, attrs, seconds(ticks));
        }
        let Some(last) = self.last.replace(ticks) else { return };
        let total = |ticks: &Ticks| {
            // The kernel counts guests among the programs already; upstream adds them once more.
            let guests = if corrected { 0.0 } else { seconds(ticks.guest) + seconds(ticks.guest_nice) };
            counts(ticks).map(seconds).iter().sum::<f64>() + guests
        };
        let elapsed = total(&ticks) - total(&last);
        for ((attrs, now), before) in self.states.iter().zip(counts(&ticks)).zip(counts(&last)) {
            let share = if elapsed > 0.0 { (seconds(now) - seconds(before)) / elapsed } else { 0.0 };
            out.fraction(UTILIZATION, attrs, if corrected { share.max(0.0) } else { share });
        }
    }
}

/// The counts in the order of [`STATES`].
fn counts(ticks: &Ticks) -> [u64; 8] {
    [ticks.user, ticks.system, ticks.idle, ticks.irq, ticks.nice, ticks.softirq, ticks.steal, ticks.iowait]
}

/// The counts, none of them behind where it was, unless by so much that it began anew.
fn never_back(last: Ticks, told: Ticks, jump: u64) -> Ticks {
    let later = |last: u64, told: u64| if told < last && last - told < jump { last } else { told };
    Ticks {
        user: later(last.user, told.user),
        nice: later(last.nice, told.nice),
        system: later(last.system, told.system),
        idle: later(last.idle, told.idle),
        iowait: later(last.iowait, told.iowait),
        irq: later(last.irq, told.irq),
        softirq: later(last.softirq, told.softirq),
        steal: later(last.steal, told.steal),
        guest: later(last.guest, told.guest),
        guest_nice: later(last.guest_nice, told.guest_nice),
    }
}
