//! To which workloads a check can apply at all. A check that found nothing where it cannot apply has not passed.

use crate::checks::Check;
use crate::report::CheckedWorkload;
use crate::snapshot::Kind;

const SCALED: &[Kind] = &[Kind::Deployment, Kind::StatefulSet, Kind::ReplicaSet];
const FOR_GOOD: &[Kind] = &[Kind::Deployment, Kind::StatefulSet, Kind::ReplicaSet, Kind::DaemonSet];
const ANY: &[Kind] = &[
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::ReplicaSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::Pod,
    Kind::Other,
];

/// The kinds of workloads that a check reports. Checks of budgets, nodes and control planes report others; a check that is not here is
/// never said to have passed.
const KINDS: &[(&str, &[Kind])] = &[
    ("HC101", &[Kind::Pod]),
    ("HC102", &[Kind::ReplicaSet, Kind::Other]),
    ("HC103", &[Kind::Other]),
    ("HC104", &[Kind::ReplicaSet]),
    ("HC105", FOR_GOOD),
    ("HC110", FOR_GOOD),
    ("HC111", &[Kind::Job, Kind::Pod]),
    ("HC112", ANY),
    ("HC201", &[Kind::Deployment, Kind::StatefulSet]),
    ("HC202", &[Kind::Deployment, Kind::StatefulSet]),
    ("HC203", SCALED),
    ("HC211", &[Kind::Deployment]),
    ("HC212", &[Kind::Deployment, Kind::StatefulSet]),
    ("HC301", FOR_GOOD),
    ("HC302", FOR_GOOD),
    ("HC303", FOR_GOOD),
    ("HC304", FOR_GOOD),
    ("HC305", FOR_GOOD),
    ("HC306", FOR_GOOD),
    ("HC307", ANY),
    ("HC308", FOR_GOOD),
    ("HC309", FOR_GOOD),
    ("HC401", SCALED),
    ("HC402", SCALED),
    ("HC403", SCALED),
    ("HC404", SCALED),
    ("HC405", SCALED),
    ("HC406", &[Kind::Deployment, Kind::ReplicaSet]),
    ("HC407", &[Kind::Deployment, Kind::ReplicaSet]),
    ("HC408", SCALED),
    ("HC409", &[Kind::Deployment, Kind::ReplicaSet]),
    ("HC410", &[Kind::StatefulSet]),
    ("HC411", FOR_GOOD),
    ("HC412", FOR_GOOD),
    ("HC414", SCALED),
    ("HC501", FOR_GOOD),
    ("HC502", FOR_GOOD),
    ("HC503", FOR_GOOD),
    ("HC506", FOR_GOOD),
    ("HC507", SCALED),
    ("HC508", FOR_GOOD),
    ("HC601", ANY),
    ("HC602", ANY),
    ("HC603", ANY),
    ("HC604", ANY),
    ("HC605", ANY),
    ("HC606", FOR_GOOD),
    ("HC607", ANY),
    ("HC608", ANY),
    ("HC609", FOR_GOOD),
    ("HC610", ANY),
    ("HC611", ANY),
    ("HC701", FOR_GOOD),
    ("HC702", &[Kind::Deployment]),
    ("HC703", FOR_GOOD),
    ("HC704", FOR_GOOD),
    ("HC705", &[Kind::StatefulSet]),
    ("HC707", &[Kind::DaemonSet]),
    ("HC708", &[Kind::Deployment]),
    ("HC901", &[Kind::Job]),
    ("HC903", &[Kind::Job]),
];

/// Whether a check that finds nothing about a workload says something good about it.
pub fn applies(check: &Check, workload: &CheckedWorkload) -> bool {
    let Some((_, kinds)) = KINDS.iter().find(|(id, _)| *id == check.id) else { return false };
    // Of Kubernetes itself only what is wrong now is asked, and there is nothing to heal in what has no pods.
    let is_asked =
        !check.is_posture() || !workload.is_system && (!workload.is_scaled_to_zero || check.id == "HC202");
    kinds.contains(&workload.kind) && is_asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CHECKS;
    use crate::finding::Subject;

    #[test]
    fn every_id_is_one_of_a_check() {
        for (id, kinds) in KINDS {
            assert!(CHECKS.iter().any(|check| check.id == *id) && !kinds.is_empty(), "{id}");
        }
    }

    #[test]
    fn where_a_check_does_not_apply() {
        let is_asked = |id: &str, kind: Kind, is_system: bool, is_scaled_to_zero: bool| {
            let subject = Subject::new("Thing", "shop", "web");
            let workload = CheckedWorkload { subject, kind, is_system, is_scaled_to_zero };
            applies(crate::checks::find(id).unwrap(), &workload)
        };
        for (id, kind, is_system, is_zero, expected) in [
            ("HC203", Kind::Deployment, false, false, true),
            ("HC203", Kind::DaemonSet, false, false, false),
            ("HC203", Kind::Deployment, true, false, false),
            ("HC203", Kind::Deployment, false, true, false),
            ("HC202", Kind::Deployment, false, true, true),
            ("HC601", Kind::Deployment, true, true, true),
            ("HC804", Kind::Deployment, false, false, false),
        ] {
            assert_eq!(is_asked(id, kind, is_system, is_zero), expected, "{id} {kind:?}");
        }
    }
}
