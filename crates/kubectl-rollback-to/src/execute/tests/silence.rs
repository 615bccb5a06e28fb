//! The API server falls silent after the write.

use k8s_openapi::jiff::SignedDuration;
use testbed::fake::Answer;

use super::play::{Play, ends};
use crate::options::OnFailure;

#[tokio::test]
async fn a_server_that_is_silent_after_the_write_ends_the_run() {
    for (silence, cause) in
        [(Answer::status(503, "ServiceUnavailable", "away"), "503"), (Answer::silence(), "")]
    {
        let mut play = Play::deployments(&[("web", "good"), ("api", "good")]);
        play.options.on_failure = OnFailure::Restore;
        play.deadline = None;
        play.silent_after = Some(SignedDuration::from_secs(1));
        play.fake.on("PATCH", "*/api").answer(Answer::silence());
        play.fake.on("GET", "*").answer(silence);
        let ended = ends(&play.run().await);
        let says = |end: &String| {
            end.starts_with("Stalled: the API server has not responded since ") && end.contains(cause)
        };
        assert!(ended.iter().all(says), "{ended:?}");
        let status = |name: &str| format!("kubectl rollback-to deployment/{name} -n shop --status");
        assert!(
            ended[0].ends_with(&format!("; it was updated, its current state is unknown: {}", status("web"))),
            "{ended:?}"
        );
        assert!(
            ended[1].ends_with(&format!("; unknown whether it was updated: {}", status("api"))),
            "{ended:?}"
        );
        assert_eq!(play.writes(), ["PATCH web", "PATCH api"], "nothing is put back");
    }
}
