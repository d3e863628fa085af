//! Just enough HTTP/1.1 over plain TCP for tests: a client that asks once, and a server whose answers may be as ill-behaved as a test wants.
//!
//! Deliberately independent of the HTTP stack the collector uses, so that the two do not share a misunderstanding.

mod client;
mod message;
mod server;

pub(crate) use client::succeed;
pub use client::{Request, get, percent_encode, post, send};
pub use message::{Headers, Message};
pub use server::{Answer, Server, Takeover};
