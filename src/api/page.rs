//! Pages of branches: sorted, searched and cut.
//!
//! A cursor holds what the last branch of a page was sorted by, not its place. So a page begins
//! where the one before it ended even if branches came or went in between.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::query::{Query, bad_cursor};
use crate::model::branch::Branch;
use crate::wire::time::Time;

/// The most branches on a page. All are on one when nobody says.
const PAGE_MAX_BRANCHES: usize = 10_000;

/// What branches are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SortBy {
    Name,
    CreatedAt,
    UpdatedAt,
}

/// In which order branches are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum SortOrder {
    Asc,
    Desc,
}

/// How branches are sorted: by one thing, and then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    pub by: SortBy,
    pub order: SortOrder,
}

/// Which branches are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BranchQuery {
    pub sort: Sort,
    search: String,
    after: Option<Key>,
    limit: usize,
}

/// What a branch is sorted by: as text, so that times and names are compared alike.
type Key = (String, String);

/// A cursor as its text holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    branch_id: String,
    sort_by: SortBy,
    sort_by_value: String,
    sort_order: SortOrder,
}

impl SortBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
        }
    }
}

impl SortOrder {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Asc => "ASC",
            Self::Desc => "DESC",
        }
    }
}

impl BranchQuery {
    /// Returns what a query searches for, all of it on one page.
    pub(super) fn searching(query: &Query) -> Self {
        Self {
            sort: Sort { by: SortBy::UpdatedAt, order: SortOrder::Desc },
            search: searched(query),
            after: None,
            limit: usize::MAX,
        }
    }

    /// Returns what a query asks for. A cursor goes on as it began, whatever else the query says.
    pub(super) fn parse(query: &Query) -> Result<Self, ApiError> {
        let limit = query.limit(1..=PAGE_MAX_BRANCHES)?.unwrap_or(usize::MAX);
        let search = searched(query);
        let (sort, after) = match query.text("cursor") {
            None => (sort(query)?, None),
            Some(text) => {
                let Cursor { branch_id, sort_by, sort_by_value, sort_order } = read(text)?;
                (Sort { by: sort_by, order: sort_order }, Some((sort_by_value, branch_id)))
            }
        };
        Ok(Self { sort, search, after, limit })
    }
}

/// Returns the page of `branches` that is asked for, and the cursor of the next if there is one.
pub(super) fn cut(branches: Vec<Branch>, query: &BranchQuery) -> (Vec<Branch>, Option<String>) {
    let BranchQuery { sort, search, after, limit } = query;
    let mut found: Vec<(Key, Branch)> = branches
        .into_iter()
        .filter(|branch| {
            branch.name.as_str().to_lowercase().contains(search)
                || branch.id.as_str().contains(search)
        })
        .map(|branch| (key(&branch, sort.by), branch))
        .collect();
    match sort.order {
        SortOrder::Asc => found.sort_by(|(a, _), (b, _)| a.cmp(b)),
        SortOrder::Desc => found.sort_by(|(a, _), (b, _)| b.cmp(a)),
    }
    if let Some(last) = after {
        found.retain(|(key, _)| match sort.order {
            SortOrder::Asc => last < key,
            SortOrder::Desc => key < last,
        });
    }
    let has_more = *limit < found.len();
    found.truncate(*limit);
    let next = found.last().filter(|_| has_more).map(|(key, _)| write(*sort, key));
    (found.into_iter().map(|(_, branch)| branch).collect(), next)
}

fn key(branch: &Branch, by: SortBy) -> Key {
    let value = match by {
        SortBy::Name => branch.name.to_string(),
        SortBy::CreatedAt => Time(branch.created_at).to_string(),
        SortBy::UpdatedAt => Time(branch.updated_at).to_string(),
    };
    (value, branch.id.to_string())
}

fn searched(query: &Query) -> String {
    query.text("search").unwrap_or_default().to_lowercase()
}

fn sort(query: &Query) -> Result<Sort, ApiError> {
    let by = match query.text("sort_by") {
        None | Some("updated_at") => SortBy::UpdatedAt,
        Some("created_at") => SortBy::CreatedAt,
        Some("name") => SortBy::Name,
        Some(_) => {
            return Err(ApiError::invalid(
                "the query parameter `sort_by` must be `name`, `created_at` or `updated_at`",
            ));
        }
    };
    let order = match query.text("sort_order").map(str::to_lowercase).as_deref() {
        None | Some("desc") => SortOrder::Desc,
        Some("asc") => SortOrder::Asc,
        Some(_) => {
            return Err(ApiError::invalid(
                "the query parameter `sort_order` must be `asc` or `desc`",
            ));
        }
    };
    Ok(Sort { by, order })
}

fn write(Sort { by, order }: Sort, (value, id): &Key) -> String {
    let cursor = Cursor {
        branch_id: id.clone(),
        sort_by: by,
        sort_by_value: value.clone(),
        sort_order: order,
    };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).expect("a cursor of strings"))
}

fn read(text: &str) -> Result<Cursor, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad_cursor())?;
    serde_json::from_slice(&bytes).map_err(|_| bad_cursor())
}

#[cfg(test)]
mod tests;
