//! Pods in the order in which they were listed, found by node, namespace, controller and UID without a search.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use k8s_openapi::api::core::v1::Pod;

use crate::owner::OwnerKey;
use crate::pod::PodExt;

/// Each pod is added once. Read as a slice; what is in it does not change, so that the indices hold.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    all: Vec<Pod>,
    uids: BTreeSet<String>,
    by_node: BTreeMap<String, Vec<usize>>,
    by_namespace: BTreeMap<String, Vec<usize>>,
    by_controller: BTreeMap<OwnerKey, Vec<usize>>,
}

impl Pods {
    pub fn contains(&self, uid: &str) -> bool {
        self.uids.contains(uid)
    }

    pub fn on_node(&self, name: &str) -> impl Iterator<Item = &Pod> {
        self.at(self.by_node.get(name))
    }

    pub fn in_namespace(&self, name: &str) -> impl Iterator<Item = &Pod> {
        self.at(self.by_namespace.get(name))
    }

    /// Every controller of these pods, with those of them that it made.
    pub fn by_controller(&self) -> impl Iterator<Item = (&OwnerKey, impl Iterator<Item = &Pod>)> {
        self.by_controller.iter().map(|(key, pods)| (key, self.at(Some(pods))))
    }

    fn at<'a>(&'a self, indices: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Pod> {
        indices.into_iter().flatten().map(|&index| &self.all[index])
    }
}

/// Adds a page of a list.
impl Extend<Pod> for Pods {
    fn extend<I: IntoIterator<Item = Pod>>(&mut self, page: I) {
        for pod in page {
            let index = self.all.len();
            self.uids.insert(pod.uid().to_owned());
            self.by_node.entry(pod.node().to_owned()).or_default().push(index);
            self.by_namespace.entry(pod.namespace().to_owned()).or_default().push(index);
            if let Some(controller) = OwnerKey::controller_of(&pod.metadata) {
                self.by_controller.entry(controller).or_default().push(index);
            }
            self.all.push(pod);
        }
    }
}

impl From<Vec<Pod>> for Pods {
    fn from(all: Vec<Pod>) -> Self {
        let mut pods = Pods::default();
        pods.extend(all);
        pods
    }
}

impl Deref for Pods {
    type Target = [Pod];

    fn deref(&self) -> &[Pod] {
        &self.all
    }
}

impl<'a> IntoIterator for &'a Pods {
    type Item = &'a Pod;
    type IntoIter = std::slice::Iter<'a, Pod>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl IntoIterator for Pods {
    type Item = Pod;
    type IntoIter = std::vec::IntoIter<Pod>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, pod};
    use proptest::prelude::*;

    fn any_pods() -> impl Strategy<Value = Vec<Pod>> {
        let one = (0..3u8, 0..3u8, 0..3u8);
        prop::collection::vec(one, 0..12).prop_map(|all| {
            let pods = all.into_iter().enumerate().map(|(n, (namespace, node, owner))| {
                let pod = pod(&format!("ns{namespace}/p{n}"), ["", "n1", "n2"][usize::from(node)]);
                match owner {
                    0 => pod.unmanaged(),
                    owner => pod.owned_by("apps/v1", "ReplicaSet", &format!("rs{owner}")),
                }
            });
            pods.collect()
        })
    }

    fn names<'a>(pods: impl Iterator<Item = &'a Pod>) -> Vec<&'a str> {
        pods.map(PodExt::name).collect()
    }

    proptest! {
        #[test]
        fn what_an_index_finds_is_what_a_search_finds(all in any_pods(), page in 1..5usize) {
            let mut pods = Pods::default();
            for page in all.chunks(page) {
                pods.extend(page.to_vec());
            }
            prop_assert_eq!(names(pods.iter()), names(all.iter()));
            for node in ["", "n1", "n2", "n3"] {
                prop_assert_eq!(names(pods.on_node(node)), names(all.iter().filter(|p| p.node() == node)));
            }
            for name in ["ns0", "ns1", "ns2", "ns3"] {
                prop_assert_eq!(names(pods.in_namespace(name)), names(all.iter().filter(|p| p.namespace() == name)));
            }
            let mut controlled = 0;
            for (key, of) in pods.by_controller() {
                let owned = |p: &&Pod| p.is_controlled_by(&key.uid) && p.namespace() == key.namespace;
                let of: Vec<&Pod> = of.collect();
                controlled += of.len();
                prop_assert_eq!(names(of.into_iter()), names(all.iter().filter(owned)));
            }
            prop_assert_eq!(controlled, all.iter().filter(|p| p.controller().is_some()).count());
            prop_assert!(all.iter().all(|p| pods.contains(p.uid())) && !pods.contains("another"));
        }
    }
}
