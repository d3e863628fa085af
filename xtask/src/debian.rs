//! Debian packages a command needs, installed by name when they are missing.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tool;

/// What `up` shows the collector with: a broker, a store, a journal.
pub(crate) const SCENE: [&str; 3] = ["rabbitmq-server", "prometheus", "systemd-journal-remote"];

/// What tests run against besides: proxies, and the control plane's other store.
pub(crate) const SERVERS: [&str; 3] = ["nginx-light", "haproxy", "postgresql"];

/// Programs whose answers tests compare with the collector's.
pub(crate) const WITNESSES: [&str; 1] = ["prometheus-node-exporter"];

/// What the conformance harness runs in.
pub(crate) const PYTHON: [&str; 2] = ["python3", "python3-venv"];

/// Installs `$@` without starting the services some of them bring: this project starts its own. Debian asks `policy-rc.d` before it starts
/// one; a policy that is already there is left alone. The lists of packages are fetched only when the first attempt fails.
const INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --quiet --yes --no-install-recommends "$@"; }
install "$@" || { apt-get update --quiet && install "$@"; }
"#;

/// Makes sure that all packages are installed.
pub(crate) fn ensure(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    let remedy = format!("install by hand: apt-get install {names}");
    if !tool::exists("apt-get") {
        bail!("{names}: needed, and this is no Debian machine; {remedy}, or what your system calls them");
    }
    let mut command = if is_root()? {
        Command::new("sh")
    } else if tool::exists("sudo") {
        let mut command = Command::new("sudo");
        command.arg("sh");
        command
    } else {
        bail!("{names}: needed, and neither root nor sudo is at hand; as root, {remedy}");
    };
    command.args(["-c", INSTALL, "sh"]).args(&missing);
    tool::run(&format!("installing {names}"), &mut command).with_context(|| remedy)
}

fn installed(package: &str) -> bool {
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat=${Status}", package]);
    tool::capture(&mut command).is_ok_and(|status| status.ends_with(" installed"))
}

fn is_root() -> Result<bool> {
    Ok(tool::capture(Command::new("id").arg("-u"))?.trim() == "0")
}
