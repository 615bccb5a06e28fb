//! CrashLoopBackOff: how long the kubelet waits before it starts a container again (`pkg/kubelet/kubelet.go`, MaxContainerBackOff and
//! backOffPeriod; `pkg/kubelet/kuberuntime/kuberuntime_manager.go`, doBackOff).

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// The first wait; each further one is twice as long.
const FIRST: i64 = 10;
/// The longest. A node may be configured with less: `crashLoopBackOff.maxContainerRestartPeriod` (KEP-5593).
const LONGEST: i64 = 300;
/// A container that ran this long before it ended starts anew with the first wait: twice the longest wait (`client-go/util/flowcontrol`,
/// Backoff.hasExpired).
pub const FORGOTTEN_AFTER: i64 = 2 * LONGEST;

/// The wait before that restart, counted from 1, of a container that keeps crashing: the first one comes at once.
pub fn seconds_before(restart: u32) -> i64 {
    match restart {
        0 | 1 => 0,
        n => FIRST.checked_shl(n.min(32) - 2).map_or(LONGEST, |seconds| seconds.min(LONGEST)),
    }
}

/// The wait that the kubelet's message names: `back-off 1m20s restarting failed container=web pod=…`
/// (`kuberuntime_manager.go`, doBackOff).
pub fn seconds_in(message: &str) -> Option<i64> {
    let (_, rest) = message.split_once("back-off ")?;
    let (duration, rest) = rest.split_once(' ')?;
    if !rest.starts_with("restarting failed container") {
        return None;
    }
    go_duration(duration)
}

/// When the container is started again: the wait begins when its last run ended.
pub fn next_attempt(finished: Timestamp, message: &str) -> Option<Timestamp> {
    finished.checked_add(SignedDuration::from_secs(seconds_in(message)?)).ok()
}

/// `1m20s`, as Go prints whole seconds.
fn go_duration(text: &str) -> Option<i64> {
    let mut seconds = 0i64;
    let mut number = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (!text.is_empty() && number.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<i64> = (1..=9).map(seconds_before).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(seconds_before(u32::MAX), 300);
    }

    #[test]
    fn the_message_names_the_wait() {
        for (message, seconds) in [
            ("back-off 1m20s restarting failed container=web pod=web-1_shop(uid)", Some(80)),
            ("back-off 10s restarting failed container=web", Some(10)),
            ("back-off 5m0s restarting failed container=web", Some(300)),
            ("back-off 1h0m1s restarting failed container=web", Some(3601)),
            // Of an image: not about a restart.
            ("Back-off pulling image \"shop:1\"", None),
            ("back-off 10s pulling image", None),
            ("back-off soon restarting failed container", None),
            ("back-off 10 restarting failed container", None),
            ("back-off 99999999999999999999s restarting failed container", None),
            ("", None),
        ] {
            assert_eq!(seconds_in(message), seconds, "{message}");
        }
    }

    #[test]
    fn the_wait_begins_when_the_run_ended() {
        let finished: Timestamp = "2026-01-01T00:00:10Z".parse().unwrap();
        let next = next_attempt(finished, "back-off 1m20s restarting failed container=web").unwrap();
        assert_eq!(next.to_string(), "2026-01-01T00:01:30Z");
        assert_eq!(next_attempt(finished, "back-off"), None);
    }

    proptest! {
        #[test]
        fn any_message_is_read_without_a_panic(message in "back-off [0-9hms]{0,30} restarting failed container.*") {
            seconds_in(&message);
        }
    }
}
