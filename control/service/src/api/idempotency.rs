//! Requests that may be sent again without being done again: `Idempotency-Key` on POST.

use crate::app::App;
use crate::auth::bearer;
use crate::problem::Problem;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use warren_store::{Kept, digest};

/// The longest key.
const KEY_BYTES_MAX: usize = 128;

/// The largest request and answer that are kept in mind.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What the paths end with whose answers show tokens.
const SHOWN_ONCE: [&str; 2] = ["tokens", "/servers/actions/import"];

/// Answers a request that was answered before as it was answered then.
pub(super) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let token = bearer(request.headers()).map(str::to_owned);
    match (key, token) {
        (Some(key), Some(token)) if request.method() == Method::POST => match app.store.token(&token).await {
            Ok(Some(_)) => {
                done_once(&app, &key, &digest(&token), request, next).await.unwrap_or_else(IntoResponse::into_response)
            }
            // Whoever may not ask is told so, also where there is an answer already.
            Ok(None) => next.run(request).await,
            Err(error) => Problem::from(error).into_response(),
        },
        _ => next.run(request).await,
    }
}

async fn done_once(app: &App, key: &str, token: &str, request: Request, next: Next) -> Result<Response, Problem> {
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Problem::bad(format!("an idempotency key has 1 to {KEY_BYTES_MAX} bytes")));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"))?;
    let asked = digest(&format!("{}\n{}", parts.uri, String::from_utf8_lossy(&body)));
    // One at a time: the same request sent twice at once is done once.
    let _turn = app.turns.lock().await;
    if let Some(kept) = app.store.reply(token, key).await? {
        return replayed(&kept, &asked);
    }
    // Tokens are shown once, and are not kept with the answer that showed them.
    let shown_once = SHOWN_ONCE.iter().any(|end| parts.uri.path().ends_with(end));
    let (head, body) = next.run(Request::from_parts(parts, Body::from(body))).await.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is too large"))?;
    if head.status.is_success() {
        let text = if shown_once { String::new() } else { String::from_utf8_lossy(&body).into_owned() };
        app.store.put_reply(token, key, &Kept { request: asked, status: head.status.as_u16(), body: text }).await?;
    }
    Ok(Response::from_parts(head, Body::from(body)))
}

fn replayed(kept: &Kept, asked: &str) -> Result<Response, Problem> {
    if kept.request != asked {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this idempotency key was used for another request"));
    }
    if kept.body.is_empty() {
        return Err(Problem::new(StatusCode::CONFLICT, "this was done before; what was shown then is not shown again"));
    }
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, kept.body.clone()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
