//! What `-o` takes: what all plugins can print, and formats for CI, code scanning and monitoring.

mod applies;
mod junit;
mod openmetrics;
mod proof;
mod sarif;
#[cfg(test)]
pub mod testing;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use plugin_client::{Failure, Line, Output, Ui, to_json};

use crate::report::HealReport;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Common(Output),
    Junit,
    Sarif,
    OpenMetrics,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Format::Common(Output::Text),
            Format::Common(Output::Wide),
            Format::Common(Output::Json),
            Format::Common(Output::Yaml),
            Format::Junit,
            Format::Sarif,
            Format::OpenMetrics,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Format::Common(output) => output.to_possible_value(),
            Format::Junit => Some(PossibleValue::new("junit")),
            Format::Sarif => Some(PossibleValue::new("sarif")),
            Format::OpenMetrics => Some(PossibleValue::new("openmetrics")),
        }
    }
}

impl Format {
    pub fn is_wide(self) -> bool {
        self == Format::Common(Output::Wide)
    }
}

/// The result of a run on stdout.
pub fn publish(ui: &Ui, format: Format, report: &HealReport, text: impl FnOnce() -> Vec<Line>) {
    match format {
        Format::Common(output) => plugin_client::publish(ui, output, report, text),
        Format::Junit => ui.document(&junit::document(report)),
        Format::Sarif => ui.document(&to_json(&sarif::document(report))),
        Format::OpenMetrics => ui.document(&openmetrics::document(report)),
    }
}

/// A run that ended early must not look like one that found nothing. Metrics are absent then.
pub fn publish_failure(ui: &Ui, format: Format, failure: &Failure) {
    match format {
        // `plugin_client::start` does it.
        Format::Common(_) | Format::OpenMetrics => {}
        Format::Junit => ui.document(&junit::failed(&failure.to_string())),
        Format::Sarif => ui.document(&to_json(&sarif::failed(&failure.to_string(), failure.exit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_ended_early_leaves_a_document() {
        for (format, part) in
            [(Format::Junit, "<failure message=\"no &lt;answer&gt;"), (Format::Sarif, "\"exitCode\": 124")]
        {
            let ui = Ui::captured();
            publish_failure(&ui, format, &Failure::new(plugin_client::Exit::Timeout, "no <answer>"));
            assert!(ui.out().contains(part), "{}", ui.out());
        }
        let ui = Ui::captured();
        publish_failure(&ui, Format::OpenMetrics, &Failure::failed("no answer"));
        assert_eq!(ui.out(), "");
    }

    #[test]
    fn every_format_of_the_other_plugins_is_one_of_this() {
        for output in Output::value_variants() {
            assert!(Format::value_variants().contains(&Format::Common(*output)), "{output:?}");
            let name = output.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(Format::from_str(&name, false), Ok(Format::Common(*output)));
        }
        for name in ["junit", "sarif", "openmetrics"] {
            assert!(
                Output::from_str(name, false).is_err() && Format::from_str(name, false).is_ok(),
                "{name}"
            );
        }
    }
}
