//! The state directory: whether what must survive a restart can be written.

use crate::Finding;
use std::path::Path;

const CHECK: &str = "state";

pub(crate) fn examine(directory: Option<&Path>) -> Vec<Finding> {
    let Some(directory) = directory else {
        return vec![
            Finding::doubtful(CHECK, "no state directory: the place in the journal and queues do not survive a restart")
                .mended_by_hand("warren-collector --state-dir /var/lib/warren-collector …"),
        ];
    };
    let shown = directory.display();
    let probe = directory.join(".doctor");
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    vec![match written {
        Ok(()) => Finding::good(CHECK, format!("{shown} can be written")),
        Err(error) => Finding::wrong(CHECK, format!("{shown} cannot be written: {error}"))
            .mended_by_hand(format!("install --directory --mode 0700 --owner warren '{shown}'")),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    #[test]
    fn a_directory_that_is_not_there_is_wrong_and_a_probe_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(examine(Some(directory.path())).first().unwrap().state, State::Good);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(examine(Some(&directory.path().join("none"))).first().unwrap().state, State::Wrong);
        assert_eq!(examine(None).first().unwrap().state, State::Doubtful);
    }
}
