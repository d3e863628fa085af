//! The clock: metrics of a machine whose clock is off are refused or drawn at the wrong place.

use crate::{Finding, Host};

const CHECK: &str = "clock";

pub(crate) fn examine(host: &Host) -> Vec<Finding> {
    let told = host.ask("timedatectl", &["show", "--property=NTPSynchronized", "--value"]);
    let synchronized = match told.as_deref() {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => host.exists("/run/systemd/timesync/synchronized").then_some(true),
    };
    vec![match synchronized {
        Some(true) => Finding::good(CHECK, "the clock is synchronized"),
        Some(false) => Finding::wrong(CHECK, "the clock is not synchronized").mended_by("timedatectl set-ntp true", ""),
        None => Finding::doubtful(CHECK, "whether the clock is synchronized cannot be told: nothing on this host says so"),
    }]
}
