//! Plans: as text that people can read, and against a model of Postgres.

mod properties;

use std::fs;
use std::path::Path;

use offshoot::compute::simulated::world::World;
use offshoot::model::drift::{Attribute, Policy};
use offshoot::model::role::Login;
use offshoot::model::rules::passes::Problem;
use offshoot::plan::desired::Desired;
use offshoot::plan::observed::{Observed, ObservedPassword, Privilege};
use offshoot::plan::step::Stage;
use offshoot::plan::{Aside, Plan, Until, plan, plan_around};

use crate::support::{Catalog, verifier};

/// The fixtures: three paragraphs each. What was made over the API before, with what happened by
/// hand since; what the catalog wants now; the plan.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/plan");

/// How often it may be planned until nothing is left.
const MAX_ROUNDS: usize = 8;

/// Set to write the plans that are made in the place of those that are expected.
const WRITE: Option<&str> = option_env!("WRITE_FIXTURES");

#[test]
fn plans_are_the_ones_in_the_fixtures() {
    let mut count = 0;
    for entry in fs::read_dir(FIXTURES).expect("fixtures") {
        let path = entry.expect("a fixture").path();
        check(&path);
        count += 1;
    }
    assert!(8 <= count, "only {count} fixtures");
}

#[track_caller]
fn check(path: &Path) {
    let text = fs::read_to_string(path).expect("a fixture");
    let (before, rest) = text.split_once("\ndesired\n").expect("what is desired");
    let (desired, expected) = rest.split_once("\nplan\n").expect("the plan");
    let (title, observed) = before.split_once("\nobserved\n").expect("what is observed");
    let desired = parse(desired);
    let found = render(&plan_told(&desired, &world(observed).observe(), &[]));
    if WRITE.is_some() {
        let (before, _) = text.split_once("\nplan\n").expect("the plan");
        fs::write(path, format!("{before}\nplan\n{found}")).expect("a fixture");
    } else {
        assert_eq!(found, expected, "{}: {title}", path.display());
    }
}

fn render(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("    {step}\n"));
    let problems =
        plan.problems.iter().map(|problem| format!("    problem: {}\n", problem.message));
    let drift = plan.deviations.iter().map(|it| {
        let (kind, attribute) = (it.item.kind.as_str(), it.item.attribute.as_str());
        format!(
            "    drift: {kind} {}, {attribute}: {} instead of {}, {}\n",
            it.item.name,
            it.found,
            it.desired,
            it.response.as_str()
        )
    });
    steps.chain(problems).chain(drift).collect()
}

/// Reads a catalog: `role NAME born N password WORD`, `role NAME born N without login`,
/// `role NAME born N without password`, `until NAME TIME`, `act NAME for NAME`,
/// `deactivated NAME`, `drop what NAME born N owns`, `database N NAME owner NAME`,
/// `policy ATTRIBUTE POLICY`.
fn parse(text: &str) -> Desired {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).fold(
        Desired::empty(),
        |desired, line| match *line.split(' ').collect::<Vec<_>>().as_slice() {
            ["role", name, "born", born, "password", word] => {
                desired.role(name, born.parse().expect("a revision"), word)
            }
            ["role", name, "born", born, "without", "login"] => {
                desired.group(name, born.parse().expect("a revision"))
            }
            ["role", name, "born", born, "without", "password"] => {
                desired.role_with(name, born.parse().expect("a revision"), Login::Unset)
            }
            ["until", name, at] => desired.until(name, Some(at.parse().expect("a time"))),
            ["deactivated", name] => desired.deactivated(name),
            ["drop", "what", name, "born", born, "owns"] => {
                desired.dropping(name, born.parse().expect("a revision"))
            }
            ["act", name, "for", original] => desired.acting(name, Some(original)),
            ["database", id, name, "owner", owner] => {
                desired.database(id.parse().expect("a number"), name, owner)
            }
            ["policy", attribute, policy] => with_policy(desired, attribute, policy),
            _ => panic!("`{line}` is not understood"),
        },
    )
}

fn with_policy(mut desired: Desired, attribute: &str, policy: &str) -> Desired {
    let words = Attribute::named(attribute).zip(Policy::named(policy));
    let (attribute, policy) = words.expect("words that there are");
    desired.orders.policy.0.insert(attribute, policy);
    desired
}

