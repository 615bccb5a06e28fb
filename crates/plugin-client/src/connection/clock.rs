//! What time it is: by our own clock, or by the API server's. No I/O.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use http::header::DATE;
use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// Wall time that no clock change can bend.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    start: Instant,
}

impl Clock {
    pub fn start() -> Self {
        Clock::at(Timestamp::now())
    }

    /// A clock that shows `wall` now, as the API server's time.
    pub fn at(wall: Timestamp) -> Self {
        Clock { wall, start: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::ZERO);
        // A server may claim any date, also one after which there is no time left.
        self.wall.saturating_add(passed).unwrap_or(self.wall)
    }
}

/// The clock that wrote the objects' timestamps: what is computed from those must not depend on the local clock, which may be a day off.
#[derive(Clone, Default)]
pub(crate) struct ServerTime(Arc<Mutex<Option<Clock>>>);

impl ServerTime {
    /// Sets the clock from an answer's `Date`. An answer without a valid date changes nothing.
    pub(crate) fn update(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
        if let Some(date) = date {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Clock::at(date));
        }
    }

    /// The local clock until the first answer with a date.
    pub(crate) fn now(&self) -> Timestamp {
        let clock = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clock.map_or_else(Timestamp::now, |clock| clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn update(time: &ServerTime, date: &'static str) {
        time.update(&HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]));
    }

    #[test]
    fn a_date_is_taken_and_nonsense_is_not() {
        let time = ServerTime::default();
        let is_local = |time: &ServerTime| time.now().duration_since(Timestamp::now()).abs().as_secs() < 60;
        time.update(&HeaderMap::new());
        for nonsense in ["", "soon", "Sun, 31 Feb 2026 08:49:37 GMT", "Fri, 31 Dec 99999 23:59:59 GMT"] {
            update(&time, nonsense);
            assert!(is_local(&time), "{nonsense}");
        }
        update(&time, "Sun, 06 Nov 1994 08:49:37 GMT");
        let since = time.now().duration_since("1994-11-06T08:49:37Z".parse().unwrap());
        assert!((0..60).contains(&since.as_secs()), "{since}");
        update(&time, "no date");
        assert!(!is_local(&time), "the last valid date still holds");
    }

    #[test]
    fn a_clock_at_the_end_of_time_stands_still() {
        assert_eq!(Clock::at(Timestamp::MAX).now(), Timestamp::MAX);
    }
}
