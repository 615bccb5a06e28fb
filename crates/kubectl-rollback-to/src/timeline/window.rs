//! Where a moment lies, as far as the traces show, kept in the order of the revisions' numbers.

use k8s_openapi::jiff::Timestamp;

use super::activation::Activation;

/// One end of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Exact(Timestamp),
    /// Not before, not after.
    Between(Timestamp, Timestamp),
    Unknown,
}

impl Bound {
    pub fn earliest(self) -> Option<Timestamp> {
        match self {
            Bound::Exact(at) | Bound::Between(at, _) => Some(at),
            Bound::Unknown => None,
        }
    }

    pub fn latest(self) -> Option<Timestamp> {
        match self {
            Bound::Exact(at) | Bound::Between(_, at) => Some(at),
            Bound::Unknown => None,
        }
    }
}

/// Not before `earliest`, not after `latest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub earliest: Option<Timestamp>,
    pub latest: Option<Timestamp>,
}

impl Window {
    fn at(time: Timestamp) -> Self {
        Window { earliest: Some(time), latest: Some(time) }
    }

    pub fn holds(&self, at: Timestamp) -> bool {
        self.earliest.is_none_or(|earliest| earliest <= at) && self.latest.is_none_or(|latest| at <= latest)
    }

    /// Takes the limits over, unless they contradict what is known already.
    pub fn narrow(&mut self, earliest: Option<Timestamp>, latest: Option<Timestamp>) -> bool {
        let earliest = self.earliest.max(earliest);
        let latest = [self.latest, latest].into_iter().flatten().min();
        if let (Some(earliest), Some(latest)) = (earliest, latest)
            && earliest > latest
        {
            return false;
        }
        *self = Window { earliest, latest };
        true
    }

    pub fn bound(&self) -> Bound {
        match (self.earliest, self.latest) {
            (Some(earliest), Some(latest)) if earliest == latest => Bound::Exact(earliest),
            (Some(earliest), Some(latest)) => Bound::Between(earliest, latest),
            _ => Bound::Unknown,
        }
    }
}

/// One window for each activation, from the times that are kept permanently. Numbers are the order; where the times contradict them
/// (two controllers with different clocks) all that is left of them is the span they cover.
pub fn of_certain_times(activations: &[Activation]) -> Vec<Window> {
    let mut blocks: Vec<(Window, Vec<usize>)> = Vec::new();
    for (index, activation) in activations.iter().enumerate() {
        let Some(at) = activation.at else { continue };
        let mut block = (Window::at(at), vec![index]);
        while let Some(before) = blocks.pop_if(|before| before.0.latest > block.0.earliest) {
            block.0.earliest = block.0.earliest.min(before.0.earliest);
            block.0.latest = block.0.latest.max(before.0.latest);
            block.1.splice(0..0, before.1);
        }
        blocks.push(block);
    }
    let mut windows = vec![Window::default(); activations.len()];
    for (window, members) in blocks {
        members.iter().for_each(|&index| windows[index] = window);
    }
    spread(&mut windows);
    for (index, activation) in activations.iter().enumerate() {
        narrow(&mut windows, index, activation.since, None);
    }
    windows
}

/// Narrows one window and, by the order, its neighbours. Limits that contradict the rest are left out.
pub fn narrow(
    windows: &mut [Window],
    index: usize,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
) -> bool {
    let narrowed = windows[index].narrow(earliest, latest);
    spread(windows);
    narrowed
}

/// Nothing begins before its predecessor nor after its successor.
fn spread(windows: &mut [Window]) {
    let mut earliest = None;
    for window in windows.iter_mut() {
        earliest = window.earliest.max(earliest);
        window.earliest = earliest;
    }
    let mut latest: Option<Timestamp> = None;
    for window in windows.iter_mut().rev() {
        latest = [window.latest, latest].into_iter().flatten().min();
        window.latest = latest;
    }
}
