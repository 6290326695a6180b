//! Plans against a model of Postgres in which people change what they like.

use std::collections::{BTreeMap, BTreeSet};

use offshoot::compute::simulated::world::World;
use offshoot::model::drift::{Attribute, Deviation, DriftPolicy, Orders, Policy, Response, Side};
use offshoot::model::name::RoleName;
use offshoot::model::operation::Subject;
use offshoot::model::revision::Timestamp;
use offshoot::model::role::Login;
use offshoot::model::secret::Verifier;
use offshoot::plan::desired::Desired;
use offshoot::plan::index::Index;
use offshoot::plan::observed::{
    NO_LIMIT, Observed, ObservedPassword, ObservedRole, Oid, Privilege, VerifierDigest,
};
use offshoot::plan::step::Step;
use offshoot::plan::{Plan, plan};
use proptest::prelude::*;

use super::{converge, plan_told};
use crate::support::{Catalog, verifier};

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
    prop::collection::vec((0..17u8, name(), name()), 0..6)
}

fn act(world: &mut World, (what, one, other): (u8, &str, &str)) {
    let alter = |world: &mut World, change: fn(&mut ObservedRole)| world.alter_role(one, change);
    // Whatever is refused has not happened.
    match what {
        0 => drop(world.create_role(one, &Login::Password(verifier("by hand")))),
        1 => drop(world.create_database(one, other)),
        2 => drop(world.create_object(one, other)),
        3 => drop(world.drop_role(one)),
        4 => drop(world.drop_database(one)),
        5 => drop(world.give_database(one, other)),
        6 => drop(world.rename_role(one, "renamed")),
        7 => drop(world.raise_role(one)),
        8 => drop(alter(world, |role| role.can_login = !role.can_login)),
        9 => drop(alter(world, |role| role.password = ObservedPassword::None)),
        10 => drop(alter(world, |role| {
            role.password = ObservedPassword::Verifier(verifier("by hand"));
        })),
        11 => drop(alter(world, |role| role.password = ObservedPassword::Unknown)),
        12 => drop(alter(world, |role| role.privileges.extend([Privilege::CreateDb]))),
        13 => drop(alter(world, |role| role.connection_limit = 3)),
        14 => drop(alter(world, |role| role.member_of.clear())),
        15 => drop(world.connect(one)),
        _ => drop(alter(world, |role| role.valid_until = Timestamp::from_timestamp(9, 0))),
    }
}

/// What a branch does about drift.
fn policy() -> impl Strategy<Value = DriftPolicy> {
    let all = Attribute::ALL.to_vec();
    let word =
        prop::sample::select(vec![Policy::Enforce, Policy::Adopt, Policy::Report, Policy::Ignore]);
    prop::collection::btree_map(prop::sample::select(all), word, 0..6).prop_map(|mut policies| {
        policies.retain(|attribute, policy| attribute.allows(*policy));
        DriftPolicy(policies)
    })
}

/// What is not Offshoot's: a role as it is, but for the roles of which it is a member, which may go; and
/// of a database the number and the owner's.
fn unmanaged(observed: &Observed) -> BTreeMap<String, (Option<ObservedRole>, Oid, Option<Oid>)> {
    let is_marked = |oid| observed.role_marks.contains_key(&oid);
    let roles = observed.roles.iter().filter(|(_, role)| !is_marked(role.oid));
    let marks: Vec<_> = observed.database_marks.values().filter_map(|mark| mark.oid).collect();
    let databases = observed.databases.iter().filter(|(_, it)| !marks.contains(&it.oid));
    let owner = |name: &str| observed.roles.get(name).map(|role| role.oid);
    let roles = roles.map(|(name, role)| {
        let role = ObservedRole { member_of: BTreeSet::new(), ..role.clone() };
        (format!("role {name}"), (Some(role.clone()), role.oid, None))
    });
    let databases = databases.map(|(name, it)| {
        // One that is announced is known by its name until its number is noted.
        (format!("database {name}"), (None, it.oid, owner(&it.owner)))
    });
    roles.chain(databases).collect()
}

/// What may differ from the catalog after a plan: what it says it cannot do, and what it was told to
/// leave.
fn is_excused(desired: &Desired, plan: &Plan, subject: &Subject, attribute: Attribute) -> bool {
    let is_left = |it: &Deviation| {
        let name = match subject {
            Subject::Whole => "",
            Subject::Role(name) => name.as_str(),
            Subject::Database(name) => name.as_str(),
        };
        let is_same = it.item.name == name
            && (it.item.attribute == attribute || it.item.attribute == Attribute::Existence);
        is_same && it.response != Response::Enforced
    };
    let is_ignored = |attribute| desired.orders.policy.of(attribute) == Policy::Ignore;
    plan.problems.iter().any(|problem| problem.subject == *subject)
        || plan.deviations.iter().any(is_left)
        || is_ignored(attribute)
        || is_ignored(Attribute::Existence)
        || is_ignored(Attribute::Name)
}

