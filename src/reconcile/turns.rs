//! Turns: on each branch, one at a time starts and suspends the compute, be it a pass or somebody
//! who looks into it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::control::BranchRef;

/// Whose turn it is, on each branch.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<BranchRef, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for a turn on a branch, which ends when what is returned is dropped.
    pub async fn take(&self, at: &BranchRef) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().expect("a lock that no panic poisons");
            // Those that nobody has or waits for go when there may be many of them.
            if turns.len() == turns.capacity() {
                turns.retain(|_, turn| 1 < Arc::strong_count(turn));
            }
            Arc::clone(turns.entry(at.clone()).or_default())
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_is_waited_for_on_its_branch_and_nowhere_else() {
        let (turns, own) = (Turns::default(), BranchRef::example(1));
        let first = turns.take(&own).await;
        let mut second = std::pin::pin!(turns.take(&own));
        assert!(futures_util::poll!(&mut second).is_pending());
        let _other = turns.take(&BranchRef::example(2)).await;
        drop(first);
        assert!(futures_util::poll!(&mut second).is_ready());
    }

    #[tokio::test]
    async fn turns_that_ended_are_forgotten_and_one_that_lasts_is_not() {
        let (turns, own) = (Turns::default(), BranchRef::example(0));
        let lasting = turns.take(&own).await;
        for number in 1..1000 {
            drop(turns.take(&BranchRef::example(number)).await);
        }
        let kept = turns.0.lock().expect("a lock that no panic poisons").len();
        assert!(kept < 10, "{kept} are kept");
        let mut second = std::pin::pin!(turns.take(&own));
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(lasting);
    }
}
