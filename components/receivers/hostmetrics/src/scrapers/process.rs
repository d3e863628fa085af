//! `process`: what each process uses. Each has a resource of its own.

mod config;
mod resource;

pub(crate) use config::Config;

use super::each;
use crate::faults::Faults;
use crate::filter::Filter;
use crate::known::Known;
use crate::metric::{counter, gauge, metrics, up_down};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use config::Mute;
use resource::{Identity, Resources, attribute};
use std::fmt::Display;
use std::time::Duration;
use warren_host::process::{ProcessError, ProcessFiles, Stat, Status};
use warren_host::{Host, Source, boot, memory};
use warren_pdata::{Attrs, Resource};

metrics! {
    CONTEXT_SWITCHES = counter("process.context_switches", "{count}", &["type"], "Times the processor was given up by or taken from the process.").off();
    CPU_TIME = counter("process.cpu.time", "s", &["state"], "Processor time that the process used.");
    CPU_UTILIZATION = gauge("process.cpu.utilization", "1", &["state"], "Share of all processors that the process used since the last scrape.").off();
    DISK_IO = counter("process.disk.io", "By", &["direction"], "Bytes that the process read and wrote.");
    DISK_OPERATIONS = counter("process.disk.operations", "{operations}", &["direction"], "Calls of the process that read and wrote.").off();
    HANDLES = up_down("process.handles", "{count}", &[], "Handles that the process has open; there are none on Linux.").off();
    MEMORY_USAGE = up_down("process.memory.usage", "By", &[], "Memory of the process that is in use.");
    MEMORY_UTILIZATION = gauge("process.memory.utilization", "1", &[], "Share of the machine's memory that the process uses.").off();
    MEMORY_VIRTUAL = up_down("process.memory.virtual", "By", &[], "Memory that the process has mapped.");
    OPEN_FILES = up_down("process.open_file_descriptors", "{count}", &[], "Descriptors that the process has open.").off();
    PAGING_FAULTS = counter("process.paging.faults", "{faults}", &["type"], "Page faults of the process.").off();
    SIGNALS_PENDING = up_down("process.signals_pending", "{signals}", &[], "Signals that wait for the process.").off();
    THREADS = up_down("process.threads", "{threads}", &[], "Threads of the process.").off();
    UPTIME = gauge("process.uptime", "s", &[], "Time since the process started.").off();
}

/// Longest name that the kernel keeps whole; a longer one is looked up in the command line.
const COMM_WHOLE_BYTES_MAX: usize = 14;

/// The scraper.
struct ProcessScraper {
    plan: Plan,
    resources: Resources,
    boot_time_may_change: bool,
    /// Told apart by number and start, for numbers are used again.
    known: Known<(u32, u64), KnownProcess>,
    identity: Identity,
}

/// What is done with each process.
struct Plan {
    filter: Filter,
    delay: Duration,
    mute: Mute,
    corrected: bool,
    /// When the machine booted, in seconds since 1970.
    booted: u64,
    ticks_per_second: u64,
    page_bytes: u64,
    processors: f64,
    /// Bytes of memory the machine has; zero unless asked for.
    memory_total: u64,
    sets: Sets,
}

/// Attributes of points; they are the same for all processes.
struct Sets {
    cpu_states: [Attrs; 3],
    directions: [Attrs; 2],
    fault_types: [Attrs; 2],
    switch_types: [Attrs; 2],
}

/// What is remembered of a process from scrape to scrape.
#[derive(Default)]
struct KnownProcess {
    /// Of what `name` and `attrs` were made.
    identity: Option<u64>,
    name: Box<str>,
    /// None when the filters of attributes keep the process out.
    attrs: Option<Attrs>,
    /// Its processor time in seconds, by state, and when that was.
    last: Option<([f64; 3], u64)>,
}

/// A process that ended while it was looked at.
struct Gone;

