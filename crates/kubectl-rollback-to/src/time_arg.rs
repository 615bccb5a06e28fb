//! Moments as people type and read them.

use k8s_openapi::jiff::civil::{Date, DateTime, Time};
use k8s_openapi::jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use k8s_openapi::jiff::{SignedDuration, Timestamp};

const HOW: &str =
    "write it as 2h, 2h30m, 10:15, `yesterday 18:00`, `2026-11-23 10:00` or 2026-11-23T10:00:00+09:00";

/// The first commit of Kubernetes, 2014-06-06: no workload is older.
const FIRST_COMMIT: Timestamp = Timestamp::constant(1_402_012_800, 0);

/// The moment meant by `text`, in the future too; one without a time zone is in `zone`.
pub fn parse(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let words = text.trim().to_ascii_lowercase();
    let at = match ago(&words) {
        // `None`: before all times that can be written.
        Some(span) => now.checked_sub(span).ok(),
        None => Some(absolute(&words, now, zone)?),
    };
    let too_early = || format!("is too long ago: Kubernetes did not exist before 2014-06-06; {HOW}");
    at.filter(|at| *at >= FIRST_COMMIT).ok_or_else(too_early)
}

/// `2026-11-23 10:00:00 +09:00`; can be typed as it is shown.
pub fn show(at: Timestamp, zone: &TimeZone) -> String {
    format!("{} {}", local(at, zone), offset(zone.to_offset(at)))
}

/// `2026-11-23 10:00:00`, where the zone stands beside.
pub fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `Asia/Seoul`, or the offset of a zone that has no name.
pub fn zone_name(zone: &TimeZone, at: Timestamp) -> String {
    match zone.iana_name() {
        // As a container without a zone of its own names it.
        Some(name) if name.starts_with("Etc/U") => "UTC".to_owned(),
        Some(name) if !zone.is_unknown() => name.to_owned(),
        _ => offset(zone.to_offset(at)),
    }
}

fn offset(offset: Offset) -> String {
    if offset.is_zero() { "UTC".to_owned() } else { offset.to_string() }
}

/// `2h30m`, `90s ago`. A day is 24 hours. By hand: jiff's spans also take a sign, months, and `10:15:00` as a duration.
fn ago(text: &str) -> Option<SignedDuration> {
    let mut rest: String = text.strip_suffix("ago").unwrap_or(text).split_whitespace().collect();
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes()[digits] {
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest.drain(..=digits);
    }
    (!text.trim_end_matches("ago").trim().is_empty()).then(|| SignedDuration::from_secs(seconds))
}

fn absolute(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let nonsense = || format!("is not a valid time; {HOW}");
    let today = zone.to_datetime(now).date();
    let yesterday = || today.yesterday().map_err(|_| nonsense());
    if let Some(time) = time(text) {
        let at = in_zone(today.to_datetime(time), zone)?;
        // The last time that it was that time.
        return if at <= now { Ok(at) } else { in_zone(yesterday()?.to_datetime(time), zone) };
    }
    if let Some((day, rest)) = text.split_once(char::is_whitespace)
        && let Some(time) = time(rest.trim())
    {
        let day: Date = match day {
            "today" => today,
            "yesterday" => yesterday()?,
            date => date.parse().map_err(|_| nonsense())?,
        };
        return in_zone(day.to_datetime(time), zone);
    }
    // As `show` writes it: the zone apart.
    let joined = match text.rsplit_once(' ') {
        Some((time, "utc" | "z")) => format!("{time}z"),
        Some((time, offset)) if offset.starts_with(['+', '-']) => format!("{time}{offset}"),
        _ => text.to_owned(),
    };
    if let Ok(at) = joined.parse::<Timestamp>() {
        return if is_a_days_offset(&joined) {
            Err(format!("has an offset from UTC of more than 23:59; {HOW}"))
        } else {
            Ok(at)
        };
    }
    // A civil time would take an offset or a zone in brackets for decoration; what a Timestamp refuses must have neither.
    let is_civil = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit() || b"-:.t ".contains(&b)) && text.matches('-').count() == 2
    };
    if !is_civil(&joined) {
        return Err(nonsense());
    }
    in_zone(joined.parse().map_err(|_| nonsense())?, zone)
}

/// `2026-11-23t10:00+25:00`: a Timestamp takes offsets of up to 25:59; in RFC 3339 their hours end at 23, as those of a day.
fn is_a_days_offset(text: &str) -> bool {
    let offset = text.split_once(['t', ' ']).and_then(|(_, time)| time.split_once(['+', '-']));
    let hours = offset.and_then(|(_, offset)| offset.get(..2)?.parse::<u8>().ok());
    hours.is_some_and(|hours| hours > 23)
}

/// `9:00`, `18:30:15`
fn time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let mut part = |longest: usize| {
        let digits = parts.next()?;
        let number =
            !digits.is_empty() && digits.len() <= longest && digits.bytes().all(|b| b.is_ascii_digit());
        number.then(|| digits.parse::<i8>().ok()).flatten()
    };
    let (hour, minute) = (part(2)?, part(2)?);
    let second = if text.matches(':').count() > 1 { part(2)? } else { 0 };
    parts.next().is_none().then(|| Time::new(hour, minute, second, 0).ok()).flatten()
}

