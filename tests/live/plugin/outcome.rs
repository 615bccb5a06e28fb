//! The end of a run: exit code, output and report.

use serde_json::Value;

use super::text;
use crate::schema;

/// What it printed and its exit code.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Outcome {
    #[track_caller]
    pub fn report(&self) -> Value {
        let report = serde_json::from_str(&self.out);
        let report = report.unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{self}"));
        let faults = schema::faults(&report);
        assert!(faults.is_empty(), "against the schema of its kind:\n{}\n{self}", faults.join("\n"));
        report
    }

    /// Ids of all findings.
    #[track_caller]
    pub fn findings(&self) -> Vec<String> {
        self.report()["findings"].as_array().into_iter().flatten().map(|f| text(f, "id").to_owned()).collect()
    }

    #[track_caller]
    pub fn finding(&self, id: &str) -> Value {
        let report = self.report();
        let found = report["findings"].as_array().into_iter().flatten().find(|f| f["id"] == id).cloned();
        found.unwrap_or_else(|| panic!("no finding {id}\n{self}"))
    }

    /// All pods of all nodes of a drain.
    #[track_caller]
    pub fn pods(&self) -> Vec<Value> {
        let report = self.report();
        report["nodes"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|n| n["pods"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    /// How many pods ended like this: `gone`, `kept`, `blocked`, …
    #[track_caller]
    pub fn count(&self, result: &str) -> usize {
        self.pods().iter().filter(|p| p["result"] == result).count()
    }

    /// The verdict and the exit code, which must agree with it.
    #[track_caller]
    pub fn expect(&self, result: &str, code: i32) -> &Self {
        assert_eq!((text(&self.report(), "result"), self.code), (result, code), "\n{self}");
        self
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\nstdout:\n{}\nstderr:\n{}", self.code, self.out, self.err)
    }
}
