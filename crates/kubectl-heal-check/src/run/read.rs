//! What a run is about: a cluster, a dump of one, or manifests.

use cluster_model::Known;
use plugin_client::{Cluster, Failure, Ui, connect};

use super::files;
use crate::args::{Args, Target};
use crate::checks::hc508_replacement_refused;
use crate::fix::Workbench;
use crate::options::Options;
use crate::snapshot::{Gathered, NodeHistory, Selection, Snapshot};
use crate::{ask, gather, proof};

const PLUGIN: &str = "kubectl-heal-check";

pub struct Input {
    pub snapshot: Snapshot,
    /// The one that was checked, if it was one.
    pub namespace: Option<String>,
    pub cluster: Option<Cluster>,
    /// With `--fix`.
    pub bench: Option<Workbench>,
}

impl Input {
    fn of(
        gathered: Gathered,
        selection: Selection,
        all_namespaces: bool,
        args: &Args,
        options: &Options,
    ) -> Self {
        let bench = args
            .fix
            .as_ref()
            .map(|_| Workbench::new(gathered.clone(), selection.clone(), all_namespaces, options));
        let snapshot = Snapshot::of(gathered, &selection, all_namespaces);
        let snapshot = Snapshot { domain: options.domain.clone(), ..snapshot };
        Input { snapshot, namespace: None, cluster: None, bench }
    }
}

pub async fn read(args: &Args, target: &Target, options: &Options, ui: &Ui) -> Result<Input, Failure> {
    if args.files().is_some() {
        of_files(args, target, options, ui).await
    } else {
        of_cluster(args, target, options, ui).await
    }
}

async fn of_files(args: &Args, target: &Target, options: &Options, ui: &Ui) -> Result<Input, Failure> {
    let namespace = args.connection.namespace.clone();
    // Of manifests it is the namespace of those that name none: all of them are checked.
    let (read, namespace, all) = match &args.from {
        Some(path) => {
            let all = namespace.is_none();
            let needed = options.reads();
            (files::dump(path.clone(), target.clone(), namespace.clone(), needed).await?, namespace, all)
        }
        None => (files::manifests(args.filename.clone(), target.clone(), namespace).await?, None, false),
    };
    ui.status(&read.source);
    Ok(Input { namespace, ..Input::of(read.gathered, read.selection, all, args, options) })
}

async fn of_cluster(args: &Args, target: &Target, options: &Options, ui: &Ui) -> Result<Input, Failure> {
    let cluster = connect(&args.connection, PLUGIN, ui).await?;
    let namespace = (!args.all_namespaces).then(|| cluster.namespace.clone());
    let read = look(&cluster, namespace.as_deref(), args, target, options, ui).await?;
    Ok(Input { namespace, cluster: Some(cluster), ..read })
}

/// A look at a cluster.
pub async fn look(
    cluster: &Cluster,
    namespace: Option<&str>,
    args: &Args,
    target: &Target,
    options: &Options,
    ui: &Ui,
) -> Result<Input, Failure> {
    let selection = gather::selection(cluster, target, namespace).await?;
    let mut needed = options.reads();
    if args.prove.is_some() {
        needed.extend(proof::reads());
    }
    let gathered = Box::pin(gather::gather(cluster, namespace, options.half, &needed, ui)).await?;
    let unanswered = cluster.unanswered();
    if let (Known::Unknown(why), true) = (&gathered.pods, unanswered.is_some()) {
        return Err(Failure::failed("cannot reach the API server").cause(why.clone()));
    }
    let mut read = Input::of(gathered, selection, namespace.is_none(), args, options);
    let history = || NodeHistory::of(read.snapshot.nodes.iter(), cluster.now());
    read.snapshot.node_history = options.watches.then(history);
    if options.asks_server {
        let replacements = !options.skips(hc508_replacement_refused::CHECK.id);
        let answers = Box::pin(ask::ask(cluster, &read.snapshot, namespace, replacements)).await;
        read.snapshot.answers = Some(answers);
    }
    Ok(read)
}
