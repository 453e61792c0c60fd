//! The laws of the planner on random homelabs, against an oracle that is written in another way.
//!
//! Every case comes from one number, which a failure prints: `WAKEHUB_SEED=… cargo test -p wakehub-tests --test planner`
//! runs that case alone. `WAKEHUB_CASES` sets how many homelabs are tried (3,000 by default).

#![expect(clippy::unwrap_used, reason = "test code")]
#![expect(clippy::print_stderr, reason = "the seed of a failed case")]

mod homelab;
mod oracle;

use std::collections::BTreeSet;

use homelab::{Dice, Homelab};
use oracle::{Answer, Oracle};
use wakehub_domain::{
    Action, FollowUpMode, Intent, NodeId, Observations, Plan, PowerState, StopScope, plan,
};

const CASES: u64 = 3_000;

/// Runs `check` on many homelabs, naming the seed of one that fails.
fn for_random_homelabs(check: impl Fn(&Homelab, &mut Dice) + std::panic::RefUnwindSafe) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("WAKEHUB_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("WAKEHUB_CASES").unwrap_or(CASES),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| {
            let mut dice = Dice::new(seed);
            let homelab = Homelab::random(&mut dice);
            check(&homelab, &mut dice);
        });
        if let Err(failure) = outcome {
            let homelab = Homelab::random(&mut Dice::new(seed));
            eprintln!("failed with WAKEHUB_SEED={seed}:\n{}", render(&homelab));
            std::panic::resume_unwind(failure);
        }
    }
}

/// Percent of the ways to ask; those laws that run whole plans are slow.
const ALL: usize = 100;
const SOME: usize = 30;

/// The ways to ask for every node, or a part of them.
fn intents(homelab: &Homelab, dice: &mut Dice, percent: usize) -> Vec<Intent> {
    let mut intents = Vec::new();
    for node in &homelab.nodes {
        if dice.percent(percent) {
            intents.push(Intent::start(node.id));
        }
        for scope in [StopScope::RefuseIfNeeded, StopScope::WithDependants] {
            for automatic in [false, true] {
                if !dice.percent(percent) {
                    continue;
                }
                let resumed = dice.percent(50);
                let stopped_before = homelab
                    .nodes
                    .iter()
                    .map(|node| node.id)
                    // one of them has been removed since
                    .chain([NodeId(2)])
                    .filter(|_| resumed && dice.percent(40))
                    .collect();
                intents.push(Intent::Stop {
                    node: node.id,
                    scope,
                    automatic,
                    stopped_before,
                });
            }
        }
    }
    intents
}

#[test]
fn the_planner_answers_as_the_oracle_does() {
    for_random_homelabs(|homelab, dice| {
        let oracle = Oracle::new(homelab, &homelab.observations);
        for intent in intents(homelab, dice, ALL) {
            let answer = plan(&homelab.graph, &homelab.observations, &intent);
            let answer = match answer {
                Ok(plan) => {
                    check_shape(homelab, &intent, &plan);
                    in_positions(homelab, &plan)
                }
                Err(refusal) => {
                    names_them(homelab, &refusal.message, refusal.kind.by());
                    assert!(refusal.message.contains(&*homelab.graph.name(refusal.node)));
                    Answer::Refused {
                        node: homelab.at(refusal.node),
                        kind: refusal.kind.as_str(),
                        by: refusal.kind.by().iter().map(|id| homelab.at(*id)).collect(),
                    }
                }
            };
            assert_eq!(answer, oracle.answer(&intent), "{intent:?}");
        }
    });
}

#[test]
fn the_same_input_gives_the_same_plan() {
    for_random_homelabs(|homelab, dice| {
        // another order of nodes, other hash maps
        let reversed = homelab.nodes.iter().rev().cloned().collect();
        let again = wakehub_domain::Graph::new(reversed).unwrap();
        for intent in intents(homelab, dice, SOME) {
            assert_eq!(
                plan(&homelab.graph, &homelab.observations, &intent),
                plan(&again, &homelab.observations.clone(), &intent)
            );
        }
    });
}

#[test]
fn nothing_is_on_without_what_it_needs_and_planning_again_changes_nothing() {
    for_random_homelabs(|homelab, dice| {
        for intent in intents(homelab, dice, SOME) {
            let Some(first) = runnable(homelab, &intent) else {
                continue;
            };
            let mut observations = homelab.observations.clone();
            for step in &first.steps {
                run(homelab, &mut observations, step.node, step.action);
            }
            let again = plan(&homelab.graph, &observations, &intent).unwrap();
            assert!(again.steps.is_empty(), "{intent:?}: {again:?}");
        }
    });
}

