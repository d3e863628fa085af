//! One message of a collector, and the answer to it.

use super::principal::{By, Principal};
use super::{RETRY_SECONDS, status};
use crate::app::{App, now, unhex};
use crate::desired::revealed;
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
const CAPABILITIES: u64 =
    server::ACCEPTS_STATUS | server::OFFERS_REMOTE_CONFIG | server::ACCEPTS_EFFECTIVE_CONFIG | server::OFFERS_CONNECTION_SETTINGS;

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
    /// The last configuration that was sent on this connection.
    sent: String,
}

impl Exchange {
    pub(super) fn new(app: App, principal: Principal, connection: Option<(u64, Arc<Notify>)>) -> Self {
        let settled = matches!(principal.by, By::Credential { used: true, .. });
        Self { app, principal, connection, uid: None, greeted: false, settled, given: false, told: false, sent: String::new() }
    }

    /// The answer to a message.
    ///
    /// # Errors
    /// When the store does not answer: nothing that the message says is kept.
    pub(super) async fn answer(&mut self, message: AgentToServer) -> Result<ServerToAgent, StoreError> {
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
        if !self.greeted || self.connection.is_none() {
            self.greeted = true;
            answer.capabilities = CAPABILITIES;
        }
        let known = match self.app.hub.client(&uid.to_string()) {
            Some(client) => Some(client),
            None => self.app.store.client(&uid.to_string()).await?,
        };
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
        let gap = before.sequence.wrapping_add(1) != message.sequence_num;
        if gap && lacks(&message) || client.description.is_null() {
            answer.flags |= server_flag::REPORT_FULL_STATE;
        }
        client.sequence = message.sequence_num;
        client.seen = now();
        self.keep(&before, &client, effective.as_deref()).await?;
        self.app.hub.heard(&client, self.connection.clone());
        if client.stopped {
            return Ok(answer);
        }
        self.settle(&client).await?;
        self.enrol(&client, &mut answer).await?;
        self.offer(&client, &mut answer).await?;
        Ok(answer)
    }

    /// What there is to say without having been asked, if anything.
    pub(super) async fn news(&mut self) -> Result<Option<ServerToAgent>, StoreError> {
        let Some(client) = self.uid.and_then(|uid| self.app.hub.client(&uid.to_string())) else { return Ok(None) };
        let instance_uid = self.uid.map(|uid| uid.as_bytes().to_vec()).unwrap_or_default();
        let mut message = ServerToAgent { instance_uid, ..ServerToAgent::default() };
        self.offer(&client, &mut message).await?;
        Ok(message.remote_config.is_some().then_some(message))
    }

    /// Whether what was shown is still good.
    pub(super) async fn is_welcome(&self) -> Result<bool, StoreError> {
        self.app.store.is_good(self.principal.credential()).await
    }

    fn identity(&self, message: &AgentToServer) -> Result<InstanceUid, warren_opamp::BadUid> {
        if message.flags & agent_flag::REQUEST_INSTANCE_UID != 0 {
            return Ok(self.uid.unwrap_or_else(new_uid));
        }
        InstanceUid::from_wire(&message.instance_uid)
    }

