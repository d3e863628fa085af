//! The extension's settings.

use crate::extension::Pprof;
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, Extension, ExtensionConfig, MemoryBound};
use warren_config::{Block, ByteSize, Fields, GoDuration, Report};
use warren_http::server::ServerConfig;

/// Samples, their stacks, a profile as it is written, and what is noted of allocations.
const PROFILE_BYTES: u64 = 32 << 20;

/// Settings of a `pprof` extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port`.
    pub endpoint: String,
    /// Accepted, and without effect.
    pub dialer: Dialer,
    /// Accepted, and without effect: there are no blocking profiles.
    pub block_profile_fraction: i64,
    /// Accepted, and without effect: there are no mutex profiles.
    pub mutex_profile_fraction: i64,
    /// Where a CPU profile of the whole run is written when it ends; empty for none.
    pub save_to_file: String,
    /// What only Warren knows.
    pub warren: Own,
}

/// The block `dialer`.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    /// Accepted, and without effect.
    pub timeout: GoDuration,
}

/// The block `warren`.
#[derive(Clone, Debug)]
pub struct Own {
    /// Of so many allocated bytes about one is looked at; zero for none.
    pub heap_sample: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            endpoint: "localhost:1777".to_owned(),
            dialer: Dialer::default(),
            block_profile_fraction: 0,
            mutex_profile_fraction: 0,
            save_to_file: String::new(),
            warren: Own::default(),
        }
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { heap_sample: ByteSize(512 << 10) }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("endpoint", &mut self.endpoint);
        f.block("dialer", &mut self.dialer);
        f.scalar("block_profile_fraction", &mut self.block_profile_fraction);
        f.scalar("mutex_profile_fraction", &mut self.mutex_profile_fraction);
        f.scalar("save_to_file", &mut self.save_to_file);
        f.warren(&mut self.warren);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.endpoint.is_empty() {
            report.error("endpoint", "\"endpoint\" is required when using the \"pprof\" extension");
        }
        for (key, fraction) in
            [("block_profile_fraction", self.block_profile_fraction), ("mutex_profile_fraction", self.mutex_profile_fraction)]
        {
            if fraction > 0 {
                report.warning(key, format!("`{key}` has no effect: there are only CPU and heap profiles"));
            }
        }
    }
}

impl Block for Dialer {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("timeout", &mut self.timeout);
    }
}

impl Block for Own {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("heap_sample", &mut self.heap_sample);
    }
}

impl Config {
    /// The server's settings.
    pub(crate) fn server(&self) -> ServerConfig {
        ServerConfig { endpoint: self.endpoint.clone(), ..ServerConfig::default() }
    }
}

impl ExtensionConfig for Config {
    fn memory(&self) -> Vec<MemoryBound> {
        let mut bounds = self.server().memory(false);
        // The program's file is read to find names in it, and given back.
        let program = std::fs::metadata("/proc/self/exe").map_or(0, |file| file.len());
        bounds.push(MemoryBound::new("profiles", PROFILE_BYTES + program * 2));
        bounds
    }

    fn build(&self, cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        Ok(Arc::new(Pprof::new(self, &cx)?))
    }
}
