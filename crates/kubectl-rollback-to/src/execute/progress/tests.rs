mod any_order;
mod build;
mod daemonset;
mod deployment;
mod diagnosis;
mod faults;
mod kubectl;
mod statefulset;
