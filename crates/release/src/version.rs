//! The version of a release, as krew and the tag have it: `v` and a semantic version.

use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(semver::Version);

impl Version {
    /// The workspace's own.
    pub fn current() -> Self {
        Version(semver::Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(semver::Version::new(0, 0, 0)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('v').unwrap_or(text);
        semver::Version::parse(digits).map(Version).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_a_v_whether_it_was_given_with_one_or_not() {
        for text in ["v1.2.3", "1.2.3"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), "v1.2.3");
        }
        assert!("v1.2".parse::<Version>().is_err());
        assert_eq!(Version::current().to_string(), concat!("v", env!("CARGO_PKG_VERSION")));
    }
}
