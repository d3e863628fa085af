//! OpAMP, the server's side: WebSocket and plain HTTP on one path.
//!
//! ```text
//! request ─▶ principal: credential or enrolment token ─▶ socket / poll ─▶ exchange: merge what is told, say what is to be run
//! ```

mod admission;
mod exchange;
mod keeper;
mod principal;
mod socket;
mod status;

pub(crate) use admission::Admission;
pub(crate) use keeper::Keeper;

use crate::app::App;
use crate::listen::Peer;
use admission::retry_after;
use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use exchange::Exchange;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use principal::Principal;
pub(crate) use principal::{By, principal};
use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use warren_opamp::{AgentToServer, Message, ServerToAgent};

/// The largest message that is taken, inflated.
pub(crate) const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// The smallest answer that is worth compressing.
const GZIP_BYTES_MIN: usize = 512;

/// One path for both transports: requests say by their content type which they are.
pub(crate) async fn handle(State(app): State<App>, request: Request) -> Response {
    let plain = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == warren_opamp::CONTENT_TYPE);
    // Before anything is looked up: of a fleet that comes back at once most are sent away, and are to cost nothing.
    if !plain && (app.ends.load(Ordering::Relaxed) || !app.admission.opens()) {
        return later(&app, StatusCode::SERVICE_UNAVAILABLE);
    }
    let certificate = request.extensions().get::<ConnectInfo<Peer>>().and_then(|peer| peer.0.certificate.clone());
    let principal = match principal(&app, request.headers(), certificate.as_deref()).await {
        Ok(Some(principal)) => principal,
        Ok(None) => {
            app.figures.refused.add(1);
            return (
                StatusCode::UNAUTHORIZED,
                [("www-authenticate", "Bearer")],
                "a credential or an enrolment token is needed\n",
            )
                .into_response();
        }
        Err(error) => return unavailable(&app, &error.to_string()),
    };
    let admitted =
        if plain { app.admission.polls(principal.credential()) } else { app.admission.connects(principal.credential()) };
    if !admitted {
        return later(&app, StatusCode::TOO_MANY_REQUESTS);
    }
    if plain {
        return poll(app, principal, request).await;
    }
    let Ok(seat) = app.seats.clone().try_acquire_owned() else { return later(&app, StatusCode::SERVICE_UNAVAILABLE) };
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &app).await {
        Ok(upgrade) => upgrade
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_write_buffer_size(MESSAGE_BYTES_MAX * 2)
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| socket::serve(app, principal, socket, seat)),
        Err(rejection) => rejection.into_response(),
    }
}

/// One message in, one out.
async fn poll(app: App, principal: Principal, request: Request) -> Response {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let headers = request.headers().clone();
    let body = match Bytes::from_request(request, &app).await {
        Ok(body) => body,
        Err(rejection) => return rejection.into_response(),
    };
    let body = match inflated(&headers, body) {
        Ok(body) => body,
        Err(status) => {
            app.figures.refused.add(1);
            return status.into_response();
        }
    };
    let Ok(message) = AgentToServer::decode(body) else {
        app.figures.refused.add(1);
        return (StatusCode::BAD_REQUEST, "the body is no message of OpAMP\n").into_response();
    };
    let mut exchange = Exchange::new(app.clone(), principal, None);
    match exchange.answer(message).await {
        Ok(answer) => answered(&headers, &answer),
        Err(error) => unavailable(&app, &error.to_string()),
    }
}

/// A body as it was before it was compressed.
fn inflated(headers: &HeaderMap, body: Bytes) -> Result<Bytes, StatusCode> {
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => {}
        Some(b"gzip") => {
            let mut plain = Vec::new();
            let mut reader = GzDecoder::new(body.as_ref()).take(MESSAGE_BYTES_MAX as u64 + 1);
            reader.read_to_end(&mut plain).map_err(|_| StatusCode::BAD_REQUEST)?;
            return if plain.len() > MESSAGE_BYTES_MAX { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(plain.into()) };
        }
        Some(_) => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
    if body.len() > MESSAGE_BYTES_MAX { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(body) }
}

fn answered(headers: &HeaderMap, answer: &ServerToAgent) -> Response {
    let bytes = answer.encode_to_vec();
    let kind = (CONTENT_TYPE, HeaderValue::from_static(warren_opamp::CONTENT_TYPE));
    if bytes.len() >= GZIP_BYTES_MIN && accepts_gzip(headers) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        if let Ok(Ok(zipped)) = encoder.write_all(&bytes).map(|()| encoder.finish()) {
            return ([kind, (CONTENT_ENCODING, HeaderValue::from_static("gzip"))], zipped).into_response();
        }
    }
    ([kind], bytes).into_response()
}

/// Whether an answer may be gzipped: it is named, or everything is, and not with the weight of nothing.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let list = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let (mut named, mut any) = (None, None);
    for item in list {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |text| text.parse::<f32>().unwrap_or(0.0));
        match coding {
            "gzip" | "x-gzip" => named = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    named.or(any).is_some_and(|weight| weight > 0.0)
}

fn unavailable(app: &App, error: &str) -> Response {
    app.figures.refused.add(1);
    app.log.error("A collector cannot be served", &[("error", warren_telemetry::Field::Str(error))]);
    come_again(StatusCode::SERVICE_UNAVAILABLE)
}

/// A collector is to come again later: there are too many now, or it has come too often.
fn later(app: &App, status: StatusCode) -> Response {
    app.figures.deferred.add(1);
    come_again(status)
}

fn come_again(status: StatusCode) -> Response {
    (status, [(RETRY_AFTER, retry_after().as_secs().to_string())]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_gzipped_for_those_who_accept_it() {
        let accepts = |value: &str| {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())]);
            accepts_gzip(&headers)
        };
        for value in ["gzip", "br, gzip;q=0.5", "*", "gzip;q=1, *;q=0"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["br", "gzip;q=0", "*;q=0", "gzip;q=0, *", ""] {
            assert!(!accepts(value), "{value}");
        }
    }

    #[test]
    fn what_is_too_large_inflated_is_refused() {
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&vec![0; MESSAGE_BYTES_MAX + 1]).unwrap();
        let bomb = Bytes::from(encoder.finish().unwrap());
        assert_eq!(inflated(&headers, bomb), Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(inflated(&headers, Bytes::from_static(b"no gzip")), Err(StatusCode::BAD_REQUEST));
    }
}
