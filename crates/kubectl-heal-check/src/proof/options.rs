//! What `--prove` was asked for, and the limits that follow from it.

use std::time::Duration;

use super::harm::Harm;
use crate::spans::exact;

/// A budget is recomputed within seconds after a pod is Ready again.
const BLOCKED_AT_MOST: Duration = Duration::from_secs(60);
/// No start-up that is worth measuring takes longer.
const RECOVERY_AT_MOST: Duration = Duration::from_secs(600);
const LEAST_COOL_DOWN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofOptions {
    pub harm: Harm,
    /// Of the pods whose containers are killed; `None`: that of `kubectl exec`.
    pub container: Option<String>,
    /// With a shell, for containers that have none.
    pub debug_image: Option<String>,
    /// `None`: as many as make sense.
    pub rounds: Option<usize>,
    pub max_recovery: Option<Duration>,
    pub max_unavailable: usize,
    pub grace_seconds: Option<i64>,
    pub interval: Option<Duration>,
    pub yes: bool,
}

impl ProofOptions {
    /// How long a refusal of the budget is waited out.
    pub fn blocked_at_most(&self) -> Duration {
        self.max_recovery.unwrap_or(BLOCKED_AT_MOST)
    }

    /// How long a recovery is waited for: beyond `--max-recovery`, so that how slow it is can be said.
    pub fn recovery_at_most(&self, grace_seconds: i64) -> Duration {
        let longest = self.max_recovery.map_or(RECOVERY_AT_MOST, |limit| limit.saturating_mul(3));
        longest.saturating_add(Duration::from_secs(u64::try_from(grace_seconds).unwrap_or(0)))
    }

    /// As [`Self::cool_down`], before any recovery was seen.
    pub fn cool_down_words(&self) -> String {
        match self.interval {
            Some(interval) => format!("{} before the next round (--interval)", exact(interval)),
            None => format!(
                "{} or more before the next round: twice as long as the recovery took (--interval)",
                exact(LEAST_COOL_DOWN)
            ),
        }
    }

    /// Between the end of a recovery and the next round.
    pub fn cool_down(&self, recovery: Duration) -> Duration {
        self.interval.unwrap_or_else(|| LEAST_COOL_DOWN.max(recovery.saturating_mul(2)))
    }
}

#[cfg(test)]
pub mod testing {
    use super::*;

    pub fn options() -> ProofOptions {
        ProofOptions {
            harm: Harm::Evict,
            container: None,
            debug_image: None,
            rounds: None,
            max_recovery: None,
            max_unavailable: 1,
            grace_seconds: None,
            interval: None,
            yes: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser;
    use plugin_client::{Exit, Failure};

    fn parse(words: &[&str]) -> Result<Option<ProofOptions>, Failure> {
        let args = Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap();
        args.proof(&args.target()?)
    }

    #[test]
    fn exactly_one_workload_is_proven() {
        assert_eq!(parse(&["deploy/web"]).unwrap(), None);
        let of_a_pod = parse(&["pod/web-a", "--prove=evict"]).unwrap_err();
        assert_eq!(of_a_pod.message, "--prove needs a workload, not a pod");
        assert!(parse(&["deploy/web", "--prove=evict"]).unwrap().is_some());
        for words in [
            &["--prove=evict"][..],
            &["deploy/a", "sts/b", "--prove=evict"],
            &["pod/a", "--prove=evict"],
            &["-A", "--prove=evict"],
            &["-l", "a=b", "--prove=evict"],
            // The grace period is for a pod that is deleted.
            &["deploy/a", "--prove=kill", "--grace=5s"],
            // And of a pod that is evicted no container is spared.
            &["deploy/a", "--prove=evict", "--container=main"],
            &["deploy/a", "--prove=evict", "--debug-image=tools:1"],
        ] {
            assert_eq!(parse(words).unwrap_err().exit, Exit::Usage, "{words:?}");
        }
        for words in [
            &["deploy/web", "--rounds=2"][..],
            &["deploy/web", "--yes"],
            &["deploy/web", "--container=main"],
            &["deploy/web", "--debug-image=tools:1"],
            &["deploy/web", "--prove=kill", "--debug-image="],
            &["deploy/web", "--prove=kill", "--container="],
            &["deploy/web", "--prove=evict", "--rounds=0"],
        ] {
            assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
        }
    }

    #[test]
    fn limits_follow_from_the_flags() {
        let seconds = Duration::from_secs;
        let default = parse(&["deploy/web", "--prove=evict"]).unwrap().unwrap();
        assert_eq!((default.harm, default.rounds, default.max_unavailable), (Harm::Evict, None, 1));
        assert_eq!(parse(&["deploy/web", "--prove=kill", "--rounds=2"]).unwrap().unwrap().rounds, Some(2));
        let named = parse(&["deploy/web", "--prove=kill", "-c", "proxy"]).unwrap().unwrap();
        assert_eq!((named.container.as_deref(), default.container.as_deref()), (Some("proxy"), None));
        assert_eq!(
            (default.cool_down(seconds(5)), default.cool_down(seconds(40))),
            (seconds(30), seconds(80))
        );
        assert_eq!((default.blocked_at_most(), default.recovery_at_most(30)), (seconds(60), seconds(630)));
        let other = parse(&["sts/db", "--prove=evict", "--max-recovery=5s", "--interval=0s", "--grace=2s"])
            .unwrap()
            .unwrap();
        assert_eq!((other.cool_down(seconds(5)), other.blocked_at_most()), (seconds(0), seconds(5)));
        assert_eq!((other.recovery_at_most(2), other.grace_seconds), (seconds(17), Some(2)));
    }
}