fn assert_agrees(world: &World, desired: &Desired, plan: &Plan) -> Result<(), TestCaseError> {
    let observed = world.observe();
    for (name, want) in &desired.roles {
        let subject = Subject::Role(name.clone());
        let excused = |attribute| is_excused(desired, plan, &subject, attribute);
        let Some(role) = observed.roles.get(name.as_str()) else {
            prop_assert!(excused(Attribute::Existence), "role {} is not there", name);
            continue;
        };
        let is_touchable = !role.is_superuser;
        if is_touchable && !excused(Attribute::Login) {
            prop_assert_eq!(role.can_login, want.can_log_in(), "role {}", name);
        }
        let is_known = role.password != ObservedPassword::Unknown;
        if is_touchable && is_known && !excused(Attribute::Password) {
            let wanted = want.login.credential().map(VerifierDigest::of);
            prop_assert_eq!(role.password.digest(), wanted, "role {}", name);
        }
        if is_touchable && !excused(Attribute::ValidUntil) {
            prop_assert_eq!(role.valid_until, want.valid_until, "role {}", name);
        }
        if is_touchable && !excused(Attribute::Privileges) {
            prop_assert_eq!(&role.privileges, &[Privilege::Inherit].into(), "role {}", name);
        }
        if is_touchable && !excused(Attribute::ConnectionLimit) {
            prop_assert_eq!(role.connection_limit, NO_LIMIT, "role {}", name);
        }
        let mark = observed.role_marks.get(&role.oid);
        if is_touchable && mark.is_some() && !want.is_active && !role.can_login {
            let is_connected = observed.connected.contains(&role.oid);
            prop_assert!(!is_connected, "role {} is connected", name);
        }
        if is_touchable && mark.is_some() && !excused(Attribute::Membership) {
            let original = want.acts_for.as_ref().map(RoleName::as_str);
            prop_assert_eq!(world.acts_for(name.as_str()), original, "role {}", name);
        }
    }
    for want in desired.databases.values() {
        let subject = Subject::Database(want.name.clone());
        // A role that was renamed still owns what it owned.
        let owner = Subject::Role(want.owner.clone());
        if !is_excused(desired, plan, &subject, Attribute::Owner)
            && !is_excused(desired, plan, &owner, Attribute::Name)
        {
            let found = observed.databases.get(want.name.as_str());
            prop_assert_eq!(found.map(|it| it.owner.as_str()), Some(want.owner.as_str()));
        }
    }
    let index = Index::of(&observed);
    for (oid, mark) in &observed.role_marks {
        let wanted = desired.roles.get(&mark.name).is_some_and(|want| want.born == mark.born);
        let Some((found_as, role)) = index.role(*oid) else { continue };
        let is_lost = (wanted && !mark.is_retired) || role.is_superuser;
        prop_assert!(is_lost || !role.can_login, "{} can log in", found_as);
    }
    Ok(())
}

/// Nobody is sent away but whom the catalog has dropped or deactivated, and who cannot come back.
fn assert_others_stay_connected(
    desired: &Desired,
    before: &Observed,
    after: &Observed,
) -> Result<(), TestCaseError> {
    let after_by_number = Index::of(after);
    for oid in before.connected.difference(&after.connected) {
        let mark = before.role_marks.get(oid).expect("a role of ours");
        let want = desired.roles.get(&mark.name).filter(|want| want.born == mark.born);
        let is_left = want.is_some_and(|want| want.is_active) && !mark.is_retired;
        prop_assert!(!is_left, "{} is sent away", mark.name);
        let can_return = after_by_number.role(*oid).is_some_and(|(_, role)| role.can_login);
        prop_assert!(!can_return, "{} is sent away and can return", mark.name);
    }
    Ok(())
}

/// Nothing goes but what the catalog has dropped.
fn assert_drops_are_recorded(
    desired: &Desired,
    observed: &Observed,
    plan: &Plan,
) -> Result<(), TestCaseError> {
    for step in &plan.steps {
        if let Step::RetireRole { oid, .. } | Step::RemoveRole { oid, .. } = step {
            let mark = observed.role_marks.get(oid).expect("a role of ours");
            let want = desired.roles.get(&mark.name);
            let is_wanted = want.is_some_and(|want| want.born == mark.born) && !mark.is_retired;
            prop_assert!(!is_wanted, "{} goes, and is wanted", mark.name);
        } else if let Step::DropDatabase { id, .. } = step {
            prop_assert!(observed.database_marks.contains_key(id));
            prop_assert!(!desired.databases.contains_key(id));
        }
    }
    Ok(())
}

/// What was changed by hand stays as it is until it is told: a plan that knows of nothing leaves it.
fn assert_nothing_untold_is_overwritten(
    world: &World,
    desired: &Desired,
) -> Result<(), TestCaseError> {
    let mut world = world.clone();
    let before = plan(desired, &world.observe());
    for step in &before.steps {
        // What is refused has not happened.
        let mut after = world.clone();
        if after.apply(step).is_ok() {
            world = after;
        }
    }
    let after = plan(desired, &world.observe());
    for deviation in before.deviations.iter().filter(|it| it.side == Side::Postgres) {
        let is_there = after.deviations.iter().any(|it| it.item == deviation.item);
        prop_assert!(is_there, "{:?} is overwritten by {:#?}", deviation, before.steps);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_plan_brings_about_what_is_desired_and_leaves_the_rest(
        catalogs in prop::collection::vec((desired(), by_hand()), 1..5),
        policy in policy(),
    ) {
        let mut world = World::new();
        for (desired, by_hand) in catalogs {
            let desired = desired.under(Orders::new(policy.clone(), &[]));
            assert_nothing_untold_is_overwritten(&world, &desired)?;
            let (before, observed) = (unmanaged(&world.observe()), world.observe());
            let first = plan_told(&desired, &observed, &[]);
            assert_drops_are_recorded(&desired, &observed, &first)?;
            let last = converge(&mut world, &desired);
            let after = unmanaged(&world.observe());
            for (what, role) in before {
                prop_assert_eq!(after.get(&what), Some(&role), "{}", what);
            }
            assert_agrees(&world, &desired, &last)?;
            assert_others_stay_connected(&desired, &observed, &world.observe())?;
            for deed in by_hand {
                act(&mut world, deed);
            }
        }
    }
}
