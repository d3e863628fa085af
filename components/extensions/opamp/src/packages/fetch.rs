//! Fetching a file: piece by piece onto the disk, on from where it was cut off, within bounds.

use crate::config::PackageConfig;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE};
use http::{Method, Request, Response, StatusCode};
use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use warren_http::{Body, Client};

/// Attempts, and the longest wait between two.
const ATTEMPTS: u32 = 16;
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What is written at a time.
const PIECE_BYTES: usize = 256 << 10;

/// How long the next piece may take to come.
const SILENCE: Duration = Duration::from_secs(60);

/// Where a file is.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
}

/// How far it has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    fetched: AtomicU64,
    total: AtomicU64,
    bytes_per_second: AtomicU64,
}

/// Why it has not come.
#[derive(Debug, PartialEq, Eq)]
enum Broken {
    /// It may come the next time.
    Again(String),
    /// It will not.
    Final(String),
}

impl Progress {
    /// Hundredths, and bytes a second.
    pub(super) fn now(&self) -> (f64, f64) {
        let [fetched, total, speed] =
            [&self.fetched, &self.total, &self.bytes_per_second].map(|figure| figure.load(Ordering::Relaxed) as f64);
        (if total > 0.0 { (fetched * 100.0 / total).min(100.0) } else { 0.0 }, speed)
    }
}

/// Fetches a file into a directory, under a name; gives where it is. What is there of it already is not fetched again.
///
/// # Errors
/// When it cannot be had.
pub(super) async fn fetch(
    client: &Client,
    source: &Source,
    (directory, name): (&Path, &str),
    config: &PackageConfig,
    progress: &Progress,
) -> Result<PathBuf, String> {
    let mut wait = Duration::from_secs(1);
    for attempt in 1.. {
        match once(client, source, (directory, name), config, progress).await {
            Ok(path) => return Ok(path),
            Err(Broken::Final(reason)) => return Err(reason),
            Err(Broken::Again(reason)) if attempt >= ATTEMPTS => return Err(format!("{reason} ({attempt} attempts)")),
            Err(Broken::Again(_)) => sleep(wait).await,
        }
        wait = (wait * 2).min(WAIT_MAX);
    }
    Err("it was not fetched".to_owned())
}

async fn once(
    client: &Client,
    source: &Source,
    (directory, name): (&Path, &str),
    config: &PackageConfig,
    progress: &Progress,
) -> Result<PathBuf, Broken> {
    let (place, name) = (directory.to_owned(), name.to_owned());
    let (path, there) = blocking(directory, move || begun(&place, &name)).await?;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = source.url.parse().map_err(|_| Broken::Final("the download URL is none".to_owned()))?;
    request.headers_mut().clone_from(&source.headers);
    if there > 0
        && let Ok(range) = HeaderValue::try_from(format!("bytes={there}-"))
    {
        request.headers_mut().insert(RANGE, range);
    }
    let reply = client.send(request).await.map_err(|error| Broken::Again(error.to_string()))?;
    let (from, total) = match extent(&reply, there) {
        Ok(extent) => extent,
        Err(broken) => {
            if reply.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                let gone = path.clone();
                blocking(&path, move || std::fs::remove_file(gone)).await?;
            }
            return Err(broken);
        }
    };
    if total > config.max_bytes as u64 {
        return Err(Broken::Final(format!("the package has {total} bytes; {} are taken at most (max_bytes)", config.max_bytes)));
    }
    progress.total.store(total, Ordering::Relaxed);
    let kept = path.clone();
    let file = blocking(&path, move || opened(&kept, from, total)).await?;
    written(reply.into_body(), (file, &path), (from, total), config, progress).await?;
    Ok(path)
}

