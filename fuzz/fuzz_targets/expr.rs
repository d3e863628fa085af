//! Any text as an expression on metrics: it is refused, with a message that can be shown, or compiles to something that can be asked of a metric.

#![no_main]

use libfuzzer_sys::fuzz_target;
use warren_match::Expression;
use warren_pdata::{Attrs, Data, Metric, Number, NumberPoints};

fuzz_target!(|text: &str| {
    match Expression::new(text) {
        Err(error) => drop(error.to_string()),
        Ok(expression) => {
            let mut points = NumberPoints::default();
            points.push_plain(Attrs::from([("k", "v"), ("queue", "orders")]), 0, 1, Number::Int(1), 0);
            let metric = Metric { name: "metric".into(), data: Data::Gauge(points), ..Metric::default() };
            expression.matches(&metric);
        }
    }
});
