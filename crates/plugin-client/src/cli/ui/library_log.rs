//! What the client library logs, at `-v=9`. Writes to the terminal.

use std::io::{self, Write};

use super::line::Line;
use super::terminal::Ui;

impl Ui {
    /// What the client library logs, whole answers included when they cannot be read: at `-v=9` only. Never headers of requests.
    pub(crate) fn log_library(&self) {
        use tracing_subscriber::prelude::*;
        let targets = tracing_subscriber::filter::Targets::new()
            .with_target("kube_client", tracing::Level::DEBUG)
            .with_target("kube_runtime", tracing::Level::DEBUG);
        let ui = self.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .without_time()
            .with_writer(move || LogWriter(ui.clone()));
        // Already set by an earlier connection: fine.
        let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
    }
}

/// The library's log, sanitized line by line.
struct LogWriter(Ui);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            self.0.log(&Line::from(line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
