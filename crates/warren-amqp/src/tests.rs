//! A publisher against a broker in this process that does as the test says.

use crate::handshake::CHANNEL;
use crate::wire::{self, BODY, CONTENT_HEADER, FRAME_MAX, HEARTBEAT, METHOD, Method, Output};
use crate::{Client, Consumer, Endpoint, PublishError, Publisher, Route, Source, read_method};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use warren_config::Secret;
use warren_http::tls::{ClientTls, TlsClientConfig};

/// A broker that listens.
struct Broker(TcpListener);

/// A client that has shaken hands.
struct Session {
    stream: TcpStream,
    /// What the client said when it introduced itself.
    start_ok: Vec<u8>,
}

/// A message as it arrived.
#[derive(Debug, PartialEq, Eq)]
struct Arrived {
    publish: Vec<u8>,
    header: Vec<u8>,
    body: Vec<u8>,
}

impl Broker {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn publisher(&self) -> Arc<Publisher> {
        self.publisher_with(Duration::from_secs(10), Duration::from_secs(10))
    }

    fn publisher_with(&self, confirm_timeout: Duration, heartbeat: Duration) -> Arc<Publisher> {
        let endpoint: Endpoint = format!("amqp://127.0.0.1:{}", self.0.local_addr().unwrap().port()).parse().unwrap();
        let client = Client {
            endpoint,
            tls: ClientTls::new(TlsClientConfig::default()).unwrap(),
            name: "otel-collector-logs".to_owned(),
            username: "user".to_owned(),
            password: Secret::new("sesame"),
            vhost: "v".to_owned(),
            heartbeat,
            connection_timeout: Duration::from_secs(10),
            confirm_timeout,
        };
        let route = Route { exchange: "warren".to_owned(), key: "logs.x".to_owned(), durable: true, ..Route::default() };
        Arc::new(Publisher::new(client, route))
    }

    /// Accepts a client and shakes hands with it.
    async fn accept(&self) -> Session {
        self.accept_with(60).await
    }

    async fn accept_with(&self, heartbeat: u16) -> Session {
        let mut session = Session { stream: self.0.accept().await.unwrap().0, start_ok: Vec::new() };
        let mut header = [0; 8];
        session.stream.read_exact(&mut header).await.unwrap();
        assert_eq!(header, wire::HEADER);
        session
            .say(0, 10, 10, |out| {
                out.bytes(&[0, 9]);
                out.table(|out| out.text_field("product", "test"));
                out.long(b"AMQPLAIN PLAIN");
                out.long(b"en_US");
            })
            .await;
        session.start_ok = session.hear(10, 11).await;
        session
            .say(0, 10, 30, |out| {
                out.u16(2047);
                out.u32(FRAME_MAX);
                out.u16(heartbeat);
            })
            .await;
        session.hear(10, 31).await;
        let open = session.hear(10, 40).await;
        assert_eq!(open[..2], [1, b'v']);
        session.say(0, 10, 41, |out| out.short("")).await;
        session.hear(20, 10).await;
        session.say(CHANNEL, 20, 11, |out| out.long(b"")).await;
        session.hear(85, 10).await;
        session.say(CHANNEL, 85, 11, |_| {}).await;
        session
    }
}

