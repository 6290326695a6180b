//! Merges of branches, whose credentials stand one way here and another there.

use chrono::TimeDelta;
use offshoot::model::branch::PasswordPolicy;
use offshoot::model::merge::Why;
use offshoot::model::refusal::{CredentialRefusal, Refusal};
use offshoot::model::role::Login;
use offshoot::model::rules::credentials::MAX_CREDENTIALS;
use offshoot::model::rules::roles;

use super::plane::{Plane, of};

/// Returns why a merge was refused: its only conflict.
fn why(refused: Refusal) -> Why {
    let Refusal::MergeConflicts(conflicts) = refused else { panic!("{refused}") };
    let [conflict] = &conflicts[..] else { panic!("{conflicts:#?}") };
    conflict.why.clone()
}

/// Returns a plane on which `br-child` branched off the default branch.
fn with_child() -> Plane {
    let mut plane = Plane::new();
    plane.branch_off("br-main", "br-child");
    plane
}

#[test]
fn a_merge_brings_a_credential_and_with_it_the_default() {
    let mut plane = with_child();
    plane.add_credential("br-child", "app").expect("a credential");
    let merged = plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!(merged.operations.len(), 1);
    assert_eq!(plane.credentials("br-main"), ["app", "owner"]);
    assert_eq!(plane.role("br-main", "app").standing, plane.role("br-child", "app").standing);
    assert_eq!(plane.merge("br-child", "br-main").expect("a merge").taken, []);
}

#[test]
fn of_two_defaults_the_later_one_holds_after_a_merge_and_nobody_is_asked() {
    let mut plane = with_child();
    plane.add_credential("br-child", "first").expect("a credential");
    plane.add_credential("br-main", "second").expect("a credential");
    plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!(plane.credentials("br-main"), ["second", "first", "owner"]);
    plane.promote("br-child", "owner").expect("a credential");
    plane.promote("br-main", "first").expect("a credential");
    plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "second"]);
    plane.promote("br-main", "owner").expect("a credential");
    plane.promote("br-child", "first").expect("a credential");
    let merged = plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!((merged.taken.len(), plane.credentials("br-main")[0].as_str()), (1, "first"));
    plane.merge("br-main", "br-child").expect("a merge");
    assert_eq!(plane.credentials("br-child"), plane.credentials("br-main"));
}

#[test]
fn a_login_that_was_taken_from_the_original_is_taken_from_it_by_a_merge_too() {
    for policy in [PasswordPolicy::Inherit, PasswordPolicy::Fresh] {
        let mut plane = with_child();
        plane.set_policy("br-child", policy);
        plane.restore("br-child", "br-main", &super::plane::Wish::default()).expect("a reset");
        plane.add_credential("br-child", "app").expect("a credential");
        plane.drop_credential("br-child", "owner").expect("the original");
        plane.merge("br-child", "br-main").expect("a merge");
        assert_eq!(plane.role("br-main", "owner").login, Login::Never);
        assert_eq!(plane.credentials("br-main"), ["app"]);
    }
}

/// Makes `other` the original of the child, in place of the owner.
fn replace_original(plane: &mut Plane) {
    plane.does(|s, m, seed| {
        let (owner, database) = (of("owner"), of("shop"));
        offshoot::model::rules::databases::delete(s, m, seed, &of("br-child"), &database)?;
        roles::delete(s, m, seed, (&of("br-child"), &owner), roles::OnOwned::Reassign)
    });
    let other = plane.add_credential("br-child", "other").expect("a credential");
    assert_eq!(other.standing.expect("a standing").acts_for, None);
}

#[test]
fn an_original_stays_while_others_act_for_it_whatever_a_merge_brings() {
    let mut plane = with_child();
    replace_original(&mut plane);
    plane.add_credential("br-main", "app").expect("a credential");
    let refused = plane.merge("br-child", "br-main").expect_err("an original that acts for app");
    assert_eq!(why(refused), Why::RoleIsOriginal(of("app")));
    plane.drop_role("br-main", "app");
    plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!(plane.credentials("br-main"), ["other"]);
    let app = plane.add_credential("br-main", "app").expect("a credential");
    assert_eq!(app.standing.expect("a standing").acts_for, Some(of("other")));
}

#[test]
fn an_original_for_which_others_act_gets_no_end_by_a_merge() {
    let mut plane = with_child();
    let at = Some(plane.now + TimeDelta::days(1));
    plane.does(|s, m, seed| {
        let (owner, database) = (of("owner"), of("shop"));
        offshoot::model::rules::databases::delete(s, m, seed, &of("br-child"), &database)?;
        roles::set_expiry(s, m, seed, &of("br-child"), &owner, at)
    });
    plane.add_credential("br-main", "app").expect("a credential");
    let refused = plane.merge("br-child", "br-main").expect_err("an original that acts for app");
    assert_eq!(why(refused), Why::RoleIsOriginal(of("app")));
}

#[test]
fn a_role_is_no_credential_where_another_is_the_original() {
    let mut plane = with_child();
    plane.does(|s, m, seed| {
        let (owner, database) = (of("owner"), of("shop"));
        offshoot::model::rules::databases::delete(s, m, seed, &of("br-main"), &database)?;
        roles::delete(s, m, seed, (&of("br-main"), &owner), roles::OnOwned::Reassign)
    });
    plane.add_credential("br-main", "another").expect("a credential");
    plane.add_credential("br-child", "app").expect("a credential");
    plane.merge("br-child", "br-main").expect("a merge");
    assert_eq!(plane.role("br-main", "app").standing, None);
    assert_eq!(plane.credentials("br-main"), ["another"]);
    assert_eq!(plane.merge("br-child", "br-main").expect("a merge").taken, []);
}

#[test]
fn a_merge_brings_no_more_credentials_than_there_can_be() {
    let mut plane = with_child();
    plane.add_credential("br-child", "app").expect("a credential");
    for number in 1..MAX_CREDENTIALS {
        plane.add_credential("br-main", &format!("c{number}")).expect("a credential");
    }
    let refused = plane.merge("br-child", "br-main").expect_err("too many");
    assert_eq!(refused, CredentialRefusal::TooMany.into());
}
