use super::*;
use tempfile::TempDir;

fn entry(id: &str, server: &str, names: &[&str]) -> Entry {
    let workload = |name: &&str| Workload {
        kind: "Deployment".into(),
        namespace: "shop".into(),
        name: (*name).into(),
        uid: format!("uid-{name}"),
        from_template_revision: Some(7),
        from_template: json!({"spec": {"containers": [{"name": "web", "image": id}]}}),
        from_change_cause: None,
        to_revision: Some(3),
        to_template_hash: template_hash(&json!({})),
        result: None,
        written: None,
        left_template_hash: None,
    };
    Entry {
        id: id.into(),
        time: "2026-01-01T00:00:00Z".into(),
        context: "main".into(),
        server: server.into(),
        kubeconfig: None,
        user: None,
        reason: None,
        workloads: names.iter().map(workload).collect(),
    }
}

fn journal(folder: &TempDir) -> Journal {
    Journal::at(folder.path().join("state/kubectl-rollback-to/journal.jsonl"))
}

fn id(name: &str) -> Id {
    Id { kind: Kind::Deployment, namespace: "shop".into(), name: name.into(), uid: format!("uid-{name}") }
}

fn ending(result: RolloutResult, written: bool) -> Ending {
    Ending { result, written, left_template_hash: written.then(|| left_hash(&json!({"spec": {}}))) }
}

/// `entry: workload,workload` of the last one.
fn last_run(journal: &Journal, filter: Option<&[Id]>) -> String {
    let Some(entry) = last(journal.path(), "s", filter).unwrap() else { return "none".into() };
    let names: Vec<&str> = entry.workloads.iter().map(|w| w.name.as_str()).collect();
    format!("{}: {}", entry.id, names.join(","))
}

#[test]
fn the_last_run_is_the_last_that_moved_something() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    assert_eq!(last_run(&journal, None), "none");

    let first = entry("first", "s", &["web", "api"]);
    journal.begin(&first).unwrap();
    assert_eq!(last_run(&journal, None), "first: web,api", "a run that died may have moved all of it");
    journal
        .complete(&first, &[ending(RolloutResult::Done, true), ending(RolloutResult::Failed, false)], now)
        .unwrap();
    assert_eq!(last_run(&journal, None), "first: web", "api was never written");
    let stored = last(journal.path(), "s", None).unwrap().unwrap().workloads.remove(0).left_template_hash;
    assert_eq!(stored, Some(left_hash(&json!({"spec": {}}))), "what the server stored");

    let cases = [
        (RolloutResult::Restored, true, "first: web"),
        (RolloutResult::Unchanged, false, "first: web"),
        (RolloutResult::Refused, false, "first: web"),
        (RolloutResult::Failed, false, "first: web"),
        (RolloutResult::Failed, true, "second: api"),
        (RolloutResult::Interrupted, true, "second: api"),
    ];
    for (result, written, expected) in cases {
        let second = entry("second", "s", &["api"]);
        journal.begin(&second).unwrap();
        journal.complete(&second, &[ending(result, written)], now).unwrap();
        assert_eq!(last_run(&journal, None), expected, "{result:?} {written}");
    }
    journal.begin(&entry("elsewhere", "another", &["web"])).unwrap();
    assert_eq!(last_run(&journal, None), "second: api");
    assert_eq!(last_run(&journal, Some(&[id("web")])), "first: web");
    let again = Id { uid: "another".into(), ..id("web") };
    assert_eq!(last_run(&journal, Some(&[again])), "none", "it was made again");
}

#[test]
fn what_cannot_be_read_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    journal.begin(&entry("good", "s", &["web"])).unwrap();
    let text = std::fs::read_to_string(journal.path()).unwrap();
    // A line of another kind, one that is no text, and one whose writer died.
    let torn = [text.as_bytes(), b"{\"id\":1}\n\xff\xfe\n", &text.as_bytes()[..text.len() / 2]].concat();
    std::fs::write(journal.path(), torn).unwrap();
    assert_eq!(last_run(&journal, None), "good: web");
    journal.begin(&entry("next", "s", &["api"])).unwrap();
    assert_eq!(last_run(&journal, None), "next: api", "the torn line took only itself away");

    std::fs::remove_file(journal.path()).unwrap();
    std::fs::create_dir(journal.path()).unwrap();
    assert!(last(journal.path(), "s", None).unwrap_err().to_string().starts_with("cannot read the journal"));
    journal.begin(&entry("x", "s", &[])).unwrap_err();
}

