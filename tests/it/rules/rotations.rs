//! Rotations, stage by stage.

use chrono::TimeDelta;
use offshoot::model::operation::{Event, Operation};
use offshoot::model::refusal::{CredentialRefusal, Refusal};
use offshoot::model::role::Login;
use offshoot::model::rotation::{Drain, Rotation, Stage};
use offshoot::model::rules::rotations::{self, NewRotation, Seen};
use offshoot::model::rules::{branches, credentials};
use offshoot::model::state::{Read as _, Write as _};

use super::plane::{Plane, Wish, of};

const GRACE_SECONDS: u32 = 600;

/// `main` with an original that has lost its login, and a default that can be rotated out.
fn plane() -> Plane {
    let mut plane = Plane::new();
    plane.add_credential("br-main", "first").expect("a credential");
    plane
}

impl Plane {
    fn begin(&mut self, name: &str, drain: Drain) -> Result<Rotation, Refusal> {
        let new = NewRotation {
            name: of(name),
            login: Login::Password(self.draw(&of("br-main"))),
            drain,
            grace_seconds: GRACE_SECONDS,
            reason: None,
        };
        let begun = self.tries(|s, m, seed| rotations::begin(s, m, seed, &of("br-main"), new));
        begun.map(|(rotation, _)| rotation)
    }

    fn advance(&mut self, rotation: &Rotation, seen: Seen) -> Option<Stage> {
        let (branch, id) = (of("br-main"), rotation.id);
        let moved = self.does(|s, m, seed| rotations::advance(s, m, seed, (&branch, id), seen));
        moved.map(|(rotation, _)| rotation.stage)
    }

    /// Ends every operation of the branch.
    fn end(&mut self, event: &Event) {
        let Ok(unfinished) = self.copies.unfinished(&of("br-main"));
        for operation in unfinished {
            self.does(|s, m, _| {
                let ended: Operation = operation.after(event.clone(), m.at).expect("an end");
                s.put_operation(ended)?;
                Ok(())
            });
        }
    }

    /// Lets a rotation go on for as long as it does.
    fn finish(&mut self, rotation: &Rotation, seen: Seen) -> Vec<Stage> {
        let mut stages = Vec::new();
        for _ in 0..20 {
            self.end(&Event::Succeeded);
            let Some(stage) = self.advance(rotation, seen) else { return stages };
            stages.push(stage);
        }
        panic!("a rotation that does not end: {stages:?}");
    }

    fn rotation(&self, rotation: &Rotation) -> Rotation {
        let Ok(found) = self.copies.rotation(&of("br-main"), rotation.id);
        found.expect("a rotation")
    }
}

#[test]
fn a_credential_is_the_default_once_postgres_has_it_and_the_old_one_goes_after_that() {
    let mut plane = plane();
    let rotation = plane.begin("second", Drain::Wait).expect("a rotation");
    assert_eq!((&rotation.from.name, rotation.keeps_original), (&of("first"), false));
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "second"]);
    assert_eq!(plane.advance(&rotation, Seen::Nobody), None, "Postgres has not followed yet");
    plane.end(&Event::Succeeded);
    assert_eq!(plane.advance(&rotation, Seen::Nobody), Some(Stage::Created));
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "second"]);
    assert_eq!(plane.advance(&rotation, Seen::Nobody), Some(Stage::Promoted));
    assert_eq!(plane.credentials("br-main"), ["second", "first", "owner"]);
    assert_eq!(plane.advance(&rotation, Seen::Nobody), Some(Stage::Draining));
    assert_eq!(plane.advance(&rotation, Seen::Somebody), None, "somebody is connected");
    assert_eq!(plane.advance(&rotation, Seen::Nobody), Some(Stage::LoginRevoked));
    assert_eq!(plane.credentials("br-main"), ["second", "owner"]);
    assert_eq!(plane.role("br-main", "first").login, Login::Never);
    let rest = plane.finish(&rotation, Seen::Nobody);
    assert_eq!(rest, [Stage::Reassigned, Stage::Dropped]);
    assert_eq!(plane.role_names("br-main"), ["owner", "second"]);
    assert!(plane.rotation(&rotation).ended_at.is_some());
}

