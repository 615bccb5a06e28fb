//! The real binaries against a real control plane. One program, so that all share one cluster.

#![allow(clippy::unwrap_used, reason = "helpers of tests too: one that cannot go on panics")]

mod bad_input;
mod budgets;
mod client;
mod complaint;
mod completion;
mod docs;
mod drain_basics;
mod evil;
mod faults;
mod findings;
mod heal;
mod hostile;
mod import_circles;
mod krew;
mod kubectl_bugs;
mod kubectl_cases;
mod offline;
mod plugin;
mod print_rbac;
mod rbac;
mod rights;
mod rights_of_modes;
mod rollback;
mod rules;
mod safety;
mod schema;
mod terminal;
mod testbed;
mod testbed_rollouts;
mod truth;
mod truth_heal;
mod tty;
mod untouched;
mod workflows;
