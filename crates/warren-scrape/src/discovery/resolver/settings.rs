//! `/etc/resolv.conf`: which servers are asked, and which names a short name may stand for.

use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Most servers and search domains that are used.
const SERVERS_MAX: usize = 8;
const SEARCH_MAX: usize = 32;

const DNS_PORT: u16 = 53;

/// Settings as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) servers: Vec<SocketAddr>,
    search: Vec<String>,
    /// A name with more dots than this is tried as it is before the search domains.
    ndots: usize,
}

impl Settings {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut settings = Self { servers: Vec::new(), search: Vec::new(), ndots: 1 };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => settings.servers.extend(words.next().and_then(server)),
                Some("domain") => settings.search = words.next().map(str::to_owned).into_iter().collect(),
                Some("search") => settings.search = words.map(str::to_owned).take(SEARCH_MAX).collect(),
                Some("options") => {
                    let mut dots = words.filter_map(|word| word.strip_prefix("ndots:")).filter_map(|dots| dots.parse().ok());
                    settings.ndots = dots.next_back().map_or(settings.ndots, |dots: usize| dots.min(15));
                }
                _ => {}
            }
        }
        settings.servers.truncate(SERVERS_MAX);
        settings
    }

    /// The full names that `name` may stand for, in the order in which they are tried.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let as_it_is = format!("{name}.");
        let searched = self.search.iter().map(|domain| match domain.trim_end_matches('.') {
            "" => as_it_is.clone(),
            domain => format!("{name}.{domain}."),
        });
        if name.split('.').count() > self.ndots {
            std::iter::once(as_it_is.clone()).chain(searched).collect()
        } else {
            searched.chain(std::iter::once(as_it_is.clone())).collect()
        }
    }
}

/// `192.0.2.1`, `::1`, `fe80::1%eth0` (the zone is dropped), and for tests `127.0.0.1:5353`.
fn server(word: &str) -> Option<SocketAddr> {
    let address = word.split('%').next().unwrap_or(word);
    address.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT)).or_else(|_| word.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let settings = Settings::parse(
            "# comment\nnameserver 192.0.2.1\nnameserver ::1\nnameserver nonsense\ndomain old\nsearch a.example b.example.\noptions timeout:1 ndots:2\n",
        );
        assert_eq!(settings.servers, ["192.0.2.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert_eq!(settings.names("web"), ["web.a.example.", "web.b.example.", "web."]);
        assert_eq!(settings.names("a.b.c"), ["a.b.c.", "a.b.c.a.example.", "a.b.c.b.example."]);
        assert_eq!(settings.names("web."), ["web."]);
    }

    #[test]
    fn an_empty_file_has_defaults() {
        let settings = Settings::parse("");
        assert!(settings.servers.is_empty());
        assert_eq!(settings.names("a.b"), ["a.b."]);
    }
}
