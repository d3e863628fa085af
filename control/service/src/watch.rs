//! Whether data really arrives: asked where it is stored, not of those who send it.
//!
//! A collector that is connected and says it is well may have stopped to send. What counts is the age of the newest sample of each server in the
//! store that all of them write to, by PromQL, and on the bus that they publish to ([`crate::bus`]). Data that is to arrive at both has to arrive at
//! both.

use crate::app::{App, now};
use crate::nodes::{Duty, is_ours};
use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;
use warren_http::client::Proxies;
use warren_http::{Client, ClientSettings};
use warren_store::Watched;
use warren_telemetry::Field;

/// Time between two questions.
const EVERY: Duration = Duration::from_secs(5);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The newest sample of each server: every scrape writes `up`, whatever becomes of it; only those that went well count.
const QUERY: &str = "max by (instance) (timestamp(up{job=~\"rabbitmq|lavinmq\"} == 1))";

/// What is allowed beyond two intervals, in milliseconds.
const GRACE: i64 = 10_000;

/// How old an answer may be to say something, in milliseconds.
const ANSWER_AGE_MAX: i64 = 60_000;

/// Where to ask.
#[derive(Clone, Debug)]
pub struct Query {
    /// The base of the API, such as `https://mimir.example.net/prometheus`.
    pub url: String,
    /// User of basic authentication; none if it is empty.
    pub user: String,
    /// Password.
    pub password: String,
}

/// How it stands with a server's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Data {
    /// It arrives.
    Fresh,
    /// It has arrived, and does not any more.
    Stale,
    /// None has arrived, though there was time.
    Absent,
    /// Nobody can say: nothing is collected, there was no time yet, or the store does not answer.
    Unknown,
}

/// What is known of the data of all servers.
#[derive(Default)]
pub(crate) struct Freshness(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// What is seen at each place that is looked at.
    places: BTreeMap<Place, Seen>,
    /// Servers without data, and since when that is known.
    silent: BTreeMap<String, i64>,
    /// Regions whose figures are told.
    regions: BTreeSet<String>,
}

/// Where data arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The store of metrics.
    Store,
    /// The bus.
    Bus,
}

/// What is seen at a place.
#[derive(Default)]
struct Seen {
    /// Milliseconds since 1970 of the newest sample, by the name of the server.
    newest: HashMap<String, i64>,
    /// When it answered last, and since when it does.
    answered: i64,
    first: i64,
}

impl Freshness {
    /// How it stands with a server's data, and of when its newest is: at the place where it stands worst.
    pub(crate) fn of(&self, server: &Watched) -> (Data, Option<i64>) {
        let known = self.known();
        let places = known.places.iter().filter_map(|(place, seen)| {
            let interval = place.interval(server.interval, server.bus);
            let newest = seen.newest.get(&server.name).copied();
            (interval > 0).then(|| (judged(seen, interval, server.since, newest, now()), newest))
        });
        places.max_by_key(|(data, newest)| (data.badness(), newest.map(std::cmp::Reverse))).unwrap_or((Data::Unknown, None))
    }

    /// Whether it is looked for data at all, and every place answers.
    pub(crate) fn answers(&self) -> Option<bool> {
        let known = self.known();
        let answers = |seen: &Seen| seen.answered >= now() - ANSWER_AGE_MAX;
        (!known.places.is_empty()).then(|| known.places.values().all(answers))
    }

    /// Milliseconds between two samples at the places that are looked at; zero if none are to arrive there.
    pub(crate) fn interval(&self, store: i64, bus: i64) -> i64 {
        self.known().places.keys().map(|place| place.interval(store, bus)).max().unwrap_or(0)
    }

    /// A place is looked at from now on: what was seen there before says nothing about now.
    pub(crate) fn looks(&self, place: Place) {
        self.known().places.insert(place, Seen::default());
    }

    /// A place answers, and these are the newest samples there.
    pub(crate) fn answered(&self, place: Place, newest: impl IntoIterator<Item = (String, i64)>) {
        let mut known = self.known();
        let seen = known.places.entry(place).or_default();
        seen.answered = now();
        if seen.first == 0 {
            seen.first = seen.answered;
        }
        for (name, at) in newest {
            let known = seen.newest.entry(name).or_insert(at);
            *known = at.max(*known);
        }
    }

