//! Where the configuration comes from.

use super::args::Sources;
use super::runtime;
use crate::host::{self, Host};
use http::{Request, StatusCode};
use std::time::Duration;
use warren_component::Gates;
use warren_config::{Diagnostics, Fetch, Loaded, Loader};
use warren_http::{Client, ClientSettings, client::Proxies};

/// Longest time a configuration is waited for over HTTP.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Redirects followed for a configuration, as Go's client does.
const REDIRECTS_MAX: u8 = 10;

/// A configuration that can be read.
#[derive(Clone)]
pub(super) struct Configuration {
    pub(super) sources: Sources,
    pub(super) gates: Gates,
}

impl Configuration {
    /// Reads, merges and expands the sources.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn load(&self) -> Result<Loaded, Box<Diagnostics>> {
        self.load_from(&self.sources.configs)
    }

    /// The same with other sources in the place of `--config`; what `--set` says stays on top.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn load_from(&self, configs: &[String]) -> Result<Loaded, Box<Diagnostics>> {
        self.loaded(configs, &self.sources.sets)
    }

    /// What this host runs beside every configuration; none if there is no host file and none was asked for.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub(super) fn host(&self) -> Result<Option<Host>, Box<Diagnostics>> {
        let path = match &self.sources.host {
            Some(path) => path.to_string_lossy().into_owned(),
            None if std::path::Path::new(host::DEFAULT).exists() => host::DEFAULT.to_owned(),
            None => return Ok(None),
        };
        Host::new(self.loaded(&[format!("file:{path}")], &[])?).map(Some)
    }

    fn loaded(&self, configs: &[String], sets: &[String]) -> Result<Loaded, Box<Diagnostics>> {
        let variable = |name: &str| std::env::var(name).ok();
        let append = self.gates.is_on("confmap.enableMergeAppendOption");
        let loader = Loader::new(&variable, &HttpFetch).merge_append(append);
        let mut loaded = loader.load(configs, sets).map_err(Box::new)?;
        loaded.diagnostics.gates = self.gates.ids();
        Ok(loaded)
    }
}

/// Gets configurations over HTTP.
struct HttpFetch;

impl Fetch for HttpFetch {
    fn fetch(&self, uri: &str, limit: usize) -> Result<Vec<u8>, String> {
        runtime()?.block_on(get(uri, limit))
    }
}

async fn get(uri: &str, limit: usize) -> Result<Vec<u8>, String> {
    let settings = ClientSettings {
        proxies: Proxies::from_environment(|name| std::env::var(name).ok()),
        timeout: FETCH_TIMEOUT,
        redirects: REDIRECTS_MAX,
        ..ClientSettings::default()
    };
    let client = Client::new(settings).map_err(|error| error.to_string())?;
    let mut request = Request::new(Default::default());
    *request.uri_mut() = uri.parse().map_err(|_| "invalid URL".to_owned())?;
    let reply = client.send(request).await.map_err(|error| error.to_string())?;
    if reply.status() != StatusCode::OK {
        return Err(format!("failed to load resource from uri {uri:?}. status code: {}", reply.status().as_u16()));
    }
    reply.into_body().read(limit).await.map_err(|error| error.to_string())
}
