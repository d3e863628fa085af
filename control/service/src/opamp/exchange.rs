//! One message of a collector, and the answer to it.

use super::admission::retry_after;
use super::keeper::Report;
use super::principal::{By, Principal};
use super::status;
use crate::app::{App, hex, now, unhex};
use crate::desired::revealed;
use crate::hub::Changed;
use crate::packages::{Choice, choice};
use std::sync::Arc;
use tokio::sync::Notify;
use warren_opamp::capability::{agent as can, agent_flag, server, server_flag};
use warren_opamp::{
    AgentConfigMap, AgentIdentification, AgentRemoteConfig, AgentToServer, ConnectionSettingsOffers, Hash, Header, Headers,
    InstanceUid, OpAmpConnectionSettings, RetryInfo, ServerErrorResponse, ServerErrorResponseType, ServerToAgent,
};
use warren_store::{Actor, Client, Entry, StoreError, new_token};
use warren_telemetry::Field;

/// What this server can do.
const CAPABILITIES: u64 = server::ACCEPTS_STATUS
    | server::OFFERS_REMOTE_CONFIG
    | server::ACCEPTS_EFFECTIVE_CONFIG
    | server::OFFERS_PACKAGES
    | server::ACCEPTS_PACKAGES_STATUS
    | server::OFFERS_CONNECTION_SETTINGS;

/// The exchange with one collector, over one connection if it has one.
pub(super) struct Exchange {
    app: App,
    principal: Principal,
    connection: Option<(u64, Arc<Notify>)>,
    pub(super) uid: Option<InstanceUid>,
    /// The first answer says what the server can do; a credential is given once.
    greeted: bool,
    settled: bool,
    given: bool,
    /// It is written down that it came with the identity of another.
    told: bool,
    /// It is still to be asked for everything it knows.
    owes: bool,
    /// The last configuration that was sent on this connection.
    sent: String,
    /// The last packages that were offered on this connection.
    sent_packages: Vec<u8>,
}

/// Why a message could not be answered.
pub(super) type Failed = Arc<StoreError>;

impl Exchange {
    pub(super) fn new(app: App, principal: Principal, connection: Option<(u64, Arc<Notify>)>) -> Self {
        let settled = matches!(principal.by, By::Credential { used: true, .. });
        Self {
            app,
            principal,
            connection,
            uid: None,
            greeted: false,
            settled,
            given: false,
            told: false,
            owes: false,
            sent: String::new(),
            sent_packages: Vec::new(),
        }
    }

    /// The answer to a message.
    ///
    /// # Errors
    /// When the store does not answer: nothing that the message says is kept.
    pub(super) async fn answer(&mut self, message: AgentToServer) -> Result<ServerToAgent, Failed> {
        self.app.figures.messages.add(1);
        let Ok(uid) = self.identity(&message) else {
            self.app.figures.refused.add(1);
            return Ok(refused(&message, "an instance uid has 16 bytes, or is a ULID of 26 characters"));
        };
        if let Some(why) = status::too_much(&message) {
            self.app.figures.refused.add(1);
            return Ok(refused(&message, why));
        }
        let mut answer = ServerToAgent { instance_uid: message.instance_uid.clone(), ..ServerToAgent::default() };
        let first = !self.greeted;
        if first {
            self.greeted = true;
            answer.capabilities = CAPABILITIES;
        }
        let known = self.known(&uid.to_string(), first).await?;
        if known.as_ref().is_some_and(|client| client.server != self.principal.server) {
            return self.stranger(answer, &uid).await;
        }
        if uid.as_bytes().as_slice() != message.instance_uid.as_slice() {
            answer.agent_identification = Some(AgentIdentification { new_instance_uid: uid.as_bytes().to_vec() });
        }
        self.uid = Some(uid);
        let before = known.unwrap_or_default();
        let mut client = Client { uid: uid.to_string(), server: self.principal.server.clone(), ..before.clone() };
        client.credential = self.principal.credential().to_owned();
        let effective = status::merge(&mut client, &message);
        client.sequence = message.sequence_num;
        client.seen = now();
        if self.lacks_something(&before, &mut client, &message) {
            answer.flags |= server_flag::REPORT_FULL_STATE;
        }
        let credential = self.keep(&before, &client, effective).await?;
        if client.stopped {
            return Ok(answer);
        }
        if let Some(token) = credential {
            answer.connection_settings = Some(self.enrolled(&token));
        } else if first && let Some(settings) = self.beats_otherwise(&client) {
            answer.connection_settings = Some(settings);
        }
        self.offer(&client, &mut answer).await?;
        // A sign of life is no reason to look what else there might be: whoever decides wakes the connection.
        if first || self.connection.is_none() || message.package_statuses.is_some() {
            self.offer_packages(&client, &mut answer).await?;
        }
        Ok(answer)
    }

