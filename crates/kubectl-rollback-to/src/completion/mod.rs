//! What TAB offers: workloads, their revisions and images, and findings for `--allow`. Reads only.

mod revisions;
mod workloads;

use plugin_client::cli::findings;
use plugin_client::{Candidates, Completing, Completion, Failure};

use self::workloads::{Wanted, named, wanted};
use crate::args::Args;
use crate::checks;

/// Its table of findings says what each id means.
const PAGE: &str = include_str!("../../../../docs/rollback-to.md");

/// With one of these, no number follows TYPE/NAME.
const TARGETS: [&str; 8] =
    ["to-revision", "time", "image", "last-healthy", "previous", "last", "history", "status"];

impl Completion for Args {
    async fn complete(at: &Completing<'_>) -> Result<Candidates, Failure> {
        match at.flag() {
            Some("allow") => Ok(findings::candidates(checks::ids(), PAGE)),
            Some("to-revision" | "revision") => of_revisions(at, revisions::numbers).await,
            Some("image") => of_revisions(at, revisions::images).await,
            Some(_) => Ok(Candidates::default()),
            None => match wanted(at.words(), at.typed(), at.has(&["selector", "all"]), at.has(&TARGETS)) {
                Wanted::Types => Ok(workloads::types()),
                Wanted::Names(prefixes) if prefixes.is_empty() => Ok(Candidates::default()),
                Wanted::Names(prefixes) => {
                    workloads::names(&at.cluster().await?, &prefixes, at.words()).await
                }
                Wanted::Revisions => of_revisions(at, revisions::numbers).await,
            },
        }
    }
}

/// Of the workload on the command line; of several there is no common list.
async fn of_revisions(
    at: &Completing<'_>,
    list: fn(&revisions::Kept) -> Candidates,
) -> Result<Candidates, Failure> {
    let [(kind, name)] = named(at.words())[..] else { return Ok(Candidates::default()) };
    Ok(list(&revisions::kept(&at.cluster().await?, kind, name).await?))
}
