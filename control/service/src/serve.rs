//! The program that serves.

use crate::app::{App, Bounds, now};
use crate::bus::{self, Bus};
use crate::listen::{Door, Peer, Tls};
use crate::nodes::Duty;
use crate::packages::{self, Files};
use crate::watch::{Query, silence, watch};
use crate::{api, emergency, nodes, opamp, ramp, rollout};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use warren_package::Keys;
use warren_store::{Actor, Entry, MasterKey, Role, Store, new_token, sqlite_file};
use warren_telemetry::{Field, LogSettings, Logger, PageStyle};

/// How often it is written down when collectors were heard of, at most, and where other nodes have to know as well.
const FLUSH: Duration = Duration::from_secs(30);
const FLUSH_SHARED: Duration = Duration::from_secs(10);

/// Files that are not connections of collectors.
const OTHER_FILES: u64 = 500;

/// Entries written down in one go.
const FLUSH_MAX: usize = 5000;

/// Connections besides those of collectors that stay.
const OTHER_PLACES: usize = 300;

/// When it is looked for what is to be forgotten: soon after the start, and how often after that.
const FORGET_FIRST: Duration = Duration::from_secs(10);
const FORGET: Duration = Duration::from_secs(3600);

/// Milliseconds of a day.
const DAY: i64 = 24 * 3600 * 1000;

/// How long the first token is good, in milliseconds.
const FIRST_TOKEN: i64 = 366 * DAY;

/// How the control plane is to be served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on.
    pub listen: String,
    /// Where what is known is kept: `sqlite:PATH` or `postgres://…`.
    pub store: String,
    /// The file of the key that secrets are encrypted with; beside the database of SQLite if it is not given.
    pub key_file: Option<PathBuf>,
    /// Seconds between two signs of life of a collector.
    pub heartbeat: u64,
    /// Where it is asked whether data arrives; nowhere if it is not given.
    pub query: Option<Query>,
    /// The bus where it is seen whether data arrives; none if it is not given.
    pub bus: Option<Bus>,
    /// Days after which history, the audit log and what opens nothing any more are forgotten; never if zero.
    pub keep_days: u32,
    /// Requests to the API a second that each token may make, twice as many at once; without limit if zero.
    pub api_rate: u32,
    /// The certificate, and what is asked of clients; no TLS if it is not given.
    pub tls: Option<Tls>,
    /// Whether others than this machine may be served without TLS.
    pub insecure: bool,
    /// Collectors that are let in each second, twice as many at once; without limit if zero.
    pub admit_rate: u32,
    /// Servers that are told each second of a change for many; all at once if zero.
    pub push_rate: u32,
    /// How long it takes at the end to send collectors to other nodes.
    pub drain: Duration,
    /// Where the content of packages is kept; none is if it is not given.
    pub packages: Option<PathBuf>,
    /// The file of the keys that what is kept there has to be signed with; anybody's will do if it is not given.
    pub package_keys: Option<PathBuf>,
    /// Where collectors get packages; by the address at which they reach this program if it is not given.
    pub public_url: Option<String>,
}

