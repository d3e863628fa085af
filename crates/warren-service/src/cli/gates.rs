//! Feature gates.

use std::collections::BTreeSet;

/// How settled a gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maturity {
    Alpha,
    Beta,
    Stable,
}

/// A gate.
struct Gate {
    id: &'static str,
    maturity: Maturity,
    description: &'static str,
    from: &'static str,
}

/// All gates, sorted by id.
const GATES: [Gate; 11] = [
    Gate {
        id: "confighttp.framedSnappy",
        maturity: Maturity::Beta,
        description: "Snappy in the framed format for x-snappy-framed, and in the block format for snappy",
        from: "v0.125.0",
    },
    Gate {
        id: "confmap.enableMergeAppendOption",
        maturity: Maturity::Alpha,
        description: "Lists of extensions, receivers and exporters of several configurations are joined instead of replaced",
        from: "v0.120.0",
    },
    Gate {
        id: "exporter.prometheusremotewritexporter.EnableMultipleWorkers",
        maturity: Maturity::Alpha,
        description: "Accepted; batches of one exporter always go one after the other, so that samples arrive in order",
        from: "v0.110.0",
    },
    Gate {
        id: "exporter.prometheusremotewritexporter.RetryOn429",
        maturity: Maturity::Stable,
        description: "Remote write is tried again after 429; always on here",
        from: "v0.101.0",
    },
    Gate {
        id: "exporter.prometheusremotewritexporter.enableSendingRW2",
        maturity: Maturity::Alpha,
        description: "Remote write 2.0 may be sent",
        from: "v0.124.0",
    },
    Gate {
        id: "otelcol.printInitialConfig",
        maturity: Maturity::Alpha,
        description: "The command print-initial-config",
        from: "v0.120.0",
    },
    Gate {
        id: "receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion",
        maturity: Maturity::Alpha,
        description: "Created timestamps of protobuf pages are start times",
        from: "v0.126.0",
    },
    Gate {
        id: "receiver.prometheusreceiver.EnableNativeHistograms",
        maturity: Maturity::Alpha,
        description: "Native histograms become exponential histograms",
        from: "v0.82.0",
    },
    Gate {
        id: "receiver.prometheusreceiver.RemoveLegacyResourceAttributes",
        maturity: Maturity::Stable,
        description: "Resources have no net.host attributes; always on",
        from: "v0.101.0",
    },
    Gate {
        id: "receiver.prometheusreceiver.RemoveStartTimeAdjustment",
        maturity: Maturity::Alpha,
        description: "Points have no start times but those that pages give",
        from: "v0.121.0",
    },
    Gate {
        id: "receiver.prometheusreceiver.UseCreatedMetric",
        maturity: Maturity::Alpha,
        description: "_created series are start times",
        from: "v0.66.0",
    },
];

/// Refuses gates that do not exist or cannot be turned so.
pub(super) fn check(asked: &[(String, bool)]) -> Result<(), String> {
    for (id, on) in asked {
        let Some(gate) = GATES.iter().find(|gate| gate.id == id) else {
            let valid: Vec<&str> = GATES.iter().map(|gate| gate.id).collect();
            return Err(format!("no such feature gate {id:?}. valid gates: [{}]", valid.join(" ")));
        };
        if gate.maturity == Maturity::Stable && !on {
            return Err(format!("feature gate {id:?} is stable, can not be disabled"));
        }
    }
    Ok(())
}

/// Whether a gate is on.
pub(super) fn is_on(asked: &[(String, bool)], id: &str) -> bool {
    let default = GATES.iter().any(|gate| gate.id == id && gate.maturity != Maturity::Alpha);
    asked.iter().rev().find(|(asked, _)| asked == id).map_or(default, |(_, on)| *on)
}

/// The ids of all gates that are on.
pub(super) fn on(asked: &[(String, bool)]) -> BTreeSet<String> {
    GATES.iter().filter(|gate| is_on(asked, gate.id)).map(|gate| gate.id.to_owned()).collect()
}

/// The table of gates, or one of them.
pub(super) fn text(id: Option<&str>) -> Result<String, String> {
    let maturity = |gate: &Gate| match gate.maturity {
        Maturity::Alpha => "Alpha",
        Maturity::Beta => "Beta",
        Maturity::Stable => "Stable",
    };
    let Some(id) = id else {
        let width = GATES.iter().map(|gate| gate.id.len()).max().unwrap_or_default();
        let mut table = format!("{:width$}  Enabled  Stage   Description\n", "ID");
        for gate in &GATES {
            table.push_str(&format!(
                "{:width$}  {:<7}  {:<6}  {}\n",
                gate.id,
                is_on(&[], gate.id),
                maturity(gate),
                gate.description
            ));
        }
        return Ok(table);
    };
    let gate = GATES.iter().find(|gate| gate.id == id).ok_or_else(|| format!("feature {id:?} not found"))?;
    let fields = [("Feature", gate.id.to_owned()), ("Enabled", is_on(&[], id).to_string()), ("Stage", maturity(gate).to_owned())];
    let rest = [("Description", gate.description.to_owned()), ("From Version", gate.from.to_owned())];
    Ok(fields.into_iter().chain(rest).map(|(name, value)| format!("{name}: {value}\n")).collect())
}
