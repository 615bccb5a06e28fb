//! `test/e2e/apps/deployment.go`, "iterative rollouts should eventually progress": random steps, held against a model of what there
//! should be. The seed is fixed, so that a failure comes again.

use std::collections::BTreeMap;

use ::testbed::{Room, shared};
use serde_json::json;

use super::{app, images, pods};
use crate::plugin::rollback;

const SEED: u64 = 20_261_124;
const STEPS: usize = 20;

/// Xorshift (Marsaglia, 2003).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap_or_default()
    }
}

/// A Deployment, as far as its revisions go.
struct Model {
    /// The version in the template; from 100 on it cannot be pulled.
    live: usize,
    replicas: usize,
    paused: bool,
    /// The number that each version has now.
    numbers: BTreeMap<usize, i64>,
    /// The version that each number was ever given to.
    versions: BTreeMap<i64, usize>,
}

impl Model {
    fn is_bad(version: usize) -> bool {
        version >= 100
    }

    /// Its controller takes the template up: a new number, unless it is the newest already.
    fn taken_up(&mut self) {
        let newest = self.numbers.values().copied().max().unwrap_or_default();
        if self.numbers.get(&self.live) != Some(&newest) || newest == 0 {
            self.numbers.insert(self.live, newest + 1);
            self.versions.insert(newest + 1, self.live);
        }
    }

    /// (number, image) of each revision, in the order of their numbers.
    fn revisions(&self) -> Vec<(i64, String)> {
        let mut all: Vec<(i64, String)> = self.numbers.iter().map(|(v, n)| (*n, app(*v))).collect();
        all.sort_unstable();
        all
    }
}

struct Walk<'r> {
    room: &'r Room<'r>,
    model: Model,
    dice: Dice,
    path: String,
}

impl Walk<'_> {
    fn step(&mut self) -> String {
        match self.dice.below(10) {
            0..=2 => self.update(),
            3..=6 => self.roll_back(),
            7 => self.scale(),
            8 => self.pause_or_resume(),
            _ => self.kill(),
        }
    }

    fn update(&mut self) -> String {
        let good = self.dice.below(3) > 0;
        let version = 1 + self.dice.below(4) + if good { 0 } else { 100 };
        self.room.update("Deployment", "web", &app(version), (!good).then_some("image-pull-error"));
        self.model.live = version;
        self.took_up();
        format!("update to {version}")
    }

    /// To any number that ever stood for a good version.
    fn roll_back(&mut self) -> String {
        let good: Vec<(i64, usize)> =
            self.model.versions.iter().map(|(n, v)| (*n, *v)).filter(|(_, v)| !Model::is_bad(*v)).collect();
        let (number, version) = good[self.dice.below(good.len())];
        let word = format!("rollback to {number}, which is {version}");
        let outcome = rollback(self.room, &["deployment/web", &number.to_string()]).run();
        if self.model.live == version {
            // While it is paused too: there is nothing to refuse.
            outcome.expect("unchanged", 0);
            return format!("{word}, where it is");
        }
        if self.model.paused {
            outcome.expect("refused", 3);
            return format!("{word}, refused");
        }
        outcome.expect("done", 0);
        self.model.live = version;
        self.took_up();
        self.room.rolled_out("Deployment", "web");
        assert_eq!(images(self.room, "web"), vec![app(version); self.model.replicas], "{word}");
        word
    }

    fn scale(&mut self) -> String {
        self.model.replicas = 1 + self.dice.below(4);
        self.room.cluster().merge(&self.path, &json!({"spec": {"replicas": self.model.replicas}}));
        format!("scale to {}", self.model.replicas)
    }

    fn pause_or_resume(&mut self) -> String {
        self.model.paused = !self.model.paused;
        self.room.cluster().merge(&self.path, &json!({"spec": {"paused": self.model.paused}}));
        self.took_up();
        if self.model.paused { "pause".to_owned() } else { "resume".to_owned() }
    }

    fn kill(&mut self) -> String {
        let pods = pods(self.room, "web");
        if pods.is_empty() {
            return "kill nobody".to_owned();
        }
        let name =
            pods[self.dice.below(pods.len())]["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        // It may be on its way out already.
        let _ = self.room.cluster().try_delete(&self.room.path_of("Pod", &name));
        format!("kill {name}")
    }

    /// What is written while it is paused is taken up when it is resumed.
    fn took_up(&mut self) {
        if !self.model.paused {
            self.model.taken_up();
            self.room.observed("Deployment", "web");
            assert_eq!(self.room.images("Deployment", "web"), self.model.revisions());
        }
    }
}

#[test]
fn random_steps_converge_to_what_a_model_expects() {
    let room = shared().room(1);
    room.deployment("web", 2);
    room.rolled_out("Deployment", "web");
    let mut model =
        Model { live: 1, replicas: 2, paused: false, numbers: BTreeMap::new(), versions: BTreeMap::new() };
    model.taken_up();
    let path = room.path_of("Deployment", "web");
    let mut walk = Walk { room: &room, model, dice: Dice(SEED), path };
    for number in 1..=STEPS {
        // Cargo shows it when the test fails.
        println!("step {number}: {}", walk.step());
    }
    if walk.model.paused {
        walk.pause_or_resume();
    }
    // Whatever it is at now: the first version, by the number it had at the start.
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1"]).run();
    outcome.expect(if walk.model.live == 1 { "unchanged" } else { "done" }, 0);
    walk.model.live = 1;
    walk.took_up();
    room.rolled_out("Deployment", "web");
    room.ready("web", walk.model.replicas);
    assert_eq!(images(&room, "web"), vec![app(1); walk.model.replicas]);
    let seen = room.workload("Deployment", "web")["spec"]["replicas"].take();
    assert_eq!(seen, walk.model.replicas);
}
