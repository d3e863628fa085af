//! Certificates and keys: from files and texts, and the system's.

use super::{TlsConfig, TlsError};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Read;
use std::sync::{Arc, OnceLock};
use warren_config::Secret;

/// A certificate or key file larger than this is none.
const FILE_SIZE_MAX: u64 = 4 << 20;

/// Our certificate, with its chain, and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Reads our certificate and key; none when the settings have none.
pub(super) fn identity(config: &TlsConfig) -> Result<Option<Identity>, TlsError> {
    let failed = |message: String| TlsError::new(format!("failed to load TLS cert and key: {message}"));
    if !config.own_certificate().map_err(|message| failed(message.to_owned()))? {
        return Ok(None);
    }
    let certificates = text(&config.cert_file, &config.cert_pem).map_err(failed)?;
    let key = text(&config.key_file, &config.key_pem).map_err(failed)?;
    let chain = certificates_in(&certificates).ok_or_else(|| {
        failed("failed to load TLS cert and key PEMs: failed to find any PEM data in certificate input".to_owned())
    })?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| failed("failed to load TLS cert and key PEMs: no unencrypted PEM private key in key input".to_owned()))?;
    Ok(Some(Identity { chain, key }))
}

/// Reads the certificate authorities of the settings; none when the settings have none.
pub(super) fn authorities(config: &TlsConfig) -> Result<Option<Vec<CertificateDer<'static>>>, TlsError> {
    let (what, pem) = match (config.ca_file.is_empty(), config.ca_pem.is_empty()) {
        (true, true) => return Ok(None),
        (false, false) => {
            return Err(TlsError::new(
                "failed to load CA CertPool: provide either a CA file or the PEM-encoded string, but not both",
            ));
        }
        (false, true) => {
            let pem = read_file(&config.ca_file).map_err(|error| {
                TlsError::new(format!("failed to load CA CertPool File: failed to load cert {}: {error}", config.ca_file))
            })?;
            ("File", pem)
        }
        (true, false) => ("PEM", config.ca_pem.expose().as_bytes().to_vec()),
    };
    certificates_in(&pem)
        .map(Some)
        .ok_or_else(|| TlsError::new(format!("failed to load CA CertPool {what}: failed to parse cert")))
}

/// Reads the certificate authorities for clients' certificates.
pub(super) fn client_authorities(file: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read_file(file)
        .map_err(|error| TlsError::new(format!("failed to load client CA CertPool: failed to load CA {file}: {error}")))?;
    certificates_in(&pem).ok_or_else(|| TlsError::new(format!("failed to load client CA CertPool: failed to parse CA {file}")))
}

/// Certificates as roots of trust, with the system's if asked for. Those that rustls cannot use are left out, as Go does.
pub(super) fn roots(certificates: &[CertificateDer<'static>], with_system: bool) -> RootCertStore {
    let mut roots = if with_system { system_roots().as_ref().clone() } else { RootCertStore::empty() };
    roots.add_parsable_certificates(certificates.iter().cloned());
    roots
}

/// The system's certificate authorities, read once for the whole process when first needed. Reads files: call it where that may block.
pub(super) fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    ROOTS.get_or_init(read).clone()
}

fn certificates_in(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    (!certificates.is_empty()).then_some(certificates)
}

fn text(file: &str, pem: &Secret) -> Result<Vec<u8>, String> {
    if file.is_empty() { Ok(pem.expose().as_bytes().to_vec()) } else { read_file(file) }
}

fn read_file(file: &str) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("open {file}: {}", crate::error::io_text(&error));
    let mut bytes = Vec::new();
    std::fs::File::open(file).and_then(|open| open.take(FILE_SIZE_MAX).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
