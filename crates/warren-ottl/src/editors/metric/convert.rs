//! `convert_sum_to_gauge`, `convert_gauge_to_sum`.

use super::{metric, temporality};
use crate::function::{Changes, Edit, Editor, Kind, param};
use crate::record::Context;
use warren_pdata::{Data, Sum};

pub(crate) const EDITORS: &[Editor] = &[
    Editor {
        name: "convert_sum_to_gauge",
        params: &[],
        contexts: &[Context::Metric],
        changes: Changes::Record,
        bind: |_| {
            Ok(Edit::new(|place, _| {
                let data = &mut metric(place)?.data;
                if let Data::Sum(sum) = data {
                    *data = Data::Gauge(std::mem::take(&mut sum.points));
                }
                Ok(())
            }))
        },
    },
    Editor {
        name: "convert_gauge_to_sum",
        params: &[param("string_agg_temp", Kind::LitStr), param("monotonic", Kind::LitBool)],
        contexts: &[Context::Metric],
        changes: Changes::Record,
        bind: |literals| {
            let temporality = temporality(literals.text(0).unwrap_or_default())?;
            let monotonic = literals.bool(1).unwrap_or_default();
            Ok(Edit::new(move |place, _| {
                let data = &mut metric(place)?.data;
                if let Data::Gauge(points) = data {
                    *data = Data::Sum(Sum { points: std::mem::take(points), temporality, monotonic });
                }
                Ok(())
            }))
        },
    },
];

#[cfg(test)]
mod tests {
    use super::super::testing::{edit, edited, gauge, point, sum, summary};
    use crate::record::Context;
    use warren_pdata::{Number, Temporality};

    #[test]
    fn sums_and_gauges_become_each_other_with_all_their_points() {
        let points = || [point("x", Number::Int(1)), point("y", Number::Double(2.0))];
        let (gauge, sum) = (gauge(points()), sum(Temporality::DELTA, points()));
        assert_eq!(edited(&sum, "convert_sum_to_gauge()"), gauge);
        assert_eq!(edited(&gauge, "convert_sum_to_gauge()"), gauge);
        assert_eq!(edited(&gauge, r#"convert_gauge_to_sum("delta", true)"#), sum);
        assert_eq!(edited(&summary(), r#"convert_gauge_to_sum("cumulative", false)"#), summary());
        let error = edit(Context::Metric, &gauge, r#"convert_gauge_to_sum("x", true)"#).unwrap_err();
        assert!(error.contains("unknown aggregation temporality: x"), "{error}");
    }
}
