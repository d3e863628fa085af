//! Other versions of this collector: fetched, verified, laid beside the one that runs, and asked of the watchdog.
//!
//! ```text
//! offer ─▶ is it here already? ─▶ fetch ─▶ verify: signed? what was offered? not older, not expired? ─▶ slot ─▶ validate with it ─▶ ask, end
//!              └────────────────────────────────────────────────────────▲                                              │
//! told: Downloading … Installing … Installed │ InstallFailed     the watchdog starts it: well ─▶ it stays │ not ─▶ bad/NAME ◀──┘
//! ```
//!
//! What was fetched is data until its signature was verified. What this process does not live to see, its successor tells: which of the
//! versions runs, and why one is not run any more, is in the watchdog's directory (`warren_slots`).

mod fetch;
mod install;
mod redact;

use crate::access::Access;
use crate::config::{Config, PackageConfig};
use crate::describe::architecture;
use crate::kept::Sought;
use fetch::{Progress, Source};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use install::Goods;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use warren_component::BuildContext;
use warren_http::client::{Proxies, user_agent};
use warren_http::{Client, ClientSettings};
use warren_opamp::{PackageDownloadDetails, PackageState, PackageStatus, PackageStatuses, PackagesAvailable};
use warren_package::{COLLECTOR, Offered};
use warren_slots::{DIRECTORY_VARIABLE, INITIAL, SLOT_VARIABLE, Slots};

/// How long one attempt to fetch a package may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(900);

/// Redirects that are followed to a package.
const REDIRECTS_MAX: u8 = 5;

type Work = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What takes packages.
pub(crate) struct Packages {
    config: PackageConfig,
    slots: Slots,
    /// The version that this process is: its slot, and its number.
    slot: String,
    version: String,
    /// What both sides know the last offer of that version by.
    offer: Vec<u8>,
    client: Client,
    progress: Arc<Progress>,
    work: Option<Work>,
}

impl Packages {
    /// What takes packages, where the host lets it and there is a watchdog.
    ///
    /// # Errors
    /// When packages could not be fetched.
    pub(crate) fn new(config: &Config, cx: &BuildContext) -> Result<Option<Self>, String> {
        let Some(packages) = config.warren.packages.clone() else { return Ok(None) };
        let (Ok(directory), Ok(slot)) = (std::env::var(DIRECTORY_VARIABLE), std::env::var(SLOT_VARIABLE)) else {
            cx.telemetry.log.info("Packages are not taken: this collector is not run by warren-watchdog", &[]);
            return Ok(None);
        };
        let connection = crate::access::connection(config).ok_or("there is no server")?;
        let settings = ClientSettings {
            tls: connection.tls.clone(),
            proxies: Proxies::from_environment(|name| std::env::var(name).ok()),
            user_agent: Some(user_agent(&cx.build)),
            accept_gzip: false,
            timeout: FETCH_TIMEOUT,
            max_idle: 1,
            redirects: REDIRECTS_MAX,
            ..ClientSettings::default()
        };
        let client = Client::new(settings).map_err(|error| error.to_string())?;
        let slots = Slots::at(directory);
        let signed = install::label_of(&slots, &slot);
        let version = signed.map_or_else(|| cx.build.version.clone(), |label| label.version);
        let offer = install::offer_of(&slots, &slot);
        Ok(Some(Self { config: packages, slots, slot, version, offer, client, progress: Arc::default(), work: None }))
    }

    /// What has become of what was sought before this process began, or while it runs; whether that is news. A return that was cut off is gone
    /// on with.
    pub(crate) fn look(&mut self, sought: &mut Option<Sought>) -> bool {
        let Some(known) = sought.as_mut() else { return false };
        match PackageState::try_from(known.state) {
            Ok(PackageState::Installing) if self.work.is_none() => {}
            Ok(PackageState::InstallPending) if self.work.is_none() && known.slot != self.slot => {
                // A server that is told of no offer at all does not offer this again.
                self.work = Some(Box::pin(install::return_to(self.slots.clone(), known.slot.clone())));
                return false;
            }
            Ok(PackageState::InstallPending) if self.work.is_none() => {}
            Ok(PackageState::Downloading) if self.work.is_none() => {
                // Fetched in part: it is fetched on when it is offered again.
                *sought = None;
                return true;
            }
            // A version that was well gave way later.
            Ok(PackageState::Installed) if known.slot != self.slot && !known.slot.is_empty() => {}
            _ => return false,
        }
        let before = known.clone();
        let current = self.slots.current();
        if known.slot == self.slot {
            if current.as_ref() == Some(&known.slot) {
                known.state = PackageState::Installed as i32;
                known.error.clear();
            }
        } else if let Some(why) = self.slots.bad(&known.slot) {
            known.fail(&redact::redacted(&why));
        } else if self.slots.next().as_ref() != Some(&known.slot) {
            known.fail("the watchdog has not started it");
        }
        *known != before
    }

    /// How it stands with packages here.
    pub(crate) fn statuses(&self, sought: Option<&Sought>) -> PackageStatuses {
        let mut status = PackageStatus {
            name: COLLECTOR.to_owned(),
            agent_has_version: self.version.clone(),
            agent_has_hash: self.offer.clone(),
            ..PackageStatus::default()
        };
        let mut told = PackageStatuses::default();
        if let Some(sought) = sought {
            told.server_provided_all_packages_hash.clone_from(&sought.all);
            status.server_offered_version.clone_from(&sought.version);
            status.server_offered_hash.clone_from(&sought.hash);
            status.status = sought.state;
            status.error_message.clone_from(&sought.error);
            if sought.state == PackageState::Downloading as i32 {
                let (download_percent, download_bytes_per_second) = self.progress.now();
                status.download_details = Some(PackageDownloadDetails { download_percent, download_bytes_per_second });
            }
        }
        told.packages = BTreeMap::from([(COLLECTOR.to_owned(), status)]);
        told
    }

