//! When credentials are renewed, how soon after a failure again, and when that is given up. No I/O.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// Credentials are renewed when this fraction of their life is left, but no more than `LONGEST_MARGIN`, so that none expires on its way.
const MARGIN: i32 = 4;
const LONGEST_MARGIN: SignedDuration = SignedDuration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// For so long without valid credentials a run goes on trying; then it ends.
pub(super) const GIVE_UP: Duration = Duration::from_secs(5 * 60);

/// From when until when credentials are good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub obtained: Timestamp,
    /// `None`: not known; the server answers 401 once they are expired.
    pub expires: Option<Timestamp>,
    /// The server did not accept them, whatever expiry they state.
    pub rejected: bool,
}

impl Life {
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.rejected || self.expires.is_some_and(|expires| now >= expires)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Some(expires) = self.expires else { return self.rejected };
        let whole = expires.duration_since(self.obtained).max(SignedDuration::ZERO);
        self.rejected || expires.duration_since(now) <= (whole / MARGIN).min(LONGEST_MARGIN)
    }
}

/// Renewals that failed since the last one that did not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    count: u32,
    last: Instant,
    /// Since when they matter: the old credentials were over by then.
    without: Option<Instant>,
}

impl Failures {
    pub fn one_more(before: Option<Self>, over: bool, at: Instant) -> Self {
        let (count, without) = before.map_or((0, None), |before| (before.count, before.without));
        Failures { count: count + 1, last: at, without: without.or(over.then_some(at)) }
    }

    pub fn is_first(&self) -> bool {
        self.count == 1
    }

    pub fn is_final(&self, at: Instant) -> bool {
        self.without.is_some_and(|since| at.saturating_duration_since(since) >= GIVE_UP)
    }

    fn is_pausing(&self, at: Instant) -> bool {
        let pause = FIRST_PAUSE.saturating_mul(1 << (self.count - 1).min(10)).min(LONGEST_PAUSE);
        at < self.last + pause
    }
}

/// What a request does about its credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Use,
    /// They are still good; the next ones are fetched meanwhile.
    UseAndRenew,
    /// It waits for the next ones.
    Renew,
    /// They are over, and fetching others failed a moment ago.
    Fail,
}

pub(super) fn step(life: Life, failures: Option<Failures>, now: Timestamp, at: Instant) -> Step {
    let pausing = failures.is_some_and(|failures| failures.is_pausing(at));
    match (life.is_over(now), life.is_due(now)) {
        (true, _) if pausing => Step::Fail,
        (true, _) => Step::Renew,
        (false, true) if !pausing => Step::UseAndRenew,
        (false, _) => Step::Use,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn life(seconds: i64) -> Life {
        Life { obtained: at(0), expires: Some(at(seconds)), rejected: false }
    }

    #[test]
    fn the_margin_is_a_fraction_of_the_life_and_a_minute_at_most() {
        let cases = [(4, 3), (60, 45), (240, 180), (900, 840), (86_400, 86_340)];
        for (whole, due) in cases {
            let step = |second| step(life(whole), None, at(second), Instant::now());
            assert_eq!(step(due - 1), Step::Use, "{whole}");
            assert_eq!((step(due), step(whole - 1)), (Step::UseAndRenew, Step::UseAndRenew), "{whole}");
            assert_eq!((step(whole), step(whole * 2)), (Step::Renew, Step::Renew), "{whole}");
        }
    }

    #[test]
    fn credentials_that_are_over_when_they_come_are_renewed_and_those_without_an_end_never() {
        let now = Instant::now();
        assert_eq!(step(life(-100), None, at(0), now), Step::Renew);
        let endless = Life { expires: None, ..life(0) };
        assert_eq!(step(endless, None, at(1_000_000), now), Step::Use);
        assert_eq!(step(Life { rejected: true, ..endless }, None, at(0), now), Step::Renew);
        assert_eq!(step(Life { rejected: true, ..life(900) }, None, at(0), now), Step::Renew);
    }

    #[test]
    fn a_failure_is_retried_later_and_later_and_matters_only_without_valid_credentials() {
        let start = Instant::now();
        let mut failures = Failures::one_more(None, false, start);
        let (valid, over) = (at(58), at(60));
        assert_eq!(step(life(60), Some(failures), valid, start), Step::Use);
        assert_eq!(step(life(60), Some(failures), over, start), Step::Fail);
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let pause =
                (1..).map(|n| FIRST_PAUSE * n).find(|wait| !failures.is_pausing(start + *wait)).unwrap();
            assert!(pause >= last && pause <= LONGEST_PAUSE, "{pause:?}");
            assert_eq!(step(life(60), Some(failures), valid, start + pause), Step::UseAndRenew);
            assert_eq!(step(life(60), Some(failures), over, start + pause), Step::Renew);
            last = pause;
            failures = Failures::one_more(Some(failures), false, start);
        }
        assert_eq!(last, LONGEST_PAUSE);
        assert!(!failures.is_final(start + GIVE_UP * 9), "they were valid all the time");
    }

    #[test]
    fn it_is_given_up_after_a_time_without_valid_credentials() {
        let start = Instant::now();
        let valid = Failures::one_more(None, false, start);
        let over = Failures::one_more(Some(valid), true, start + GIVE_UP);
        let again = Failures::one_more(Some(over), true, start + GIVE_UP + Duration::from_secs(9));
        assert!(!again.is_final(start + GIVE_UP * 2 - Duration::from_secs(1)));
        assert!(again.is_final(start + GIVE_UP * 2));
    }
}
