//! Packages of collectors: what there is to be rolled out.

use super::body::{Json, Trial};
use crate::app::App;
use crate::auth::Caller;
use crate::packages::Received;
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use warren_package::{COLLECTOR, signed_label};
use warren_store::{Entry, Package, Role};

/// Longest URL.
const URL_BYTES_MAX: usize = 2048;

/// A package, as its signature describes it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    /// The signature, as minisign writes it; its trusted comment is `NAME VERSION OS ARCH SHA256 BUILT EXPIRES [allow-downgrade]`.
    signature: String,
    /// Where collectors get its content; without one it is to be sent here.
    #[serde(default)]
    url: String,
}

/// Packages, by version, and which of them holds.
#[utoipa::path(get, path = "/api/v1/packages", responses((status = 200, body = Value)))]
pub(crate) async fn list(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    let released = app.store.released_package().await?;
    Ok(axum::Json(json!({"released": released, "items": app.store.packages().await?})).into_response())
}

/// The packages of a version.
#[utoipa::path(
    get, path = "/api/v1/packages/{version}", params(("version" = String, Path)), responses((status = 200, body = Value))
)]
pub(crate) async fn read(State(app): State<App>, caller: Caller, Path(version): Path<String>) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Viewer)?;
    match app.store.packages_of(&version).await? {
        packages if packages.is_empty() => Err(missing(&version)),
        packages => Ok(axum::Json(json!({"items": packages})).into_response()),
    }
}

/// Adds a package by its signature. Unless it has a URL, its content is to be sent next.
#[utoipa::path(
    post, path = "/api/v1/packages", params(Trial), request_body = New,
    responses((status = 201, body = Package), (status = 409, body = Problem))
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(trial): Query<Trial>,
    Json(new): Json<New>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let label = signed_label(&new.signature).map_err(|refusal| Problem::bad(refusal.to_string()))?;
    if label.name != COLLECTOR {
        return Err(Problem::bad(format!("packages of {COLLECTOR} are kept; this one is of {:?}", label.name)));
    }
    if new.url.is_empty() && !app.files.is_there() {
        return Err(Problem::bad("content is not kept here: give a url, or serve with --packages DIRECTORY"));
    }
    let is_url = new.url.starts_with("https://") || new.url.starts_with("http://");
    if !new.url.is_empty() && (!is_url || new.url.len() > URL_BYTES_MAX || new.url.contains(char::is_control)) {
        return Err(Problem::bad("url: it begins with https:// or http://"));
    }
    let package = Package {
        version: label.version,
        os: label.os,
        arch: label.arch,
        sha256: label.sha256,
        size: 0,
        url: new.url,
        signature: new.signature,
        built: label.built,
        expires: label.expires,
        allow_downgrade: label.allow_downgrade,
        author: caller.actor().name,
        created: crate::app::now(),
    };
    let mut change = app.store.begin().await?;
    // One whose content was cut off is given again.
    let known = app.store.packages_of(&package.version).await?;
    let same = |known: &Package| (&known.os, &known.arch, &known.sha256) == (&package.os, &package.arch, &package.sha256);
    if known.iter().any(|known| same(known) && known.size == 0 && known.url.is_empty()) {
        change.put_package(&package).await?;
    } else {
        change.add_package(&package).await?;
    }
    if !trial.dry_run {
        let detail = json!({"os": package.os, "arch": package.arch, "sha256": package.sha256, "url": package.url});
        change.commit(&caller.actor(), &[Entry::new("", "package.create", resource(&package.version), detail)]).await?;
    }
    let status = if trial.dry_run { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, axum::Json(package)).into_response())
}

