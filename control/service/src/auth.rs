//! Who asks.

use crate::app::App;
use crate::listen::Peer;
use crate::problem::Problem;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;
use std::time::Instant;
use warren_store::{Actor, Role, Token};

/// Somebody with a good token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Token,
    pub(crate) address: String,
}

impl Caller {
    /// Whether the caller may do what a role may, to what belongs to a tenant.
    ///
    /// # Errors
    /// What the caller lacks. Of other tenants' things it is not even told that they are there.
    pub(crate) fn may(&self, role: Role, tenant: &str) -> Result<(), Problem> {
        if !self.token.tenant.is_empty() && self.token.tenant != tenant {
            return Err(Problem::new(StatusCode::NOT_FOUND, "there is no such thing"));
        }
        self.has(role)
    }

    /// Whether the caller may do what a role may, to what belongs to the operator of the fleet.
    ///
    /// # Errors
    /// What the caller lacks.
    pub(crate) fn may_everywhere(&self, role: Role) -> Result<(), Problem> {
        if !self.token.tenant.is_empty() {
            return Err(Problem::forbidden("this is not for tokens of a tenant"));
        }
        self.has(role)
    }

    fn has(&self, role: Role) -> Result<(), Problem> {
        if self.token.role >= role {
            return Ok(());
        }
        Err(Problem::forbidden(format!("this needs the role {}; the token has {}", role.name(), self.token.role.name())))
    }

    /// The tenant that the caller is bound to.
    pub(crate) fn tenant(&self) -> Option<&str> {
        (!self.token.tenant.is_empty()).then_some(self.token.tenant.as_str())
    }

    /// The caller as the audit log names it.
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: format!("{}:{}", self.token.id, self.token.name), address: self.address.clone() }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        app.figures.requests.add(1);
        let address = parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.address.ip().to_string());
        let unknown = || Problem::new(StatusCode::UNAUTHORIZED, "a good token is needed: Authorization: Bearer wrn_…");
        let bearer = bearer(&parts.headers).ok_or_else(unknown)?;
        let token = app.store.token(bearer).await?.ok_or_else(unknown)?;
        if let Err(wait) = app.limits.take(&token.id, Instant::now()) {
            app.figures.throttled.add(1);
            return Err(Problem::too_many(wait));
        }
        Ok(Self { token, address: address.unwrap_or_default() })
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}
