//! Free loopback ports for programs that cannot be told to choose one themselves.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, Result};

/// Ports below those that outgoing connections are given by default: one of these could be gone before it is bound.
const FIRST: u16 = 15_000;
const PORTS: u32 = 17_000;

/// Ports that a process has before it meets those of the process started after it.
const OWN: u32 = 251;

/// How many ports were looked at by this process: none is handed out twice.
static LOOKED_AT: AtomicU32 = AtomicU32::new(0);

/// `wanted` if nothing listens on it, else another free port.
///
/// # Errors
/// When no socket can be bound at all.
pub fn prefer(wanted: u16) -> Result<u16> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)) {
        Ok(_) => Ok(wanted),
        Err(_) => free(),
    }
}

/// A TCP port of 127.0.0.1 on which nothing listens at the moment.
///
/// # Errors
/// When there is none.
pub fn free() -> Result<u16> {
    let own = std::process::id().wrapping_mul(OWN);
    let mut last = None;
    for _ in 0..PORTS {
        let place = own.wrapping_add(LOOKED_AT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = FIRST + place as u16;
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| std::io::Error::from(std::io::ErrorKind::AddrInUse));
    Err(Error::io(|| "bind a loopback port")(error))
}