/// Writes what comes, as fast as it may.
async fn written(
    mut body: Body,
    (mut file, path): (File, &Path),
    (from, total): (u64, u64),
    config: &PackageConfig,
    progress: &Progress,
) -> Result<(), Broken> {
    let began = Instant::now();
    let (mut fetched, mut piece, mut more) = (from, Vec::with_capacity(PIECE_BYTES), true);
    while more {
        match timeout(SILENCE, body.window()).await {
            Err(_) => return Err(Broken::Again("the server sends nothing any more".to_owned())),
            Ok(Err(error)) => {
                // What has come is kept for the next attempt.
                let _ = blocking(path, move || file.write_all(&piece)).await;
                return Err(Broken::Again(error.to_string()));
            }
            Ok(Ok(Some(window))) => piece.extend_from_slice(window),
            Ok(Ok(None)) => more = false,
        }
        if piece.len() < PIECE_BYTES && more {
            continue;
        }
        fetched += piece.len() as u64;
        if fetched > total {
            return Err(Broken::Final("the server sends more than it said".to_owned()));
        }
        (file, piece) = blocking(path, move || {
            file.write_all(&piece)?;
            piece.clear();
            Ok((file, piece))
        })
        .await?;
        let took = began.elapsed().as_secs_f64();
        progress.fetched.store(fetched, Ordering::Relaxed);
        progress.bytes_per_second.store(((fetched - from) as f64 / took.max(0.001)) as u64, Ordering::Relaxed);
        if config.bytes_per_second > 0 {
            sleep_until(began + Duration::from_secs_f64((fetched - from) as f64 / config.bytes_per_second as f64)).await;
        }
    }
    if fetched < total {
        return Err(Broken::Again(format!("it was cut off after {fetched} of {total} bytes")));
    }
    blocking(path, move || file.sync_all()).await
}

