//! What may differ between the output on a page and that of a run: names that the API server makes up, times, and the lines of progress.
//! No I/O.

/// The letters and digits of generated names (apimachinery/pkg/util/rand): no vowels.
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The lines to compare. A round of a proof is left out until it recovers: the order of its phases, the nodes of its pods and whether the budget refuses at first differ. `wrapped` is the output of a terminal, whose lines end where the names on them leave no room.
pub fn masked(output: &[String], wrapped: bool) -> Vec<String> {
    let mut in_round = false;
    let mut is_shown = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_end = words.is_empty() || words.contains(&"recovered");
        in_round = matches!(words[..], ["round", _, "of", ..]) || in_round && !is_end;
        !(in_round || line.is_empty() || is_progress(line))
    };
    let lines = output.iter().map(|line| line.trim_end()).filter(|line| is_shown(line));
    let masked: Vec<String> = lines.map(line).collect();
    if wrapped {
        let words = masked.join(" ").split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        vec![without_counts(&words)]
    } else {
        masked.iter().map(|line| without_counts(line)).collect()
    }
}

/// How many of these are printed depends on how fast the pods are.
fn is_progress(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let counts = |words: &[&str]| matches!(words, [who, done, "of", ..] if who.ends_with(':') && done.parse::<u32>().is_ok());
    line.starts_with("Waiting for ") || counts(&words) || is_bar(&words)
}

/// In the report of a proof the phases come in the order of their kind, and not all are seen in each round.
fn is_bar(words: &[&str]) -> bool {
    const PHASES: [&str; 7] = ["gone", "created", "scheduled", "started", "ready", "available", "endpoint"];
    matches!(words, [phase, .., bar] if PHASES.contains(phase) && bar.starts_with('━'))
}

/// Columns are as wide as the names in them, so that only one blank of several counts, and a cell that was cut may be cut elsewhere.
fn line(line: &str) -> String {
    let cells = line.split("  ").map(|cell| match cell.strip_suffix('…') {
        Some(cut) => format!("{}…", cut.trim_start().split([' ', ':']).next().unwrap_or_default()),
        None => cell.to_owned(),
    });
    // Less than a unit is a duration too.
    let line = &cells.collect::<Vec<_>>().join("  ").replace("<1s", "1s").replace("<1ms", "1ms");
    let is_word = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
    let mut masked = String::new();
    let mut rest = line.as_str();
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 {
            if c != ' ' || !masked.ends_with(' ') {
                masked.push(c);
            }
            rest = &rest[c.len_utf8()..];
        } else {
            masked.push_str(&word(&rest[..end]));
            rest = &rest[end..];
        }
    }
    // The date is left out of a time of the same day.
    masked.replace("DATE TIME", "TIME")
}

/// How often a crashing container was restarted depends on when it is looked at.
fn without_counts(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_restarts =
        |word: &str| matches!(word.trim_end_matches([',', ';', ')', '.']), "restart" | "restarts");
    let masked = words.iter().enumerate().map(|(at, word)| {
        let next = words.get(at + 1).is_some_and(|next| is_restarts(next));
        let is_counted = at > 0 && is_restarts(word) && words[at - 1].parse::<u32>().is_ok();
        match word.parse::<u32>() {
            Ok(_) if next => "N".to_owned(),
            _ if is_counted => word.replacen("restarts", "restart", 1),
            _ => (*word).to_owned(),
        }
    });
    masked.collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let bare = word.trim_end_matches(['.', ':']);
    let masked = if is_like(bare, "0000-00-00") {
        "DATE".to_owned()
    } else if is_like(bare, "00:00:00") || is_like(bare, "00:00") || is_like(bare, "0000-00-00T00:00:00Z") {
        "TIME".to_owned()
    } else if is_like(bare, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
        "UID".to_owned()
    } else if is_duration(bare) {
        "DURATION".to_owned()
    } else {
        generated(bare)
    };
    masked + &word[bare.len()..]
}

/// `0` is a digit, `x` a hexadecimal one.
fn is_like(text: &str, form: &str) -> bool {
    let same = |(c, f): (char, char)| match f {
        '0' => c.is_ascii_digit(),
        'x' => c.is_ascii_hexdigit(),
        _ => c == f,
    };
    text.len() == form.len() && text.chars().zip(form.chars()).all(same)
}

