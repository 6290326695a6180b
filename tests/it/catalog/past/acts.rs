//! What happens in a past, and why.

use chrono::TimeDelta;
use offshoot::model::branch::PasswordPolicy;
use offshoot::model::cause::{Caller, Cause, Deed, Topic};
use offshoot::model::change::Change;
use offshoot::model::id::BranchId;
use offshoot::model::key::KeyId;
use offshoot::model::revision::{Moment, Revision};
use offshoot::model::role::Login;
use offshoot::model::rules::branches::{BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::passwords::Passwords;
use offshoot::model::rules::restore::Restoration;
use offshoot::model::rules::{Seed, branches, restore};
use offshoot::model::state::{Denied, Write};
use proptest::prelude::*;

use super::super::command::{Command, ROLES, credential, database, id, name, report, role};
use super::super::copies::Copies;
use super::super::world::bulk;

/// Something that happens. Its numbers name what there is at that time.
#[derive(Clone, Debug)]
pub enum Event {
    Role {
        branch: usize,
        role: usize,
        kind: usize,
    },
    /// As a merge does: many roles in one commit, and none of them named.
    Merge {
        branch: usize,
        from: usize,
        is_drop: bool,
    },
    Database {
        branch: usize,
        database: usize,
        kind: usize,
    },
    Branch {
        parent: usize,
        back: Option<(usize, i64)>,
        passwords: usize,
    },
    Restore {
        target: usize,
        source: usize,
        back: usize,
        is_kept: bool,
        passwords: usize,
    },
    Settings {
        branch: usize,
        kind: usize,
    },
    Delete {
        branch: usize,
    },
    Pass {
        branch: usize,
    },
    MoveClock {
        micros: i64,
    },
}

pub fn event() -> impl Strategy<Value = Event> {
    // Few roles, so that they come and go and come again.
    let (branch, role) = (0..6usize, 0..3usize);
    let back = prop::option::of((0..20usize, -1..=1i64));
    let (is_kept, passwords) = (any::<bool>(), 0..4usize);
    prop_oneof![
        8 => (branch.clone(), role, 0..6usize).prop_map(
            |(branch, role, kind)| Event::Role { branch, role, kind }),
        2 => (branch.clone(), 0..40usize, any::<bool>()).prop_map(
            |(branch, from, is_drop)| Event::Merge { branch, from, is_drop }),
        2 => (branch.clone(), 0..2usize, 0..4usize).prop_map(
            |(branch, database, kind)| Event::Database { branch, database, kind }),
        4 => (branch.clone(), back, passwords.clone()).prop_map(
            |(parent, back, passwords)| Event::Branch { parent, back, passwords }),
        4 => (branch.clone(), branch.clone(), 0..20usize, is_kept, passwords).prop_map(
            |(target, source, back, is_kept, passwords)| {
                Event::Restore { target, source, back, is_kept, passwords }
            }),
        2 => (branch.clone(), 0..5usize).prop_map(
            |(branch, kind)| Event::Settings { branch, kind }),
        1 => branch.clone().prop_map(|branch| Event::Delete { branch }),
        2 => branch.prop_map(|branch| Event::Pass { branch }),
        3 => prop_oneof![-5..5i64, -5_000_000..5_000_000i64].prop_map(
            |micros| Event::MoveClock { micros }),
    ]
}

/// What is committed.
#[derive(Clone, Debug)]
pub enum Act {
    Do(Command),
    Branch(NewBranch),
    Restore(Restoration),
    Change { branch: BranchId, change: BranchChange },
    SetDefault(BranchId),
}

fn passwords(kind: usize, number: u64) -> Passwords {
    match kind {
        0 => Passwords::Fresh((0..ROLES.len()).map(|i| (role(i), credential(number))).collect()),
        1 => Passwords::Unset,
        _ => Passwords::Inherited,
    }
}

/// Returns a cutoff that many revisions back, at its time or just beside it.
fn cutoff(copies: &Copies, back: usize, micros: i64) -> Cutoff {
    let times = &copies.times;
    let at = times[times.len() - 1 - back % times.len()] + TimeDelta::microseconds(micros);
    Cutoff::Past { revision: copies.revision_at(at), at, lsn: None }
}

impl Event {
    /// Returns what is committed where there are `count` branches.
    pub fn act(&self, copies: &Copies, count: usize, number: u64) -> Act {
        let branch = |index: usize| id(index % count);
        match *self {
            Self::Role { branch: on, role: index, kind } => {
                let (branch, name, credential) = (branch(on), role(index), credential(number));
                let at = *copies.times.last().expect("a commit") + TimeDelta::days(1);
                let (on, role) = (branch.clone(), Some(name.clone()));
                let set = |at| Act::Do(Command::SetEnd { branch: on, role, at });
                match kind {
                    0 | 1 => {
                        let login = Login::Password(credential);
                        Act::Do(Command::CreateRole { branch, name, login })
                    }
                    2 => Act::Do(Command::ResetPassword { branch, name, credential }),
                    3 => set(Some(at)),
                    4 => set(None),
                    _ => Act::Do(Command::DropRole { branch, name }),
                }
            }
            Self::Merge { branch: on, from, is_drop } => {
                let (branch, credential) = (branch(on), credential(number));
                let names = (from..from + 10).map(bulk).collect();
                Act::Do(if is_drop {
                    Command::DropRoles { branch, names }
                } else {
                    Command::CreateRoles { branch, names, credential }
                })
            }
            Self::Database { branch: on, database: index, kind } => {
                let (branch, name) = (branch(on), database(index));
                Act::Do(match kind {
                    0 => Command::CreateDatabase { branch, name, owner: role(0) },
                    1 => Command::DropDatabase { branch, name },
                    kind => {
                        let owner = (kind == 2).then(|| role(1));
                        let change = DatabaseChange { name: Some(database(index + 1)), owner };
                        Command::UpdateDatabase { branch, name, change }
                    }
                })
            }
            Self::Branch { parent, back, passwords: kind } => {
                let cutoff =
                    back.map_or(Cutoff::Head, |(back, micros)| cutoff(copies, back, micros));
                let title = format!("branch {number}").parse().expect("a name");
                let passwords = passwords(kind, number);
                let new = NewBranch::new(id(count), title, branch(parent), cutoff);
                Act::Branch(NewBranch { passwords, ..new })
            }
            Self::Restore { target, source, back, is_kept, passwords: kind } => {
                let title = format!("kept {number}").parse().expect("a name");
                Act::Restore(Restoration {
                    target: branch(target),
                    source: branch(source),
                    cutoff: cutoff(copies, back, 0),
                    preserve: is_kept.then(|| (id(count), title)),
                    passwords: passwords(kind, number),
                })
            }
            Self::Settings { branch: on, kind } => settings(branch(on), kind, number),
            Self::Delete { branch: on } => Act::Do(Command::DeleteBranch { branch: branch(on) }),
            Self::Pass { branch: on } => {
                Act::Do(Command::Record(report(branch(on), copies.head(), 0, number)))
            }
            Self::MoveClock { .. } => unreachable!("a clock that is moved commits nothing"),
        }
    }
}

fn settings(branch: BranchId, kind: usize, number: u64) -> Act {
    let nothing = BranchChange::default();
    let change = match kind {
        0 => BranchChange { protected: Some(true), ..nothing },
        1 => BranchChange { protected: Some(false), ..nothing },
        2 => BranchChange { password_policy: Change::Set(PasswordPolicy::Fresh), ..nothing },
        3 => {
            let title = name(usize::try_from(number).expect("a small number"));
            BranchChange { name: Some(title), ..nothing }
        }
        _ => return Act::SetDefault(branch),
    };
    Act::Change { branch, change }
}

fn done<T, E>(answer: Result<T, E>) -> Result<(), E> {
    answer.map(drop)
}

impl Act {
    pub fn run<S: Write>(
        &self,
        state: &mut S,
        moment: Moment,
        seed: Seed,
    ) -> Result<(), Denied<S::Error>> {
        match self.clone() {
            Self::Do(command) => done(command.run(state, moment, seed)),
            Self::Branch(new) => done(branches::create(state, moment, seed, new)),
            Self::Restore(restoration) => done(restore::restore(state, moment, seed, &restoration)),
            Self::Change { branch, change } => {
                done(branches::update(state, moment, &branch, &change))
            }
            Self::SetDefault(branch) => done(branches::set_default(state, moment, &branch)),
        }
    }

    /// Returns the cause that the control plane gives such a commit, asked for by one of two keys.
    pub fn cause(&self, number: u64) -> Cause {
        let key_id = Some(KeyId(number % 2));
        let request_id = uuid::Uuid::from_u128(number.into());
        let caller = Caller { key_id, request_id, ..Caller::offshoot() };
        let (deed, topic) = match self {
            Self::Do(command) => of_command(command),
            Self::Branch(new) => (Deed::CreateBranch, Topic::Branch(new.id.clone())),
            Self::Restore(asked) => (Deed::RestoreBranch, Topic::Branch(asked.target.clone())),
            Self::Change { branch, .. } => (Deed::UpdateBranch, Topic::Branch(branch.clone())),
            Self::SetDefault(branch) => (Deed::SetDefaultBranch, Topic::Branch(branch.clone())),
        };
        caller.asks(deed, topic)
    }
}

fn of_command(command: &Command) -> (Deed, Topic) {
    let topic = match command {
        Command::CreateProject => Topic::Whole,
        Command::CreateRole { branch, name, .. }
        | Command::ResetPassword { branch, name, .. }
        | Command::DropRole { branch, name }
        | Command::SetEnd { branch, role: Some(name), .. }
        | Command::End { branch, role: Some(name) } => Topic::Role(branch.clone(), name.clone()),
        Command::CreateRoles { branch, .. } | Command::DropRoles { branch, .. } => {
            return (Deed::MergeBranch, Topic::Branch(branch.clone()));
        }
        Command::CreateDatabase { branch, name, .. }
        | Command::UpdateDatabase { branch, name, .. }
        | Command::DropDatabase { branch, name } => Topic::Database(branch.clone(), name.clone()),
        Command::Branch { new, .. } => Topic::Branch(new.id.clone()),
        Command::Restore { restoration, .. } => Topic::Branch(restoration.target.clone()),
        Command::Merge { target, .. } => Topic::Branch(target.clone()),
        Command::RenameBranch { branch, .. }
        | Command::DeleteBranch { branch }
        | Command::SetEnd { branch, role: None, .. }
        | Command::End { branch, role: None } => Topic::Branch(branch.clone()),
        Command::Record(report) => Topic::Branch(report.branch.clone()),
    };
    (command.deed(), topic)
}

/// Returns the number of the revision before.
pub fn before(revision: Revision) -> Revision {
    Revision(revision.0 - 1)
}