    /// Another version is offered, or that there is none but the one that the host came with. Something newer takes the place of what is
    /// being fetched.
    pub(crate) fn offered(&mut self, offer: &PackagesAvailable, access: &Access) -> Sought {
        self.work = None;
        let package = offer.packages.get(COLLECTOR);
        let mut sought = Sought { all: offer.all_packages_hash.clone(), ..Sought::default() };
        let Some(package) = package else {
            sought.slot = INITIAL.to_owned();
            if self.slot == INITIAL {
                sought.state = PackageState::Installed as i32;
            } else {
                sought.state = PackageState::InstallPending as i32;
                self.work = Some(Box::pin(install::return_to(self.slots.clone(), INITIAL.to_owned())));
            }
            return sought;
        };
        sought.hash.clone_from(&package.hash);
        sought.version.clone_from(&package.version);
        let goods = match self.goods(package) {
            Ok(goods) => goods,
            Err(reason) => {
                sought.fail(&reason);
                return sought;
            }
        };
        sought.slot = goods.label.slot();
        if sought.slot == self.slot {
            install::note_offer(&self.slots, &self.slot, &package.hash);
            self.offer.clone_from(&package.hash);
            sought.state = PackageState::Installed as i32;
            return sought;
        }
        let file = package.file.clone().unwrap_or_default();
        let source = Url::parse(&file.download_url).map_err(|error| format!("the download URL is none: {error}"));
        match source.and_then(|url| Ok(Source { headers: headers(&url, access, file.headers)?, url: url.to_string() })) {
            Ok(source) => {
                sought.state = PackageState::Downloading as i32;
                self.progress = Arc::default();
                let (client, config, progress) = (self.client.clone(), self.config.clone(), Arc::clone(&self.progress));
                self.work = Some(Box::pin(install::obtain(goods, source, client, config, progress)));
            }
            Err(reason) => sought.fail(&reason),
        }
        sought
    }

    /// Ends when what was sought is in its slot, and is to be asked for, or cannot be had. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<(), String> {
        let Some(work) = &mut self.work else { return std::future::pending().await };
        let done = work.await;
        self.work = None;
        done
    }

    /// Has the watchdog start a version when this process has ended, which it is told to do.
    ///
    /// # Errors
    /// When the watchdog cannot be asked.
    pub(crate) fn switch(&self, slot: &str) -> impl Future<Output = Result<(), String>> + Send + use<> {
        let (slots, slot, place) = (self.slots.clone(), slot.to_owned(), self.slots.path().display().to_string());
        async move {
            let asked = tokio::task::spawn_blocking(move || slots.ask(&slot)).await.map_err(|_| "interrupted".to_owned())?;
            asked.map_err(|error| format!("{place}: {error}"))?;
            // As if the system had asked for it: what was taken is kept, and then this process ends.
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::TERM).map_err(|error| error.to_string())
        }
    }

    /// What is offered, as far as it can be seen before it is there.
    fn goods(&self, package: &warren_opamp::PackageAvailable) -> Result<Goods, String> {
        let file = package.file.as_ref().ok_or("no file is offered")?;
        let signature = String::from_utf8(file.signature.clone()).map_err(|_| "the signature is no text")?;
        let offered = Offered {
            name: COLLECTOR.to_owned(),
            version: package.version.clone(),
            sha256: warren_package::hex(&file.content_hash),
        };
        // Nothing is believed of it yet, but what does not even claim to be right need not be fetched.
        let label = warren_package::signed_label(&signature).map_err(|refusal| refusal.to_string())?;
        label.fits(&offered, std::env::consts::OS, architecture()).map_err(|refusal| refusal.to_string())?;
        Ok(Goods {
            slots: self.slots.clone(),
            offered,
            offer: package.hash.clone(),
            signature,
            label,
            there: self.version.clone(),
            keys: self.config.trusted_keys_file.clone(),
        })
    }
}

/// The headers of a request for a package: those of the offer, and what opens the server's own door there alone.
fn headers(url: &Url, access: &Access, offered: Option<warren_opamp::Headers>) -> Result<HeaderMap, String> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("the download URL begins with http:// or https://".to_owned());
    }
    let secure = |scheme: &str| matches!(scheme, "https" | "wss");
    let port = |url: &Url| url.port().unwrap_or(if secure(url.scheme()) { 443 } else { 80 });
    let same = |server: &Url| {
        server.host_str() == url.host_str() && port(server) == port(url) && secure(server.scheme()) == secure(url.scheme())
    };
    let mut headers = HeaderMap::new();
    if Url::parse(&access.endpoint).is_ok_and(|server| same(&server)) {
        headers.clone_from(&access.headers);
    }
    for header in offered.into_iter().flat_map(|headers| headers.headers) {
        let name = HeaderName::try_from(&header.key).map_err(|_| format!("invalid header field name {:?}", header.key))?;
        let mut value = HeaderValue::try_from(&header.value).map_err(|_| "invalid header field value".to_owned())?;
        value.set_sensitive(true);
        headers.try_insert(name, value).map_err(|_| "there are too many header fields".to_owned())?;
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
