//! Pages of branches, in every order and at every limit.

use super::*;
use crate::model::branch::{Beginning, Lineage};
use crate::model::revision::{Moment, Revision, Timestamp};

fn branch(index: usize, name: &str, created: i64, updated: i64) -> Branch {
    let at = |micros| Timestamp::from_timestamp_micros(micros).expect("a time");
    let id = format!("br-{index}").parse().expect("an id");
    let moment = Moment { revision: Revision(1), at: at(created) };
    let began = Beginning { moment, source: None };
    let name = name.parse().expect("a name");
    Branch { updated_at: at(updated), ..Branch::new(id, name, Lineage::Root, began) }
}

/// Two of them share each time, so that ids must decide.
fn branches() -> Vec<Branch> {
    ["main", "Dev", "preview/1", "preview/2", "qa"]
        .into_iter()
        .zip(0_u8..)
        .map(|(name, index)| {
            let time = i64::from(index / 2);
            branch(index.into(), name, 10 - time, time)
        })
        .collect()
}

fn query(text: &str) -> BranchQuery {
    BranchQuery::parse(&Query::parse(text)).expect("a query")
}

fn ids(branches: &[Branch]) -> Vec<&str> {
    branches.iter().map(|branch| branch.id.as_str()).collect()
}

#[test]
fn all_branches_are_on_one_page_unless_a_limit_is_given() {
    let (all, next) = cut(branches(), &query(""));
    assert_eq!(ids(&all), ["br-4", "br-3", "br-2", "br-1", "br-0"]);
    assert_eq!(next, None);
}

#[test]
fn branches_are_sorted_by_what_is_asked_for_and_then_by_id() {
    for (text, expected) in [
        ("sort_by=updated_at&sort_order=asc", ["br-0", "br-1", "br-2", "br-3", "br-4"]),
        ("sort_by=created_at&sort_order=asc", ["br-4", "br-2", "br-3", "br-0", "br-1"]),
        ("sort_by=name&sort_order=ASC", ["br-1", "br-0", "br-2", "br-3", "br-4"]),
    ] {
        assert_eq!(ids(&cut(branches(), &query(text)).0), expected, "{text}");
    }
}

#[test]
fn pages_hold_every_branch_once_whatever_the_order() {
    for by in ["name", "created_at", "updated_at"] {
        for order in ["asc", "desc"] {
            let first = format!("sort_by={by}&sort_order={order}&limit=2");
            let (whole, _) = cut(branches(), &query(&first.replace("&limit=2", "")));
            let mut paged = Vec::new();
            let mut text = first;
            loop {
                let (page, next) = cut(branches(), &query(&text));
                paged.extend(page);
                let Some(cursor) = next else { break };
                // The cursor alone: so Neon's command line goes on.
                text = format!("limit=2&cursor={cursor}");
            }
            assert_eq!(paged, whole, "{by} {order}");
        }
    }
}

#[test]
fn a_page_goes_on_after_its_last_branch_was_deleted() {
    let (page, next) = cut(branches(), &query("sort_by=name&sort_order=asc&limit=2"));
    let left = branches().into_iter().filter(|branch| !page.contains(branch)).collect();
    let cursor = next.expect("another page");
    let (rest, _) = cut(left, &query(&format!("cursor={cursor}")));
    assert_eq!(ids(&rest), ["br-2", "br-3", "br-4"]);
}

#[test]
fn a_search_finds_parts_of_names_and_ids() {
    assert_eq!(ids(&cut(branches(), &query("search=preview%2F")).0), ["br-3", "br-2"]);
    assert_eq!(ids(&cut(branches(), &query("search=dev")).0), ["br-1"]);
    assert_eq!(ids(&cut(branches(), &query("search=br-4")).0), ["br-4"]);
    assert!(cut(branches(), &query("search=nothing")).0.is_empty());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in ["sort_by=size", "sort_order=up", "limit=0", "limit=10001", "cursor=br-1"] {
        assert!(BranchQuery::parse(&Query::parse(text)).is_err(), "{text}");
    }
}
