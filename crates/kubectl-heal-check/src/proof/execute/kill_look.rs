//! What is looked at right before a signal: the pod and the container again, and the process, from inside the container or from beside it.

use std::time::{Duration, Instant};

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use plugin_client::Cluster;

use super::{Proof, at};
use crate::proof::event::Event;
use crate::proof::kill::ephemeral::{Addition, addition, why_not_running};
use crate::proof::kill::inside;
use crate::proof::kill::ladder::{self, Way};
use crate::proof::kill::target::{Target, target};
use crate::proof::observed::{Ran, Seen};
use crate::proof::outcome::{Added, End};

/// Its image may have to be pulled first.
const RUNS_WITHIN: Duration = Duration::from_secs(120);

/// A command has no precondition on the server: the pod and the container are compared right before it, and the process by the command.
impl Proof<'_> {
    pub(super) async fn look_inside(&self, victim: &Seen, container: &str) -> Result<(Target, Way), End> {
        let (cluster, namespace) = (self.cluster, self.plan.subject.namespace.as_str());
        let work = async {
            let (_, target) = read(cluster, namespace, victim, container).await?;
            let way = look(cluster, namespace, &target).await?;
            Ok((target, way))
        };
        self.unless_stopped(work).await
    }

    /// Adds an ephemeral container, as it was agreed to: it stays, whatever is seen from there.
    pub(super) async fn look_from_beside(
        &mut self,
        victim: &Seen,
        container: &str,
        image: &str,
    ) -> Result<(Target, Way), End> {
        let (cluster, namespace) = (self.cluster, self.plan.subject.namespace.clone());
        let found = self.unless_stopped(read(cluster, &namespace, victim, container)).await?;
        let addition = addition(&found.0, &found.1, image).map_err(End::Aborted)?;
        self.add(victim, &addition).await?;
        // What it shares the processes of is still the container that was meant.
        let (pod, target) = self.unless_stopped(read(cluster, &namespace, victim, container)).await?;
        if !self.ran(victim, &addition.name).is_some_and(|it| it.is_running) {
            return Err(End::Aborted(why_not_running(&pod, &addition.name)));
        }
        let target = Target { commands_in: addition.name, ..target };
        let way = self.unless_stopped(look(cluster, &namespace, &target)).await?;
        Ok((target, way))
    }

    /// Waits until it runs, or will not.
    async fn add(&mut self, victim: &Seen, addition: &Addition) -> Result<(), End> {
        let (cluster, namespace) = (self.cluster, self.plan.subject.namespace.clone());
        let (pod, container) = (victim.name.clone(), addition.name.clone());
        self.added.push(Added { pod: pod.clone(), container: container.clone(), is_certain: false });
        let request = inside::add(cluster, &namespace, &pod, addition, false);
        let added = self.unless_stopped(async { request.await.map_err(End::Failed) }).await;
        if let Err(end) = added {
            // Any other answer, or none, leaves it open whether it was added.
            if matches!(&end, End::Failed(failure) if failure.code.is_some_and(|code| code < 500)) {
                self.added.pop();
            }
            return Err(end);
        }
        self.added.last_mut().into_iter().for_each(|it| it.is_certain = true);
        self.reporter.event(&Event::Added { pod, container });
        let is_over = |it: &Self| {
            !it.observed.pods.contains_key(&victim.uid)
                || it.ran(victim, &addition.name).is_some_and(|it| it.is_running || it.is_stuck())
        };
        self.until(Instant::now() + RUNS_WITHIN, "waiting until the ephemeral container runs", is_over).await
    }

    fn ran(&self, victim: &Seen, container: &str) -> Option<&Ran> {
        self.observed.pods.get(&victim.uid)?.containers.iter().find(|it| it.name == container)
    }

    /// Nothing is under way that would have to be waited for.
    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T, End>>) -> Result<T, End> {
        tokio::select! {
            biased;
            () = self.interrupted.clone() => Err(End::Interrupted),
            () = at(self.deadline) => Err(End::Timeout),
            found = work => found,
        }
    }
}

/// The pod and its container, if they are still those that the watch shows.
async fn read(
    cluster: &Cluster,
    namespace: &str,
    victim: &Seen,
    container: &str,
) -> Result<(Pod, Target), End> {
    let Some(pod) = inside::read(cluster, namespace, &victim.name).await.map_err(End::Failed)? else {
        return Err(End::Aborted(format!("pod {} is gone", victim.name)));
    };
    if pod.uid() != victim.uid {
        return Err(End::Aborted(format!(
            "pod {} was replaced meanwhile; the new one was not touched",
            victim.name
        )));
    }
    let target = target(&pod, container, cluster.now()).map_err(End::Aborted)?;
    match victim.containers.iter().any(|it| it.name == container && it.id == target.container_id) {
        true => Ok((pod, target)),
        false => Err(End::Aborted(format!(
            "container {container} of {} was started again meanwhile; the new one was not touched",
            victim.name
        ))),
    }
}

async fn look(cluster: &Cluster, namespace: &str, target: &Target) -> Result<Way, End> {
    let seen = inside::look(cluster, namespace, target).await.map_err(End::Failed)?;
    seen.and_then(|seen| ladder::way(target, &seen)).map_err(|no| End::Aborted(no.why))
}
