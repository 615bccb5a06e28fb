//! Small clusters, as objects for the model, and as numbers for the filters of the scheduler, written again after its source
//! (`pkg/scheduler/framework/plugins`, v1.37): nothing here uses the model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::build::{PodBuild, node, pod};
use crate::feasibility::Cluster;
use crate::feasibility::rules::RULES;
use crate::feasibility::testing::cluster;
use crate::toleration::UNSCHEDULABLE;

#[derive(Clone, Debug)]
pub struct Small {
    pub nodes: Vec<Node>,
    pub apps: Vec<App>,
    pub pods: Vec<Pod>,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub is_drained: bool,
    zone: Option<u8>,
    is_tainted: bool,
    cpu: i64,
}

#[derive(Clone, Debug)]
pub struct Pod {
    pub app: usize,
    /// `None`: it waits for one.
    pub node: Option<usize>,
    /// Leaves its node if that is drained.
    is_daemon: bool,
    pub is_recreated: bool,
    pub is_terminating: bool,
}

/// What the pods of one template have in common; the app's index is their label.
#[derive(Clone, Debug)]
pub struct App {
    cpu: i64,
    port: bool,
    zone: Option<u8>,
    tolerates_cordon: bool,
    spread: Vec<Spread>,
    affinity: Vec<Term>,
    anti_affinity: Vec<Term>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Host,
    Zone,
}

#[derive(Clone, Debug)]
struct Spread {
    key: Key,
    max_skew: i64,
    min_domains: Option<i64>,
    /// The label that is selected; `None`: the empty selector.
    app: Option<usize>,
    honors_affinity: bool,
    honors_taints: bool,
}

#[derive(Clone, Debug)]
struct Term {
    key: Key,
    app: Option<usize>,
}

/// A pod on a node: index, node, whether it is terminating.
type Existing = (usize, usize, bool);

impl Small {
    pub fn is_evicted(&self, pod: &Pod) -> bool {
        pod.node.is_some_and(|node| self.nodes[node].is_drained) && !pod.is_daemon
    }

    fn app(&self, pod: usize) -> &App {
        &self.apps[self.pods[pod].app]
    }

    fn value(&self, node: usize, key: Key) -> Option<usize> {
        match key {
            Key::Host => Some(node),
            Key::Zone => self.nodes[node].zone.map(usize::from),
        }
    }

    fn selects(&self, app: Option<usize>, pod: usize) -> bool {
        app.is_none_or(|app| self.pods[pod].app == app)
    }

    /// All filters of the scheduler.
    pub fn accepts(&self, node: usize, pod: usize, existing: &[Existing]) -> bool {
        let app = self.app(pod);
        let here = || existing.iter().filter(|it| it.1 == node).map(|it| self.app(it.0));
        let taken: i64 = here().map(|it| it.cpu).sum();
        self.tolerated(node, app)
            && self.selected(node, app)
            && !(app.port && here().any(|it| it.port))
            && (app.cpu == 0 || taken + app.cpu <= self.nodes[node].cpu)
            && self.spread_allows(node, pod, existing)
            && self.affinity_met(node, pod, existing)
            && self.anti_affinity_met(node, pod, existing)
    }

    fn tolerated(&self, node: usize, app: &App) -> bool {
        let node = &self.nodes[node];
        !node.is_tainted && (!node.is_drained || app.tolerates_cordon)
    }

    fn selected(&self, node: usize, app: &App) -> bool {
        app.zone.is_none() || app.zone == self.nodes[node].zone
    }

    fn spread_allows(&self, node: usize, pod: usize, existing: &[Existing]) -> bool {
        let app = self.app(pod);
        let has_all_keys =
            |node: usize| app.spread.iter().all(|spread| self.value(node, spread.key).is_some());
        app.spread.iter().all(|spread| {
            let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
            for other in (0..self.nodes.len()).filter(|other| has_all_keys(*other)) {
                if spread.honors_affinity && !self.selected(other, app)
                    || spread.honors_taints && !self.tolerated(other, app)
                {
                    continue;
                }
                let count = existing
                    .iter()
                    .filter(|it| {
                        it.1 == other && !it.2 && spread.app.is_some() && self.selects(spread.app, it.0)
                    })
                    .count();
                *counts.entry(self.value(other, spread.key).unwrap()).or_default() +=
                    i64::try_from(count).unwrap();
            }
            let Some(value) = self.value(node, spread.key) else { return false };
            let too_few = i64::try_from(counts.len()).unwrap() < spread.min_domains.unwrap_or(1);
            let minimum = if too_few { 0 } else { *counts.values().min().unwrap() };
            let own = i64::from(self.selects(spread.app, pod));
            counts.get(&value).copied().unwrap_or_default() + own - minimum <= spread.max_skew
        })
    }

