use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::*;

/// A name server for tests: answers each question with what `say` gives for the name, over UDP and TCP.
struct Server {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

enum Say {
    Addresses(u8),
    NoSuchName,
    Failure,
    /// Cut over UDP, whole over TCP.
    Long,
}

fn name_of(query: &[u8]) -> String {
    let mut name = String::new();
    let mut at = 12;
    while let Some(&length) = query.get(at).filter(|length| **length > 0) {
        let label = &query[at + 1..at + 1 + usize::from(length)];
        name.push_str(std::str::from_utf8(label).unwrap());
        name.push('.');
        at += 1 + usize::from(length);
    }
    name
}

fn reply(query: &[u8], say: &Say, tcp: bool) -> Vec<u8> {
    let question_end = 12 + name_of(query).len() + 1 + 4;
    let (flags, count): (u16, u8) = match say {
        Say::Addresses(count) => (0x8180, *count),
        Say::NoSuchName => (0x8183, 0),
        Say::Failure => (0x8182, 0),
        Say::Long if tcp => (0x8180, 200),
        Say::Long => (0x8380, 0),
    };
    let mut bytes = query[..2].to_vec();
    for field in [flags, 1, u16::from(count), 0, 0] {
        bytes.extend_from_slice(&field.to_be_bytes());
    }
    bytes.extend_from_slice(&query[12..question_end]);
    for last in 0..count {
        bytes.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, last]);
    }
    bytes
}

impl Server {
    async fn start(say: fn(&str) -> Say) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(address).await.unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&questions);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let query = &buffer[..length];
                // A forged answer comes first: it must be passed over.
                let mut forged = reply(query, &Say::Addresses(9), false);
                forged[0] ^= 0xFF;
                udp.send_to(&forged, from).await.unwrap();
                udp.send_to(&reply(query, &say(&name_of(query)), false), from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let length = stream.read_u16().await.unwrap();
                let mut query = vec![0; usize::from(length)];
                stream.read_exact(&mut query).await.unwrap();
                let answer = reply(&query, &say(&name_of(&query)), true);
                stream.write_u16(answer.len() as u16).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
        });
        Self { address, questions }
    }
}

/// A resolver that asks these servers, and the directory that holds its settings.
fn resolver(servers: &[SocketAddr], more: &str) -> (Resolver, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("resolv.conf");
    let lines: String = servers.iter().map(|server| format!("nameserver {server}\n")).collect();
    std::fs::write(&file, lines + more).unwrap();
    (Resolver::with_settings(file), directory)
}

#[tokio::test]
async fn search_domains_are_tried_and_the_first_known_name_counts() {
    let server = Server::start(|name| match name {
        "web.b.example." => Say::Addresses(2),
        _ => Say::NoSuchName,
    })
    .await;
    let (resolver, _directory) = resolver(&[server.address], "search a.example b.example c.example\n");
    let records = resolver.lookup("web", RecordType::A).await.unwrap();
    assert_eq!(records.len(), 2);
    assert_eq!(server.questions.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_name_that_nobody_knows_has_no_records() {
    let server = Server::start(|_| Say::NoSuchName).await;
    let (resolver, _directory) = resolver(&[server.address], "search a.example\n");
    assert_eq!(resolver.lookup("web", RecordType::A).await.unwrap(), []);
}

#[tokio::test]
async fn a_server_that_fails_makes_it_unknown_unless_another_answers() {
    let failing = Server::start(|_| Say::Failure).await;
    let good = Server::start(|_| Say::Addresses(1)).await;
    let (alone, _directory) = resolver(&[failing.address], "");
    let error = alone.lookup("web.", RecordType::A).await.unwrap_err().to_string();
    assert!(error.starts_with("could not resolve \"web.\": all servers responded with errors"), "{error}");
    let (both, _directory) = resolver(&[failing.address, good.address], "");
    assert_eq!(both.lookup("web.", RecordType::A).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_answer_comes_over_tcp() {
    let server = Server::start(|_| Say::Long).await;
    let (resolver, _directory) = resolver(&[server.address], "");
    assert_eq!(resolver.lookup("web.", RecordType::A).await.unwrap().len(), 200);
}

#[tokio::test]
async fn missing_settings_are_an_error() {
    let error = Resolver::with_settings("/nonexistent/resolv.conf").lookup("a", RecordType::A).await.unwrap_err();
    assert!(error.to_string().starts_with("could not load /nonexistent/resolv.conf"), "{error}");
}
