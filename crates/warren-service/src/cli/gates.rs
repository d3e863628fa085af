//! Feature gates: which there are, and which are on.

use std::collections::BTreeSet;
use std::sync::Arc;
use warren_component::{Gates, UPSTREAM_ODDITIES};

/// How settled a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Off unless asked for.
    Alpha,
    /// On unless asked not to be.
    Beta,
    /// Always on.
    Stable,
    /// Always off.
    Deprecated,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
            Self::Stable => "Stable",
            Self::Deprecated => "Deprecated",
        }
    }
}

/// A gate: its id, how settled it is, the version that brought it, the version that settled it, and what it is about.
struct Gate(&'static str, Stage, &'static str, &'static str, &'static str);

/// All gates, sorted by id. Those of the reference at v0.132.0 keep their stage there; what has no effect here says so.
const GATES: [Gate; 24] = [
    Gate(
        "confighttp.framedSnappy",
        Stage::Beta,
        "v0.125.0",
        "",
        "snappy is the block format, x-snappy-framed the framed one; always so here",
    ),
    Gate(
        "confmap.enableMergeAppendOption",
        Stage::Alpha,
        "v0.120.0",
        "",
        "lists of extensions, receivers and exporters of several sources are joined",
    ),
    Gate("exporter.PersistRequestContext", Stage::Beta, "v0.128.0", "", "queues on disk keep who sent the data; no effect yet"),
    Gate(
        "exporter.googlecloud.CustomMonitoredResources",
        Stage::Alpha,
        "",
        "",
        "resource attributes may name the monitored resource",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.EnableMultipleWorkers",
        Stage::Alpha,
        "",
        "",
        "several workers send requests of one batch",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.RetryOn429",
        Stage::Alpha,
        "v0.101.0",
        "",
        "answers of 429 are tried again; always so here",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.enableSendingRW2",
        Stage::Alpha,
        "v0.125.0",
        "",
        "remote write 2.0 may be asked for",
    ),
    Gate(
        "hostmetrics.process.bootTimeCache",
        Stage::Beta,
        "v0.98.0",
        "",
        "scrapes of processes take the boot time of the start instead of looking it up",
    ),
    Gate("otelcol.printInitialConfig", Stage::Alpha, "v0.120.0", "", "the command print-initial-config"),
    Gate(
        "pkg.translator.prometheus.NormalizeName",
        Stage::Stable,
        "",
        "v0.130.0",
        "metric names follow Prometheus's conventions",
    ),
    Gate(
        "pkg.translator.prometheus.PermissiveLabelSanitization",
        Stage::Alpha,
        "",
        "",
        "labels that begin with _ keep their names",
    ),
    Gate(
        "processor.transform.ConvertBetweenSumAndGaugeMetricContext",
        Stage::Stable,
        "",
        "v0.114.0",
        "conversions of sums and gauges stand in the metric context",
    ),
    Gate(
        "receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion",
        Stage::Alpha,
        "v0.105.0",
        "",
        "start times are read from created timestamps",
    ),
    Gate("receiver.prometheusreceiver.EnableNativeHistograms", Stage::Alpha, "v0.95.0", "", "native histograms are scraped"),
    Gate(
        "receiver.prometheusreceiver.RemoveStartTimeAdjustment",
        Stage::Alpha,
        "v0.121.0",
        "",
        "start times are left as they are scraped",
    ),
    Gate(
        "receiver.prometheusreceiver.UseCreatedMetric",
        Stage::Alpha,
        "v0.91.0",
        "",
        "start times are read from _created series",
    ),
    Gate("service.AllowNoPipelines", Stage::Alpha, "v0.122.0", "", "a service may have no pipelines"),
    Gate("service.noopTracerProvider", Stage::Deprecated, "v0.107.0", "v0.109.0", "no effect"),
    Gate("service.profilesSupport", Stage::Alpha, "v0.112.0", "", "no effect: profiles are not carried"),
    Gate(
        "telemetry.UseLocalHostAsDefaultMetricsAddress",
        Stage::Beta,
        "v0.111.0",
        "",
        "own metrics are served on localhost unless said otherwise; always so here",
    ),
    Gate("telemetry.disableHighCardinalityMetrics", Stage::Deprecated, "", "v0.133.0", "no effect"),
    Gate("telemetry.newPipelineTelemetry", Stage::Alpha, "v0.123.0", "", "no effect yet"),
    Gate("transform.flatten.logs", Stage::Alpha, "v0.103.0", "", "the transform processor may flatten logs"),
    Gate(
        UPSTREAM_ODDITIES,
        Stage::Alpha,
        "",
        "",
        "processors do what upstream does where it is merely odd; docs/differences.md tells where",
    ),
];