/// Where the file begins that comes, and how large it is as a whole.
fn extent<B>(reply: &Response<B>, there: u64) -> Result<(u64, u64), Broken> {
    let text = |name| reply.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match reply.status() {
        StatusCode::OK => match text(CONTENT_LENGTH).and_then(number) {
            Some(total) => Ok((0, total)),
            None => Err(Broken::Final("the server does not say how large the package is".to_owned())),
        },
        StatusCode::PARTIAL_CONTENT => {
            let range = text(CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes ")?.split_once('/'));
            let parts = range.and_then(|(range, total)| Some((number(range.split_once('-')?.0)?, number(total)?)));
            match parts {
                Some((from, total)) if from == there && total >= from => Ok((from, total)),
                _ => Err(Broken::Final("the server sends another part than it was asked for".to_owned())),
            }
        }
        status @ (StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => {
            Err(Broken::Again(format!("the server answered {status}")))
        }
        status if status.is_server_error() => Err(Broken::Again(format!("the server answered {status}"))),
        status => Err(Broken::Final(format!("the server answered {status}"))),
    }
}

/// The file and how much of it is there. Of others that were begun nothing is kept.
fn begun(directory: &Path, name: &str) -> std::io::Result<(PathBuf, u64)> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let path = directory.join(name);
    for entry in std::fs::read_dir(directory)?.flatten().filter(|entry| entry.path() != path) {
        std::fs::remove_file(entry.path())?;
    }
    match std::fs::metadata(&path) {
        Ok(metadata) => Ok((path, metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((path, 0)),
        Err(error) => Err(error),
    }
}

/// Opens it where it goes on, if there is room for twice as much as it has: what it makes room for needs some, too.
fn opened(path: &Path, from: u64, total: u64) -> std::io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    if from == 0 {
        file.set_len(0)?;
    }
    let space = rustix::fs::fstatvfs(&file)?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let wanted = total.saturating_mul(2).saturating_sub(from);
    if free < wanted {
        let text = format!("{free} bytes are free, and {wanted} are wanted");
        return Err(std::io::Error::new(ErrorKind::StorageFull, text));
    }
    Ok(file)
}

/// Does what waits for the disk; what goes wrong is told with the place.
async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Broken> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| Broken::Final(format!("{}: {error}", path.display()))),
        Err(_) => Err(Broken::Final("interrupted".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: &[(&str, &str)]) -> Response<()> {
        let reply = headers.iter().fold(Response::builder().status(status), |reply, (name, value)| reply.header(*name, *value));
        reply.body(()).unwrap()
    }

    #[test]
    fn what_the_server_says_of_the_file_is_held_against_what_was_asked_for() {
        assert_eq!(extent(&reply(200, &[("content-length", "10")]), 0), Ok((0, 10)));
        assert_eq!(extent(&reply(200, &[("content-length", "10")]), 5), Ok((0, 10)), "it begins anew");
        assert_eq!(extent(&reply(206, &[("content-range", "bytes 5-9/10")]), 5), Ok((5, 10)));
        for range in ["bytes 4-9/10", "bytes 5-9/*", "bytes 5-9/3", "5-9/10", ""] {
            assert!(matches!(extent(&reply(206, &[("content-range", range)]), 5), Err(Broken::Final(_))), "{range}");
        }
        for (status, again) in [(200, false), (404, false), (401, false), (503, true), (429, true), (416, true)] {
            let broken = extent(&reply(status, &[]), 5).unwrap_err();
            assert_eq!(matches!(broken, Broken::Again(_)), again, "{status}");
        }
    }

    /// A server that answers one request on each connection, with the status, header fields and body of its turn; gives the ranges it was asked for.
    async fn server(answers: Vec<(&'static str, String, Vec<u8>)>) -> (String, tokio::task::JoinHandle<Vec<Option<String>>>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/package", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let mut ranges = Vec::new();
            for (status, fields, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut request, mut piece) = (Vec::new(), [0; 1024]);
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut piece).await.unwrap();
                    request.extend_from_slice(&piece[..read]);
                }
                let request = String::from_utf8(request).unwrap().to_ascii_lowercase();
                ranges.push(request.lines().find_map(|line| line.strip_prefix("range: ")).map(str::to_owned));
                stream.write_all(format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n").as_bytes()).await.unwrap();
                stream.write_all(&body).await.unwrap();
            }
            ranges
        });
        (url, served)
    }

    async fn fetched(url: &str, directory: &Path, config: &PackageConfig) -> Result<Vec<u8>, String> {
        let client = Client::new(warren_http::ClientSettings::default()).unwrap();
        let source = Source { url: url.to_owned(), headers: HeaderMap::new() };
        let path = fetch(&client, &source, (directory, "package"), config, &Progress::default()).await?;
        Ok(std::fs::read(path).unwrap())
    }

    #[tokio::test]
    async fn what_was_cut_off_is_fetched_on_from_there() {
        let content: Vec<u8> = (0..600_000u32).map(|number| number.to_le_bytes()[0]).collect();
        let (whole, half) = (content.len(), 300_000);
        let (url, served) = server(vec![
            ("200 OK", format!("Content-Length: {whole}"), content[..half].to_vec()),
            (
                "206 Partial Content",
                format!("Content-Length: {}\r\nContent-Range: bytes {half}-{}/{whole}", whole - half, whole - 1),
                content[half..].to_vec(),
            ),
        ])
        .await;
        let root = tempfile::tempdir().unwrap();
        let got = fetched(&url, &root.path().join("fetched"), &PackageConfig::default()).await.unwrap();
        assert!(got == content);
        assert_eq!(served.await.unwrap(), [None, Some(format!("bytes={half}-"))]);
    }

    #[tokio::test]
    async fn what_is_larger_than_it_may_be_or_than_was_said_is_not_taken() {
        let root = tempfile::tempdir().unwrap();
        let small = PackageConfig { max_bytes: 9, ..PackageConfig::default() };
        let (url, served) = server(vec![("200 OK", "Content-Length: 10".into(), b"0123456789".to_vec())]).await;
        let error = fetched(&url, &root.path().join("fetched"), &small).await.unwrap_err();
        assert!(error.contains("10 bytes; 9 are taken at most"), "{error}");
        served.await.unwrap();
        let (url, served) = server(vec![("200 OK", "Connection: close".into(), b"0123456789".to_vec())]).await;
        let error = fetched(&url, &root.path().join("fetched"), &PackageConfig::default()).await.unwrap_err();
        assert!(error.contains("does not say how large"), "{error}");
        served.await.unwrap();
    }

    #[tokio::test]
    async fn what_the_disk_does_not_let_happen_is_told_with_the_place() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("fetched");
        std::fs::write(&directory, "no directory").unwrap();
        let error = fetched("http://127.0.0.1:1/x", &directory, &PackageConfig::default()).await.unwrap_err();
        assert!(error.starts_with(&format!("{}: ", directory.display())), "{error}");
    }

    #[test]
    fn what_was_begun_is_gone_on_with_and_nothing_else_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("fetched");
        let (path, there) = begun(&directory, "one").unwrap();
        assert_eq!(there, 0);
        opened(&path, 0, 4).unwrap().write_all(b"ab").unwrap();
        assert_eq!(begun(&directory, "one").unwrap().1, 2);
        opened(&path, 2, 4).unwrap().write_all(b"cd").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
        opened(&path, 0, 4).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"", "anew");
        begun(&directory, "two").unwrap();
        assert!(!path.exists());
        let error = opened(&path, 0, u64::MAX / 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
