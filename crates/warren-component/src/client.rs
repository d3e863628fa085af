//! Who sent the data at hand: known while a receiver's call goes down the pipeline, as far as no queue or batch stands between.
//!
//! A receiver wraps its call of `consume` in [`ClientInfo::scope`]; a processor asks [`ClientInfo::current`] while it takes a batch.

use crate::Identity;
use std::net::IpAddr;
use std::sync::Arc;

tokio::task_local! {
    static CURRENT: Arc<ClientInfo>;
}

/// A client of a receiver, for one request or connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// Where it called from.
    pub address: Option<IpAddr>,
    /// Headers or gRPC metadata, in order; empty unless the receiver includes metadata.
    pub metadata: Vec<(String, String)>,
    /// Who it proved to be.
    pub identity: Identity,
}

impl ClientInfo {
    /// Runs a future in which this is the client.
    pub async fn scope<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// The client whose data is at hand; `None` where none is known.
    pub fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// All values of a metadata key, in any case.
    pub fn metadata(&self, key: &str) -> impl Iterator<Item = &str> {
        self.metadata.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_client_is_known_in_its_scope_only() {
        let client = Arc::new(ClientInfo { metadata: vec![("X-Tenant".into(), "a".into())], ..ClientInfo::default() });
        let seen = client.scope(async { ClientInfo::current() }).await.unwrap();
        assert_eq!(seen.metadata("x-tenant").collect::<Vec<_>>(), ["a"]);
        assert_eq!(ClientInfo::current(), None);
    }
}