    /// What is known of a collector. With its connection it may have come from another node, which knows more than this one.
    async fn known(&self, uid: &str, first: bool) -> Result<Option<Client>, Failed> {
        let here = self.app.hub.client(uid);
        if here.is_some() && !(first && self.app.store.is_shared()) {
            return Ok(here);
        }
        let kept = self.app.store.client(uid).await?;
        Ok(kept.map(|kept| match here {
            // That it was heard of is written down later than the rest.
            Some(here) if here.seen >= kept.seen => Client { sequence: here.sequence, seen: here.seen, ..kept },
            _ => kept,
        }))
    }

    /// Whether the collector is to tell everything it knows: something is missing, and there is room for what it would tell. Without room it is asked
    /// with one of its next messages.
    fn lacks_something(&mut self, before: &Client, client: &mut Client, message: &AgentToServer) -> bool {
        let gap = before.sequence.wrapping_add(1) != message.sequence_num;
        self.owes = lacks(message) && (self.owes || gap || client.description.is_null());
        if self.owes && self.app.admission.has_room() {
            self.owes = false;
            return true;
        }
        if self.owes && self.connection.is_none() {
            // The next request is not of this exchange, and is to find the gap again.
            client.sequence = before.sequence;
        }
        false
    }

    /// What there is to say without having been asked, if anything.
    pub(super) async fn news(&mut self) -> Result<Option<ServerToAgent>, Failed> {
        let Some(client) = self.uid.and_then(|uid| self.app.hub.client(&uid.to_string())) else { return Ok(None) };
        let instance_uid = self.uid.map(|uid| uid.as_bytes().to_vec()).unwrap_or_default();
        let mut message = ServerToAgent { instance_uid, ..ServerToAgent::default() };
        self.offer(&client, &mut message).await?;
        self.offer_packages(&client, &mut message).await?;
        Ok((message.remote_config.is_some() || message.packages_available.is_some()).then_some(message))
    }

    /// Whether what was shown is still good.
    pub(super) async fn is_welcome(&self) -> Result<bool, Failed> {
        match &self.principal.by {
            By::Credential { id, .. } | By::Enrolment { id } => Ok(self.app.store.is_good(id).await?),
            By::Certificate { .. } => Ok(self.app.store.is_server(&self.principal.server).await?),
        }
    }

    fn identity(&self, message: &AgentToServer) -> Result<InstanceUid, warren_opamp::BadUid> {
        if message.flags & agent_flag::REQUEST_INSTANCE_UID != 0 {
            return Ok(self.uid.unwrap_or_else(new_uid));
        }
        InstanceUid::from_wire(&message.instance_uid)
    }

    /// Somebody with the identity of another server's collector, such as a machine that was copied: it gets an identity of its own, and the
    /// other's state is left alone.
    async fn stranger(&mut self, mut answer: ServerToAgent, uid: &InstanceUid) -> Result<ServerToAgent, Failed> {
        let fresh = new_uid();
        if !self.told {
            let detail = serde_json::json!({"uid": uid.to_string(), "given": fresh.to_string()});
            let entry = Entry::new("", "collector.duplicate", format!("servers/{}", self.principal.server), detail);
            self.app.store.begin().await?.commit(&self.actor(), &[entry]).await?;
            self.told = true;
        }
        answer.agent_identification = Some(AgentIdentification { new_instance_uid: fresh.as_bytes().to_vec() });
        answer.flags |= server_flag::REPORT_FULL_STATE;
        Ok(answer)
    }

