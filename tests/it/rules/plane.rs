//! A project in plain maps, and what people do with it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use offshoot::model::annotation::Annotation;
use offshoot::model::branch::{Branch, PasswordPolicy};
use offshoot::model::change::Change;
use offshoot::model::endpoint::{Site, Tuning};
use offshoot::model::id::BranchId;
use offshoot::model::merge::Choices;
use offshoot::model::name::RoleName;
use offshoot::model::operation::{Action, Operation};
use offshoot::model::project::{PgVersion, Project, ProjectSettings};
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Credential, Login, Role, default_of};
use offshoot::model::rules::branches::{self, BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::endpoints::{self, NewEndpoint};
use offshoot::model::rules::merge::{Asked, Merged, merge};
use offshoot::model::rules::passwords::{Passwords, policy_of_new, policy_of_restore};
use offshoot::model::rules::projects::{self, NewProject};
use offshoot::model::rules::restore::{self, Restoration};
use offshoot::model::rules::roles::{self, NewRole};
use offshoot::model::rules::{Seed, credentials, databases};
use offshoot::model::secret::Verifier;
use offshoot::model::state::{Denied, Read};

use crate::catalog::copies::Copies;

/// A project, whose default branch is `main`: the role `owner` owns the database `shop` there.
pub struct Plane {
    pub copies: Copies,
    /// The time of the next commit.
    pub now: Timestamp,
    drawn: u64,
}

/// What a test asks of a restore; the rest is as in a reset.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub to: Option<Revision>,
    pub preserve: Option<&'static str>,
}

pub fn of<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a text that parses")
}

impl Plane {
    pub fn new() -> Self {
        let now = Timestamp::from_timestamp(1_700_000_000, 0).expect("a time");
        let mut plane = Self { copies: Copies::new(), now, drawn: 0 };
        let new = NewProject {
            id: of("project"),
            name: of("project"),
            pg_version: PgVersion::DEFAULT,
            store_passwords: true,
            history_retention_seconds: 0,
            settings: ProjectSettings::default(),
            endpoint_defaults: Tuning::default(),
            has_system_role: true,
            password_policy: None,
            branch: of("br-main"),
            branch_name: of("main"),
            annotation: Annotation::default(),
            database: of("shop"),
            owner: of("owner"),
            credential: plane.draw(&of("br-main")),
            endpoint: endpoint("ep-main"),
        };
        plane.does(|s, m, seed| projects::create(s, m, seed, new.clone()));
        plane
    }

    /// Tries what a rule says, a second after what came before.
    pub fn tries<T>(
        &mut self,
        rule: impl FnOnce(&mut Copies, Moment, Seed) -> Result<T, Denied<std::convert::Infallible>>,
    ) -> Result<T, Refusal> {
        self.now += TimeDelta::seconds(1);
        self.drawn += 1;
        let seed = Seed(self.drawn << 16);
        self.copies.decide(self.now, |state, moment| rule(state, moment, seed)).map_err(|denied| {
            match denied {
                Denied::Refused(refusal) => refusal,
                Denied::Unreadable(never) => match never {},
            }
        })
    }

    #[track_caller]
    pub fn does<T>(
        &mut self,
        rule: impl FnOnce(&mut Copies, Moment, Seed) -> Result<T, Denied<std::convert::Infallible>>,
    ) -> T {
        self.tries(rule).expect("what no rule refuses")
    }

    pub fn draw(&mut self, branch: &BranchId) -> Credential {
        self.drawn += 1;
        let verifier = Verifier::from_trusted(format!("verifier {}", self.drawn));
        Credential { verifier, sealed: None, branch: branch.clone() }
    }

    pub fn head(&self) -> Revision {
        self.copies.head()
    }

    #[track_caller]
    pub fn branch(&self, id: &str) -> Branch {
        let Ok(found) = self.copies.branch(&of(id));
        found.expect("a branch")
    }

