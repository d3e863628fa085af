//! What this collector has to tell, and what of it the server was told: messages carry what changed.

use warren_opamp::{
    AgentDescription, AgentDisconnect, AgentToServer, ComponentHealth, ConnectionSettingsStatus, EffectiveConfig, InstanceUid,
    PackageStatuses, RemoteConfigStatus,
};

/// Everything there is to tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    pub(crate) description: Option<AgentDescription>,
    pub(crate) health: Option<ComponentHealth>,
    pub(crate) effective: Option<EffectiveConfig>,
    pub(crate) remote: Option<RemoteConfigStatus>,
    pub(crate) settings: Option<ConnectionSettingsStatus>,
    pub(crate) packages: Option<PackageStatuses>,
}

/// What is told, message by message.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) uid: InstanceUid,
    pub(crate) now: Parts,
    told: Parts,
    capabilities: u64,
    sequence: u64,
}

impl Agent {
    pub(crate) fn new(uid: InstanceUid, capabilities: u64) -> Self {
        Self { uid, now: Parts::default(), told: Parts::default(), capabilities, sequence: 0 }
    }

    /// Takes everything for untold: the server asked for it, or does not know this identity.
    pub(crate) fn forget(&mut self) {
        self.told = Parts::default();
    }

    /// Whether there is something to tell.
    pub(crate) fn has_news(&self) -> bool {
        self.now != self.told
    }

    /// A message with what is new; without news it is a sign of life.
    pub(crate) fn message(&mut self) -> AgentToServer {
        fn news<T: Clone + PartialEq>(now: &Option<T>, told: &mut Option<T>) -> Option<T> {
            if now == told {
                return None;
            }
            told.clone_from(now);
            now.clone()
        }
        self.sequence += 1;
        AgentToServer {
            instance_uid: self.uid.as_bytes().to_vec(),
            sequence_num: self.sequence,
            capabilities: self.capabilities,
            agent_description: news(&self.now.description, &mut self.told.description),
            health: news(&self.now.health, &mut self.told.health),
            effective_config: news(&self.now.effective, &mut self.told.effective),
            remote_config_status: news(&self.now.remote, &mut self.told.remote),
            connection_settings_status: news(&self.now.settings, &mut self.told.settings),
            package_statuses: news(&self.now.packages, &mut self.told.packages),
            ..AgentToServer::default()
        }
    }

    /// The last message.
    pub(crate) fn farewell(&mut self) -> AgentToServer {
        AgentToServer { agent_disconnect: Some(AgentDisconnect {}), ..self.message() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told_again() {
        let mut agent = Agent::new(InstanceUid::default(), 1);
        agent.now.health = Some(ComponentHealth { healthy: true, ..Default::default() });
        let first = agent.message();
        assert!(first.health.is_some() && first.sequence_num == 1);
        let second = agent.message();
        assert!(second.health.is_none() && second.sequence_num == 2 && second.capabilities == 1 && !agent.has_news());
        agent.now.health = Some(ComponentHealth::default());
        assert!(agent.has_news());
        assert!(agent.message().health.is_some());
        agent.forget();
        assert!(agent.message().health.is_some());
        assert!(agent.farewell().agent_disconnect.is_some());
    }
}
