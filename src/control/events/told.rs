//! What one commit did, event by event.

use std::collections::BTreeMap;

use super::{Part, parts_of};
use crate::model::alias::Alias;
use crate::model::branch::Branch;
use crate::model::changes;
use crate::model::drift::Drift;
use crate::model::event::{Event, EventId, EventKind, MAX_EVENTS, Subject};
use crate::model::id::{BranchId, ProjectId};
use crate::model::name::RoleName;
use crate::model::operation::Status;
use crate::model::role::{Login, Role, default_of};
use crate::model::rotation::{Rotation, Stage};
use crate::model::state::{Held, Page, Place, Read, ReadDrift};
use crate::store::StoreError;
use crate::store::catalog::Catalog;
use crate::store::commits;
use crate::store::engine::LogId;

type Result<T> = std::result::Result<T, StoreError>;

/// How many roles are compared at a time.
const PAGE: usize = 256;

/// A commit, and the states around it.
pub(super) struct Commit {
    log: LogId,
    cause: commits::Commit,
    project: ProjectId,
    before: Option<Catalog>,
    after: Catalog,
    events: Vec<Event>,
}

impl Commit {
    pub(super) fn new(
        log: LogId,
        cause: commits::Commit,
        before: Option<Catalog>,
        after: Catalog,
    ) -> Result<Self> {
        let project = after.project()?.expect("a project is there from its first commit on").id;
        Ok(Self { log, cause, project, before, after, events: Vec::new() })
    }

    /// Returns the events. Their order is a promise, because ids count them: that of the parts; roles
    /// by name, and then the default; rotations and operations by age; drifts
    /// by id.
    pub(super) fn events(mut self) -> Result<Vec<Event>> {
        let about = self.cause.cause.topic.branch().cloned();
        let branch = about.as_ref().map(|id| self.after.branch(id)).transpose()?.flatten();
        for part in parts_of(self.cause.cause.deed) {
            match (part, &branch) {
                (Part::Born, _) => self.born()?,
                (Part::Gone, _) => self.gone(about.as_ref())?,
                (Part::Branch(kind), Some(branch)) => self.tell(*kind, branch, Subject::Branch),
                (Part::Roles, Some(branch)) => self.roles(branch)?,
                (Part::Rotations, Some(branch)) => self.rotations(branch)?,
                (Part::Operations, Some(branch)) => self.operations(branch)?,
                (Part::Drifts, Some(branch)) => self.drifts(branch)?,
                // The branch is gone, and nothing is told of what it had.
                (
                    Part::Branch(_)
                    | Part::Roles
                    | Part::Rotations
                    | Part::Operations
                    | Part::Drifts,
                    None,
                ) => {}
            }
        }
        Ok(self.events)
    }

    fn born(&mut self) -> Result<()> {
        let born = self.after.branch_born(self.cause.moment.revision)?;
        if let Some(branch) = born.map(|id| self.after.branch(&id)).transpose()?.flatten() {
            self.tell(EventKind::BranchCreated, &branch, Subject::Branch);
        }
        Ok(())
    }

    /// Tells of the branches that are not there any more: of the one that the commit is about, or of
    /// all, where it is about the whole project.
    fn gone(&mut self, about: Option<&BranchId>) -> Result<()> {
        let Some(before) = &self.before else { return Ok(()) };
        let mut gone = match about {
            None => before.branches()?,
            Some(branch) => before.branch(branch)?.into_iter().collect(),
        };
        let there: Vec<_> = self.after.branches()?.into_iter().map(|branch| branch.id).collect();
        gone.retain(|branch| !there.contains(&branch.id));
        for branch in gone {
            self.tell(EventKind::BranchDeleted, &branch, Subject::Branch);
        }
        Ok(())
    }

    fn roles(&mut self, branch: &Branch) -> Result<()> {
        let place = Place { branch: branch.id.clone(), at: None, held: Held::Now };
        let then = self.before.as_ref().map(|before| before.inventory(&place)).transpose()?;
        let (Some(then), Some(now)) = (then.flatten(), self.after.inventory(&place)?) else {
            return Ok(());
        };
        let mut default = None;
        let mut after: Option<RoleName> = None;
        while self.events.len() < MAX_EVENTS {
            let page = Page { after: after.as_ref(), limit: PAGE };
            let differences = self.after.compare_roles(&then, &now, page)?;
            for (was, is) in &differences.found {
                let standing = [was, is].into_iter().flatten().any(|role| role.standing.is_some());
                if standing && default.is_none() {
                    default = Some(self.defaults(&branch.id)?);
                }
                let now = default.as_ref().and_then(|(_, now)| now.as_ref());
                self.role(branch, was.as_ref(), is.as_ref(), now);
            }
            if !differences.has_more {
                break;
            }
            after = differences
                .found
                .last()
                .and_then(|(was, is)| Some(is.as_ref().or(was.as_ref())?.name.clone()));
        }
        if let Some((then, Some(name))) = default
            && then.as_ref() != Some(&name)
        {
            let subject = Subject::Role { name, is_default: true };
            self.tell(EventKind::DefaultChanged, branch, subject);
        }
        Ok(())
    }