impl Session {
    async fn say(&mut self, channel: u16, class: u16, number: u16, arguments: impl FnOnce(&mut wire::Arguments<'_>)) {
        let mut out = Output::default();
        out.method(channel, class, number, arguments);
        self.stream.write_all(&out.0).await.unwrap();
    }

    /// The next method, which must be this one; gives its arguments.
    async fn hear(&mut self, class: u16, number: u16) -> Vec<u8> {
        loop {
            let frame = wire::read_frame(&mut self.stream, FRAME_MAX).await.unwrap();
            if frame.kind == HEARTBEAT {
                continue;
            }
            assert_eq!((frame.kind, &frame.payload[..4]), (METHOD, &[class.to_be_bytes(), number.to_be_bytes()].concat()[..]));
            return frame.payload[4..].to_vec();
        }
    }

    async fn message(&mut self) -> Arrived {
        let publish = self.hear(60, 40).await;
        let header = wire::read_frame(&mut self.stream, FRAME_MAX).await.unwrap();
        assert_eq!((header.kind, header.channel), (CONTENT_HEADER, CHANNEL));
        let size = u64::from_be_bytes(header.payload[4..12].try_into().unwrap()) as usize;
        let mut body = Vec::new();
        while body.len() < size {
            let frame = wire::read_frame(&mut self.stream, FRAME_MAX).await.unwrap();
            assert_eq!(frame.kind, BODY);
            body.extend(frame.payload);
        }
        Arrived { publish, header: header.payload, body }
    }

    async fn confirm(&mut self, tag: u64, multiple: bool, taken: bool) {
        self.say(CHANNEL, 60, if taken { 80 } else { 120 }, |out| {
            out.bytes(&tag.to_be_bytes());
            out.bytes(&[u8::from(multiple)]);
        })
        .await;
    }

    async fn give_back(&mut self, body: &[u8]) {
        self.say(CHANNEL, 60, 50, |out| {
            out.u16(312);
            out.short("NO_ROUTE");
            out.short("warren");
            out.short("logs.x");
        })
        .await;
        let mut out = Output::default();
        out.publish(CHANNEL, &Route::default(), body, FRAME_MAX);
        // What follows a return is the message without its publish.
        let skipped = out.0.len() - out.0.windows(3).position(|bytes| bytes == [CONTENT_HEADER, 0, 1]).unwrap();
        self.stream.write_all(&out.0[out.0.len() - skipped..]).await.unwrap();
    }

    async fn close(&mut self, channel: u16, code: u16, text: &str) {
        let (class, number) = if channel == 0 { (10, 50) } else { (20, 40) };
        self.say(channel, class, number, |out| {
            out.u16(code);
            out.short(text);
            out.u16(60);
            out.u16(40);
        })
        .await;
    }
}

/// Publishes in the background.
fn publish(publisher: &Arc<Publisher>, message: Vec<u8>) -> tokio::task::JoinHandle<Result<(), PublishError>> {
    let publisher = Arc::clone(publisher);
    tokio::spawn(async move { publisher.publish(message).await })
}

fn failed(outcome: Result<(), PublishError>) -> (bool, String) {
    let error = outcome.unwrap_err();
    (error.permanent, error.text)
}

#[tokio::test]
async fn a_message_arrives_as_the_go_client_sends_it_and_counts_when_it_is_confirmed() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let large = vec![7; FRAME_MAX as usize * 2];
    let publishing = publish(&publisher, large.clone());
    let mut session = broker.accept().await;
    let said = String::from_utf8_lossy(&session.start_ok).into_owned();
    assert!(said.contains("connection_name") && said.contains("otel-collector-logs") && said.contains("\0user\0sesame"));
    let arrived = session.message().await;
    assert_eq!(arrived.publish, b"\0\0\x06warren\x06logs.x\x01", "mandatory");
    assert_eq!(arrived.header, [&[0, 60, 0, 0][..], &(large.len() as u64).to_be_bytes(), &[0x10, 0, 2]].concat());
    assert_eq!(arrived.body, large);
    assert!(!publishing.is_finished());
    session.confirm(1, false, true).await;
    assert_eq!(publishing.await.unwrap(), Ok(()));
    let empty = publish(&publisher, Vec::new());
    assert_eq!(session.message().await.body, b"");
    session.confirm(2, false, true).await;
    assert_eq!(empty.await.unwrap(), Ok(()));
    assert_eq!(publisher.connected().await, 1);
}

#[test]
fn properties_stand_in_the_order_of_their_flags() {
    let headers = vec![("tenant".to_owned(), "a".to_owned())];
    let route = Route { content_type: "text/x".to_owned(), headers, durable: true, ..Route::default() };
    let mut out = Output::default();
    out.publish(CHANNEL, &route, b"", FRAME_MAX);
    let table = [&b"\x06tenantS"[..], &[0, 0, 0, 1], b"a"].concat();
    let header = [&[0, 60, 0, 0][..], &[0; 8], &[0xB0, 0], b"\x06text/x", &[0, 0, 0, table.len() as u8], &table, &[2]].concat();
    assert!(out.0.windows(header.len()).any(|bytes| bytes == header), "{:?}", out.0);
}

