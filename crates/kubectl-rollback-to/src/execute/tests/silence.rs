//! The API server falls silent after the write.

use k8s_openapi::jiff::SignedDuration;
use testbed::fake::Answer;

use super::play::{Play, ends};
use crate::options::OnFailure;
use crate::outcome::RolloutResult;
use crate::outcome::reason::{End, EndedAt, Reason};

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
        for ((result, reasons), expected) in
            ended.iter().zip([EndedAt::Watching { written: true }, EndedAt::Writing])
        {
            let [Reason::Ended { by: End::Silent { message, .. }, at, .. }] = reasons.as_slice() else {
                panic!("{ended:?}");
            };
            assert_eq!((*result, *at), (RolloutResult::Stalled, expected));
            assert!(message.as_deref().unwrap_or_default().contains(cause), "{ended:?}");
        }
        assert_eq!(play.writes(), ["PATCH web", "PATCH api"], "nothing is restored");
    }
}
