//! What happens to branches that are merged.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta};
use offshoot::model::branch::{Branch, PasswordPolicy};
use offshoot::model::id::BranchId;
use offshoot::model::merge::{Choices, Side};
use offshoot::model::name::{BranchName, DatabaseName, RoleName};
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::{Credential, Login};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::merge::Asked;
use offshoot::model::rules::passwords::{self, Passwords};
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::restore::{Restoration, restore};
use offshoot::model::rules::roles::NewRole;
use offshoot::model::rules::{Seed, branches, databases, expiry, merge, projects, roles};
use offshoot::model::state::{Denied, Read, Write};
use proptest::prelude::*;

use super::event::side;
use crate::catalog::command::{self, credential};

/// The roles that people make.
pub const ROLES: [&str; 4] = ["a", "b", "c", "neondb_owner"];

/// The names that databases get.
pub const DATABASES: [&str; 3] = ["neondb", "x", "y"];

/// Something that happens. Its numbers name branches that there are at that time.
#[derive(Clone, Debug)]
pub enum Act {
    CreateRole {
        branch: usize,
        role: usize,
        can_log_in: bool,
    },
    ResetPassword {
        branch: usize,
        role: usize,
    },
    DropRole {
        branch: usize,
        role: usize,
    },
    SetExpiry {
        branch: usize,
        role: usize,
        days: Option<i64>,
    },
    CreateDatabase {
        branch: usize,
        database: usize,
        owner: usize,
    },
    UpdateDatabase {
        branch: usize,
        database: usize,
        to: Option<usize>,
        owner: Option<usize>,
    },
    DropDatabase {
        branch: usize,
        database: usize,
    },
    Branch {
        parent: usize,
        back: u64,
        policy: usize,
    },
    /// The roles of a branch go whose time has come.
    Expire {
        branch: usize,
    },
    /// To the newest state of any branch, or to its own past.
    Restore {
        branch: usize,
        source: usize,
        back: u64,
    },
    DeleteBranch {
        branch: usize,
    },
    Merge {
        source: usize,
        target: usize,
        others: Option<Side>,
    },
}

pub fn act() -> impl Strategy<Value = Act> {
    let (branch, role, database) = (0..5usize, 0..ROLES.len(), 0..DATABASES.len());
    let (b, r, d) = (|| branch.clone(), || role.clone(), || database.clone());
    let back = || prop_oneof![2 => Just(0u64), 1 => 0..6u64];
    prop_oneof![
        6 => (b(), r(), prop::bool::weighted(0.8)).prop_map(
            |(branch, role, can_log_in)| Act::CreateRole { branch, role, can_log_in }),
        9 => (b(), r()).prop_map(|(branch, role)| Act::ResetPassword { branch, role }),
        6 => (b(), r()).prop_map(|(branch, role)| Act::DropRole { branch, role }),
        4 => (b(), r(), prop::option::of(1..4i64)).prop_map(
            |(branch, role, days)| Act::SetExpiry { branch, role, days }),
        6 => (b(), d(), r()).prop_map(
            |(branch, database, owner)| Act::CreateDatabase { branch, database, owner }),
        7 => (b(), d(), prop::option::of(d()), prop::option::of(r())).prop_map(
            |(branch, database, to, owner)| Act::UpdateDatabase { branch, database, to, owner }),
        3 => (b(), d()).prop_map(|(branch, database)| Act::DropDatabase { branch, database }),
        2 => (b(), back(), 0..4usize).prop_map(
            |(parent, back, policy)| Act::Branch { parent, back, policy }),
        1 => (b(), b(), back()).prop_map(
            |(branch, source, back)| Act::Restore { branch, source, back }),
        1 => b().prop_map(|branch| Act::DeleteBranch { branch }),
        2 => b().prop_map(|branch| Act::Expire { branch }),
        9 => (b(), b(), side()).prop_map(
            |(source, target, others)| Act::Merge { source, target, others }),
    ]
}

pub fn role(index: usize) -> RoleName {
    ROLES[index].parse().expect("a name")
}

fn database(index: usize) -> DatabaseName {
    DATABASES[index].parse().expect("a name")
}

fn branch_name(number: u64) -> BranchName {
    format!("branch-{number}").parse().expect("a name")
}

/// Returns the password that is drawn for a role when the act `number` needs one.
fn drawn(number: u64, role: usize, branch: &BranchId) -> Credential {
    Credential { branch: branch.clone(), ..credential(1000 * number + role as u64) }
}

fn all_drawn(number: u64, branch: &BranchId) -> BTreeMap<RoleName, Credential> {
    (0..ROLES.len()).map(|index| (role(index), drawn(number, index, branch))).collect()
}

fn policy(policy: usize) -> Option<PasswordPolicy> {
    match policy {
        0 => Some(PasswordPolicy::None),
        1 => Some(PasswordPolicy::Fresh),
        2 => Some(PasswordPolicy::Inherit),
        _ => None,
    }
}

/// Returns what becomes of the passwords that come to a branch with the act `number`.
fn passwords(policy: Option<PasswordPolicy>, number: u64, branch: &BranchId) -> Passwords {
    match policy.unwrap_or(PasswordPolicy::Inherit) {
        PasswordPolicy::Inherit => Passwords::Inherited,
        PasswordPolicy::Fresh => Passwords::Fresh(all_drawn(number, branch)),
        PasswordPolicy::None => Passwords::Unset,
    }
}

/// Returns the `back`-th revision before the commit at `moment`.
fn cutoff(moment: Moment, back: u64) -> Cutoff {
    if back == 0 {
        return Cutoff::Head;
    }
    let revision = Revision((moment.revision.0 - 1).saturating_sub(back).max(1));
    Cutoff::Past { revision, at: moment.at - TimeDelta::microseconds(1), lsn: None }
}

