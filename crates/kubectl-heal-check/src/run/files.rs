//! A run from files. Nothing is requested, and no kubeconfig is read.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cluster_model::text::count;
use k8s_openapi::jiff::Timestamp;
use plugin_client::dump::{self, Dump};
use plugin_client::{Exit, Failure, Line};

use crate::args::Target;
use crate::gather::manifests;
use crate::gather::offline::{self, Offline, others};
use crate::snapshot::{Gathered, Read, Selection};

/// All of their objects are in memory. Of one `-f` no more is read, and of a stream no more stored.
const MANIFESTS: u64 = 8 << 20;

/// What the report is made from, with a line about the files.
pub struct FromFiles {
    pub gathered: Gathered,
    pub selection: Selection,
    pub source: Line,
}

/// `--from`. `namespace`: `None` is all.
pub async fn dump(
    path: PathBuf,
    target: Target,
    namespace: Option<String>,
    needed: BTreeSet<Read>,
) -> Result<FromFiles, Failure> {
    apart(move || {
        let dump = Dump::open(&path)?;
        let read = offline::read(&dump, &target, namespace.as_deref(), &needed)?;
        let source = source(&read, dump.name(), Timestamp::now());
        Ok(FromFiles { gathered: read.gathered, selection: read.selection, source })
    })
    .await
}

/// `-f`. `namespace`: of objects that name none.
pub async fn manifests(
    paths: Vec<PathBuf>,
    target: Target,
    namespace: Option<String>,
) -> Result<FromFiles, Failure> {
    apart(move || {
        let of_dump = |failure: Failure| match failure.exit {
            // There is no such file.
            Exit::Usage => failure,
            _ => failure.hint("a dump of a cluster is read with --from"),
        };
        let open = |path: &PathBuf| Dump::open_at_most(path, MANIFESTS);
        let dumps = paths.iter().map(open).collect::<Result<Vec<_>, _>>().map_err(of_dump)?;
        let read = manifests::read(&dumps, &target, namespace.as_deref().unwrap_or("default"))?;
        let names: Vec<&str> = dumps.iter().map(Dump::name).collect();
        let skipped = match read.skipped.is_empty() {
            true => String::new(),
            false => format!("; not read: {}", others(&read.skipped)),
        };
        let source = Line::new()
            .plain("from       ")
            .strong(names.join(", "))
            .plain(format!(": {}, as applied, without a cluster{skipped}", count(read.objects, "object")))
            .hanging(11);
        Ok(FromFiles { gathered: read.gathered, selection: read.selection, source })
    })
    .await
}

/// On a thread of its own: a stream may not end for long, and Ctrl-C has to.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let cannot = |error: tokio::task::JoinError| Failure::failed("cannot read").cause(error.to_string());
    tokio::task::spawn_blocking(work).await.map_err(cannot)?
}

fn source(read: &Offline, name: &str, now: Timestamp) -> Line {
    let counted =
        format!("{}, {}, taken to be all of the cluster", count(read.nodes, "node"), count(read.pods, "pod"));
    let mut parts = vec![counted, dump::age(read.taken_at, "written", now)];
    if !read.missing.is_empty() {
        let plurals: Vec<&str> = read.missing.iter().map(|kind| kind.plural()).collect();
        parts.push(format!("not in it: {}", plurals.join(", ")));
    }
    if !read.skipped.is_empty() {
        parts.push(format!("not read: {}", others(&read.skipped)));
    }
    Line::new().plain("from       ").strong(name).plain(": ").plain(parts.join("; ")).hanging(11)
}
