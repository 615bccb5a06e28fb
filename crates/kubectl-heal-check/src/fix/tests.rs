mod manifests;
mod partial;

use cluster_model::limit_range;
use serde_json::{Value, json};

use super::*;
use crate::checks::testing::{
    World, budget, claim, deployment, healthy, not_ready, owner, pod, stateful_set,
};
use crate::finding::Severity;
use crate::options::fail_on;

/// What is offered for the finding of this check; the healthy cluster has none.
fn offered(world: &World, id: &str) -> Result<Fix, String> {
    let snapshot = world.snapshot();
    let (now, _) = checks::run(&snapshot, |_| true);
    let finding = now.iter().find(|it| it.id == id).unwrap_or_else(|| panic!("{id} is not found: {now:?}"));
    let options = fail_on(Severity::Error);
    Workbench::new(world.gathered(), Selection::All, false, &options).fix(finding, &snapshot)
}

/// As `deployment/web {patch}`, and what it lacks.
fn shown(world: &World, id: &str) -> Vec<String> {
    let fix = match offered(world, id) {
        Ok(fix) => fix,
        Err(why) => return vec![format!("none: {why}")],
    };
    let all = Proof { accepted: true, fits: true, resolved: true, no_worse: true };
    assert_eq!(fix.partial.is_none(), fix.proof == all, "{fix:?}");
    let changes = fix.changes().map(|it| match it.creates {
        true => format!("create {} {}", it.target, it.patch["spec"]),
        false => format!("{} {}", it.target, it.patch["spec"]),
    });
    changes.chain(fix.partial.iter().map(|why| format!("partial: {why}"))).collect()
}

fn web(edit: Value) -> World {
    healthy().edit("Deployment/web", edit)
}

fn spec(edit: Value) -> World {
    web(json!({"spec": {"template": {"spec": edit}}}))
}

fn container(edit: Value) -> World {
    let mut main = healthy().objects.iter().find(|it| it["kind"] == "Deployment").unwrap()["spec"]["template"]["spec"]
        ["containers"][0]
        .clone();
    cluster_model::build::merge(&mut main, edit);
    spec(json!({"containers": [main]}))
}

fn autoscaler(least: i64) -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"minReplicas": least, "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
}

fn rule(rule: Value) -> World {
    let all = json!({"status": {"disruptionsAllowed": 3, "desiredHealthy": 0}});
    healthy()
        .without("PodDisruptionBudget/web")
        .with(budget("web", rule))
        .edit("PodDisruptionBudget/web", all)
}

fn blocked() -> World {
    healthy()
        .without("PodDisruptionBudget/web")
        .with(budget("web", json!({"minAvailable": 3})))
        .edit("PodDisruptionBudget/web", json!({"status": {"disruptionsAllowed": 0, "desiredHealthy": 3}}))
}

/// Its pods on these nodes.
fn on(nodes: [&str; 3]) -> World {
    ["a", "b", "c"].iter().zip(nodes).fold(healthy(), |world, (pod, node)| {
        world.edit(&format!("Pod/web-{pod}"), json!({"spec": {"nodeName": node}}))
    })
}

fn without_zones(world: World) -> World {
    world.edit_all("Node", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": null}}}))
}

fn small_nodes(world: World) -> World {
    world
        .edit_all("Node", json!({"status": {"allocatable": {"cpu": "1"}}}))
        .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "600m"}},
            "livenessProbe": {"exec": {"command": ["a"]}}, "readinessProbe": {"exec": {"command": ["b"]}}}]}}}}))
}

