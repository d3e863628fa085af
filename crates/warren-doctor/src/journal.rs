//! The journal: whether there is one, whether it survives a restart of the machine, and whether this user may read it.

use crate::{Finding, Host};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const PRESENT: &str = "journal";
const READABLE: &str = "journal-access";

const PERSISTENT: &str = "/var/log/journal";
const VOLATILE: &str = "/run/log/journal";

const KEEP_COMMAND: &str =
    "mkdir -p /var/log/journal && systemd-tmpfiles --create --prefix /var/log/journal && journalctl --flush";

pub(crate) fn examine(host: &Host) -> Vec<Finding> {
    let (kept, lost) = (files(&host.path(PERSISTENT)), files(&host.path(VOLATILE)));
    let first = match (kept.is_empty(), lost.is_empty()) {
        (false, _) => Finding::good(PRESENT, "the journal is kept across restarts of the machine"),
        (true, false) => {
            Finding::doubtful(PRESENT, "the journal is in memory: what was not read yet is lost when the machine restarts")
                .mended_by(KEEP_COMMAND, "")
        }
        (true, true) => Finding::wrong(PRESENT, format!("no journal in {PERSISTENT} or {VOLATILE}: there are no logs to read"))
            .mended_by_hand("systemctl start systemd-journald"),
    };
    let all: Vec<PathBuf> = kept.into_iter().chain(lost).collect();
    if all.is_empty() {
        return vec![first];
    }
    vec![first, access(&all)]
}

fn access(files: &[PathBuf]) -> Finding {
    let denied = files.iter().find(|file| File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied));
    match denied {
        None => Finding::good(READABLE, "this user may read the journal"),
        Some(file) => {
            let user = rustix::process::getuid().as_raw();
            Finding::wrong(READABLE, format!("this user (id {user}) may not read {}", file.display())).mended_by(
                format!("usermod --append --groups systemd-journal \"$(getent passwd {user} | cut -d: -f1)\""),
                "takes effect when the collector starts again",
            )
        }
    }
}

/// Journal files below a directory, one directory for each machine.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = |directory: &Path| std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = entries(directory).flat_map(|machine| entries(&machine).collect::<Vec<_>>());
    below.filter(|path| path.extension().is_some_and(|extension| extension == "journal")).take(1000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    #[test]
    fn a_journal_in_memory_is_doubtful_and_none_is_wrong() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(examine(&host).first().unwrap().state, State::Wrong);
        let file = |directory: &str| {
            let directory = host.path(directory).join("machine");
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("system.journal"), "").unwrap();
        };
        file(VOLATILE);
        assert_eq!(examine(&host).first().unwrap().state, State::Doubtful);
        file(PERSISTENT);
        let findings = examine(&host);
        assert!(findings.iter().all(|finding| finding.state == State::Good), "{findings:?}");
    }
}