    fn affinity_met(&self, node: usize, pod: usize, existing: &[Existing]) -> bool {
        let terms = &self.app(pod).affinity;
        let matches_all = |pod: usize| terms.iter().all(|term| self.selects(term.app, pod));
        let mut pairs = Vec::new();
        for (_, on, _) in existing.iter().filter(|it| matches_all(it.0)) {
            pairs.extend(terms.iter().filter_map(|term| Some((term.key, self.value(*on, term.key)?))));
        }
        if terms.iter().any(|term| self.value(node, term.key).is_none()) {
            return false;
        }
        let is_met = |term: &Term| pairs.contains(&(term.key, self.value(node, term.key).unwrap()));
        terms.iter().all(is_met) || pairs.is_empty() && matches_all(pod)
    }

    fn anti_affinity_met(&self, node: usize, pod: usize, existing: &[Existing]) -> bool {
        existing.iter().all(|(other, on, _)| {
            let meet = |term: &Term| {
                let value = self.value(*on, term.key);
                value.is_some() && value == self.value(node, term.key)
            };
            let own = &self.app(pod).anti_affinity;
            let theirs = &self.app(*other).anti_affinity;
            !own.iter().any(|term| self.selects(term.app, *other) && meet(term))
                && !theirs.iter().any(|term| self.selects(term.app, pod) && meet(term))
        })
    }

    /// The pods in the order of their indexes.
    pub fn cluster(&self) -> Cluster {
        let nodes = self.nodes.iter().enumerate().map(|(index, it)| {
            let mut labels = json!({"host": format!("n{index}")});
            if let Some(zone) = it.zone {
                labels["zone"] = format!("z{zone}").into();
            }
            let taint = json!({"key": "dedicated", "effect": "NoSchedule"});
            let taints = if it.is_tainted { vec![taint] } else { Vec::new() };
            node(
                &format!("n{index}"),
                json!({"metadata": {"labels": labels}, "spec": {"taints": taints},
                    "status": {"allocatable": {"cpu": it.cpu.to_string(), "pods": "99"}}}),
            )
        });
        let pods = self.pods.iter().enumerate().map(|(index, it)| {
            let on = it.node.map(|node| format!("n{node}")).unwrap_or_default();
            let new = pod(&format!("a/p{index}"), &on)
                .label("app", &it.app.to_string())
                .edit(json!({"spec": self.apps[it.app].spec()}));
            if it.is_terminating { new.deleted("2026-01-01T00:00:00Z") } else { new }
        });
        cluster(nodes.collect(), pods.collect())
    }
}

fn selector(app: Option<usize>) -> Value {
    app.map_or(json!({}), |app| json!({"matchLabels": {"app": app.to_string()}}))
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Key::Host => "host",
            Key::Zone => "zone",
        }
    }
}

impl App {
    fn spec(&self) -> Value {
        let policy = |honors: bool| if honors { "Honor" } else { "Ignore" };
        let spread = self.spread.iter().map(|it| {
            json!({"topologyKey": it.key.name(), "maxSkew": it.max_skew, "minDomains": it.min_domains,
                "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector(it.app),
                "nodeAffinityPolicy": policy(it.honors_affinity), "nodeTaintsPolicy": policy(it.honors_taints)})
        });
        let terms = |terms: &[Term]| {
            let terms = terms
                .iter()
                .map(|it| json!({"topologyKey": it.key.name(), "labelSelector": selector(it.app)}));
            json!({"requiredDuringSchedulingIgnoredDuringExecution": terms.collect::<Vec<_>>()})
        };
        let ports = if self.port { vec![json!({"containerPort": 80, "hostPort": 80})] } else { Vec::new() };
        let tolerations = if self.tolerates_cordon {
            vec![json!({"key": UNSCHEDULABLE, "operator": "Exists"})]
        } else {
            Vec::new()
        };
        json!({
            "containers": [{"name": "main", "ports": ports,
                "resources": {"requests": {"cpu": self.cpu.to_string()}}}],
            "nodeSelector": self.zone.map(|zone| json!({"zone": format!("z{zone}")})),
            "tolerations": tolerations,
            "topologySpreadConstraints": spread.collect::<Vec<_>>(),
            "affinity": {"podAffinity": terms(&self.affinity), "podAntiAffinity": terms(&self.anti_affinity)},
        })
    }
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![Just(Key::Host), Just(Key::Zone)]
}

