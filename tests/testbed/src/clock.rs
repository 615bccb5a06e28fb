//! The API server's clock. Objects carry whole seconds: what happens within one second cannot be ordered later.

use std::time::Duration;

use http::{Request, header};
use k8s_openapi::jiff::fmt::rfc2822::DateTimeParser;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::room::Room;
use crate::wait::{PATIENCE, wait};

impl Cluster {
    /// The server's time in whole seconds, from the `Date` of an answer.
    #[track_caller]
    pub(crate) fn now(&self) -> Timestamp {
        self.date().unwrap_or_else(|| panic!("the API server sends no Date header"))
    }

    fn date(&self) -> Option<Timestamp> {
        let request = Request::get("/version").body(kube::client::Body::empty()).ok()?;
        let answer = self.driver().block_on(Duration::from_secs(30), self.client().send(request))?.ok()?;
        let date = answer.headers().get(header::DATE)?.to_str().ok()?;
        DateTimeParser::new().parse_timestamp(date).ok()
    }
}

impl Room<'_> {
    /// Waits for the next second: whatever is written to the workload or its revisions from now on has a later time than all
    /// that was written so far.
    #[track_caller]
    pub fn tick(&self, kind: &str, name: &str) {
        self.wait_past(self.newest_time(kind, name));
    }

    /// Waits for a moment (RFC 3339) with nothing in it: later than all that was written to the workload and its newest revision,
    /// earlier than all that will be.
    #[track_caller]
    pub fn moment(&self, kind: &str, name: &str) -> String {
        let moment = self.newest_time(kind, name) + SignedDuration::from_secs(1);
        self.wait_past(moment);
        moment.to_string()
    }

    #[track_caller]
    fn wait_past(&self, moment: Timestamp) {
        wait(&format!("the API server's clock to pass {moment}"), PATIENCE, || {
            (self.cluster().now() > moment).then_some(())
        });
    }

    #[track_caller]
    fn newest_time(&self, kind: &str, name: &str) -> Timestamp {
        let newest = self.revisions(kind, name).pop().map(|(_, revision)| revision);
        let newest = [Some(self.workload(kind, name)), newest].into_iter().flatten().flat_map(times).max();
        newest.unwrap_or_else(|| panic!("{kind} {name} carries no time"))
    }
}

/// When it was made, and when each manager last wrote to it.
fn times(object: Value) -> Vec<Timestamp> {
    let metadata = &object["metadata"];
    let managers = metadata["managedFields"].as_array().into_iter().flatten().map(|entry| &entry["time"]);
    let all = managers.chain([&metadata["creationTimestamp"]]);
    all.filter_map(|time| time.as_str()?.parse().ok()).collect()
}
