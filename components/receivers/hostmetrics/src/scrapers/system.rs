//! `system`: how long the machine has been up.

use super::plain_config;
use crate::faults::Faults;
use crate::metric::{gauge, metrics};
use crate::recorder::Recorder;
use crate::scraper::Scraper;
use warren_host::Host;
use warren_pdata::Attrs;

metrics! {
    UPTIME = gauge("system.uptime", "s", &[], "Time since the machine booted.");
}

plain_config!(|_| Box::new(System));

struct System;

impl Scraper for System {
    fn scrape(&mut self, _: &mut Host, out: &mut Recorder, _: &mut Faults) {
        out.fraction(UPTIME, &Attrs::EMPTY, warren_host::system::uptime() as f64);
    }
}