/// The plan, if it can run at all: the executor refuses one with nodes that another cascade works on.
fn runnable(homelab: &Homelab, intent: &Intent) -> Option<Plan> {
    let observations = &homelab.observations;
    let plan = plan(&homelab.graph, observations, intent).ok()?;
    let mut steps = plan.steps.iter();
    let free = steps.all(|step| !observations.in_cascade.contains(&step.node));
    free.then_some(plan)
}

/// One step on the believed states, with the law that it must keep.
fn run(homelab: &Homelab, observations: &mut Observations, node: NodeId, action: Action) {
    let at = homelab.at(node);
    let before = Oracle::new(homelab, observations);
    for other in 0..homelab.nodes.len() {
        let name = &homelab.nodes[other].name;
        match action {
            Action::Start if before.needs[at][other] => {
                assert!(before.on[other], "{name} is not on yet, but {at} starts");
            }
            Action::Stop if before.needs[other][at] => {
                assert!(!before.active[other], "{name} is cut off from {at}");
            }
            Action::Start | Action::Stop => {}
        }
    }
    // what is locked cannot be stopped, so it is not any more
    observations.locked.remove(&node);
    match action {
        Action::Start => observations.give(node, PowerState::On),
        Action::Stop => {
            // only what a person asks for stops a node that is held, and that ends the hold
            observations.held.remove(&node);
            observations.give(node, PowerState::Off);
        }
    }
}

#[test]
fn an_interrupted_stop_resumes_with_what_is_left() {
    for_random_homelabs(|homelab, dice| {
        for intent in intents(homelab, dice, SOME) {
            let Intent::Stop {
                node,
                scope,
                automatic,
                stopped_before,
            } = &intent
            else {
                continue;
            };
            let Some(whole) = runnable(homelab, &intent) else {
                continue;
            };
            let mut observations = homelab.observations.clone();
            let mut stopped_before = stopped_before.clone();
            for done in 0..=whole.steps.len() {
                if done > 0 {
                    let step = &whole.steps[done - 1];
                    run(homelab, &mut observations, step.node, step.action);
                    stopped_before.insert(step.node);
                }
                let resumed = Intent::Stop {
                    node: *node,
                    scope: *scope,
                    automatic: *automatic,
                    stopped_before: stopped_before.clone(),
                };
                let rest = plan(&homelab.graph, &observations, &resumed).unwrap();
                assert_eq!(
                    nodes_of(&rest),
                    whole.steps[done..].iter().map(|step| step.node).collect(),
                    "after {done} steps of {intent:?}"
                );
                assert_eq!(
                    asked(&rest),
                    asked(&whole),
                    "after {done} steps of {intent:?}"
                );
            }
        }
    });
}

#[test]
fn what_is_proposed_can_be_done_without_another_question() {
    for_random_homelabs(|homelab, dice| {
        for intent in intents(homelab, dice, SOME) {
            let Some(first) = runnable(homelab, &intent) else {
                continue;
            };
            let mut observations = homelab.observations.clone();
            for step in &first.steps {
                run(homelab, &mut observations, step.node, step.action);
            }
            for node in asked(&first) {
                let answer = plan(
                    &homelab.graph,
                    &observations,
                    &Intent::stop_automatically(node),
                );
                let steps = answer.map(|plan| nodes_of(&plan));
                assert!(
                    steps.as_ref().is_ok_and(|steps| steps.contains(&node)),
                    "{intent:?} proposes {node}, then: {steps:?}"
                );
            }
        }
    });
}

fn nodes_of(plan: &Plan) -> BTreeSet<NodeId> {
    plan.steps.iter().map(|step| step.node).collect()
}

fn asked(plan: &Plan) -> BTreeSet<NodeId> {
    let asked = plan
        .follow_ups
        .iter()
        .filter(|f| f.mode == FollowUpMode::Confirm);
    asked.map(|f| f.node).collect()
}

