//! Credentials: which there are, which is the default, and for whom they act.

use offshoot::model::refusal::{CredentialRefusal, Refusal};
use offshoot::model::role::Login;
use offshoot::model::rules::credentials::MAX_CREDENTIALS;
use offshoot::model::rules::roles;
use offshoot::model::state::Read as _;

use super::plane::{Plane, Wish, of};

#[test]
fn a_project_is_born_with_one_credential_and_each_new_one_becomes_the_default() {
    let mut plane = Plane::new();
    assert_eq!(plane.credentials("br-main"), ["owner"]);
    let first = plane.add_credential("br-main", "first").expect("a credential");
    assert_eq!(first.standing.expect("a standing").acts_for, Some(of("owner")));
    plane.add_credential("br-main", "second").expect("a credential");
    assert_eq!(plane.credentials("br-main"), ["second", "first", "owner"]);
    plane.promote("br-main", "first").expect("a live one");
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "second"]);
}

#[test]
fn roles_made_in_another_way_are_no_credentials_until_they_are_promoted() {
    let mut plane = Plane::new();
    plane.add_role("br-main", "app");
    assert_eq!(plane.credentials("br-main"), ["owner"]);
    let refused = plane.drop_credential("br-main", "app").expect_err("no credential");
    assert_eq!(refused, CredentialRefusal::Missing(of("app")).into());
    let app = plane.promote("br-main", "app").expect("a role that can log in");
    assert_eq!(app.standing.expect("a standing").acts_for, Some(of("owner")));
    assert_eq!(plane.credentials("br-main"), ["app", "owner"]);
    let refused = plane.promote("br-main", "web").expect_err("nobody");
    assert_eq!(refused, Refusal::RoleMissing(of("web")));
}

#[test]
fn the_default_is_not_deleted_and_the_original_only_loses_its_login() {
    let mut plane = Plane::new();
    let refused = plane.drop_credential("br-main", "owner").expect_err("the default");
    assert_eq!(refused, CredentialRefusal::IsDefault(of("owner")).into());
    plane.add_credential("br-main", "first").expect("a credential");
    plane.drop_credential("br-main", "owner").expect("the original");
    assert_eq!(plane.role("br-main", "owner").login, Login::Never);
    assert_eq!(plane.credentials("br-main"), ["first"]);
    let again = plane.drop_credential("br-main", "owner").expect_err("none any more");
    assert_eq!(again, CredentialRefusal::Missing(of("owner")).into());
    let refused = plane.promote("br-main", "owner").expect_err("without a login");
    assert_eq!(refused, Refusal::RoleWithoutPassword(of("owner")));
    // Who comes after it still acts for it.
    let second = plane.add_credential("br-main", "second").expect("a credential");
    assert_eq!(second.standing.expect("a standing").acts_for, Some(of("owner")));
    plane.drop_credential("br-main", "first").expect("neither");
    assert_eq!(plane.role_names("br-main"), ["owner", "second"]);
}

#[test]
fn a_deleted_credential_leaves_its_databases_to_the_original() {
    let mut plane = Plane::new();
    plane.add_credential("br-main", "first").expect("a credential");
    plane.add_database("br-main", "crm", "first").expect("a database");
    plane.add_credential("br-main", "second").expect("a credential");
    plane.drop_credential("br-main", "first").expect("neither default nor original");
    let Ok(crm) = plane.copies.database(&of("br-main"), &of("crm"));
    assert_eq!(crm.expect("a database").owner, of("owner"));
}

#[test]
fn nobody_does_without_the_original_while_others_act_for_it() {
    let mut plane = Plane::new();
    plane.add_credential("br-main", "first").expect("a credential");
    let delete = |plane: &mut Plane, name: &str| {
        plane.tries(|s, m, seed| {
            roles::delete(s, m, seed, (&of("br-main"), &of(name)), roles::OnOwned::Reassign)
        })
    };
    let is_original =
        CredentialRefusal::RoleIsOriginal { role: of("owner"), credential: of("first") };
    let is_original = Refusal::from(is_original);
    assert_eq!(delete(&mut plane, "owner").expect_err("an original"), is_original);
    let tomorrow = plane.now + chrono::TimeDelta::days(1);
    let expires = |plane: &mut Plane, name: &str| {
        let (branch, name) = (of("br-main"), of(name));
        plane.tries(|s, m, seed| roles::set_expiry(s, m, seed, &branch, &name, Some(tomorrow)))
    };
    assert_eq!(expires(&mut plane, "owner").expect_err("an original"), is_original);
    // Over Neon's API the default can go. The one before it is shown again.
    delete(&mut plane, "first").expect("a role that nobody needs");
    assert_eq!(plane.credentials("br-main"), ["owner"]);
}

#[test]
fn a_child_has_its_parents_credentials_as_of_the_cutoff_and_changes_only_its_own() {
    let mut plane = Plane::new();
    plane.add_credential("br-main", "first").expect("a credential");
    plane.branch_off("br-main", "br-dev");
    let then = plane.head();
    plane.add_credential("br-main", "late").expect("a credential");
    assert_eq!(plane.credentials("br-dev"), ["first", "owner"]);
    plane.add_credential("br-dev", "own").expect("a credential");
    plane.drop_credential("br-dev", "owner").expect("the original");
    assert_eq!(plane.credentials("br-dev"), ["own", "first"]);
    assert_eq!(plane.credentials("br-main"), ["late", "first", "owner"]);
    let wish = Wish { to: Some(then), preserve: Some("old") };
    plane.restore("br-dev", "br-dev", &wish).expect("a restore");
    assert_eq!(plane.credentials("br-dev"), ["first", "owner"]);
    plane
        .restore("br-dev", "br-main", &Wish { to: None, preserve: Some("older") })
        .expect("a reset");
    assert_eq!(plane.credentials("br-dev"), ["late", "first", "owner"]);
}

#[test]
fn a_branch_has_a_bounded_number_of_credentials() {
    let mut plane = Plane::new();
    for number in 1..MAX_CREDENTIALS {
        plane.add_credential("br-main", &format!("app_{number}")).expect("room");
    }
    let refused = plane.add_credential("br-main", "late").expect_err("too many");
    assert_eq!(refused, CredentialRefusal::TooMany.into());
    plane.drop_credential("br-main", "app_1").expect("neither default nor original");
    plane.add_credential("br-main", "late").expect("room again");
}
