//! `reload` and `status`: asking a running collector, over the control socket in its state directory.

use super::args::Asked;
use crate::state;
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long an answer may take: a configuration may have to be fetched, and what is on its way out waited for.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Has the collector read its configuration again, and says what that did, or would do.
///
/// # Errors
/// When there is no such collector, or it refuses the configuration.
pub(super) fn reload(asked: &Asked) -> Result<String, String> {
    let answer = ask(asked, "POST", if asked.dry_run { "/reload?dry_run=true" } else { "/reload" })?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("result") == "refused" {
        return Err(format!("the configuration is refused, nothing has changed: {}", text("error")));
    }
    if asked.json {
        return Ok(format!("{answer:#}\n"));
    }
    let warnings = answer.get("warnings").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let warnings: String = warnings.map(|warning| format!("warning: {warning}\n")).collect();
    Ok(format!("{warnings}{}", text("text")))
}

/// How the parts of the collector fare.
///
/// # Errors
/// When there is no such collector.
pub(super) fn status(asked: &Asked) -> Result<String, String> {
    let answer = ask(asked, "GET", "/status")?;
    if asked.json {
        return Ok(format!("{answer:#}\n"));
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut lines = vec![format!("configuration {}", text(&answer, "hash"))];
    if let Some(reason) = answer.get("degraded").and_then(Value::as_str) {
        lines.push(format!("degraded: the configuration asked for is refused: {reason}"));
    }
    for component in answer.get("components").and_then(Value::as_array).into_iter().flatten() {
        let part = |key| text(component, key);
        let place = Some(part("pipeline")).filter(|pipeline| !pipeline.is_empty()).unwrap_or_else(|| part("signal"));
        let place = if place.is_empty() { String::new() } else { format!(" ({place})") };
        let reason = Some(part("reason")).filter(|reason| !reason.is_empty()).map(|reason| format!(": {reason}"));
        lines.push(format!("{:<17}{} {}{place}{}", part("health"), part("kind"), part("id"), reason.unwrap_or_default()));
    }
    match answer.get("leaving").and_then(Value::as_u64) {
        None | Some(0) => {}
        Some(count) => lines.push(format!("{count} former configurations still deliver what they had taken")),
    }
    Ok(lines.join("\n") + "\n")
}

fn ask(asked: &Asked, method: &str, path: &str) -> Result<Value, String> {
    let directory = state::chosen(asked.state_dir.clone(), std::env::var("STATE_DIRECTORY").ok())
        .ok_or("which collector? give its state directory with --state-dir")?;
    let socket = state::control_socket_of(&directory);
    let answer = exchange(&socket, method, path).map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => ": no collector runs with this state directory",
            ErrorKind::PermissionDenied => ": only the collector's own user may ask it",
            _ => "",
        };
        format!("{}: {error}{hint}", socket.display())
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    match serde_json::from_str(body) {
        Ok(answer) if matches!(status, "200" | "422") => Ok(answer),
        _ => Err(format!("{}: unexpected answer {status}: {}", socket.display(), body.trim())),
    }
}

/// One request, and the answer as it comes. Asked as HTTP/1.0, the answer is not cut into chunks.
fn exchange(socket: &Path, method: &str, path: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