    /// Since when a server is known to be without data.
    pub(crate) fn silent_since(&self, id: &str) -> Option<i64> {
        self.known().silent.get(id).copied()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn interval(self, store: i64, bus: i64) -> i64 {
        match self {
            Self::Store => store,
            Self::Bus => bus,
        }
    }
}

impl Data {
    /// How bad it is beside others.
    fn badness(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Unknown => 1,
            Self::Stale => 2,
            Self::Absent => 3,
        }
    }
}

fn judged(seen: &Seen, interval: i64, since: i64, newest: Option<i64>, now: i64) -> Data {
    let patience = 2 * interval + GRACE;
    if seen.answered < now - ANSWER_AGE_MAX {
        return Data::Unknown;
    }
    match newest {
        Some(at) if now - at <= patience => Data::Fresh,
        Some(_) => Data::Stale,
        // A configuration needs time to be given and to show, and so does whoever asks.
        None if now - since.max(seen.first) <= patience + 30_000 => Data::Unknown,
        None => Data::Absent,
    }
}

/// Looks which servers are without data, for ever.
pub(crate) async fn silence(app: App) {
    loop {
        if let Err(error) = look(&app).await {
            app.log.error("Servers cannot be looked at", &[("error", Field::Display(&error))]);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Asks, for ever.
pub(crate) async fn watch(app: App, query: Query) {
    let settings = ClientSettings {
        proxies: Proxies::from_environment(|name| std::env::var(name).ok()),
        timeout: PATIENCE,
        http2: false,
        ..ClientSettings::default()
    };
    let client = match Client::new(settings) {
        Ok(client) => client,
        Err(error) => return app.log.error("Data cannot be watched", &[("error", Field::Display(&error))]),
    };
    app.freshness.looks(Place::Store);
    let mut failing = false;
    loop {
        match ask(&client, &query).await {
            Ok(newest) => {
                failing = false;
                app.freshness.answered(Place::Store, newest);
            }
            Err(error) if !failing => {
                failing = true;
                app.log.error(
                    "The store of metrics does not answer: whether data arrives is not known",
                    &[("error", Field::Str(&error))],
                );
            }
            Err(_) => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Which servers are without data, by region; what has changed is told.
async fn look(app: &App) -> Result<(), warren_store::StoreError> {
    let servers = app.store.watched().await?;
    let mut regions: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut silent = BTreeMap::new();
    for server in &servers {
        let region = regions.entry(server.region.clone()).or_default();
        region.0 += 1;
        if matches!(app.freshness.of(server).0, Data::Stale | Data::Absent) {
            region.1 += 1;
            silent.insert(server.id.clone(), app.freshness.silent_since(&server.id).unwrap_or_else(now));
        }
    }
    let names: HashSet<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    let before = {
        let mut known = app.freshness.known();
        // Others write there, too, and servers go.
        for seen in known.places.values_mut() {
            seen.newest.retain(|name, _| names.contains(name.as_str()));
        }
        let gone = std::mem::replace(&mut known.regions, regions.keys().cloned().collect());
        for region in gone {
            // What was told of a region does not stay when its last server goes.
            regions.entry(region).or_default();
        }
        std::mem::replace(&mut known.silent, silent.clone())
    };
    for (region, (all, without)) in &regions {
        let labels = [("region", region.as_str())];
        app.registry.gauge("warren_servers_watched", "Servers whose data is watched.", &labels).set(*all as f64);
        app.registry.gauge("warren_servers_silent", "Servers without data for two intervals.", &labels).set(*without as f64);
    }
    if !is_ours(app, Duty::Watch).await {
        return Ok(());
    }
    for id in silent.keys().filter(|id| !before.contains_key(*id)) {
        app.log.warn("A server's data does not arrive", &[("server", Field::Str(id))]);
    }
    for id in before.keys().filter(|id| !silent.contains_key(*id)) {
        app.log.info("A server's data arrives again", &[("server", Field::Str(id))]);
    }
    Ok(())
}

/// The time of the newest sample of each server.
async fn ask(client: &Client, query: &Query) -> Result<HashMap<String, i64>, String> {
    #[derive(Deserialize)]
    struct Answer {
        data: Found,
    }
    #[derive(Deserialize)]
    struct Found {
        result: Vec<Series>,
    }
    #[derive(Deserialize)]
    struct Series {
        metric: HashMap<String, String>,
        value: (f64, String),
    }
    let mut request = Request::new(Bytes::new());
    let encoded: String = QUERY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = format!("{}/api/v1/query?query={encoded}", query.url.trim_end_matches('/'));
    *request.uri_mut() = url.parse().map_err(|_| format!("{:?} is no URL", query.url))?;
    if !query.user.is_empty() {
        let basic = warren_http::client::basic(&query.user, &query.password).ok_or("user and password cannot be sent")?;
        request.headers_mut().insert(http::header::AUTHORIZATION, basic);
    }
    let answer = client.send(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer.into_body().read(ANSWER_BYTES_MAX).await.map_err(|error| error.to_string())?;
    if !status.is_success() {
        return Err(format!("it answered {status}"));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let newest = answer.data.result.into_iter().filter_map(|mut series| {
        let seconds: f64 = series.value.1.parse().ok()?;
        Some((series.metric.remove("instance")?, (seconds * 1000.0) as i64))
    });
    Ok(newest.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use warren_fleet::Server;
    use warren_store::{Actor, Desired};
    use warren_telemetry::PageStyle;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_told_of_servers_goes_with_them() {
        let (app, _directory) = App::scratch().await;
        let server = Server { id: "a".into(), tenant: "t".into(), name: "n".into(), region: "r".into(), ..Server::default() };
        let mut change = app.store.begin().await.unwrap();
        change.add_server(&server).await.unwrap();
        change.put_desired("a", &Desired { sample_interval: 1000, ..Desired::default() }).await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        app.freshness.answered(Place::Store, [("n".to_owned(), 1), ("a stranger".to_owned(), 1)]);
        let silent = |count: u8| format!("warren_servers_silent{{region=\"::r\"}} {count}\n");
        look(&app).await.unwrap();
        assert!(app.registry.render(&PageStyle::default()).contains(&silent(1)));
        assert_eq!(app.freshness.known().places[&Place::Store].newest.len(), 1);
        let mut change = app.store.begin().await.unwrap();
        change.remove_server("a").await.unwrap();
        change.commit(&Actor::default(), &[]).await.unwrap();
        look(&app).await.unwrap();
        assert!(app.registry.render(&PageStyle::default()).contains(&silent(0)));
        assert!(app.freshness.known().places[&Place::Store].newest.is_empty() && app.freshness.silent_since("a").is_none());
    }

    #[test]
    fn data_is_judged_by_its_age_and_only_when_there_was_time() {
        let seen = Seen { answered: 1_000_000, first: 1, ..Seen::default() };
        let judge = |newest: Option<i64>, now: i64| judged(&seen, 60_000, 500_000, newest, now);
        assert_eq!(judge(Some(900_000), 1_000_000), Data::Fresh);
        assert_eq!(judge(Some(869_000), 1_000_000), Data::Stale);
        assert_eq!(judge(None, 1_000_000), Data::Absent);
        assert_eq!(judge(None, 600_000), Data::Unknown);
        assert_eq!(judge(Some(1_000_000), 1_100_000), Data::Unknown, "the store has not answered for a minute");
    }

    #[test]
    fn data_has_to_arrive_wherever_it_is_to_arrive() {
        let freshness = Freshness::default();
        let server = Watched { id: "s".into(), name: "n".into(), region: String::new(), interval: 60_000, bus: 60_000, since: 1 };
        assert_eq!(freshness.of(&server).0, Data::Unknown, "nobody looks");
        let (fresh, stale) = (now(), now() - 131_000);
        freshness.answered(Place::Store, [("n".to_owned(), fresh)]);
        assert_eq!(freshness.of(&server), (Data::Fresh, Some(fresh)));
        freshness.answered(Place::Bus, [("n".to_owned(), stale)]);
        assert_eq!(freshness.of(&server), (Data::Stale, Some(stale)));
        assert_eq!(freshness.of(&Watched { bus: 0, ..server.clone() }).0, Data::Fresh, "nothing is to arrive there");
        freshness.answered(Place::Bus, [("n".to_owned(), fresh), ("n".to_owned(), stale)]);
        assert_eq!(freshness.of(&server).0, Data::Fresh);
        // Who looks anew knows nothing of before.
        freshness.looks(Place::Bus);
        assert_eq!(freshness.of(&server).0, Data::Unknown);
        assert_eq!(freshness.answers(), Some(false));
    }
}
