//! An API server that does not answer is not waited for without end, before anything was written either: `--request-timeout=0` leaves a
//! single request without a bound.

use std::time::{Duration, Instant};

use cluster_model::text::span;
use plugin_client::{Cluster, Failure};

use super::Run;
use crate::execute::SILENT_AFTER;

impl Run<'_> {
    /// Where nothing was changed yet, and the cluster is read.
    pub(super) async fn reading<T>(
        &self,
        cluster: &Cluster,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // Whoever gives a time wants it waited out.
        let patience = self.bounds.deadline.is_none().then(|| SILENT_AFTER.unsigned_abs());
        self.bounds.before_changes(answered(cluster, patience, work)).await
    }
}

async fn answered<T>(
    cluster: &Cluster,
    patience: Option<Duration>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let Some(patience) = patience else { return work.await };
    tokio::select! {
        done = work => done,
        failure = silence(cluster, patience) => Err(failure),
    }
}

/// Ends when nothing was answered for so long. What was not answered before does not count.
async fn silence(cluster: &Cluster, patience: Duration) -> Failure {
    let mut answered = Instant::now();
    loop {
        match cluster.unanswered() {
            Some(unanswered) => answered = answered.max(unanswered.since),
            None => answered = Instant::now(),
        }
        if answered.elapsed() >= patience {
            let message = cluster.unanswered().and_then(|unanswered| unanswered.message);
            let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
            let seconds = i64::try_from(patience.as_secs()).unwrap_or(i64::MAX);
            return Failure::failed(format!(
                "the API server has not responded for {}{message}; nothing was written",
                span(seconds)
            ));
        }
        tokio::time::sleep(patience / 10).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect_with;
    use testbed::fake::{Answer, Fake};

    const PATIENCE: Option<Duration> = Some(Duration::from_millis(200));

    #[tokio::test]
    async fn a_request_without_a_bound_ends_with_the_silence_of_the_server() {
        let fake = Fake::start();
        let cluster = connect_with(&fake, &["--request-timeout=0"]).await;
        fake.on("GET", "*").answer(Answer::silence());
        let reads = async { Ok(cluster.client.apiserver_version().await.is_ok()) };
        let ended = tokio::time::timeout(Duration::from_secs(60), answered(&cluster, PATIENCE, reads)).await;
        let failure = ended.expect("it waits without end").unwrap_err();
        assert!(
            failure.message.starts_with("the API server has not responded for ")
                && failure.message.ends_with("nothing was written"),
            "{failure}"
        );
    }

    /// Whatever was not answered before does not count, nor does work without requests.
    #[tokio::test]
    async fn only_silence_during_the_work_counts() {
        let fake = Fake::start();
        let cluster = connect_with(&fake, &[]).await;
        fake.on("GET", "*").answer(Answer::status(500, "InternalError", "etcd"));
        assert!(cluster.client.apiserver_version().await.is_err() && cluster.unanswered().is_some());
        assert_eq!(answered(&cluster, PATIENCE, async { Ok(1) }).await, Ok(1));
    }
}
