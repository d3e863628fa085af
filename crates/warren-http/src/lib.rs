//! HTTP: what exporters, receivers and extensions build their clients and servers from.
//!
//! * [`client`]: [`ClientConfig`] (upstream's `confighttp` client keys) becomes a [`Client`] with a pool of connections, proxies, TLS,
//!   compression, authentication and cookies; replies are read as they come.
//! * [`server`]: [`ServerConfig`](server::ServerConfig) becomes a [`Server`](server::Server) that bounds connections and bodies, decompresses,
//!   authenticates and answers cross-origin questions before its handler sees a request.
//! * [`grpc`]: the same for unary gRPC.
//! * [`tls`]: the `configtls` keys for both.
//! * [`coding`]: content codings, compressed and decompressed within bounds.
//!
//! ```no_run
//! use bytes::Bytes;
//! use warren_http::{Client, ClientConfig, retry_after};
//!
//! async fn push(client: &Client, config: &ClientConfig, body: Bytes) -> Result<(), warren_http::Error> {
//!     let request = http::Request::post(&config.endpoint).header("Content-Type", "application/x-protobuf").body(body);
//!     let Ok(request) = request else { return Ok(()) }; // `validate` has checked the endpoint
//!     let reply = client.send(request).await?;
//!     if reply.status().is_success() {
//!         reply.into_body().read_start(64 * 1024).await; // to the end, so that the connection serves the next request
//!     } else {
//!         let _wait = retry_after(reply.headers(), std::time::SystemTime::now());
//!         let _message = reply.into_body().read_start(256).await;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Nothing is retried here: `warren-delivery` does that.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod client;
pub mod coding;
mod error;
pub mod grpc;
mod retry_after;
pub mod server;
#[cfg(test)]
mod testing;
pub mod tls;
mod url;
mod wait;

pub use client::{Body, Client, ClientConfig, ClientSettings, connect};
pub use error::{Awaiting, Cause, Error, SetupError};
pub use retry_after::retry_after;
pub use url::is_broken_url;
