//! The last lines of a container that crashed, without what may be a credential. Best effort.

use cluster_model::secret::log::redacted;
use cluster_model::text::shorten;
use http::Method;
use kube::client::Body;
use plugin_client::Cluster;

use super::wire;

const LINES: usize = 10;
const COLUMNS: usize = 300;
/// Ten lines can be long.
const BYTES: usize = 64 * 1024;

/// Empty if there is none, or it may not be read.
pub async fn tail(cluster: &Cluster, namespace: &str, pod: &str, container: &str) -> Vec<String> {
    // The previous run shows why it ended; a container that never restarted has none.
    for previous in ["previous=true&", ""] {
        let container = wire::query(container);
        let path = wire::path(wire::CORE, namespace, "pods", pod);
        let uri = format!("{path}/log?{previous}container={container}&tailLines={LINES}&limitBytes={BYTES}");
        if let Some(text) = read(cluster, &uri).await
            && !text.trim().is_empty()
        {
            return lines(&text);
        }
    }
    Vec::new()
}

async fn read(cluster: &Cluster, uri: &str) -> Option<String> {
    let request = http::Request::builder().method(Method::GET).uri(uri).body(Body::empty()).ok()?;
    let answer = cluster.client.send(request).await.ok().filter(|answer| answer.status().is_success())?;
    let bytes = answer.into_body().collect_bytes().await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Pure.
fn lines(text: &str) -> Vec<String> {
    let all: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let shown = redacted(&all);
    shown[all.len().saturating_sub(LINES)..].iter().map(|line| shorten(line, COLUMNS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule is cluster-model's; what is cut off counts as well.
    #[test]
    fn what_may_be_secret_is_left_out() {
        let text = "-----BEGIN KEY-----\nMIIE\n".to_owned()
            + &"x8A=\n".repeat(9)
            + "-----END KEY-----\npwd=hunter2 x=1\n";
        let shown = lines(&text);
        assert_eq!((shown.len(), shown[9].as_str()), (10, "pwd=*** x=1"));
        assert!(shown[..9].iter().all(|line| line == "***"), "{shown:?}");
    }

    #[test]
    fn the_last_ten_lines_in_short() {
        let text: String = (1..=12).map(|n| format!("line {n}\n\n")).collect();
        let last = lines(&text);
        assert_eq!((last.len(), last[0].as_str(), last[9].as_str()), (10, "line 3", "line 12"));
        let long = lines(&format!("\u{1b}[31m{}", "x".repeat(1000)));
        assert_eq!(long[0].chars().count(), 300);
        assert!(long[0].starts_with("\\u{1b}[31m"));
        assert!(lines("").is_empty());
    }
}
