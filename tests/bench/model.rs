//! How the time and the memory of the model of the scheduler grow with the cluster: a criterion benchmark of its own, which needs no cluster.

use testbed::status;

pub fn run() -> Result<(), String> {
    status::line("the model of the scheduler's filters, on generated clusters");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let run = testbed::cargo().args(["bench", "-p", "cluster-model"]).current_dir(root).status();
    match run {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the benchmark of the model failed: {status}")),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}