    pub fn project(&self) -> Project {
        let Ok(found) = self.copies.project();
        found.expect("a project")
    }

    pub fn parent(&self, id: &str) -> Option<String> {
        self.branch(id).branch_point().map(|point| point.parent.to_string())
    }

    #[track_caller]
    pub fn role(&self, branch: &str, name: &str) -> Role {
        let name = RoleName::parse_existing(name).expect("a name");
        let Ok(found) = self.copies.role(&of(branch), &name);
        found.expect("a role")
    }

    /// Returns what a role logs in with; nothing where it cannot yet.
    pub fn password(&self, branch: &str, name: &str) -> Option<Credential> {
        self.role(branch, name).login.credential().cloned()
    }

    pub fn role_names(&self, branch: &str) -> Vec<String> {
        let Ok(roles) = self.copies.roles(&of(branch));
        let roles = roles.into_iter().filter(|role| !role.protected);
        roles.map(|role| role.name.to_string()).collect()
    }

    pub fn add_role(&mut self, branch: &str, name: &str) {
        let login = Login::Password(self.draw(&of(branch)));
        let new = NewRole::new(of(name), login);
        self.does(|s, m, seed| roles::create(s, m, seed, &of(branch), new));
    }

    pub fn add_credential(&mut self, branch: &str, name: &str) -> Result<Role, Refusal> {
        let new = NewRole::new(of(name), Login::Password(self.draw(&of(branch))));
        let moves = credentials::Default::Moves;
        let created =
            self.tries(|s, m, seed| credentials::create(s, m, seed, &of(branch), new, moves));
        created.map(|(role, _)| role)
    }

    pub fn drop_credential(&mut self, branch: &str, name: &str) -> Result<Role, Refusal> {
        let dropped =
            self.tries(|s, m, seed| credentials::delete(s, m, seed, &of(branch), &of(name)));
        dropped.map(|(role, _)| role)
    }

    pub fn promote(&mut self, branch: &str, name: &str) -> Result<Role, Refusal> {
        let promoted =
            self.tries(|s, m, seed| credentials::promote(s, m, seed, &of(branch), &of(name)));
        promoted.map(|(role, _)| role)
    }

    /// Returns the names of a branch's live credentials, the default first.
    pub fn credentials(&self, branch: &str) -> Vec<String> {
        let Ok(roles) = self.copies.roles(&of(branch));
        let default = default_of(&roles).map(|role| role.name.to_string());
        let live = roles.iter().filter(|role| role.live().is_some());
        let live = live.map(|role| role.name.to_string());
        let others: Vec<_> = live.filter(|name| Some(name) != default.as_ref()).collect();
        default.into_iter().chain(others).collect()
    }

    pub fn drop_role(&mut self, branch: &str, name: &str) {
        self.does(|s, m, seed| {
            roles::delete(s, m, seed, (&of(branch), &of(name)), roles::OnOwned::Reassign)
        });
    }

    pub fn reset_password(&mut self, branch: &str, name: &str) {
        let drawn = self.draw(&of(branch));
        self.does(|s, m, seed| roles::reset_password(s, m, seed, &of(branch), &of(name), drawn));
    }

    pub fn add_database(&mut self, branch: &str, name: &str, owner: &str) -> Result<(), Refusal> {
        let (name, owner) = (of(name), of(owner));
        let created =
            self.tries(|s, m, seed| databases::create(s, m, seed, &of(branch), name, owner));
        created.map(drop)
    }

    pub fn add_endpoint(&mut self, branch: &str, id: &str) {
        self.does(|s, m, seed| endpoints::create(s, m, seed, &of(branch), endpoint(id)));
    }

    /// Branches off at the parent's head, under the policy that applies.
    pub fn branch_off(&mut self, parent: &str, id: &str) {
        let new = NewBranch::new(of(id), of(id), of(parent), Cutoff::Head);
        self.create(new).expect("a branch");
    }