#[tokio::test]
async fn publishes_overlap_and_each_learns_its_own_fate() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let first = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    let mut publishing = vec![first];
    assert_eq!(session.message().await.body, [1]);
    for number in 2..=5 {
        publishing.push(publish(&publisher, vec![number]));
        assert_eq!(session.message().await.body, [number], "none is confirmed yet");
    }
    session.confirm(2, false, false).await;
    session.confirm(4, true, true).await;
    session.confirm(5, false, true).await;
    let mut outcomes = Vec::new();
    for outcome in publishing {
        outcomes.push(outcome.await.unwrap().is_ok());
    }
    assert_eq!(outcomes, [true, false, true, true, true], "a later confirm of all does not undo a nack");
}

#[tokio::test]
async fn what_no_queue_takes_is_no_success() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let publishing = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    session.message().await;
    session.give_back(&[1]).await;
    session.confirm(1, false, true).await;
    let error = publishing.await.unwrap().unwrap_err();
    assert_eq!((error.permanent, error.unroutable, error.text.as_str()), (false, true, "unroutable: 312 NO_ROUTE"));
    let publishing = publish(&publisher, vec![2]);
    session.message().await;
    session.confirm(2, false, true).await;
    assert_eq!(publishing.await.unwrap(), Ok(()), "it may be routable later");
}

#[tokio::test]
async fn the_brokers_reason_for_closing_reaches_every_message_and_the_next_one_connects_anew() {
    for (channel, code, permanent) in [(1, 404, true), (1, 403, true), (1, 504, false), (0, 320, false), (0, 541, false)] {
        let broker = Broker::start().await;
        let publisher = broker.publisher();
        let first = publish(&publisher, vec![1]);
        let mut session = broker.accept().await;
        session.message().await;
        let second = publish(&publisher, vec![2]);
        session.message().await;
        session.close(channel, code, "no exchange 'warren' in vhost 'v'").await;
        let text = format!("Exception ({code}) Reason: \"no exchange 'warren' in vhost 'v'\"");
        assert_eq!(failed(first.await.unwrap()), (permanent, text.clone()));
        assert_eq!(failed(second.await.unwrap()), (permanent, text));
        let third = publish(&publisher, vec![3]);
        let mut session = broker.accept().await;
        assert_eq!(session.message().await.body, [3]);
        session.confirm(1, false, true).await;
        assert_eq!(third.await.unwrap(), Ok(()));
        assert_eq!(publisher.connected().await, 2);
    }
}

#[tokio::test]
async fn of_several_messages_the_one_that_is_too_large_is_refused_for_good() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let small = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    session.message().await;
    let large = publish(&publisher, vec![2; 1000]);
    session.message().await;
    session.close(1, 406, "PRECONDITION_FAILED - message size 1000 is larger than configured max size 100").await;
    assert!(!failed(small.await.unwrap()).0);
    assert!(failed(large.await.unwrap()).0);
}

#[tokio::test]
async fn a_broker_that_is_away_or_hangs_up_or_refuses_is_told_as_such() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let publishing = publish(&publisher, vec![1]);
    drop(broker.0.accept().await.unwrap());
    let (permanent, text) = failed(publishing.await.unwrap());
    assert!(!permanent && text.contains("no connection to RabbitMQ at 127.0.0.1:"), "{text}");
    let publishing = publish(&publisher, vec![1]);
    let mut stream = broker.0.accept().await.unwrap().0;
    let mut out = Output::default();
    out.method(0, 10, 50, |out| {
        out.u16(403);
        out.short("ACCESS_REFUSED - Login was refused");
        out.u32(0);
    });
    stream.write_all(&out.0).await.unwrap();
    let (permanent, text) = failed(publishing.await.unwrap());
    assert!(!permanent && text.contains("ACCESS_REFUSED") && !text.contains("sesame"), "{text}");
    drop(broker);
    let (permanent, text) = failed(publisher.publish(vec![1]).await);
    assert!(!permanent && text.contains("connection refused"), "{text}");
}