/// Serves until a signal ends it.
///
/// # Errors
/// What kept it from starting, in words.
pub async fn serve(options: Options) -> Result<(), String> {
    let log = Logger::new(LogSettings::default());
    // What is written here is nobody else's to read.
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let key_file = options.key_file.clone().or_else(|| beside(&options.store, "key"));
    let key_file = key_file.ok_or("say where the key of secrets is: --key-file PATH")?;
    let keys = MasterKey::from_file(&key_file).map_err(|error| error.to_string())?;
    let store = Store::open(&options.store, keys).await.map_err(|error| format!("store: {error}"))?;
    first_token(&store, &key_file.with_extension("admin-token"), &log).await?;
    let bounds = Bounds {
        heartbeat: options.heartbeat,
        api_rate: options.api_rate,
        admit_rate: options.admit_rate,
        push_rate: options.push_rate,
        connections_max: connections_max(),
    };
    let keys = options.package_keys.as_deref().map(trusted).transpose()?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let files = Files::new(options.packages.clone(), options.public_url.clone(), keys).reached_by(scheme);
    let app = App::new(store.clone(), log.clone(), bounds, files);
    let broken = "Connections that ended before TLS was agreed on: no certificate, a wrong one, or no TLS at all.";
    let broken = app.registry.counter("warren_tls_failures_total", broken, &[]);
    let door = Door::open(&options.listen, options.tls.as_ref(), connections_max() + OTHER_PLACES, &log, broken).await?;
    let address = door.address();
    if options.tls.is_none() && !address.ip().is_loopback() {
        if !options.insecure {
            return Err(format!(
                "listen {address}: secrets go to collectors from here, and without TLS anybody on the way reads them: give --tls-cert and --tls-key, \
                 listen on 127.0.0.1 behind a proxy that has a certificate, or say --insecure"
            ));
        }
        log.warn("Served without TLS: anybody on the way reads tokens and secrets", &[("address", Field::Display(&address))]);
    }
    let mut background = JoinSet::new();
    background.spawn(flush(app.clone()));
    background.spawn(ramp::run(app.clone()));
    background.spawn(rollout::run(app.clone()));
    background.spawn(emergency::run(app.clone()));
    if store.is_shared() {
        background.spawn(nodes::hear(app.clone()));
    }
    if options.keep_days > 0 {
        background.spawn(forget(app.clone(), i64::from(options.keep_days) * DAY));
    }
    if let Some(query) = options.query.clone() {
        background.spawn(watch(app.clone(), query));
    }
    if let Some(bus) = options.bus.clone() {
        background.spawn(bus::watch(app.clone(), bus));
    }
    if options.query.is_some() || options.bus.is_some() {
        background.spawn(silence(app.clone()));
    }
    log.info("Serving", &[("address", Field::Display(&address)), ("version", Field::Str(env!("CARGO_PKG_VERSION")))]);
    let service = routes(app.clone()).into_make_service_with_connect_info::<Peer>();
    // Collectors keep their connections open; they are not waited for.
    let served = tokio::select! {
        served = axum::serve(door, service) => served.map_err(|error| error.to_string()),
        () = async {
            asked_to_end().await;
            drain(&app, options.drain).await;
        } => Ok(()),
    };
    background.abort_all();
    write_down(&app).await;
    nodes::leave(&app).await;
    store.close().await;
    log.info("Ended", &[]);
    served
}

/// Sends collectors away one after the other, so that other nodes take them in at their pace; a second signal ends that.
async fn drain(app: &App, time: Duration) {
    let connected = app.hub.all_connected();
    if time.is_zero() || connected.is_empty() {
        return;
    }
    app.ends.store(true, Ordering::Relaxed);
    app.log.info("Collectors are sent to other nodes", &[("collectors", Field::Display(&connected.len()))]);
    let pause = time.div_f64(connected.len() as f64);
    let away = async {
        let begun = Instant::now();
        for (uid, number) in connected.iter().zip(1..) {
            app.hub.send_away(uid);
            tokio::time::sleep_until(begun + pause * number).await;
        }
    };
    tokio::select! {
        () = away => {}
        () = asked_to_end() => {}
    }
}

/// How many collectors may stay connected: as many as there may be files, of which as many are asked for as there can be.
fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let files = if raised.is_ok() { limit.maximum } else { limit.current };
    let places = files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES).max(OTHER_FILES);
    usize::try_from(places).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

fn routes(app: App) -> Router {
    Router::new()
        .nest("/api/v1", api::routes(&app))
        .route(warren_opamp::PATH, any(opamp::handle).layer(DefaultBodyLimit::max(opamp::MESSAGE_BYTES_MAX)))
        .route(&format!("{}/{{sha256}}", packages::PATH), get(packages::serve))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .with_state(app)
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    if let Ok(servers) = app.store.server_count().await {
        app.registry.gauge("warren_servers", "Servers that are registered.", &[]).set(servers as f64);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.registry.render(&PageStyle::default()))
}