    pub fn create(&mut self, new: NewBranch) -> Result<Branch, Refusal> {
        let parent = self.branch(new.parent.as_str());
        let policy = policy_of_new(new.password_policy, &self.project(), &parent);
        let passwords = self.prepare(policy.unwrap_or(PasswordPolicy::Inherit), &new.id);
        let new = NewBranch { passwords, ..new };
        self.tries(|s, m, seed| branches::create(s, m, seed, new)).map(|born| born.branch)
    }

    pub fn update(&mut self, id: &str, change: &BranchChange) -> Result<Branch, Refusal> {
        self.tries(|s, m, _| branches::update(s, m, &of(id), change))
    }

    pub fn protect(&mut self, id: &str, protected: bool) {
        let change = BranchChange { protected: Some(protected), ..BranchChange::default() };
        self.update(id, &change).expect("a branch that can be protected");
    }

    pub fn set_policy(&mut self, id: &str, policy: PasswordPolicy) {
        let password_policy = Change::Set(policy);
        let change = BranchChange { password_policy, ..BranchChange::default() };
        self.update(id, &change).expect("a change");
    }

    /// Restores under the policy that applies.
    pub fn restore(
        &mut self,
        target: &str,
        source: &str,
        wish: &Wish,
    ) -> Result<(Branch, Vec<Operation>), Refusal> {
        let Ok(policy) =
            policy_of_restore(&self.copies, &self.branch(target), &self.branch(source));
        let passwords = self.prepare(policy, &of(target));
        self.restore_with(target, source, wish, passwords)
    }

    pub fn restore_with(
        &mut self,
        target: &str,
        source: &str,
        wish: &Wish,
        passwords: Passwords,
    ) -> Result<(Branch, Vec<Operation>), Refusal> {
        let cutoff = wish.to.map_or(Cutoff::Head, |revision| {
            let at = self.copies.times[usize::try_from(revision.0).expect("a revision") - 1];
            Cutoff::Past { revision, at, lsn: None }
        });
        let asked = Restoration {
            target: of(target),
            source: of(source),
            cutoff,
            preserve: wish.preserve.map(|name| (of(&format!("br-{name}")), of(name))),
            passwords,
        };
        self.tries(|s, m, seed| restore::restore(s, m, seed, &asked))
    }

    /// Takes what a branch changed into another.
    pub fn merge(&mut self, source: &str, target: &str) -> Result<Merged, Refusal> {
        let mut asked = Asked {
            source: of(source),
            target: of(target),
            choices: Choices::default(),
            drawn: BTreeMap::new(),
        };
        if let Passwords::Fresh(drawn) = self.prepare(PasswordPolicy::Fresh, &of(target)) {
            asked.drawn = drawn;
        }
        let merged = self.tries(|s, m, seed| merge(s, m, seed, &asked))?;
        Ok(merged.expect("passwords for all names"))
    }

    /// Prepares what a policy calls for: a fresh password for every name there ever was.
    fn prepare(&mut self, policy: PasswordPolicy, taker: &BranchId) -> Passwords {
        match policy {
            PasswordPolicy::Inherit => Passwords::Inherited,
            PasswordPolicy::None => Passwords::Unset,
            PasswordPolicy::Fresh => {
                let past = self.copies.past.iter().flat_map(|state| state.catalogs.values());
                let names: Vec<RoleName> =
                    past.flat_map(|catalog| catalog.roles.keys().cloned()).collect();
                let drawn: BTreeMap<_, _> =
                    names.into_iter().map(|name| (name, self.draw(taker))).collect();
                Passwords::Fresh(drawn)
            }
        }
    }
}

pub fn endpoint(id: &str) -> NewEndpoint {
    NewEndpoint { id: of(id), site: Site::Local { port: 5432 }, tuning: Tuning::default() }
}

pub fn actions(operations: &[Operation]) -> Vec<Action> {
    operations.iter().map(|operation| operation.action).collect()
}
