//! Answers of scrape targets that are broken or mean harm.

use std::io::{self, BufWriter, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::Result;
use crate::http::{Answer, Server};
use crate::page;

const TEXT: &str = "text/plain; version=0.0.4";

/// Time between two bytes of a target that drips.
const DRIP: Duration = Duration::from_millis(100);

/// A way to be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// One line again and again, without end.
    Endless,
    /// Ever new series, without end.
    EndlessSeries,
    /// 720 megabytes in less than one.
    Bomb,
    /// Accepts, and says nothing.
    Silent,
    /// A line of ten megabytes.
    LongLine,
    /// A page that is well, with ten thousand series that no page before had.
    NewSeries,
    /// A label value that is no UTF-8.
    NoText,
    /// A gzip stream that breaks off.
    CutGzip,
    /// One series with a hundred thousand labels.
    ManyLabels,
    /// One byte after the other, slowly.
    Drip,
    /// A header field of ten megabytes.
    LongHeader,
    /// Header fields without end.
    EndlessHeaders,
    /// No HTTP at all.
    NoHttp,
}

impl Hostile {
    /// All of them.
    pub const ALL: [Hostile; 13] = [
        Hostile::Endless,
        Hostile::EndlessSeries,
        Hostile::Bomb,
        Hostile::Silent,
        Hostile::LongLine,
        Hostile::NewSeries,
        Hostile::NoText,
        Hostile::CutGzip,
        Hostile::ManyLabels,
        Hostile::Drip,
        Hostile::LongHeader,
        Hostile::EndlessHeaders,
        Hostile::NoHttp,
    ];

    /// A server that is hostile in this way to whoever asks.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn serve(self) -> Result<Server> {
        let asked = AtomicU64::new(0);
        Server::start(move |_| self.answer(asked.fetch_add(1, Ordering::Relaxed)))
    }

    /// The answer to a server's `nth` request.
    pub fn answer(self, nth: u64) -> Answer {
        match self {
            Hostile::Endless => without_end("", |stream| {
                loop {
                    writeln!(stream, "endless{{line=\"again\"}} 1")?;
                }
            }),
            Hostile::EndlessSeries => without_end("", |stream| {
                let mut lines = BufWriter::new(stream);
                for line in 0.. {
                    writeln!(lines, "endless{{line=\"{line}\"}} 1")?;
                }
                Ok(())
            }),
            Hostile::Bomb => compressed(bomb()),
            Hostile::Silent => Answer::raw(|stream| {
                // Until the scraper hangs up.
                io::copy(stream, &mut io::sink()).map(drop)
            }),
            Hostile::LongLine => text(format!("long{{label=\"{}\"}} 1\n", "x".repeat(10 << 20)).into_bytes()),
            Hostile::NewSeries => text(
                (0..10_000)
                    .map(|index| format!("fresh{{scrape=\"{nth}\",index=\"{index}\"}} 1\n"))
                    .collect::<String>()
                    .into_bytes(),
            ),
            Hostile::NoText => text(*b"fine 1\nbroken{label=\"\xff\xfe\"} 2\n"),
            Hostile::CutGzip => {
                let mut body = gzip(page::broker(100, nth).text.as_bytes());
                body.truncate(body.len() / 2);
                compressed(body.into())
            }
            Hostile::ManyLabels => {
                let labels: Vec<String> = (0..100_000).map(|index| format!("l{index}=\"v\"")).collect();
                text(format!("many{{{}}} 1\n", labels.join(",")).into_bytes())
            }
            Hostile::Drip => without_end("", |stream| {
                for byte in b"slow 1\n".iter().cycle() {
                    stream.write_all(&[*byte])?;
                    std::thread::sleep(DRIP);
                }
                Ok(())
            }),
            Hostile::LongHeader => Answer::raw(|stream| {
                write!(stream, "HTTP/1.1 200 OK\r\nX-Long: ")?;
                stream.write_all(&vec![b'x'; 10 << 20])?;
                stream.write_all(b"\r\nContent-Length: 0\r\n\r\n")
            }),
            Hostile::EndlessHeaders => Answer::raw(|stream| {
                let mut fields = BufWriter::new(stream);
                write!(fields, "HTTP/1.1 200 OK\r\n")?;
                for field in 0.. {
                    write!(fields, "X-Field-{field}: {field}\r\n")?;
                }
                Ok(())
            }),
            Hostile::NoHttp => Answer::raw(|stream| stream.write_all(b"220 smtp.example.com ESMTP\r\n")),
        }
    }
}

/// A page in the text format.
pub fn text(page: impl Into<Arc<[u8]>>) -> Answer {
    Answer::ok(TEXT, page)
}

/// A page under gzip.
pub fn compressed(page: Arc<[u8]>) -> Answer {
    text(page).header("Content-Encoding", "gzip")
}

/// Compresses.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

/// The head of an answer of unknown length, with the fields of `head`, then whatever `body` writes.
pub fn without_end(head: &'static str, body: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static) -> Answer {
    Answer::raw(move |stream| {
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Type: {TEXT}\r\n{head}\r\n").as_bytes())?;
        body(stream)
    })
}

/// 720 megabytes of comments, compressed once.
fn bomb() -> Arc<[u8]> {
    static BOMB: OnceLock<Arc<[u8]>> = OnceLock::new();
    let made = BOMB.get_or_init(|| {
        let line = format!("# {}\n", "0".repeat(1021));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        for _ in 0..720 << 10 {
            // Writing to a vector cannot fail.
            let _ = encoder.write_all(line.as_bytes());
        }
        encoder.finish().unwrap_or_default().into()
    });
    Arc::clone(made)
}
