//! How long a workload's pods took from being bound to a node to being Ready, as their conditions record it.

/// Of pods that had no restart: of others the time includes crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartUp {
    pub median: i64,
    pub largest: i64,
    pub samples: usize,
}

/// `None`: no pod became Ready without a restart, and nothing is known.
pub fn start_up(seconds: impl IntoIterator<Item = i64>) -> Option<StartUp> {
    let mut all: Vec<i64> = seconds.into_iter().collect();
    all.sort_unstable();
    Some(StartUp { median: *all.get(all.len() / 2)?, largest: *all.last()?, samples: all.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_largest_and_number() {
        for (seconds, expected) in [
            (vec![], None),
            (vec![7], Some((7, 7, 1))),
            (vec![9, 2, 30], Some((9, 30, 3))),
            // Of an even number the larger: a promise is rather too long.
            (vec![1, 4], Some((4, 4, 2))),
        ] {
            let found = start_up(seconds.clone()).map(|it| (it.median, it.largest, it.samples));
            assert_eq!(found, expected, "{seconds:?}");
        }
    }
}
