//! The history of a role, which goes on in the branch from which its branch was copied.
//!
//! A role that is there says itself in which commit it was last written, so only where it is absent
//! commits are looked through.

use std::ops::ControlFlow;

use super::told::Before;
use super::{Changes, Entry, HistoryPage, MAX_LOOKED_AT, Onward, Place, below};
use crate::control::past::Past;
use crate::control::{BranchRef, ControlError, ControlPlane, Result};
use crate::model::branch::{Branch, Source};
use crate::model::cause::Topic;
use crate::model::changes;
use crate::model::id::BranchId;
use crate::model::name::RoleName;
use crate::model::point::Point;
use crate::model::refusal::Refusal;
use crate::model::revision::Revision;
use crate::model::role::Role;
use crate::model::state::Read;
use crate::store::commits::Stretch;

/// Which part of a role's history.
#[derive(Clone, Debug)]
pub struct RoleHistoryQuery {
    /// The role.
    pub name: RoleName,
    /// From which point back.
    pub point: Point,
    /// Where the page before this one ended.
    pub cursor: Option<Place>,
    /// How many entries.
    pub limit: usize,
}

/// What happened to the role in one commit.
struct Event {
    branch: BranchId,
    revision: Revision,
    before: Before<Option<Role>>,
    after: Option<Role>,
}

/// One step back.
struct Step {
    event: Option<Event>,
    onward: Onward<Place>,
}

struct Walk<'a> {
    past: &'a Past,
    name: &'a RoleName,
    floor: Revision,
    /// How many commits may still be looked at.
    left: usize,
}

impl ControlPlane {
    /// Returns what happened to a role, newest first.
    pub async fn role_history(
        &self,
        at: &BranchRef,
        query: &RoleHistoryQuery,
    ) -> Result<HistoryPage<Place>> {
        let (past, place) = self.history_place(at, query.point, query.cursor.as_ref()).await?;
        past.role_history(place, &query.name, query.limit)
    }

    /// Returns where a history begins, going back.
    pub(super) async fn history_place(
        &self,
        at: &BranchRef,
        point: Point,
        cursor: Option<&Place>,
    ) -> Result<(Past, Place)> {
        let past = self.past(&at.project)?;
        if let Some(place) = cursor {
            if past.head().revision < place.revision {
                past.check(place.revision)?;
            }
            return Ok((past, place.clone()));
        }
        let revision = self.revision_of(&past, at, point).await?;
        let seen = past.branch(&at.branch, revision)?;
        let place = Place { revision: seen.moment().revision, branch: seen.branch };
        Ok((past, place))
    }
}

impl Past {
    /// Returns what happened to a role up to a place, newest first.
    pub fn role_history(
        &self,
        place: Place,
        name: &RoleName,
        limit: usize,
    ) -> Result<HistoryPage<Place>> {
        let floor = self.floor()?.revision;
        let mut walk = Walk { past: self, name, floor, left: MAX_LOOKED_AT };
        let mut entries = Vec::new();
        let mut onward = Onward::At(place);
        while let Onward::At(place) = &onward {
            if entries.len() == limit || walk.left == 0 {
                break;
            }
            walk.left -= 1;
            let step = walk.step(place)?;
            if let Some(event) = step.event {
                entries.push(self.role_entry(name, event)?);
            }
            onward = step.onward;
        }
        Ok(HistoryPage { entries, onward })
    }

    fn role_entry(&self, name: &RoleName, event: Event) -> Result<Entry> {
        let Event { branch, revision, before, after } = event;
        let changes = match before {
            Before::Known(before) => {
                Some(Changes::whole(changes::of_role(before.as_ref(), after.as_ref())))
            }
            Before::Forgotten => None,
        };
        let commit = self.store.read_commit(self.log, revision)?;
        self.entry_about(commit, Topic::Role(branch, name.clone()), changes)
    }
}

