//! `--now` and `--posture`: is it healing, or would it heal?

use crate::checks::{About, Check, hc001_ignore};

/// Which checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Half {
    #[default]
    Both,
    /// `--now`: is it healing?
    Now,
    /// `--posture`: would it heal?
    Posture,
}

impl Half {
    pub fn wants(self, check: &Check) -> bool {
        let is_asked = match check.about {
            About::Posture => self != Half::Now,
            About::Now => self != Half::Posture,
        };
        // What is left out concerns both.
        is_asked || check.id == hc001_ignore::CHECK.id
    }

    /// The same, of manifests only what they can say.
    pub fn asks(self, check: &Check, is_manifests: bool) -> bool {
        self.wants(check) && (!is_manifests || check.is_about_manifests())
    }

    /// The matrix says what would become of a workload.
    pub fn has_matrix(self) -> bool {
        self != Half::Now
    }
}
