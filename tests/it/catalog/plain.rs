//! The second oracle, which knows nothing of the rules: maps of passwords, copied for a child.

#![expect(clippy::wildcard_enum_match_arm, reason = "each of the three gets only what is for it")]

use std::collections::BTreeMap;

use offshoot::model::id::BranchId;
use offshoot::model::name::{BranchName, DatabaseName, RoleName};
use offshoot::model::revision::Timestamp;
use offshoot::model::role::{Credential, Login};
use offshoot::model::rules::restore::Restoration;

use super::command::{Command, credential, database, id, name, role};

#[derive(Clone, Debug, PartialEq)]
pub struct PlainBranch {
    pub name: BranchName,
    pub parent: Option<BranchId>,
    /// The verifier of each role that can log in.
    pub roles: BTreeMap<RoleName, Option<String>>,
    /// The owner of each database.
    pub databases: BTreeMap<DatabaseName, RoleName>,
}

pub type Branches = BTreeMap<BranchId, PlainBranch>;

pub struct Plain {
    pub now: Branches,
    /// The branches at each revision, from 0 on.
    pub past: Vec<Branches>,
    times: Vec<Timestamp>,
}

/// The role that nobody can change or own anything with.
fn is_protected(name: &RoleName) -> bool {
    name.as_str() == "web_access"
}

fn verifier(credential: &Credential) -> String {
    credential.verifier.reveal().into()
}

impl PlainBranch {
    fn is_droppable(&self, name: &RoleName) -> bool {
        !is_protected(name) && self.databases.values().all(|owner| owner != name)
    }

    fn can_own(&self, name: &RoleName) -> bool {
        !is_protected(name) && self.roles.contains_key(name)
    }
}

impl Plain {
    pub fn new() -> Self {
        Self { now: Branches::new(), past: vec![Branches::new()], times: Vec::new() }
    }

    pub fn commit(&mut self, at: Timestamp) {
        self.past.push(self.now.clone());
        self.times.push(at);
    }

    /// Carries a command out, and returns whether it may be; nothing where it is not about
    /// branches, roles or databases.
    pub fn carry_out(&mut self, command: &Command) -> Option<bool> {
        let before = self.now.clone();
        let done = match command {
            Command::Record(_) => return None,
            Command::CreateProject => {
                self.now.insert(id(0), first_branch());
                Some(())
            }
            Command::Restore { restoration, asked } => self.restore(restoration, *asked),
            Command::Branch { .. }
            | Command::RenameBranch { .. }
            | Command::DeleteBranch { .. } => self.change_branches(command),
            Command::CreateDatabase { .. }
            | Command::UpdateDatabase { .. }
            | Command::DropDatabase { .. } => self.change_databases(command),
            Command::CreateRole { .. }
            | Command::CreateRoles { .. }
            | Command::ResetPassword { .. }
            | Command::DropRole { .. }
            | Command::DropRoles { .. } => self.change_roles(command),
        };
        if done.is_none() {
            self.now = before;
        }
        Some(done.is_some())
    }

    fn change_roles(&mut self, command: &Command) -> Option<()> {
        match command {
            Command::CreateRole { branch, name, login } => {
                let roles = &mut self.now.get_mut(branch)?.roles;
                let login = match login {
                    Login::Never | Login::Unset => None,
                    Login::Password(credential) => Some(verifier(credential)),
                };
                (!roles.contains_key(name)).then(|| roles.insert(name.clone(), login)).map(drop)
            }
            Command::CreateRoles { branch, names, credential } => {
                let roles = &mut self.now.get_mut(branch)?.roles;
                for name in names {
                    roles.entry(name.clone()).or_insert_with(|| Some(verifier(credential)));
                }
                Some(())
            }
            Command::ResetPassword { branch, name, credential } => {
                let password = self.now.get_mut(branch)?.roles.get_mut(name)?;
                password.as_mut().map(|password| *password = verifier(credential))
            }
            Command::DropRole { branch, name } => {
                let branch = self.now.get_mut(branch)?;
                if !branch.is_droppable(name) {
                    return None;
                }
                branch.roles.remove(name).map(drop)
            }
            Command::DropRoles { branch, names } => {
                let Some(branch) = self.now.get_mut(branch) else { return Some(()) };
                let existing = names.iter().filter(|name| branch.roles.contains_key(name));
                if !existing.clone().all(|name| branch.is_droppable(name)) {
                    return None;
                }
                branch.roles.retain(|name, _| !names.contains(name));
                Some(())
            }
            other => unreachable!("{other:?} is not about roles"),
        }
    }