    /// Keeps what has changed, and gives a credential if the collector is to have one. That it was heard of, and its figures, are written down now and
    /// then.
    async fn keep(&mut self, before: &Client, client: &Client, effective: Option<String>) -> Result<Option<String>, Failed> {
        let told = (&before.config_hash, &before.config_status) != (&client.config_hash, &client.config_status);
        // A credential that is used for the first time takes the place of what was there before it.
        let settles = match &self.principal.by {
            By::Credential { id, .. } if !self.settled && !client.stopped => Some(id.clone()),
            _ => None,
        };
        let able = client.capabilities & can::ACCEPTS_OPAMP_CONNECTION_SETTINGS != 0 && !client.stopped;
        let enrols = matches!(self.principal.by, By::Enrolment { .. }) && !self.given && able;
        let credential = if enrols { Some(new_token("wrc_")?) } else { None };
        let changed = changed(before, client);
        let report = Report {
            news: changed == Changed::Written,
            effective,
            failed: told && client.config_status == "failed",
            credential: credential.clone(),
            settles,
            client: client.clone(),
        };
        let settles = report.settles.is_some();
        // Told again, it is written down again: it must not be lost if the rest cannot be.
        self.package_told(before, client).await?;
        if report.news || settles || enrols {
            let written = self.app.keeper.keep(report).await?;
            if written.failed {
                self.app.figures.failed.add(1);
                let fields = [("server", Field::Str(&client.server)), ("error", Field::Str(&client.config_error))];
                self.app.log.warn("A server does not run its configuration", &fields);
            }
        }
        if told && client.config_status == "applied" {
            self.app.figures.applied.add(1);
        }
        self.app.hub.heard(client, changed, self.connection.clone());
        self.given |= enrols;
        if settles {
            self.settled = true;
            // Those that came with one of the former find out that it is not good any more.
            self.app.hub.wake(&client.server);
        }
        Ok(credential)
    }

    /// Settings of the connection for whoever came with an enrolment token: a credential of its own.
    fn enrolled(&self, token: &str) -> ConnectionSettingsOffers {
        let header = Header { key: "Authorization".to_owned(), value: format!("Bearer {token}") };
        ConnectionSettingsOffers {
            hash: Hash::default().with(header.value.as_bytes()).finish(),
            opamp: Some(OpAmpConnectionSettings {
                headers: Some(Headers { headers: vec![header] }),
                heartbeat_interval_seconds: self.app.bounds.heartbeat,
                ..OpAmpConnectionSettings::default()
            }),
            ..ConnectionSettingsOffers::default()
        }
    }

    /// Settings of the connection for whoever was not told the time between signs of life that holds now.
    fn beats_otherwise(&self, client: &Client) -> Option<ConnectionSettingsOffers> {
        let able = can::ACCEPTS_OPAMP_CONNECTION_SETTINGS | can::REPORTS_CONNECTION_SETTINGS_STATUS;
        let enrolling = matches!(self.principal.by, By::Enrolment { .. });
        let seconds = self.app.bounds.heartbeat;
        let hash = Hash::default().with(b"heartbeat").with(&seconds.to_be_bytes()).finish();
        if enrolling || client.capabilities & able != able || client.settings_hash == hex(&hash) {
            return None;
        }
        let opamp = Some(OpAmpConnectionSettings { heartbeat_interval_seconds: seconds, ..OpAmpConnectionSettings::default() });
        Some(ConnectionSettingsOffers { hash, opamp, ..ConnectionSettingsOffers::default() })
    }

    /// What the server is to run, if the collector does not have it yet and has not failed with it.
    async fn offer(&mut self, client: &Client, answer: &mut ServerToAgent) -> Result<(), Failed> {
        let enrolling = matches!(self.principal.by, By::Enrolment { .. }) && self.given;
        if client.capabilities & can::ACCEPTS_REMOTE_CONFIG == 0 || enrolling {
            return Ok(());
        }
        if self.app.ramp.is_waiting(&client.server) {
            return Ok(());
        }
        let hash = self.app.store.desired_hash(&client.server).await?;
        if hash.is_none_or(|hash| hash == client.config_hash || hash == self.sent) {
            return Ok(());
        }
        let Some(desired) = self.app.store.desired(&client.server).await? else { return Ok(()) };
        if self.app.store.failures(&client.server).await?.iter().any(|failure| failure.hash == desired.hash) {
            return Ok(());
        }
        let (server, Some(config_hash)) = (self.app.store.server(&client.server).await?.body, unhex(&desired.hash)) else {
            return Ok(());
        };
        match revealed(&self.app, &server, &desired.body).await {
            Ok(text) => {
                self.app.figures.offers.add(1);
                self.sent = desired.hash;
                let config = Some(AgentConfigMap::of_json(text.into_bytes()));
                answer.remote_config = Some(AgentRemoteConfig { config, config_hash });
            }
            Err(problem) => {
                let fields = [("server", Field::Str(&client.server)), ("error", Field::Str(&problem.detail))];
                self.app.log.error("A configuration cannot be sent", &fields);
            }
        }
        Ok(())
    }

