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
    };
    Entry {
        id: id.into(),
        time: "2026-01-01T00:00:00Z".into(),
        context: "main".into(),
        server: server.into(),
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

fn ending(result: Verdict, written: bool) -> Ending {
    Ending { result, written }
}

/// `entry: workload,workload` of the last one.
fn told(journal: &Journal, filter: Option<&[Id]>) -> String {
    let Some(entry) = last(journal.path(), "s", filter).unwrap() else { return "none".into() };
    let names: Vec<&str> = entry.workloads.iter().map(|w| w.name.as_str()).collect();
    format!("{}: {}", entry.id, names.join(","))
}

#[test]
fn the_last_run_is_the_last_that_moved_something() {
    let now = Timestamp::UNIX_EPOCH;
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    assert_eq!(told(&journal, None), "none");

    let first = entry("first", "s", &["web", "api"]);
    journal.begin(&first).unwrap();
    assert_eq!(told(&journal, None), "first: web,api", "a run that died may have moved all of it");
    journal.complete(&first, &[ending(Verdict::Done, true), ending(Verdict::Failed, false)], now).unwrap();
    assert_eq!(told(&journal, None), "first: web", "api was never written");

    let cases = [
        (Verdict::Restored, true, "first: web"),
        (Verdict::Unchanged, false, "first: web"),
        (Verdict::Refused, false, "first: web"),
        (Verdict::Failed, false, "first: web"),
        (Verdict::Failed, true, "second: api"),
        (Verdict::Interrupted, true, "second: api"),
    ];
    for (result, written, expected) in cases {
        let second = entry("second", "s", &["api"]);
        journal.begin(&second).unwrap();
        journal.complete(&second, &[ending(result, written)], now).unwrap();
        assert_eq!(told(&journal, None), expected, "{result:?} {written}");
    }
    journal.begin(&entry("elsewhere", "another", &["web"])).unwrap();
    assert_eq!(told(&journal, None), "second: api");
    assert_eq!(told(&journal, Some(&[id("web")])), "first: web");
    let again = Id { uid: "another".into(), ..id("web") };
    assert_eq!(told(&journal, Some(&[again])), "none", "it was made again");
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
    assert_eq!(told(&journal, None), "good: web");
    journal.begin(&entry("next", "s", &["api"])).unwrap();
    assert_eq!(told(&journal, None), "next: api", "the torn line took only itself away");

    std::fs::remove_file(journal.path()).unwrap();
    std::fs::create_dir(journal.path()).unwrap();
    assert!(last(journal.path(), "s", None).unwrap_err().to_string().starts_with("cannot read the journal"));
    journal.begin(&entry("x", "s", &[])).unwrap_err();
}

#[test]
fn concurrent_runs_lose_nothing_and_the_journal_stays_short() {
    let folder = TempDir::new().unwrap();
    let journal = journal(&folder);
    std::thread::scope(|scope| {
        for run in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..20 {
                    let entry = entry(&format!("{run}-{n}"), "s", &["web"]);
                    journal.begin(&entry).unwrap();
                    let end = [ending(Verdict::Done, true)];
                    journal.complete(&entry, &end, Timestamp::UNIX_EPOCH).unwrap();
                }
            });
        }
    });
    let all = entries(&file::lines(journal.path()).unwrap());
    assert_eq!(all.len(), 160);
    assert!(all.iter().all(|entry| entry.workloads[0].result.as_deref() == Some("done")));

    for n in 0..100 {
        journal.begin(&entry(&format!("more-{n}"), "s", &["web"])).unwrap();
    }
    let all = entries(&file::lines(journal.path()).unwrap());
    assert_eq!((all.len(), all[file::KEPT - 1].id.as_str()), (file::KEPT, "more-99"));
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
}

#[test]
fn hashes_tell_templates_apart() {
    let hash = |value: Value| template_hash(&value);
    assert_eq!(hash(json!({"a": 1, "b": []})), hash(json!({"b": null, "a": 1})));
    assert_ne!(hash(json!({"a": 1})), hash(json!({"a": 2})));
    assert_ne!(hash(json!({"a": {"b": 1}})), hash(json!({"a": {}, "b": 1})));
    assert_ne!(hash(json!(["a", "b"])), hash(json!(["a,b"])));
    assert_eq!(hash(json!({})), "c735871983dc3d4b", "it is kept in files");
}
