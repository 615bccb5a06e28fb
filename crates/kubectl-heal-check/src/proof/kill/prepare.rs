//! What has to hold before a container is killed: the nodes, the container, the rounds, and what is seen inside it. Network I/O, read-only.

use cluster_model::text::count;
use plugin_client::{Cluster, Failure};

use super::ladder::{NoWay, ignores_stop, main_process, stop_words, way};
use super::plan::{KillPlan, on_fit_nodes, rounds, usable};
use super::target::{Target, container_of, target};
use super::{inside, look::Look};
use crate::proof::member::Member;
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
    asked: Option<usize>,
) -> Result<Prepared, Failure> {
    let mut prepared = Prepared::default();
    let members = match on_fit_nodes(snapshot, &plan.members) {
        Ok(members) => members,
        Err(why) => return Ok(prepared.fails("node", why)),
    };
    let nodes: std::collections::BTreeSet<&str> = members.iter().map(|it| it.node.as_str()).collect();
    prepared.holds("node", format!("{} with containers", count(nodes.len(), "node")));
    let (victims, target) = match first(cluster, snapshot, workload, members).await? {
        Ok(found) => found,
        Err(why) => return Ok(prepared.fails("container", why)),
    };
    prepared.holds("container", format!("{} of {}", target.container, count(victims.len(), "pod")));
    let rounds = match rounds(asked, victims.len()) {
        Ok(rounds) => rounds,
        Err(why) => return Ok(prepared.fails("rounds", why)),
    };
    let seen = match inside::look(cluster, &workload.subject.namespace, &target).await? {
        Ok(seen) => seen,
        Err(NoWay { why, hint }) => {
            prepared.hint = Some(hint);
            return Ok(prepared.fails("inside", why));
        }
    };
    prepared.unheard = unheard(workload, &target, &seen);
    match way(&target, &seen) {
        Ok(way) => {
            prepared.holds(
                "inside",
                format!("{} to process {} ({}): {}", way.signal, way.process, way.name, way.because),
            );
            prepared.kill = Some((KillPlan { container: target.container, victims, way }, rounds));
            Ok(prepared)
        }
        Err(NoWay { why, hint }) => {
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
) -> Result<Result<(Vec<Member>, Target), String>, Failure> {
    let namespace = &workload.subject.namespace;
    let Some(pod) = members.first() else { return Ok(Err("it has no pod".to_owned())) };
    let gone = || Ok(Err(format!("pod {} is gone", pod.name)));
    let Some(found) = inside::read(cluster, namespace, &pod.name).await? else { return gone() };
    let container = container_of(&found);
    // Why not this one is what is said if there is no other one.
    let of_first = target(&found, &container, snapshot.now);
    let victims = usable(snapshot, workload, members.clone(), &container);
    let Some(victim) = victims.first() else {
        let why = of_first.err().unwrap_or_else(|| "no pod of it can be used now".to_owned());
        return Ok(Err(why));
    };
    if victim.uid == pod.uid {
        return Ok(of_first.map(|target| (victims, target)));
    }
    let Some(found) = inside::read(cluster, namespace, &victim.name).await? else { return gone() };
    Ok(target(&found, &container, snapshot.now).map(|target| (victims, target)))
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
