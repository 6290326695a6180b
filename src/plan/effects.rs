//! Effects: what a step touches, and what somebody could mind about it.

use std::collections::BTreeSet;

use crate::model::planned::{Risk, Touched};
use crate::model::role::Login;
use crate::model::session::Sessions;
use crate::plan::index::Index;
use crate::plan::observed::Oid;
use crate::plan::step::{Clause, Estate, Step};

/// Returns what somebody could mind about a step.
#[must_use]
pub fn risks(step: &Step) -> BTreeSet<Risk> {
    let risks: &[Risk] = match step {
        Step::ForgetRole { .. }
        | Step::ForgetDatabase { .. }
        | Step::CreateRole { .. }
        | Step::NoteRole { .. }
        | Step::AdoptDatabase { .. }
        | Step::IntendDatabase { .. }
        | Step::CreateDatabase { .. }
        | Step::SetValidity { valid_until: None, .. } => &[],
        Step::SetActive { is_active: false, .. }
        | Step::RetireRole { renamed_to: None, .. }
        | Step::SetLogin { login: Login::Never | Login::Unset, .. } => &[Risk::RevokesLogin],
        Step::RetireRole { renamed_to: Some(_), .. } => &[Risk::RevokesLogin, Risk::Renames],
        Step::SetLogin { login: Login::Password(_), .. } => &[Risk::ChangesPassword],
        Step::SetValidity { valid_until: Some(_), .. } => &[Risk::EndsPassword],
        Step::RestoreRole { clauses, .. } if clauses.contains(&Clause::Login(false)) => {
            &[Risk::RevokesLogin, Risk::ChangesPrivileges]
        }
        Step::RestoreRole { .. }
        | Step::RestoreMembership { .. }
        | Step::SetActive { is_active: true, .. }
        | Step::ActFor { .. }
        | Step::JoinGroup { .. } => &[Risk::ChangesPrivileges],
        Step::ChangeOwner { .. } => &[Risk::ChangesOwner],
        Step::DropDatabase { .. } => &[Risk::EndsSessions, Risk::DropsObjects, Risk::Locks],
        Step::RenameDatabase { .. } => &[Risk::Locks, Risk::Renames],
        Step::Disconnect { .. } => &[Risk::EndsSessions],
        Step::CleanUp { estate: Estate::Given(_), .. } => {
            &[Risk::ChangesOwner, Risk::Locks, Risk::ChangesPrivileges]
        }
        Step::CleanUp { estate: Estate::Unclaimed, .. } => &[Risk::Locks, Risk::ChangesPrivileges],
        Step::CleanUp { estate: Estate::Dropped, .. } => {
            &[Risk::DropsObjects, Risk::Locks, Risk::ChangesPrivileges]
        }
        Step::RemoveRole { .. } => &[Risk::DropsObjects],
    };
    risks.iter().copied().collect()
}

/// Returns the roles and databases that a step touches, by the names under which they were observed,
/// or are to be made.
#[must_use]
pub fn touched(step: &Step, index: &Index<'_>) -> Vec<Touched> {
    let role = |oid: Oid, otherwise: &str| {
        let found_as = index.role(oid).map_or(otherwise, |(found_as, _)| found_as);
        Touched::Role(found_as.to_owned())
    };
    let named = |name: &str| Touched::Role(name.to_owned());
    let database = |name: &str| Touched::Database(name.to_owned());
    match step {
        Step::ForgetRole { .. } | Step::ForgetDatabase { .. } => Vec::new(),
        Step::RetireRole { oid, name, .. }
        | Step::SetLogin { oid, name, .. }
        | Step::SetActive { oid, name, .. }
        | Step::Disconnect { oid, name, .. }
        | Step::SetValidity { oid, name, .. }
        | Step::RestoreRole { oid, name, .. }
        | Step::RestoreMembership { oid, name, .. }
        | Step::NoteRole { oid, name, .. }
        | Step::RemoveRole { oid, name, .. } => vec![role(*oid, name.as_str())],
        Step::CreateRole { name, .. } | Step::ActFor { name, .. } => vec![named(name.as_str())],
        Step::JoinGroup { names } => names.iter().map(|name| named(name.as_str())).collect(),
        Step::AdoptDatabase { found_as, .. }
        | Step::ChangeOwner { found_as, .. }
        | Step::DropDatabase { found_as, .. }
        | Step::RenameDatabase { found_as, .. } => vec![database(found_as)],
        Step::IntendDatabase { name, .. } | Step::CreateDatabase { name, .. } => {
            vec![database(name.as_str())]
        }
        Step::CleanUp { oid, name, database: within, .. } => {
            vec![role(*oid, name.as_str()), database(within)]
        }
    }
}

/// Returns the sessions that a step touches: those of the roles that it changes, and those in the
/// databases that it takes away or renames.
#[must_use]
pub fn sessions(step: &Step, touched: &[Touched], all: &[Sessions]) -> Vec<Sessions> {
    let is_database_shut = matches!(step, Step::DropDatabase { .. } | Step::RenameDatabase { .. });
    let is_touched = |sessions: &&Sessions| {
        touched.iter().any(|touched| match touched {
            Touched::Role(name) => sessions.role == *name,
            Touched::Database(name) => is_database_shut && sessions.database == *name,
            Touched::Holding { .. } => false,
        })
    };
    all.iter().filter(is_touched).cloned().collect()
}
