//! TLS for clients and servers, with the settings of upstream's `configtls`.
//!
//! Settings ([`TlsClientConfig`], [`TlsServerConfig`]) are checked when the configuration is, made into a [`ClientTls`] or [`ServerTls`]
//! when the component is built (certificate files are read then, so that a missing one stops the start), and turned into rustls's own
//! configuration when the first connection needs it: an idle client holds no root certificates. Certificates are read again after
//! `reload_interval`, at the next connection.

mod choice;
mod client;
mod config;
mod material;
mod server;
mod verify;

pub use client::ClientTls;
pub(crate) use client::{Offer, speaks_http2};
pub use config::{TlsClientConfig, TlsConfig, TlsServerConfig, Tpm};
pub use server::{ClientCertificate, ServerStream, ServerTls, client_certificate};

/// Why TLS cannot be used as configured. Holds no key and no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl TlsError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

#[cfg(test)]
mod tests;
