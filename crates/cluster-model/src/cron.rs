//! Schedules of CronJobs, as the controller reads them (robfig/cron v3, `ParseStandard`): five fields, or a word.
//!
//! By hand: the crates for it read other dialects, with seconds, years or their own rule for days.

use k8s_openapi::jiff::civil::{Date, DateTime};
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp, ToSpan};

/// After so many days without one there is none: the longest gap is that of a 29 February.
const DAYS: u32 = 366 * 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// `@every 1h30m`, in seconds.
    Every(i64),
    Fields(Box<Fields>),
}

/// A bit for each value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// If both are restricted, a day that fulfils one of them will do.
    any_day: bool,
    any_weekday: bool,
}

impl Schedule {
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(duration) = text.strip_prefix("@every ") {
            return go_duration(duration.trim()).filter(|it| *it > 0).map(Schedule::Every);
        }
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        Some(Schedule::Fields(Box::new(Fields {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: field(weekdays, 0, 6, &WEEKDAYS)?,
            any_day: is_any(days),
            any_weekday: is_any(weekdays),
        })))
    }

    /// The first time after this.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let fields = match self {
            Schedule::Every(seconds) => return after.checked_add(SignedDuration::from_secs(*seconds)).ok(),
            Schedule::Fields(fields) => fields,
        };
        let start = zone.to_datetime(after);
        let mut day = start.date();
        for _ in 0..DAYS {
            if fields.has_day(day) {
                let mut times = fields.times().map(|(hour, minute)| day.at(hour, minute, 0, 0));
                let later = |it: &DateTime| instant(*it, zone).filter(|at| *at > after);
                if let Some(at) = times.find_map(|it| later(&it)) {
                    return Some(at);
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }
}

fn instant(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(at).ok()
}

impl Fields {
    fn has_day(&self, day: Date) -> bool {
        let bit = |of: u64, value: i8| of >> value & 1 == 1;
        let weekday = bit(self.weekdays, day.weekday().to_sunday_zero_offset());
        let in_month = bit(self.days, day.day());
        let is_day = if self.any_day || self.any_weekday { weekday && in_month } else { weekday || in_month };
        bit(self.months, day.month()) && is_day
    }

    fn times(&self) -> impl Iterator<Item = (i8, i8)> {
        let bits = |of: u64, max: i8| (0..=max).filter(move |value| of >> value & 1 == 1);
        let minutes = self.minutes;
        bits(self.hours, 23).flat_map(move |hour| bits(minutes, 59).map(move |minute| (hour, minute)))
    }
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field with steps is restricted (robfig/cron v3, getRange: `extra`).
fn is_any(field: &str) -> bool {
    field.split(',').any(|part| {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        is_all(range) && step.parse() == Ok(1)
    })
}

/// What follows a hyphen is not read then.
fn is_all(range: &str) -> bool {
    matches!(range.split('-').next(), Some("*" | "?"))
}

/// `*`, `5`, `1-5`, `*/10`, `0-30/5`, `5/15`, and lists of them.
fn field(text: &str, min: u32, max: u32, names: &[&str]) -> Option<u64> {
    let mut bits = 0;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|it| *it > 0)?)),
            None => (part, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if is_all(range) => (min, max),
            Some((low, high)) => (value(low, min, names)?, value(high, min, names)?),
            // With a step, a single value begins a range.
            None if step.is_some() => (value(range, min, names)?, max),
            None => (value(range, min, names)?, value(range, min, names)?),
        };
        if low < min || high > max || low > high {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        bits |= (low..=high).step_by(step).fold(0, |bits, value| bits | 1u64 << value);
    }
    Some(bits)
}

fn value(text: &str, min: u32, names: &[&str]) -> Option<u32> {
    let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    by_name.and_then(|at| u32::try_from(at).ok()).map(|at| at + min).or_else(|| text.parse().ok())
}

/// Whole seconds of a duration as Go writes it, as in `1h30m`.
fn go_duration(text: &str) -> Option<i64> {
    let (mut seconds, mut rest) = (0i64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let size = match &rest[..unit] {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        rest = &rest[unit..];
        seconds = seconds.checked_add(number.checked_mul(size)?)?;
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn next(schedule: &str, after: &str) -> String {
        let next = Schedule::parse(schedule).unwrap().next(after.parse().unwrap(), &TimeZone::UTC);
        next.map(|at| at.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_next_time() {
        // A Wednesday.
        let after = "2026-07-15T10:20:30Z";
        for (schedule, expected) in [
            ("* * * * *", "2026-07-15T10:21:00Z"),
            ("*/15 * * * *", "2026-07-15T10:30:00Z"),
            ("5/20 * * * *", "2026-07-15T10:25:00Z"),
            ("20 10 * * *", "2026-07-16T10:20:00Z"),
            ("0 0-6/3,22 * * *", "2026-07-15T22:00:00Z"),
            ("0 0 1 * *", "2026-08-01T00:00:00Z"),
            ("0 0 * * Mon-fri", "2026-07-16T00:00:00Z"),
            ("0 0 * * 0", "2026-07-19T00:00:00Z"),
            // Both are restricted: one of them is enough.
            ("0 0 20 * 5", "2026-07-17T00:00:00Z"),
            // Steps restrict as well.
            ("0 0 */10 * 5", "2026-07-17T00:00:00Z"),
            ("0 0 */1 * 6", "2026-07-18T00:00:00Z"),
            ("0 0 20 * */2", "2026-07-16T00:00:00Z"),
            // Empty parts of a list, and what follows a star, are not read.
            (",0 0,, *-5 * *", "2026-07-16T00:00:00Z"),
            ("0 0 29 feb ?", "2028-02-29T00:00:00Z"),
            ("0 0 31 2 *", ""),
            ("@hourly", "2026-07-15T11:00:00Z"),
            ("@daily", "2026-07-16T00:00:00Z"),
            ("@weekly", "2026-07-19T00:00:00Z"),
            ("@monthly", "2026-08-01T00:00:00Z"),
            ("@yearly", "2027-01-01T00:00:00Z"),
            ("@every 1h30m", "2026-07-15T11:50:30Z"),
        ] {
            assert_eq!(next(schedule, after), expected, "{schedule}");
        }
    }

    #[test]
    fn what_the_server_does_not_take_either() {
        for schedule in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "x * * * *",
            "@often",
            "@every x",
            "@every 0s",
        ] {
            assert_eq!(Schedule::parse(schedule), None, "{schedule}");
        }
    }

    proptest! {
        #[test]
        fn it_is_later_and_none_is_left_out(minute in 0u32..60, hour in 0u32..24, after in 1_700_000_000i64..1_900_000_000) {
            let schedule = Schedule::parse(&format!("{minute} {hour} * * *")).unwrap();
            let after = Timestamp::from_second(after).unwrap();
            let next = schedule.next(after, &TimeZone::UTC).unwrap();
            let seconds = next.duration_since(after).as_secs();
            prop_assert!(seconds > 0 && seconds <= 86400);
            let of_day = next.as_second().rem_euclid(86400);
            prop_assert_eq!(of_day, i64::from(hour * 3600 + minute * 60));
        }
    }
}
