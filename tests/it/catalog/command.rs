//! What the property test asks of the catalog.

use std::collections::BTreeMap;

use offshoot::model::annotation::Annotation;
use offshoot::model::cause::Deed;
use offshoot::model::change::Change;
use offshoot::model::endpoint::{EndpointState, Site, Tuning};
use offshoot::model::fault::Fault;
use offshoot::model::id::BranchId;
use offshoot::model::lsn::Lsn;
use offshoot::model::merge::{Choices, Side};
use offshoot::model::name::{BranchName, DatabaseName, RoleName};
use offshoot::model::operation::{Operation, Subject};
use offshoot::model::progress::Trace;
use offshoot::model::project::{PgVersion, ProjectSettings};
use offshoot::model::revision::{Moment, Revision, Timestamp};
use offshoot::model::role::{Credential, Login};
use offshoot::model::rules::branches::{BranchChange, NewBranch};
use offshoot::model::rules::databases::DatabaseChange;
use offshoot::model::rules::endpoints::NewEndpoint;
use offshoot::model::rules::merge::Asked;
use offshoot::model::rules::passes::{Outcome, Problem, Report};
use offshoot::model::rules::projects::NewProject;
use offshoot::model::rules::restore::Restoration;
use offshoot::model::rules::roles::NewRole;
use offshoot::model::rules::{
    Seed, branches, databases, expiry, merge, passes, projects, restore, roles,
};
use offshoot::model::secret::Verifier;
use offshoot::model::state::{Denied, Mark, Write};

/// The names that roles get. One is the beginning of another, and some are in no plain alphabet.
pub const ROLES: [&str; 14] = [
    "app",
    "ap",
    "app2",
    "Z",
    "ä",
    "a\"b",
    "neondb_owner",
    "web_access",
    "bulk-00",
    "bulk-07",
    "bulk-08",
    "bulk-16",
    "bulk-31",
    "bulk-49",
];

/// The names that databases get; some of them are roles' names, too.
pub const DATABASES: [&str; 5] = ["neondb", "app", "ap", "bulk-00", "db"];

/// The names that branches get.
pub const NAMES: [&str; 6] = ["main", "mai", "main2", "dev", "preview/1", "ä"];

pub fn role(index: usize) -> RoleName {
    RoleName::parse_existing(ROLES[index % ROLES.len()]).expect("a name")
}

pub fn database(index: usize) -> DatabaseName {
    DATABASES[index % DATABASES.len()].parse().expect("a name")
}

pub fn name(index: usize) -> BranchName {
    NAMES[index % NAMES.len()].parse().expect("a name")
}

/// Returns the id of the branch that was created as number `index`: a, b, aa, ab, ba …, so that
/// one is soon the beginning of another.
pub fn id(index: usize) -> BranchId {
    let mut text = String::new();
    let mut rest = index + 1;
    while 0 < rest {
        text.insert(0, if rest % 2 == 1 { 'a' } else { 'b' });
        rest = (rest - 1) / 2;
    }
    format!("br-{text}").parse().expect("an id")
}

/// Returns a credential that no other number has.
pub fn credential(number: u64) -> Credential {
    let verifier = Verifier::from_trusted(format!("SCRAM-SHA-256$4096:c2FsdA==${number}:key"));
    Credential { verifier, sealed: None, branch: id(0) }
}

pub fn endpoint(number: u64) -> NewEndpoint {
    NewEndpoint {
        id: format!("ep-{number}").parse().expect("an id"),
        site: Site::Local { port: 5432 },
        tuning: Tuning::default(),
    }
}

