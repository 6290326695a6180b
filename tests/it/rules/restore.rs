//! Restore and reset: a branch's catalog becomes another, or its own past.

use chrono::TimeDelta;
use offshoot::model::change::Change;
use offshoot::model::endpoint::Power;
use offshoot::model::operation::Action;
use offshoot::model::point::Point;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::Revision;
use offshoot::model::rules::branches::{BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::endpoints;
use offshoot::model::rules::restore::check_point;

use super::plane::{Plane, Wish, actions, of};

/// `main` has `owner` and `a`; then `dev` is born; then `main` gets `b`, and `dev` gets `c`.
fn plane() -> Plane {
    let mut plane = Plane::new();
    plane.add_role("br-main", "a");
    plane.branch_off("br-main", "br-dev");
    plane.add_role("br-main", "b");
    plane.add_role("br-dev", "c");
    plane
}

fn preserve(name: &'static str) -> Wish {
    Wish { preserve: Some(name), ..Wish::default() }
}

#[test]
fn a_reset_takes_the_parents_newest_state() {
    let mut plane = plane();
    let (before, head) = (plane.branch("br-dev"), plane.head());
    let (reset, operations) =
        plane.restore("br-dev", "br-main", &Wish::default()).expect("a reset");
    assert_eq!(plane.role_names("br-dev"), ["a", "b", "owner"]);
    let point = reset.branch_point().expect("a child");
    assert_eq!((point.parent.as_str(), point.cutoff), ("br-main", head));
    assert_eq!(
        (reset.id, reset.name, reset.created_at),
        (before.id, before.name, before.created_at)
    );
    assert_eq!(plane.branch("br-dev").reset_at(), Some(plane.now));
    assert_eq!(actions(&operations), [Action::CreateBranch], "it has no endpoint");
    assert_eq!(plane.role_names("br-main"), ["a", "b", "owner"], "the parent goes on");
}

#[test]
fn a_restore_from_its_own_past_puts_the_present_aside() {
    let mut plane = plane();
    let then = plane.head();
    plane.drop_role("br-dev", "a");
    plane.add_role("br-dev", "d");
    let wish = Wish { to: Some(then), preserve: Some("old") };
    let (restored, _) = plane.restore("br-dev", "br-dev", &wish).expect("a restore");
    assert_eq!(plane.role_names("br-dev"), ["a", "c", "owner"]);
    assert_eq!(plane.role_names("br-old"), ["c", "d", "owner"]);
    let point = restored.branch_point().expect("a child");
    assert_eq!((point.parent.as_str(), point.cutoff), ("br-old", then));
    assert_eq!(plane.parent("br-old").as_deref(), Some("br-main"), "it takes the old place");
    assert_eq!(plane.branch("br-old").endpoint, None);
    // Undoing is another restore.
    plane.restore("br-dev", "br-old", &Wish::default()).expect("a restore");
    assert_eq!(plane.role_names("br-dev"), ["c", "d", "owner"]);
    assert_eq!(plane.parent("br-dev").as_deref(), Some("br-old"));
}

#[test]
fn a_root_stays_one_and_its_children_go_with_its_old_state() {
    let mut plane = plane();
    let wish = Wish { to: Some(Revision(2)), preserve: Some("old") };
    plane.restore("br-main", "br-main", &wish).expect("a restore");
    assert_eq!(plane.role_names("br-main"), ["a", "owner"]);
    assert_eq!(plane.role_names("br-old"), ["a", "b", "owner"]);
    assert_eq!((plane.parent("br-main"), plane.parent("br-old")), (None, None));
    assert_eq!(plane.parent("br-dev").as_deref(), Some("br-old"));
    assert_eq!(plane.project().default_branch, of("br-main"));
    assert_eq!(plane.role_names("br-dev"), ["a", "c", "owner"], "a child's past does not change");
}

#[test]
fn a_reset_with_children_hands_them_over() {
    let mut plane = plane();
    plane.branch_off("br-dev", "br-grandchild");
    plane.restore("br-dev", "br-main", &preserve("old")).expect("a reset");
    assert_eq!(plane.parent("br-grandchild").as_deref(), Some("br-old"));
    assert_eq!(plane.parent("br-old").as_deref(), Some("br-main"));
    assert_eq!(plane.parent("br-dev").as_deref(), Some("br-main"));
    assert_eq!(plane.role_names("br-old"), ["a", "c", "owner"]);
}

#[test]
fn a_restore_from_another_branch_leaves_the_branch_where_it_is() {
    let mut plane = plane();
    plane.branch_off("br-main", "br-other");
    plane.add_role("br-other", "e");
    let before = plane.branch("br-dev").lineage;
    plane.restore("br-dev", "br-other", &Wish::default()).expect("a restore");
    assert_eq!(plane.role_names("br-dev"), ["a", "b", "e", "owner"]);
    assert_eq!(plane.branch("br-dev").lineage, before);
    // A descendant is another branch, too.
    plane.branch_off("br-dev", "br-grandchild");
    plane.restore("br-dev", "br-grandchild", &preserve("old")).expect("a restore");
    assert_eq!(plane.parent("br-grandchild").as_deref(), Some("br-old"));
    assert_eq!(plane.branch("br-dev").lineage, before);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let mut plane = plane();
    plane.branch_off("br-dev", "br-grandchild");
    plane.branch_off("br-main", "br-late");
    plane.protect("br-late", true);
    let past = |preserve| Wish { to: Some(Revision(3)), preserve };
    let needs_name = |branch: &str, why| Refusal::RestoreWithoutBackup { branch: of(branch), why };
    let (before, head) = (plane.copies.now.clone(), plane.head());
    for (target, source, wish, expected) in [
        (
            "br-grandchild",
            "br-grandchild",
            Wish { to: Some(head), preserve: None },
            needs_name("br-grandchild", "from its own past puts what came after it aside"),
        ),
        (
            "br-dev",
            "br-main",
            Wish::default(),
            needs_name("br-dev", "takes the branch from under its children"),
        ),
        ("br-dev", "br-main", preserve("br-late"), Refusal::BranchExists(of("br-late"))),
        ("br-dev", "br-main", preserve("br-dev"), Refusal::BranchExists(of("br-dev"))),
        ("br-late", "br-main", Wish::default(), Refusal::BranchProtected(of("br-late"))),
        ("br-late", "br-late", past(Some("x")), Refusal::BranchProtected(of("br-late"))),
    ] {
        let refused = plane.restore(target, source, &wish).expect_err("a refusal");
        assert_eq!(refused, expected);
    }
    // The branch was not born then.
    let refused = plane.restore("br-dev", "br-grandchild", &past(Some("x"))).expect_err("no past");
    assert!(matches!(refused, Refusal::TimeOutsideHistory { .. }), "{refused}");
    assert_eq!(plane.copies.now, before);
    let no_point = check_point(&of("br-dev"), &of("br-dev"), Point::Head);
    assert_eq!(no_point, Err(Refusal::RestoreWithoutPoint(of("br-dev"))));
    assert_eq!(check_point(&of("br-dev"), &of("br-main"), Point::Head), Ok(()));
    assert_eq!(check_point(&of("br-dev"), &of("br-dev"), Point::Time(plane.now)), Ok(()));
}

#[test]
fn a_reset_starts_the_time_of_an_expiring_branch_again() {
    let mut plane = plane();
    let at = plane.now + TimeDelta::seconds(101);
    let change = BranchChange { expires_at: Change::Set(at), ..BranchChange::default() };
    let set = plane.update("br-dev", &change).expect("a change").expiry.expect("an end");
    assert_eq!((set.at, set.ttl_seconds), (at, 100));
    plane.branch_off("br-main", "br-other");
    let (other, _) = plane.restore("br-dev", "br-other", &Wish::default()).expect("a restore");
    assert_eq!(other.expiry, Some(set), "this is no reset");
    let (reset, _) = plane.restore("br-dev", "br-main", &preserve("old")).expect("a reset");
    let again = reset.expiry.expect("an end");
    assert_eq!((again.at, again.ttl_seconds), (plane.now + TimeDelta::seconds(100), 100));
    assert_eq!(plane.branch("br-old").expiry, None, "what is put aside stays");
}

#[test]
fn the_endpoint_stays_and_is_brought_along() {
    let mut plane = plane();
    plane.add_endpoint("br-dev", "ep-dev");
    let (reset, operations) =
        plane.restore("br-dev", "br-main", &Wish::default()).expect("a reset");
    assert_eq!(reset.endpoint, Some(of("ep-dev")));
    assert_eq!(actions(&operations), [Action::CreateBranch, Action::ApplyConfig]);
    plane.does(|s, m, seed| endpoints::set_power(s, m, seed, &of("ep-dev"), Power::Idle));
    let (_, operations) = plane.restore("br-dev", "br-main", &Wish::default()).expect("a reset");
    let woken = [Action::CreateBranch, Action::ApplyConfig, Action::SuspendCompute];
    assert_eq!(actions(&operations), woken);
}

#[test]
fn a_child_of_what_was_restored_can_begin_before_that() {
    let mut plane = plane();
    let then = plane.head();
    let at = plane.now;
    plane.restore("br-dev", "br-main", &Wish::default()).expect("a reset");
    let cutoff = Cutoff::Past { revision: then, at, lsn: None };
    let new = NewBranch::new(of("br-x"), of("x"), of("br-dev"), cutoff);
    plane.create(new).expect("a branch");
    assert_eq!(plane.role_names("br-x"), ["a", "c", "owner"]);
}
