//! A strict receiver on loopback: takes remote write requests, refuses what breaks the protocol, answers as told.

use prost::Message;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// `prometheus.WriteRequest`, as far as it is looked at.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

/// `prometheus.TimeSeries`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
}

/// `prometheus.Label`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Label {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// `prometheus.Sample`
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Request line and headers, names in lower case.
    pub(super) head: Vec<String>,
    /// The content.
    pub(super) content: Vec<u8>,
}

impl Received {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The series of a request of version 1.0.
    pub(super) fn series(&self) -> Vec<TimeSeries> {
        WriteRequest::decode(self.content.as_slice()).unwrap().timeseries
    }
}

/// What is answered: a status line's end (`503 Service Unavailable`), further headers, a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: &'static str,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: String,
}

impl From<&'static str> for Answer {
    fn from(status: &'static str) -> Self {
        Self { status, ..Self::default() }
    }
}

type Script = dyn Fn(usize, &Received) -> Answer + Send + Sync;

/// The receiver. What came stays in the order in which it came.
pub(super) struct Receiver {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
    /// Requests without an answer, now and at most.
    open: Mutex<(usize, usize)>,
    together: tokio::sync::Barrier,
}

impl Receiver {
    /// Starts a receiver that answers the request of each rank as the script says.
    pub(super) async fn start(script: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_together(1, script).await
    }

    /// The same, but answers only once so many requests wait for an answer.
    pub(super) async fn start_together(
        together: usize,
        script: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            script: Box::new(script),
            received: Mutex::default(),
            open: Mutex::default(),
            together: tokio::sync::Barrier::new(together),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, serving.clone()));
            }
        });
        Self { url, shared }
    }

    /// How many requests were without an answer at the same time, at most.
    pub(super) fn peak(&self) -> usize {
        self.shared.open.lock().unwrap().1
    }

    /// All that came so far.
    pub(super) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }
}

async fn serve(mut connection: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if connection.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let head: Vec<String> = String::from_utf8_lossy(&bytes[..end])
            .lines()
            .map(|line| match line.split_once(": ") {
                Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
                None => line.to_owned(),
            })
            .collect();
        let mut request = Received { head, content: Vec::new() };
        let len: usize = request.header("content-length").unwrap().parse().unwrap();
        while bytes.len() < end + 4 + len {
            assert!(connection.read_buf(&mut bytes).await.unwrap() > 0, "the body is cut");
        }
        let rest = bytes.split_off(end + 4 + len);
        request.content = snap::raw::Decoder::new().decompress_vec(&bytes[end + 4..]).unwrap();
        bytes = rest;
        let rank = shared.take(request.clone());
        shared.together.wait().await;
        shared.open.lock().unwrap().0 -= 1;
        let Answer { status, headers, body } = (shared.script)(rank, &request);
        let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|(name, value)| answer += &format!("{name}: {value}\r\n"));
        if connection.write_all((answer + "\r\n" + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Shared {
    /// Notes a request and gives its rank.
    fn take(&self, request: Received) -> usize {
        let mut open = self.open.lock().unwrap();
        open.0 += 1;
        open.1 = open.1.max(open.0);
        let mut received = self.received.lock().unwrap();
        received.push(request);
        received.len() - 1
    }
}