/// The gates that are on when these are asked for: ids and whether they are to be on, later ones winning.
///
/// # Errors
/// In upstream's words when a gate does not exist or cannot be turned so.
pub(super) fn resolve(asked: &[(String, bool)]) -> Result<Gates, String> {
    let mut on: BTreeSet<String> =
        GATES.iter().filter(|gate| matches!(gate.1, Stage::Beta | Stage::Stable)).map(|gate| gate.0.to_owned()).collect();
    for (id, wanted) in asked {
        let refused = |reason: String| {
            let sign = if *wanted { "" } else { "-" };
            format!("invalid argument \"{sign}{id}\" for \"--feature-gates\" flag: {reason}")
        };
        let Some(gate) = GATES.iter().find(|gate| gate.0 == id) else {
            let valid: Vec<&str> = GATES.iter().map(|gate| gate.0).collect();
            return Err(refused(format!("no such feature gate {id:?}. valid gates: [{}]", valid.join(" "))));
        };
        match (gate.1, wanted) {
            (Stage::Stable, false) => return Err(refused(format!("feature gate {id:?} is stable, can not be disabled"))),
            (Stage::Deprecated, true) => return Err(refused(format!("feature gate {id:?} is deprecated, can not be enabled"))),
            (_, true) => drop(on.insert(id.clone())),
            (_, false) => drop(on.remove(id)),
        }
    }
    Ok(Gates::new(Arc::new(on)))
}

/// The table of gates, or one of them.
///
/// # Errors
/// When there is none of this id.
pub(super) fn text(id: Option<&str>, gates: &Gates) -> Result<String, String> {
    let Some(id) = id else { return Ok(table(gates)) };
    let gate = GATES.iter().find(|gate| gate.0 == id).ok_or_else(|| format!("feature {id:?} not found"))?;
    let mut fields = vec![
        ("Feature", gate.0.to_owned()),
        ("Enabled", gates.is_on(gate.0).to_string()),
        ("Stage", gate.1.name().to_owned()),
        ("Description", gate.4.to_owned()),
    ];
    let versions = [("From Version", gate.2), ("To Version", gate.3)];
    fields.extend(versions.into_iter().filter(|(_, version)| !version.is_empty()).map(|(name, text)| (name, text.to_owned())));
    Ok(fields.into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
}

/// Columns as wide as their widest cell and two blanks, the last one as it is.
fn table(gates: &Gates) -> String {
    let head = ["ID", "Enabled", "Stage", "Description"].map(str::to_owned);
    let row = |gate: &Gate| [gate.0.to_owned(), gates.is_on(gate.0).to_string(), gate.1.name().to_owned(), gate.4.to_owned()];
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(GATES.iter().map(row)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default() + 2;
    let (id, on, stage) = (width(0), width(1), width(2));
    rows.iter().map(|[a, b, c, d]| format!("{a:id$}{b:on$}{c:stage$}{d}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_sorted_and_each_stands_once() {
        assert!(GATES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn what_is_asked_for_is_on_unless_it_cannot_be() {
        let ask = |list: &[(&str, bool)]| resolve(&list.iter().map(|(id, on)| ((*id).to_owned(), *on)).collect::<Vec<_>>());
        let gates = ask(&[("otelcol.printInitialConfig", true), ("exporter.PersistRequestContext", false)]).unwrap();
        assert!(gates.is_on("otelcol.printInitialConfig"));
        assert!(!gates.is_on("exporter.PersistRequestContext"));
        assert!(gates.is_on("pkg.translator.prometheus.NormalizeName"));
        for (gate, on, says) in [
            (
                "nope",
                true,
                "\"nope\" for \"--feature-gates\" flag: no such feature gate \"nope\". valid gates: [confighttp.framed",
            ),
            ("pkg.translator.prometheus.NormalizeName", false, "is stable, can not be disabled"),
            ("service.noopTracerProvider", true, "is deprecated, can not be enabled"),
        ] {
            let error = ask(&[(gate, on)]).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn one_gate_is_shown_with_its_versions() {
        let gates = resolve(&[]).unwrap();
        let expected = "Feature: otelcol.printInitialConfig\nEnabled: false\nStage: Alpha\n\
            Description: the command print-initial-config\nFrom Version: v0.120.0\n";
        assert_eq!(text(Some("otelcol.printInitialConfig"), &gates).unwrap(), expected);
        assert_eq!(text(Some("x"), &gates).unwrap_err(), "feature \"x\" not found");
        assert!(text(None, &gates).unwrap().starts_with("ID   "));
    }
}
