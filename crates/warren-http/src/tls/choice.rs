//! What can be chosen in TLS: versions, cipher suites, key exchange groups, by Go's names.

use super::{TlsConfig, TlsError};
use rustls::crypto::ring::{self, cipher_suite as suites, kx_group as groups};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};
use std::sync::Arc;

/// Cipher suites of TLS 1.2 that can be chosen.
const SUITES: [(&str, SupportedCipherSuite); 6] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Cipher suites of TLS 1.3, which are always on.
const SUITES_13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// Names that Go knows besides: CBC modes, and key exchange without forward secrecy.
const SUITES_OF_GO: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
];

const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// What rustls is told about the choices.
pub(super) struct Choice {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
}

impl Choice {
    pub(super) fn new(config: &TlsConfig) -> Result<Self, TlsError> {
        let mut provider = ring::default_provider();
        let mut chosen = Vec::new();
        for name in &config.cipher_suites {
            chosen.extend(cipher_suite(name)?);
        }
        if !config.cipher_suites.is_empty() {
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || chosen.contains(suite));
        }
        if !config.curve_preferences.is_empty() {
            provider.kx_groups = config.curve_preferences.iter().map(|name| curve(name)).collect::<Result<_, _>>()?;
        }
        Ok(Self { provider: Arc::new(provider), versions: versions(&config.min_version, &config.max_version)? })
    }
}

/// The suite of this name; none for those of TLS 1.3.
pub(super) fn cipher_suite(name: &str) -> Result<Option<SupportedCipherSuite>, TlsError> {
    if let Some((_, suite)) = SUITES.iter().find(|(known, _)| *known == name) {
        return Ok(Some(*suite));
    }
    if SUITES_13.contains(&name) {
        return Ok(None);
    }
    if SUITES_OF_GO.contains(&name) {
        return Err(TlsError::new(format!(
            "TLS cipher suite {name:?} is not supported: it has no forward secrecy or a CBC mode; use a GCM or CHACHA20 suite with ECDHE"
        )));
    }
    Err(TlsError::new(format!("invalid TLS cipher suite: {name:?}")))
}

/// The key exchange group of this name.
pub(super) fn curve(name: &str) -> Result<&'static dyn SupportedKxGroup, TlsError> {
    match name {
        "X25519" => Ok(groups::X25519),
        "P256" => Ok(groups::SECP256R1),
        "P384" => Ok(groups::SECP384R1),
        "P521" => Err(TlsError::new("curve P521 is not supported; use X25519, P256 or P384")),
        _ => Err(TlsError::new(format!("invalid curve type: {name}. Expected values are [P-256, P-384, P-521, X25519]"))),
    }
}

/// The versions from `min` to `max`, by upstream's defaults when empty.
pub(super) fn versions(min: &str, max: &str) -> Result<&'static [&'static SupportedProtocolVersion], TlsError> {
    let min = version("min_version", min)?.unwrap_or(Version::V12);
    match (min, version("max_version", max)?) {
        (Version::V12, Some(Version::V12)) => Ok(ONLY_12),
        (Version::V13, None | Some(Version::V13)) => Ok(ONLY_13),
        (Version::V12, None | Some(Version::V13)) => Ok(BOTH),
        (Version::V13, Some(Version::V12)) => {
            Err(TlsError::new("invalid TLS configuration: min_version cannot be greater than max_version"))
        }
    }
}

#[derive(Clone, Copy)]
enum Version {
    V12,
    V13,
}

fn version(key: &str, text: &str) -> Result<Option<Version>, TlsError> {
    match text {
        "" => Ok(None),
        "1.2" => Ok(Some(Version::V12)),
        "1.3" => Ok(Some(Version::V13)),
        "1.0" | "1.1" => {
            Err(TlsError::new(format!("invalid TLS {key}: TLS {text} is broken and not supported; the oldest version is 1.2")))
        }
        _ => Err(TlsError::new(format!("invalid TLS {key}: unsupported TLS version: {text:?}"))),
    }
}