/// As in 7.2s, 1m30s, 2d4h.
fn is_duration(mut text: &str) -> bool {
    let mut any = false;
    while !text.is_empty() {
        let number = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let Some(unit) = ["ms", "d", "h", "m", "s"].iter().find(|unit| number.starts_with(**unit)) else {
            return false;
        };
        if number.len() == text.len() {
            return false;
        }
        (text, any) = (&number[unit.len()..], true);
    }
    any
}

/// The name of a pod or a revision without what a controller has appended to its owner's.
fn generated(name: &str) -> String {
    let is_generated = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.chars().all(|c| GENERATED.contains(c))
    };
    let parts: Vec<&str> = name.split('-').collect();
    let kept = match parts.as_slice() {
        [.., hash, pod] if parts.len() > 2 && is_generated(hash, 6..=10) && is_generated(pod, 5..=5) => {
            parts.len() - 2
        }
        [_, .., last] if is_generated(last, 5..=5) || is_generated(last, 8..=10) => parts.len() - 1,
        _ => return name.to_owned(),
    };
    format!("{}-GENERATED", parts[..kept].join("-"))
}

#[test]
fn names_and_times_are_masked_and_nothing_else() {
    for (text, shown) in [
        (
            "web-6b5b8444f9-6fznl: ImagePullBackOff in container web",
            "web-GENERATED: ImagePullBackOff in container web",
        ),
        ("shop/worker-6d66cc998b-6m657   loses", "shop/worker-GENERATED loses"),
        ("shop/agent-tjnh2, db-0", "shop/agent-GENERATED, db-0"),
        ("replicaset web-5b9cb78dfb", "replicaset web-GENERATED"),
        ("2026-11-29 06:44:01 – now   10s", "TIME – now DURATION"),
        ("heals <1s  slow 5m", "heals DURATION slow DURATION"),
        ("TIME 06:44:01 –", "TIME TIME –"),
        ("at 2026-11-29T06:44:01Z.", "at TIME."),
        ("estimated  3s–1m3s", "estimated DURATION–DURATION"),
        ("drained: 2 pods gone, 1.2s", "drained: 2 pods gone, DURATION"),
        ("uid 01234567-89ab-cdef-0123-456789abcdef", "uid UID"),
        ("exit code 1, 1 restart", "exit code 1, N restart"),
        ("exit code 1, 12 restarts, 3 of 3", "exit code 1, N restart, 3 of 3"),
        ("what it restarts", "what it restarts"),
        ("  image  web 1.3 → 1.2, 3 of 3", " image web 1.3 → 1.2, 3 of 3"),
        (
            "kwok-0.8.0 safe-drain last-ready-replica rollback-to",
            "kwok-0.8.0 safe-drain last-ready-replica rollback-to",
        ),
    ] {
        assert_eq!(masked(&[text.to_owned()], false), [shown]);
    }
}

#[test]
fn progress_is_not_compared_and_a_terminal_may_break_lines_elsewhere() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let seen = lines(
        "Waiting for deployment \"web\" rollout to finish: 1 out of 3\n\ndeployment/web: 2 of 3 updated pods available\ndone \n",
    );
    assert_eq!(masked(&seen, false), ["done"]);
    let wide = lines("  failing  web-6b5b8444f9-6fznl  ImagePullBackOff in container\n      main");
    let narrow = lines("  failing  web-6b5b8444f9-6fznl  ImagePullBackOff in\n      container main");
    assert_ne!(masked(&wide, false), masked(&narrow, false));
    assert_eq!(masked(&wide, true), masked(&narrow, true));
}

#[test]
fn of_a_round_only_its_end_is_compared() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let seen = lines(
        "plan\nround 1 of 2  evicting web-a on node-1\n  waiting  Cannot evict pod as it would violate\n    the pod's disruption budget.\n     27ms  created     web-b\n  recovered after 27ms\n  next round in 1.0s\n\nround 1  web-a → web-b\n  gone       47ms   ━━━\ndeployment/web  recovered",
    );
    let shown = [
        "plan",
        " recovered after DURATION",
        " next round in DURATION",
        "round 1 web-a → web-b",
        "deployment/web recovered",
    ];
    assert_eq!(masked(&seen, false), shown);
}