/// Where the clocks change some times do not exist and others come twice: nothing is guessed.
fn in_zone(at: DateTime, zone: &TimeZone) -> Result<Timestamp, String> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    let clock = at.strftime("%Y-%m-%d %H:%M:%S");
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            offset.to_timestamp(at).map_err(|_| format!("{clock} is out of range; {HOW}"))
        }
        AmbiguousOffset::Gap { .. } => {
            Err(format!("{clock} does not exist in this time zone: the clocks went forward"))
        }
        AmbiguousOffset::Fold { before, after } => {
            Err(format!("{clock} is ambiguous: add {} or {}", offset(before), offset(after)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Wednesday, 12:00 in Berlin, which is an hour ahead in winter and two in summer.
    const NOW: &str = "2026-11-25T11:00:00Z";

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn parsed(text: &str) -> Result<String, String> {
        parse(text, NOW.parse().unwrap(), &berlin()).map(|at| at.to_string())
    }

    #[test]
    fn each_way_to_write_a_moment() {
        for (text, at) in [
            ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00Z", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00:00+09:00", "2026-11-23T01:00:00Z"),
            ("2026-11-23 10:00 +09:00", "2026-11-23T01:00:00Z"),
            ("2026-11-23 10:00:00 UTC", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00:00", "2026-11-23T09:00:00Z"),
            ("2026-11-23T10:00", "2026-11-23T09:00:00Z"),
            ("2026-11-23 10:00", "2026-11-23T09:00:00Z"),
            ("2026-11-23T10:00+23:59", "2026-11-22T10:01:00Z"),
            ("2026-11-23T10:00-23:59", "2026-11-24T09:59:00Z"),
            ("2014-06-06T00:00:00Z", "2014-06-06T00:00:00Z"),
            ("2026-11-23 9:00", "2026-11-23T08:00:00Z"),
            ("2026-07-23 10:00", "2026-07-23T08:00:00Z"),
            ("2026-11-23", "2026-11-22T23:00:00Z"),
            ("10:15", "2026-11-25T09:15:00Z"),
            ("12:00", "2026-11-25T11:00:00Z"),
            ("12:00:01", "2026-11-24T11:00:01Z"),
            ("18:00", "2026-11-24T17:00:00Z"),
            ("yesterday 18:00", "2026-11-24T17:00:00Z"),
            ("Yesterday  9:30", "2026-11-24T08:30:00Z"),
            ("today 9:00", "2026-11-25T08:00:00Z"),
            ("today 12:01", "2026-11-25T11:01:00Z"),
            ("2026-11-26T00:00:00Z", "2026-11-26T00:00:00Z"),
            ("2h", "2026-11-25T09:00:00Z"),
            ("2h30m", "2026-11-25T08:30:00Z"),
            ("90s", "2026-11-25T10:58:30Z"),
            ("3d", "2026-11-22T11:00:00Z"),
            ("1d 2h ago", "2026-11-24T09:00:00Z"),
            ("2h ago", "2026-11-25T09:00:00Z"),
            (" 0s ", "2026-11-25T11:00:00Z"),
            ("2026-10-25 02:30 +01:00", "2026-10-25T01:30:00Z"),
        ] {
            assert_eq!(parsed(text), Ok(at.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "is not a valid time"),
            ("ago", "is not a valid time"),
            ("soon", "is not a valid time"),
            ("2", "is not a valid time"),
            ("2x", "is not a valid time"),
            ("-2h", "is not a valid time"),
            ("h", "is not a valid time"),
            ("24:00", "is not a valid time"),
            ("10:60", "is not a valid time"),
            ("1:2:3:4", "is not a valid time"),
            ("tomorrow 10:00", "is not a valid time"),
            ("2026-02-30 10:00", "is not a valid time"),
            ("2026-11-23T10:00[Asia/Seoul]", "is not a valid time"),
            ("2026-11-23T10:00+26:00", "is not a valid time"),
            ("99999999999999999999d", "is not a valid time"),
            ("2026-11-23T10:00+25:00", "has an offset from UTC of more than 23:59"),
            ("2026-11-23T10:00-24:00", "has an offset from UTC of more than 23:59"),
            ("2026-11-23 10:00 +2500", "has an offset from UTC of more than 23:59"),
            ("2026-11-23 10:00 +25", "has an offset from UTC of more than 23:59"),
            ("2026-11-23T10:00+24:30[Asia/Seoul]", "has an offset from UTC of more than 23:59"),
            ("9999999d", "is too long ago"),
            ("99999999h", "is too long ago"),
            ("2014-06-05T23:59:59Z", "is too long ago"),
            ("-009382-01-01T00:00:00Z", "is too long ago"),
            ("0001-01-01", "is too long ago"),
            ("2026-10-25 02:30", "2026-10-25 02:30:00 is ambiguous: add +02 or +01"),
            ("2026-03-29 02:30", "2026-03-29 02:30:00 does not exist in this time zone"),
        ] {
            let error = parsed(text).expect_err(text);
            assert!(error.starts_with(why), "{text}: {error}");
            assert!(!error.ends_with('.') && !error.contains('\n'));
        }
    }

    #[test]
    fn zones_have_a_name_or_an_offset() {
        let at: Timestamp = NOW.parse().unwrap();
        for (zone, name, shown) in [
            (TimeZone::UTC, "UTC", "2026-11-25 11:00:00 UTC"),
            (TimeZone::unknown(), "UTC", "2026-11-25 11:00:00 UTC"),
            (TimeZone::fixed(Offset::constant(9)), "+09", "2026-11-25 20:00:00 +09"),
            (berlin(), "+01", "2026-11-25 12:00:00 +01"),
        ] {
            assert_eq!((zone_name(&zone, at).as_str(), show(at, &zone).as_str()), (name, shown));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_can_be_typed(second in 1_402_012_800i64..1_790_000_000, hours in -12i8..14) {
            let now: Timestamp = NOW.parse().unwrap();
            let at = Timestamp::from_second(second).unwrap();
            for zone in [TimeZone::fixed(Offset::constant(hours)), berlin(), TimeZone::UTC] {
                prop_assert_eq!(parse(&show(at, &zone), now, &TimeZone::UTC), Ok(at));
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,24}") {
            let _ = parsed(&text);
        }
    }
}