#[test]
fn concurrent_runs_lose_nothing_and_the_journal_stays_short() {
    let folder = TempDir::new().unwrap();
    let journal = Journal { patience: Duration::from_secs(60), ..journal(&folder) };
    std::thread::scope(|scope| {
        for run in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..4 {
                    let entry = entry(&format!("{run}-{n}"), "s", &["web"]);
                    journal.begin(&entry).unwrap();
                    let end = [ending(RolloutResult::Done, true)];
                    journal.complete(&entry, &end, Timestamp::UNIX_EPOCH).unwrap();
                }
            });
        }
    });
    let all = entries(&file::lines(journal.path()).unwrap());
    assert_eq!(all.len(), 32);
    assert!(all.iter().all(|entry| entry.workloads[0].result.as_deref() == Some("done")));

    let more = |n: usize| entry(&format!("more-{n}"), "s", &["web"]);
    let old = std::fs::read_to_string(journal.path()).unwrap();
    let many = (0..file::KEPT).map(|n| serde_json::to_string(&more(n)).unwrap() + "\n").collect::<String>();
    std::fs::write(journal.path(), old + &many).unwrap();
    journal.begin(&more(file::KEPT)).unwrap();
    let all = entries(&file::lines(journal.path()).unwrap());
    let ends = (all[0].id.as_str(), all[file::KEPT - 1].id.as_str());
    assert_eq!((all.len(), ends), (file::KEPT, ("more-1", "more-200")));

    // Large ones are dropped earlier, so that it can always be read.
    let large = |n: usize| Entry { reason: Some("x".repeat(20 << 20)), ..more(n) };
    let ids = |n: usize| {
        journal.begin(&large(n)).unwrap();
        entries(&file::lines(journal.path()).unwrap()).into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(1000).len(), file::KEPT);
    assert_eq!(ids(1001), ["more-1001"]);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    journal.begin(&entry("a", "s", &["web"])).unwrap();
    assert_eq!((mode(journal.path()), mode(journal.path().parent().unwrap())), (0o600, 0o700));
    std::fs::set_permissions(journal.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    journal.begin(&entry("b", "s", &["web"])).unwrap();
    assert_eq!(mode(journal.path()), 0o600);
    let _held = held(&journal);
    journal.begin(&entry("c", "s", &["web"])).unwrap_err();
    let aside = aside(&journal);
    assert_eq!((aside.len(), mode(&aside[0])), (1, 0o600));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_one() {
    let folder = TempDir::new().unwrap();
    let (journal, real) = (journal(&folder), folder.path().join("shared/j"));
    std::fs::create_dir_all(journal.path().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, journal.path()).unwrap();
    journal.begin(&entry("a", "s", &["web"])).unwrap();
    journal.begin(&entry("b", "s", &["web"])).unwrap();
    assert_eq!(journal.path().read_link().unwrap(), real);
    assert_eq!(entries(&file::lines(&real).unwrap()).len(), 2);
    assert_eq!(last_run(&journal, None), "b: web");
    // A line that was left aside is found through the link too.
    let impatient = Journal { patience: Duration::from_millis(1), ..journal.clone() };
    let _held = held(&Journal::at(&real));
    let kept = impatient.begin(&entry("c", "s", &["web"])).unwrap_err();
    assert_eq!(kept.kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(last_run(&journal, None), "c: web");
}

/// Somebody else has the lock: locks belong to open files, so it makes no difference whether that is another process.
fn held(journal: &Journal) -> std::fs::File {
    let lock = std::fs::File::create(journal.path().with_extension("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

fn aside(journal: &Journal) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(journal.path().parent().unwrap()).unwrap();
    let all = folder.map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "aside")).collect()
}

#[test]
fn without_the_lock_a_run_is_kept_beside_the_journal_and_merged_by_the_next() {
    let folder = TempDir::new().unwrap();
    let patient = journal(&folder);
    let journal = Journal { patience: Duration::from_millis(1), ..patient.clone() };
    let at = |id: &str, time: &str| Entry { time: time.into(), ..entry(id, "s", &["web"]) };
    let moved = [ending(RolloutResult::Done, true)];
    let (first, second) = (at("first", "2026-01-01T00:00:00Z"), at("second", "2026-01-01T00:00:02Z"));
    patient.begin(&first).unwrap();
    let lock = held(&journal);
    let before = std::fs::read(journal.path()).unwrap();
    let kept = journal.begin(&second).unwrap_err();
    assert_eq!(kept.kind(), std::io::ErrorKind::WouldBlock);
    let place = aside(&journal).remove(0);
    assert!(kept.to_string().contains(place.to_str().unwrap()), "{kept}");
    assert_eq!(std::fs::read(journal.path()).unwrap(), before, "never without the lock");
    assert_eq!(last_run(&journal, None), "second: web", "every reader sees it");
    journal.complete(&first, &moved, Timestamp::UNIX_EPOCH).unwrap_err();
    drop(lock);

    // Begun before it, and written down first: the order is that of the beginnings.
    patient.begin(&at("third", "2026-01-01T00:00:01Z")).unwrap();
    assert!(aside(&journal).is_empty());
    let all = entries(&file::lines(journal.path()).unwrap());
    let ids: Vec<&str> = all.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["first", "second", "third"]);
    assert_eq!(all[0].workloads[0].result.as_deref(), Some("done"));

    // A merge that died between its two steps.
    let again = journal.path().with_extension("1-1.aside");
    std::fs::write(&again, serde_json::to_string(&second).unwrap()).unwrap();
    assert_eq!(entries(&file::lines(journal.path()).unwrap()).len(), 3);
}

#[test]
fn lines_left_aside_stand_where_their_run_began() {
    let line = |id: &str, second: &str| {
        let time = format!("2026-01-01T00:00:0{second}Z");
        serde_json::to_string(&Entry { time, ..entry(id, "s", &["web"]) }).unwrap()
    };
    let end = json!({"id": "b", "endings": [{"result": "done", "written": true}]}).to_string();
    let main = vec![line("a", "1"), line("c", "3")];
    let merged =
        file::merged(main.clone(), vec![end.clone(), line("b", "2"), line("0", "0"), line("c", "3")]);
    assert_eq!(merged, [line("0", "0"), line("a", "1"), line("b", "2"), line("c", "3"), end]);
    assert_eq!(entries(&merged)[2].workloads[0].result.as_deref(), Some("done"));
    assert_eq!(file::merged(main.clone(), vec![]), main);
}

/// Many at once, somebody who keeps the lock again and again, and readers: no run is ever lost.
#[test]
fn nothing_is_lost_while_the_lock_is_fought_for() {
    let folder = TempDir::new().unwrap();
    let patient = Journal { patience: Duration::from_secs(60), ..journal(&folder) };
    let journal = Journal { patience: Duration::from_millis(2), ..patient.clone() };
    patient.begin(&entry("start", "s", &["web"])).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|run| {
                let journal = &journal;
                scope.spawn(move || {
                    for n in 0..6 {
                        let entry = entry(&format!("{run}-{n}"), "s", &["web"]);
                        let end = [ending(RolloutResult::Done, true)];
                        let kept =
                            [journal.begin(&entry), journal.complete(&entry, &end, Timestamp::UNIX_EPOCH)];
                        let safe = |kept: &std::io::Result<()>| {
                            kept.as_ref()
                                .err()
                                .is_none_or(|error| error.kind() == std::io::ErrorKind::WouldBlock)
                        };
                        assert!(kept.iter().all(safe), "{kept:?}");
                        let seen = entries(&file::lines(journal.path()).unwrap());
                        let own = seen.iter().find(|seen| seen.id == entry.id).expect("lost to a reader");
                        assert_eq!(own.workloads[0].result.as_deref(), Some("done"));
                    }
                })
            })
            .collect();
        let (journal, done) = (&journal, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let lock = held(journal);
                // For longer than some can wait.
                let until = std::time::Instant::now() + Duration::from_millis(5);
                while std::time::Instant::now() < until {
                    std::thread::yield_now();
                }
                drop(lock);
                std::thread::yield_now();
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    patient.begin(&entry("end", "s", &["web"])).unwrap();
    let all = entries(&file::lines(journal.path()).unwrap());
    assert_eq!((all.len(), aside(&journal).len()), (4 * 6 + 2, 0));
}

#[test]
fn hashes_distinguish_templates() {
    let hash = |value: Value| template_hash(&value);
    assert_eq!(hash(json!({"a": 1, "b": []})), hash(json!({"b": null, "a": 1})));
    assert_ne!(hash(json!({"a": 1})), hash(json!({"a": 2})));
    assert_ne!(hash(json!({"a": {"b": 1}})), hash(json!({"a": {}, "b": 1})));
    assert_ne!(hash(json!(["a", "b"])), hash(json!(["a,b"])));
    assert_eq!(hash(json!({})), "c735871983dc3d4b", "it is kept in files");
}
