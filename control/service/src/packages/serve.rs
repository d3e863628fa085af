//! The content of packages for collectors: whole, or from where they were cut off.

use crate::app::App;
use crate::listen::Peer;
use crate::opamp::{By, principal};
use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, RETRY_AFTER,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use futures_util::stream::unfold;
use std::io::{ErrorKind, SeekFrom};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use warren_telemetry::Field;

/// What is sent at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Seconds after which somebody may come again for whom there was no turn.
const AGAIN: &str = "30";

/// Sends a content to a collector that is enrolled.
pub(crate) async fn serve(
    State(app): State<App>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
    Path(sha256): Path<String>,
) -> axum::response::Response {
    let certificate = peer.and_then(|peer| peer.0.0.certificate);
    let known = match principal(&app, &headers, certificate.as_deref()).await {
        Ok(known) => known,
        Err(error) => {
            app.log.error("A package cannot be sent", &[("error", Field::Display(&error))]);
            return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN)]).into_response();
        }
    };
    if known.is_none_or(|known| matches!(known.by, By::Enrolment { .. })) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (Some(path), Ok(Some(_))) = (app.files.path(&sha256), app.store.package_with(&sha256).await) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Some(turn) = app.files.turn() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, AGAIN)]).into_response();
    };
    let opened = async {
        let mut file = File::open(path).await?;
        let size = file.metadata().await?.len();
        let from = from(&headers, size);
        file.seek(SeekFrom::Start(from.unwrap_or(0))).await?;
        Ok::<_, std::io::Error>((file, size, from))
    };
    let (file, size, from) = match opened.await {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            app.log.error("A package cannot be read", &[("error", Field::Display(&error))]);
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    if from.is_some_and(|from| from >= size) {
        return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, format!("bytes */{size}"))]).into_response();
    }
    let left = size - from.unwrap_or(0);
    let pieces = unfold((file, left, turn), |(mut file, left, turn)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(PIECE_BYTES))];
        match file.read(&mut piece).await {
            Ok(0) => Some((Err(std::io::Error::from(ErrorKind::UnexpectedEof)), (file, 0, turn))),
            Ok(read) => {
                piece.truncate(read);
                Some((Ok(piece), (file, left.saturating_sub(read as u64), turn)))
            }
            Err(error) => Some((Err(error), (file, 0, turn))),
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(left));
    if let Some(from) = from
        && let Ok(range) = HeaderValue::try_from(format!("bytes {from}-{}/{size}", size.saturating_sub(1)))
    {
        fields.insert(CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// Where to begin, if not at the beginning: other ranges than those to the end are not served apart.
fn from(headers: &HeaderMap, size: u64) -> Option<u64> {
    let (from, to) = headers.get(RANGE)?.to_str().ok()?.trim().strip_prefix("bytes=")?.split_once('-')?;
    let last = to.is_empty() || to.parse::<u64>().is_ok_and(|to| to.saturating_add(1) >= size);
    from.parse().ok().filter(|_| last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ranges_to_the_end_are_served_apart() {
        for (range, expected) in [
            ("bytes=5-", Some(5)),
            ("bytes=5-9", Some(5)),
            ("bytes=5-99", Some(5)),
            ("bytes=5-18446744073709551615", Some(5)),
            ("bytes=5-7", None),
            ("bytes=-3", None),
            ("bytes=1-2,4-", None),
            ("lines=5-", None),
        ] {
            let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
            assert_eq!(from(&headers, 10), expected, "{range}");
        }
        assert_eq!(from(&HeaderMap::new(), 10), None);
    }
}