/// Reads a Postgres: a catalog that was applied, and then lines of what happened `by hand`.
fn world(text: &str) -> World {
    let (by_hand, applied): (Vec<_>, Vec<_>) =
        text.lines().map(str::trim).partition(|line| line.starts_with("by hand: "));
    let mut world = World::new();
    let applied = converge(&mut world, &parse(&applied.join("\n")));
    assert_eq!(applied.problems, []);
    for line in by_hand {
        let words: Vec<_> = line.split(' ').skip(2).collect();
        let done = match *words.as_slice() {
            ["create", "role", name] => world.create_role(name, &Login::Never).map(|_| ()),
            ["create", "database", name, "owner", owner] => {
                world.create_database(name, owner).map(|_| ())
            }
            ["drop", "role", name] => world.drop_role(name),
            ["rename", "role", from, "to", to] => world.rename_role(from, to),
            ["raise", "role", name] => world.raise_role(name),
            ["connect", name] => world.connect(name),
            ["rename", "database", from, "to", to] => world.rename_database(from, to),
            ["drop", "database", name] => world.drop_database(name),
            ["give", "database", name, "to", owner] => world.give_database(name, owner),
            ["alter", "role", name, "nologin"] => {
                world.alter_role(name, |role| role.can_login = false)
            }
            ["alter", "role", name, "login"] => {
                world.alter_role(name, |role| role.can_login = true)
            }
            ["alter", "role", name, "createdb"] => {
                world.alter_role(name, |role| role.privileges.extend([Privilege::CreateDb]))
            }
            ["alter", "role", name, "password", password] => world.alter_role(name, |role| {
                role.password = ObservedPassword::Verifier(verifier(password));
            }),
            _ => panic!("`{line}` is not understood"),
        };
        done.expect("what can be done by hand");
    }
    world
}

/// Plans where all that was changed by hand is told.
fn plan_told(desired: &Desired, observed: &Observed, aside: &[Aside]) -> Plan {
    let told = desired.clone().told(&plan(desired, observed).deviations);
    plan_around(&told, observed, aside)
}

/// Applies plans until nothing is left to be done, and returns the last. What is refused is set aside;
/// where nothing was, the second plan is the last.
fn converge(world: &mut World, desired: &Desired) -> Plan {
    let mut aside = Vec::new();
    for round in 0..MAX_ROUNDS {
        let plan = plan_told(desired, &world.observe(), &aside);
        if plan.steps.is_empty() {
            return plan;
        }
        assert!(round == 0 || !aside.is_empty(), "a second plan: {plan:#?}");
        for step in &plan.steps {
            if !world.is_needed(step) {
                continue;
            }
            let mut after = world.clone();
            match after.apply(step) {
                Ok(()) => *world = after,
                Err(refused) => {
                    let problem = Problem::new(step.subject(), refused.to_string());
                    aside.push(Aside { stage: step.stage(), problem, until: Until::Mended });
                }
            }
        }
    }
    panic!("there is no end of plans: {aside:#?}")
}

#[test]
fn an_announced_database_is_not_taken_for_the_one_whose_name_it_is_to_get() {
    let before = Desired::empty().role("sally", 1, "one").database(2, "shop", "sally");
    let renamed = before.clone().database(2, "store", "sally").database(3, "shop", "sally");
    let dropped = before.clone().without_database(2).database(3, "shop", "sally");
    for (after, names) in [(renamed, vec!["shop", "store"]), (dropped, vec!["shop"])] {
        let mut world = World::new();
        assert_eq!(converge(&mut world, &before).problems, []);
        // What comes after the transaction is lost, as in a crash.
        let plan = plan(&after, &world.observe());
        for step in plan.steps.iter().filter(|step| step.stage() <= Stage::Change) {
            world.apply(step).expect("a step");
        }
        let old = world.observe().databases["shop"].oid;
        let rest = converge(&mut world, &after);
        assert_eq!(rest.problems, []);
        let databases = world.observe().databases;
        assert_ne!(databases["shop"].oid, old);
        let ours = databases.iter().filter(|(_, it)| it.owner == "sally");
        assert_eq!(ours.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    }
}
