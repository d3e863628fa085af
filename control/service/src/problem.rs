//! What is answered when something is not done: problem details (RFC 9457).

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;
use warren_fleet::Fault;
use warren_store::StoreError;

/// Why something was not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The kind of problem in few words.
    pub(crate) title: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What is wrong, and what can be done.
    pub(crate) detail: String,
    /// Each fault with its place, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<Fault>,
    /// Seconds after which it may be asked again.
    #[serde(skip)]
    pub(crate) retry_after: Option<u64>,
    /// What is for the operator's log alone.
    #[serde(skip)]
    pub(crate) cause: Option<Cause>,
}

/// What is for the operator's log alone; goes with the answer to where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause(pub(crate) String);

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { title, status: status.as_u16(), detail: detail.into(), errors: Vec::new(), retry_after: None, cause: None }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The same, of a server.
    pub(crate) fn of_server(self, id: &str) -> Self {
        Self { detail: format!("server {id}: {}", self.detail), ..self }
    }

    /// Somebody asks too often.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + 1;
        let detail = format!("this token asks too often; ask again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// What was given makes no configuration that could run.
    pub(crate) fn faults(faults: Vec<Fault>) -> Self {
        let detail = faults.first().map(ToString::to_string).unwrap_or_default();
        Self { errors: faults, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::Missing(_) => StatusCode::NOT_FOUND,
            StoreError::Exists(_) => StatusCode::CONFLICT,
            StoreError::Stale { .. } => StatusCode::PRECONDITION_FAILED,
            StoreError::Database(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match &error {
            // What the database says is for the operator's log.
            StoreError::Database(cause) => {
                Self { cause: Some(Cause(cause.to_string())), ..Self::new(status, "the store does not answer; try again later") }
            }
            _ => Self::new(status, error.to_string()),
        }
    }
}

impl From<axum::extract::rejection::JsonRejection> for Problem {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_value(&self).unwrap_or(Value::Null).to_string();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert("www-authenticate", HeaderValue::from_static("Bearer"));
        }
        response
    }
}
