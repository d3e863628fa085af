//! The settings of TLS.

use super::choice;
use crate::wait::wait;
use std::time::Duration;
use warren_config::{Block, Fields, Report, Secret};

/// Settings that clients and servers share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsConfig {
    /// Certificates that the other side's certificate must lead to; none means the system's.
    pub ca_file: String,
    /// The same as PEM text.
    pub ca_pem: Secret,
    /// Accept the system's certificate authorities besides the given ones.
    pub include_system_ca_certs_pool: bool,
    /// Our certificate, with its chain.
    pub cert_file: String,
    /// The same as PEM text.
    pub cert_pem: Secret,
    /// The key of our certificate.
    pub key_file: String,
    /// The same as PEM text.
    pub key_pem: Secret,
    /// Oldest version accepted: `1.2` (also when empty) or `1.3`.
    pub min_version: String,
    /// Newest version accepted; empty means the newest there is.
    pub max_version: String,
    /// Cipher suites for TLS 1.2 by Go's names; none means all that are safe. Those of 1.3 are not a matter of choice.
    pub cipher_suites: Vec<String>,
    /// After how long our certificate and key are read again; 0 means never.
    pub reload_interval: Duration,
    /// Key exchange groups in order of preference; none means all.
    pub curve_preferences: Vec<String>,
    /// A key in a trusted platform module.
    pub tpm: Tpm,
}

/// A key in a trusted platform module: known, and refused when switched on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tpm {
    /// Whether the key is there.
    pub enabled: bool,
    path: String,
    owner_auth: Secret,
    auth: Secret,
}

/// Settings of a TLS client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsClientConfig {
    /// Settings that servers have too.
    pub common: TlsConfig,
    /// No TLS where the URL does not ask for it; for HTTP only the URL matters.
    pub insecure: bool,
    /// Accept any certificate.
    pub insecure_skip_verify: bool,
    /// The name the server's certificate must have, and that is asked for; empty means the URL's.
    pub server_name_override: String,
}

/// Settings of a TLS server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TlsServerConfig {
    /// Settings that clients have too.
    pub common: TlsConfig,
    /// Certificates that clients' certificates must lead to; given, a client must have one.
    pub client_ca_file: String,
    /// Whether that file is read again when it changed.
    pub client_ca_file_reload: bool,
    /// Whether a client may have none all the same. No setting of upstream's: for servers that know clients by other things as well.
    pub client_certificate_optional: bool,
}

impl Block for TlsConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("ca_file", &mut self.ca_file);
        f.scalar("ca_pem", &mut self.ca_pem);
        f.scalar("include_system_ca_certs_pool", &mut self.include_system_ca_certs_pool);
        f.scalar("cert_file", &mut self.cert_file);
        f.scalar("cert_pem", &mut self.cert_pem);
        f.scalar("key_file", &mut self.key_file);
        f.scalar("key_pem", &mut self.key_pem);
        f.scalar("min_version", &mut self.min_version);
        f.scalar("max_version", &mut self.max_version);
        f.list("cipher_suites", &mut self.cipher_suites);
        wait(f, "reload_interval", &mut self.reload_interval);
        f.list("curve_preferences", &mut self.curve_preferences);
        f.block("tpm", &mut self.tpm);
    }

    fn validate(&self, report: &mut Report<'_>) {
        for (key, file) in [("ca_file", &self.ca_file), ("cert_file", &self.cert_file), ("key_file", &self.key_file)] {
            if !file.is_empty() {
                report.file(key, file);
            }
        }
        if !self.ca_file.is_empty() && !self.ca_pem.is_empty() {
            report.error("", "provide either a CA file or the PEM-encoded string, but not both");
        }
        if let Err(message) = self.own_certificate() {
            report.error("", message);
        }
        if let Err(error) = choice::versions(&self.min_version, &self.max_version) {
            report.error("", error.to_string());
        }
        for suite in &self.cipher_suites {
            if let Err(error) = choice::cipher_suite(suite) {
                report.error("cipher_suites", error.to_string());
            }
        }
        for curve in &self.curve_preferences {
            if let Err(error) = choice::curve(curve) {
                report.error("curve_preferences", error.to_string());
            }
        }
    }
}

impl TlsConfig {
    /// Whether we have a certificate of our own; in upstream's words what is missing or doubled.
    pub(super) fn own_certificate(&self) -> Result<bool, &'static str> {
        let certificate = (!self.cert_file.is_empty(), !self.cert_pem.is_empty());
        let key = (!self.key_file.is_empty(), !self.key_pem.is_empty());
        match (certificate, key) {
            ((false, false), (false, false)) => Ok(false),
            ((false, false), _) | (_, (false, false)) => Err("for auth via TLS, provide both certificate and key, or neither"),
            ((true, true), _) => Err("for auth via TLS, provide either a certificate or the PEM-encoded string, but not both"),
            (_, (true, true)) => Err("for auth via TLS, provide either a key or the PEM-encoded string, but not both"),
            _ => Ok(true),
        }
    }
}

impl Block for Tpm {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.scalar("enabled", &mut self.enabled);
        f.scalar("path", &mut self.path);
        f.scalar("owner_auth", &mut self.owner_auth);
        f.scalar("auth", &mut self.auth);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if self.enabled {
            report.error("enabled", "keys in a trusted platform module are not supported; use key_file");
        }
    }
}

impl Block for TlsClientConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.common);
        f.scalar("insecure", &mut self.insecure);
        f.scalar("insecure_skip_verify", &mut self.insecure_skip_verify);
        f.scalar("server_name_override", &mut self.server_name_override);
    }
}

impl Block for TlsServerConfig {
    fn fields(&mut self, f: &mut Fields<'_>) {
        f.squash(&mut self.common);
        f.scalar("client_ca_file", &mut self.client_ca_file);
        f.scalar("client_ca_file_reload", &mut self.client_ca_file_reload);
    }

    fn validate(&self, report: &mut Report<'_>) {
        if !self.client_ca_file.is_empty() {
            report.file("client_ca_file", &self.client_ca_file);
        }
        let common = &self.common;
        if common.cert_file.is_empty() && common.cert_pem.is_empty() && common.key_file.is_empty() && common.key_pem.is_empty() {
            report.error("", "a TLS server needs a certificate: give cert_file and key_file");
        }
    }
}