impl Act {
    /// Returns the merge that this is, where it is one.
    pub fn asked(&self, ids: &[BranchId], number: u64) -> Option<Asked> {
        let id = |index: usize| ids[index % ids.len()].clone();
        let Self::Merge { source, target, others } = *self else { return None };
        let choices = Choices { others, ..Choices::default() };
        let (source, target) = (id(source), id(target));
        let drawn = all_drawn(number, &target);
        Some(Asked { source, target, choices, drawn })
    }

    /// Runs the real rule over any kind of state, and returns its answer as text.
    pub fn run<S: Write>(
        &self,
        state: &mut S,
        moment: Moment,
        ids: &[BranchId],
        number: u64,
    ) -> Result<String, Denied<S::Error>> {
        let id = |index: usize| ids[index % ids.len()].clone();
        let seed = Seed(number << 16);
        match *self {
            Self::CreateRole { branch, role: index, can_log_in } => {
                let login = Login::Password(drawn(number, index, &id(branch)));
                let login = if can_log_in { login } else { Login::Never };
                let new = NewRole::new(role(index), login);
                told(roles::create(state, moment, seed, &id(branch), new))
            }
            Self::ResetPassword { branch, role: index } => {
                let (name, password) = (role(index), drawn(number, index, &id(branch)));
                told(roles::reset_password(state, moment, seed, &id(branch), &name, password))
            }
            Self::DropRole { branch, role: index } => told(roles::delete(
                state,
                moment,
                seed,
                (&id(branch), &role(index)),
                roles::OnOwned::Reassign,
            )),
            Self::SetExpiry { branch, role: index, days } => {
                // The same moment, whoever asks that day, so that branches may agree.
                let today = moment.at.duration_trunc(TimeDelta::days(1)).expect("a day");
                let at = days.map(|days| today + TimeDelta::days(days));
                told(roles::set_expiry(state, moment, seed, &id(branch), &role(index), at))
            }
            Self::CreateDatabase { branch, database: index, owner } => {
                let (name, owner) = (database(index), role(owner));
                told(databases::create(state, moment, seed, &id(branch), name, owner))
            }
            Self::UpdateDatabase { branch, database: index, to, owner } => {
                let change = DatabaseChange { name: to.map(database), owner: owner.map(role) };
                let name = database(index);
                told(databases::update(state, moment, seed, &id(branch), &name, change))
            }
            Self::DropDatabase { branch, database: index } => {
                told(databases::delete(state, moment, seed, &id(branch), &database(index)))
            }
            Self::Branch { .. } | Self::Restore { .. } => {
                told(self.copy(state, moment, ids, number))
            }
            Self::Expire { branch } => {
                for index in 0..ROLES.len() {
                    expiry::expire_role(state, moment, seed, &id(branch), &role(index))?;
                }
                Ok(String::new())
            }
            Self::DeleteBranch { branch } => {
                told(branches::delete(state, moment, seed, &id(branch)))
            }
            Self::Merge { .. } => {
                let asked = self.asked(ids, number).expect("a merge");
                told(merge::merge(state, moment, seed, &asked))
            }
        }
    }

    /// Copies a catalog: to a new branch, or over that of an old one.
    fn copy<S: Write>(
        &self,
        state: &mut S,
        moment: Moment,
        ids: &[BranchId],
        number: u64,
    ) -> Result<Branch, Denied<S::Error>> {
        let id = |index: usize| ids[index % ids.len()].clone();
        let seed = Seed(number << 16);
        let name = branch_name(number);
        if let Self::Restore { branch, source, back } = *self {
            let (target, source) = (id(branch), id(source));
            let policy = policy_of_restore(state, &target, &source)?;
            let passwords = passwords(Some(policy), number, &target);
            let (cutoff, preserve) = (cutoff(moment, back), Some((kept(number), name)));
            let asked = Restoration { target, source, cutoff, preserve, passwords };
            return restore(state, moment, seed, &asked).map(|(branch, _)| branch);
        }
        let Self::Branch { parent, back, policy } = *self else {
            unreachable!("{self:?} copies no catalog")
        };
        let (id, parent, policy) = (new_id(number), id(parent), self::policy(policy));
        let passwords = passwords(policy, number, &id);
        let new = NewBranch {
            password_policy: policy,
            passwords,
            ..NewBranch::new(id, name, parent, cutoff(moment, back))
        };
        branches::create(state, moment, seed, new).map(|born| born.branch)
    }
}

/// Returns the policy under which one branch takes the catalog of another.
fn policy_of_restore<S: Read>(
    state: &S,
    target: &BranchId,
    source: &BranchId,
) -> Result<PasswordPolicy, S::Error> {
    let get = |id| Ok(state.branch(id)?.expect("a branch that there is"));
    passwords::policy_of_restore(state, &get(target)?, &get(source)?)
}

fn told<T: std::fmt::Debug, E>(answer: Result<T, E>) -> Result<String, E> {
    answer.map(|answer| format!("{answer:?}"))
}

fn new_id(number: u64) -> BranchId {
    format!("br-{number}").parse().expect("an id")
}

/// Returns the id of the branch that keeps what another had.
fn kept(number: u64) -> BranchId {
    format!("br-kept-{number}").parse().expect("an id")
}

fn new_project() -> NewProject {
    NewProject { database: database(0), owner: role(3), ..command::new_project() }
}

pub fn create_project<S: Write>(state: &mut S, moment: Moment) -> Result<String, Denied<S::Error>> {
    projects::create(state, moment, Seed(0), new_project()).map(|_| String::new())
}
