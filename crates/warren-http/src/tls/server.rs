//! TLS as a server.

use super::choice::Choice;
use super::{TlsError, TlsServerConfig, material};
use rustls::server::WebPkiClientVerifier;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// A connection with a client.
pub type ServerStream<S> = tokio_rustls::server::TlsStream<S>;

/// The certificate that a client has shown, which was found to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The names of hosts that it is for, in its order.
    pub names: Vec<String>,
    /// Tells it from others: part of its digest, in hexadecimal.
    pub digest: String,
}

/// The certificate that the client of a connection has shown, if it has.
pub fn client_certificate<S>(stream: &ServerStream<S>) -> Option<ClientCertificate> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    let certificate = webpki::EndEntityCert::try_from(shown).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, shown);
    let digest = digest.as_ref().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect();
    Some(ClientCertificate { names: certificate.valid_dns_names().map(str::to_owned).collect(), digest })
}

/// Bytes of a digest that tell certificates apart.
const DIGEST_BYTES: usize = 8;

/// Accepts connections with TLS.
pub struct ServerTls {
    settings: TlsServerConfig,
    /// Application protocols in order of preference.
    protocols: &'static [&'static [u8]],
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    config: Arc<rustls::ServerConfig>,
    made: Instant,
    /// When the file of client authorities last changed, if it is watched.
    client_authorities_of: Option<SystemTime>,
}

impl ServerTls {
    /// Reads certificate and key.
    ///
    /// # Errors
    /// In upstream's words when a file cannot be read or holds no certificate or key, or a choice cannot be had.
    pub fn new(settings: TlsServerConfig, protocols: &'static [&'static [u8]]) -> Result<Self, TlsError> {
        let current = Current::make(&settings, protocols)?;
        Ok(Self { settings, protocols, current: Mutex::new(current) })
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// When versions do not meet, a certificate is missing or not trusted, or the connection breaks.
    pub async fn accept<S>(&self, stream: S) -> std::io::Result<ServerStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config().await).accept(stream).await
    }

    /// The present configuration, made anew when certificates are due to be read again. Where that fails, the one before stays.
    async fn config(&self) -> Arc<rustls::ServerConfig> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let interval = self.settings.common.reload_interval;
        let due = interval != Duration::ZERO && current.made.elapsed() >= interval;
        if !due && current.client_authorities_of.is_none() {
            return current.config;
        }
        let (settings, protocols, seen) = (self.settings.clone(), self.protocols, current.client_authorities_of);
        let made = tokio::task::spawn_blocking(move || {
            let changed = seen.is_some() && changed(&settings) != seen;
            (due || changed).then(|| Current::make(&settings, protocols))
        });
        match made.await {
            Ok(Some(Ok(made))) => {
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = made.clone();
                made.config
            }
            _ => current.config,
        }
    }
}

impl Current {
    fn make(settings: &TlsServerConfig, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let failed = |error: &dyn std::fmt::Display| TlsError::new(format!("failed to load TLS config: {error}"));
        let choice = Choice::new(&settings.common).map_err(|error| failed(&error))?;
        let identity = material::identity(&settings.common)
            .map_err(|error| failed(&error))?
            .ok_or_else(|| failed(&"a TLS server needs a certificate: give cert_file and key_file"))?;
        let client_authorities_of = if settings.client_ca_file_reload { changed(settings) } else { None };
        let builder = rustls::ServerConfig::builder_with_provider(choice.provider.clone())
            .with_protocol_versions(choice.versions)
            .map_err(|error| failed(&error))?;
        let builder = match settings.client_ca_file.as_str() {
            "" => builder.with_no_client_auth(),
            file => {
                let roots = material::roots(&material::client_authorities(file)?, settings.common.include_system_ca_certs_pool);
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), choice.provider);
                let optional = settings.client_certificate_optional;
                let verifier = if optional { verifier.allow_unauthenticated() } else { verifier }
                    .build()
                    .map_err(|error| TlsError::new(format!("failed to load client CA CertPool: {error}")))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(identity.chain, identity.key).map_err(|error| {
            failed(&format!("failed to load TLS cert and key: failed to load TLS cert and key PEMs: {error}"))
        })?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { config: Arc::new(config), made: Instant::now(), client_authorities_of })
    }
}

/// When the file of client authorities last changed.
fn changed(settings: &TlsServerConfig) -> Option<SystemTime> {
    std::fs::metadata(&settings.client_ca_file).and_then(|data| data.modified()).ok()
}