const HOST: &str = "kubernetes.io/hostname";
const BUDGET: &str = r#"{"maxUnavailable":1,"minAvailable":null}"#;
#[test]
fn the_smallest_change_that_is_proven_is_offered() {
    let no_budget = healthy().without("PodDisruptionBudget/web");
    let selector = r#"{"matchLabels":{"app":"web"}}"#;
    let new_budget =
        format!(r#"create poddisruptionbudget/web {{"maxUnavailable":1,"selector":{selector}}}"#);
    let spread = |key: &str| {
        format!(
            r#"{{"template":{{"spec":{{"topologySpreadConstraints":[{{"labelSelector":{selector},"matchLabelKeys":["pod-template-hash"],"maxSkew":1,"nodeTaintsPolicy":"Honor","topologyKey":"{key}","whenUnsatisfiable":"DoNotSchedule"}}]}}}}}}"#
        )
    };
    let (host, zone) = (spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone"));
    let two_in_a_zone = on(["n1", "n2", "n2"])
        .edit("Node/n2", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}}));
    let probes = container(json!({"livenessProbe": {"httpGet": {"path": "/ready"}}}));
    let cases: Vec<(&str, &str, World, Vec<String>)> = vec![
        ("no budget", "HC203", no_budget.clone(), vec![new_budget.clone()]),
        ("a budget of that name is there", "HC203", no_budget.clone().with(budget("web", json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "other"}}}))),
            vec![format!(r#"create poddisruptionbudget/web-budget {{"maxUnavailable":1,"selector":{selector}}}"#)]),
        ("blocks", "HC204", blocked(), vec![format!("poddisruptionbudget/web {BUDGET}")]),
        ("without effect", "HC209", rule(json!({"minAvailable": 0})), vec![format!("poddisruptionbudget/web {BUDGET}")]),
        ("without a rule", "HC207", rule(json!({})), vec![format!("poddisruptionbudget/web {BUDGET}")]),
        ("pre-stop", "HC308", container(json!({"lifecycle": {"preStop": {"sleep": {"seconds": 40}}}})),
            vec![r#"deployment/web {"template":{"spec":{"terminationGracePeriodSeconds":70}}}"#.into()]),
        ("same probes", "HC303", probes, vec![r#"deployment/web {"template":{"spec":{"containers":[{"livenessProbe":{"failureThreshold":4},"name":"main"}]}}}"#.into()]),
        ("own policy", "HC110", container(json!({"restartPolicy": "Never"})),
            vec![r#"deployment/web {"template":{"spec":{"containers":[{"name":"main","restartPolicy":null,"restartPolicyRules":null}]}}}"#.into()]),
        ("a late deadline", "HC212", web(json!({"spec": {"progressDeadlineSeconds": 7200}})),
            vec![r#"deployment/web {"progressDeadlineSeconds":600}"#.into()]),
        ("recreated", "HC211", web(json!({"spec": {"strategy": {"type": "Recreate"}}})),
            vec![r#"deployment/web {"strategy":{"rollingUpdate":{"maxUnavailable":0},"type":"RollingUpdate"}}"#.into()]),
        ("all at once", "HC211", web(json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}}})),
            vec![r#"deployment/web {"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0},"type":"RollingUpdate"}}"#.into()]),
        ("no grace period", "HC309", healthy().with_all(stateful_set("db", 2)).edit("StatefulSet/db", json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}})),
            // A pod that may end before it is replaced is not replaced on a lost node.
            vec![r#"statefulset/db {"template":{"spec":{"terminationGracePeriodSeconds":null}}}"#.into(), "partial: it would bring about HC410 of statefulset/db (warning)".into()]),
        ("a volume of one node", "HC406", web(json!({"spec": {"replicas": 1, "template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}})).with(claim("d", "ReadWriteOnce")),
            vec![r#"deployment/web {"strategy":{"rollingUpdate":null,"type":"Recreate"}}"#.into()]),
        ("a spread that counts lost nodes", "HC403", spec(json!({"topologySpreadConstraints": [{"topologyKey": HOST, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]})),
            vec![format!(r#"deployment/web {{"template":{{"spec":{{"topologySpreadConstraints":[{{"nodeTaintsPolicy":"Honor","topologyKey":"{HOST}","whenUnsatisfiable":"DoNotSchedule"}}]}}}}}}"#)]),
        ("an autoscaler", "HC201", healthy().with(autoscaler(1)), vec![r#"horizontalpodautoscaler/web {"minReplicas":2}"#.into()]),
        ("one zone", "HC402", two_in_a_zone, vec![format!("deployment/web {zone}")]),
        ("one node, and several zones", "HC401", on(["n1", "n1", "n1"]), vec![format!("deployment/web {zone}")]),
        ("one node, and no zones", "HC401", without_zones(on(["n1", "n1", "n1"])), vec![format!("deployment/web {host}")]),
    ];
    for (name, id, world, expected) in cases {
        assert_eq!(shown(&world, id), expected, "{name}");
    }
}

/// Two replicas without a spread may be on one node, and without a budget a drain may take both.
#[test]
fn what_a_change_brings_about_is_changed_with_it() {
    let alone = healthy()
        .without("PodDisruptionBudget/web")
        .without("Pod/web-b")
        .without("Pod/web-c")
        .edit("Deployment/web", json!({"spec": {"replicas": 1}}));
    let fix = offered(&alone, "HC201").unwrap();
    assert_eq!(fix.partial, None, "{fix:?}");
    let targets: Vec<String> = fix.changes().map(|it| it.target.to_string()).collect();
    assert_eq!(targets, ["deployment/web", "poddisruptionbudget/web"]);
    let web = &fix.first.patch["spec"];
    assert_eq!(web["replicas"], 2);
    assert_eq!(
        web["template"]["spec"]["topologySpreadConstraints"][0]["topologyKey"],
        "topology.kubernetes.io/zone"
    );
}

/// The pods that exist have the old tolerations; those of the next revision do not.
#[test]
fn the_loss_of_a_node_is_shortened_even_under_a_toleration_of_everything() {
    let forever = json!([{"operator": "Exists"}]);
    let world = ["a", "b", "c"].iter().fold(spec(json!({"tolerations": forever})), |world, pod| {
        world.edit(&format!("Pod/web-{pod}"), json!({"spec": {"tolerations": forever}}))
    });
    let fix = offered(&world, "HC409").unwrap();
    assert_eq!(fix.partial, None, "{fix:?}");
    let tolerations = &fix.first.patch["spec"]["template"]["spec"]["tolerations"];
    let seconds: Vec<&Value> =
        tolerations.as_array().unwrap().iter().map(|it| &it["tolerationSeconds"]).collect();
    assert_eq!(seconds, [&json!(30), &json!(30), &Value::Null], "its own stay");
}

/// What is made for one workload is not made again for the other one.
#[test]
fn workloads_of_one_name_get_budgets_of_two() {
    let twin = healthy().without("PodDisruptionBudget/web").with_all(stateful_set("web", 2));
    let fix = offered(&twin, "HC203").unwrap();
    assert_eq!(fix.first.target.name, "web-deployment");
}

#[test]
fn where_nothing_honest_can_be_offered_nothing_is() {
    let clash = healthy()
        .with(deployment("api", 2))
        .edit("Deployment/api", json!({"spec": {"template": {"metadata": {"labels": {"app": "web"}}}}}));
    let claim = json!({"replicas": 1, "template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}});
    let recreate = json!({"replicas": 1, "strategy": {"type": "Recreate"}});
    let pinned = spec(json!({"nodeSelector": {"kubernetes.io/hostname": "n1"}}));
    let everything = healthy()
        .without("PodDisruptionBudget/web")
        .edit("Deployment/web", json!({"spec": {"selector": {"matchLabels": null}}}));
    let cases: Vec<(&str, World, &str)> = vec![
        ("HC101", healthy().with(pod("tool", "tool", "n1")), "controller"),
        ("HC105", clash, "immutable"),
        ("HC201", web(json!({"spec": recreate})), "run alone"),
        ("HC201", web(json!({"spec": claim})), "run alone"),
        ("HC202", healthy().with(deployment("off", 0)), "anybody needs it"),
        ("HC203", everything, "selector is empty"),
        (
            "HC205",
            healthy()
                .with(budget("x", json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "x"}}}))),
            "meant for",
        ),
        ("HC206", healthy().with(budget("again", json!({"maxUnavailable": 1}))), "which of the budgets"),
        ("HC301", container(json!({"livenessProbe": null})), "cannot be invented"),
        ("HC302", container(json!({"readinessProbe": null})), "cannot be invented"),
        ("HC306", container(json!({"livenessProbe": {"httpGet": {"port": "none"}}})), "which port"),
        ("HC404", pinned, "other nodes"),
        ("HC410", healthy().with_all(stateful_set("db", 2)), "one name"),
    ];
    for (id, world, part) in cases {
        let why = offered(&world, id).err().unwrap_or_else(|| panic!("{id}: something is offered"));
        assert!(why.contains(part), "{id}: {why}");
    }
}

/// A pod as the server would admit it now, and not as one that was admitted earlier.
#[test]
fn new_pods_have_what_admission_adds() {
    let alone = || web(json!({"spec": {"replicas": 1}})).without("Pod/web-b").without("Pod/web-c");
    let partly = |world: World| {
        shown(&world, "HC201").into_iter().filter(|it| it.starts_with("partial")).collect::<Vec<_>>()
    };
    assert_eq!(partly(alone()), [""; 0]);
    let range = limit_range::build("shop", json!({"type": "Container", "defaultRequest": {"cpu": "500"}}));
    let class = json!({"kind": "RuntimeClass", "metadata": {"name": "vm"}, "scheduling": {"nodeSelector": {"no": "such"}}});
    let uses = json!({"spec": {"template": {"spec": {"runtimeClassName": "vm"}}}});
    for world in [alone().with(range), alone().with(class).edit("Deployment/web", uses)] {
        let shown = partly(world);
        assert_eq!(shown, ["partial: no node takes its new pods"]);
    }
}

#[test]
fn a_patch_is_applied_as_the_server_does() {
    let mut object =
        json!({"spec": {"a": 1, "list": [1], "containers": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}]}});
    change::merge(
        &mut object,
        &json!({"spec": {"a": null, "list": [2], "containers": [{"name": "a", "x": null, "z": {"n": null, "m": 1}}, {"name": "c"}]}}),
    );
    assert_eq!(
        object,
        json!({"spec": {"list": [2], "containers": [{"name": "a", "y": 2, "z": {"m": 1}}, {"name": "b"}, {"name": "c"}]}})
    );
}

#[test]
fn a_field_that_the_schema_does_not_know_is_not_accepted() {
    let subject = Subject::new("Deployment", "shop", "web");
    let apply = |spec: Value| Change::patch(&subject, json!({"spec": spec})).apply(&mut healthy().gathered());
    assert_eq!(apply(json!({"replicas": 2})), Ok(()));
    assert!(apply(json!({"replica": 2})).unwrap_err().contains("replica"));
    assert!(apply(json!({"replicas": "two"})).is_err());
    assert!(
        apply(json!({"template": {"spec": {"containers": [{"name": "main", "livenesProbe": {}}]}}})).is_err()
    );
    let other = Change::patch(&Subject::new("Deployment", "shop", "none"), json!({}));
    assert!(other.apply(&mut healthy().gathered()).unwrap_err().contains("was not read"));
}

#[test]
fn commands_are_quoted_for_a_shell() {
    let subject = Subject::new("Deployment", "shop", "web");
    let command = Change::patch(&subject, json!({"spec": {"a": "it's"}})).command();
    assert!(command.starts_with("kubectl patch deployment web --namespace shop -p '{"), "{command}");
    assert!(!command.contains('\n') && command.contains(r"it'\''s"), "{command}");
    let created = Change::create(json!({"kind": "X", "metadata": {"name": "x", "namespace": "n"}}));
    assert!(created.command().ends_with("| kubectl create -f -"));
}

/// Everything that is tried runs all checks again: on the whole of a large cluster that would take time by the square of its findings.
#[test]
fn a_fix_is_tried_on_what_it_may_concern_and_no_more() {
    let mut world = healthy()
        .without("PodDisruptionBudget/web")
        .with(budget("app8-budget", json!({"selector": {"matchLabels": {"app": "app7"}}})));
    for n in 0..50 {
        let name = format!("app{n}");
        let mut own = pod(&format!("{name}-a"), &name, "n1");
        own["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", &name)]);
        world = world.with(deployment(&name, 3)).with(own);
    }
    let snapshot = world.snapshot();
    let (now, _) = checks::run(&snapshot, |_| true);
    let gathered = world.gathered();
    let index = Index::of(&gathered, &snapshot);
    let part = |id: &str, name: &str| {
        let finding = now.iter().find(|it| it.id == id && it.subject.name == name).unwrap();
        let part = index.part(&gathered, &snapshot, finding);
        let mut names: Vec<String> = part.pods.seen().unwrap().iter().map(|pod| pod.name.clone()).collect();
        let objects = part.objects.values().filter_map(Known::seen).flatten().map(Packed::value);
        names.extend(objects.map(|it| {
            format!("{}/{}", it["kind"].as_str().unwrap(), it["metadata"]["name"].as_str().unwrap())
        }));
        names
    };
    let own = [
        "web-a",
        "web-b",
        "web-c",
        "Deployment/web",
        "ReplicaSet/web-1",
        "Service/web",
        "EndpointSlice/web-1",
    ];
    assert_eq!(part("HC203", "web"), own);
    assert_eq!(part("HC203", "app8"), ["app8-a", "Deployment/app8", "PodDisruptionBudget/app8-budget"]);
}
