//! kwok is kept from what no kubelet does: it ends pods by their name, and when it is late the next pod of a StatefulSet has that name.

use serde_json::json;

use crate::cluster::Cluster;
use crate::components::Component;
use crate::error::Error;

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

impl Cluster {
    /// It may delete only what has a deletion timestamp.
    pub(crate) fn tame_kwok(&self) -> Result<(), Error> {
        let kwok = Component::Kwok.user().map_or("", |(user, _)| user);
        let metadata = json!({"name": "testbed-kwok"});
        let expression =
            format!("request.userInfo.username != '{kwok}' || has(oldObject.metadata.deletionTimestamp)");
        let policy = json!({"metadata": metadata, "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["DELETE"]},
            ]},
            "validations": [{"expression": expression, "message": "nobody asked this pod to go"}],
        }});
        let binding = json!({"metadata": metadata, "spec": {"policyName": "testbed-kwok", "validationActions": ["Deny"]}});
        for (path, object) in [("policies", policy), ("policybindings", binding)] {
            self.try_create(&format!("{ADMISSION}/validatingadmission{path}"), &object)
                .map_err(|error| Error::new(error.to_string()))?;
        }
        Ok(())
    }
}
