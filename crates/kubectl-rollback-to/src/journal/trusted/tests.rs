use super::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.jsonl");
    (folder, path)
}

/// The error, or a panic if the read does not end.
fn refusal(path: &Path) -> String {
    let path = path.to_owned();
    let result = within(Duration::from_secs(60), move || Ok(lines(&path).map_err(|error| error.to_string())));
    result.unwrap().unwrap_err()
}

#[test]
fn only_a_regular_file_is_read() {
    let (_folder, path) = place();
    assert_eq!(lines(&path).unwrap(), Vec::<String>::new());
    mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    assert!(refusal(&path).contains("is not a regular file"));
    for other in ["/dev/zero", "/dev/tty", "/dev"] {
        fs::remove_file(&path).unwrap();
        symlink(other, &path).unwrap();
        let refused = refusal(&path);
        // A terminal may be missing where tests run.
        assert!(refused.contains("is not a regular file") || other == "/dev/tty", "{other}: {refused}");
    }
}

#[test]
fn what_is_too_large_is_not_read() {
    let (_folder, path) = place();
    let file = File::create(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    file.set_len(LARGEST + 1).unwrap();
    assert!(refusal(&path).contains("is larger than 64 MiB; move it away"));
}

#[test]
fn what_others_can_write_is_not_trusted() {
    let (_folder, path) = place();
    for (mode, trusted) in
        [(0o600, true), (0o644, true), (0o444, true), (0o620, false), (0o602, false), (0o666, false)]
    {
        fs::write(&path, "a\nb").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        match trusted {
            true => assert_eq!(lines(&path).unwrap(), ["a", "b"]),
            false => {
                let refused = refusal(&path);
                let part =
                    format!("journal.jsonl can be written by other users (mode {mode:04o}); check what");
                assert!(refused.contains(&part) && refused.contains("chmod 600"), "{refused}");
            }
        }
        fs::remove_file(&path).unwrap();
    }
    // Only root can give a file away.
    fs::write(&path, "a").unwrap();
    if std::os::unix::fs::chown(&path, Some(4321), None).is_ok() {
        assert!(refusal(&path).contains("belongs to another user (uid 4321)"));
    }
}

#[test]
fn a_link_leads_to_the_file_that_is_written() {
    let (folder, path) = place();
    assert_eq!(target(&path), path);
    let real = folder.path().join("home/journal");
    symlink("second", &path).unwrap();
    symlink("home/journal", folder.path().join("second")).unwrap();
    assert_eq!(target(&path), real, "also where it does not exist yet");
    let circle = folder.path().join("circle");
    symlink("circle", &circle).unwrap();
    assert_eq!(target(&circle), circle);
}

#[test]
fn a_file_system_that_does_not_respond_is_not_waited_for() {
    let (sender, receiver) = mpsc::channel::<()>();
    let blocked = move || Ok(receiver.recv().is_ok());
    let error = within(Duration::from_millis(1), blocked).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(sender);
}