impl Scraper for ProcessScraper {
    fn scrape(&mut self, host: &mut Host, out: &mut Recorder, faults: &mut Faults) {
        if self.boot_time_may_change {
            match boot::time(host, Duration::from_nanos(out.now())) {
                Ok(booted) => self.plan.booted = booted,
                Err(error) => faults
                    .add("boot", "", 1, || format!("retrieving boot time failed with error \"{error}\", using cached boot time")),
            }
        }
        if out.wants(MEMORY_UTILIZATION) {
            let told = host.text(Source::Meminfo).ok().and_then(|text| memory::meminfo(text).ok());
            self.plan.memory_total = told.unwrap_or_default().total;
        }
        self.resources.users.refresh();
        match host.processes() {
            Ok((processes, files)) => {
                for stat in &processes.list {
                    let known = self.known.meet(&(stat.pid, stat.started), || (stat.pid, stat.started), KnownProcess::default);
                    let mut visit = Visit { plan: &self.plan, resources: &self.resources, stat, known, files, faults };
                    if let Err(Gone) = visit.scrape(&mut self.identity, out) {
                        out.discard();
                    }
                }
            }
            Err(error) => faults.add("processes", "", 0, || error.to_string()),
        }
        self.known.end_tick();
        if self.plan.mute.all {
            faults.forget();
        }
    }
}

/// A look at one process.
struct Visit<'a> {
    plan: &'a Plan,
    resources: &'a Resources,
    stat: &'a Stat,
    known: &'a mut KnownProcess,
    files: &'a mut ProcessFiles,
    faults: &'a mut Faults,
}

