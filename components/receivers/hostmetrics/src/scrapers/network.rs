//! `network`: what each interface has sent and received, and the states of TCP connections.

use super::{each, texts};
use crate::config::Compat;
use crate::faults::Faults;
use crate::filter::{Filter, FilterSettings};
use crate::known::Known;
use crate::metric::{MetricSettings, counter, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::{Scraper, ScraperConfig, ScraperContext};
use std::collections::HashSet;
use warren_config::{Block, Fields};
use warren_host::network::{LISTEN, STATES, count, interfaces};
use warren_host::{Host, Source};
use warren_pdata::Attrs;

metrics! {
    CONNECTIONS = up_down("system.network.connections", "{connections}", &["protocol", "state"], "TCP sockets by state.");
    CONNTRACK_COUNT = up_down("system.network.conntrack.count", "{entries}", &[], "Connections that the kernel keeps track of.").off();
    CONNTRACK_MAX = up_down("system.network.conntrack.max", "{entries}", &[], "Connections that the kernel can keep track of.").off();
    DROPPED = counter("system.network.dropped", "{packets}", &["device", "direction"], "Packets that were dropped.");
    ERRORS = counter("system.network.errors", "{errors}", &["device", "direction"], "Errors in sending and receiving.");
    IO = counter("system.network.io", "By", &["device", "direction"], "Bytes sent and received.");
    PACKETS = counter("system.network.packets", "{packets}", &["device", "direction"], "Packets sent and received.");
}

/// Upstream's names of the kernel's states, by their number. It lists [`ALWAYS`] besides, and reports of these what is not zero.
const UPSTREAM: [&str; STATES] = [
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "",
    "",
    "",
    "",
];

/// What upstream always reports, be it zero. Two of them the kernel's states are never named, and one is no state at all.
const ALWAYS: [&str; 12] = [
    "CLOSE_WAIT",
    "CLOSE",
    "CLOSING",
    "DELETE",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "LAST_ACK",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECV",
    "TIME_WAIT",
];

/// Right names of the kernel's states, by their number.
const CORRECTED: [&str; STATES] = [
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",
    "UNKNOWN",
    "UNKNOWN",
    "UNKNOWN",
];

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
            filter: FilterSettings::new(
                ["include", "exclude"],
                "interfaces",
                ["network interface include filters", "network interface exclude filters"],
            ),
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
        Ok(Box::new(Network { filter, interfaces: Known::default(), connections: Connections::new(cx.compat) }))
    }
}

struct Network {
    filter: Filter,
    /// Attributes of each interface: sent, received. None of what the filter keeps out.
    interfaces: Known<Box<str>, Option<[Attrs; 2]>>,
    connections: Connections,
}

impl Scraper for Network {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        const FAILED: [usize; 3] = [4, 1, 2];
        if let Err(error) = self.interfaces(host, out) {
            out.discard();
            faults.add("interfaces", "", FAILED[0], || format!("failed to read network IO stats: {error}"));
        }
        self.interfaces.end_tick();
        if out.wants(CONNECTIONS)
            && let Err(error) = self.connections.record(host, out)
        {
            faults.add("connections", "", FAILED[1], || format!("failed to read TCP connections: {error}"));
        }
        if (out.wants(CONNTRACK_COUNT) || out.wants(CONNTRACK_MAX))
            && let Err(error) = conntrack(host, out)
        {
            faults.add("conntrack", "", FAILED[2], || format!("failed to read conntrack info: {error}"));
        }
    }
}

impl Network {
    fn interfaces(&mut self, host: &mut Host, out: &mut Recorder) -> Result<(), String> {
        let text = host.text(Source::NetDev).map_err(|error| error.to_string())?;
        for interface in interfaces(text) {
            let interface = interface.map_err(|error| error.to_string())?;
            let name = &*interface.name;
            let passes =
                || self.filter.passes(name).then(|| each(&texts([("device", name)]), "direction", ["transmit", "receive"]));
            let Some(attrs) = self.interfaces.named(name, passes) else { continue };
            for (attrs, traffic) in attrs.iter().zip([interface.sent, interface.received]) {
                out.count(IO, attrs, traffic.bytes);
                out.count(PACKETS, attrs, traffic.packets);
                out.count(ERRORS, attrs, traffic.errors);
                out.count(DROPPED, attrs, traffic.dropped);
            }
        }
        Ok(())
    }
}

fn conntrack(host: &mut Host, out: &mut Recorder) -> Result<(), String> {
    for (metric, source) in [(CONNTRACK_COUNT, Source::ConntrackCount), (CONNTRACK_MAX, Source::ConntrackMax)] {
        let text = host.text(source).map_err(|error| error.to_string())?;
        let entries = count(text).ok_or("no number")?;
        out.count(metric, &Attrs::EMPTY, entries);
    }
    Ok(())
}

/// Counts TCP sockets by state.
struct Connections {
    corrected: bool,
    /// The states that may be reported, each once, and whether it is reported when it is zero.
    states: Vec<(&'static str, Attrs, bool)>,
    /// Sockets that listen on one address are one connection to upstream.
    listening: HashSet<(u128, u16)>,
}

impl Connections {
    fn new(compat: Compat) -> Self {
        let corrected = compat == Compat::Corrected;
        let always = if corrected { CORRECTED.as_slice() } else { ALWAYS.as_slice() };
        let sometimes = if corrected { [].as_slice() } else { UPSTREAM.as_slice() };
        let mut states: Vec<(&'static str, Attrs, bool)> = Vec::new();
        let all = always.iter().map(|state| (*state, *state != "UNKNOWN")).chain(sometimes.iter().map(|state| (*state, false)));
        for (state, reported) in all {
            if !states.iter().any(|(known, ..)| *known == state) {
                states.push((state, texts([("protocol", "tcp"), ("state", state)]), reported));
            }
        }
        Self { corrected, states, listening: HashSet::new() }
    }

    fn record(&mut self, host: &mut Host, out: &mut Recorder) -> Result<(), String> {
        let mut counts = [0u64; STATES];
        let (corrected, listening) = (self.corrected, &mut self.listening);
        listening.clear();
        let read = host.each_socket(|socket| {
            if corrected || socket.state != LISTEN || listening.insert(socket.local) {
                counts[usize::from(socket.state).min(STATES - 1)] += 1;
            }
        });
        read.map_err(|error| error.to_string())?;
        let names = if corrected { &CORRECTED } else { &UPSTREAM };
        for (state, attrs, always) in &self.states {
            let count: u64 = names.iter().zip(counts).filter(|(name, _)| *name == state).map(|(_, count)| count).sum();
            if *always || count > 0 {
                out.count(CONNECTIONS, attrs, count);
            }
        }
        Ok(())
    }
}
