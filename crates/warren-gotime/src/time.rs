//! Points in time.

use jiff::tz::TimeZone;

/// A point in time with the zone in which it is shown.
#[derive(Clone, Debug)]
pub struct Time {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nanos: u32,
    /// The zone.
    pub zone: TimeZone,
}

impl Time {
    /// The time of so many nanoseconds since 1970, in UTC.
    pub fn utc(unix_nanos: i64) -> Self {
        Self {
            seconds: unix_nanos.div_euclid(1_000_000_000),
            nanos: unix_nanos.rem_euclid(1_000_000_000) as u32,
            zone: TimeZone::UTC,
        }
    }

    /// Nanoseconds since 1970; wraps outside the years 1678 to 2262, as Go's does.
    pub fn unix_nanos(&self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanos))
    }

    /// The time so many nanoseconds later, in the same zone.
    pub fn plus(&self, nanos: i64) -> Self {
        let sum = i64::from(self.nanos) + nanos.rem_euclid(1_000_000_000);
        Self {
            seconds: self.seconds.wrapping_add(nanos.div_euclid(1_000_000_000)).wrapping_add(sum.div_euclid(1_000_000_000)),
            nanos: sum.rem_euclid(1_000_000_000) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds from another time to this one, held within 64 bits.
    pub fn since(&self, other: &Self) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(other.seconds);
        let nanos = seconds * 1_000_000_000 + i128::from(self.nanos) - i128::from(other.nanos);
        nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }
}
