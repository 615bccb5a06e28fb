//! The namespaces of Kubernetes itself, which are not for their users to change.

/// Namespaces of Kubernetes itself. Others that begin with `kube-` belong to their users.
pub fn is_system(namespace: &str) -> bool {
    ["kube-system", "kube-public", "kube-node-lease"].contains(&namespace)
}
