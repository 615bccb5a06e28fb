//! Admission webhooks, reduced to what a drain needs: would the API refuse requests while the backend is down?

/// One webhook that fails closed and matches requests that a drain, or a controller that recreates its pods, makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `ValidatingWebhookConfiguration NAME (webhook NAME)`.
    pub label: String,
    /// The Service behind it.
    pub service: String,
    /// The requests that it matches, as in `CREATE pods`.
    pub requests: String,
    /// UIDs of the Ready pods behind the Service, wherever they run.
    pub backends: Vec<String>,
}
