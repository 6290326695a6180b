//! Plans: as text that people can read, and against a model of Postgres.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use offshoot::compute::simulated::world::World;
use offshoot::model::name::RoleName;
use offshoot::model::operation::Subject;
use offshoot::model::revision::Timestamp;
use offshoot::model::role::Login;
use offshoot::model::secret::Verifier;
use offshoot::plan::desired::Desired;
use offshoot::plan::observed::{Observed, Oid};
use offshoot::plan::step::Stage;
use offshoot::plan::{Plan, plan};
use proptest::prelude::*;

use crate::support::{Catalog, verifier};

/// The fixtures: three paragraphs each. What was made over the API before, with what happened by
/// hand since; what the catalog wants now; the plan.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/plan");

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
    let found = render(&plan(&desired, &world(observed).observe()));
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
    steps.chain(problems).collect()
}

/// Reads a catalog: `role NAME born N password WORD`, `role NAME born N without login`,
/// `role NAME born N without password`, `until NAME TIME`, `act NAME for NAME`,
/// `deactivated NAME`, `drop what NAME born N owns`, `database N NAME owner NAME`.
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
            _ => panic!("`{line}` is not understood"),
        },
    )
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
            _ => panic!("`{line}` is not understood"),
        };
        done.expect("what can be done by hand");
    }
    world
}

/// Applies the plan, and returns it.
fn converge(world: &mut World, desired: &Desired) -> Plan {
    let plan = plan(desired, &world.observe());
    for step in &plan.steps {
        world.apply(step).unwrap_or_else(|refused| panic!("{step}: {refused}\n{plan:#?}"));
    }
    plan
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

const NAMES: &[&str] = &["a", "b", "c", "d"];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES)
}

fn login() -> impl Strategy<Value = Login<Verifier>> {
    let password = |word| Just(Login::Password(verifier(word)));
    prop_oneof![Just(Login::Never), Just(Login::Unset), password("old"), password("new")]
}

/// A catalog in which every database's owner exists. Few names, so that they often meet.
fn desired() -> impl Strategy<Value = Desired> {
    let acting = prop::option::of(any::<prop::sample::Index>());
    let role = (1..4u64, login(), prop::option::of(1..3i64), (any::<bool>(), acting));
    let roles = prop::collection::btree_map(name(), role, 0..4);
    let databases =
        prop::collection::btree_map(name(), (1..6u64, any::<prop::sample::Index>()), 0..4);
    (roles, databases).prop_map(|(roles, databases)| {
        let owners: Vec<_> = roles.keys().copied().collect();
        let desired =
            roles.iter().fold(Desired::empty(), |desired, (name, (born, login, until, _))| {
                let until = until.and_then(|second| Timestamp::from_timestamp(second, 0));
                desired.role_with(name, *born, login.clone()).until(name, until)
            });
        let desired = roles.iter().fold(desired, |desired, (name, (.., (is_active, acting)))| {
            let desired = if *is_active { desired } else { desired.deactivated(name) };
            let original = acting.map(|original| owners[original.index(owners.len())]);
            desired.acting(name, original.filter(|original| original != name))
        });
        databases.into_iter().filter(|_| !owners.is_empty()).fold(
            desired,
            |desired, (name, (id, owner))| {
                desired.database(id, name, owners[owner.index(owners.len())])
            },
        )
    })
}

/// What others do in that Postgres in the meantime.
fn by_hand() -> impl Strategy<Value = Vec<(u8, &'static str, &'static str)>> {
    prop::collection::vec((0..5u8, name(), name()), 0..4)
}

fn act(world: &mut World, (what, one, other): (u8, &str, &str)) {
    // Whatever is refused has not happened.
    match what {
        0 => drop(world.create_role(one, &Login::Password(verifier("by hand")))),
        1 => drop(world.create_database(one, other)),
        2 => drop(world.create_object(one, other)),
        3 => drop(world.connect(one)),
        _ => drop(world.drop_role(one)),
    }
}

/// What is not Offshoot's.
fn unmanaged(observed: &Observed) -> BTreeMap<String, (Oid, Option<Oid>)> {
    let is_marked = |oid| observed.role_marks.contains_key(&oid);
    let roles = observed.roles.iter().filter(|(_, role)| !is_marked(role.oid));
    let marks: Vec<_> = observed.database_marks.values().filter_map(|mark| mark.oid).collect();
    let databases = observed.databases.iter().filter(|(_, it)| !marks.contains(&it.oid));
    let owner = |name: &str| observed.roles.get(name).map(|role| role.oid);
    let roles = roles.map(|(name, role)| (format!("role {name}"), (role.oid, None)));
    roles
        .chain(databases.map(|(name, it)| (format!("database {name}"), (it.oid, owner(&it.owner)))))
        .collect()
}

fn assert_agrees(world: &World, desired: &Desired, plan: &Plan) -> Result<(), TestCaseError> {
    let observed = world.observe();
    let is_excused = |subject| plan.problems.iter().any(|problem| problem.subject == subject);
    for (name, want) in &desired.roles {
        if !is_excused(Subject::Role(name.clone())) {
            let found = observed.roles.get(name.as_str()).map(|role| role.can_login);
            let can_log_in = want.is_active && want.login != Login::Never;
            prop_assert_eq!(found, Some(can_log_in), "role {}", name);
            let credential = want.login.credential().filter(|_| want.is_active);
            prop_assert_eq!(world.login(name.as_str()), credential);
            let oid = observed.roles.get(name.as_str()).map(|role| role.oid);
            let is_connected = oid.is_some_and(|oid| observed.connected.contains(&oid));
            prop_assert!(want.is_active || !is_connected, "role {} is connected", name);
            prop_assert_eq!(world.valid_until(name.as_str()), want.valid_until);
            let original = want.acts_for.as_ref().map(RoleName::as_str);
            prop_assert_eq!(world.acts_for(name.as_str()), original, "role {}", name);
        }
    }
    for want in desired.databases.values() {
        if !is_excused(Subject::Database(want.name.clone())) {
            let found = observed.databases.get(want.name.as_str());
            prop_assert_eq!(found.map(|it| it.owner.as_str()), Some(want.owner.as_str()));
        }
    }
    for (oid, mark) in &observed.role_marks {
        let wanted = desired.roles.get(&mark.name).is_some_and(|want| want.born == mark.born);
        let (found_as, role) = observed.role(*oid).expect("a role with a mark");
        prop_assert!((wanted && !mark.is_retired) || !role.can_login, "{found_as} can log in");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_plan_brings_about_what_is_desired_and_leaves_the_rest(
        catalogs in prop::collection::vec((desired(), by_hand()), 1..5),
    ) {
        let mut world = World::new();
        for (desired, by_hand) in &catalogs {
            let before = unmanaged(&world.observe());
            let first = converge(&mut world, desired);
            let after = unmanaged(&world.observe());
            for (what, oid) in before {
                prop_assert_eq!(after.get(&what), Some(&oid), "{}", what);
            }
            assert_agrees(&world, desired, &first)?;
            let second = plan(desired, &world.observe());
            prop_assert_eq!(&second.steps, &vec![]);
            for deed in by_hand {
                act(&mut world, *deed);
            }
        }
    }
}
