//! Which server a collector speaks for: its credential says so, or at first its enrolment token.

use crate::app::App;
use crate::auth::bearer;
use axum::http::header::HeaderMap;
use warren_store::StoreError;

/// Who speaks, by what it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The server that it speaks for.
    pub(crate) server: String,
    /// What it showed.
    pub(crate) by: By,
}

/// What was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A credential of its own, and whether it was used before.
    Credential { id: String, used: bool },
    /// An enrolment token.
    Enrolment { id: String },
}

impl Principal {
    /// What the credential is known by.
    pub(crate) fn credential(&self) -> &str {
        match &self.by {
            By::Credential { id, .. } | By::Enrolment { id } => id,
        }
    }
}

/// Who sent a request; none if it shows nothing that is good.
pub(crate) async fn principal(app: &App, headers: &HeaderMap) -> Result<Option<Principal>, StoreError> {
    let Some(token) = bearer(headers) else { return Ok(None) };
    if let Some((id, server, used)) = app.store.credential(token).await? {
        return Ok(Some(Principal { server, by: By::Credential { id, used } }));
    }
    let enrolment = app.store.enrolment(token).await?;
    Ok(enrolment.map(|enrolment| Principal { server: enrolment.server, by: By::Enrolment { id: enrolment.id } }))
}
