//! Names of exposition formats, and of the schemes for metric and label names.

use super::yaml::Mapping;

/// Exposition formats by Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrapeProtocol {
    /// Delimited protobuf.
    PrometheusProto,
    /// OpenMetrics 0.0.1.
    OpenMetricsText0_0_1,
    /// OpenMetrics 1.0.0.
    OpenMetricsText1_0_0,
    /// Text 0.0.4.
    PrometheusText0_0_4,
    /// Text 1.0.0.
    PrometheusText1_0_0,
}

/// Which names are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameValidation {
    /// Letters, digits, underscores and colons.
    Legacy,
    /// Any UTF-8.
    Utf8,
}

/// Which form of names is asked for in the `escaping` parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameEscaping {
    /// As they are.
    AllowUtf8,
    /// Underscores for invalid characters.
    Underscores,
    /// Dots as `_dot_`.
    Dots,
    /// Code points.
    Values,
}

impl ScrapeProtocol {
    /// What is asked for unless configured.
    pub const DEFAULT: [Self; 4] =
        [Self::OpenMetricsText1_0_0, Self::OpenMetricsText0_0_1, Self::PrometheusText1_0_0, Self::PrometheusText0_0_4];

    /// All of them, in the order of their names.
    const ALL: [Self; 5] = [
        Self::OpenMetricsText0_0_1,
        Self::OpenMetricsText1_0_0,
        Self::PrometheusProto,
        Self::PrometheusText0_0_4,
        Self::PrometheusText1_0_0,
    ];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
        }
    }

    /// The media type in `Accept`, with its version.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::PrometheusProto => "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0",
        }
    }

    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == name)
            .ok_or_else(|| format!("unknown scrape protocol {name}, supported: [{}]", Self::ALL.map(Self::name).join(" ")))
    }

    /// A list of names as formats, or what is wrong with it.
    pub(super) fn list(names: &[String]) -> Result<Vec<Self>, String> {
        if names.is_empty() {
            return Err("scrape_protocols cannot be empty".to_owned());
        }
        let mut protocols = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if names.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                return Err(format!("duplicated protocol in scrape_protocols, got [{}]", names.join(" ")));
            }
            protocols.push(Self::from_name(name).map_err(|message| format!("scrape_protocols: {message}"))?);
        }
        Ok(protocols)
    }
}

impl NameValidation {
    pub(super) fn field(m: &mut Mapping<'_, '_>, level: &str) -> Option<Self> {
        let name: String = m.optional("metric_name_validation_scheme")?;
        match name.as_str() {
            "" => None,
            "legacy" => Some(Self::Legacy),
            "utf8" => Some(Self::Utf8),
            _ => {
                let message =
                    format!("unknown {level} name validation method specified, must be either 'legacy' or 'utf8', got {name}");
                m.report().error("metric_name_validation_scheme", message);
                None
            }
        }
    }
}

impl NameEscaping {
    const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The name, in configurations and in `Accept`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    pub(super) fn field(m: &mut Mapping<'_, '_>, level: &str) -> Option<Self> {
        let name: String = m.optional("metric_name_escaping_scheme")?;
        if name.is_empty() {
            return None;
        }
        let scheme = Self::ALL.into_iter().find(|scheme| scheme.name() == name);
        if scheme.is_none() {
            let message = format!(
                "unknown {level} name escaping method specified, must be one of 'allow-utf-8', 'underscores', 'dots', or \
                 'values', got {name:?}"
            );
            m.report().error("metric_name_escaping_scheme", message);
        }
        scheme
    }
}
