//! Which server a collector speaks for: its credential says so, or at first its enrolment token, or its certificate.

use crate::app::App;
use crate::auth::bearer;
use axum::http::header::HeaderMap;
use warren_http::tls::ClientCertificate;
use warren_store::StoreError;

/// Names of a certificate that are looked at.
const NAMES_MAX: usize = 8;

/// Who speaks, by what it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The server that it speaks for.
    pub(crate) server: String,
    /// What it showed.
    pub(crate) by: By,
    /// The address at which it reaches this control plane.
    pub(crate) base: String,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A credential of its own, and whether it was used before.
    Credential { id: String, used: bool },
    /// An enrolment token.
    Enrolment { id: String },
    /// A certificate that names its server.
    Certificate { id: String },
}

impl Principal {
    /// What the credential is known by.
    pub(crate) fn credential(&self) -> &str {
        match &self.by {
            By::Credential { id, .. } | By::Enrolment { id } | By::Certificate { id } => id,
        }
    }
}

/// Who sent a request; none if it shows nothing that is good. A certificate that names a server binds whoever shows it to that server, whatever else
/// it shows.
pub(crate) async fn principal(
    app: &App,
    headers: &HeaderMap,
    certificate: Option<&ClientCertificate>,
) -> Result<Option<Principal>, StoreError> {
    let base = base(app, headers);
    let by_certificate = match certificate {
        Some(certificate) => server_of(app, certificate, &base).await?,
        None => None,
    };
    let Some(token) = bearer(headers) else { return Ok(by_certificate) };
    let by_token = of_token(app, token, &base).await?;
    Ok(match (by_token, by_certificate) {
        (Some(token), Some(certificate)) if token.server != certificate.server => None,
        // What was exchanged for a credential long ago does not shut out whoever has a certificate.
        (None, certificate) => certificate,
        (token, _) => token,
    })
}

async fn of_token(app: &App, token: &str, base: &str) -> Result<Option<Principal>, StoreError> {
    if let Some((id, server, used)) = app.store.credential(token).await? {
        return Ok(Some(Principal { server, by: By::Credential { id, used }, base: base.to_owned() }));
    }
    let enrolment = app.store.enrolment(token).await?;
    Ok(enrolment.map(|enrolment| Principal {
        server: enrolment.server,
        by: By::Enrolment { id: enrolment.id },
        base: base.to_owned(),
    }))
}

/// The address at which whoever sent a request reaches this control plane: the one that was said to be public, else the one that it used.
fn base(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.files.public_url {
        return url.clone();
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scheme = if text("x-forwarded-proto").eq_ignore_ascii_case("https") { "https" } else { app.files.scheme };
    format!("{scheme}://{}", text("host"))
}

/// The first server that a certificate names.
async fn server_of(app: &App, certificate: &ClientCertificate, base: &str) -> Result<Option<Principal>, StoreError> {
    for server in certificate.names.iter().take(NAMES_MAX) {
        if app.store.is_server(server).await? {
            let id = format!("crt-{}", &certificate.digest);
            return Ok(Some(Principal { server: server.clone(), by: By::Certificate { id }, base: base.to_owned() }));
        }
    }
    Ok(None)
}
