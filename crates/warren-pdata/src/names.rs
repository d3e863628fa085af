//! Names of enumerations, as OTLP spells them: `(name, number)`, by number.

/// Names and the numbers they stand for.
pub type Names = &'static [(&'static str, i32)];

/// What a severity's name begins with.
pub const SEVERITY_PREFIX: &str = "SEVERITY_NUMBER_";

/// Severities of log records ([`LogRecord::severity_number`](crate::LogRecord::severity_number)).
pub const SEVERITIES: Names = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

/// Kinds of spans ([`Span::kind`](crate::Span::kind)).
pub const SPAN_KINDS: Names = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];

/// Codes of spans' status ([`SpanStatus::code`](crate::SpanStatus::code)).
pub const STATUS_CODES: Names = &[("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)];

/// Temporalities of sums and histograms ([`Temporality`](crate::Temporality)).
pub const TEMPORALITIES: Names = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_of_a_name_is_its_number() {
        for names in [SEVERITIES, SPAN_KINDS, STATUS_CODES, TEMPORALITIES] {
            assert!(names.iter().enumerate().all(|(rank, (_, number))| i32::try_from(rank) == Ok(*number)));
        }
        assert!(SEVERITIES.iter().all(|(name, _)| name.starts_with(SEVERITY_PREFIX)));
    }
}
