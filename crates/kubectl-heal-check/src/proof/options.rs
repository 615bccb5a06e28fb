//! What `--prove` was asked for, and the limits that follow from it.

use std::time::Duration;

use plugin_client::Failure;

use crate::args::{Args, Prove, Target};
use crate::snapshot::Read;

/// A budget is recomputed within seconds after a pod is Ready again.
const BLOCKED_AT_MOST: Duration = Duration::from_secs(60);
/// No start-up that is worth measuring takes longer.
const RECOVERY_AT_MOST: Duration = Duration::from_secs(600);
const LEAST_COOL_DOWN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofOptions {
    pub rounds: usize,
    pub max_recovery: Option<Duration>,
    pub max_unavailable: usize,
    pub grace_seconds: Option<i64>,
    pub interval: Option<Duration>,
    pub yes: bool,
}

impl ProofOptions {
    /// `None` without `--prove`.
    pub fn of(args: &Args, target: &Target) -> Result<Option<Self>, Failure> {
        let Some(Prove::Evict) = args.prove else { return Ok(None) };
        let is_one = match target {
            Target::Named(names) => matches!(names.as_slice(), [(read, _)] if *read != Read::Pods),
            Target::All | Target::Selector(_) => false,
        };
        // The rights are those for any workload.
        if !is_one && !args.print_rbac {
            return Err(Failure::usage(
                "--prove needs one workload: a Deployment, StatefulSet, DaemonSet or ReplicaSet",
            )
            .hint("for example: kubectl heal-check deployment/web --prove=evict"));
        }
        Ok(Some(ProofOptions {
            rounds: args.rounds,
            max_recovery: args.max_recovery,
            max_unavailable: args.max_unavailable,
            grace_seconds: args.grace.map(|it| i64::try_from(it.as_secs()).unwrap_or(i64::MAX)),
            interval: args.interval,
            yes: args.yes,
        }))
    }

    /// How long a refusal of the budget is waited out.
    pub fn blocked_at_most(&self) -> Duration {
        self.max_recovery.unwrap_or(BLOCKED_AT_MOST)
    }

    /// How long a recovery is waited for: beyond `--max-recovery`, so that how slow it is can be said.
    pub fn recovery_at_most(&self, grace_seconds: i64) -> Duration {
        let longest = self.max_recovery.map_or(RECOVERY_AT_MOST, |limit| limit.saturating_mul(3));
        longest.saturating_add(Duration::from_secs(u64::try_from(grace_seconds).unwrap_or(0)))
    }

    /// Between the end of a recovery and the next eviction.
    pub fn cool_down(&self, recovery: Duration) -> Duration {
        self.interval.unwrap_or_else(|| LEAST_COOL_DOWN.max(recovery.saturating_mul(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use plugin_client::Exit;

    fn parse(words: &[&str]) -> Result<Option<ProofOptions>, Failure> {
        let args = Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).unwrap();
        ProofOptions::of(&args, &args.target()?)
    }

    #[test]
    fn exactly_one_workload_is_proven() {
        assert_eq!(parse(&["deploy/web"]).unwrap(), None);
        assert!(parse(&["deploy/web", "--prove=evict"]).unwrap().is_some());
        for words in [
            &["--prove=evict"][..],
            &["deploy/a", "sts/b", "--prove=evict"],
            &["pod/a", "--prove=evict"],
            &["-A", "--prove=evict"],
            &["-l", "a=b", "--prove=evict"],
        ] {
            assert_eq!(parse(words).unwrap_err().exit, Exit::Usage, "{words:?}");
        }
        for words in [
            &["deploy/web", "--rounds=2"][..],
            &["deploy/web", "--yes"],
            &["deploy/web", "--prove=evict", "--rounds=0"],
        ] {
            assert!(Args::try_parse_from(["kubectl heal-check"].iter().chain(words)).is_err(), "{words:?}");
        }
    }

    #[test]
    fn limits_follow_from_the_flags() {
        let seconds = Duration::from_secs;
        let default = parse(&["deploy/web", "--prove=evict"]).unwrap().unwrap();
        assert_eq!((default.rounds, default.max_unavailable), (3, 1));
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