/// What holds for every plan, whatever is in it.
fn check_shape(homelab: &Homelab, intent: &Intent, plan: &Plan) {
    assert_eq!(&plan.intent, intent);
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        assert_eq!(step.action, intent.action());
        assert!(!step.reason.is_empty());
        assert!(seen.insert(step.node), "{} stands twice", step.node);
        let node = homelab.graph.get(step.node).unwrap();
        let by_host = node.host.and_then(|host| homelab.graph.get(host));
        assert!(by_host.unwrap_or(node).offers(step.channel));
    }
    for node in plan
        .skipped
        .iter()
        .map(|skipped| skipped.node)
        .chain(plan.protected.iter().map(|protected| protected.node))
        .chain(asked(plan))
    {
        assert!(seen.insert(node), "{node} stands twice");
    }
    for protected in &plan.protected {
        names_them(homelab, &protected.reason, &protected.by);
    }
}

fn in_positions(homelab: &Homelab, plan: &Plan) -> Answer {
    let at = |id: &NodeId| homelab.at(*id);
    Answer::Planned {
        steps: plan.steps.iter().map(|step| at(&step.node)).collect(),
        skipped: homelab.positions(plan.skipped.iter().map(|skipped| skipped.node)),
        protected: plan
            .protected
            .iter()
            .map(|p| (at(&p.node), p.by.iter().map(at).collect()))
            .collect(),
        follow_ups: plan
            .follow_ups
            .iter()
            .map(|f| (at(&f.node), f.mode))
            .collect(),
    }
}

fn render(homelab: &Homelab) -> String {
    let name = |id: &NodeId| homelab.graph.name(*id).into_owned();
    let lines = homelab.nodes.iter().map(|node| {
        let state = homelab.observations.state(&homelab.graph, node.id);
        let mut line = format!("{} {} {state:?}", node.id, node.name);
        if let Some(host) = &node.host {
            line += &format!(" on {}", name(host));
        }
        if !node.depends_on.is_empty() {
            let needs: Vec<String> = node.depends_on.iter().map(name).collect();
            line += &format!(" needs {}", needs.join(", "));
        }
        let marks = [
            (node.confirm_before_auto_stop(), "asks"),
            (node.settings.always_on, "always on"),
            (node.settings.stop_when_empty, "stops when empty"),
            (homelab.observations.held.contains_key(&node.id), "held"),
            (homelab.observations.locked.contains_key(&node.id), "locked"),
            (
                homelab.observations.guarded.contains_key(&node.id),
                "guarded",
            ),
            (
                homelab.observations.in_cascade.contains(&node.id),
                "in a cascade",
            ),
        ];
        for (holds, mark) in marks {
            if holds {
                line += &format!(", {mark}");
            }
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The generator must reach what the laws speak about, or they hold for nothing.
#[test]
fn the_random_homelabs_are_varied() {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    let counts: Mutex<RefCell<BTreeMap<&'static str, u32>>> = Mutex::default();
    let count = |what: &'static str| {
        *counts.lock().unwrap().borrow_mut().entry(what).or_default() += 1;
    };
    for_random_homelabs(|homelab, dice| {
        for intent in intents(homelab, dice, ALL) {
            match plan(&homelab.graph, &homelab.observations, &intent) {
                Err(refusal) => count(refusal.kind.as_str()),
                Ok(plan) => {
                    count(intent.action().as_str());
                    for follow_up in &plan.follow_ups {
                        match follow_up.mode {
                            FollowUpMode::Auto => count("auto"),
                            FollowUpMode::Confirm => count("confirm"),
                        }
                    }
                    for protected in &plan.protected {
                        count(if protected.by.is_empty() {
                            "kept"
                        } else {
                            "protected"
                        });
                    }
                }
            }
        }
    });
    if std::env::var("WAKEHUB_SEED").is_ok() {
        return;
    }
    let counts = counts.into_inner().unwrap().into_inner();
    for what in [
        "start",
        "stop",
        "auto",
        "confirm",
        "kept",
        "protected",
        "needed_by",
        "always_on",
        "held",
        "locked",
        "stale_observation",
        "guarded",
        "no_channel",
    ] {
        let seen = counts.get(what).copied().unwrap_or(0);
        assert!(seen >= 100, "only {seen} × {what}: {counts:?}");
    }
    println!("{counts:?}");
}

/// A few by name; of many the first, and the others are counted, never left out.
fn names_them(homelab: &Homelab, sentence: &str, nodes: &[NodeId]) {
    let named = if nodes.len() > 6 { &nodes[..3] } else { nodes };
    for id in named {
        assert!(sentence.contains(&*homelab.graph.name(*id)), "{sentence}");
    }
    if named.len() < nodes.len() {
        let others = format!("and {} others", nodes.len() - named.len());
        assert!(sentence.contains(&others), "{sentence}");
    }
}
