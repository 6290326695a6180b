//! Branching a parent that has few roles, and one that has many.

use std::sync::Arc;
use std::time::Instant;

use offshoot::model::revision::Revision;
use offshoot::store::engine::Engine;

use crate::figures::{ROUNDS, Wanted, median, micros, print};
use crate::memory::Memory;
use crate::plane::{LOG, Plane, id};

const FEW_ROLES: usize = 10;
const MANY_ROLES: usize = 100_000;

/// How many of them a commit puts.
const ROLES_PER_COMMIT: usize = 2_000;

const BRANCHES_PER_ROUND: usize = 15;

/// Compares branching a parent that has few roles with branching one that has many.
pub async fn measure() {
    let rows = Arc::new(Memory::default());
    let plane = Plane::over(rows.clone()).await;
    let [few, many] = ["br-few", "br-many"].map(id);
    plane.branch(&id("br-main"), &few).await;
    plane.load(&few, FEW_ROLES, FEW_ROLES).await;
    plane.branch(&id("br-main"), &many).await;
    plane.load(&many, MANY_ROLES, ROLES_PER_COMMIT).await;
    for way in [Way::Commit, Way::Answer] {
        let mut times = [Vec::new(), Vec::new()];
        let mut bytes = [0, 0];
        for round in 0..ROUNDS {
            for (side, parent) in [&few, &many].into_iter().enumerate() {
                for number in 0..BRANCHES_PER_ROUND {
                    let child = id(&format!("br-{side}-{round}-{number}-{}", way.as_str()));
                    let begun = Instant::now();
                    let moment = match way {
                        Way::Commit => plane.branch(parent, &child).await,
                        Way::Answer => plane.branch_and_list(parent, &child).await,
                    };
                    times[side].push(micros(begun.elapsed()));
                    bytes[side] = row_bytes(&*rows, moment.revision);
                }
            }
        }
        println!("  {}", way.title());
        for (side, roles) in [FEW_ROLES, MANY_ROLES].into_iter().enumerate() {
            let (micros, bytes) = (median(&times[side]), bytes[side]);
            println!("    {roles:>7} roles   {micros:>8.1} us   1 row of {bytes} bytes");
        }
        let ratio = median(&times[1]) / median(&times[0]);
        match way {
            Way::Commit => {
                print("the time, by that of a small parent's", ratio, Wanted::AtMost(1.5));
            }
            Way::Answer => println!("  the time, by that of a small parent's: {ratio:.2}"),
        }
    }
}

/// What is measured of a branch's creation.
#[derive(Clone, Copy)]
enum Way {
    /// The commit that makes the child.
    Commit,
    /// The same, and the answer, which lists all roles that the child has.
    Answer,
}

impl Way {
    fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Answer => "answer",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Commit => "the commit",
            Self::Answer => "the commit, and the answer that lists the child's roles",
        }
    }
}

fn row_bytes(engine: &dyn Engine, revision: Revision) -> usize {
    engine.row(LOG, revision).expect("a read").expect("a row").len()
}
