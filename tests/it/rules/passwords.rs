//! Passwords that come with a catalog, under each policy.

use offshoot::model::branch::PasswordPolicy::{self, Fresh, Inherit, None as Unset};
use offshoot::model::refusal::Refusal;
use offshoot::model::rules::branches::{Cutoff, NewBranch};
use offshoot::model::rules::passwords::{Passwords, policy_of_new, policy_of_restore};

use super::plane::{Plane, Wish, of};

/// `main`, and a child of it under `policy`.
fn plane(policy: PasswordPolicy) -> Plane {
    let mut plane = Plane::new();
    plane.add_role("br-main", "app");
    let new = NewBranch::new(of("br-dev"), of("br-dev"), of("br-main"), Cutoff::Head);
    plane.create(NewBranch { password_policy: Some(policy), ..new }).expect("a branch");
    plane
}

fn reset(plane: &mut Plane) {
    plane.restore("br-dev", "br-main", &Wish::default()).expect("a reset");
}

#[test]
fn the_policy_of_a_new_branch_is_its_own_or_its_projects_or_its_parents() {
    let plane = Plane::new();
    for (asked, of_project, is_protected, expected) in [
        (None, None, false, None),
        (None, None, true, Some(Fresh)),
        (None, Some(Inherit), true, Some(Inherit)),
        (None, Some(Unset), true, Some(Unset)),
        (Some(Inherit), None, true, Some(Inherit)),
        (Some(Inherit), Some(Fresh), true, Some(Inherit)),
        (Some(Unset), Some(Fresh), false, Some(Unset)),
        (Some(Fresh), None, false, Some(Fresh)),
    ] {
        let mut project = plane.project();
        project.password_policy = of_project;
        let mut parent = plane.branch("br-main");
        parent.protected = is_protected;
        assert_eq!(policy_of_new(asked, &project, &parent), expected);
    }
}

#[test]
fn the_policy_of_a_restore_guards_the_protected_and_what_has_passwords_of_its_own() {
    let mut plane = Plane::new();
    plane.branch_off("br-main", "br-dev");
    plane.branch_off("br-main", "br-other");
    plane.branch_off("br-dev", "br-grandchild");
    let check = |plane: &Plane, target: &str, source: &str, expected| {
        let Ok(found) =
            policy_of_restore(&plane.copies, &plane.branch(target), &plane.branch(source));
        assert_eq!(found, expected, "{target} from {source}");
    };
    check(&plane, "br-dev", "br-main", Inherit);
    check(&plane, "br-dev", "br-other", Inherit);
    plane.set_policy("br-other", Fresh);
    check(&plane, "br-dev", "br-other", Fresh);
    check(&plane, "br-main", "br-other", Fresh);
    check(&plane, "br-other", "br-main", Fresh);
    plane.set_policy("br-dev", Fresh);
    check(&plane, "br-grandchild", "br-dev", Inherit);
    plane.set_policy("br-dev", Inherit);
    plane.protect("br-main", true);
    check(&plane, "br-dev", "br-main", Inherit);
    plane.branch_off("br-main", "br-late");
    check(&plane, "br-late", "br-late", Fresh);
    plane.protect("br-late", true);
    check(&plane, "br-grandchild", "br-late", Fresh);
}

#[test]
fn an_inheriting_branch_takes_the_passwords_that_come() {
    let mut plane = plane(Inherit);
    plane.reset_password("br-dev", "app");
    assert_ne!(plane.password("br-dev", "app"), plane.password("br-main", "app"));
    reset(&mut plane);
    assert_eq!(plane.password("br-dev", "app"), plane.password("br-main", "app"));
}