#[test]
fn the_original_stays_without_a_login() {
    let mut plane = Plane::new();
    let rotation = plane.begin("second", Drain::Wait).expect("a rotation");
    assert!(rotation.keeps_original);
    let stages = plane.finish(&rotation, Seen::Nobody);
    assert_eq!(stages.last(), Some(&Stage::LoginRevoked));
    assert!(plane.rotation(&rotation).ended_at.is_some());
    assert_eq!(plane.credentials("br-main"), ["second"]);
    assert_eq!(plane.role("br-main", "owner").login, Login::Never);
}

#[test]
fn at_the_deadline_the_login_goes_whoever_is_connected_unless_there_is_none() {
    for (drain, expected) in [
        (Drain::Wait, Some(Stage::LoginRevoked)),
        (Drain::Terminate, Some(Stage::LoginRevoked)),
        (Drain::Never, None),
    ] {
        let mut plane = plane();
        let rotation = plane.begin("second", drain).expect("a rotation");
        plane.finish(&rotation, Seen::Somebody);
        assert_eq!(plane.rotation(&rotation).stage, Stage::Draining, "{drain:?}");
        plane.now += TimeDelta::seconds(i64::from(GRACE_SECONDS) + 1);
        assert_eq!(plane.advance(&rotation, Seen::Somebody), expected, "{drain:?}");
    }
    let mut plane = plane();
    let rotation = plane.begin("second", Drain::Never).expect("a rotation");
    plane.finish(&rotation, Seen::Nobody);
    assert_eq!(plane.rotation(&rotation).stage, Stage::Draining, "nobody said that it is enough");
    plane.does(|s, m, _| rotations::complete(s, m, (&of("br-main"), rotation.id)));
    let rest = plane.finish(&rotation, Seen::Nobody);
    assert_eq!(rest, [Stage::LoginRevoked, Stage::Reassigned, Stage::Dropped]);
}

#[test]
fn while_somebody_stays_connected_the_old_credential_is_not_dropped_for_an_hour() {
    let mut plane = plane();
    let rotation = plane.begin("second", Drain::Wait).expect("a rotation");
    plane.finish(&rotation, Seen::Somebody);
    plane.does(|s, m, _| rotations::complete(s, m, (&of("br-main"), rotation.id)));
    assert_eq!(plane.finish(&rotation, Seen::Somebody), [Stage::LoginRevoked]);
    plane.now += TimeDelta::hours(2);
    let rest = plane.finish(&rotation, Seen::Somebody);
    assert_eq!(rest, [Stage::Reassigned, Stage::Dropped]);
}

#[test]
fn an_aborted_rotation_leaves_the_old_default() {
    let mut plane = plane();
    let abort = |plane: &mut Plane, rotation: &Rotation| {
        let at = (&of("br-main"), rotation.id);
        plane.tries(|s, m, seed| rotations::abort(s, m, seed, at)).map(|(rotation, _)| rotation)
    };
    let early = plane.begin("second", Drain::Wait).expect("a rotation");
    assert_eq!(abort(&mut plane, &early).expect("an end").stage, Stage::Aborted);
    assert_eq!(plane.credentials("br-main"), ["first", "owner"], "nobody was shown the new one");
    let late = plane.begin("third", Drain::Never).expect("a rotation");
    plane.finish(&late, Seen::Somebody);
    assert_eq!(plane.credentials("br-main"), ["third", "first", "owner"]);
    abort(&mut plane, &late).expect("an end");
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "third"], "somebody may use it");
    assert_eq!(plane.advance(&late, Seen::Nobody), None);
    let over = plane.begin("fourth", Drain::Wait).expect("a rotation");
    plane.finish(&over, Seen::Nobody);
    let refused = abort(&mut plane, &over).expect_err("too late");
    assert!(
        matches!(refused, Refusal::Credential(CredentialRefusal::RotationBeyond { .. })),
        "{refused:?}"
    );
}