impl Visit<'_> {
    fn scrape(&mut self, identity: &mut Identity, out: &mut Recorder) -> Result<(), Gone> {
        let Some(status) = self.identify(identity, out)? else { return Ok(()) };
        let stat = self.stat;
        let created_ms = stat.started.wrapping_mul(1000) / self.plan.ticks_per_second + self.plan.booted.wrapping_mul(1000);
        let now = out.now();
        if (now / 1_000_000).saturating_sub(created_ms) < self.plan.delay.as_millis() as u64 {
            return Ok(());
        }
        let Some(attrs) = self.known.attrs.clone() else { return Ok(()) };
        let created = created_ms.wrapping_mul(1_000_000);
        out.count_from(created);
        self.processor_time(now, out);
        self.memory(out)?;
        self.disk(out)?;
        let Sets { fault_types, switch_types, .. } = &self.plan.sets;
        for (attrs, value) in fault_types.iter().zip([stat.major_faults, stat.minor_faults]) {
            out.count(PAGING_FAULTS, attrs, value);
        }
        out.count(THREADS, &Attrs::EMPTY, stat.threads);
        match status {
            Ok(status) => {
                for (attrs, value) in switch_types.iter().zip([status.involuntary_switches, status.voluntary_switches]) {
                    out.count(CONTEXT_SWITCHES, attrs, value);
                }
                let pending = status.pending_signals;
                let signals = if self.plan.corrected { pending.count_ones().into() } else { pending };
                out.count(SIGNALS_PENDING, &Attrs::EMPTY, signals);
            }
            Err(error) => {
                for (metric, what) in [(CONTEXT_SWITCHES, "context switch counts"), (SIGNALS_PENDING, "pending signals")] {
                    if out.wants(metric) {
                        self.fault(what, 1, &error);
                    }
                }
            }
        }
        if out.wants(OPEN_FILES) {
            match self.read(|files, pid| files.open_descriptors(pid))? {
                Ok(count) => out.count(OPEN_FILES, &Attrs::EMPTY, count),
                Err(error) => self.fault("open file descriptor count", 1, &error),
            }
        }
        if out.wants(HANDLES) {
            self.fault("handle count", 1, &"process handle collection is only supported on Windows");
        }
        out.fraction(UPTIME, &Attrs::EMPTY, (now as f64 - created as f64) / 1e9);
        out.emit(Resource { attrs, dropped_attributes: 0 });
        Ok(())
    }

    /// Finds out who the process is. None when it is not wanted; else what its status says, if that was asked for.
    fn identify(&mut self, identity: &mut Identity, out: &Recorder) -> Result<Option<Result<Status, ProcessError>>, Gone> {
        identity.clear();
        let stat = self.stat;
        let short = stat.comm().len() <= COMM_WHOLE_BYTES_MAX;
        if short && !self.plan.filter.passes(&identity.name(stat)) {
            return Ok(None);
        }
        let wants = |attribute| self.resources.wants(attribute);
        if !short || wants(attribute::COMMAND) || wants(attribute::COMMAND_LINE) {
            match self.files.cmdline(stat.pid) {
                Ok(cmdline) => {
                    identity.cmdline.extend_from_slice(cmdline);
                    identity.has_cmdline = true;
                }
                Err(error) if error.is_gone() => return Err(Gone),
                Err(error) => self.fault_of(&identity.name(stat), "command", 0, &error),
            }
            if !short && !self.plan.filter.passes(&identity.name(stat)) {
                return Ok(None);
            }
        }
        if self.resources.wants(attribute::PATH) {
            match self.files.exe(stat.pid) {
                Ok(exe) => identity.exe.extend_from_slice(exe),
                // A thread of the kernel, a zombie, or a process that just ended: there is no program.
                Err(error) if error.is_gone() => {}
                Err(_) if self.plan.mute.exe => {}
                Err(error) => self
                    .faults
                    .add("executable", "", 1, || format!("error reading process executable for pid {}: {error}", stat.pid)),
            }
        }
        if self.resources.wants(attribute::CGROUP) {
            match self.files.cgroup(stat.pid) {
                Ok(cgroup) => identity.cgroup.extend_from_slice(cgroup),
                Err(error) if error.is_gone() => return Err(Gone),
                Err(error) => {
                    if !self.plan.mute.cgroup {
                        self.faults
                            .add("cgroup", "", 1, || format!("error reading process cgroup for pid {}: {error}", stat.pid));
                    }
                    return Ok(None);
                }
            }
        }
        let owned = self.resources.wants(attribute::OWNER);
        let status = if owned || out.wants(CONTEXT_SWITCHES) || out.wants(SIGNALS_PENDING) {
            self.read(|files, pid| files.status(pid))?
        } else {
            Ok(Status::default())
        };
        if owned {
            match &status {
                Ok(status) => identity.user = Some(status.user),
                Err(_) if self.plan.mute.user => {}
                Err(error) => self.fault_of(&identity.name(stat), "username", 0, error),
            }
        }
        self.remember(identity);
        Ok(Some(status))
    }

    /// Puts the attributes together anew if anything changed.
    fn remember(&mut self, identity: &Identity) {
        let hash = identity.hash(self.stat, self.resources.users.changes());
        if self.known.identity != Some(hash) {
            let name = identity.name(self.stat);
            self.known.attrs = self.resources.attributes(self.stat, &name, identity);
            self.known.name = name.as_ref().into();
            self.known.identity = Some(hash);
        }
        if let Some(user) = identity.user.filter(|user| !self.plan.mute.user && self.resources.users.name(*user).is_none()) {
            self.fault("username", 0, &format_args!("user: unknown userid {user}"));
        }
    }

    fn processor_time(&mut self, now: u64, out: &mut Recorder) {
        let Plan { ticks_per_second, processors, sets, .. } = self.plan;
        let ticks = [self.stat.user, self.stat.system, self.stat.waiting];
        let seconds = ticks.map(|ticks| ticks as f64 / *ticks_per_second as f64);
        for (attrs, seconds) in sets.cpu_states.iter().zip(seconds) {
            out.fraction(CPU_TIME, attrs, seconds);
        }
        let Some((before, then)) = self.known.last.replace((seconds, now)) else { return };
        let elapsed = now.saturating_sub(then) as f64 / 1e9;
        for ((attrs, now), before) in sets.cpu_states.iter().zip(seconds).zip(before) {
            let share = if elapsed > 0.0 { (now - before) / elapsed / processors } else { 0.0 };
            out.fraction(CPU_UTILIZATION, attrs, share);
        }
    }

    fn memory(&mut self, out: &mut Recorder) -> Result<(), Gone> {
        let wants_both = out.wants(MEMORY_USAGE) || out.wants(MEMORY_VIRTUAL);
        if !wants_both && !out.wants(MEMORY_UTILIZATION) {
            return Ok(());
        }
        match self.read(|files, pid| files.statm(pid))? {
            Ok(pages) => {
                let resident = pages.resident_pages.wrapping_mul(self.plan.page_bytes);
                out.count(MEMORY_USAGE, &Attrs::EMPTY, resident);
                out.count(MEMORY_VIRTUAL, &Attrs::EMPTY, pages.virtual_pages.wrapping_mul(self.plan.page_bytes));
                if self.plan.memory_total > 0 {
                    // Upstream reports percents of low precision, whatever the unit says.
                    let total = self.plan.memory_total;
                    let percent = f64::from(100.0 * resident as f32 / total as f32);
                    let share = if self.plan.corrected { resident as f64 / total as f64 } else { percent };
                    out.fraction(MEMORY_UTILIZATION, &Attrs::EMPTY, share);
                }
            }
            Err(error) => {
                if wants_both {
                    self.fault("memory info", 2, &error);
                }
                if out.wants(MEMORY_UTILIZATION) {
                    self.fault("memory utilization", 1, &error);
                }
            }
        }
        Ok(())
    }

    fn disk(&mut self, out: &mut Recorder) -> Result<(), Gone> {
        if !out.wants(DISK_IO) && !out.wants(DISK_OPERATIONS) {
            return Ok(());
        }
        match self.read(|files, pid| files.io(pid))? {
            Ok(io) => {
                // What upstream calls disk is every call that reads or writes, be it of a socket.
                let chars = [io.read_chars, io.written_chars];
                let bytes = if self.plan.corrected { [io.read_bytes, io.written_bytes] } else { chars };
                for ((attrs, bytes), calls) in self.plan.sets.directions.iter().zip(bytes).zip([io.reads, io.writes]) {
                    out.count(DISK_IO, attrs, bytes);
                    out.count(DISK_OPERATIONS, attrs, calls);
                }
            }
            Err(_) if self.plan.mute.io => {}
            Err(error) => self.fault("disk usage", 1, &error),
        }
        Ok(())
    }

    /// Reads a file of the process.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut ProcessFiles, u32) -> Result<T, ProcessError>,
    ) -> Result<Result<T, ProcessError>, Gone> {
        match read(self.files, self.stat.pid) {
            Err(error) if error.is_gone() => Err(Gone),
            read => Ok(read),
        }
    }

    fn fault(&mut self, what: &'static str, failed: usize, error: &dyn Display) {
        let name = std::mem::take(&mut self.known.name);
        self.fault_of(&name, what, failed, error);
        self.known.name = name;
    }

    fn fault_of(&mut self, name: &str, what: &'static str, failed: usize, error: &dyn Display) {
        let pid = self.stat.pid;
        self.faults.add(what, "", failed, || format!("error reading {what} for process {name:?} (pid {pid}): {error}"));
    }
}

impl Sets {
    fn new() -> Self {
        Self {
            cpu_states: each(&Attrs::EMPTY, "state", ["user", "system", "wait"]),
            directions: each(&Attrs::EMPTY, "direction", ["read", "write"]),
            fault_types: each(&Attrs::EMPTY, "type", ["major", "minor"]),
            switch_types: each(&Attrs::EMPTY, "type", ["involuntary", "voluntary"]),
        }
    }
}
