//! VolumeBinding.

use crate::feasibility::rule::{Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = rule("VolumeBinding", filter);

fn filter<'a>(_scenario: &'a Scenario<'a>, _pod: Replacement<'a>) -> Option<Filter<'a>> {
    None
}
