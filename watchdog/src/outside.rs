//! What is outside: whoever started this program, and the collector's control socket.

use std::io::{Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

/// How long the control socket may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Says something to whoever reads the log.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warren-watchdog: {text}");
}

/// Tells systemd, where it wants to know.
pub(crate) fn notify(text: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = UnixDatagram::unbound().and_then(|datagram| match socket.to_str().and_then(|name| name.strip_prefix('@')) {
        Some(name) => datagram.send_to_addr(text.as_bytes(), &SocketAddr::from_abstract_name(name)?),
        None => datagram.send_to(text.as_bytes(), &socket),
    });
    if let Err(error) = sent {
        tell(&format!("systemd cannot be told: {error}"));
    }
}

/// Whether the collector with this state directory says that it is well; if not, what is wrong.
pub(crate) fn probe(state: &Path) -> Result<(), String> {
    let answer = asked(&state.join("control.sock")).map_err(|error| format!("its control socket: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(if body.trim().is_empty() { head.to_owned() } else { body.trim().to_owned() }),
    }
}

/// Asked as HTTP/1.0, the answer is not cut into chunks.
fn asked(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthy HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_collector_is_well_if_it_says_so() {
        let state = tempfile::tempdir().unwrap();
        assert!(probe(state.path()).unwrap_err().starts_with("its control socket"));
        let listener = UnixListener::bind(state.path().join("control.sock")).unwrap();
        let answers = ["HTTP/1.0 200 OK\r\n\r\nok\n", "HTTP/1.0 503 Unavailable\r\n\r\nwhy\n", "nonsense", ""];
        let server = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 64];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        assert_eq!(probe(state.path()), Ok(()));
        assert_eq!(probe(state.path()), Err("why".to_owned()));
        assert!(probe(state.path()).is_err() && probe(state.path()).is_err());
        server.join().unwrap();
    }
}
