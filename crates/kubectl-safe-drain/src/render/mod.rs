//! What people see: the plan, the findings, the drain while it runs, and the end of it. Pure but for handing lines to the Ui.

mod findings;
mod live;
mod outcome;
mod plan;

pub use findings::findings;
pub use live::Screen;
pub use outcome::outcome;
pub use plan::plan;

/// `12s`, `1m30s`, `2h5m`: the largest two units, as kubectl writes ages.
pub fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 if seconds % 60 == 0 => format!("{}m", seconds / 60),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ if seconds % 3600 < 60 => format!("{}h", seconds / 3600),
        _ => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn spans() {
        let cases = [(0, "0s"), (59, "59s"), (60, "1m"), (90, "1m30s"), (3600, "1h"), (7500, "2h5m")];
        for (seconds, text) in cases {
            assert_eq!(super::span(seconds), text);
        }
    }
}
