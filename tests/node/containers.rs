//! Containers whose end a test decides, and what the kubelet reports of them.

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

/// Runs until `trigger` asks for its end, in which the script then ends; a container that is restarted waits again.
pub fn ends_in(script: &str) -> Value {
    json!(["sh", "-c", format!("trap 'exit 0' TERM; while [ ! -e /tmp/end ]; do sleep 0.1; done; {script}")])
}

/// Asks the container `main` of a pod for its end.
#[track_caller]
pub fn trigger(room: &Room<'_>, pod: &str) {
    room.kubectl(&["exec", pod, "-c", "main", "--", "touch", "/tmp/end"]);
}

#[track_caller]
pub fn pod(room: &Room<'_>, name: &str) -> Value {
    room.cluster().get(&room.path("", &format!("pods/{name}")))
}

/// The status of the container `main`.
pub fn main_of(pod: &Value) -> &Value {
    let all = pod["status"]["containerStatuses"].as_array();
    all.into_iter().flatten().find(|it| it["name"] == "main").unwrap_or(&Value::Null)
}

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

/// Waits until the container `main` of a pod was restarted that often and runs, ready. The first report of a restart may lack how the container
/// before ended.
#[track_caller]
pub fn restarted(room: &Room<'_>, name: &str, times: u64) -> Value {
    let mut looks = 0;
    wait(&format!("restart {times} of {name}"), PATIENCE, || {
        let pod = pod(room, name);
        let main = main_of(&pod);
        let is_back = main["restartCount"].as_u64() >= Some(times) && main["ready"] == true;
        if is_back && !main["lastState"]["terminated"].is_null() {
            return Some(pod);
        }
        if is_back {
            look_again(room, name, &mut looks);
        }
        None
    })
}

/// The kubelet looks at a pod, and reports on it, when it is changed.
fn look_again(room: &Room<'_>, name: &str, looks: &mut u32) {
    *looks += 1;
    let changed = json!({"metadata": {"annotations": {"testbed/look": looks.to_string()}}});
    let _ = room.cluster().try_merge(&room.path("", &format!("pods/{name}")), &changed);
}

/// Waits until the container `main` of a pod is in CrashLoopBackOff after more than `restarts` restarts. The kubelet reports an end at
/// once, and that it waits only when it next looks at the pod, which may be after the wait.
#[track_caller]
pub fn in_back_off(room: &Room<'_>, name: &str, restarts: u64) -> u64 {
    let mut looks = 0;
    wait(&format!("CrashLoopBackOff of {name} after restart {restarts}"), PATIENCE, || {
        let pod = pod(room, name);
        let main = main_of(&pod);
        let count = main["restartCount"].as_u64().filter(|count| *count > restarts)?;
        if main["state"]["waiting"]["reason"] == "CrashLoopBackOff" {
            return Some(count);
        }
        look_again(room, name, &mut looks);
        None
    })
}
