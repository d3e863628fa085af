//! Which collectors are connected, and how to reach them.
//!
//! What is known of a collector is held as text: as values it would take ten times the room, and it is read once with each of its messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use warren_store::{CLIENTS_MAX, Client, Heard};

/// Collectors by their uid.
#[derive(Default)]
pub(crate) struct Hub(Mutex<Live>);

#[derive(Default)]
struct Live {
    clients: HashMap<String, Entry>,
    /// Uids by server, the one heard of last at the end.
    by_server: HashMap<String, Vec<String>>,
    /// Collectors that were heard of since they were last written down.
    touched: HashMap<String, Heard>,
}

struct Entry {
    /// Whose it is.
    server: Box<str>,
    /// All that is known of it, as JSON.
    told: Box<str>,
    /// These two grow with every message.
    sequence: u64,
    seen: i64,
    /// Wakes the connection; of those that ask in intervals there is none.
    connection: Option<(u64, Arc<Notify>)>,
    /// It is to connect to another node.
    sent_away: bool,
}

/// What a message has changed of what is known of a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Nothing.
    Nothing,
    /// Figures, which are written down now and then.
    Figures,
    /// Something that is written down already.
    Written,
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
        let live = self.live();
        let entry = live.clients.get(uid)?;
        let client: Client = serde_json::from_str(&entry.told).ok()?;
        Some(Client { sequence: entry.sequence, seen: entry.seen, ..client })
    }

    /// A collector was heard of. One more than there may be of a server takes the place of the one that was heard of the longest ago.
    pub(crate) fn heard(&self, client: &Client, changed: Changed, connection: Option<(u64, Arc<Notify>)>) {
        let text = |client: &Client| serde_json::to_string(client).unwrap_or_default().into_boxed_str();
        let mut live = self.live();
        let body = (changed == Changed::Figures).then(|| text(client));
        let touched = live.touched.entry(client.uid.clone()).or_default();
        (touched.seen, touched.sequence) = (client.seen, client.sequence);
        touched.uid.clone_from(&client.uid);
        match (&body, changed) {
            (Some(body), _) => touched.body = Some(body.to_string()),
            // What is written down now is newer.
            (None, Changed::Written) => touched.body = None,
            (None, _) => {}
        }
        let uids = live.by_server.entry(client.server.clone()).or_default();
        if uids.last() != Some(&client.uid) {
            uids.retain(|known| *known != client.uid);
            uids.push(client.uid.clone());
        }
        let surplus = (uids.len() > CLIENTS_MAX).then(|| uids.remove(0));
        match live.clients.get_mut(&client.uid) {
            None => {
                let told = body.unwrap_or_else(|| text(client));
                let (sequence, seen, server) = (client.sequence, client.seen, client.server.as_str().into());
                live.clients.insert(client.uid.clone(), Entry { server, told, sequence, seen, connection, sent_away: false });
            }
            Some(entry) => {
                if changed != Changed::Nothing {
                    entry.told = body.unwrap_or_else(|| text(client));
                }
                (entry.sequence, entry.seen) = (client.sequence, client.seen);
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

    /// A connection is over. Where the collector may go to another node next, what is known of it here is not what counts any more.
    pub(crate) fn gone(&self, uid: &str, number: u64, shared: bool) {
        let mut live = self.live();
        let Some(entry) = live.clients.get_mut(uid) else { return };
        if entry.connection.as_ref().is_none_or(|(known, _)| *known != number) {
            return;
        }
        entry.connection = None;
        if shared && let Some(entry) = live.clients.remove(uid) {
            let uids = live.by_server.get_mut(&*entry.server);
            if let Some(uids) = uids {
                uids.retain(|known| known != uid);
                if uids.is_empty() {
                    live.by_server.remove(&*entry.server);
                }
            }
        }
    }

    /// Whether a collector has a connection that stays.
    pub(crate) fn connected(&self, uid: &str) -> bool {
        self.live().clients.get(uid).is_some_and(|entry| entry.connection.is_some())
    }

    /// Whether a collector of a server has a connection that stays.
    pub(crate) fn is_here(&self, server: &str) -> bool {
        let live = self.live();
        let connected = |uid: &String| live.clients.get(uid).is_some_and(|entry| entry.connection.is_some());
        live.by_server.get(server).is_some_and(|uids| uids.iter().any(connected))
    }

    /// Collectors that have a connection that stays.
    pub(crate) fn all_connected(&self) -> Vec<String> {
        let live = self.live();
        let connected = live.clients.iter().filter(|(_, entry)| entry.connection.is_some());
        connected.map(|(uid, _)| uid.clone()).collect()
    }

    /// Has a collector's connection end, so that it goes to another node.
    pub(crate) fn send_away(&self, uid: &str) {
        if let Some(entry) = self.live().clients.get_mut(uid)
            && let Some((_, wake)) = &entry.connection
        {
            entry.sent_away = true;
            wake.notify_one();
        }
    }

    /// Whether a collector is to connect to another node.
    pub(crate) fn is_sent_away(&self, uid: &str) -> bool {
        self.live().clients.get(uid).is_some_and(|entry| entry.sent_away)
    }

    /// When a collector was heard of, if that is newer than what is written down.
    pub(crate) fn seen(&self, uid: &str) -> Option<i64> {
        let live = self.live();
        live.clients.get(uid).map(|entry| entry.seen).max(live.touched.get(uid).map(|heard| heard.seen))
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
    pub(crate) fn touched(&self) -> Vec<Heard> {
        std::mem::take(&mut self.live().touched).into_values().collect()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