impl Walk<'_> {
    /// Goes back from a place to the last thing that happened to the role, or to the end of what
    /// can be told from there.
    fn step(&mut self, place: &Place) -> Result<Step> {
        if place.revision < self.floor {
            return Ok(Step { event: None, onward: below(self.floor) });
        }
        let state = self.past.view(place.revision)?.state;
        let branch = state.branch(&place.branch)?;
        let branch = branch.ok_or_else(|| Refusal::BranchMissing(place.branch.clone()))?;
        match state.role(&branch.id, self.name)? {
            None => self.absent(place, &branch),
            Some(role)
                if role.origin.branch == branch.id
                    && branch.began.moment.revision < role.origin.revision =>
            {
                self.written(role)
            }
            Some(role) => self.began(&branch, Some(role)),
        }
    }

    /// The role was last written on this branch, as it says.
    fn written(&self, role: Role) -> Result<Step> {
        let (branch, revision) = (role.origin.branch.clone(), role.origin.revision);
        if revision < self.floor {
            return Ok(Step { event: None, onward: Onward::Trimmed });
        }
        let onward = Onward::At(Place::before(&branch, revision));
        let before = self.before(&branch, revision)?;
        let event = Some(Event { branch, revision, before, after: Some(role) });
        Ok(Step { event, onward })
    }

    /// The role is not there: either something dropped it since the branch began, or it was not
    /// there then.
    fn absent(&mut self, place: &Place, branch: &Branch) -> Result<Step> {
        let began = branch.began.moment.revision;
        let stretch = Stretch {
            newest: place.revision,
            oldest: began.next().max(self.floor),
            max_rows: self.left,
        };
        let mut found = None;
        let mut looked_at = 0;
        let rest = self.past.store.scan_commits(self.past.log, stretch, |commit| {
            looked_at += 1;
            if commit.cause.may_change_role(&branch.id, self.name) {
                let revision = commit.moment.revision;
                let before = self.before(&branch.id, revision)?;
                // What is about the role, and after which it is not there, dropped it.
                let was_there = match before {
                    Before::Known(ref before) => before.is_some(),
                    Before::Forgotten => matches!(commit.cause.topic, Topic::Role(..)),
                };
                if was_there {
                    let branch = branch.id.clone();
                    found = Some(Event { branch, revision, before, after: None });
                    return Ok::<_, ControlError>(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.left -= looked_at;
        match (found, rest) {
            (Some(event), _) => {
                let onward = Onward::At(Place::before(&branch.id, event.revision));
                Ok(Step { event: Some(event), onward })
            }
            (None, Some(revision)) => {
                let onward = Onward::At(Place { branch: branch.id.clone(), revision });
                Ok(Step { event: None, onward })
            }
            (None, None) => self.began(branch, None),
        }
    }

    /// Nothing happened to the role since the branch was born or restored with it as it is `after`.
    fn began(&self, branch: &Branch, after: Option<Role>) -> Result<Step> {
        let revision = branch.began.moment.revision;
        if revision < self.floor {
            return Ok(Step { event: None, onward: Onward::Trimmed });
        }
        let event = |before, after| Event { branch: branch.id.clone(), revision, before, after };
        let is_birth = branch.created_at == branch.began.moment.at;
        if !is_birth {
            let before = self.before(&branch.id, revision)?;
            let has_changed = match &before {
                Before::Known(before) => *before != after,
                Before::Forgotten => after.is_some(),
            };
            let onward = Onward::At(Place::before(&branch.id, revision));
            return Ok(Step { event: has_changed.then(|| event(before, after)), onward });
        }
        match (&branch.began.source, after) {
            (_, None) => Ok(Step { event: None, onward: Onward::Beginning }),
            (None, after) => {
                let event = Some(event(Before::Known(None), after));
                Ok(Step { event, onward: Onward::Beginning })
            }
            (Some(Source { branch, cutoff }), after) => {
                let place = Place { branch: branch.clone(), revision: *cutoff };
                let before = self.at(&place)?;
                Ok(Step { event: Some(event(before, after)), onward: Onward::At(place) })
            }
        }
    }

    /// Returns the role as a branch had it before `revision`.
    fn before(&self, branch: &BranchId, revision: Revision) -> Result<Before<Option<Role>>> {
        if revision == Revision::ZERO.next() {
            return Ok(Before::Known(None));
        }
        self.at(&Place::before(branch, revision))
    }

    fn at(&self, place: &Place) -> Result<Before<Option<Role>>> {
        if place.revision < self.floor {
            return Ok(Before::Forgotten);
        }
        let state = self.past.view(place.revision)?.state;
        Ok(Before::Known(state.role(&place.branch, self.name)?))
    }
}
