//! Which collectors are connected, and how to reach them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use warren_store::{CLIENTS_MAX, Client};

/// Collectors by their uid.
#[derive(Default)]
pub(crate) struct Hub(Mutex<Live>);

#[derive(Default)]
struct Live {
    clients: HashMap<String, Entry>,
    /// Uids by server, the one heard of last at the end.
    by_server: HashMap<String, Vec<String>>,
    /// Clients that were heard of since they were last written down.
    touched: HashMap<String, i64>,
}

struct Entry {
    client: Client,
    /// Wakes the connection; of those that ask in intervals there is none.
    connection: Option<(u64, Arc<Notify>)>,
}

impl Live {
    /// Forgets a collector, and has its connection find that out.
    fn remove(&mut self, uid: &str) {
        self.touched.remove(uid);
        if let Some(Entry { connection: Some((_, wake)), .. }) = self.clients.remove(uid) {
            wake.notify_one();
        }
    }
}

impl Hub {
    /// A collector as it was heard of last.
    pub(crate) fn client(&self, uid: &str) -> Option<Client> {
        self.live().clients.get(uid).map(|entry| entry.client.clone())
    }

    /// A collector was heard of. One more than there may be of a server takes the place of the one that was heard of the longest ago.
    pub(crate) fn heard(&self, client: &Client, connection: Option<(u64, Arc<Notify>)>) {
        let mut live = self.live();
        live.touched.insert(client.uid.clone(), client.seen);
        let uids = live.by_server.entry(client.server.clone()).or_default();
        uids.retain(|known| *known != client.uid);
        uids.push(client.uid.clone());
        let surplus = (uids.len() > CLIENTS_MAX).then(|| uids.remove(0));
        let entry = live.clients.entry(client.uid.clone());
        match entry {
            std::collections::hash_map::Entry::Vacant(entry) => drop(entry.insert(Entry { client: client.clone(), connection })),
            std::collections::hash_map::Entry::Occupied(mut entry) => {
                let entry = entry.get_mut();
                entry.client = client.clone();
                if let Some((number, wake)) = connection {
                    // Of two connections the newer one counts; the older is told to look, and finds that out.
                    let replaced = entry.connection.replace((number, wake)).filter(|(old, _)| *old != number);
                    if let Some((_, old)) = replaced {
                        old.notify_one();
                    }
                }
            }
        }
        if let Some(uid) = surplus {
            live.remove(&uid);
        }
    }

    /// Whether a connection is the one that counts for its collector.
    pub(crate) fn counts(&self, uid: &str, number: u64) -> bool {
        let live = self.live();
        live.clients.get(uid).is_some_and(|entry| entry.connection.as_ref().is_some_and(|(known, _)| *known == number))
    }

    /// A connection is over.
    pub(crate) fn gone(&self, uid: &str, number: u64) {
        if let Some(entry) = self.live().clients.get_mut(uid)
            && entry.connection.as_ref().is_some_and(|(known, _)| *known == number)
        {
            entry.connection = None;
        }
    }

    /// Whether a collector has a connection that stays.
    pub(crate) fn connected(&self, uid: &str) -> bool {
        self.live().clients.get(uid).is_some_and(|entry| entry.connection.is_some())
    }

    /// When a collector was heard of, if that is newer than what is written down.
    pub(crate) fn seen(&self, uid: &str) -> Option<i64> {
        self.live().clients.get(uid).map(|entry| entry.client.seen)
    }

    /// Has the connections of a server look whether there is something to tell.
    pub(crate) fn wake(&self, server: &str) {
        let live = self.live();
        for uid in live.by_server.get(server).into_iter().flatten() {
            if let Some((_, wake)) = live.clients.get(uid).and_then(|entry| entry.connection.as_ref()) {
                wake.notify_one();
            }
        }
    }

    /// Forgets a server's collectors, and has their connections find that out.
    pub(crate) fn forget(&self, server: &str) {
        let mut live = self.live();
        for uid in live.by_server.remove(server).unwrap_or_default() {
            live.remove(&uid);
        }
    }

    /// Who was heard of since this was asked last.
    pub(crate) fn touched(&self) -> Vec<(String, i64)> {
        std::mem::take(&mut self.live().touched).into_iter().collect()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