async fn health(State(app): State<App>) -> impl IntoResponse {
    match app.store.server_count().await {
        Ok(_) if app.ends.load(Ordering::Relaxed) => (StatusCode::SERVICE_UNAVAILABLE, "this node ends\n"),
        Ok(_) => (StatusCode::OK, "ok\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

/// Writes down now and then when collectors were heard of.
async fn flush(app: App) {
    let often = if app.store.is_shared() { FLUSH_SHARED.min(Duration::from_secs(app.bounds.heartbeat.max(1))) } else { FLUSH };
    loop {
        tokio::time::sleep(often).await;
        write_down(&app).await;
    }
}

/// Forgets now and then what is older than this, in milliseconds.
async fn forget(app: App, age: i64) {
    let actor = Actor { name: "retention".to_owned(), address: String::new() };
    let mut wait = FORGET_FIRST;
    loop {
        tokio::time::sleep(std::mem::replace(&mut wait, FORGET)).await;
        if !nodes::is_ours(&app, Duty::Retention).await {
            continue;
        }
        match app.store.forget(now() - age, &actor).await {
            Ok(0) => {}
            Ok(rows) => app.log.info("What is old is forgotten", &[("rows", Field::Display(&rows))]),
            Err(error) => app.log.error("What is old cannot be forgotten", &[("error", Field::Display(&error))]),
        }
    }
}

async fn write_down(app: &App) {
    let touched = app.hub.touched();
    for part in touched.chunks(FLUSH_MAX) {
        let written = async {
            let mut change = app.store.begin().await?;
            change.touch_clients(part).await?;
            change.commit(&Actor::default(), &[]).await
        };
        if let Err(error) = written.await {
            app.log.error("When collectors were heard of cannot be written down", &[("error", Field::Display(&error))]);
        }
    }
}

/// A store without tokens gets one for its administrator, in a file for this user alone.
async fn first_token(store: &Store, path: &Path, log: &Logger) -> Result<(), String> {
    if !store.tokens(None).await.map_err(|error| error.to_string())?.is_empty() {
        return Ok(());
    }
    let token = new_token("wrn_").map_err(|error| error.to_string())?;
    // Before it is good: a token that nobody could read would be the only one there is.
    let file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| writeln!(file, "{token}"));
    written.map_err(|error| format!("the first token cannot be written to {}: {error}", path.display()))?;
    let made = async {
        let mut change = store.begin().await?;
        let info = change.add_token(&token, "first", Role::Admin, "", now() + FIRST_TOKEN).await?;
        let actor = Actor { name: "start".to_owned(), address: String::new() };
        let entry = Entry::new("", "token.create", format!("tokens/{}", info.id), json!({"name": "first", "role": "admin"}));
        change.commit(&actor, &[entry]).await?;
        Ok::<_, warren_store::StoreError>(())
    };
    made.await.map_err(|error| error.to_string())?;
    log.info("The administrator's token is in a file", &[("path", Field::Display(&path.display()))]);
    Ok(())
}

/// The keys in a file.
fn trusted(path: &Path) -> Result<Keys, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Keys::parse(&text).map_err(|refusal| format!("{}: {refusal}", path.display()))
}

/// A file beside the database of SQLite.
fn beside(store: &str, extension: &str) -> Option<PathBuf> {
    Some(sqlite_file(store).ok()?.with_extension(extension))
}

async fn asked_to_end() {
    let wait = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt, StreamExt};
    use tokio::net::TcpListener;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_floods_is_shut_out_whatever_it_sends() {
        let (app, _directory) = App::scratch().await;
        let mut change = app.store.begin().await.unwrap();
        change.add_enrolment("token", "a", i64::MAX).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move { axum::serve(listener, routes(app)).await });
        for flood in [Message::Ping(Vec::new().into()), Message::Binary(vec![0].into())] {
            let mut request = format!("ws://{address}/v1/opamp").into_client_request().unwrap();
            request.headers_mut().insert("authorization", "Bearer token".parse().unwrap());
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
            for _ in 0..200 {
                // Shut out meanwhile, it cannot send any more.
                let _ = socket.send(flood.clone()).await;
            }
            let ended = async { while let Some(Ok(_)) = socket.next().await {} };
            tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the connection ends");
        }
        served.abort();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_token_is_good_only_once_it_can_be_read() {
        let (app, directory) = App::scratch().await;
        let (store, log) = (&app.store, &app.log);
        let error = first_token(store, &directory.path().join("missing/token"), log).await.unwrap_err();
        assert!(error.contains("missing/token"), "{error}");
        let path = directory.path().join("token");
        first_token(store, &path, log).await.unwrap();
        let token = std::fs::read_to_string(&path).unwrap();
        assert_eq!(store.token(token.trim()).await.unwrap().unwrap().role, Role::Admin);
    }
}