    /// Somebody with the identity of another server's collector, such as a machine that was copied: it gets an identity of its own, and the
    /// other's state is left alone.
    async fn stranger(&mut self, mut answer: ServerToAgent, uid: &InstanceUid) -> Result<ServerToAgent, StoreError> {
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

    /// Keeps what has changed; that a collector was heard of is written down now and then.
    async fn keep(&self, before: &Client, client: &Client, effective: Option<&str>) -> Result<(), StoreError> {
        let same = Client { sequence: client.sequence, seen: client.seen, ..before.clone() } == *client;
        if same && effective.is_none() {
            return Ok(());
        }
        let mut change = self.app.store.begin().await?;
        change.put_client(client, effective).await?;
        let told = (&before.config_hash, &before.config_status) != (&client.config_hash, &client.config_status);
        let mut entries = Vec::new();
        // What it was never given it cannot have failed with, and what it has failed with it is not given again.
        let failed = told && client.config_status == "failed";
        if failed && change.add_failure(&client.server, &client.config_hash, &client.config_error).await? {
            self.app.figures.failed.add(1);
            let detail = serde_json::json!({"hash": client.config_hash, "error": client.config_error});
            entries.push(Entry::new("", "config.failed", format!("servers/{}/config", client.server), detail));
            let fields = [("server", Field::Str(&client.server)), ("error", Field::Str(&client.config_error))];
            self.app.log.warn("A server does not run its configuration", &fields);
        }
        if told && client.config_status == "applied" {
            self.app.figures.applied.add(1);
        }
        change.commit(&self.actor(), &entries).await
    }

    /// A credential that is used for the first time takes the place of what was there before it.
    async fn settle(&mut self, client: &Client) -> Result<(), StoreError> {
        let By::Credential { id, .. } = &self.principal.by else { return Ok(()) };
        if self.settled {
            return Ok(());
        }
        let mut change = self.app.store.begin().await?;
        change.settle_credential(id, &client.server).await?;
        let detail = serde_json::json!({"credential": id, "uid": client.uid});
        let entry = Entry::new("", "server.enrolled", format!("servers/{}", client.server), detail);
        change.commit(&self.actor(), &[entry]).await?;
        self.settled = true;
        // Those that came with one of the former find out that it is not good any more.
        self.app.hub.wake(&client.server);
        Ok(())
    }

    /// Whoever came with an enrolment token gets a credential of its own.
    async fn enrol(&mut self, client: &Client, answer: &mut ServerToAgent) -> Result<(), StoreError> {
        let able = client.capabilities & can::ACCEPTS_OPAMP_CONNECTION_SETTINGS != 0;
        if !matches!(self.principal.by, By::Enrolment { .. }) || self.given || !able {
            return Ok(());
        }
        let token = new_token("wrc_")?;
        let mut change = self.app.store.begin().await?;
        change.add_credential(&token, &client.server).await?;
        change.commit(&self.actor(), &[]).await?;
        self.given = true;
        let header = Header { key: "Authorization".to_owned(), value: format!("Bearer {token}") };
        answer.connection_settings = Some(ConnectionSettingsOffers {
            hash: Hash::default().with(header.value.as_bytes()).finish(),
            opamp: Some(OpAmpConnectionSettings {
                headers: Some(Headers { headers: vec![header] }),
                heartbeat_interval_seconds: self.app.heartbeat,
                ..OpAmpConnectionSettings::default()
            }),
            ..ConnectionSettingsOffers::default()
        });
        Ok(())
    }

    /// What the server is to run, if the collector does not have it yet and has not failed with it.
    async fn offer(&mut self, client: &Client, answer: &mut ServerToAgent) -> Result<(), StoreError> {
        let enrolling = matches!(self.principal.by, By::Enrolment { .. }) && self.given;
        if client.capabilities & can::ACCEPTS_REMOTE_CONFIG == 0 || enrolling {
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

    fn actor(&self) -> Actor {
        Actor { name: format!("collector:{}", self.principal.server), address: String::new() }
    }
}

/// Whether a message lacks what the collector could tell.
fn lacks(message: &AgentToServer) -> bool {
    let can = |bit: u64| message.capabilities & bit != 0;
    message.agent_description.is_none()
        || can(can::REPORTS_HEALTH) && message.health.is_none()
        || can(can::REPORTS_EFFECTIVE_CONFIG) && message.effective_config.is_none()
}

/// The answer to a message that is none.
pub(super) fn refused(message: &AgentToServer, why: &str) -> ServerToAgent {
    let error =
        ServerErrorResponse { kind: ServerErrorResponseType::BadRequest as i32, error_message: why.to_owned(), retry_info: None };
    ServerToAgent { instance_uid: message.instance_uid.clone(), error_response: Some(error), ..ServerToAgent::default() }
}

/// The answer when there is no time for one.
pub(super) fn unavailable(uid: Option<InstanceUid>) -> ServerToAgent {
    let retry_info = Some(RetryInfo { retry_after_nanoseconds: RETRY_SECONDS * 1_000_000_000 });
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
mod tests;
