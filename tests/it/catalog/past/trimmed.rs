//! A past of which the older part was trimmed: what is left is told as before, and what is gone is
//! refused, never made up.

use offshoot::control::ControlError;
use offshoot::control::history::{AuditQuery, Entry, Include, Onward, Place};
use offshoot::model::cause::Deed;
use offshoot::model::id::BranchId;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::Revision;
use tokio_util::sync::CancellationToken;

use super::super::command::{ROLES, id, role};
use super::{Lived, check_seen, is_missing, oracle, pages};
use crate::store::support::LOG;

/// One who asks for all that happened.
const EVERYTHING: Include = Include { passes: true, inherited: true };

/// Trims what is below `floor`, and compares what is told afterwards with what was told before.
pub fn check(lived: &Lived, floor: Option<Revision>) {
    let floor = floor.expect("a revision that there is");
    let head = lived.copies.head();
    let branches: Vec<_> = lived.copies.now.branches.keys().cloned().collect();
    let before: Vec<_> = branches.iter().map(|branch| histories(lived, branch, head)).collect();
    let audit = read_audit(lived);
    let stop = CancellationToken::new();
    lived.runtime.block_on(lived.store.trim(LOG, floor, &stop)).expect("a trim");
    for (branch, before) in branches.iter().zip(before) {
        for (before, after) in before.iter().zip(histories(lived, branch, head)) {
            check_history(before, &after, floor, branch);
        }
    }
    check_history(&audit, &read_audit(lived), floor, &id(0));
    check_points(lived, floor);
}

type History<P> = (Vec<Entry>, Onward<P>);

/// Returns the history of a branch and those of its roles.
fn histories(lived: &Lived, branch: &BranchId, from: Revision) -> Vec<History<Place>> {
    let past = lived.past();
    let start = || Onward::At(Place { branch: branch.clone(), revision: from });
    let read = |place| past.branch_history(place, EVERYTHING, 3).expect("a page");
    let mut histories = vec![pages(start(), read)];
    for name in (0..ROLES.len()).map(role) {
        let read = |place| past.role_history(place, &name, 2).expect("a page");
        histories.push(pages(start(), read));
    }
    histories
}

fn read_audit(lived: &Lived) -> History<Revision> {
    let past = lived.past();
    let start = Onward::At(lived.copies.head());
    pages(start, |place| {
        let query = AuditQuery { cursor: Some(place), limit: 4, ..AuditQuery::default() };
        past.audit(&query).expect("a page")
    })
}

/// Compares a history of which nothing was trimmed with what is left of it.
fn check_history<P: std::fmt::Debug + PartialEq>(
    (before, _): &History<P>,
    (after, onward): &History<P>,
    floor: Revision,
    branch: &BranchId,
) {
    // What a commit at the floor changed is not known any more. Whether it did anything to a role
    // is then known only of those that were about the role.
    let is_known =
        |entry: &&Entry| floor < entry.moment.revision || entry.topic == entry.cause.topic;
    let is_left = |entry: &&Entry| floor <= entry.moment.revision;
    let left: Vec<_> = before.iter().filter(is_left).filter(is_known).collect();
    let what = format!("{branch} from {floor} on");
    let revisions = |entries: &[&Entry]| -> Vec<_> {
        entries.iter().map(|entry| entry.moment.revision).collect()
    };
    let found: Vec<_> = after.iter().filter(is_known).collect();
    assert_eq!(revisions(&found), revisions(&left), "{what}");
    for (entry, expected) in found.iter().zip(&left) {
        assert_eq!((&entry.cause, &entry.topic), (&expected.cause, &expected.topic), "{what}");
        // Nor is what a branch was copied from, where that is below the floor.
        let is_copy = matches!(entry.cause.deed, Deed::CreateBranch | Deed::RestoreBranch);
        let is_told = entry.changes.is_some() || entry.moment.revision == floor || is_copy;
        assert!(is_told, "what {what} changed at {} is not told", entry.moment.revision);
        if entry.changes.is_some() {
            assert_eq!(entry.changes, expected.changes, "{what}");
        }
    }
    if before.iter().any(|entry| !is_left(&entry)) {
        assert_eq!(*onward, Onward::Trimmed, "{what}");
    }
}

/// Every branch is as it was at every revision that is left, and no other can be looked at.
fn check_points(lived: &Lived, floor: Revision) {
    let past = lived.past();
    for revision in lived.revisions() {
        assert_eq!(past.check(revision).is_ok(), floor <= revision, "{revision}");
        for index in 0..lived.branches() {
            let expected = oracle::looked_at(&lived.copies, &id(index), revision);
            match (past.branch(&id(index), revision), expected) {
                (Ok(seen), Some((branch, at))) => {
                    assert!(floor <= at, "{branch} at {at} is gone");
                    check_seen(lived, &seen, &branch, at);
                }
                (Err(error), None) if is_missing(&error) || is_trimmed(&error) => {}
                (Err(error), Some((_, at))) if is_trimmed(&error) => {
                    assert!(at < floor, "{} at {at} is there", id(index));
                }
                (found, expected) => panic!(
                    "{} at {revision}: {:?}, not {expected:?}",
                    id(index),
                    found.map(|seen| seen.branch),
                ),
            }
        }
    }
}

fn is_trimmed(error: &ControlError) -> bool {
    matches!(error, ControlError::Refused(Refusal::HistoryTrimmed { .. }))
}
