//! One directory, and in it one for each client.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use warren_component::{BuildError, Extension, Storage};
use warren_storage::{Place, Policy, file_name};

/// The running extension.
#[derive(Clone)]
pub(crate) struct FileStorage {
    directory: PathBuf,
    policy: Policy,
}

impl FileStorage {
    pub(crate) fn new(directory: PathBuf, create: bool, policy: Policy) -> Result<Self, BuildError> {
        let shown = directory.display();
        if create {
            let made = DirBuilder::new().recursive(true).mode(policy.mode).create(&directory);
            made.map_err(|error| BuildError::with_source(format!("cannot create directory {shown}: {error}"), error))?;
        }
        match std::fs::metadata(&directory) {
            Ok(found) if found.is_dir() => Ok(Self { directory, policy }),
            Ok(_) => Err(BuildError::new(format!("{shown} is not a directory"))),
            Err(error) => {
                let advice = "You can enable the create_directory option to automatically create it";
                Err(BuildError::with_source(format!("directory must exist: {shown}: {error}. {advice}"), error))
            }
        }
    }
}

impl Extension for FileStorage {
    fn storage(&self) -> Option<Arc<dyn Storage>> {
        Some(Arc::new(self.clone()))
    }
}

impl Storage for FileStorage {
    fn place(&self, client: &str) -> Place {
        Place { path: self.directory.join(file_name(client)), policy: self.policy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_component::{BuildContext, BuildInfo, Extensions, Gates, Inherited};
    use warren_pdata::Signal;
    use warren_telemetry::Telemetry;

    const POLICY: Policy = Policy { fsync: false, bytes_max: 1 << 20, mode: 0o750 };

    fn context(id: &str, storage: FileStorage) -> BuildContext {
        let extension: Arc<dyn Extension> = Arc::new(storage);
        BuildContext {
            id: id.parse().unwrap(),
            telemetry: Telemetry::discarded(),
            build: Arc::new(BuildInfo { command: String::new(), description: String::new(), version: String::new() }),
            extensions: Extensions::new([("file_storage".parse().unwrap(), extension)].into()),
            inherited: Inherited::default(),
            collect_now: false,
            gates: Gates::default(),
        }
    }

    #[test]
    fn each_component_and_signal_has_a_directory_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let storage = FileStorage::new(root.path().join("a/b"), true, POLICY).unwrap();
        let (cx, id) = (context("otlphttp/a/b", storage.clone()), "file_storage".parse().unwrap());
        let logs = cx.storage(&id, "exporter", Some(Signal::Logs)).unwrap();
        let traces = cx.storage(&id, "exporter", Some(Signal::Traces)).unwrap();
        let journal = context("journald", storage).storage(&id, "receiver", None).unwrap();
        let names = [&logs, &traces, &journal].map(|directory| directory.path().file_name().unwrap().to_owned());
        assert_eq!(names, ["exporter_otlphttp_a~002Fb_logs", "exporter_otlphttp_a~002Fb_traces", "receiver_journald_"]);
        let error = cx.storage(&id, "exporter", Some(Signal::Logs)).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        let error = cx.storage(&"other".parse().unwrap(), "exporter", None).unwrap_err().to_string();
        assert_eq!(error, "no storage client extension found: \"other\"");
    }

    #[test]
    fn what_is_wrong_with_a_directory_is_told() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("missing");
        let told = |path: PathBuf, create| FileStorage::new(path, create, POLICY).err().unwrap().to_string();
        assert!(told(missing, false).contains("create_directory option"));
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(told(file.clone(), false).ends_with("is not a directory"));
        assert!(told(file.join("below"), true).starts_with("cannot create directory"));
    }
}
