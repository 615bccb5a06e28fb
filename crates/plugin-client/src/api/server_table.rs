//! A list as the server prints it for kubectl: text in columns, at a fraction of the size of the objects
//! (apimachinery/pkg/apis/meta/v1/types.go, `Table`).

use std::collections::HashMap;

use http::Request;
use http::header::ACCEPT;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::list::PAGE;
use crate::{Cluster, Failure};

const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    #[serde(default)]
    metadata: Metadata,
    column_definitions: Vec<Column>,
    #[serde(default)]
    rows: Option<Vec<Cells>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
struct Cells {
    cells: Vec<Value>,
}

/// One object: what is in each column.
pub struct Row(HashMap<String, String>);

impl Row {
    /// A row of these columns, for tests.
    pub fn of(cells: &[(&str, &str)]) -> Self {
        Row(cells.iter().map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect())
    }

    pub fn name(&self) -> &str {
        self.cell("Name")
    }

    pub fn cell(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// Those that are not empty, separated by commas.
    pub fn cells(&self, columns: &[&str]) -> String {
        let cells: Vec<&str> =
            columns.iter().map(|column| self.cell(column)).filter(|cell| !cell.is_empty()).collect();
        cells.join(", ")
    }
}

/// All objects of the list at `path`, page by page.
///
/// # Errors
///
/// The first page that the server does not give.
pub async fn rows(cluster: &Cluster, path: &str) -> Result<Vec<Row>, Failure> {
    let failed = |error: &kube::Error| Failure::from_kube(&format!("list {path}"), error);
    let (mut rows, mut next) = (Vec::new(), String::new());
    loop {
        let uri = format!("{path}?limit={PAGE}&includeObject=None{next}");
        let request = Request::get(uri).header(ACCEPT, AS_TABLE).body(Vec::new());
        let request = request
            .map_err(|error| Failure::failed(format!("cannot list {path}")).cause(error.to_string()))?;
        let table: Table = cluster.client.request(request).await.map_err(|error| failed(&error))?;
        let columns: Vec<String> = table.column_definitions.into_iter().map(|column| column.name).collect();
        for Cells { cells } in table.rows.into_iter().flatten() {
            let text = |cell: Value| match cell {
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            };
            rows.push(Row(columns.iter().cloned().zip(cells.into_iter().map(text)).collect()));
        }
        match table.metadata.next.filter(|token| !token.is_empty()) {
            Some(token) => next = format!("&continue={}", utf8_percent_encode(&token, NON_ALPHANUMERIC)),
            None => return Ok(rows),
        }
    }
}
