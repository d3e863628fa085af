//! Being managed: connections one after the other, and on each what is told and what is asked.

use crate::access::Access;
use crate::agent::Agent;
use crate::backoff::Backoff;
use crate::change::{Change, ERROR_CHARS_MAX, Event, Offer};
use crate::config::Config;
use crate::health;
use crate::kept::{Good, Keeper, Kept, Outcome};
use crate::link::{Dialler, Lost};
use crate::packages::Packages;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep_until};
use warren_component::{BuildContext, Control, Health, Status, Stop};
use warren_opamp::capability::{agent as can, server_flag};
use warren_opamp::{
    AgentConfigMap, AgentRemoteConfig, ConfigStatus, ConnectionSettingsOffers, ConnectionSettingsStatus, EffectiveConfig,
    InstanceUid, RemoteConfigStatus, ServerErrorResponseType, ServerToAgent,
};
use warren_telemetry::{Field, Logger};

mod upgrade;

/// Time between two looks at how everything fares.
const LOOK: Duration = Duration::from_secs(5);

/// Time after which figures are told again though nothing else changed.
const FIGURES: Duration = Duration::from_secs(60);

/// How often new settings of the connection are tried before the old ones are taken again.
const TRIALS: u32 = 3;

/// The largest configuration that is taken: it has to be kept, too.
const CONFIG_BYTES_MAX: usize = 512 << 10;

/// Whoever is managed.
pub(crate) struct Manager {
    config: Config,
    cx: BuildContext,
    control: Control,
    dialler: Dialler,
    status: Status,
    keeper: Keeper,
    kept: Kept,
    agent: Agent,
    access: Access,
    /// Settings of the connection that the server wants, and how often they were tried.
    candidate: Option<(Access, Vec<u8>, u32)>,
    change: Change,
    /// Where the host takes other versions of the collector.
    packages: Option<Packages>,
    /// Whether this process ends for another version.
    leaving: bool,
    started: SystemTime,
    figures: Instant,
    /// Of the configuration that was told last.
    effective: String,
}

/// Why a configuration has failed of which nobody knows whether it would have run well.
const INTERRUPTED: &str = "the collector started again before this had run well for long enough";

/// Whether there was an extension before in this process, which a reload has replaced.
static BEFORE: AtomicBool = AtomicBool::new(false);

/// How a session ended.
enum End {
    Stop,
    /// With settings that the server gave.
    Again,
    Lost(Lost),
}

impl Manager {
    pub(crate) async fn new(
        config: Config,
        cx: BuildContext,
        control: Control,
        dialler: Dialler,
        status: Status,
    ) -> Result<Self, String> {
        let state = cx.extensions.state_directory().map(ToOwned::to_owned);
        let (keeper, mut kept, damage) = Keeper::open(state.as_deref(), &cx.id.to_string()).await?;
        if let Some(error) = damage {
            cx.telemetry
                .log
                .warn("What was kept cannot be read; this collector introduces itself anew", &[("error", Field::Str(&error))]);
        }
        let replaced = BEFORE.swap(true, Ordering::Relaxed);
        if let Some(outcome) = kept.remote.as_mut().filter(|outcome| outcome.status == ConfigStatus::Applying as i32) {
            // Nobody watches any more how that fares, and left as it is the server would wait for ever. Whoever was only replaced by what was
            // applied is given it again; given again after a new start, it might end this collector again.
            *outcome = match replaced {
                true => Outcome::new(&[], ConfigStatus::Unset, ""),
                false => Outcome::new(&outcome.hash, ConfigStatus::Failed, INTERRUPTED),
            };
        }
        let uid = config.instance_uid.parse().ok().or(kept.uid()).unwrap_or_else(new_uid);
        kept.uid = Some(uid.to_string());
        let packages = Packages::new(&config, &cx)?;
        let mut agent = Agent::new(uid, capabilities(&config, packages.is_some()));
        let attributes = &config.agent_description.non_identifying_attributes;
        agent.now.description = Some(crate::describe::description(&cx.build, state.as_deref(), attributes));
        agent.now.remote = kept.remote.as_ref().map(remote_status);
        agent.now.settings = kept.settings.as_ref().map(settings_status);
        let access = Access::known(&config, &kept)?;
        let change = Change::new(control.clone(), cx.id.clone(), config.warren.apply_grace);
        let (started, figures) = (SystemTime::now(), Instant::now());
        let mut manager = Self {
            config,
            cx,
            control,
            dialler,
            status,
            keeper,
            kept,
            agent,
            access,
            candidate: None,
            change,
            packages,
            leaving: false,
            started,
            figures,
            effective: String::new(),
        };
        manager.look_at_packages();
        manager.keep().await;
        Ok(manager)
    }

