//! RabbitMQ: where its log goes and whether it serves metrics.
//!
//! Its settings are `rabbitmq.conf`, then `conf.d/*.conf` by name, a later line winning (`rabbit_prelaunch_conf`). Under systemd its standard output
//! is the unit's `StandardOutput`: Debian's unit appends it to a file, so that `log.console` alone does not reach the journal there, while
//! `log.journald` (one entry an event, with its priority) does. Brokers before 3.9 do not know that setting, and one that a broker does not know
//! keeps it from starting: it is only written where the library is that it needs. Elsewhere standard output goes to the journal.

use crate::{Finding, Host};

const LOG: &str = "broker-log";
const PLUGIN: &str = "broker-plugin";

const UNIT: &str = "rabbitmq-server.service";

/// Where units are looked for, the first winning.
const UNIT_DIRECTORIES: [&str; 3] = ["/etc/systemd/system", "/run/systemd/system", "/lib/systemd/system"];

/// Sends the log to the journal from the next start on.
const LOG_COMMAND: &str =
    "umask 022; mkdir -p /etc/rabbitmq/conf.d && printf 'log.journald = true\\n' > /etc/rabbitmq/conf.d/90-warren-journal.conf";

/// The same for a broker that has no connection to the journal of its own.
const CONSOLE_COMMAND: &str = "umask 022; mkdir -p /etc/rabbitmq/conf.d /etc/systemd/system/rabbitmq-server.service.d && \
     printf 'log.console = true\\n' > /etc/rabbitmq/conf.d/90-warren-journal.conf && \
     printf '[Service]\\nStandardOutput=journal\\n' > /etc/systemd/system/rabbitmq-server.service.d/90-warren-journal.conf && \
     systemctl daemon-reload && systemctl restart rabbitmq-server";

/// Where a broker's libraries are, a directory of each version below the first.
const VERSIONS_DIRECTORY: &str = "/usr/lib/rabbitmq/lib";
const LIBRARIES_DIRECTORY: &str = "/opt/rabbitmq/plugins";

pub(crate) fn examine(host: &Host) -> Vec<Finding> {
    vec![log(host), plugin(host)]
}

fn log(host: &Host) -> Finding {
    let settings = Settings::read(host);
    if settings.is_on("log.journald") {
        return Finding::good(LOG, "RabbitMQ writes its log to the journal");
    }
    let output = standard_output(host);
    let reaches = output.as_deref().is_none_or(|output| output.starts_with("journal") || output.starts_with("inherit"));
    if settings.is_on("log.console") && reaches {
        return Finding::good(LOG, "RabbitMQ writes its log to standard output, which systemd sends to the journal");
    }
    let seen = match output.filter(|_| settings.is_on("log.console")) {
        Some(output) => format!("RabbitMQ writes its log to standard output, which its unit sends to {output}"),
        None => "RabbitMQ writes its log to files".to_owned(),
    };
    let finding = Finding::wrong(LOG, format!("{seen}: nothing of it reaches the journal"));
    match knows_journal(host) {
        true => finding.mended_by(
            LOG_COMMAND,
            "takes effect when RabbitMQ starts again: systemctl restart rabbitmq-server, when it suits you",
        ),
        false => finding.mended_by_hand(CONSOLE_COMMAND),
    }
}

/// Whether the broker has the library with which it writes to the journal.
fn knows_journal(host: &Host) -> bool {
    let versions = host.entries(VERSIONS_DIRECTORY).into_iter().map(|version| version.join("plugins"));
    let mut directories = versions.chain([host.path(LIBRARIES_DIRECTORY)]);
    directories.any(|directory| Host::has_named(&directory, "systemd-"))
}

fn plugin(host: &Host) -> Finding {
    let enabled = host.read("/etc/rabbitmq/enabled_plugins").unwrap_or_default();
    let is_enabled = enabled.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|name| name == "rabbitmq_prometheus");
    match is_enabled {
        true => Finding::good(PLUGIN, "the plugin rabbitmq_prometheus is enabled"),
        false => Finding::wrong(PLUGIN, "the plugin rabbitmq_prometheus is not enabled: there are no metrics to scrape")
            .mended_by("rabbitmq-plugins enable rabbitmq_prometheus", ""),
    }
}

