//! The extension's settings.

use crate::storage::FileStorage;
use std::path::PathBuf;
use std::sync::Arc;
use warren_component::{BuildContext, BuildError, Extension, ExtensionConfig};
use warren_config::{Block, Fields, GoDuration, Report};
use warren_storage::Policy;

/// Most bytes of one client's log where the settings do not say.
pub(crate) const BYTES_MAX: u64 = 1 << 30;

/// Settings of a `file_storage` extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients' directories are.
    pub directory: String,
    /// Whether the directory is made if it is missing.
    pub create_directory: bool,
    /// Permissions of directories that are made, in octal.
    pub directory_permissions: String,
    /// How long to wait for a lock. Nothing is waited for.
    pub timeout: GoDuration,
    /// Whether what is written is on the medium before it counts as written.
    pub fsync: bool,
    /// Most bytes of each client's log; zero is 1 GiB.
    pub max_size: i64,
    /// Without effect: files shrink by themselves.
    pub compaction: Compaction,
}

/// The block `compaction`: read and checked as upstream does, and without effect.
#[derive(Clone, Debug)]
pub struct Compaction {
    on_start: bool,
    on_rebound: bool,
    cleanup_on_start: bool,
    directory: String,
    max_transaction_size: i64,
    check_interval: GoDuration,
    rebound_needed_threshold_mib: i64,
    rebound_trigger_threshold_mib: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: "/var/lib/otelcol/file_storage".to_owned(),
            create_directory: false,
            directory_permissions: "0750".to_owned(),
            timeout: GoDuration(1_000_000_000),
            fsync: false,
            max_size: 0,
            compaction: Compaction::default(),
        }
    }
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            on_start: false,
            on_rebound: false,
            cleanup_on_start: false,
            directory: String::new(),
            max_transaction_size: 65536,
            check_interval: GoDuration(5_000_000_000),
            rebound_needed_threshold_mib: 100,
            rebound_trigger_threshold_mib: 10,
        }
    }
}

impl Block for Config {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("directory", &mut self.directory);
        f.scalar("create_directory", &mut self.create_directory);
        f.scalar("directory_permissions", &mut self.directory_permissions);
        f.scalar("timeout", &mut self.timeout);
        f.scalar("fsync", &mut self.fsync);
        f.scalar("max_size", &mut self.max_size);
        f.block("compaction", &mut self.compaction);
        f.accepted("recreate", "`recreate` has no effect: a damaged part is skipped by itself");
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.create_directory {
            report.directory("directory", &self.directory);
        } else {
            match u32::from_str_radix(&self.directory_permissions, 8) {
                Err(_) => {
                    report.error("", "directory_permissions value must be a valid octal representation of file permissions")
                }
                Ok(mode) if mode & 0o777 != mode => {
                    report.error("", "directory_permissions contain invalid bits for file access");
                }
                Ok(mode) if mode & 0o300 != 0o300 => {
                    report.warning("directory_permissions", "the owner can neither write into such a directory nor look into it");
                }
                Ok(_) => {}
            }
        }
        if self.max_size < 0 {
            report.error("", "max_size must be non-negative");
        }
    }
}

impl Block for Compaction {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("on_start", &mut self.on_start);
        f.scalar("on_rebound", &mut self.on_rebound);
        f.scalar("cleanup_on_start", &mut self.cleanup_on_start);
        f.scalar("directory", &mut self.directory);
        f.scalar("max_transaction_size", &mut self.max_transaction_size);
        f.scalar("check_interval", &mut self.check_interval);
        f.scalar("rebound_needed_threshold_mib", &mut self.rebound_needed_threshold_mib);
        f.scalar("rebound_trigger_threshold_mib", &mut self.rebound_trigger_threshold_mib);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.max_transaction_size < 0 {
            report.error("", "max transaction size for compaction cannot be less than 0");
        }
        if self.on_rebound && self.check_interval.0 <= 0 {
            report.error("", "compaction check interval must be positive when rebound compaction is set");
        }
    }
}

impl Config {
    fn policy(&self) -> Policy {
        let bytes_max = u64::try_from(self.max_size).ok().filter(|bytes| *bytes > 0).unwrap_or(BYTES_MAX);
        let mode = u32::from_str_radix(&self.directory_permissions, 8).unwrap_or(0o750);
        Policy { fsync: self.fsync, bytes_max, mode }
    }
}

impl ExtensionConfig for Config {
    fn build(&self, _cx: BuildContext) -> Result<Arc<dyn Extension>, BuildError> {
        let storage = FileStorage::new(PathBuf::from(&self.directory), self.create_directory, self.policy())?;
        Ok(Arc::new(storage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_config::{Diagnostics, decode_settings, parse_yaml};

    fn told(yaml: &str) -> Vec<String> {
        let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
        decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
        diagnostics.errors().map(|error| error.message.clone()).collect()
    }

    #[test]
    fn faults_are_told_in_upstreams_words() {
        for (yaml, message) in [
            ("{directory: /x, fsync: true, timeout: 2s, max_size: 1000}", ""),
            ("{compaction: {on_start: true, directory: /x, rebound_needed_threshold_mib: 1}, recreate: true}", ""),
            (
                "{create_directory: true, directory_permissions: \"09\"}",
                "directory_permissions value must be a valid octal representation of file permissions",
            ),
            (
                "{create_directory: true, directory_permissions: \"7777\"}",
                "directory_permissions contain invalid bits for file access",
            ),
            ("{directory_permissions: \"09\"}", ""),
            ("{compaction: {max_transaction_size: -1}}", "max transaction size for compaction cannot be less than 0"),
            (
                "{compaction: {on_rebound: true, check_interval: 0s}}",
                "compaction check interval must be positive when rebound compaction is set",
            ),
            ("{max_size: -1}", "max_size must be non-negative"),
        ] {
            assert_eq!(told(yaml).join("\n"), message, "{yaml}");
        }
    }

    #[test]
    fn a_directory_that_will_not_be_made_has_to_be_there() {
        let asked = |yaml: &str| {
            let (mut config, mut diagnostics) = (Config::default(), Diagnostics::new());
            decode_settings(&parse_yaml("test", yaml).unwrap(), &mut config, &mut diagnostics);
            diagnostics.files.iter().map(|file| file.file.clone()).collect::<Vec<_>>()
        };
        assert_eq!(asked("{directory: /x}"), ["/x"]);
        assert_eq!(asked("{directory: /x, create_directory: true}"), Vec::<String>::new());
    }
}
