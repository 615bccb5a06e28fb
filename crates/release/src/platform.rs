//! The platforms of a release: krew's names for them, and Rust's.

use std::fmt;
use std::str::FromStr;

/// One platform. Its text form, as in the names of archives, is `OS-ARCH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Platform {
    pub os: &'static str,
    pub arch: &'static str,
    pub target: &'static str,
}

/// Linux is built for musl: such a program is static and runs on every distribution, glibc or not.
pub const PLATFORMS: &[Platform] = &[
    Platform { os: "linux", arch: "amd64", target: "x86_64-unknown-linux-musl" },
    Platform { os: "linux", arch: "arm64", target: "aarch64-unknown-linux-musl" },
    Platform { os: "darwin", arch: "amd64", target: "x86_64-apple-darwin" },
    Platform { os: "darwin", arch: "arm64", target: "aarch64-apple-darwin" },
    Platform { os: "windows", arch: "amd64", target: "x86_64-pc-windows-msvc" },
    Platform { os: "windows", arch: "arm64", target: "aarch64-pc-windows-msvc" },
];

impl Platform {
    /// `.exe` where a program needs it.
    pub fn suffix(&self) -> &'static str {
        if self.os == "windows" { ".exe" } else { "" }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.os, self.arch)
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<String> = PLATFORMS.iter().map(Platform::to_string).collect();
        let found = PLATFORMS.iter().find(|platform| platform.to_string() == text);
        found.copied().ok_or_else(|| format!("no such platform, there are: {}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_as_they_are_written() {
        assert!(PLATFORMS.iter().all(|it| it.to_string().parse() == Ok(*it)));
        assert!("linux-riscv64".parse::<Platform>().unwrap_err().ends_with("windows-amd64, windows-arm64"));
    }
}