#[test]
fn a_fresh_branch_keeps_its_passwords_whatever_comes() {
    let mut plane = plane(Fresh);
    let mine = plane.password("br-dev", "app");
    assert_ne!(mine, plane.password("br-main", "app"));
    let then = plane.head();
    plane.reset_password("br-main", "app");
    plane.add_role("br-main", "new");
    reset(&mut plane);
    assert_eq!(plane.password("br-dev", "app"), mine);
    assert_ne!(plane.password("br-dev", "new"), plane.password("br-main", "new"));
    plane.reset_password("br-dev", "app");
    let reset_to = plane.password("br-dev", "app");
    let wish = Wish { to: Some(then), preserve: Some("old") };
    plane.restore("br-dev", "br-dev", &wish).expect("a restore");
    assert_eq!(plane.password("br-dev", "app"), reset_to, "a reset password is not undone");
    // A restore from its own past changes no password that did not change.
    let wish = Wish { to: Some(plane.head()), preserve: Some("older") };
    plane.restore("br-dev", "br-dev", &wish).expect("a restore");
    assert_eq!(plane.password("br-dev", "app"), reset_to);
}

#[test]
fn a_role_that_comes_back_to_a_fresh_branch_has_its_own_password_again() {
    let mut plane = plane(Fresh);
    let (mine, then) = (plane.password("br-dev", "app"), plane.head());
    plane.drop_role("br-dev", "app");
    let wish = Wish { to: Some(then), preserve: Some("old") };
    plane.restore("br-dev", "br-dev", &wish).expect("a restore");
    assert_eq!(plane.password("br-dev", "app"), mine);
    // From its parent it would be the parent's.
    plane.drop_role("br-dev", "app");
    plane.restore("br-dev", "br-main", &Wish::default()).expect("a restore");
    let drawn = plane.password("br-dev", "app");
    assert!(drawn != mine && drawn != plane.password("br-main", "app"));
}

#[test]
fn a_password_that_a_branch_shares_with_its_parents_past_is_not_its_own() {
    let mut plane = plane(Inherit);
    let shared = plane.password("br-dev", "app");
    // The parent has another one by now, but might get this one back.
    plane.reset_password("br-main", "app");
    plane.set_policy("br-dev", Fresh);
    reset(&mut plane);
    let found = plane.password("br-dev", "app");
    assert!(found.is_some() && found != shared && found != plane.password("br-main", "app"));
}

#[test]
fn the_child_of_a_branch_that_was_protected_later_stays_fresh_once_it_was() {
    let mut plane = Plane::new();
    plane.branch_off("br-main", "br-dev");
    let then = plane.head();
    plane.protect("br-main", true);
    reset(&mut plane);
    assert_ne!(plane.password("br-dev", "owner"), plane.password("br-main", "owner"));
    assert_eq!(plane.branch("br-dev").password_policy, Some(Fresh));
    for name in ["old", "older"] {
        let wish = Wish { to: Some(then), preserve: Some(name) };
        plane.restore("br-dev", "br-dev", &wish).expect("a restore");
        assert_ne!(plane.password("br-dev", "owner"), plane.password("br-main", "owner"));
    }
}

#[test]
fn a_branch_without_passwords_keeps_the_ones_it_is_given() {
    let mut plane = plane(Unset);
    assert_eq!(plane.password("br-dev", "app"), None);
    plane.reset_password("br-dev", "app");
    let mine = plane.password("br-dev", "app");
    plane.add_role("br-main", "new");
    reset(&mut plane);
    assert_eq!((plane.password("br-dev", "app"), plane.password("br-dev", "new")), (mine, None));
    assert_eq!(plane.password("br-dev", "owner"), None);
}

#[test]
fn passwords_that_were_prepared_for_another_policy_are_refused() {
    let mut plane = plane(Fresh);
    let refused = plane.restore_with("br-dev", "br-main", &Wish::default(), Passwords::Inherited);
    assert_eq!(refused.expect_err("a refusal"), Refusal::PasswordPolicyMoved);
    let refused = plane.restore_with("br-dev", "br-main", &Wish::default(), Passwords::Unset);
    assert_eq!(refused.expect_err("a refusal"), Refusal::PasswordPolicyMoved);
}

#[test]
fn a_role_that_cannot_log_in_gets_no_password() {
    let mut plane = plane(Fresh);
    assert_eq!(plane.password("br-dev", "web_access"), None);
    let role = plane.role("br-dev", "web_access");
    assert_eq!(role, plane.role("br-main", "web_access"), "and is left as it is");
    reset(&mut plane);
    assert_eq!(plane.role("br-dev", "web_access"), role);
}
