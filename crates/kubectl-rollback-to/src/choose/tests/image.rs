use super::*;

#[test]
fn by_image() {
    let history = || {
        let image = |image: &str, policy: &str| {
            json!({"spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": image, "imagePullPolicy": policy}],
            "initContainers": [{"name": "setup", "image": "tool:7"}]}}}})
        };
        History::of(Kind::Deployment)
            .revision(1, "a", 1)
            .kept(image("shop:1.4.1", "IfNotPresent"))
            .revision(2, "b", 100)
            .kept(image("shop:1.4.2", "Always"))
            .revision(3, "c", 200)
            .kept(image("r.example.com/team/shop:1.5", "IfNotPresent"))
            .revision(4, "d", 300)
            .kept(image("shop:1.4.1", "IfNotPresent"))
            .revision(5, "e", 400)
            .kept(image("nginx", "IfNotPresent"))
    };
    for (pattern, expected) in [
        ("shop:1.4.2", 2),
        ("web=shop:1.4.2", 2),
        ("*/shop:1.5", 3),
        ("shop:1.4.1", 4),
        ("docker.io/library/shop:1.4.2", 2),
        ("docker.io/library/nginx:latest", 5),
        ("setup=tool:7", 5),
        ("tool:*", 5),
        // As the history shows it, without registry and path.
        ("shop:1.5", 3),
        ("shop:1.5*", 3),
        ("web=shop:1.5", 3),
    ] {
        assert_eq!(number(&history(), &image(pattern)), expected, "{pattern}");
    }
    assert!(
        evidence(&history(), &image("shop:1.4.1"))
            .starts_with("revisions 1 and 4 have web=shop:1.4.1, 4 was active last; ")
    );
    assert!(
        evidence(&history(), &image("shop:1.4.2"))
            .contains("shop:1.4.2 is pulled again (imagePullPolicy Always)")
    );
    assert!(!evidence(&history(), &image("shop:1.4.1")).contains("pulled again"));
    assert!(evidence(&history(), &image("library/nginx")).contains("as by the container runtime"));
    let several = refused(&history(), &image("shop:1.4.*"));
    assert_eq!(
        several.message,
        "shop:1.4.* matches different images of deployment/web: revisions 1 (web=shop:1.4.1), 2 (web=shop:1.4.2) and 4 (web=shop:1.4.1)"
    );
    assert_eq!(several.hints[0], "kubectl rollback-to deployment/web -n shop --to-revision 4");
    assert!(evidence(&history(), &image("shop:1.5")).starts_with(
        "revision 3 has web=r.example.com/team/shop:1.5 (its registry and path were not given)"
    ));
    // What is as written, or as a runtime reads it, is meant before what only ends so.
    let mirrored = || {
        let image = |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        let set = History::of(Kind::Deployment).revision(1, "a", 1).kept(image("docker.io/library/nginx:1"));
        set.revision(2, "b", 100).kept(image("r.example.com/nginx:1"))
    };
    assert_eq!(number(&mirrored(), &image("nginx:1")), 1);
    // A path that is given is not left out.
    let none = refused(&history(), &image("team/shop:1.5"));
    assert_eq!(none.message, "no revision of deployment/web has an image team/shop:1.5");
    assert_eq!(listed(&history(), &image("team/shop:1.5")).len(), 5);
    assert_eq!(
        none.hints[0],
        "for another registry: kubectl rollback-to deployment/web -n shop --image '*/team/shop:1.5'"
    );
    assert_eq!(
        refused(&history(), &image("api=shop:1.4.1")).message,
        "no revision of deployment/web has a container api; there is setup and web"
    );
    assert!(refused(&history(), &image("setup=shop:1.4.1")).message.contains("has an image shop:1.4.1"));
}

#[test]
fn of_several_matches_those_that_were_healthy_are_suggested() {
    // Five releases: the first two serve, the third is broken, and the fifth is rolled out now.
    let seen = (1..=5).fold(History::of(Kind::Deployment), |history, number| {
        history.revision(number, &number.to_string(), 100 * number)
    });
    let mut seen = seen.seen(NOW);
    use crate::health::Verdict::{Healthy, Likely, Unhealthy, Unknown};
    for (verdicts, expected) in [
        ([Healthy, Healthy, Unhealthy, Unknown, Unhealthy], vec![2, 1, 4]),
        ([Healthy, Likely, Unknown, Unknown, Healthy], vec![1, 2, 4]),
        ([Unhealthy, Unhealthy, Healthy, Unhealthy, Unhealthy], vec![3]),
        ([Unhealthy; 5], vec![4, 3, 2]),
    ] {
        for (health, verdict) in seen.health.iter_mut().zip(verdicts) {
            health.verdict = verdict;
        }
        let refusal = chosen(&seen, &image("web:*")).expect_err("chosen all the same");
        let suggested: Vec<i64> = refusal
            .failure
            .hints
            .iter()
            .filter_map(|hint| hint.split_once(" --to-revision ")?.1.parse().ok())
            .collect();
        assert_eq!(suggested, expected, "{verdicts:?}");
    }
}

#[test]
fn a_digest_is_matched_by_what_pods_run_too() {
    let running = json!({"status": {"containerStatuses": [
        {"name": "web", "image": "", "imageID": "docker-pullable://web@sha256:ab", "ready": true, "restartCount": 0}]}});
    let history = abc(Kind::StatefulSet).pod_with("web-0", running);
    assert_eq!(number(&history, &image("@sha256:ab")), 3);
    assert!(evidence(&history, &image("@sha256:ab")).contains("(by the image ID its pods run now)"));
    assert!(refused(&history, &image("@sha256:cd")).message.contains("has an image @sha256:cd"));
    assert!(refused(&history, &image("api=@sha256:ab")).message.contains("container api"));
}
