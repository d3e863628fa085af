//! The help text.

use super::tool;
use warren_component::{BuildInfo, Factories};

/// All commands and flags.
pub(super) fn text(build: &BuildInfo, factories: &Factories) -> String {
    let name = &build.command;
    let tools: String = tool::all(factories).map(|tool| format!("\n  {name} {}", tool.usage)).collect();
    format!(
        "{description}

Usage:
  {name} --config URI [--config URI]... [flags]     run the collector
  {name} validate --config URI...                   check a configuration and tell everything that is wrong with it
  {name} print-config --config URI...               print the configuration, merged and expanded
  {name} components                                 list what is built in
  {name} reload [--dry-run]                         have a running collector read its configuration again, or tell what would change
  {name} status                                     how the parts of a running collector fare
  {name} doctor [--fix]                             tell what this host lacks, and the command that mends it
  {name} featuregate [ID]                           list feature gates
  {name} completion bash|zsh|fish                   print a completion script{tools}

Where the configuration comes from:
  --config URI           a file, or file:PATH, env:NAME, yaml:TEXT, http(s)://…; repeatable, later ones win
  --host-config FILE     extensions that this host runs beside every configuration, such as the one that manages it
                         (default /etc/warren/host.yaml, if it is there); without --config the host waits to be given one
  --set KEY=VALUE        one setting, as in --set=service.telemetry.logs.level=debug; after all --config; repeatable
  --feature-gates LIST   a,-b,+c

Running:
  --scrape-now           scrape at once instead of waiting for each target's place in its interval
  --drain-timeout TIME   how long to go on sending after SIGTERM (default 10s); a second signal stops at once
  --strict-exit          exit with 3 when data was dropped while stopping
  --watch                read the configuration again whenever one of its files changes
  --memory-max SIZE      refuse a configuration that may take more memory than this by its own account, as in 512MiB
  --no-last-good         do not start with the last good configuration when this one is refused
  --state-dir DIR        what survives a restart (default $STATE_DIRECTORY, else nothing does)

reload, status (of the collector that has this --state-dir):
  --dry-run              change nothing
  --format text|json

doctor:
  --fix                  apply the remedies that interrupt nothing and can be taken back
  --endpoint URL         a page of metrics that must answer (default: that of the broker found here); repeatable
  --state-dir DIR        where the collector keeps what survives a restart
  --format text|json

validate:
  --format text|json
  --strict-upstream      refuse settings that only Warren knows
  --memory               tell how much memory each component may take, and the sum

print-config:
  --mode redacted|unredacted   (default redacted)
  --format yaml|json           (default yaml)
  --validate=true|false        (default true)

  -v, --version
  -h, --help
",
        description = build.description
    )
}
