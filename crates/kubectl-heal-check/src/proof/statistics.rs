//! Recoveries, summed up. Pure.

use std::time::Duration;

/// With fewer, the 95th percentile is the maximum by another name.
const ENOUGH: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    pub n: usize,
    pub min: Duration,
    pub median: Duration,
    pub max: Duration,
    pub p95: Option<Duration>,
}

/// `None` of none.
pub fn statistics(recoveries: impl IntoIterator<Item = Duration>) -> Option<Statistics> {
    let mut sorted: Vec<Duration> = recoveries.into_iter().collect();
    sorted.sort();
    let n = sorted.len();
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let median = if n % 2 == 1 { sorted[n / 2] } else { (sorted[n / 2 - 1] + sorted[n / 2]) / 2 };
    // Nearest rank.
    let p95 = (n >= ENOUGH).then(|| sorted[(n * 95).div_ceil(100) - 1]);
    Some(Statistics { n, min, median, max, p95 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rounds_have_no_percentile() {
        let of = |seconds: &[u64]| {
            let it = statistics(seconds.iter().map(|it| Duration::from_secs(*it)))?;
            Some((
                it.n,
                it.min.as_secs_f64(),
                it.median.as_secs_f64(),
                it.max.as_secs_f64(),
                it.p95.map(|it| it.as_secs()),
            ))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some((1, 7.0, 7.0, 7.0, None)));
        assert_eq!(of(&[9, 2, 4]), Some((3, 2.0, 4.0, 9.0, None)));
        assert_eq!(of(&[4, 1]), Some((2, 1.0, 2.5, 4.0, None)));
        let nineteen: Vec<u64> = (1..20).collect();
        assert_eq!(of(&nineteen).unwrap().4, None);
        let twenty: Vec<u64> = (1..21).collect();
        assert_eq!(of(&twenty).unwrap().4, Some(19));
    }
}
