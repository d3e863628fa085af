//! Whether pages of metrics answer.

use crate::Finding;
use crate::broker::{Broker, DEFAULT_ENDPOINT};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const CHECK: &str = "endpoint";
const TIMEOUT: Duration = Duration::from_secs(5);

/// As much of an answer as is looked at.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

pub(crate) fn examine(endpoints: &[String], brokers: &[Broker]) -> Vec<Finding> {
    if !endpoints.is_empty() {
        return endpoints.iter().map(|endpoint| page(endpoint)).collect();
    }
    if brokers.is_empty() { Vec::new() } else { vec![page(DEFAULT_ENDPOINT)] }
}

fn page(url: &str) -> Finding {
    match answer(url) {
        Ok(()) => Finding::good(CHECK, format!("{url} answers with metrics")),
        Err(reason) => Finding::wrong(CHECK, format!("{url}: {reason}")).mended_by_hand(format!("curl -sv {url} | head")),
    }
}

fn answer(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("http://").ok_or("only http:// can be asked here; try it with curl")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = if path.is_empty() { "/" } else { path };
    let with_port = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let address = with_port.to_socket_addrs().map_err(|error| format!("cannot be resolved: {error}"))?.next();
    let address = address.ok_or("has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|error| format!("nobody answers: {error}"))?;
    let told = |error: std::io::Error| format!("the answer does not come: {error}");
    stream.set_read_timeout(Some(TIMEOUT)).map_err(told)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\nAccept: text/plain\r\nUser-Agent: warren-doctor\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut answer = Vec::new();
    // A page that goes on beyond what is looked at has answered.
    let ended = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| match ended {
        Err(error) => told(error),
        Ok(_) => "the answer is no HTTP".to_owned(),
    })?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(format!("answers with status {status}"));
    }
    let is_page = body.lines().any(|line| line.starts_with("# TYPE ") || line.starts_with("# HELP "));
    if is_page { Ok(()) } else { Err("answers, but with no metrics".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;
    use std::net::TcpListener;

    /// Finding for a server that answers so.
    fn finding(answer: &'static str) -> Finding {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        page(&format!("http://{address}/metrics"))
    }

    #[test]
    fn a_page_must_be_one_of_metrics() {
        assert_eq!(finding("HTTP/1.1 200 OK\r\n\r\n# TYPE up gauge\nup 1\n").state, State::Good);
        assert!(finding("HTTP/1.1 200 OK\r\n\r\n<html>").message.contains("no metrics"));
        assert!(finding("HTTP/1.1 503 Later\r\n\r\n").message.contains("503"));
        assert!(finding("220 smtp\r\n").message.contains("no HTTP"));
        assert_eq!(page("http://127.0.0.1:1/metrics").state, State::Wrong);
    }
}
