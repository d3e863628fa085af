//! Publishing: a link made when it is needed, and what became of each message.

use crate::link::Link;
use crate::{Endpoint, PublishError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use warren_config::Secret;
use warren_http::tls::ClientTls;

/// How long an orderly close may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Where to connect, and as whom.
pub struct Client {
    /// The broker.
    pub endpoint: Endpoint,
    /// TLS for an endpoint that asks for it.
    pub tls: ClientTls,
    /// The name that the broker shows.
    pub name: String,
    /// User.
    pub username: String,
    /// Password.
    pub password: Secret,
    /// Virtual host.
    pub vhost: String,
    /// Time between heartbeats that is asked for; zero leaves it to the broker.
    pub heartbeat: Duration,
    /// How long it may take to connect, until messages can be published.
    pub connection_timeout: Duration,
    /// How long a confirm may take.
    pub confirm_timeout: Duration,
}

/// Where messages go.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// Exchange, at most 255 bytes; empty is the default one.
    pub exchange: String,
    /// Routing key, at most 255 bytes.
    pub key: String,
    /// Whether messages are to survive a restart of the broker.
    pub durable: bool,
    /// The content type that messages tell, at most 255 bytes; none if empty.
    pub content_type: String,
    /// Headers of messages. With their names, of at most 255 bytes each, they must fit into a frame, which has 4096 bytes at least.
    pub headers: Vec<(String, String)>,
}

/// A message.
pub type Message = Vec<u8>;

/// Publishes to one route. Connects when there is something to publish.
pub struct Publisher {
    client: Client,
    route: Route,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    link: Option<Arc<Link>>,
    /// The last attempt to connect that failed, and when.
    failed: Option<(Instant, PublishError)>,
    connected: u64,
}

impl Publisher {
    /// Publishes as this client to this route. Nothing is opened yet.
    pub fn new(client: Client, route: Route) -> Self {
        Self { client, route, slot: Mutex::default() }
    }

    /// Publishes a message, and waits for the broker's word on it. Calls may overlap.
    ///
    /// # Errors
    /// When the broker cannot be reached, refuses, has no queue for it, or does not answer in time. Whether it has taken the message is
    /// certain but in the last case, and when the connection broke.
    pub async fn publish(&self, message: Message) -> Result<(), PublishError> {
        let link = self.link().await?;
        let confirm = link.publish(&self.route, &message).await?;
        drop(message);
        let limit = self.client.confirm_timeout;
        match timeout(limit, confirm).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let limit = warren_config::format_go(limit);
                Err(PublishError::retryable(format!("timeout waiting for publish confirmation after {limit}")))
            }
        }
    }

    /// How often a connection was made.
    pub async fn connected(&self) -> u64 {
        self.slot.lock().await.connected
    }

    /// Says goodbye to the broker, if there is a connection.
    pub async fn close(&self) {
        let link = self.slot.lock().await.link.take();
        if let Some(link) = link {
            // A broker that does not answer is left without.
            let _ = timeout(CLOSE_TIMEOUT, link.close()).await;
        }
    }

    /// The link there is, or a new one. Of several that want one at the same time one connects.
    async fn link(&self) -> Result<Arc<Link>, PublishError> {
        let asked = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(link) = slot.link.as_ref().filter(|link| link.is_open()) {
            return Ok(Arc::clone(link));
        }
        slot.link = None;
        if let Some((_, error)) = slot.failed.as_ref().filter(|(at, _)| *at > asked) {
            return Err(error.clone());
        }
        let made = timeout(self.client.connection_timeout, Link::connect(&self.client)).await;
        match made.unwrap_or_else(|_| Err("i/o timeout".to_owned())) {
            Ok(link) => {
                let link = Arc::new(link);
                slot.connected += 1;
                slot.link = Some(Arc::clone(&link));
                Ok(link)
            }
            Err(error) => {
                let Endpoint { host, port, .. } = &self.client.endpoint;
                let error = PublishError::retryable(format!("no connection to RabbitMQ at {host}:{port}: {error}"));
                slot.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}