    fn change_databases(&mut self, command: &Command) -> Option<()> {
        match command {
            Command::CreateDatabase { branch, name, owner } => {
                let branch = self.now.get_mut(branch)?;
                let is_free = !branch.databases.contains_key(name);
                (is_free && branch.can_own(owner))
                    .then(|| branch.databases.insert(name.clone(), owner.clone()))
                    .map(drop)
            }
            Command::UpdateDatabase { branch, name, change } => {
                let branch = self.now.get_mut(branch)?;
                let owner = branch.databases.remove(name)?;
                let owner = change.owner.clone().unwrap_or(owner);
                let name = change.name.clone().unwrap_or_else(|| name.clone());
                let is_free = !branch.databases.contains_key(&name);
                (is_free && branch.can_own(&owner))
                    .then(|| branch.databases.insert(name, owner))
                    .map(drop)
            }
            Command::DropDatabase { branch, name } => {
                self.now.get_mut(branch)?.databases.remove(name).map(drop)
            }
            other => unreachable!("{other:?} is not about databases"),
        }
    }

    fn change_branches(&mut self, command: &Command) -> Option<()> {
        match command {
            Command::Branch { new, asked } => {
                self.now.get(&new.parent)?;
                let child = PlainBranch {
                    name: self.free(&new.name)?,
                    parent: Some(new.parent.clone()),
                    ..self.at(*asked).get(&new.parent)?.clone()
                };
                self.now.insert(new.id.clone(), child);
                Some(())
            }
            Command::RenameBranch { branch, name } => {
                let name = self.free(name);
                self.now.get_mut(branch)?.name = name?;
                Some(())
            }
            Command::DeleteBranch { branch } => {
                let is_parent =
                    self.now.values().any(|other| other.parent.as_ref() == Some(branch));
                if is_parent || *branch == id(0) {
                    return None;
                }
                self.now.remove(branch).map(drop)
            }
            other => unreachable!("{other:?} is not about branches"),
        }
    }

    fn restore(&mut self, restoration: &Restoration, asked: Option<Timestamp>) -> Option<()> {
        let Restoration { target, source, cutoff: _, preserve, passwords: _ } = restoration;
        self.now.get(source)?;
        let before = self.now.get(target)?.clone();
        let copied = self.at(asked).get(source)?.clone();
        let is_of = |branch: &PlainBranch, id| branch.parent.as_ref() == Some(id);
        let mut parent = before.parent.clone();
        if let Some((id, name)) = preserve {
            let name = self.free(name)?;
            for child in self.now.values_mut().filter(|branch| is_of(branch, target)) {
                child.parent = Some(id.clone());
            }
            self.now.insert(id.clone(), PlainBranch { name, ..before.clone() });
            if source == target {
                parent = parent.map(|_| id.clone());
            }
        } else if source == target || self.now.values().any(|branch| is_of(branch, target)) {
            return None;
        }
        let (roles, databases) = (copied.roles, copied.databases);
        let name = before.name;
        self.now.insert(target.clone(), PlainBranch { name, parent, roles, databases });
        Some(())
    }

    /// Returns the branches as they were at a time, or as they are.
    fn at(&self, asked: Option<Timestamp>) -> &Branches {
        let Some(asked) = asked else { return &self.now };
        &self.past[self.times.iter().take_while(|time| **time <= asked).count()]
    }

    fn free(&self, name: &BranchName) -> Option<BranchName> {
        self.now.values().all(|branch| branch.name != *name).then(|| name.clone())
    }
}

fn first_branch() -> PlainBranch {
    let owner = role(6);
    PlainBranch {
        name: name(0),
        parent: None,
        roles: [(role(7), None), (owner.clone(), Some(verifier(&credential(0))))].into(),
        databases: [(database(0), owner)].into(),
    }
}
