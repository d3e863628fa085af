//! `memory`: what the machine's memory is used for.

use super::{each, plain_config};
use crate::config::Compat;
use crate::faults::Faults;
use crate::metric::{gauge, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use warren_host::memory::{Meminfo, meminfo};
use warren_host::{Host, Source, system};
use warren_pdata::Attrs;

metrics! {
    AVAILABLE = up_down("system.linux.memory.available", "By", &[], "Memory that programs could get without swapping, as the kernel estimates it.").off();
    DIRTY = up_down("system.linux.memory.dirty", "By", &[], "Memory that waits to be written to disk.").off();
    LIMIT = up_down("system.memory.limit", "By", &[], "Memory there is.").off();
    PAGE_SIZE = gauge("system.memory.page_size", "By", &[], "Size of a page of memory.").off();
    USAGE = up_down("system.memory.usage", "By", &["state"], "Memory by what it is used for.");
    UTILIZATION = gauge("system.memory.utilization", "1", &["state"], "Share of the memory by what it is used for.").off();
}

plain_config!(|cx| Box::new(Memory {
    corrected: cx.compat == Compat::Corrected,
    states: each(&Attrs::EMPTY, "state", ["used", "free", "buffered", "cached", "slab_reclaimable", "slab_unreclaimable"]),
}));

struct Memory {
    corrected: bool,
    states: [Attrs; 6],
}

impl Scraper for Memory {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        const FAILED: usize = 2;
        let memory = match host.text(Source::Meminfo) {
            // Upstream takes a file that it cannot read for an empty one.
            Err(_) => Meminfo::default(),
            Ok(text) => match meminfo(text) {
                Ok(memory) => memory,
                Err(error) => return faults.add("meminfo", "", FAILED, || error.to_string()),
            },
        };
        if memory.total == 0 {
            return faults.add("total", "", FAILED, || "invalid total memory: 0".to_owned());
        }
        let values = self.values(&memory);
        for (attrs, value) in self.states.iter().zip(values) {
            out.count(USAGE, attrs, value);
            out.fraction(UTILIZATION, attrs, value as f64 / memory.total as f64);
        }
        out.count(LIMIT, &Attrs::EMPTY, memory.total);
        if out.wants(AVAILABLE) {
            let available = memory
                .available
                .unwrap_or_else(|| memory.available_estimate(host.text(Source::Zoneinfo).ok(), system::page_bytes()));
            out.count(AVAILABLE, &Attrs::EMPTY, available);
        }
        out.count(DIRTY, &Attrs::EMPTY, memory.dirty);
        out.count(PAGE_SIZE, &Attrs::EMPTY, system::page_bytes());
    }
}

impl Memory {
    /// The bytes in each state.
    fn values(&self, memory: &Meminfo) -> [u64; 6] {
        let cached = memory.cached.wrapping_add(memory.slab_reclaimable);
        let used = memory.total.wrapping_sub(memory.free).wrapping_sub(memory.buffers).wrapping_sub(cached);
        // In a container the parts may be more than the whole, which upstream takes for a huge number.
        let used = if self.corrected && used > memory.total { 0 } else { used };
        [used, memory.free, memory.buffers, cached, memory.slab_reclaimable, memory.slab_unreclaimable]
    }
}
