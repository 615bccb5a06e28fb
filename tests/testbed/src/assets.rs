//! What the tests need of other projects: the programs of the control plane, and the tools that a release is checked with.

use std::path::PathBuf;

use crate::error::Error;
use crate::go_programs::GoPrograms;

const KUBERNETES_MOD: &str = include_str!("../control-plane/go.mod");
const KUBERNETES_SUM: &str = include_str!("../control-plane/go.sum");
const KUBERNETES_STAMP: fn(&GoPrograms) -> String =
    |it| format!("-s -w -X k8s.io/component-base/version.gitVersion={}", it.version());

const CONTROL_PLANE: GoPrograms = GoPrograms {
    name: "the control plane",
    effort: "Kubernetes, etcd and kwok from source: about ten minutes on two cores",
    go_mod: KUBERNETES_MOD,
    go_sum: KUBERNETES_SUM,
    module: "k8s.io/kubernetes",
    suffix: "",
    packages: &[
        "go.etcd.io/etcd/server/v3",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-scheduler",
        "k8s.io/kubernetes/cmd/kubectl",
        "sigs.k8s.io/kwok/cmd/kwok",
    ],
    programs: &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"],
    // As the bed calls it; its main package is named `server`.
    renamed: &[("server", "etcd")],
    stamp: KUBERNETES_STAMP,
    variable: "TESTBED_ASSETS",
};

/// Apart from the rest: only a real node needs it, and only Linux can build it.
const KUBELET: GoPrograms = GoPrograms {
    name: "the kubelet",
    effort: "the kubelet from source: a minute or two after the control plane",
    go_mod: KUBERNETES_MOD,
    go_sum: KUBERNETES_SUM,
    module: "k8s.io/kubernetes",
    suffix: "-kubelet",
    packages: &["k8s.io/kubernetes/cmd/kubelet"],
    programs: &["kubelet"],
    renamed: &[],
    stamp: KUBERNETES_STAMP,
    variable: "TESTBED_ASSETS",
};

const RELEASE_TOOLS: GoPrograms = GoPrograms {
    name: "krew",
    effort: "krew and actionlint from source: a minute or two",
    go_mod: include_str!("../release-tools/go.mod"),
    go_sum: include_str!("../release-tools/go.sum"),
    module: "sigs.k8s.io/krew",
    suffix: "",
    packages: &["tool"],
    programs: &["krew", "validate-krew-manifest", "actionlint"],
    renamed: &[],
    stamp: |_| "-s -w".to_owned(),
    variable: "TESTBED_RELEASE_TOOLS",
};

/// The directory with the programs of the control plane, and kubectl.
pub fn assets() -> Result<PathBuf, Error> {
    CONTROL_PLANE.dir()
}

/// The directory with the kubelet.
pub fn kubelet() -> Result<PathBuf, Error> {
    KUBELET.dir()
}

/// The directory with `krew`, `validate-krew-manifest` and `actionlint`.
pub fn release_tools() -> Result<PathBuf, Error> {
    RELEASE_TOOLS.dir()
}

/// The version of Kubernetes that go.mod pins.
pub fn kubernetes_version() -> &'static str {
    CONTROL_PLANE.version()
}
