//! Histories of merges: what people do, what comes in between, and what brings branches into
//! conflict.

use offshoot::model::merge::Side;
use proptest::prelude::*;

use super::act::{Act, DATABASES, ROLES, act};

/// How many branches there are from the beginning on.
const BRANCHES: usize = 3;

/// Something that happens to a store.
#[derive(Clone, Debug)]
pub enum Event {
    /// A change that is asked for.
    Act(Act),
    /// All but the newest revisions are trimmed.
    Trim { left: u64 },
    /// The store is closed and opened.
    Reopen,
}

/// Draws a history: changes on their own, changes of one thing by two branches that are merged then,
/// trims and restarts.
pub fn history(length: usize) -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        10 => act().prop_map(|act| vec![Event::Act(act)]),
        5 => clash(),
        1 => (1..12u64).prop_map(|left| vec![Event::Trim { left }]),
        1 => Just(vec![Event::Reopen]),
    ];
    prop::collection::vec(event, 0..length).prop_map(|events| events.concat())
}

pub fn side() -> impl Strategy<Value = Option<Side>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(Side::Source)),
        1 => Just(Some(Side::Target)),
    ]
}

fn clash() -> impl Strategy<Value = Vec<Event>> {
    let (role, database) = (0..ROLES.len(), 0..DATABASES.len());
    let about = (0..BRANCHES, 1..BRANCHES, role, database, side());
    about.prop_flat_map(|(source, further, role, database, others)| {
        let target = (source + further) % BRANCHES;
        let changes = (change(source, role, database), change(target, role, database));
        changes.prop_map(move |(here, there)| {
            let merge = Act::Merge { source, target, others };
            [here, there, merge].map(Event::Act).to_vec()
        })
    })
}

/// Draws a change of this role or this database.
fn change(branch: usize, role: usize, database: usize) -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::ResetPassword { branch, role }),
        2 => prop::bool::ANY.prop_map(
            move |can_log_in| Act::CreateRole { branch, role, can_log_in }),
        2 => Just(Act::DropRole { branch, role }),
        2 => prop::option::of(1..4i64).prop_map(
            move |days| Act::SetExpiry { branch, role, days }),
        2 => (0..ROLES.len()).prop_map(
            move |owner| Act::CreateDatabase { branch, database, owner }),
        4 => (prop::option::of(0..DATABASES.len()), prop::option::of(0..ROLES.len())).prop_map(
            move |(to, owner)| Act::UpdateDatabase { branch, database, to, owner }),
        1 => Just(Act::DropDatabase { branch, database }),
    ]
}
