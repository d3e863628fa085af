//! TLS as a client.

use super::choice::Choice;
use super::verify::{AnyCertificate, Verifier};
use super::{TlsClientConfig, TlsError, material};
use rustls::client::WebPkiServerVerifier;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Which application protocols a client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/2 and HTTP/1.1.
    Http2,
    /// HTTP/1.1.
    Http1,
    /// None: what is spoken is no HTTP.
    Nothing,
}

/// Connects with TLS. Built once per client; cheap until the first connection.
pub struct ClientTls {
    settings: TlsClientConfig,
    current: Mutex<Option<Current>>,
}

/// What rustls is given, for each set of application protocols.
#[derive(Clone)]
struct Current {
    config: Arc<rustls::ClientConfig>,
    made: Instant,
}

impl ClientTls {
    /// Checks the settings and their files.
    ///
    /// # Errors
    /// In upstream's words when a file cannot be read or holds no certificate or key, or a choice cannot be had.
    pub fn new(settings: TlsClientConfig) -> Result<Self, TlsError> {
        let failed = |error: TlsError| TlsError::new(format!("failed to load TLS config: {error}"));
        material::authorities(&settings.common).map_err(failed)?;
        let choice = Choice::new(&settings.common).map_err(failed)?;
        if let Some(identity) = material::identity(&settings.common).map_err(failed)? {
            rustls::sign::CertifiedKey::from_der(identity.chain, identity.key, &choice.provider)
                .map_err(|error| failed(TlsError::new(format!("failed to load TLS cert and key PEMs: {error}"))))?;
        }
        Ok(Self { settings, current: Mutex::new(None) })
    }

    /// Shakes hands over a connection to `host`.
    ///
    /// # Errors
    /// When the server's certificate is not trusted, versions do not meet, or the connection breaks.
    pub(crate) async fn connect<S>(
        &self,
        stream: S,
        host: &str,
        offer: Offer,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<S>>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let name = match self.settings.server_name_override.as_str() {
            "" => host,
            name => name,
        };
        let invalid =
            |_| std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("{name:?} is no name a certificate can have"));
        let name = ServerName::try_from(name.to_owned()).map_err(invalid)?;
        let mut config = self.config().await.map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
        if offer != Offer::Http2 {
            let mut without = rustls::ClientConfig::clone(&config);
            without.alpn_protocols = if offer == Offer::Http1 { vec![b"http/1.1".to_vec()] } else { Vec::new() };
            config = Arc::new(without);
        }
        TlsConnector::from(config).connect(name, stream).await
    }

    /// The present configuration: made when first needed, and anew once the certificate is due to be read again. Where that fails, the
    /// one before stays.
    async fn config(&self) -> Result<Arc<rustls::ClientConfig>, TlsError> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let due = |made: Instant| {
            let interval = self.settings.common.reload_interval;
            interval != Duration::ZERO && made.elapsed() >= interval
        };
        if let Some(current) = &current
            && !due(current.made)
        {
            return Ok(current.config.clone());
        }
        let settings = self.settings.clone();
        let made = tokio::task::spawn_blocking(move || rustls_config(&settings)).await;
        let config = match (made, current) {
            (Ok(Ok(config)), _) => Arc::new(config),
            (_, Some(current)) => current.config,
            (Ok(Err(error)), None) => return Err(error),
            (Err(_), None) => return Err(TlsError::new("interrupted while certificates were read")),
        };
        let current = Current { config: config.clone(), made: Instant::now() };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(current);
        Ok(config)
    }
}

/// Reads every file the settings name. May block.
fn rustls_config(settings: &TlsClientConfig) -> Result<rustls::ClientConfig, TlsError> {
    let failed = |error: &dyn std::fmt::Display| TlsError::new(format!("failed to load TLS config: {error}"));
    let choice = Choice::new(&settings.common)?;
    let builder = rustls::ClientConfig::builder_with_provider(choice.provider.clone())
        .with_protocol_versions(choice.versions)
        .map_err(|error| failed(&error))?
        .dangerous();
    let builder = if settings.insecure_skip_verify {
        builder.with_custom_certificate_verifier(Arc::new(AnyCertificate(choice.provider)))
    } else {
        let given = material::authorities(&settings.common)?;
        builder.with_custom_certificate_verifier(Arc::new(verifier(
            given,
            settings.common.include_system_ca_certs_pool,
            &choice,
        )?))
    };
    let mut config = match material::identity(&settings.common)? {
        Some(identity) => builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| failed(&error))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(given: Option<Vec<CertificateDer<'static>>>, with_system: bool, choice: &Choice) -> Result<Verifier, TlsError> {
    let (roots, trusted) = match given {
        None => (material::system_roots(), Vec::new()),
        Some(given) => (Arc::new(material::roots(&given, with_system)), given),
    };
    let inner = WebPkiServerVerifier::builder_with_provider(roots, choice.provider.clone())
        .build()
        .map_err(|error| TlsError::new(format!("no certificate authority to trust: {error}")))?;
    Ok(Verifier::new(inner, trusted))
}

/// Whether the two sides agreed on HTTP/2.
pub(crate) fn speaks_http2<S>(stream: &tokio_rustls::client::TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
