//! What happens in a random history.

use chrono::TimeDelta;
use offshoot::clock::Clock;
use offshoot::model::id::BranchId;
use offshoot::model::merge::Side;
use offshoot::model::name::RoleName;
use offshoot::model::revision::{Revision, Timestamp};
use offshoot::model::role::{Login, Role};
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::rules::restore::Restoration;
use proptest::prelude::*;

use super::command::{Command, credential, database, endpoint, id, name, report, role};
use super::merges::event::side;
use super::world::{World, bulk};

/// Something that happens. Its numbers name what there is at that time, so that histories stay
/// sensible while they are shrunk.
#[derive(Clone, Debug)]
pub enum Event {
    CreateRole {
        branch: usize,
        role: usize,
        can_log_in: bool,
    },
    CreateRoles {
        branch: usize,
        from: usize,
        count: usize,
    },
    ResetPassword {
        branch: usize,
        role: usize,
    },
    DropRole {
        branch: usize,
        role: usize,
    },
    DropRoles {
        branch: usize,
        from: usize,
        count: usize,
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
    BranchAtHead {
        parent: usize,
        name: usize,
        has_endpoint: bool,
    },
    /// At the time of a revision, or just before or after it.
    BranchInPast {
        parent: usize,
        name: usize,
        revision: usize,
        micros: i64,
    },
    /// From another branch or from itself, at its head or in its past.
    Restore {
        branch: usize,
        source: usize,
        revision: Option<usize>,
        preserve: Option<usize>,
    },
    Merge {
        source: usize,
        target: usize,
        others: Option<Side>,
    },
    RenameBranch {
        branch: usize,
        name: usize,
    },
    DeleteBranch {
        branch: usize,
    },
    RecordPass {
        branch: usize,
        back: u64,
        kind: usize,
        lsn: u64,
    },
    /// Says when a role or a branch goes by itself, so long from now, or that it does not.
    SetEnd {
        branch: usize,
        role: Option<usize>,
        micros: Option<i64>,
    },
    /// Has one of those go that have such a time: at that time, or just before or after it.
    End {
        which: usize,
        micros: i64,
    },
    MoveClock {
        micros: i64,
    },
    /// Forgets all but so many of the newest revisions.
    Trim {
        left: u64,
    },
    Reopen,
}

fn role_event() -> impl Strategy<Value = Event> {
    let (branch, role, bulk) = (0..8usize, 0..14usize, (0..50usize, 1..40usize));
    prop_oneof![
        4 => (branch.clone(), role.clone(), prop::bool::weighted(0.9)).prop_map(
            |(branch, role, can_log_in)| Event::CreateRole { branch, role, can_log_in }),
        1 => (branch.clone(), bulk.clone()).prop_map(
            |(branch, (from, count))| Event::CreateRoles { branch, from, count }),
        3 => (branch.clone(), role.clone()).prop_map(
            |(branch, role)| Event::ResetPassword { branch, role }),
        3 => (branch.clone(), role).prop_map(|(branch, role)| Event::DropRole { branch, role }),
        1 => (branch, bulk).prop_map(
            |(branch, (from, count))| Event::DropRoles { branch, from, count }),
    ]
}

fn database_event() -> impl Strategy<Value = Event> {
    let (branch, database, role) = (0..8usize, 0..5usize, 0..14usize);
    prop_oneof![
        3 => (branch.clone(), database.clone(), role.clone()).prop_map(
            |(branch, database, owner)| Event::CreateDatabase { branch, database, owner }),
        2 => (
            branch.clone(),
            database.clone(),
            prop::option::of(database.clone()),
            prop::option::of(role),
        )
            .prop_map(|(branch, database, to, owner)| {
                Event::UpdateDatabase { branch, database, to, owner }
            }),
        1 => (branch, database).prop_map(
            |(branch, database)| Event::DropDatabase { branch, database }),
    ]
}

fn branch_event() -> impl Strategy<Value = Event> {
    let (branch, name, revision) = (0..8usize, 0..6usize, any::<prop::sample::Index>());
    prop_oneof![
        3 => (branch.clone(), name.clone(), any::<bool>()).prop_map(
            |(parent, name, has_endpoint)| Event::BranchAtHead { parent, name, has_endpoint }),
        4 => (branch.clone(), name.clone(), revision, -1..=1i64).prop_map(
            |(parent, name, revision, micros)| {
                let revision = revision.index(1000);
                Event::BranchInPast { parent, name, revision, micros }
            }),
        4 => restore_event(),
        4 => (0..4usize, 0..4usize, side()).prop_map(
            |(source, target, others)| Event::Merge { source, target, others }),
        1 => (branch.clone(), name).prop_map(
            |(branch, name)| Event::RenameBranch { branch, name }),
        2 => branch.prop_map(|branch| Event::DeleteBranch { branch }),
    ]
}

fn restore_event() -> impl Strategy<Value = Event> {
    let (branch, preserve) = (0..4usize, prop::option::weighted(0.7, 0..6usize));
    let revision = prop::option::of(any::<prop::sample::Index>());
    (branch.clone(), branch, revision, preserve).prop_map(|(branch, source, revision, preserve)| {
        let revision = revision.map(|revision| revision.index(1000));
        Event::Restore { branch, source, revision, preserve }
    })
}

fn end_event() -> impl Strategy<Value = Event> {
    let (branch, role) = (0..8usize, prop::option::weighted(0.7, 0..14usize));
    let micros = prop::option::weighted(0.9, -10..3_000_000i64);
    prop_oneof![
        (branch, role, micros).prop_map(|(branch, role, micros)| Event::SetEnd {
            branch,
            role,
            micros
        }),
        (0..8usize, -1..=1i64).prop_map(|(which, micros)| Event::End { which, micros }),
    ]
}

pub fn event() -> impl Strategy<Value = Event> {
    let pass = (0..8usize, 0..4u64, 0..56usize, 1..200u64);
    prop_oneof![
        8 => role_event(),
        3 => database_event(),
        5 => branch_event(),
        3 => end_event(),
        3 => pass.prop_map(
            |(branch, back, kind, lsn)| Event::RecordPass { branch, back, kind, lsn }),
        2 => prop_oneof![-5..5i64, -5_000_000..5_000_000i64].prop_map(
            |micros| Event::MoveClock { micros }),
        1 => (0..30u64).prop_map(|left| Event::Trim { left }),
        1 => Just(Event::Reopen),
    ]
}

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "`change` matches the others")]
    pub fn happen(&mut self, event: &Event, number: u64) {
        match event {
            Event::MoveClock { micros } => self.clock.advance_micros(*micros),
            Event::End { which, micros } => {
                let ends = self.ends();
                let Some((end, branch, role)) = ends.get(which % ends.len().max(1)) else { return };
                let after = *end + TimeDelta::microseconds(*micros) - self.clock.now();
                self.clock.advance_micros(after.num_microseconds().expect("a time nearby"));
                self.run(&Command::End { branch: branch.clone(), role: role.clone() });
            }
            Event::Trim { left } => self.trim(*left),
            Event::Reopen => self.reopen(),
            Event::BranchAtHead { parent, name: index, has_endpoint } => {
                let endpoint = has_endpoint.then(|| endpoint(number));
                let parent = self.branch(*parent);
                let (id, cutoff) = (id(self.branches()), Cutoff::Head);
                let new =
                    NewBranch { endpoint, ..NewBranch::new(id, name(*index), parent, cutoff) };
                self.run(&Command::Branch { new, asked: None });
            }
            Event::BranchInPast { parent, name: index, revision, micros } => {
                let times = &self.copies.times;
                let asked = times[revision % times.len()] + TimeDelta::microseconds(*micros);
                let revision = self.copies.revision_at(asked);
                let cutoff = Cutoff::Past { revision, at: asked, lsn: None };
                let (id, parent) = (id(self.branches()), self.branch(*parent));
                let new = NewBranch::new(id, name(*index), parent, cutoff);
                self.run(&Command::Branch { new, asked: Some(asked) });
            }
            Event::Restore { branch, source, revision, preserve } => {
                let times = &self.copies.times;
                let asked = revision.map(|revision| times[revision % times.len()]);
                let cutoff = asked.map_or(Cutoff::Head, |at| Cutoff::Past {
                    revision: self.copies.revision_at(at),
                    at,
                    lsn: None,
                });
                let restoration = Restoration {
                    target: self.branch(*branch),
                    source: self.branch(*source),
                    cutoff,
                    preserve: preserve.map(|index| (id(self.branches()), name(index))),
                    passwords: Passwords::Inherited,
                };
                self.run(&Command::Restore { restoration, asked });
            }
            Event::RecordPass { branch, back, kind, lsn } => {
                let revision = Revision(self.copies.head().0.saturating_sub(*back));
                // Later passes see later places, as in a Postgres.
                let lsn = number * 200 + lsn;
                self.run(&Command::Record(report(self.branch(*branch), revision, *kind, lsn)));
            }
            other => {
                let command = self.change(other, number);
                self.run(&command);
            }
        }
    }

    /// Returns when which branches and roles go by themselves.
    fn ends(&self) -> Vec<(Timestamp, BranchId, Option<RoleName>)> {
        let now = &self.copies.now;
        let branches = now
            .branches
            .values()
            .filter_map(|branch| branch.expiry.map(|expiry| (expiry.at, branch.id.clone(), None)));
        let roles = now.catalogs.iter().flat_map(|(id, copy)| {
            let ends = |role: &Role| Some((role.expires_at?, id.clone(), Some(role.name.clone())));
            copy.roles.values().filter_map(ends)
        });
        branches.chain(roles).collect()
    }

    /// Returns the command that changes a branch as `event` says.
    fn change(&self, event: &Event, number: u64) -> Command {
        let credential = credential(number);
        let names = |from, count| (from..from + count).map(bulk).collect();
        match *event {
            Event::CreateRole { branch, role: index, can_log_in } => {
                let login = if can_log_in { Login::Password(credential) } else { Login::Never };
                Command::CreateRole { branch: self.branch(branch), name: role(index), login }
            }
            Event::CreateRoles { branch, from, count } => {
                let names = names(from, count);
                Command::CreateRoles { branch: self.branch(branch), names, credential }
            }
            Event::ResetPassword { branch, role: index } => {
                let name = role(index);
                Command::ResetPassword { branch: self.branch(branch), name, credential }
            }
            Event::DropRole { branch, role: index } => {
                Command::DropRole { branch: self.branch(branch), name: role(index) }
            }
            Event::DropRoles { branch, from, count } => {
                Command::DropRoles { branch: self.branch(branch), names: names(from, count) }
            }
            Event::CreateDatabase { branch, database: index, owner } => {
                let (name, owner) = (database(index), role(owner));
                Command::CreateDatabase { branch: self.branch(branch), name, owner }
            }
            Event::UpdateDatabase { branch, database: index, to, owner } => {
                let change = DatabaseChange { name: to.map(database), owner: owner.map(role) };
                let name = database(index);
                Command::UpdateDatabase { branch: self.branch(branch), name, change }
            }
            Event::DropDatabase { branch, database: index } => {
                Command::DropDatabase { branch: self.branch(branch), name: database(index) }
            }
            Event::SetEnd { branch, role: index, micros } => {
                let at = micros.map(|micros| self.clock.now() + TimeDelta::microseconds(micros));
                Command::SetEnd { branch: self.branch(branch), role: index.map(role), at }
            }
            Event::Merge { source, target, others } => {
                let (source, target) = (self.branch(source), self.branch(target));
                Command::Merge { source, target, others }
            }
            Event::RenameBranch { branch, name: index } => {
                Command::RenameBranch { branch: self.branch(branch), name: name(index) }
            }
            Event::DeleteBranch { branch } => Command::DeleteBranch { branch: self.branch(branch) },
            Event::BranchAtHead { .. }
            | Event::BranchInPast { .. }
            | Event::Restore { .. }
            | Event::RecordPass { .. }
            | Event::End { .. }
            | Event::MoveClock { .. }
            | Event::Trim { .. }
            | Event::Reopen => unreachable!("{event:?} changes no branch that there is"),
        }
    }
}
