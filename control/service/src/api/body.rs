//! What requests and answers have in common.

use crate::problem::Problem;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Entries of a page unless said otherwise, and at most.
const PAGE: (i64, i64) = (100, 1000);

/// A body of JSON; what is wrong with it is told as a problem.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(body) = axum::Json::<T>::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Where the page before ended: its `next`.
    pub(crate) after: String,
    /// Entries at most.
    pub(crate) limit: Option<i64>,
}

/// How many entries a page has of which so many are wanted at most.
pub(crate) fn entries(limit: Option<i64>) -> i64 {
    limit.unwrap_or(PAGE.0).clamp(1, PAGE.1)
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// What to ask for the next page with; none if this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> Listed<T> {
    /// A page; full ones may have another behind them.
    pub(crate) fn new(items: Vec<T>, limit: i64, key: impl Fn(&T) -> String) -> Self {
        let full = i64::try_from(items.len()).is_ok_and(|count| count >= limit);
        let next = items.last().filter(|_| full).map(key);
        Self { items, next }
    }
}

/// Whether a change is only to be tried.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Trial {
    /// Says what would come of it, and changes nothing.
    pub(crate) dry_run: bool,
}

/// An answer at a version.
pub(crate) fn versioned(status: StatusCode, version: i64, body: &impl Serialize) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The version that the caller has seen; it must be told, so that nobody's change is lost.
pub(crate) fn seen(headers: &HeaderMap) -> Result<i64, Problem> {
    let missing = || {
        let advice = "say which version is to be changed: If-Match with the ETag of what was read (\"0\" if there was nothing)";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, advice)
    };
    let text = headers.get(IF_MATCH).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
    text.trim_matches('"').parse().map_err(|_| missing())
}

/// Whether a text can be a name: not empty, not long, without control characters and slashes.
pub(crate) fn name(pointer: &str, text: &str) -> Result<(), Problem> {
    let fits = !text.is_empty() && text.len() <= 128 && !text.chars().any(|letter| letter.is_control() || letter == '/');
    if fits {
        return Ok(());
    }
    let fault = warren_fleet::Fault::new(pointer, "a name has 1 to 128 bytes, and neither slashes nor control characters");
    Err(Problem::faults(vec![fault]))
}
