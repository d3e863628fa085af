//! What a client takes: format, names, coding.

use std::borrow::Cow;

/// A format of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus's text, 0.0.4.
    Text,
    /// OpenMetrics, with the version the client asked for.
    OpenMetrics(&'static str),
}

/// What becomes of names that are not plain (`[a-zA-Z_:][a-zA-Z0-9_:]*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// They stand in quotes.
    Quoted,
    /// Every other character becomes `_`.
    Underscores,
    /// Dots become `_dot_`, everything else `__`.
    Dots,
    /// Every other character becomes its number.
    Values,
}

impl Escaping {
    const WORDS: [(&'static str, Self); 4] =
        [("allow-utf-8", Self::Quoted), ("underscores", Self::Underscores), ("dots", Self::Dots), ("values", Self::Values)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, escaping)| *escaping == self).map_or("", |(word, _)| word)
    }

    /// The name as it is shown, but for quotes.
    pub(crate) fn apply(self, name: &str) -> Cow<'_, str> {
        if self == Self::Quoted || is_plain(name) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            out.push_str("U__");
        }
        for (at, c) in name.char_indices() {
            match (self, c) {
                (Self::Dots, '.') => out.push_str("_dot_"),
                (Self::Dots | Self::Values, '_') => out.push_str("__"),
                (_, c) if fits(c, at) => out.push(c),
                (Self::Dots, _) => out.push_str("__"),
                (Self::Values, c) => out.push_str(&format!("_{:x}_", u32::from(c))),
                (_, _) => out.push('_'),
            }
        }
        Cow::Owned(out)
    }
}

/// Whether a name needs no escaping.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| fits(c, at))
}

fn fits(c: char, at: usize) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || c.is_ascii_digit() && at > 0
}

/// A page's format and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) format: Format,
    pub(crate) escaping: Escaping,
}

impl Accepted {
    /// What an `Accept` header asks for; text if it asks for nothing that there is.
    pub(crate) fn new(header: &str, open_metrics: bool) -> Self {
        let mut escaping = Escaping::Underscores;
        for (media, parameters) in by_preference(header) {
            let parameter =
                |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value);
            if let Some((_, known)) = Escaping::WORDS.iter().find(|(word, _)| *word == parameter("escaping")) {
                escaping = *known;
            }
            let format = match (media, parameter("version")) {
                ("text/plain", "0.0.4" | "") => Some(Format::Text),
                ("application/openmetrics-text", "1.0.0") if open_metrics => Some(Format::OpenMetrics("1.0.0")),
                ("application/openmetrics-text", "0.0.1" | "") if open_metrics => Some(Format::OpenMetrics("0.0.1")),
                _ => None,
            };
            if let Some(format) = format {
                return Self { format, escaping };
            }
        }
        Self { format: Format::Text, escaping }
    }

    pub(crate) fn content_type(self) -> String {
        let media = match self.format {
            Format::Text => "text/plain; version=0.0.4".to_owned(),
            Format::OpenMetrics(version) => format!("application/openmetrics-text; version={version}"),
        };
        format!("{media}; charset=utf-8; escaping={}", self.escaping.word())
    }
}

type Media<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// The ranges of an `Accept` header with their parameters, the preferred ones first.
fn by_preference(header: &str) -> Vec<Media<'_>> {
    let mut media: Vec<(f32, Media<'_>)> = header
        .split(',')
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let parameters: Vec<_> = parts
                .filter_map(|part| part.split_once('='))
                .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
                .collect();
            (quality(&parameters), (name, parameters))
        })
        .collect();
    media.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    media.into_iter().map(|(_, media)| media).collect()
}

fn quality(parameters: &[(&str, &str)]) -> f32 {
    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case("q")).and_then(|(_, value)| value.parse().ok()).unwrap_or(1.0)
}

/// Whether an `Accept-Encoding` header takes gzip.
pub(crate) fn takes_gzip(header: &str) -> bool {
    let named = |wanted: &str| {
        by_preference(header)
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, parameters)| quality(&parameters) > 0.0)
    };
    named("gzip").or_else(|| named("*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What client_golang v1.23.0 answers with to the headers of Prometheus 2.42 to 3.5 and of a browser.
    #[test]
    fn a_client_gets_what_it_prefers_of_what_there_is() {
        let text = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        let open = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=";
        let v2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let v3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (header, open_metrics, expected) in [
            ("", true, text.to_owned()),
            ("*/*", true, text.to_owned()),
            (v2, false, text.to_owned()),
            (v2, true, format!("{open}underscores")),
            (v3, true, format!("{open}allow-utf-8")),
            (v3, false, text.replace("underscores", "allow-utf-8")),
            ("text/plain;q=0.2, application/openmetrics-text;q=0.1", true, text.to_owned()),
            ("application/openmetrics-text", true, open.replace("1.0.0", "0.0.1") + "underscores"),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", true, text.to_owned()),
        ] {
            assert_eq!(Accepted::new(header, open_metrics).content_type(), expected, "{header}");
        }
    }

    #[test]
    fn gzip_is_taken_when_it_is_named_and_not_refused() {
        for (header, takes) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("", false),
            ("identity", false),
            ("*;q=0", false),
        ] {
            assert_eq!(takes_gzip(header), takes, "{header}");
        }
    }

    /// Results of prometheus/common v0.65.0, `model.EscapeMetricFamily`, which leaves plain names as they are.
    #[test]
    fn names_are_escaped_as_the_client_wants() {
        for (name, underscores, dots, values) in [
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            (
                "mysystem.prod.west.cpu.load_total",
                "mysystem_prod_west_cpu_load_total",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
            ),
            ("no:escaping_required", "no:escaping_required", "no:escaping_required", "no:escaping_required"),
            ("label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"),
            ("花火", "__", "____", "U___82b1__706b_"),
            ("1a", "_a", "__a", "U___31_a"),
        ] {
            assert_eq!(Escaping::Underscores.apply(name), underscores);
            assert_eq!(Escaping::Dots.apply(name), dots);
            assert_eq!(Escaping::Values.apply(name), values);
            assert_eq!(Escaping::Quoted.apply(name), name);
        }
    }
}
