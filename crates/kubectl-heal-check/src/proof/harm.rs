//! What `--prove` does to a pod, and the words for it.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Harm {
    Evict,
    Kill,
}

impl Harm {
    /// `nothing was evicted`
    pub fn done(self) -> &'static str {
        match self {
            Harm::Evict => "evicted",
            Harm::Kill => "killed",
        }
    }

    /// `proof by eviction`
    pub fn noun(self) -> &'static str {
        match self {
            Harm::Evict => "eviction",
            Harm::Kill => "container kill",
        }
    }
}
