//! A loopback server: a thread per connection, an answer per request from the test's own function.

use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::message::{Message, Unframed};
use crate::error::{Error, Result};

/// Writes whatever it likes to a connection.
pub type Takeover = dyn FnOnce(&mut TcpStream) -> io::Result<()> + Send;

/// What a [`Server`] does with a request.
pub enum Answer {
    /// A well-formed answer; the connection stays open.
    Reply {
        /// Status code.
        status: u16,
        /// Header fields besides `Content-Length`.
        headers: Vec<(String, String)>,
        /// Body.
        body: Arc<[u8]>,
    },
    /// Takes the connection over: whatever is written goes out as it is, then the connection is closed.
    Raw(Box<Takeover>),
}

impl Answer {
    /// A status without a body.
    pub fn status(status: u16) -> Answer {
        Answer::Reply { status, headers: Vec::new(), body: Arc::default() }
    }

    /// 200 with a body of the given type.
    pub fn ok(content_type: &str, body: impl Into<Arc<[u8]>>) -> Answer {
        Answer::Reply { status: 200, headers: Vec::new(), body: body.into() }.header("Content-Type", content_type)
    }

    /// Takes the connection over.
    pub fn raw(write: impl FnOnce(&mut TcpStream) -> io::Result<()> + Send + 'static) -> Answer {
        Answer::Raw(Box::new(write))
    }

    /// Replaces the status of a reply.
    #[must_use]
    pub fn with_status(mut self, code: u16) -> Answer {
        if let Answer::Reply { status, .. } = &mut self {
            *status = code;
        }
        self
    }

    /// Adds a header field to a reply.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        if let Answer::Reply { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

type Handler = dyn Fn(Message) -> Answer + Send + Sync;

/// A listening server; it stops accepting when dropped.
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Server {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub fn start(handler: impl Fn(Message) -> Answer + Send + Sync + 'static) -> Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io(|| "bind a loopback port"))?;
        let address = listener.local_addr().map_err(Error::io(|| "read the bound port"))?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (handler, stop): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&stopped));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let (handler, stop) = (Arc::clone(&handler), Arc::clone(&stop));
                // A peer that goes away in the middle is part of what is tested.
                std::thread::spawn(move || serve(stream, handler.as_ref(), &stop));
            }
        });
        Ok(Server { address, stopped })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the accepting thread, so that it sees the flag and closes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, handler: &Handler, stopped: &AtomicBool) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = Message::read(&mut reader, Unframed::Empty)? {
        if stopped.load(Ordering::Acquire) {
            break;
        }
        match handler(request) {
            Answer::Reply { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} \r\nContent-Length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                head.push_str("\r\n");
                writer.write_all(head.as_bytes())?;
                writer.write_all(&body)?;
            }
            Answer::Raw(write) => return write(&mut writer),
        }
    }
    Ok(())
}
