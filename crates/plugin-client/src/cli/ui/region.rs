//! The rows at the end of the screen that indicatif draws again and again.

use dialoguer::console::Term;
use indicatif::ProgressBar;

/// indicatif leaves the cursor behind the last column of the region. There the `^C` that a terminal echoes would begin a new row, and the
/// region, cleared from that row on, would leave its first row behind.
pub fn to_first_column() {
    // A failure here cannot be reported anywhere.
    let _ = Term::stderr().write_str("\r");
}

/// Runs `other`, which uses the terminal, without the region.
pub fn without_region<T>(bar: &ProgressBar, other: impl FnOnce() -> T) -> T {
    let done = bar.suspend(other);
    to_first_column();
    done
}
