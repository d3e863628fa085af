//! LavinMQ: under systemd it writes to standard output, with priorities, which the journal takes. `log_file` sends the log elsewhere.

use crate::{Finding, Host};

const LOG: &str = "broker-log";

pub(crate) fn examine(host: &Host) -> Vec<Finding> {
    let settings = host.read("/etc/lavinmq/lavinmq.ini").unwrap_or_default();
    let lines = settings.lines().map(str::trim).filter(|line| !line.starts_with([';', '#']));
    let file = lines.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "log_file");
    let finding = match file.map(|(_, file)| file.trim()).filter(|file| !file.is_empty()) {
        None => Finding::good(LOG, "LavinMQ writes its log to the journal"),
        Some(file) => Finding::wrong(LOG, format!("LavinMQ writes its log to {file}: nothing of it reaches the journal"))
            .mended_by_hand("sed -i '/^ *log_file *=/d' /etc/lavinmq/lavinmq.ini && systemctl restart lavinmq"),
    };
    vec![finding]
}