/// Mostly one of the two apps.
fn selected() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![5 => (0..2_usize).prop_map(Some), 1 => Just(None)]
}

fn spread() -> impl Strategy<Value = Spread> {
    let min_domains = prop_oneof![3 => Just(None), 1 => (1..4_i64).prop_map(Some)];
    (key(), 1..3_i64, min_domains, selected(), prop::bool::weighted(0.8), prop::bool::weighted(0.4)).prop_map(
        |(key, max_skew, min_domains, app, honors_affinity, honors_taints)| Spread {
            key,
            max_skew,
            min_domains,
            app,
            honors_affinity,
            honors_taints,
        },
    )
}

fn terms() -> impl Strategy<Value = Vec<Term>> {
    let term = || (key(), selected()).prop_map(|(key, app)| Term { key, app });
    prop_oneof![6 => Just(Vec::new()), 3 => prop::collection::vec(term(), 1), 1 => prop::collection::vec(term(), 2)]
}

fn app() -> impl Strategy<Value = App> {
    let has_rule = RULES.iter().any(|rule| rule.plugin == "NodePorts" && rule.conflicts.is_some());
    let spread = prop_oneof![
        5 => Just(Vec::new()),
        4 => prop::collection::vec(spread(), 1),
        1 => prop::collection::vec(spread(), 2),
    ];
    let zone = prop_oneof![5 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    (0..3_i64, prop::bool::weighted(0.2), zone, prop::bool::weighted(0.1), spread, terms(), terms()).prop_map(
        move |(cpu, port, zone, tolerates_cordon, spread, affinity, anti_affinity)| App {
            cpu,
            port: port && has_rule,
            zone,
            tolerates_cordon,
            spread,
            affinity,
            anti_affinity,
        },
    )
}

fn pods(nodes: usize) -> impl Strategy<Value = Vec<Pod>> {
    let leaving = (0..2_usize, prop_oneof![5 => (0..2_usize).prop_map(Some), 1 => Just(None)]).prop_map(
        |(app, node)| Pod { app, node, is_daemon: false, is_recreated: true, is_terminating: false },
    );
    let staying = (0..2_usize, 0..nodes, prop::bool::weighted(0.7), prop::bool::weighted(0.2)).prop_map(
        |(app, node, is_daemon, is_terminating)| Pod {
            app,
            node: Some(node),
            is_daemon,
            is_recreated: false,
            is_terminating,
        },
    );
    let all = (prop::collection::vec(leaving, 1..4), prop::collection::vec(staying, 0..4));
    all.prop_map(|(leaving, staying)| [leaving, staying].concat())
}

pub fn small() -> impl Strategy<Value = Small> {
    let zone = prop_oneof![6 => (0..2_u8).prop_map(Some), 1 => Just(None)];
    let node = (zone, prop::bool::weighted(0.1), 1..5_i64).prop_map(|(zone, is_tainted, cpu)| Node {
        is_drained: false,
        zone,
        is_tainted,
        cpu,
    });
    (prop::collection::vec(node, 2..5), prop::bool::weighted(0.3)).prop_flat_map(|(mut nodes, second)| {
        nodes[0].is_drained = true;
        nodes[1].is_drained = second;
        let pods = pods(nodes.len());
        (Just(nodes), prop::collection::vec(app(), 2), pods).prop_map(|(nodes, apps, pods)| Small {
            nodes,
            apps,
            pods,
        })
    })
}
