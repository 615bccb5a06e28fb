//! Admission webhooks, reduced to the question a drain asks: would the API refuse requests while its backend is away?

/// One webhook that fails closed and sees requests a drain (or its replacements) makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `ValidatingWebhookConfiguration NAME (webhook NAME)`.
    pub label: String,
    /// The Service behind it.
    pub service: String,
    /// What it is asked about, as in `CREATE pods`.
    pub sees: String,
    /// UIDs of the Ready pods behind the Service, wherever they run.
    pub backends: Vec<String>,
}