#[derive(Clone, Debug)]
pub enum Command {
    CreateProject,
    CreateRole {
        branch: BranchId,
        name: RoleName,
        login: Login,
    },
    /// Creates those that do not exist, all in one commit.
    CreateRoles {
        branch: BranchId,
        names: Vec<RoleName>,
        credential: Credential,
    },
    ResetPassword {
        branch: BranchId,
        name: RoleName,
        credential: Credential,
    },
    DropRole {
        branch: BranchId,
        name: RoleName,
    },
    /// Drops those that exist, all in one commit.
    DropRoles {
        branch: BranchId,
        names: Vec<RoleName>,
    },
    CreateDatabase {
        branch: BranchId,
        name: DatabaseName,
        owner: RoleName,
    },
    UpdateDatabase {
        branch: BranchId,
        name: DatabaseName,
        change: DatabaseChange,
    },
    DropDatabase {
        branch: BranchId,
        name: DatabaseName,
    },
    /// Branches, at the time that was asked for or at the head.
    Branch {
        new: NewBranch,
        asked: Option<Timestamp>,
    },
    /// Restores, to the time that was asked for or to the head.
    Restore {
        restoration: Restoration,
        asked: Option<Timestamp>,
    },
    /// Merges a branch into another, with a side that decides where they disagree.
    Merge {
        source: BranchId,
        target: BranchId,
        others: Option<Side>,
    },
    RenameBranch {
        branch: BranchId,
        name: BranchName,
    },
    DeleteBranch {
        branch: BranchId,
    },
    /// Says when a role, or the branch itself, goes by itself.
    SetEnd {
        branch: BranchId,
        role: Option<RoleName>,
        at: Option<Timestamp>,
    },
    /// Has it go, if its time has come.
    End {
        branch: BranchId,
        role: Option<RoleName>,
    },
    Record(Report),
}

impl Command {
    /// Runs the real rule over any kind of state, and returns its answer as text.
    pub fn run<S: Write>(
        &self,
        state: &mut S,
        moment: Moment,
        seed: Seed,
    ) -> Result<String, Denied<S::Error>> {
        fn told<T: std::fmt::Debug, E>(answer: Result<T, E>) -> Result<String, E> {
            answer.map(|answer| format!("{answer:?}"))
        }
        match self.clone() {
            Self::CreateProject => told(projects::create(state, moment, seed, new_project())),
            Self::CreateRole { branch, name, login } => {
                let new = NewRole::new(name, login);
                told(roles::create(state, moment, seed, &branch, new))
            }
            Self::CreateRoles { branch, names, credential } => {
                create_roles(state, moment, seed, &branch, (names, &credential))
            }
            Self::ResetPassword { branch, name, credential } => {
                told(roles::reset_password(state, moment, seed, &branch, &name, credential))
            }
            Self::DropRole { branch, name } => {
                told(roles::delete(state, moment, seed, (&branch, &name), roles::OnOwned::Reassign))
            }
            Self::DropRoles { branch, names } => drop_roles(state, moment, seed, &branch, names),
            Self::CreateDatabase { branch, name, owner } => {
                told(databases::create(state, moment, seed, &branch, name, owner))
            }
            Self::UpdateDatabase { branch, name, change } => {
                told(databases::update(state, moment, seed, &branch, &name, change))
            }
            Self::DropDatabase { branch, name } => {
                told(databases::delete(state, moment, seed, &branch, &name))
            }
            Self::Branch { new, asked: _ } => told(branches::create(state, moment, seed, new)),
            Self::Restore { restoration, asked: _ } => {
                told(restore::restore(state, moment, seed, &restoration))
            }
            Self::Merge { source, target, others } => {
                told(merge::merge(state, moment, seed, &asked(source, target, others)))
            }
            Self::RenameBranch { branch, name } => {
                let change = BranchChange { name: Some(name), ..BranchChange::default() };
                told(branches::update(state, moment, &branch, &change))
            }
            Self::DeleteBranch { branch } => told(branches::delete(state, moment, seed, &branch)),
            Self::SetEnd { branch, role: Some(role), at } => {
                told(roles::set_expiry(state, moment, seed, &branch, &role, at))
            }
            Self::SetEnd { branch, role: None, at } => {
                let expires_at = at.map_or(Change::Clear, Change::Set);
                let change = BranchChange { expires_at, ..BranchChange::default() };
                told(branches::update(state, moment, &branch, &change))
            }
            Self::End { branch, role: Some(role) } => {
                told(expiry::expire_role(state, moment, seed, &branch, &role))
            }
            Self::End { branch, role: None } => {
                told(expiry::expire_branch(state, moment, seed, &branch))
            }
            Self::Record(report) => told(record(state, moment, report)),
        }
    }

