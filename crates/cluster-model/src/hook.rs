//! Admission webhooks, reduced to the question a drain asks: would the API refuse requests while its backend is away?

/// One webhook that fails closed and sees requests a drain (or its replacements) makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// `ValidatingWebhookConfiguration NAME (webhook NAME)`.
    pub label: String,
    /// The Service behind it.
    pub service: String,
    /// What it is asked about, as in `CREATE pods`.
    pub sees: String,
    /// Ready pods behind the Service on the nodes to be drained, as `namespace/name`.
    pub backends_here: Vec<String>,
    pub backends_elsewhere: usize,
}
