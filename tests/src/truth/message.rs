//! The scheduler's words for each reason of the model.

use std::borrow::Cow;

use cluster_model::feasibility::Miss;

/// A part of what the scheduler writes into the condition PodScheduled (`ErrReason…` in `pkg/scheduler/framework/plugins`, v1.37).
pub fn fragment(miss: &Miss) -> Cow<'static, str> {
    let text = match miss {
        Miss::Drained | Miss::Cordoned => "were unschedulable",
        Miss::Taint(_) | Miss::Lost => "had untolerated taint",
        Miss::NodeSelector { .. } | Miss::NodeAffinity => "didn't match Pod's node affinity/selector",
        Miss::Insufficient { resource, .. } if resource == "pods" => "Too many pods",
        Miss::Insufficient { resource, .. } => return format!("Insufficient {resource}").into(),
        Miss::HostPort(_) => "didn't have free ports for the requested pod ports",
        Miss::Spread(_) | Miss::NoTopologyLabel(_) => "didn't match pod topology spread constraints",
        Miss::PodAffinity(_) => "didn't match pod affinity rules",
        Miss::PodAntiAffinity(_) => "didn't match pod anti-affinity rules",
        Miss::ForbiddenByPod { .. } => "didn't satisfy existing pods anti-affinity rules",
        Miss::VolumeAffinity(_) => "didn't match PersistentVolume's node affinity",
        Miss::VolumeZone(_) => "had no available volume zone",
        Miss::VolumeLimit(_) => "exceed max volume count",
        Miss::DiskInUse(_) => "had no available disk",
        Miss::ClaimInUse(_) => "ReadWriteOncePod access mode already in-use by another pod",
        Miss::ClaimMissing(_) => "not found",
        Miss::VolumeMissing(_) => "bound to non-existent pv(s)",
        Miss::ClassTopology(_) => "didn't find available persistent volumes to bind",
        Miss::KubeletFeature(_) => "didn't match Pod's required features",
        Miss::ClaimNotBound(_) => "unbound immediate PersistentVolumeClaims",
    };
    text.into()
}
