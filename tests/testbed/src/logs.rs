//! Logs of crashed containers, as files that kwok serves to `kubectl logs --previous`.

/// The container printed this before it ended; `stages.yaml` names the files by the pod's failure.
const SAID: [(&str, [&str; 3]); 2] = [
    ("crash-loop", ["starting", "connecting to db:5432", "panic: cannot reach db:5432"]),
    ("oom", ["starting", "loading the whole catalogue", "2048 MiB used"]),
];

/// Names and contents, in the form in which container runtimes write them.
pub(crate) fn logs() -> Vec<(String, String)> {
    let line =
        |(second, text): (usize, &&str)| format!("2026-01-01T00:00:0{second}.000000000Z stdout F {text}\n");
    SAID.iter()
        .map(|(failure, lines)| (format!("{failure}.log"), lines.iter().enumerate().map(line).collect()))
        .collect()
}