/// Where the unit sends standard output; `None` if it does not say, which means the journal.
fn standard_output(host: &Host) -> Option<String> {
    let unit = UNIT_DIRECTORIES.iter().find_map(|directory| host.read(&format!("{directory}/{UNIT}")));
    let changes = UNIT_DIRECTORIES.iter().rev().flat_map(|directory| host.read_all(&format!("{directory}/{UNIT}.d"), ".conf"));
    let texts: Vec<String> = unit.into_iter().chain(changes).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let mut told = lines.filter_map(|line| line.trim().strip_prefix("StandardOutput")?.trim_start().strip_prefix('='));
    told.next_back().map(|output| output.trim().to_owned()).filter(|output| !output.is_empty())
}

/// The lines `key = value` of all configuration files, in order.
struct Settings(Vec<(String, String)>);

impl Settings {
    fn read(host: &Host) -> Self {
        let main = host.read("/etc/rabbitmq/rabbitmq.conf").into_iter();
        let texts: Vec<String> = main.chain(host.read_all("/etc/rabbitmq/conf.d", ".conf")).collect();
        let lines = texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.starts_with('#'));
        let split = lines.filter_map(|line| line.split_once('='));
        Self(split.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect())
    }

    fn is_on(&self, key: &str) -> bool {
        self.0.iter().rev().find(|(known, _)| known == key).is_some_and(|(_, value)| value == "true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    /// A host with these files.
    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::at(root.path());
        (root, host)
    }

    const DEBIAN: (&str, &str) = (
        "/lib/systemd/system/rabbitmq-server.service",
        "[Service]\nStandardOutput=append:/var/log/rabbitmq/rabbitmq-server.log\n",
    );

    #[test]
    fn debians_broker_does_not_reach_the_journal_until_it_is_told_to() {
        let console = ("/etc/rabbitmq/rabbitmq.conf", "log.console = true\n");
        for (files, state) in [
            (vec![DEBIAN], State::Wrong),
            (vec![DEBIAN, console], State::Wrong),
            (
                vec![DEBIAN, console, ("/etc/systemd/system/rabbitmq-server.service.d/x.conf", "StandardOutput = journal\n")],
                State::Good,
            ),
            (vec![console], State::Good),
            (vec![DEBIAN, ("/etc/rabbitmq/conf.d/90-warren-journal.conf", "log.journald = true\n")], State::Good),
            (
                vec![
                    DEBIAN,
                    ("/etc/rabbitmq/rabbitmq.conf", "log.journald = true"),
                    ("/etc/rabbitmq/conf.d/a.conf", "log.journald = false"),
                ],
                State::Wrong,
            ),
            (vec![DEBIAN, ("/etc/rabbitmq/rabbitmq.conf", "# log.journald = true\n")], State::Wrong),
        ] {
            let (_root, host) = host(&files);
            assert_eq!(log(&host).state, state, "{files:?}");
        }
    }

    #[test]
    fn a_broker_is_told_to_write_to_the_journal_only_if_it_can() {
        let library = |path: &'static str| (path, "");
        for (files, command, safe) in [
            (vec![DEBIAN], CONSOLE_COMMAND, false),
            (vec![library("/usr/lib/rabbitmq/lib/rabbitmq_server-3.8.9/plugins/syslog-3.4.5/x")], CONSOLE_COMMAND, false),
            (vec![library("/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/systemd-0.6.1/x")], LOG_COMMAND, true),
            (vec![library("/opt/rabbitmq/plugins/systemd-0.6.1.ez")], LOG_COMMAND, true),
        ] {
            let (_root, host) = host(&files);
            let remedy = log(&host).remedy.unwrap();
            assert_eq!((remedy.command.as_str(), remedy.safe), (command, safe), "{files:?}");
        }
    }

    #[test]
    fn a_plugin_of_a_longer_name_is_another_plugin() {
        for (text, state) in [
            ("[rabbitmq_management,rabbitmq_prometheus].", State::Good),
            ("[rabbitmq_prometheus_extra].", State::Wrong),
            ("", State::Wrong),
        ] {
            let (_root, host) = host(&[("/etc/rabbitmq/enabled_plugins", text)]);
            assert_eq!(plugin(&host).state, state, "{text}");
        }
    }
}
