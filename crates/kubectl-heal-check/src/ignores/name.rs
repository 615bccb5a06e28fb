//! Names of objects.

use cluster_model::text::shorten;

/// Names are lower case (`apimachinery/pkg/util/validation`, DNS subdomains).
pub fn name(text: &str) -> Result<&str, String> {
    let is_name = !text.is_empty() && text.chars().all(is_of_name);
    if is_name { Ok(text) } else { Err(format!("\"{}\" cannot be a name", shorten(text, 60))) }
}

pub fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.')
}