    pub fn deed(&self) -> Deed {
        match self {
            Self::CreateProject => Deed::CreateProject,
            Self::CreateRole { .. } | Self::CreateRoles { .. } => Deed::CreateRole,
            Self::ResetPassword { .. } => Deed::ResetRolePassword,
            Self::DropRole { .. } | Self::DropRoles { .. } => Deed::DeleteRole,
            Self::CreateDatabase { .. } => Deed::CreateDatabase,
            Self::UpdateDatabase { .. } => Deed::UpdateDatabase,
            Self::DropDatabase { .. } => Deed::DeleteDatabase,
            Self::Branch { .. } => Deed::CreateBranch,
            Self::Restore { .. } => Deed::RestoreBranch,
            Self::Merge { .. } => Deed::MergeBranch,
            Self::RenameBranch { .. } | Self::SetEnd { role: None, .. } => Deed::UpdateBranch,
            Self::DeleteBranch { .. } => Deed::DeleteBranch,
            Self::SetEnd { role: Some(_), .. } => Deed::UpdateRole,
            Self::End { role: Some(_), .. } => Deed::ExpireRole,
            Self::End { role: None, .. } => Deed::ExpireBranch,
            Self::Record(_) => Deed::RecordPass,
        }
    }
}

fn asked(source: BranchId, target: BranchId, others: Option<Side>) -> Asked {
    let choices = Choices { others, ..Choices::default() };
    Asked { source, target, choices, drawn: BTreeMap::new() }
}

pub fn new_project() -> NewProject {
    NewProject {
        id: "project".parse().expect("an id"),
        name: "project".parse().expect("a name"),
        pg_version: PgVersion::DEFAULT,
        store_passwords: true,
        history_retention_seconds: 0,
        password_policy: None,
        settings: ProjectSettings::default(),
        endpoint_defaults: Tuning::default(),
        branch: id(0),
        branch_name: name(0),
        annotation: Annotation::default(),
        database: database(0),
        owner: role(6),
        credential: credential(0),
        has_system_role: true,
        endpoint: endpoint(0),
    }
}

fn drop_roles<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    names: Vec<RoleName>,
) -> Result<String, Denied<S::Error>> {
    for (seed, name) in (seed.0..).map(Seed).zip(names) {
        if state.role(branch, &name)?.is_some() {
            roles::delete(state, moment, seed, (branch, &name), roles::OnOwned::Reassign)?;
        }
    }
    Ok(String::new())
}

fn create_roles<S: Write>(
    state: &mut S,
    moment: Moment,
    seed: Seed,
    branch: &BranchId,
    (names, credential): (Vec<RoleName>, &Credential),
) -> Result<String, Denied<S::Error>> {
    for (seed, name) in (seed.0..).map(Seed).zip(names) {
        if state.role(branch, &name)?.is_none() {
            let new = NewRole::new(name, Login::Password(credential.clone()));
            roles::create(state, moment, seed, branch, new)?;
        }
    }
    Ok(String::new())
}

/// Records a pass on the endpoint that the branch has. Where it has none, its mark is put all the
/// same, so that the marks of many branches lie side by side.
fn record<S: Write>(
    state: &mut S,
    moment: Moment,
    report: Report,
) -> Result<Vec<Operation>, Denied<S::Error>> {
    let endpoint = state.branch(&report.branch)?.and_then(|branch| branch.endpoint);
    if let (None, Outcome::Done { mark: Some(mark), .. }) = (&endpoint, &report.outcome) {
        state.put_mark(&report.branch, *mark)?;
    }
    passes::record(state, moment, &Report { endpoint, ..report })
}

/// Returns the report of a pass that read `revision`; `kind` says how it went.
pub fn report(branch: BranchId, revision: Revision, kind: usize, lsn: u64) -> Report {
    let mark = Some(Mark { lsn: Lsn(lsn), revision });
    let problem = Problem::new(Subject::Role(role(kind / 4)), "in use".into());
    let left = Some(EndpointState::Active);
    let outcome = match kind % 4 {
        0 => Outcome::Done {
            left,
            mark,
            problems: vec![],
            delayed: vec![],
            next: Timestamp::UNIX_EPOCH,
        },
        1 => Outcome::Done {
            left: None,
            mark,
            problems: vec![problem],
            delayed: vec![],
            next: Timestamp::UNIX_EPOCH,
        },
        kind => Outcome::Failed {
            error: "refused".into(),
            fault: if kind == 2 { Fault::Down } else { Fault::Administrator },
            next: Timestamp::UNIX_EPOCH,
            left: None,
        },
    };
    Report { branch, endpoint: None, revision, outcome, trace: Trace::default() }
}