#[test]
fn two_rotations_at_once_are_refused_and_so_is_one_without_an_endpoint() {
    let mut plane = plane();
    let first = plane.begin("second", Drain::Wait).expect("a rotation");
    let refused = plane.begin("third", Drain::Wait).expect_err("one is under way");
    assert_eq!(refused, CredentialRefusal::RotationUnderWay(first.id).into());
    plane.finish(&first, Seen::Nobody);
    plane.begin("third", Drain::Wait).expect("the first has ended");
    plane.branch_off("br-main", "br-dev");
    let Ok(found) = plane.copies.rotations(&of("br-dev"));
    assert_eq!(found, [], "a child has none");
    let refused = plane.tries(|s, _, _| rotations::check(s, &of("br-dev")).map(drop));
    let expected = Refusal::BranchWithoutEndpoint(of("br-dev"));
    assert_eq!(refused.expect_err("no endpoint"), expected);
}

#[test]
fn what_postgres_refuses_fails_the_rotation_at_its_step() {
    let mut plane = plane();
    let rotation = plane.begin("second", Drain::Wait).expect("a rotation");
    plane.end(&Event::GaveUp { error: "a namesake".into() });
    let failed = Stage::Failed { step: "created".into(), error: "a namesake".into() };
    assert_eq!(plane.advance(&rotation, Seen::Nobody), Some(failed));
    assert_eq!(plane.credentials("br-main"), ["first", "owner", "second"], "the old one stays");
}

#[test]
fn what_a_restore_or_a_person_changes_meanwhile_is_not_undone() {
    // The new credential goes before it is the default.
    let mut gone = plane();
    let rotation = gone.begin("second", Drain::Wait).expect("a rotation");
    gone.drop_credential("br-main", "second").expect("no default");
    let stages = gone.finish(&rotation, Seen::Nobody);
    assert!(matches!(stages.last(), Some(Stage::Failed { .. })), "{stages:?}");
    assert_eq!(gone.credentials("br-main"), ["first", "owner"]);
    // A restore takes the new one away: the old one is the default, and stays.
    let mut restored = plane();
    let then = restored.head();
    let rotation = restored.begin("second", Drain::Never).expect("a rotation");
    restored.finish(&rotation, Seen::Somebody);
    let wish = Wish { to: Some(then), preserve: Some("old") };
    restored.restore("br-main", "br-main", &wish).expect("a restore");
    restored.does(|s, m, _| rotations::complete(s, m, (&of("br-main"), rotation.id)));
    assert_eq!(restored.finish(&rotation, Seen::Nobody), [Stage::Aborted]);
    assert_eq!(restored.credentials("br-main"), ["first", "owner"]);
    // Somebody makes the old one the default again.
    let mut promoted = plane();
    let rotation = promoted.begin("second", Drain::Wait).expect("a rotation");
    promoted.finish(&rotation, Seen::Somebody);
    promoted.does(|s, m, seed| credentials::promote(s, m, seed, &of("br-main"), &of("first")));
    assert_eq!(promoted.finish(&rotation, Seen::Nobody), [Stage::Aborted]);
    assert_eq!(promoted.credentials("br-main"), ["first", "owner", "second"]);
    // The branch goes, and its rotations with it.
    let mut deleted = plane();
    deleted.branch_off("br-main", "br-other");
    deleted.does(|s, m, _| branches::set_default(s, m, &of("br-other")));
    let rotation = deleted.begin("second", Drain::Wait).expect("a rotation");
    let Ok(found) = deleted.copies.rotation(&of("br-main"), rotation.id);
    assert!(found.is_some());
}
