//! The `basicauth` extension: checks the user and password of requests that we receive, or adds ours to requests that we send.
//!
//! ```text
//! htpasswd.file, htpasswd.inline ─▶ Users: name ─▶ hash        (read again when the file changes)
//!                                      ▲
//! Authorization ─▶ parse ─▶ verified a moment ago? ─▶ check the hash, slow ones in the background one at a time
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod client;
mod config;
mod credentials;
mod hash;
mod md5_crypt;
mod memory;
mod server;
mod sha_crypt;
mod users;

pub use config::{ClientAuthSettings, Config, HtpasswdSettings};

use warren_component::{ExtensionFactory, Stability};

/// Makes `basicauth` extensions.
pub const FACTORY: ExtensionFactory =
    ExtensionFactory { kind: "basicauth", stability: Stability::Beta, config: || Box::new(Config::default()) };
