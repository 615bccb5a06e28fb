//! Figures of whole processes.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

pub const STARTS: usize = 21;

/// Built with the profile that is shipped; a debug build would be measured for nothing.
pub fn shipped_plugin(name: &str) -> Result<PathBuf, String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let built = testbed::cargo()
        .args(["build", "--profile", "dist", "-p", &format!("kubectl-{name}")])
        .current_dir(root)
        .status();
    match built {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("the plugin could not be built: {status}")),
        Err(error) => return Err(format!("cannot run cargo: {error}")),
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(root).join("target"), PathBuf::from);
    Ok(target.join("dist").join(format!("kubectl-{}", name.replace('-', "_"))))
}

/// The most memory the process has had so far; nothing once it is gone.
pub fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The smallest, the median, nine tenths, the largest.
pub fn distribution(mut all: Vec<f64>) -> [f64; 4] {
    all.sort_by(f64::total_cmp);
    let at = |part: f64| all[((all.len() - 1) as f64 * part).round() as usize];
    [at(0.0), at(0.5), at(0.9), at(1.0)]
}

/// Seconds from start to end, the median.
pub fn start_up(command: &mut Command) -> f64 {
    let mut seconds: Vec<f64> = (0..STARTS)
        .map(|_| {
            let start = Instant::now();
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[STARTS / 2]
}

pub fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
