//! `paging`: swap, and what passes between memory and disks.

use super::{each, plain_config, texts};
use crate::config::Compat;
use crate::faults::Faults;
use crate::known::Known;
use crate::metric::{counter, gauge, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use warren_host::memory::{swaps, vmstat};
use warren_host::{Host, Source, system};
use warren_pdata::Attrs;

metrics! {
    FAULTS = counter("system.paging.faults", "{faults}", &["type"], "Page faults.");
    OPERATIONS = counter("system.paging.operations", "{operations}", &["direction", "type"], "Pages moved between memory and disks.");
    USAGE = up_down("system.paging.usage", "By", &["device", "state"], "Swap space by device.");
    UTILIZATION = gauge("system.paging.utilization", "1", &["device", "state"], "Share of the swap space by device.").off();
}

plain_config!(|cx| Box::new(Paging::new(cx.compat)));

/// What the reference multiplies every count by.
const REFERENCE_FACTOR: u64 = 4096;

struct Paging {
    corrected: bool,
    devices: Known<Box<str>, [Attrs; 2]>,
    /// In and out, first major, then minor.
    operations: [[Attrs; 2]; 2],
    faults: [Attrs; 2],
}

impl Paging {
    fn new(compat: Compat) -> Self {
        let by_direction = |kind| ["page_in", "page_out"].map(|direction| texts([("direction", direction), ("type", kind)]));
        Self {
            corrected: compat == Compat::Corrected,
            devices: Known::default(),
            operations: ["major", "minor"].map(by_direction),
            faults: each(&Attrs::EMPTY, "type", ["major", "minor"]),
        }
    }

    fn swap(&mut self, host: &mut Host, out: &mut Recorder) -> Result<(), String> {
        let text = host.text(Source::Swaps).map_err(|error| error.to_string())?;
        for swap in swaps(text).map_err(|error| error.to_string())? {
            let swap = swap.map_err(|error| error.to_string())?;
            let attrs = self.devices.named(&swap.name, || each(&texts([("device", &swap.name)]), "state", ["used", "free"]));
            let (size, used) = (swap.size_kib.wrapping_mul(1024), swap.used_kib.wrapping_mul(1024));
            for (attrs, bytes) in attrs.iter().zip([used, size.wrapping_sub(used)]) {
                out.count(USAGE, attrs, bytes);
                out.fraction(UTILIZATION, attrs, bytes as f64 / size as f64);
            }
        }
        Ok(())
    }
}

impl Scraper for Paging {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        const FAILED: usize = 2;
        if let Err(error) = self.swap(host, out) {
            // A list that breaks off halfway is not told in part.
            out.discard();
            faults.add("swaps", "", FAILED, || format!("failed to read page file stats: {error}"));
        }
        self.devices.end_tick();
        // Upstream takes a file that it cannot read for an empty one.
        let counts = host.text(Source::Vmstat).map(vmstat).unwrap_or_default();
        let (pages, blocks) = if self.corrected {
            let page_kib = (system::page_bytes() / 1024).max(1);
            ([counts.swapped_in, counts.swapped_out], [counts.paged_in_kib / page_kib, counts.paged_out_kib / page_kib])
        } else {
            let scaled = |count: u64| count.wrapping_mul(REFERENCE_FACTOR);
            ([counts.swapped_in, counts.swapped_out].map(scaled), [counts.paged_in_kib, counts.paged_out_kib].map(scaled))
        };
        for (attrs, values) in self.operations.iter().zip([pages, blocks]) {
            for (attrs, value) in attrs.iter().zip(values) {
                out.count(OPERATIONS, attrs, value);
            }
        }
        let factor = if self.corrected { 1 } else { REFERENCE_FACTOR };
        let minor = counts.faults.wrapping_sub(counts.major_faults);
        for (attrs, value) in self.faults.iter().zip([counts.major_faults, minor]) {
            out.count(FAULTS, attrs, value.wrapping_mul(factor));
        }
    }
}
