//! What has to hold before a container is killed: the nodes, the container, the rounds, and what is seen inside it. Network I/O, read-only.

use cluster_model::text::count;
use plugin_client::{Cluster, Failure};

use super::ephemeral::addition;
use super::ladder::{NoWay, ignores_stop, main_process, stop_words, way};
use super::plan::{KillPlan, Means, on_fit_nodes, rounds, usable};
use super::target::{Target, container_of, target};
use super::{inside, look::Look};
use crate::proof::member::Member;
use crate::proof::options::ProofOptions;
use crate::proof::plan::Plan;
use crate::proof::preflight::Test;
use crate::snapshot::stop::UnheardStop;
use crate::snapshot::{Snapshot, Workload};

#[derive(Default)]
pub struct Prepared {
    pub tests: Vec<Test>,
    /// What is done, and in how many rounds.
    pub kill: Option<(KillPlan, usize)>,
    pub unheard: Option<UnheardStop>,
    /// What to do where nothing can be done from inside.
    pub hint: Option<&'static str>,
}

impl Prepared {
    fn holds(&mut self, what: &'static str, text: String) {
        self.tests.push(Test { what, outcome: Ok(text) });
    }

    fn fails(mut self, what: &'static str, why: String) -> Self {
        self.tests.push(Test { what, outcome: Err(why) });
        self
    }
}

pub async fn prepare(
    cluster: &Cluster,
    snapshot: &Snapshot,
    workload: &Workload,
    plan: &Plan,
    options: &ProofOptions,
) -> Result<Prepared, Failure> {
    let mut prepared = Prepared::default();
    let container = match named(cluster, plan, options.container.as_deref()).await? {
        Ok(container) => container,
        Err(why) => return Ok(prepared.fails("container", why)),
    };
    let members = match on_fit_nodes(snapshot, &plan.members) {
        Ok(members) => members,
        Err(why) => return Ok(prepared.fails("node", why)),
    };
    let nodes: std::collections::BTreeSet<&str> = members.iter().map(|it| it.node.as_str()).collect();
    prepared.holds("node", format!("{} with containers", count(nodes.len(), "node")));
    let (victims, target) = match first(cluster, snapshot, workload, members, &container).await? {
        Ok(found) => found,
        Err(why) => return Ok(prepared.fails("container", why)),
    };
    prepared.holds("container", format!("{} of {}", target.container, count(victims.len(), "pod")));
    let rounds = match rounds(options.rounds, victims.len()) {
        Ok(rounds) => rounds,
        Err(why) => return Ok(prepared.fails("rounds", why)),
    };
    let namespace = &workload.subject.namespace;
    let seen = match (inside::look(cluster, namespace, &target).await?, &options.debug_image) {
        (Ok(seen), _) => seen,
        (Err(no), Some(image)) if no.lacks_shell => {
            return Ok(match beside(cluster, namespace, &target, image).await? {
                Ok(text) => {
                    prepared.holds("ephemeral", text);
                    let means = Means::Ephemeral { image: image.clone() };
                    prepared.kill = Some((KillPlan { container, victims, means }, rounds));
                    prepared
                }
                Err(why) => prepared.fails("ephemeral", why),
            });
        }
        (Err(no), _) => {
            prepared.hint = Some(no.hint);
            return Ok(prepared.fails("inside", no.why));
        }
    };
    prepared.unheard = unheard(workload, &target, &seen);
    match way(&target, &seen) {
        Ok(way) => {
            prepared.holds(
                "inside",
                format!("{} to process {} ({}): {}", way.signal, way.process, way.name, way.because),
            );
            prepared.kill = Some((KillPlan { container, victims, means: Means::Inside(way) }, rounds));
            Ok(prepared)
        }
        Err(NoWay { why, hint, .. }) => {
            prepared.hint = Some(hint);
            Ok(prepared.fails("inside", why))
        }
    }
}

/// The pods that can be used, and the container of the first one, as it is now.
async fn first(
    cluster: &Cluster,
    snapshot: &Snapshot,
    workload: &Workload,
    members: Vec<Member>,
    container: &str,
) -> Result<Result<(Vec<Member>, Target), String>, Failure> {
    let victims = usable(snapshot, workload, members.clone(), container);
    // Why not this one is what is said if there is no other one.
    let Some(pod) = victims.first().or(members.first()) else { return Ok(Err("it has no pod".to_owned())) };
    let Some(found) = inside::read(cluster, &workload.subject.namespace, &pod.name).await? else {
        return Ok(Err(format!("pod {} is gone", pod.name)));
    };
    Ok(target(&found, container, snapshot.now).and_then(|target| match victims.is_empty() {
        true => Err("no pod of it can be used now".to_owned()),
        false => Ok((victims, target)),
    }))
}

/// The name of the container: of any pod of the workload, they are made of one template.
async fn named(
    cluster: &Cluster,
    plan: &Plan,
    asked: Option<&str>,
) -> Result<Result<String, String>, Failure> {
    let Some(pod) = plan.members.first() else { return Ok(Err("it has no pod".to_owned())) };
    let found = inside::read(cluster, &plan.subject.namespace, &pod.name).await?;
    Ok(match found {
        Some(found) => container_of(&found, asked),
        None => Err(format!("pod {} is gone", pod.name)),
    })
}

/// Whether the server would take an ephemeral container in the first pod: its policies are asked by a dry run, and nothing is added.
async fn beside(
    cluster: &Cluster,
    namespace: &str,
    target: &Target,
    image: &str,
) -> Result<Result<String, String>, Failure> {
    let Some(pod) = inside::read(cluster, namespace, &target.pod).await? else {
        return Ok(Err(format!("pod {} is gone", target.pod)));
    };
    let addition = match addition(&pod, target, image) {
        Ok(addition) => addition,
        Err(why) => return Ok(Err(why)),
    };
    match inside::add(cluster, namespace, &target.pod, &addition, true).await {
        Ok(()) => {
            Ok(Ok(format!("{} has no shell; the server would add a container to its pod", target.container)))
        }
        Err(failure) if failure.code.is_some_and(|code| (400..500).contains(&code)) => {
            Ok(Err(format!("the server adds no ephemeral container to {}: {failure}", target.pod)))
        }
        Err(failure) => Err(failure),
    }
}

fn unheard(workload: &Workload, target: &Target, seen: &Look) -> Option<UnheardStop> {
    let (id, process) = main_process(target, seen).ok()?;
    let pod = workload.pods.iter().find(|it| *it.uid == *target.uid)?;
    (ignores_stop(target, seen) == Some(true)).then(|| UnheardStop {
        workload: workload.subject.clone(),
        pod: target.pod.clone(),
        container: target.container.clone(),
        process: format!("{id} ({})", process.name),
        signal: stop_words(&target.stop_signal),
        grace: pod.grace,
    })
}
