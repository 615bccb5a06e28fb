//! How long it is ordinary that a container that runs is not ready.

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::jiff::SignedDuration;

use crate::text::YEAR;

/// From the container's start. Only failures are ever reported (`Unhealthy`), so this is the time by which its probes would have
/// been through at their slowest: the startup probe, the first readiness probe, all but the last of the tries it is allowed.
/// A probe that starts late or answers late is given half a period and its timeout on top.
pub(super) fn patience(container: &Container) -> SignedDuration {
    let Some(readiness) = container.readiness_probe.as_ref().map(Times::of) else {
        return SignedDuration::ZERO;
    };
    // Both delays count from the container's start (kubernetes.io/docs, "Configure Probes"), so the longer one decides.
    let first = readiness.delay + readiness.period;
    let first = container.startup_probe.as_ref().map(Times::of).map_or(first, |startup| {
        let tries = startup.tries().saturating_mul(startup.period);
        let passed = tries.saturating_add(startup.delay + startup.timeout);
        first.max(passed.saturating_add(startup.period + readiness.period))
    });
    let tries = (readiness.tries() - 2).max(0).saturating_mul(readiness.period);
    let late = readiness.period / 2 + 2 * readiness.timeout;
    SignedDuration::from_secs(first.saturating_add(tries).saturating_add(late).min(YEAR))
}

/// Seconds and counts of a probe, with the API's defaults (`pkg/apis/core/v1/defaults.go`, SetDefaults_Probe).
struct Times {
    delay: i64,
    period: i64,
    timeout: i64,
    failures: i64,
    successes: i64,
}

impl Times {
    fn of(probe: &Probe) -> Self {
        let or = |value: Option<i32>, default: i64| value.filter(|v| *v > 0).map_or(default, i64::from);
        Times {
            delay: or(probe.initial_delay_seconds, 0),
            period: or(probe.period_seconds, 10),
            timeout: or(probe.timeout_seconds, 1),
            failures: or(probe.failure_threshold, 3),
            successes: or(probe.success_threshold, 1),
        }
    }

    /// At most, until it is decided.
    fn tries(&self) -> i64 {
        self.failures + self.successes - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_probes_own_times_add_up() {
        let cases = [
            (json!({}), 0),
            // 10 until the first, 10 for one more try, 5 and 2 for being late.
            (json!({"readinessProbe": {}}), 27),
            (json!({"readinessProbe": {"initialDelaySeconds": 30}}), 57),
            (json!({"readinessProbe": {"failureThreshold": 1}}), 17),
            (
                json!({"readinessProbe": {"periodSeconds": 2, "timeoutSeconds": 1, "failureThreshold": 5}}),
                2 + 6 + 1 + 2,
            ),
            // 10 + 30 × 10 + 1 + 10 until the first.
            (json!({"readinessProbe": {}, "startupProbe": {"failureThreshold": 30}}), 321 + 17),
            // A readiness delay beyond the startup probe's reach decides alone.
            (
                json!({"readinessProbe": {"initialDelaySeconds": 600}, "startupProbe": {"failureThreshold": 3}}),
                610 + 17,
            ),
            (json!({"startupProbe": {"failureThreshold": 30}}), 0),
            // A time so long that nothing can be added to it.
            (
                json!({"readinessProbe": {"periodSeconds": i32::MAX, "failureThreshold": i32::MAX, "successThreshold": i32::MAX}}),
                YEAR,
            ),
        ];
        for (edit, seconds) in cases {
            let mut value: Value = json!({"name": "web"});
            crate::build::merge(&mut value, edit.clone());
            let container: Container = serde_json::from_value(value).unwrap();
            assert_eq!(patience(&container).as_secs(), seconds, "{edit}");
        }
    }
}
