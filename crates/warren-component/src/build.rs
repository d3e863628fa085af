//! Building: what a component's settings are given to become a running component.

use crate::{ClientAuth, Consumer, Encoding, Extension, Gates, ServerAuth, Storage};
use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use warren_config::ComponentId;
use warren_pdata::Signal;
use warren_storage::{Directory, Place};
use warren_telemetry::Telemetry;

/// The program that runs, as it names itself to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Name of the program.
    pub command: String,
    /// One line on it.
    pub description: String,
    /// Version.
    pub version: String,
}

/// What a component is built with.
#[derive(Clone)]
pub struct BuildContext {
    /// The component's id.
    pub id: ComponentId,
    /// Metrics and log; the log already carries the component's identity.
    pub telemetry: Telemetry,
    /// The program.
    pub build: Arc<BuildInfo>,
    /// Extensions, by id.
    pub extensions: Extensions,
    /// What the component's predecessor left on a reload.
    pub inherited: Inherited,
    /// Pull receivers collect once at start, without waiting for their interval.
    pub collect_now: bool,
    /// Feature gates.
    pub gates: Gates,
}

impl BuildContext {
    /// Takes the directory that this component has in a storage extension, which is made if it is missing. `kind` is `receiver`, `exporter` and so on; a component that is built
    /// once per signal says for which.
    ///
    /// # Errors
    /// In upstream's words when there is no such extension, or it cannot store; else when the directory cannot be had.
    pub fn storage(&self, storage: &ComponentId, kind: &str, signal: Option<Signal>) -> Result<Directory, BuildError> {
        let place = self.storage_place(storage, kind, signal)?;
        Directory::open(place).map_err(|error| BuildError::with_source(format!("storage \"{storage}\": {error}"), error))
    }

    /// Where that directory is, for those whose predecessor may still hold it.
    ///
    /// # Errors
    /// In upstream's words when there is no such extension, or it cannot store.
    pub fn storage_place(&self, storage: &ComponentId, kind: &str, signal: Option<Signal>) -> Result<Place, BuildError> {
        let extension = self.extensions.storage(storage)?;
        let signal = signal.map(|signal| format!("_{}", signal.name())).unwrap_or_default();
        Ok(extension.place(&format!("{kind}_{}_{}{signal}", self.id.kind(), self.id.name())))
    }
}

/// Where a receiver sends what it received: one consumer for each signal that a pipeline wants from it.
#[derive(Clone, Default)]
pub struct Outputs(BTreeMap<Signal, Arc<dyn Consumer>>);

impl Outputs {
    /// Adds the consumer of a signal.
    pub fn with(mut self, signal: Signal, consumer: Arc<dyn Consumer>) -> Self {
        self.0.insert(signal, consumer);
        self
    }

    /// The consumer of a signal; `None` when no pipeline wants it.
    pub fn get(&self, signal: Signal) -> Option<&Arc<dyn Consumer>> {
        self.0.get(&signal)
    }

    /// The signals that are wanted.
    pub fn signals(&self) -> impl Iterator<Item = Signal> + '_ {
        self.0.keys().copied()
    }
}

/// What serves components: the running extensions, by id, and the state directory.
#[derive(Clone, Default)]
pub struct Extensions {
    running: Arc<BTreeMap<ComponentId, Arc<dyn Extension>>>,
    state: Option<Arc<Path>>,
}

impl Extensions {
    /// These extensions.
    pub fn new(running: BTreeMap<ComponentId, Arc<dyn Extension>>) -> Self {
        Self { running: Arc::new(running), state: None }
    }

    /// The same with the process's state directory, if it has one.
    pub fn with_state_directory(mut self, state: Option<Arc<Path>>) -> Self {
        self.state = state;
        self
    }

    /// The process's state directory. A component keeps what is to survive a restart in a directory of its own there, named after its kind
    /// and id, unless its settings name a storage extension.
    pub fn state_directory(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// The extension of this id.
    pub fn get(&self, id: &ComponentId) -> Option<&Arc<dyn Extension>> {
        self.running.get(id)
    }

    /// The extension that signs requests.
    ///
    /// # Errors
    /// In upstream's words when there is none of this id, or it cannot sign.
    pub fn client_auth(&self, id: &ComponentId) -> Result<Arc<dyn ClientAuth>, BuildError> {
        self.authenticator(id)?
            .client_auth()
            .ok_or_else(|| BuildError::new("requested authenticator is not a HTTP client authenticator"))
    }

    /// The extension that checks requests.
    ///
    /// # Errors
    /// In upstream's words when there is none of this id, or it cannot check.
    pub fn server_auth(&self, id: &ComponentId) -> Result<Arc<dyn ServerAuth>, BuildError> {
        self.authenticator(id)?
            .server_auth()
            .ok_or_else(|| BuildError::new("requested authenticator is not a server authenticator"))
    }

    /// The extension that encodes.
    ///
    /// # Errors
    /// When there is none of this id, or it cannot encode.
    pub fn encoding(&self, id: &ComponentId) -> Result<Arc<dyn Encoding>, BuildError> {
        let extension = self.running.get(id).ok_or_else(|| BuildError::new(format!("unknown encoding extension \"{id}\"")))?;
        extension.encoding().ok_or_else(|| BuildError::new(format!("extension \"{id}\" is not an encoding extension")))
    }

    /// The extension that stores.
    ///
    /// # Errors
    /// In upstream's words when there is none of this id, or it cannot store.
    pub fn storage(&self, id: &ComponentId) -> Result<Arc<dyn Storage>, BuildError> {
        let extension =
            self.running.get(id).ok_or_else(|| BuildError::new(format!("no storage client extension found: \"{id}\"")))?;
        extension.storage().ok_or_else(|| BuildError::new(format!("requested extension is not a storage extension: \"{id}\"")))
    }

    fn authenticator(&self, id: &ComponentId) -> Result<&Arc<dyn Extension>, BuildError> {
        self.running
            .get(id)
            .ok_or_else(|| BuildError::new(format!("failed to resolve authenticator \"{id}\": authenticator not found")))
    }
}

/// What a component's predecessor has for it when its settings change: sockets, queues, caches.
///
/// It is a handle to what both may hold while one takes over from the other, and cheap to clone: a successor that is built may never run,
/// and then the next one gets the same. What only one may have (a cursor, a task) is taken through the handle when the successor runs.
#[derive(Clone, Default)]
pub struct Inherited(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Inherited {
    /// An inheritance of this handle.
    pub fn new(value: impl Any + Send) -> Self {
        Self::of(Some(Box::new(value)))
    }

    /// An inheritance of what a predecessor handed over, if anything.
    pub fn of(value: Option<Box<dyn Any + Send>>) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// The handle, if there is one of this type.
    pub fn take<T: Any + Clone>(&self) -> Option<T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        value.as_ref()?.downcast_ref::<T>().cloned()
    }

    /// Whether there is nothing to be had.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Why a component could not be built. Holds no secrets.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl BuildError {
    /// An error in words: what failed, where, and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// An error in words with its cause.
    pub fn with_source(message: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inheritance_is_there_for_every_successor_that_knows_its_type() {
        let inherited = Inherited::new(7u32);
        assert_eq!(inherited.take::<String>(), None);
        assert_eq!((inherited.clone().take::<u32>(), inherited.take::<u32>()), (Some(7), Some(7)));
        assert!(!inherited.is_empty() && Inherited::default().is_empty());
    }
}