    /// The version that the collector is to be, if it does not know of it yet and has not failed with it.
    async fn offer_packages(&mut self, client: &Client, answer: &mut ServerToAgent) -> Result<(), Failed> {
        let enrolling = matches!(self.principal.by, By::Enrolment { .. });
        if client.capabilities & can::ACCEPTS_PACKAGES == 0 || enrolling {
            return Ok(());
        }
        let offer = choice(&self.app, client).await?.offer(client, &self.principal.base);
        answer.packages_available = offer.filter(|offer| offer.all_packages_hash != self.sent_packages);
        if let Some(offer) = &answer.packages_available {
            self.app.figures.package_offers.add(1);
            self.sent_packages.clone_from(&offer.all_packages_hash);
        }
        Ok(())
    }

    /// Writes down what became of a version. What it was never given it cannot have failed with.
    async fn package_told(&self, before: &Client, client: &Client) -> Result<(), Failed> {
        let news = (&before.package.offered, &before.package.status) != (&client.package.offered, &client.package.status);
        if !news || !matches!(client.package.status.as_str(), "installed" | "failed") {
            return Ok(());
        }
        let Choice::Package(chosen) = choice(&self.app, client).await? else { return Ok(()) };
        if chosen.name != client.package.offered {
            return Ok(());
        }
        let (resource, error) = (format!("servers/{}/package", client.server), &client.package.error);
        let mut detail = serde_json::json!({"version": chosen.package.version, "sha256": chosen.package.sha256});
        let mut change = self.app.store.begin().await?;
        if client.package.status == "installed" {
            self.app.figures.packages_installed.add(1);
            change.commit(&self.actor(), &[Entry::new("", "package.installed", resource, detail)]).await?;
            return Ok(());
        }
        if !change.add_package_failure(&client.server, &chosen.identity, chosen.attempt, error).await? {
            return Ok(());
        }
        detail["error"] = serde_json::json!(error);
        change.commit(&self.actor(), &[Entry::new("", "package.failed", resource, detail)]).await?;
        self.app.figures.packages_failed.add(1);
        let fields = [("server", Field::Str(&client.server)), ("error", Field::Str(error))];
        self.app.log.warn("A server does not run the version of the collector that it was given", &fields);
        Ok(())
    }

    fn actor(&self) -> Actor {
        Actor { name: format!("collector:{}", self.principal.server), address: String::new() }
    }
}

/// What has changed of what is known of a collector.
fn changed(before: &Client, client: &Client) -> Changed {
    let health = client.health.clone();
    let same = Client { sequence: client.sequence, seen: client.seen, health, ..before.clone() } == *client;
    match same {
        true if before.health == client.health => Changed::Nothing,
        true if status::alike(&before.health, &client.health) => Changed::Figures,
        _ => Changed::Written,
    }
}

/// Whether a message lacks what the collector could tell.
fn lacks(message: &AgentToServer) -> bool {
    let can = |bit: u64| message.capabilities & bit != 0;
    message.agent_description.is_none()
        || can(can::REPORTS_HEALTH) && message.health.is_none()
        || can(can::REPORTS_EFFECTIVE_CONFIG) && message.effective_config.is_none()
        || can(can::REPORTS_PACKAGE_STATUSES) && message.package_statuses.is_none()
}

/// The answer to a message that is none.
pub(super) fn refused(message: &AgentToServer, why: &str) -> ServerToAgent {
    let error =
        ServerErrorResponse { kind: ServerErrorResponseType::BadRequest as i32, error_message: why.to_owned(), retry_info: None };
    ServerToAgent { instance_uid: message.instance_uid.clone(), error_response: Some(error), ..ServerToAgent::default() }
}

/// The answer when there is no time for one.
pub(super) fn unavailable(uid: Option<InstanceUid>) -> ServerToAgent {
    let wait = u64::try_from(retry_after().as_nanos()).unwrap_or(u64::MAX);
    let retry_info = Some(RetryInfo { retry_after_nanoseconds: wait });
    let error = ServerErrorResponse {
        kind: ServerErrorResponseType::Unavailable as i32,
        error_message: "the control plane cannot serve this collector now".to_owned(),
        retry_info,
    };
    let instance_uid = uid.map(|uid| uid.as_bytes().to_vec()).unwrap_or_default();
    ServerToAgent { instance_uid, error_response: Some(error), ..ServerToAgent::default() }
}

fn new_uid() -> InstanceUid {
    let mut random = [0; 10];
    // Without randomness the identity is one of this millisecond.
    let _ = getrandom::fill(&mut random);
    InstanceUid::new(u64::try_from(now()).unwrap_or(0), random)
}

#[cfg(test)]
mod packages_tests;
#[cfg(test)]
mod tests;
