use super::*;
use crate::app::App;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use axum::response::Response;
use minisign::KeyPair;
use std::io::Cursor;
use warren_package::{Keys, Label, sha256};
use warren_store::{Actor, Package};

const CONTENT: &[u8] = b"a program of some bytes";

/// A control plane that keeps a content, for an enrolled collector.
async fn scene() -> (App, tempfile::TempDir) {
    let (app, directory) = App::scratch().await;
    let mut change = app.store.begin().await.unwrap();
    change.add_credential("credential", "a").await.unwrap();
    change.add_enrolment("token", "a", i64::MAX).await.unwrap();
    let package = Package { version: "2.0.0".into(), sha256: sha256(CONTENT), ..Package::default() };
    change.add_package(&package).await.unwrap();
    change.commit(&Actor::default(), &[]).await.unwrap();
    let received = app.files.receive(&sha256(CONTENT), "", Body::from(CONTENT)).await.unwrap();
    assert!(matches!(received, Received::Kept(size) if size == CONTENT.len() as u64));
    (app, directory)
}

async fn asked(app: &App, token: &str, range: Option<&'static str>, content: &str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
    headers.extend(range.map(|range| (RANGE, HeaderValue::from_static(range))));
    serve(State(app.clone()), None, headers, Path(content.to_owned())).await
}

async fn body(response: Response) -> Bytes {
    to_bytes(response.into_body(), 1 << 20).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolled_collectors_get_a_content_whole_or_from_where_it_was_cut_off() {
    let (app, _directory) = scene().await;
    let hash = sha256(CONTENT);
    let whole = asked(&app, "credential", None, &hash).await;
    assert_eq!((whole.status().as_u16(), &body(whole).await[..]), (200, CONTENT));
    let rest = asked(&app, "credential", Some("bytes=10-"), &hash).await;
    assert_eq!(rest.headers()[CONTENT_RANGE], format!("bytes 10-{}/{}", CONTENT.len() - 1, CONTENT.len()).as_str());
    assert_eq!((rest.status().as_u16(), &body(rest).await[..]), (206, &CONTENT[10..]));
    assert_eq!(asked(&app, "credential", Some("bytes=99-"), &hash).await.status().as_u16(), 416);
    for token in ["token", "nonsense", ""] {
        assert_eq!(asked(&app, token, None, &hash).await.status().as_u16(), 401, "{token}");
    }
    for content in ["../db", "", &"0".repeat(64), &hash[1..]] {
        assert_eq!(asked(&app, "credential", None, content).await.status().as_u16(), 404, "{content}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_signed_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("packages");
    let pair = KeyPair::generate_unencrypted_keypair().unwrap();
    let keys = Keys::parse(&pair.pk.to_base64()).unwrap();
    let files = Files::new(Some(place.clone()), None, Some(keys));
    let hash = sha256(CONTENT);
    let label = Label::parse(&format!("{} 2.0.0 linux amd64 {hash} 0 1", warren_package::COLLECTOR)).unwrap();
    let signed = |pair: &KeyPair| {
        minisign::sign(None, &pair.sk, Cursor::new(CONTENT), Some(&label.to_string()), None).unwrap().into_string()
    };
    let stranger = KeyPair::generate_unencrypted_keypair().unwrap();
    for (content, signature) in
        [(&CONTENT[1..], signed(&pair)), (b"", signed(&pair)), (CONTENT, signed(&stranger)), (CONTENT, String::new())]
    {
        let received = files.receive(&hash, &signature, Body::from(Bytes::copy_from_slice(content))).await.unwrap();
        assert!(matches!(received, Received::Refused(_)));
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "nothing is left lying");
    }
    assert!(matches!(files.receive(&hash, &signed(&pair), Body::from(CONTENT)).await.unwrap(), Received::Kept(_)));
    files.remove(&hash).await.unwrap();
    files.remove(&hash).await.unwrap();
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    let nowhere = Files::new(None, None, None);
    assert!(matches!(nowhere.receive(&hash, "", Body::from(CONTENT)).await.unwrap(), Received::Refused(_)));
}