    /// Is managed until the stop.
    pub(crate) async fn run(&mut self, stop: &Stop) {
        if self.packages.is_some() {
            // A version that does not get to the server is not one that should stay.
            self.status.tell(Health::Starting);
        }
        self.resume().await;
        let mut backoff = Backoff::default();
        loop {
            let asked = match self.connect(stop, &mut backoff).await {
                End::Stop => return,
                End::Again => continue,
                End::Lost(lost) => {
                    self.log().warn("No connection to the OpAMP server", &[("error", Field::Str(&lost.reason))]);
                    self.status.tell(Health::Recoverable(lost.reason.clone()));
                    self.rethink(&lost);
                    lost.retry_after
                }
            };
            let until = Instant::now() + backoff.next(asked);
            loop {
                tokio::select! {
                    () = stop.requested() => return,
                    () = sleep_until(until) => break,
                    event = self.change.next() => self.happened(event).await,
                    done = next_of(&mut self.packages) => self.obtained(done).await,
                }
            }
        }
    }

    /// Runs the last configuration that did well, unless it runs already.
    async fn resume(&mut self) {
        let Some(good) = self.kept.good.clone().filter(|_| self.config.warren.accepts_remote_config) else { return };
        let Ok(status) = self.control.status().await else { return };
        if status.hash != good.meaning {
            self.log().info("Applying the last configuration from the server", &[]);
            if let Err(refused) = self.control.apply(Some(good.text)).await {
                self.log().error("The last configuration from the server is refused", &[("error", Field::Str(&refused.summary))]);
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connect(&mut self, stop: &Stop, backoff: &mut Backoff) -> End {
        let access = self.candidate.as_ref().map_or_else(|| self.access.clone(), |(access, ..)| access.clone());
        let uid = self.agent.uid.to_string();
        let mut link = tokio::select! {
            () = stop.requested() => return End::Stop,
            link = self.dialler.connect(&access, &uid) => match link {
                Ok(link) => link,
                Err(lost) => return End::Lost(lost),
            },
        };
        self.look().await;
        let mut greeted = false;
        let mut heartbeat = Instant::now();
        let mut look = Instant::now() + LOOK;
        loop {
            if self.agent.has_news() || Instant::now() >= heartbeat {
                let message = self.agent.message();
                if let Err(lost) = link.send(&message).await {
                    // What was not sent is told on the next connection.
                    self.agent.forget();
                    return End::Lost(lost);
                }
                let every = if greeted { self.access.heartbeat } else { access.heartbeat };
                heartbeat = Instant::now() + every.max(Duration::from_secs(1));
            }
            tokio::select! {
                () = stop.requested() => {
                    // Whoever makes room for another version comes back, and is waited for.
                    if !self.leaving {
                        let farewell = self.agent.farewell();
                        let _ = link.send(&farewell).await;
                    }
                    link.close().await;
                    return End::Stop;
                }
                message = link.receive() => match message {
                    Err(lost) => return End::Lost(lost),
                    Ok(message) => {
                        if !greeted {
                            greeted = true;
                            backoff.reset();
                            self.greeted(&access).await;
                        }
                        if let Some(end) = self.take(message).await {
                            link.close().await;
                            return end;
                        }
                    }
                },
                event = self.change.next() => {
                    self.happened(event).await;
                    self.look().await;
                }
                done = next_of(&mut self.packages) => self.obtained(done).await,
                () = sleep_until(look) => {
                    look = Instant::now() + LOOK;
                    self.look().await;
                }
                () = sleep_until(heartbeat) => {}
            }
        }
    }

    /// The server has answered: it knows us.
    async fn greeted(&mut self, access: &Access) {
        self.status.tell(Health::Ok);
        self.log().info("Connected to the OpAMP server", &[("endpoint", Field::Str(&access.endpoint))]);
        let Some((access, hash, _)) = self.candidate.take() else { return };
        self.kept.credential = access.credential();
        let configured = crate::access::connection(&self.config).map(|connection| connection.endpoint.clone());
        self.kept.moved = configured.filter(|from| *from != access.endpoint).map(|from| (from, access.endpoint.clone()));
        self.keeps_time(&access);
        self.access = access;
        self.settle(Outcome::new(&hash, ConfigStatus::Applied, "")).await;
    }

    /// Another time between signs of life than there was is the server's wish, also after a restart.
    fn keeps_time(&mut self, access: &Access) {
        if access.heartbeat != self.access.heartbeat {
            self.kept.heartbeat = Some(access.heartbeat.as_secs());
        }
    }

    /// What became of settings of the connection.
    async fn settle(&mut self, outcome: Outcome) {
        self.agent.now.settings = Some(settings_status(&outcome));
        self.kept.settings = Some(outcome);
        self.keep().await;
    }

    /// After a failure: settings that were only tried may have to be given up, and a credential that is not taken any more.
    fn rethink(&mut self, lost: &Lost) {
        if let Some((_, hash, trials)) = &mut self.candidate {
            *trials += 1;
            if *trials >= TRIALS {
                let outcome = Outcome::new(hash, ConfigStatus::Failed, format!("no connection with them: {}", lost.reason));
                self.agent.now.settings = Some(settings_status(&outcome));
                self.kept.settings = Some(outcome);
                self.candidate = None;
            }
        } else if lost.unauthorized {
            // With the token if there is one, and then with the credential again: either may have become good.
            let with_token = Access::new(&self.config, None).ok().filter(|access| access.credential().is_some());
            let with_credential = Access::known(&self.config, &self.kept).ok();
            let token_next = self.kept.credential.is_some() && Some(&self.access) == with_credential.as_ref();
            if let Some(next) = if token_next { with_token } else { with_credential } {
                self.access = next;
            }
        }
    }

    /// What the server says; what ends the connection, if it does.
    async fn take(&mut self, message: ServerToAgent) -> Option<End> {
        if let Some(error) = message.error_response {
            let said: String = error.error_message.chars().take(ERROR_CHARS_MAX).collect();
            let lost = Lost {
                retry_after: error.retry_info.map(|retry| Duration::from_nanos(retry.retry_after_nanoseconds)),
                ..Lost::because(format!("the server refused a message: {said}"))
            };
            if error.kind == ServerErrorResponseType::Unavailable as i32 {
                return Some(End::Lost(lost));
            }
            self.log().error("The OpAMP server refused a message", &[("error", Field::Str(&said))]);
            return None;
        }
        if message.command.is_some() {
            self.log().warn("The OpAMP server sent a command that this collector does not take", &[]);
            return None;
        }
        if message.flags & server_flag::REPORT_FULL_STATE != 0 {
            self.agent.forget();
        }
        if let Some(identity) = message.agent_identification
            && let Ok(uid) = InstanceUid::from_wire(&identity.new_instance_uid)
            && uid != self.agent.uid
        {
            self.log().info("The OpAMP server gave another identity", &[("instance_uid", Field::Display(&uid))]);
            self.agent.uid = uid;
            self.agent.forget();
            self.kept.uid = Some(uid.to_string());
            self.keep().await;
        }
        if let Some(config) = message.remote_config {
            self.offered(config).await;
        }
        if let Some(offer) = message.packages_available {
            self.offered_packages(&offer).await;
        }
        match message.connection_settings {
            Some(settings) => self.settings(settings).await,
            None => None,
        }
    }

    /// The server wants another connection.
    async fn settings(&mut self, offers: ConnectionSettingsOffers) -> Option<End> {
        let known = self.kept.settings.as_ref().is_some_and(|outcome| !offers.hash.is_empty() && outcome.hash == offers.hash);
        let offer = offers.opamp.filter(|_| !known)?;
        match self.access.offered(&offer) {
            Ok(access) if access == self.access => {
                self.settle(Outcome::new(&offers.hash, ConfigStatus::Applied, "")).await;
                None
            }
            Ok(access) if (&access.endpoint, &access.headers) == (&self.access.endpoint, &self.access.headers) => {
                self.keeps_time(&access);
                self.access.heartbeat = access.heartbeat;
                self.settle(Outcome::new(&offers.hash, ConfigStatus::Applied, "")).await;
                None
            }
            Ok(access) => {
                self.candidate = Some((access, offers.hash, 0));
                Some(End::Again)
            }
            Err(reason) => {
                self.settle(Outcome::new(&offers.hash, ConfigStatus::Failed, reason)).await;
                None
            }
        }
    }

    /// The server wants another configuration. The same again, whatever became of it, is none.
    async fn offered(&mut self, config: AgentRemoteConfig) {
        let hash = config.config_hash;
        let known = self.kept.remote.as_ref().is_some_and(|outcome| outcome.hash == hash);
        if known || !self.config.warren.accepts_remote_config {
            return;
        }
        self.kept.remote = Some(Outcome::new(&hash, ConfigStatus::Applying, ""));
        self.agent.now.remote = self.kept.remote.as_ref().map(remote_status);
        // Before anything can end this collector.
        self.keep().await;
        match text_of(config.config.unwrap_or_default()) {
            Ok(text) => {
                let before = self.kept.good.as_ref().map(|good| good.text.clone());
                self.change.offer(Offer { hash, text, before });
            }
            Err(reason) => self.concluded(&hash, ConfigStatus::Failed, &reason).await,
        }
    }

    async fn happened(&mut self, event: Event) {
        match event {
            Event::Began(_) => {}
            Event::Applied(offer, meaning) => {
                self.kept.good = Some(Good { hash: offer.hash.clone(), text: offer.text, meaning });
                self.concluded(&offer.hash, ConfigStatus::Applied, "").await;
            }
            Event::Failed(hash, reason) => {
                if self.kept.good.as_ref().is_some_and(|good| good.hash == hash) {
                    self.kept.good = None;
                }
                self.concluded(&hash, ConfigStatus::Failed, &reason).await;
            }
        }
    }

    /// What became of a configuration; of one that another has taken the place of nobody wants to know.
    async fn concluded(&mut self, hash: &[u8], status: ConfigStatus, reason: &str) {
        let newer = self.kept.remote.as_ref().filter(|outcome| outcome.status == ConfigStatus::Applying as i32);
        if newer.is_some_and(|outcome| outcome.hash != hash) {
            return self.keep().await;
        }
        match status {
            ConfigStatus::Failed => {
                self.log().error("The configuration from the OpAMP server is not run", &[("error", Field::Str(reason))]);
            }
            _ => self.log().info("The configuration from the OpAMP server runs", &[]),
        }
        self.kept.remote = Some(Outcome::new(hash, status, reason));
        self.agent.now.remote = self.kept.remote.as_ref().map(remote_status);
        self.keep().await;
    }

    /// Looks at how everything fares, and at what runs.
    async fn look(&mut self) {
        if self.look_at_packages() {
            self.keep().await;
        }
        let Ok(mut status) = self.control.status().await else { return };
        // How it stands with the connection shows in that this arrives.
        status.components.retain(|(name, _)| name.kind != "extension" || name.id != self.cx.id);
        if self.config.capabilities.reports_health {
            let before = self.agent.now.health.as_ref();
            let health = health::health(&status, &self.cx.telemetry.registry, self.started, before);
            let stale = self.figures.elapsed() >= FIGURES;
            if stale || before.is_none_or(|before| health::differ(&health, before)) {
                self.figures = Instant::now();
                self.agent.now.health = Some(health);
            }
        }
        if self.config.capabilities.reports_effective_config && self.effective != status.hash {
            let Ok(text) = self.control.effective().await else { return };
            let config_map = Some(AgentConfigMap::of_json(text.into_bytes()));
            self.agent.now.effective = Some(EffectiveConfig { config_map });
            self.effective = status.hash;
        }
    }

    async fn keep(&mut self) {
        if let Err(error) = self.keeper.keep(&self.kept).await {
            self.log().warn("What must survive a restart cannot be kept", &[("error", Field::Str(&error))]);
        }
    }

    fn log(&self) -> &Logger {
        &self.cx.telemetry.log
    }
}

/// The end of what is done for another version, if one is sought.
async fn next_of(packages: &mut Option<Packages>) -> Result<(), String> {
    match packages {
        Some(packages) => packages.next().await,
        None => std::future::pending().await,
    }
}

/// What this collector can do.
fn capabilities(config: &Config, packages: bool) -> u64 {
    let mut bits = can::REPORTS_STATUS
        | can::REPORTS_HEARTBEAT
        | can::ACCEPTS_OPAMP_CONNECTION_SETTINGS
        | can::REPORTS_CONNECTION_SETTINGS_STATUS;
    if config.warren.accepts_remote_config {
        bits |= can::ACCEPTS_REMOTE_CONFIG | can::REPORTS_REMOTE_CONFIG;
    }
    if packages {
        bits |= can::ACCEPTS_PACKAGES | can::REPORTS_PACKAGE_STATUSES;
    }
    if config.capabilities.reports_effective_config {
        bits |= can::REPORTS_EFFECTIVE_CONFIG;
    }
    if config.capabilities.reports_health {
        bits |= can::REPORTS_HEALTH;
    }
    bits
}

/// The text of a configuration that was given.
fn text_of(config: AgentConfigMap) -> Result<String, String> {
    let mut files = config.config_map.into_iter();
    let (Some((_, file)), None) = (files.next(), files.next()) else {
        return Err("the configuration must be one file".to_owned());
    };
    if file.body.len() > CONFIG_BYTES_MAX {
        return Err(format!("the configuration has {} bytes; {CONFIG_BYTES_MAX} are taken at most", file.body.len()));
    }
    String::from_utf8(file.body).map_err(|_| "the configuration is not UTF-8".to_owned())
}

fn remote_status(outcome: &Outcome) -> RemoteConfigStatus {
    RemoteConfigStatus {
        last_remote_config_hash: outcome.hash.clone(),
        status: outcome.status,
        error_message: outcome.error.clone(),
    }
}

fn settings_status(outcome: &Outcome) -> ConnectionSettingsStatus {
    ConnectionSettingsStatus {
        last_connection_settings_hash: outcome.hash.clone(),
        status: outcome.status,
        error_message: outcome.error.clone(),
    }
}

fn new_uid() -> InstanceUid {
    let mut random = [0; 10];
    // Without randomness the identity is one of this millisecond; the server gives another if it is taken.
    let _ = getrandom::fill(&mut random);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    InstanceUid::new(u64::try_from(now.as_millis()).unwrap_or(0), random)
}
