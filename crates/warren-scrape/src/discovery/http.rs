//! `http_sd_configs`: target groups as JSON from an HTTP server.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use warren_component::BoxFuture;

use super::file::from_json;
use super::refresh::Health;
use super::{GROUPS_BYTES_MAX, Share, TargetGroup};
use crate::config::{HttpClientConfig, HttpConfig};

/// Makes HTTP clients of Prometheus' settings.
pub trait Fetch: Send + Sync {
    /// A client with these settings.
    ///
    /// # Errors
    /// When the settings cannot be used, such as certificates that cannot be read.
    fn client(&self, config: &HttpClientConfig) -> Result<Box<dyn FetchClient>, FetchError>;
}

/// Sends GET requests.
pub trait FetchClient: Send + Sync {
    /// Gets a page, body and all.
    ///
    /// # Errors
    /// When there is no whole answer: no connection, time limit, body longer than `body_bytes_max`.
    fn get<'a>(&'a self, request: Get<'a>) -> BoxFuture<'a, Result<Fetched, FetchError>>;
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Get<'a> {
    /// What is requested.
    pub url: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// Time limit of the whole exchange.
    pub timeout: Duration,
    /// Longest body that is taken, in bytes.
    pub body_bytes_max: usize,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// Why nothing was fetched. Holds no secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

pub(super) struct HttpDiscovery {
    url: String,
    refresh_interval: Duration,
    client: Box<dyn FetchClient>,
    share: Share,
    health: Health,
}

impl HttpDiscovery {
    pub(super) fn new(config: &HttpConfig, client: Box<dyn FetchClient>, share: Share, health: Health) -> Self {
        Self { url: config.url.clone(), refresh_interval: config.refresh_interval, client, share, health }
    }

    pub(super) async fn run(mut self) {
        let mut ticks = interval(self.refresh_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shown = shown(&self.url);
        loop {
            ticks.tick().await;
            let fetched = self.fetch().await;
            if let Some(groups) = self.health.note(&shown, fetched) {
                self.share.publish(groups);
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<TargetGroup>, String> {
        let seconds = self.refresh_interval.as_secs_f64().to_string();
        let request = Get {
            url: &self.url,
            headers: &[("Accept", "application/json"), ("X-Prometheus-Refresh-Interval-Seconds", &seconds)],
            timeout: self.refresh_interval,
            body_bytes_max: GROUPS_BYTES_MAX,
        };
        let answer = self.client.get(request).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("server returned HTTP status {}", answer.status));
        }
        if !is_json(&answer.content_type) {
            return Err(format!("unsupported content type {:?}", answer.content_type));
        }
        let mut groups = from_json(&answer.body)?;
        for (index, group) in groups.iter_mut().enumerate() {
            group.source = format!("{}:{index}", self.url);
            group.labels.insert("__meta_url".to_owned(), self.url.clone());
        }
        Ok(groups)
    }
}

/// A URL without the password it may hold.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match authority.rsplit_once('@').map(|(user, host)| (user.split_once(':'), host)) {
        Some((Some((name, _)), host)) => format!("{scheme}://{name}:xxxxx@{host}{tail}"),
        _ => url.to_owned(),
    }
}

/// `^(?i:application\/json(;\s*charset=("utf-8"|utf-8))?)$`
fn is_json(content_type: &str) -> bool {
    let content_type = content_type.trim().to_ascii_lowercase();
    let Some(rest) = content_type.strip_prefix("application/json") else { return false };
    match rest.strip_prefix(';') {
        None => rest.is_empty(),
        Some(parameter) => matches!(parameter.trim_start(), "charset=utf-8" | "charset=\"utf-8\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_taken() {
        for good in ["application/json", " Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(good), "{good}");
        }
        for bad in
            ["", "text/plain", "application/json; charset=latin1", "application/json2", "application/json;charset=utf-8;q=1"]
        {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn passwords_in_urls_are_not_shown() {
        assert_eq!(shown("http://u:secret@h/x"), "http://u:xxxxx@h/x");
        assert_eq!(shown("http://h/x?y"), "http://h/x?y");
    }
}
