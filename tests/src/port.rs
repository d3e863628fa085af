//! Free loopback ports for programs that cannot be told to choose one themselves.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Ports already handed out by this process, so that two servers starting at once never get the same one.
static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

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
/// When no socket can be bound at all.
pub fn free() -> Result<u16> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io(|| "bind a loopback port"))?;
        let port = listener.local_addr().map_err(Error::io(|| "read the bound port"))?.port();
        if taken.insert(port) {
            return Ok(port);
        }
    }
}
