//! Requests.

use crate::cpu;
use crate::modules::Modules;
use crate::profile::{Kind, Profile};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;
use warren_component::BoxFuture;
use warren_http::server::{Handler, Reply, Request, plain_error};
use warren_sys::profile::heap;

/// Where everything is.
const ROOT: &str = "/debug/pprof/";

/// How long a CPU profile takes unless the client says otherwise, and at most.
const SECONDS: f64 = 30.0;
const SECONDS_MAX: f64 = 3600.0;

/// Symbols that are looked up at a time.
const SYMBOLS_MAX: usize = 10_000;

/// What there is.
const INDEX: &str = "<html><head><title>/debug/pprof/</title></head><body><h1>/debug/pprof/</h1><ul>\
<li><a href=\"profile?seconds=30\">profile</a>: CPU, for as many seconds as asked for</li>\
<li><a href=\"heap\">heap</a>: memory that is held, by a sample of allocations</li>\
<li><a href=\"allocs\">allocs</a>: memory that was allocated since the start, by the same sample</li>\
<li><a href=\"cmdline\">cmdline</a>: the command line of the program</li>\
<li><a href=\"symbol\">symbol</a>: names of addresses</li>\
</ul></body></html>\n";

/// Answers.
pub(crate) struct Desk;

impl Handler for Desk {
    fn handle(&self, request: Request) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let path = request.head.uri.path().to_owned();
            let query = request.head.uri.query().unwrap_or_default().to_owned();
            match path.strip_prefix(ROOT) {
                Some("") => reply("text/html; charset=utf-8", INDEX.as_bytes().to_vec()),
                Some("cmdline") => reply("text/plain; charset=utf-8", cmdline()),
                Some("profile") => profile(&query).await,
                Some("heap") => memory("heap").await,
                Some("allocs") => memory("allocs").await,
                Some("symbol") => {
                    let body = request.body().await.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
                    symbols(if body.is_empty() { query } else { body }).await
                }
                Some(name @ ("goroutine" | "threadcreate" | "trace" | "block" | "mutex")) => plain_error(
                    StatusCode::NOT_IMPLEMENTED,
                    &format!("there is no profile of kind {name} in this program; there are profile (CPU), heap and allocs"),
                ),
                _ => plain_error(StatusCode::NOT_FOUND, "404 page not found"),
            }
        })
    }
}

fn reply(media: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Reply::new(body.into());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    reply
}

/// A profile as a file.
fn file(name: &str, profile: Vec<u8>) -> Reply {
    let mut reply = reply("application/octet-stream", profile);
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        reply.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    reply
}

fn cmdline() -> Vec<u8> {
    std::env::args_os().map(|argument| argument.as_bytes().to_vec()).collect::<Vec<_>>().join(&0)
}

async fn profile(query: &str) -> Reply {
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("seconds=")).and_then(|seconds| seconds.parse::<f64>().ok());
    let seconds = asked.filter(|seconds| *seconds > 0.0).unwrap_or(SECONDS).min(SECONDS_MAX);
    // The time runs from when everything is ready to sample.
    let over = async { tokio::time::sleep(Duration::from_secs_f64(seconds)).await };
    match cpu::profile(over).await {
        Ok(profile) => file("profile", profile),
        Err(error) => plain_error(StatusCode::INTERNAL_SERVER_ERROR, &format!("Could not enable CPU profiling: {error}")),
    }
}

async fn memory(name: &'static str) -> Reply {
    let rate = heap::rate();
    if rate == 0 {
        return plain_error(StatusCode::NOT_IMPLEMENTED, "allocations are not sampled: warren::heap_sample is 0");
    }
    let encode = move || {
        let kinds = [
            Kind::new("alloc_objects", "count"),
            Kind::new("alloc_space", "bytes"),
            Kind::new("inuse_objects", "count"),
            Kind::new("inuse_space", "bytes"),
        ];
        let modules = Modules::read();
        let mut profile = Profile::new(&kinds, Kind::new("space", "bytes"), i64::try_from(rate).unwrap_or(i64::MAX));
        profile.show(if name == "heap" { "inuse_space" } else { "alloc_space" });
        for stack in heap::stacks() {
            // Return addresses lie behind the calls.
            let frames: Vec<u64> = stack.frames.iter().map(|address| (*address as u64).saturating_sub(1)).collect();
            let values = [stack.allocated_blocks, stack.allocated_bytes, stack.live_blocks, stack.live_bytes];
            profile.sample(without_allocator(frames, &modules), &values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)));
        }
        profile.encode(&modules)
    };
    match tokio::task::spawn_blocking(encode).await {
        Ok(profile) => file(name, profile),
        Err(error) => plain_error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The frames without those of the allocator itself, which are the same for all.
fn without_allocator(frames: Vec<u64>, modules: &Modules) -> Vec<u64> {
    let ours = |address: &u64| {
        let name = modules.function(*address).unwrap_or_default();
        ["warren_sys::", "<warren_sys::", "__rust_", "__rustc"].iter().any(|part| name.starts_with(part))
            || name.contains("::__rust")
    };
    let first = frames.iter().take(12).collect::<Vec<_>>().iter().rposition(|address| ours(address)).map_or(0, |at| at + 1);
    if first < frames.len() { frames.into_iter().skip(first).collect() } else { frames }
}

/// Names of addresses, joined by `+`.
async fn symbols(asked: String) -> Reply {
    let look_up = move || {
        let mut out = String::from("num_symbols: 1\n");
        if asked.is_empty() {
            return out;
        }
        let modules = Modules::read();
        let asked = percent_decode_str(&asked).decode_utf8_lossy().into_owned();
        for address in asked.split('+').take(SYMBOLS_MAX) {
            let number = u64::from_str_radix(address.trim().trim_start_matches("0x"), 16).unwrap_or_default();
            if let Some(name) = modules.function(number) {
                let _ = writeln!(out, "{number:#x} {name}");
            }
        }
        out
    };
    match tokio::task::spawn_blocking(look_up).await {
        Ok(text) => reply("text/plain; charset=utf-8", text.into_bytes()),
        Err(error) => plain_error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