#[tokio::test]
async fn silence_ends_a_publish_and_missing_heartbeats_end_the_connection() {
    let broker = Broker::start().await;
    let publisher = broker.publisher_with(Duration::from_millis(50), Duration::from_secs(1));
    let publishing = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    session.message().await;
    assert_eq!(failed(publishing.await.unwrap()).1, "timeout waiting for publish confirmation after 50ms");
    // A confirm that comes late means nothing.
    session.confirm(1, false, true).await;
    // The client sends heartbeats; we send none.
    let frame = wire::read_frame(&mut session.stream, FRAME_MAX).await.unwrap();
    assert_eq!((frame.kind, frame.payload.len()), (HEARTBEAT, 0));
    let mut rest = Vec::new();
    session.stream.read_to_end(&mut rest).await.unwrap();
    let publishing = publish(&publisher, vec![2]);
    let mut session = broker.accept().await;
    session.message().await;
    session.confirm(1, false, true).await;
    assert_eq!(publishing.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn while_the_broker_blocks_nothing_is_sent() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    let publishing = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    session.message().await;
    session.say(0, 10, 60, |out| out.short("low on memory")).await;
    session.confirm(1, false, true).await;
    assert_eq!(publishing.await.unwrap(), Ok(()));
    let (permanent, text) = failed(publisher.publish(vec![2]).await);
    assert!(!permanent && text == "the broker has blocked the connection: low on memory", "{text}");
    session.say(0, 10, 61, |_| {}).await;
    session.say(CHANNEL, 20, 20, |out| out.bytes(&[1])).await;
    session.hear(20, 21).await;
    let publishing = publish(&publisher, vec![3]);
    assert_eq!(session.message().await.body, [3]);
    session.confirm(2, false, true).await;
    assert_eq!(publishing.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_goodbye_is_said() {
    let broker = Broker::start().await;
    let publisher = broker.publisher();
    publisher.close().await;
    let publishing = publish(&publisher, vec![1]);
    let mut session = broker.accept().await;
    session.message().await;
    session.confirm(1, false, true).await;
    publishing.await.unwrap().unwrap();
    let closing = tokio::spawn(async move { publisher.close().await });
    session.hear(10, 50).await;
    session.say(0, 10, 51, |_| {}).await;
    closing.await.unwrap();
}

#[tokio::test]
async fn a_broker_that_talks_nonsense_is_left() {
    for nonsense in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"AMQP\0\0\x09\x01", &[1, 0, 0, 0, 0, 0, 0, 0xCE], &[0xff; 64]] {
        let broker = Broker::start().await;
        let publisher = broker.publisher();
        let publishing = publish(&publisher, vec![1]);
        let mut stream = broker.0.accept().await.unwrap().0;
        stream.write_all(nonsense).await.unwrap();
        assert!(!failed(publishing.await.unwrap()).0);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_method_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_method(&bytes);
    }

    #[test]
    fn confirms_and_closes_read_back(tag: u64, multiple: bool, code: u16, text in "[ -~]{0,255}") {
        let mut out = Output::default();
        out.method(1, 60, 80, |out| {
            out.bytes(&tag.to_be_bytes());
            out.bytes(&[u8::from(multiple)]);
        });
        prop_assert_eq!(read_method(&out.0[7..out.0.len() - 1]), Some(Method::Confirm { tag, multiple, taken: true }));
        let mut out = Output::default();
        out.method(1, 20, 40, |out| {
            out.u16(code);
            out.short(&text);
        });
        let close = wire::Close { connection: false, code, text };
        prop_assert_eq!(read_method(&out.0[7..out.0.len() - 1]), Some(Method::Close(close)));
    }
}

fn client(broker: &Broker) -> Client {
    Client {
        endpoint: format!("amqp://127.0.0.1:{}", broker.0.local_addr().unwrap().port()).parse().unwrap(),
        tls: ClientTls::new(TlsClientConfig::default()).unwrap(),
        name: "watch".to_owned(),
        username: "user".to_owned(),
        password: Secret::new("sesame"),
        vhost: "v".to_owned(),
        heartbeat: Duration::from_secs(10),
        connection_timeout: Duration::from_secs(10),
        confirm_timeout: Duration::from_secs(10),
    }
}

fn source() -> Source {
    Source { exchange: "metrics".to_owned(), key: "#".to_owned(), prefetch: 7, queue_max: 1000 }
}

impl Session {
    /// Grants a consumer its queue.
    async fn grant(&mut self) {
        let declare = self.hear(50, 10).await;
        assert_eq!(declare[..4], [0, 0, 0, 0b1100], "a queue without a name, exclusive, which goes with its consumer");
        assert!(String::from_utf8_lossy(&declare).contains("x-max-length"));
        self.say(CHANNEL, 50, 11, |out| {
            out.short("amq.gen-1");
            out.u32(0);
            out.u32(0);
        })
        .await;
        let bind = self.hear(50, 20).await;
        assert_eq!(bind[..13], *b"\0\0\0\x07metrics\x01#");
        self.say(CHANNEL, 50, 21, |_| {}).await;
        assert_eq!(self.hear(60, 10).await, [0, 0, 0, 0, 0, 7, 0]);
        self.say(CHANNEL, 60, 11, |_| {}).await;
        self.hear(60, 20).await;
        self.say(CHANNEL, 60, 21, |out| out.short("ctag")).await;
    }

    async fn deliver(&mut self, tag: u64, parts: &[&[u8]]) {
        let mut out = Output::default();
        out.method(CHANNEL, 60, 60, |out| {
            out.short("ctag");
            out.bytes(&tag.to_be_bytes());
            out.bytes(&[0]);
            out.short("metrics");
            out.short("otlp_metrics");
        });
        out.frame(CONTENT_HEADER, CHANNEL, |out| {
            out.u16(60);
            out.u16(0);
            out.bytes(&(parts.iter().map(|part| part.len() as u64).sum::<u64>()).to_be_bytes());
            out.u16(0);
        });
        out.frame(HEARTBEAT, 0, |_| {});
        for part in parts {
            out.frame(BODY, CHANNEL, |out| out.bytes(part));
        }
        self.stream.write_all(&out.0).await.unwrap();
    }
}

#[tokio::test]
async fn what_passes_an_exchange_is_seen_whole_and_acknowledged() {
    let broker = Broker::start().await;
    let (wanted, source) = (client(&broker), source());
    let (consumer, session) = tokio::join!(Consumer::open(&wanted, &source), async {
        let mut session = broker.accept().await;
        session.grant().await;
        session
    });
    let (mut consumer, mut session) = (consumer.unwrap(), session);
    session.deliver(1, &[b"one ", b"message"]).await;
    session.deliver(2, &[]).await;
    let one = consumer.next().await.unwrap();
    assert_eq!((one.key.as_str(), one.body.as_slice()), ("otlp_metrics", b"one message".as_slice()));
    assert_eq!(consumer.next().await.unwrap().body, b"");
    assert_eq!(session.hear(60, 80).await, [0, 0, 0, 0, 0, 0, 0, 1, 0]);
    session.say(CHANNEL, 60, 30, |out| out.short("ctag")).await;
    assert!(consumer.next().await.unwrap_err().contains("taken the queue away"));
}

#[tokio::test]
async fn an_exchange_that_is_missing_is_told_in_the_words_of_the_broker() {
    let broker = Broker::start().await;
    let (wanted, source) = (client(&broker), source());
    let (consumer, ()) = tokio::join!(Consumer::open(&wanted, &source), async {
        let mut session = broker.accept().await;
        session.hear(50, 10).await;
        session
            .say(CHANNEL, 20, 40, |out| {
                out.u16(404);
                out.short("NOT_FOUND - no exchange 'metrics'");
                out.u32(0);
            })
            .await;
    });
    let error = consumer.err().unwrap();
    assert!(error.contains("no exchange 'metrics'"), "{error}");
}
