//! The second oracle, which knows nothing of the rules: maps of passwords, copied for a child.

#![expect(clippy::wildcard_enum_match_arm, reason = "each of the three gets only what is for it")]

use std::collections::BTreeMap;

use chrono::TimeDelta;
use offshoot::model::branch::Branch;
use offshoot::model::id::BranchId;
use offshoot::model::name::{BranchName, DatabaseName, RoleName};
use offshoot::model::revision::Timestamp;
use offshoot::model::role::{Credential, Login, Role};
use offshoot::model::rules::restore::Restoration;
use offshoot::model::state::Read;

use super::command::{Command, credential, database, id, name, role};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlainRole {
    /// The verifier of a role that can log in.
    pub password: Option<String>,
    /// When it goes by itself.
    pub end: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlainBranch {
    pub name: BranchName,
    pub parent: Option<BranchId>,
    /// When it goes by itself, and how many seconds that was away when it was said.
    pub end: Option<(Timestamp, u32)>,
    pub roles: BTreeMap<RoleName, PlainRole>,
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

impl PlainRole {
    fn with(credential: &Credential) -> Self {
        Self { password: Some(verifier(credential)), end: None }
    }
}

impl PlainBranch {
    /// Returns what is plain of a branch.
    pub fn of<S: Read>(state: &S, branch: Branch) -> Result<Self, S::Error> {
        let plainly = |role: Role| {
            let password = role.login.credential().map(verifier);
            (role.name, PlainRole { password, end: role.expires_at })
        };
        let roles = state.roles(&branch.id)?.into_iter();
        let databases = state.databases(&branch.id)?.into_iter();
        Ok(Self {
            parent: branch.branch_point().map(|point| point.parent.clone()),
            end: branch.expiry.map(|expiry| (expiry.at, expiry.ttl_seconds)),
            roles: roles.map(plainly).collect(),
            databases: databases.map(|database| (database.name, database.owner)).collect(),
            name: branch.name,
        })
    }

    fn is_droppable(&self, name: &RoleName) -> bool {
        !is_protected(name) && self.databases.values().all(|owner| owner != name)
    }

    fn can_own(&self, name: &RoleName) -> bool {
        !is_protected(name) && self.roles.get(name).is_some_and(|role| role.end.is_none())
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

    /// Carries a command out at a time, and returns whether it may be; nothing where it is not about
    /// branches, roles or databases.
    pub fn carry_out(&mut self, command: &Command, now: Timestamp) -> Option<bool> {
        let before = self.now.clone();
        let done = match command {
            // The other oracle tells what a merge leaves.
            Command::Record(_) | Command::Merge { .. } => return None,
            Command::CreateProject => {
                self.now.insert(id(0), first_branch());
                Some(())
            }
            Command::Restore { restoration, asked } => self.restore(restoration, *asked, now),
            Command::SetEnd { branch, role: Some(role), at } => {
                self.set_role_end(branch, role, *at, now)
            }
            Command::SetEnd { branch, role: None, at } => self.set_branch_end(branch, *at, now),
            Command::End { branch, role } => {
                self.end(branch, role.as_ref(), now);
                Some(())
            }
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
                let role = match login {
                    Login::Never | Login::Unset => PlainRole::default(),
                    Login::Password(credential) => PlainRole::with(credential),
                };
                (!roles.contains_key(name)).then(|| roles.insert(name.clone(), role)).map(drop)
            }
            Command::CreateRoles { branch, names, credential } => {
                let roles = &mut self.now.get_mut(branch)?.roles;
                for name in names {
                    roles.entry(name.clone()).or_insert_with(|| PlainRole::with(credential));
                }
                Some(())
            }
            Command::ResetPassword { branch, name, credential } => {
                let role = self.now.get_mut(branch)?.roles.get_mut(name)?;
                role.password.as_mut().map(|password| *password = verifier(credential))
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
                let is_lasting = self.now.get(&new.parent)?.end.is_none();
                let child = PlainBranch {
                    name: self.free(&new.name).filter(|_| is_lasting)?,
                    parent: Some(new.parent.clone()),
                    end: None,
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
                self.can_go(branch).then(|| self.now.remove(branch))?.map(drop)
            }
            other => unreachable!("{other:?} is not about branches"),
        }
    }

    fn can_go(&self, branch: &BranchId) -> bool {
        let is_parent = self.now.values().any(|other| other.parent.as_ref() == Some(branch));
        !is_parent && *branch != id(0)
    }

    fn set_role_end(
        &mut self,
        branch: &BranchId,
        name: &RoleName,
        at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<()> {
        let branch = self.now.get_mut(branch)?;
        let may = match at {
            Some(at) => now < at && branch.is_droppable(name),
            None => !is_protected(name),
        };
        branch.roles.get_mut(name).filter(|_| may)?.end = at;
        Some(())
    }

    fn set_branch_end(
        &mut self,
        branch: &BranchId,
        at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<()> {
        let may = at.is_none_or(|at| now < at && self.can_go(branch));
        let seconds = |at: Timestamp| {
            let whole = (at - now).num_seconds();
            let begun = i64::from(now + TimeDelta::seconds(whole) < at);
            u32::try_from(whole + begun).expect("an end that is not far away")
        };
        let branch = self.now.get_mut(branch).filter(|_| may)?;
        branch.end = at.map(|at| (at, seconds(at)));
        Some(())
    }

    /// Has a role or a branch go, if its time has come. It may always be asked.
    fn end(&mut self, id: &BranchId, role: Option<&RoleName>, now: Timestamp) {
        let Some(branch) = self.now.get_mut(id) else { return };
        match role {
            Some(name) => {
                let end = branch.roles.get(name).and_then(|role| role.end);
                if end.is_some_and(|end| end <= now) {
                    branch.roles.remove(name);
                }
            }
            None if branch.end.is_some_and(|(end, _)| end <= now) => {
                self.now.remove(id);
            }
            None => {}
        }
    }

    fn restore(
        &mut self,
        restoration: &Restoration,
        asked: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<()> {
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
            self.now.insert(id.clone(), PlainBranch { name, end: None, ..before.clone() });
            if source == target {
                parent = parent.map(|_| id.clone());
            }
        } else if source == target || self.now.values().any(|branch| is_of(branch, target)) {
            return None;
        }
        let is_reset = before.parent.as_ref() == Some(source);
        let restarted =
            |(_, seconds): (Timestamp, u32)| (now + TimeDelta::seconds(seconds.into()), seconds);
        let end = if is_reset { before.end.map(restarted) } else { before.end };
        self.now.insert(target.clone(), PlainBranch { name: before.name, parent, end, ..copied });
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
        end: None,
        roles: [(role(7), PlainRole::default()), (owner.clone(), PlainRole::with(&credential(0)))]
            .into(),
        databases: [(database(0), owner)].into(),
    }
}
