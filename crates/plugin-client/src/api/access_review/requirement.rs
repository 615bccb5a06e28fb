//! A right that a command line needs, what it is used for, and what is lost without it. No I/O.

use super::right::Right;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub right: Right,
    /// What it is used for, to be read after `to`.
    pub purpose: &'static str,
    pub need: Need,
    /// Printed as a role of its own, with this suffix to its name, because not everybody wants to grant it.
    pub apart: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing goes without it: checked before anything is changed.
    Required,
    /// What is lost without it. Checked beforehand, because nothing else would report it.
    Optional(&'static str),
    /// What is lost without it. Not checked beforehand: the read that fails is a finding of its own.
    Reported(&'static str),
}

impl Need {
    /// Is it part of the check before anything is changed?
    pub fn is_checked(self) -> bool {
        !matches!(self, Need::Reported(_))
    }
}

impl Requirement {
    pub fn required(right: Right, purpose: &'static str) -> Self {
        Requirement { right, purpose, need: Need::Required, apart: None }
    }

    pub fn optional(right: Right, purpose: &'static str, lost: &'static str) -> Self {
        Requirement { need: Need::Optional(lost), ..Requirement::required(right, purpose) }
    }

    pub fn reported(right: Right, purpose: &'static str, lost: &'static str) -> Self {
        Requirement { need: Need::Reported(lost), ..Requirement::required(right, purpose) }
    }

    pub fn apart(mut self, suffix: &'static str) -> Self {
        self.apart = Some(suffix);
        self
    }

    pub fn is_required(&self) -> bool {
        self.need == Need::Required
    }
}
