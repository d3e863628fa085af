//! Which package a collector is to have.

use super::PATH;
use crate::app::{App, hex, unhex};
use serde_json::Value;
use std::collections::BTreeMap;
use warren_opamp::capability::agent as can;
use warren_opamp::{DownloadableFile, Hash, PackageAvailable, PackageType, PackagesAvailable};
use warren_package::COLLECTOR;
use warren_store::{Client, Package, StoreError};

/// What a collector is to have.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// What it has: nothing was ever decided for it.
    Nothing,
    /// What its host came with.
    Host,
    /// It takes no packages, or there is none for its machine; why.
    Unfit(String),
    /// This one.
    Package(Box<Chosen>),
}

/// A package for one collector.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) package: Package,
    /// What failures with it are remembered by.
    pub(crate) identity: String,
    /// What both sides know the offer by, in bytes and in hexadecimal.
    pub(crate) hash: Vec<u8>,
    pub(crate) name: String,
    /// How often somebody has had it try again what it had failed with.
    pub(crate) attempt: i64,
    /// Why it failed, if nobody has.
    pub(crate) failed: Option<String>,
}

/// What the collector of a server is to have by what is released, or by the rollout under way.
pub(crate) async fn choice(app: &App, client: &Client) -> Result<Choice, StoreError> {
    let version = app.store.package_of(&client.server).await?;
    match version.as_str() {
        // Of those from which nothing was taken back nobody wants anything, whatever they have: a control plane that knows of nothing, such as one with
        // a new database, is not to have a whole fleet go back.
        "" if client.package.all.is_empty() || !app.store.had_package(&client.server).await? => Ok(Choice::Nothing),
        "" => Ok(Choice::Host),
        version => version_choice(app, client, version).await,
    }
}

/// What the collector of a server would have of a version.
pub(crate) async fn version_choice(app: &App, client: &Client, version: &str) -> Result<Choice, StoreError> {
    choice_of(app, client, version, &app.store.packages_of(version).await?).await
}

/// The same, of packages that are known.
pub(crate) async fn choice_of(app: &App, client: &Client, version: &str, packages: &[Package]) -> Result<Choice, StoreError> {
    if client.capabilities & can::ACCEPTS_PACKAGES == 0 {
        return Ok(Choice::Unfit("its collector takes no packages".to_owned()));
    }
    let told = |name: &str| client.description.pointer("/other").and_then(|other| other.get(name)).and_then(Value::as_str);
    let (os, arch) = (told("os.type").unwrap_or("linux"), told("host.arch").unwrap_or_default());
    let fitting = packages.iter().find(|package| package.os == os && package.arch == arch && package.is_there());
    let Some(package) = fitting.cloned() else {
        return Ok(Choice::Unfit(format!("there is no package of version {version} for {os}/{arch}")));
    };
    // The same content with another signature is another package: it may have been the signature that it failed with.
    let parts = [COLLECTOR, &package.version, &package.os, &package.arch, &package.sha256, &package.signature];
    let hash = parts.iter().fold(Hash::default(), |hash, part| hash.with(part.as_bytes()));
    let identity = hex(&hash.clone().finish());
    let failures = app.store.package_failures(&client.server, &identity).await?;
    let hash = if failures.forgiven > 0 { hash.with(&failures.forgiven.to_be_bytes()) } else { hash }.finish();
    let name = hex(&hash);
    Ok(Choice::Package(Box::new(Chosen { package, identity, hash, name, attempt: failures.forgiven, failed: failures.error })))
}

impl Chosen {
    /// What has become of it, by what the collector tells: in the words for configurations.
    pub(crate) fn standing(&self, client: &Client) -> &'static str {
        match (client.package.offered == self.name, client.package.status.as_str()) {
            (false, _) => "waiting",
            (true, "installed") => "applied",
            (true, "failed") => "failed",
            (true, _) => "applying",
        }
    }
}

impl Choice {
    /// What is to be offered to a collector that can reach this control plane at `base`; nothing if it knows of it already, or has failed with it.
    pub(crate) fn offer(self, client: &Client, base: &str) -> Option<PackagesAvailable> {
        let packages = match self {
            Self::Nothing | Self::Unfit(_) => return None,
            Self::Host => BTreeMap::new(),
            Self::Package(chosen) if chosen.failed.is_some() => return None,
            Self::Package(chosen) => {
                let Chosen { package, hash, .. } = *chosen;
                let own = || format!("{base}{PATH}/{}", package.sha256);
                let file = DownloadableFile {
                    download_url: if package.url.is_empty() { own() } else { package.url.clone() },
                    content_hash: unhex(&package.sha256).unwrap_or_default(),
                    signature: package.signature.into_bytes(),
                    headers: None,
                };
                let kind = PackageType::TopLevel as i32;
                BTreeMap::from([(
                    COLLECTOR.to_owned(),
                    PackageAvailable { kind, version: package.version, file: Some(file), hash },
                )])
            }
        };
        let offer = PackagesAvailable::of(packages);
        (hex(&offer.all_packages_hash) != client.package.all).then_some(offer)
    }
}