    /// Returns the name of the branch's default credential before and after.
    fn defaults(&self, branch: &BranchId) -> Result<(Option<RoleName>, Option<RoleName>)> {
        let of = |state: &Catalog| -> Result<_> {
            Ok(default_of(&state.roles(branch)?).map(|role| role.name.clone()))
        };
        Ok((self.before.as_ref().map(of).transpose()?.flatten(), of(&self.after)?))
    }

    fn role(
        &mut self,
        branch: &Branch,
        was: Option<&Role>,
        is: Option<&Role>,
        default: Option<&RoleName>,
    ) {
        let Some(name) = is.or(was).map(|role| role.name.clone()) else { return };
        let subject = Subject::Role { is_default: default == Some(&name), name };
        let is_other = was.zip(is).is_some_and(|(was, is)| was.born != is.born);
        // A role that was dropped and made again in one commit, as by a restore, is told so.
        let steps: &[_] = if is_other { &[(was, None), (None, is)] } else { &[(was, is)] };
        for (was, is) in steps {
            let kind = match (was, is) {
                (None, _) => EventKind::RoleCreated,
                (Some(_), None) => EventKind::RoleDeleted,
                (Some(_), Some(_)) => EventKind::RoleChanged,
            };
            if !changes::of_role(*was, *is).is_empty() {
                self.tell(kind, branch, subject.clone());
            }
            match (was.is_some_and(has_login), is.is_some_and(has_login)) {
                (false, true) => {
                    self.tell(EventKind::CredentialsCreated, branch, subject.clone());
                }
                (true, false) => {
                    self.tell(EventKind::CredentialsDeleted, branch, subject.clone());
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    fn rotations(&mut self, branch: &Branch) -> Result<()> {
        let kept = match &self.before {
            None => Vec::new(),
            Some(before) => before.rotations(&branch.id)?,
        };
        let kept: BTreeMap<_, _> = kept.into_iter().map(|known| (known.id, known.stage)).collect();
        for rotation in self.after.rotations(&branch.id)? {
            let was = kept.get(&rotation.id);
            if was == Some(&rotation.stage) && rotation.ended_at.is_none() {
                continue;
            }
            let is_end = rotation.ended_at == Some(self.cause.moment.at);
            let kind = match (was, &rotation.stage) {
                (None, _) => EventKind::RotationStarted,
                (Some(_), Stage::Aborted) if is_end => EventKind::RotationAborted,
                (Some(_), Stage::Failed { .. }) if is_end => EventKind::RotationFailed,
                (Some(_), _) if is_end => EventKind::RotationCompleted,
                (Some(_), _) if rotation.ended_at.is_none() => EventKind::RotationAdvanced,
                // It ended before.
                (Some(_), _) => continue,
            };
            let Rotation { id, stage, to, .. } = rotation;
            let subject = Subject::Rotation { id, stage: stage.as_str(), to: to.name };
            self.tell(kind, branch, subject);
        }
        Ok(())
    }

    fn operations(&mut self, branch: &Branch) -> Result<()> {
        let Some(before) = &self.before else { return Ok(()) };
        let mut ended = Vec::new();
        for open in before.unfinished(&branch.id)? {
            ended.extend(self.after.operation(open.id)?);
        }
        for operation in ended {
            let (kind, error) = match operation.status {
                Status::Finished => (EventKind::OperationFinished, None),
                Status::Failed { error } => (EventKind::OperationFailed, Some(error)),
                Status::Scheduling
                | Status::Running { .. }
                | Status::Cancelling
                | Status::Skipped
                | Status::Cancelled => continue,
            };
            let (id, action) = (operation.id, operation.action.as_str());
            self.tell(kind, branch, Subject::Operation { id, action, error });
        }
        Ok(())
    }

    fn drifts(&mut self, branch: &Branch) -> Result<()> {
        let kept = match &self.before {
            None => Vec::new(),
            Some(before) => before.drifts(&branch.id)?,
        };
        let kept: BTreeMap<_, _> = kept.iter().map(|known| (&known.item, known)).collect();
        for drift in self.after.drifts(&branch.id)? {
            let was = kept.get(&drift.item).filter(|was| was.ended_at.is_none());
            let kind = match (was, drift.ended_at) {
                (Some(_), Some(_)) => EventKind::DriftEnded,
                (None, Some(_)) => continue,
                (Some(was), None) if was.print == drift.print => {
                    if (was.response, was.verdict) == (drift.response, drift.verdict) {
                        continue;
                    }
                    EventKind::DriftDecided
                }
                (_, None) => EventKind::DriftFound,
            };
            let Drift { item, response, .. } = drift;
            self.tell(kind, branch, Subject::Drift { item, response });
        }
        Ok(())
    }

    fn tell(&mut self, kind: EventKind, branch: &Branch, subject: Subject) {
        let Ok(index) = u16::try_from(self.events.len()) else { return };
        let moment = self.cause.moment;
        let LogId(log) = self.log;
        self.events.push(Event {
            id: EventId { log, revision: moment.revision, index },
            kind,
            moment,
            caller: self.cause.cause.caller.clone(),
            project: self.project.clone(),
            branch: branch.id.clone(),
            alias: Alias { log, born: branch.born },
            name: branch.name.clone(),
            subject,
        });
    }
}

fn has_login(role: &Role) -> bool {
    role.login != Login::Never && !role.protected
}
