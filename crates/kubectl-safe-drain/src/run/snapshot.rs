//! `--snapshot`: a file for `--from`, and nothing else.

use std::path::Path;

use cluster_model::text::count;
use plugin_client::{Cluster, Exit, Failure, Line};

use super::Run;
use crate::snapshot;

impl Run<'_> {
    pub(super) async fn snapshot(&self, cluster: &Cluster, path: &Path) -> Result<Exit, Failure> {
        let writing = snapshot::write(cluster, path, self.args.drain.chunk_size);
        let written = self.bounds.before_changes(writing).await?;
        for reason in written.missing.values() {
            self.ui.warn(reason.as_str());
        }
        let what = format!(": {}, {}", count(written.nodes, "node"), count(written.pods, "pod"));
        self.ui.data(&Line::new().strong(path.to_string_lossy()).plain(what));
        Ok(Exit::Done)
    }
}
