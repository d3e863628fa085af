//! `disk`: what each disk, partition and mapped device has read and written.

use super::{each, texts};
use crate::config::Compat;
use crate::faults::Faults;
use crate::filter::{Filter, FilterSettings};
use crate::known::Known;
use crate::metric::{MetricSettings, counter, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::{Scraper, ScraperConfig, ScraperContext};
use warren_config::{Block, Fields};
use warren_host::disk::{Disk, SECTOR_BYTES, disks};
use warren_host::{Host, Source};
use warren_pdata::Attrs;

metrics! {
    IO = counter("system.disk.io", "By", &["device", "direction"], "Bytes read from and written to disks.");
    IO_TIME = counter("system.disk.io_time", "s", &["device"], "Time in which a disk had anything to do.");
    MERGED = counter("system.disk.merged", "{operations}", &["device", "direction"], "Requests to disks that were merged with others.");
    OPERATION_TIME = counter("system.disk.operation_time", "s", &["device", "direction"], "Time spent on operations of disks.");
    OPERATIONS = counter("system.disk.operations", "{operations}", &["device", "direction"], "Operations of disks.");
    PENDING = up_down("system.disk.pending_operations", "{operations}", &["device"], "Operations that a disk is at.");
    WEIGHTED_IO_TIME = counter("system.disk.weighted_io_time", "s", &["device"], "Time in which a disk had anything to do, times the operations it was at.");
}

/// Settings of the scraper.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    metrics: MetricSettings,
    filter: FilterSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metrics: MetricSettings::new(METRICS),
            filter: FilterSettings::new(["include", "exclude"], "devices", ["device include filters", "device exclude filters"]),
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.block("metrics", &mut self.metrics);
        f.squash(&mut self.filter);
    }
}

impl ScraperConfig for Config {
    fn metrics(&self) -> &MetricSettings {
        &self.metrics
    }

    fn build(&self, cx: &ScraperContext<'_>) -> Result<Box<dyn Scraper>, String> {
        let filter = self.filter.compile()?;
        Ok(Box::new(Disks { filter, corrected: cx.compat == Compat::Corrected, devices: Known::default() }))
    }
}

struct Disks {
    filter: Filter,
    corrected: bool,
    /// None of what the filter keeps out.
    devices: Known<Box<str>, Option<Device>>,
}

/// What is remembered of a device.
struct Device {
    attrs: Attrs,
    /// Read, written.
    directions: [Attrs; 2],
    /// Milliseconds read, written, busy, weighted.
    times: [Milliseconds; 4],
}

impl Scraper for Disks {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        if let Err(error) = self.read(host, out) {
            out.discard();
            faults.add("diskstats", "", METRICS.len(), || error);
        }
        self.devices.end_tick();
    }
}

impl Disks {
    fn read(&mut self, host: &mut Host, out: &mut Recorder) -> Result<(), String> {
        let text = host.text(Source::Diskstats).map_err(|error| error.to_string())?;
        for disk in disks(text) {
            let disk = disk.map_err(|error| error.to_string())?;
            let filter = &self.filter;
            let known = self.devices.named(&disk.name, || filter.passes(&disk.name).then(|| Device::new(&disk.name)));
            if let Some(device) = known {
                device.record(&disk, self.corrected, out);
            }
        }
        Ok(())
    }
}

impl Device {
    fn new(name: &str) -> Self {
        let attrs = texts([("device", name)]);
        Self { directions: each(&attrs, "direction", ["read", "write"]), attrs, times: Default::default() }
    }

    fn record(&mut self, disk: &Disk<'_>, corrected: bool, out: &mut Recorder) {
        let told = [disk.read.ms, disk.written.ms, disk.busy_ms, disk.weighted_ms];
        let mut seconds = [0.0; 4];
        for ((seconds, known), ms) in seconds.iter_mut().zip(&mut self.times).zip(told) {
            *seconds = if corrected { known.continued(ms) } else { ms } as f64 / 1e3;
        }
        let [read_s, written_s, busy_s, weighted_s] = seconds;
        for ((attrs, transfers), seconds) in self.directions.iter().zip([disk.read, disk.written]).zip([read_s, written_s]) {
            out.count(IO, attrs, transfers.sectors.wrapping_mul(SECTOR_BYTES));
            out.count(OPERATIONS, attrs, transfers.operations);
            out.count(MERGED, attrs, transfers.merged);
            out.fraction(OPERATION_TIME, attrs, seconds);
        }
        out.fraction(IO_TIME, &self.attrs, busy_s);
        out.fraction(WEIGHTED_IO_TIME, &self.attrs, weighted_s);
        out.count(PENDING, &self.attrs, disk.pending);
    }
}

/// A count of milliseconds that the kernel keeps in 32 bits, so that it starts anew after 49 days of work.
#[derive(Default)]
struct Milliseconds {
    last: u64,
    wrapped: u64,
}

impl Milliseconds {
    /// The count without its wraps, as far as they were seen. A count that falls from its upper half into its lower one has wrapped; another that
    /// falls is that of a new device of the same name.
    fn continued(&mut self, told: u64) -> u64 {
        const RANGE: u64 = 1 << 32;
        let last = std::mem::replace(&mut self.last, told);
        if told < last {
            let wrapped = (RANGE / 2..RANGE).contains(&last) && told < RANGE / 2;
            self.wrapped = if wrapped { self.wrapped + RANGE } else { 0 };
        }
        self.wrapped.saturating_add(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_32_bits_goes_on_when_it_wraps() {
        let mut count = Milliseconds::default();
        for (told, expected) in [
            (4_000_000_000, 4_000_000_000),
            (100, (1 << 32) + 100),
            (3_000_000_000, (1 << 32) + 3_000_000_000),
            (50, (2 << 32) + 50),
            // A new device of the same name.
            (7, 7),
            // A kernel that counts in 64 bits.
            (5_000_000_000, 5_000_000_000),
            (1_000, 1_000),
        ] {
            assert_eq!(count.continued(told), expected, "{told}");
        }
    }
}
