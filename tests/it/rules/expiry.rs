//! What goes by itself, and what must not.

use chrono::TimeDelta;
use offshoot::model::change::Change;
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::Timestamp;
use offshoot::model::role::Role;
use offshoot::model::rules::branches::{self, BranchChange, Cutoff, NewBranch};
use offshoot::model::rules::expiry::{MAX_BRANCH_DAYS, MAX_ROLE_DAYS, expire_branch, expire_role};
use offshoot::model::rules::roles;

use super::plane::{Plane, of};

fn plane() -> Plane {
    let mut plane = Plane::new();
    plane.branch_off("br-main", "br-dev");
    plane
}

fn ends(at: Timestamp) -> BranchChange {
    BranchChange { expires_at: Change::Set(at), ..BranchChange::default() }
}

fn set_role_expiry(plane: &mut Plane, name: &str, at: Option<Timestamp>) -> Result<Role, Refusal> {
    let set = plane.tries(|s, m, seed| roles::set_expiry(s, m, seed, &of("br-dev"), &of(name), at));
    set.map(|(role, _)| role)
}

#[test]
fn an_end_lies_in_the_future_and_not_too_far_away() {
    let mut plane = plane();
    plane.add_role("br-dev", "app");
    for (days, is_role) in [(MAX_BRANCH_DAYS, false), (MAX_ROLE_DAYS, true)] {
        let set = |plane: &mut Plane, after: TimeDelta| {
            // The commit is a second later than now.
            let at = plane.now + TimeDelta::seconds(1) + after;
            if is_role {
                set_role_expiry(plane, "app", Some(at)).map(drop)
            } else {
                plane.update("br-dev", &ends(at)).map(drop)
            }
        };
        let micro = TimeDelta::microseconds(1);
        for after in [micro, TimeDelta::days(days)] {
            assert_eq!(set(&mut plane, after), Ok(()));
        }
        for after in [-TimeDelta::days(1), TimeDelta::zero(), TimeDelta::days(days) + micro] {
            let refused = set(&mut plane, after).expect_err("a refusal");
            assert!(matches!(refused, Refusal::ExpiryOutOfRange { .. }), "{refused}");
        }
    }
}

#[test]
fn a_ttl_is_in_whole_seconds_and_never_too_short() {
    let mut plane = plane();
    for (micros, seconds) in [(1, 1), (1_000_000, 1), (1_000_001, 2), (86_400_000_000, 86_400)] {
        let at = plane.now + TimeDelta::seconds(1) + TimeDelta::microseconds(micros);
        let expiry = plane.update("br-dev", &ends(at)).expect("a change").expiry;
        assert_eq!(expiry.expect("an end").ttl_seconds, seconds, "{micros}");
    }
    let kept = plane.update("br-dev", &BranchChange { name: Some(of("x")), ..Default::default() });
    assert!(kept.expect("a change").expiry.is_some());
    let clear = BranchChange { expires_at: Change::Clear, ..BranchChange::default() };
    assert_eq!(plane.update("br-dev", &clear).expect("a change").expiry, None);
}

#[test]
fn what_others_need_does_not_expire() {
    let mut plane = plane();
    let at = plane.now + TimeDelta::days(1);
    let cannot = |branch: &str, why| Refusal::BranchCannotExpire { branch: of(branch), why };
    let refused = plane.update("br-main", &ends(at));
    assert_eq!(refused, Err(cannot("br-main", "is the project's default branch")));
    plane.protect("br-dev", true);
    assert_eq!(plane.update("br-dev", &ends(at)), Err(cannot("br-dev", "is protected")));
    plane.protect("br-dev", false);
    plane.branch_off("br-dev", "br-grandchild");
    assert_eq!(plane.update("br-dev", &ends(at)), Err(cannot("br-dev", "has child branches")));
    let new = NewBranch::new(of("br-x"), of("x"), of("br-main"), Cutoff::Head);
    let both = NewBranch { protected: true, expires_at: Some(at), ..new };
    assert_eq!(plane.create(both), Err(cannot("br-x", "is protected")));
    let both = BranchChange { protected: Some(true), ..ends(at) };
    assert_eq!(plane.update("br-grandchild", &both), Err(cannot("br-grandchild", "is protected")));
}

#[test]
fn what_expires_does_not_become_what_others_need() {
    let mut plane = plane();
    let at = plane.now + TimeDelta::days(1);
    plane.update("br-dev", &ends(at)).expect("a change");
    let expires = |what| Refusal::BranchExpires { branch: of("br-dev"), what };
    let protect = BranchChange { protected: Some(true), ..BranchChange::default() };
    assert_eq!(plane.update("br-dev", &protect), Err(expires("be protected")));
    let default = plane.tries(|s, m, _| branches::set_default(s, m, &of("br-dev")));
    assert_eq!(default, Err(expires("become the default branch")));
    let new = NewBranch::new(of("br-x"), of("x"), of("br-dev"), Cutoff::Head);
    assert_eq!(plane.create(new), Err(expires("have child branches")));
    // Both at once is no contradiction.
    let instead = BranchChange { expires_at: Change::Clear, ..protect };
    assert!(plane.update("br-dev", &instead).expect("a change").protected);
}

#[test]
fn a_role_that_owns_a_database_and_one_that_expires_are_never_the_same() {
    let mut plane = plane();
    plane.add_role("br-dev", "app");
    let at = plane.now + TimeDelta::days(1);
    let (role, database) = (of("owner"), of("shop"));
    let refused = set_role_expiry(&mut plane, "owner", Some(at));
    assert_eq!(refused, Err(Refusal::RoleCannotExpire { role, database }));
    set_role_expiry(&mut plane, "app", Some(at)).expect("an end");
    let refused = plane.add_database("br-dev", "x", "app");
    assert_eq!(refused, Err(Refusal::OwnerExpires(of("app"))));
    set_role_expiry(&mut plane, "app", None).expect("no end");
    plane.add_database("br-dev", "x", "app").expect("a database");
}

#[test]
fn an_end_leaves_the_password_alone_and_a_new_password_the_end() {
    let mut plane = plane();
    plane.add_role("br-dev", "app");
    let at = plane.now + TimeDelta::days(1);
    let before = plane.role("br-dev", "app");
    let ends = set_role_expiry(&mut plane, "app", Some(at)).expect("an end");
    assert_eq!((ends.login, ends.born), (before.login, before.born));
    plane.reset_password("br-dev", "app");
    assert_eq!(plane.role("br-dev", "app").expires_at, Some(at));
}

#[test]
fn nothing_goes_before_its_time_or_after_its_time_was_changed() {
    let mut plane = plane();
    plane.add_role("br-dev", "app");
    let at = plane.now + TimeDelta::days(1);
    set_role_expiry(&mut plane, "app", Some(at)).expect("an end");
    plane.update("br-dev", &ends(at)).expect("an end");
    let try_both = |plane: &mut Plane| {
        let role = plane.does(|s, m, seed| expire_role(s, m, seed, &of("br-dev"), &of("app")));
        let branch = plane.does(|s, m, seed| expire_branch(s, m, seed, &of("br-dev")));
        (role.is_some(), branch.is_some())
    };
    plane.now = at - TimeDelta::seconds(5);
    assert_eq!(try_both(&mut plane), (false, false));
    set_role_expiry(&mut plane, "app", Some(at + TimeDelta::hours(1))).expect("an end");
    plane.now = at - TimeDelta::seconds(1);
    assert_eq!(try_both(&mut plane), (false, true));
    assert_eq!(try_both(&mut plane), (false, false), "it is gone");
}
