//! A pass that is cut at any of its messages, in either direction.

use std::time::Duration;

use offshoot::compute::error::ComputeError;

use crate::crash::rng;
use crate::cut::frames::Side;
use crate::cut::places;
use crate::cut::proxy::{Cut, How, Seen};
use crate::cut::scene::{Scene, Then};

/// How many messages a pass is cut at, of each side and in each way.
const RESETS: usize = 3;
const HOLDS: usize = 1;

const SIDES: [Side; 2] = [Side::Offshoot, Side::Postgres];

impl Scene {
    /// Makes a pass that nothing cuts, and returns what passed through.
    async fn count(&mut self) -> Seen {
        let result = self.cut(Cut::Nowhere).await;
        let (seen, _) = self.proxy.seen();
        self.recover(Some(result), "uncut").await;
        seen
    }
}

fn of(seen: Seen, side: Side) -> usize {
    match side {
        Side::Offshoot => seen.from_offshoot,
        Side::Postgres => seen.from_postgres,
    }
}

#[tokio::test]
async fn a_reset_at_any_message_leaves_all_or_nothing_of_each_transaction() {
    let (mut rng, mut scene) = (rng(), Scene::new().await);
    let seen = scene.count().await;
    for side in SIDES {
        for how in [How::Before, How::Inside] {
            for at in places(of(seen, side), RESETS, &mut rng) {
                let cut = Cut::Message { side, at, how };
                let result = scene.cut(cut).await;
                let what = format!("{cut:?} of {seen:?}");
                let (_, has_cut) = scene.proxy.seen();
                assert!(has_cut || result.is_ok(), "{what}: {result:?}");
                scene.recover(Some(result), &what).await;
            }
        }
    }
    scene.end().await;
}

#[tokio::test]
async fn a_pass_that_is_held_at_any_message_ends_and_so_does_the_next() {
    let (mut rng, mut scene) = (rng(), Scene::new().await);
    let seen = scene.count().await;
    for side in SIDES {
        for then in [Then::LetGo, Then::GiveUp, Then::Wait] {
            for at in places(of(seen, side), HOLDS, &mut rng) {
                let result = scene.hold((side, at), then).await;
                let what = format!("{side:?} held at {at} of {seen:?}, then {then:?}");
                let is_well = result.as_ref().is_none_or(Result::is_ok);
                assert!(is_well || matches!(then, Then::Wait), "{what}: {result:?}");
                scene.recover(result, &what).await;
            }
        }
    }
    scene.end().await;
}

/// It may have been committed or not. That is for the next pass to find out, on another connection:
/// whatever is asked on this one is not answered either.
#[tokio::test]
async fn a_postgres_that_falls_silent_is_waited_for_once() {
    let mut scene = Scene::new().await;
    let seen = scene.count().await;
    let result = scene.hold((Side::Offshoot, seen.commit), Then::Wait).await;
    let error = result.as_ref().expect("an end").as_ref().expect_err("a commit without an answer");
    assert!(error.is_out_of_reach(), "{error:?}");
    // No time is measured here: it stood still, and was moved on by what was waited for.
    let patience = Duration::from_secs(61);
    assert!(scene.waited < patience, "it was waited for again, {:?} in all", scene.waited);
    scene.recover(result, "a commit that is held").await;
    scene.end().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_known_to_the_next_pass() {
    let mut scene = Scene::new().await;
    let seen = scene.count().await;
    assert!(2 <= seen.commits, "of all roles, and of what the dropped one had: {seen:?}");
    for commit in 0..seen.commits {
        let result = scene.cut(Cut::Commit(commit)).await;
        let what = format!("commit {commit} of {seen:?}");
        let error = result.as_ref().expect_err("an answer that was lost is not made up");
        assert!(error.is_out_of_reach(), "{what}: {error:?}");
        let observed = scene.look().await;
        assert_eq!(observed.applied, Some(scene.wanted().revision), "{what}");
        assert_eq!(scene.is_handed_over(&observed).await, 0 < commit, "{what}");
        scene.recover(Some(result), &what).await;
    }
    scene.end().await;
}

#[tokio::test]
async fn a_commit_that_was_none_is_not_believed() {
    let mut scene = Scene::new().await;
    let before = scene.look().await.applied;
    let result = scene.cut(Cut::Undone(0)).await;
    let error = result.as_ref().expect_err("a transaction that was rolled back");
    assert!(matches!(error, ComputeError::Unconfirmed) && error.is_retryable(), "{error:?}");
    assert_eq!(scene.look().await.applied, before);
    scene.recover(Some(result), "all roles, rolled back").await;
    // What a dropped role had goes in a transaction of its own.
    let converged = scene.cut(Cut::Undone(1)).await.expect("a pass");
    let [delayed] = &*converged.delayed else { panic!("{converged:?}") };
    assert!(delayed.message.contains("not confirmed"), "{}", delayed.message);
    scene.recover(None, "what a dropped role had, rolled back").await;
    scene.end().await;
}

#[tokio::test]
async fn a_pass_that_is_refused_a_connection_does_what_it_can_without() {
    let mut scene = Scene::new().await;
    let seen = scene.count().await;
    assert!(2 <= seen.connections, "one, and another in a database to clean up: {seen:?}");
    for connection in 0..seen.connections {
        let result = scene.cut(Cut::Connection(connection)).await;
        let what = format!("connection {connection} of {seen:?}");
        let error = result.as_ref().expect_err("a connection that was refused");
        assert!(error.is_out_of_reach(), "{what}: {error:?}");
        scene.recover(Some(result), &what).await;
    }
    scene.end().await;
}
