//! Signals by name, as Kubernetes writes them, and as a bit of the masks in /proc/PID/status.

/// Linux numbers them alike on the architectures of Kubernetes (signal(7)). Real-time signals are counted from 34: what is below is the C library's own.
const NAMES: [(&str, u32); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];
const FIRST_REAL_TIME: u32 = 34;
const LAST: u32 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(u32);

impl Signal {
    pub const TERM: Signal = Signal(15);
    pub const KILL: Signal = Signal(9);

    /// `SIGTERM`, `SIGRTMIN+3`, `SIGRTMAX-1`: the values of `stopSignal` (core/v1 `Signal`).
    pub fn named(name: &str) -> Option<Signal> {
        let name = name.strip_prefix("SIG")?;
        if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(Signal(*number));
        }
        let after = |start: &str| name.strip_prefix(start).and_then(|it| it.parse::<u32>().ok());
        let number = match name {
            "RTMIN" => Some(FIRST_REAL_TIME),
            "RTMAX" => Some(LAST),
            _ => after("RTMIN+")
                .and_then(|n| FIRST_REAL_TIME.checked_add(n))
                .or_else(|| after("RTMAX-").and_then(|n| LAST.checked_sub(n))),
        };
        number.filter(|it| (FIRST_REAL_TIME..=LAST).contains(it)).map(Signal)
    }

    pub fn number(self) -> u32 {
        self.0
    }

    pub fn is_in(self, mask: u64) -> bool {
        mask & (1 << (self.0 - 1)) != 0
    }
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "SIGRTMIN+{}", self.0.saturating_sub(FIRST_REAL_TIME)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits() {
        let cases = [
            ("SIGTERM", Some(0x4000)),
            ("SIGKILL", Some(0x100)),
            ("SIGHUP", Some(1)),
            ("SIGRTMIN", Some(1 << 33)),
            ("SIGRTMIN+3", Some(1 << 36)),
            ("SIGRTMAX", Some(1 << 63)),
            ("SIGRTMAX-64", None),
            ("SIGRTMIN+99", None),
            ("TERM", None),
            ("", None),
        ];
        for (name, bit) in cases {
            let signal = Signal::named(name);
            assert_eq!(signal.map(|it| 1u64 << (it.number() - 1)), bit, "{name}");
            let is_in = |it: Signal| bit.is_some_and(|bit| it.is_in(bit) && !it.is_in(!bit));
            assert!(signal.is_none_or(is_in), "{name}");
        }
        assert_eq!(Signal::TERM.to_string(), "SIGTERM");
        assert_eq!(Signal::named("SIGRTMIN+3").unwrap().to_string(), "SIGRTMIN+3");
    }
}
