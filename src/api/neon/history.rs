//! What was done: histories and the audit.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::api::answer::{Answer, Found};
use crate::api::error::ApiError;
use crate::api::extract::{InBranch, InProject, InRole};
use crate::api::neon::point;
use crate::api::query::{Query, bad_cursor};
use crate::control::history::{
    AuditQuery, BranchHistoryQuery, Changes, Entry, HistoryPage, Include, Onward, Place,
    RoleHistoryQuery,
};
use crate::control::{Caller, ControlPlane, LeftOut, Missed};
use crate::model::cause::Deed;
use crate::model::id::ProjectId;
use crate::model::key::KeyId;
use crate::model::name::RoleName;
use crate::model::revision::Revision;
use crate::wire::neon::history::{BEGINNING, Change, HistoryAnswer, HistoryEntry, TRIMMED};
use crate::wire::neon::left_out;
use crate::wire::neon::operations::Pagination;
use crate::wire::neon::origin::Origin;

/// The most entries on a page.
const PAGE_MAX_ENTRIES: usize = 100;

/// How many entries a page has when nobody says.
const PAGE_ENTRIES: usize = 50;

/// Shows what happened to a role.
pub(super) async fn get_project_branch_role_history(
    State(control): State<ControlPlane>,
    _: Caller,
    InRole(at, name): InRole,
    query: Query,
) -> Answer<HistoryAnswer> {
    let asked = RoleHistoryQuery {
        name,
        point: point::at(&query)?,
        cursor: place(&query)?,
        limit: limit(&query)?,
    };
    let page = control.role_history(&at, &asked).await?;
    Ok(Found(shown(&at.project, page, write)))
}

/// Shows what happened to a branch.
pub(super) async fn get_project_branch_history(
    State(control): State<ControlPlane>,
    _: Caller,
    InBranch(at): InBranch,
    query: Query,
) -> Answer<HistoryAnswer> {
    let asked = BranchHistoryQuery {
        point: point::at(&query)?,
        include: include(&query)?,
        cursor: place(&query)?,
        limit: limit(&query)?,
    };
    let page = control.branch_history(&at, &asked).await?;
    Ok(Found(shown(&at.project, page, write)))
}

/// Lists what was done in a project.
pub(super) async fn list_project_audit(
    State(control): State<ControlPlane>,
    _: Caller,
    InProject(project): InProject,
    query: Query,
) -> Answer<HistoryAnswer> {
    let asked = AuditQuery {
        branch: filter(&query, "branch_id", "the id of a branch")?,
        role: query.text("role_name").map(RoleName::parse_existing).transpose()?,
        deeds: deeds(&query)?,
        key_id: filter(&query, "key_id", "the number of a key")?.map(KeyId),
        request_id: filter(&query, "request_id", "a UUID")?,
        since: point::time(&query, "since")?,
        until: point::time(&query, "until")?,
        cursor: query.cursor()?.map(Revision),
        limit: limit(&query)?,
    };
    let page = control.audit(&project, &asked)?;
    Ok(Found(shown(&project, page, |Revision(number)| number.to_string())))
}

fn limit(query: &Query) -> Result<usize, ApiError> {
    Ok(query.limit(1..=PAGE_MAX_ENTRIES)?.unwrap_or(PAGE_ENTRIES))
}

fn filter<T: std::str::FromStr>(
    query: &Query,
    name: &str,
    what: &str,
) -> Result<Option<T>, ApiError> {
    let parsed = query.text(name).map(str::parse).transpose();
    parsed
        .map_err(|_| ApiError::invalid(format_args!("the query parameter `{name}` must be {what}")))
}

fn include(query: &Query) -> Result<Include, ApiError> {
    let mut include = Include::default();
    for word in query.words("include") {
        match word {
            "passes" => include.passes = true,
            "inherited" => include.inherited = true,
            _ => {
                return Err(ApiError::invalid(
                    "the query parameter `include` must be `passes`, `inherited` or both",
                ));
            }
        }
    }
    Ok(include)
}

fn deeds(query: &Query) -> Result<Vec<Deed>, ApiError> {
    let deed = |word| {
        Deed::named(word).ok_or_else(|| {
            let known: Vec<_> = Deed::ALL.iter().map(|deed| deed.as_str()).collect();
            let known = known.join(", ");
            ApiError::invalid(format_args!("the query parameter `action` must be among {known}"))
        })
    };
    query.words("action").map(deed).collect()
}

/// A cursor as its text holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    branch_id: String,
    revision: u64,
}

fn write(Place { branch, revision }: Place) -> String {
    let cursor = Cursor { branch_id: branch.to_string(), revision: revision.0 };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).expect("a cursor of a text and a number"))
}

fn place(query: &Query) -> Result<Option<Place>, ApiError> {
    let Some(text) = query.text("cursor") else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad_cursor())?;
    let Cursor { branch_id, revision } =
        serde_json::from_slice(&bytes).map_err(|_| bad_cursor())?;
    let branch = branch_id.parse().map_err(|_| bad_cursor())?;
    Ok(Some(Place { branch, revision: Revision(revision) }))
}

fn shown<P>(
    project: &ProjectId,
    HistoryPage { entries, onward }: HistoryPage<P>,
    cursor: impl FnOnce(P) -> String,
) -> HistoryAnswer {
    let (pagination, end) = match onward {
        Onward::At(place) => (Some(Pagination { cursor: cursor(place) }), None),
        Onward::Beginning => (None, Some(BEGINNING.to_owned())),
        Onward::Trimmed => (None, Some(TRIMMED.to_owned())),
    };
    let entries = entries.into_iter().map(|entry| shown_entry(project, entry)).collect();
    HistoryAnswer { entries, pagination, end }
}

fn shown_entry(project: &ProjectId, entry: Entry) -> HistoryEntry {
    let Entry { moment, cause, topic, operations, changes } = entry;
    let changes_truncated = changes.as_ref().is_some_and(|changes| changes.has_more);
    let changes = changes.map(|Changes { found, has_more: _ }| {
        found.into_iter().map(|change| Change::new(change.of, change.attribute)).collect()
    });
    let entry = HistoryEntry::new(project, moment, cause, topic, operations);
    HistoryEntry { changes, changes_truncated, ..entry }
}

/// Which kinds of what was left out are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    Roles,
    Databases,
    Both,
}

/// Shows what a cutoff left out.
pub(super) fn left_out(left_out: LeftOut, kinds: Kinds) -> left_out::LeftOut {
    let LeftOut { source, revision, roles, databases, truncated } = left_out;
    left_out::LeftOut {
        source_branch_id: source.branch.to_string(),
        cutoff: source.cutoff.0,
        revision: revision.0,
        roles: (kinds != Kinds::Databases).then(|| items(roles)),
        databases: (kinds != Kinds::Roles).then(|| items(databases)),
        truncated,
    }
}

fn items(missed: Vec<Missed>) -> Vec<left_out::LeftOutItem> {
    let item = |Missed { name, why, origin, at }| left_out::LeftOutItem {
        name,
        why: why.as_str().to_owned(),
        origin: Origin::new(&origin, at),
    };
    missed.into_iter().map(item).collect()
}