/// Takes the content of a package, if it is what was signed.
#[utoipa::path(
    put, path = "/api/v1/packages/{version}/{os}/{arch}/content", request_body(content = String, content_type = "application/octet-stream"),
    params(("version" = String, Path), ("os" = String, Path), ("arch" = String, Path), Trial),
    responses((status = 200, body = Package), (status = 422, body = Problem))
)]
pub(crate) async fn upload(
    State(app): State<App>,
    caller: Caller,
    Path((version, os, arch)): Path<(String, String, String)>,
    Query(trial): Query<Trial>,
    body: Body,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let packages = app.store.packages_of(&version).await?;
    let package = packages.into_iter().find(|package| package.os == os && package.arch == arch);
    let mut package = package.ok_or_else(|| missing(&version))?;
    if trial.dry_run {
        return Ok(axum::Json(package).into_response());
    }
    let unwritten = |error: std::io::Error| {
        let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the content cannot be written");
        Problem { cause: Some(crate::problem::Cause(error.to_string())), ..problem }
    };
    match app.files.receive(&package.sha256, &package.signature, body).await.map_err(unwritten)? {
        Received::Refused(reason) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason)),
        Received::Kept(size) => {
            package.size = size;
            let mut change = app.store.begin().await?;
            change.put_package(&package).await?;
            let detail = json!({"os": os, "arch": arch, "sha256": package.sha256, "size": size});
            change.commit(&caller.actor(), &[Entry::new("", "package.content", resource(&version), detail)]).await?;
            Ok(axum::Json(package).into_response())
        }
    }
}

/// Removes the packages of a version that nobody is to have.
#[utoipa::path(
    delete, path = "/api/v1/packages/{version}", params(("version" = String, Path), Trial),
    responses((status = 204), (status = 409, body = Problem))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(version): Path<String>,
    Query(trial): Query<Trial>,
) -> Result<Response, Problem> {
    caller.may_everywhere(Role::Releaser)?;
    let packages = app.store.packages_of(&version).await?;
    let mut change = app.store.begin().await?;
    let active = app.store.active_rollout().await?;
    if app.store.released_package().await? == version
        || active.is_some_and(|rollout| rollout.package == version || rollout.package_before == version)
    {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            format!("version {version} is what servers are to have; roll out another first"),
        ));
    }
    change.remove_packages(&version).await?;
    if !trial.dry_run {
        change.commit(&caller.actor(), &[Entry::new("", "package.remove", resource(&version), json!({}))]).await?;
        for package in packages {
            // The same content may be there under another version.
            let shared = app.store.package_with(&package.sha256).await?.is_some();
            if !shared && let Err(error) = app.files.remove(&package.sha256).await {
                let fields = [("error", warren_telemetry::Field::Display(&error))];
                app.log.error("The content of a package that was removed is left lying", &fields);
            }
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn resource(version: &str) -> String {
    format!("packages/{version}")
}

fn missing(version: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no package {version:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use minisign::KeyPair;
    use std::io::Cursor;
    use warren_store::Token;

    fn releaser() -> Caller {
        let token = Token { id: "tok-0".into(), name: "test".into(), role: Role::Admin, tenant: String::new() };
        Caller { token, address: String::new() }
    }

    fn signed(content: &[u8]) -> New {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let label = format!("{COLLECTOR} 2.0.0 linux amd64 {} 1 2", warren_package::sha256(content));
        let signature = minisign::sign(None, &pair.sk, Cursor::new(content), Some(&label), None).unwrap();
        New { signature: signature.into_string(), url: String::new() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_package_whose_content_was_cut_off_can_be_given_again() {
        let (app, _directory) = App::scratch().await;
        let add = async |content: &[u8]| {
            let added = create(State(app.clone()), releaser(), Query(Trial { dry_run: false }), Json(signed(content))).await;
            added.map(|answer| answer.status().as_u16()).map_err(|problem| problem.status)
        };
        assert_eq!(add(b"program").await, Ok(201));
        assert_eq!(add(b"program").await, Ok(201), "nothing of it has come yet");
        assert_eq!(add(b"another").await, Err(409), "of one version there is one content");
        let place = ("2.0.0".to_owned(), "linux".to_owned(), "amd64".to_owned());
        let sent = upload(State(app.clone()), releaser(), Path(place), Query(Trial { dry_run: false }), Body::from("program"));
        assert!(sent.await.is_ok());
        assert_eq!(add(b"program").await, Err(409), "it is there, whole");
        assert_eq!(app.store.packages_of("2.0.0").await.unwrap().len(), 1);
    }
}
