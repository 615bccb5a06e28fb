//! What heals by itself, and when: the rules of the kubelet and of the controllers that restart containers and replace pods.

pub mod back_off;
pub mod node_loss;
pub mod restart_policy;
pub mod start_up;
pub mod zone_disruption;
