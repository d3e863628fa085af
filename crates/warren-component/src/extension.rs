//! Extensions: what serves other components. Each capability is one method; what an extension lacks stays `None`.

use crate::{BoxFuture, Control, RunContext, RunError};
use http::HeaderMap;
use std::any::Any;
use std::sync::Arc;
use warren_pdata::{Batch, Signal};
use warren_storage::Place;

/// A running extension.
pub trait Extension: Send + Sync {
    /// Signs requests that we send.
    fn client_auth(&self) -> Option<Arc<dyn ClientAuth>> {
        None
    }

    /// Checks requests that we receive.
    fn server_auth(&self) -> Option<Arc<dyn ServerAuth>> {
        None
    }

    /// Turns batches into bytes and back.
    fn encoding(&self) -> Option<Arc<dyn Encoding>> {
        None
    }

    /// Keeps what must survive a restart.
    fn storage(&self) -> Option<Arc<dyn Storage>> {
        None
    }

    /// Where the extension may ask for another configuration, and how everything fares. Called once, before [`Extension::run`].
    fn attach(&self, _control: Control) {}

    /// Hands what must survive a change of settings, such as listening sockets, to the successor, as a handle ([`crate::Inherited`]). Asked
    /// whenever there may be a successor; not all of them come to run.
    fn hand_over(&self) -> Option<Box<dyn Any + Send>> {
        None
    }

    /// What the extension does by itself; ends after `cx.stop` was asked. Extensions stop last.
    fn run(self: Arc<Self>, cx: RunContext) -> BoxFuture<'static, Result<(), RunError>> {
        Box::pin(async move {
            cx.stop.requested().await;
            Ok(())
        })
    }
}

/// Signs requests that we send.
pub trait ClientAuth: Send + Sync {
    /// Adds what proves who we are to the headers of a request, replacing what stands there.
    ///
    /// # Errors
    /// When no proof can be had now; the request is not sent.
    fn authorize(&self, headers: &mut HeaderMap) -> Result<(), AuthError>;

    /// Whether the proof may only travel over TLS (gRPC refuses it otherwise).
    fn needs_tls(&self) -> bool {
        false
    }
}

/// Checks requests that we receive.
pub trait ServerAuth: Send + Sync {
    /// Says who sent the request.
    fn authenticate<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, AuthError>>;
}

/// Who sent a request: attributes such as `username`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name and value pairs.
    pub attributes: Vec<(&'static str, String)>,
}

/// Why a request is not authentic, or cannot be signed. Holds no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthError(pub String);

/// Turns batches into bytes and back.
pub trait Encoding: Send + Sync {
    /// Appends the batch's bytes to `out`.
    fn marshal(&self, batch: &Batch, out: &mut Vec<u8>) -> Result<(), EncodingError>;

    /// Reads a batch of this signal.
    fn unmarshal(&self, signal: Signal, bytes: &[u8]) -> Result<Batch, EncodingError>;
}

/// Why bytes are no batch of this encoding, or a batch has no form in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodingError(pub String);

/// Keeps what must survive a restart: each client has a directory of its own. Components ask by
/// [`BuildContext::storage`](crate::BuildContext::storage).
pub trait Storage: Send + Sync {
    /// Where a client's directory is, and how it is kept. Nothing is made yet.
    fn place(&self, client: &str) -> Place;
}
