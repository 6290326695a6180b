//! Reading a role on a child of the root, and on the last of a long lineage.

use std::sync::Arc;
use std::time::Instant;

use offshoot::model::state::Read;
use offshoot::store::catalog::Catalog;

use crate::figures::{ROUNDS, Wanted, median, micros, print, ratio};
use crate::memory::Memory;
use crate::plane::{LOG, Plane, id, loaded};

const SHALLOW: usize = 1;
const DEEP: usize = 1_000;
const ROLES: usize = 1_000;
const READS_PER_ROUND: u32 = 20_000;

/// Compares reading a role on a child of the root with reading it on the last of a long lineage.
pub async fn measure() {
    let plane = Plane::over(Arc::new(Memory::default())).await;
    plane.load(&id("br-main"), ROLES, ROLES).await;
    let mut parent = id("br-main");
    for depth in SHALLOW..=DEEP {
        let child = id(&format!("br-depth-{depth}"));
        plane.branch(&parent, &child).await;
        parent = child;
    }
    let sides = [SHALLOW, DEEP].map(|depth| id(&format!("br-depth-{depth}")));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (side, branch) in sides.iter().enumerate() {
            let begun = Instant::now();
            for number in 0..READS_PER_ROUND {
                let state = plane.store.view::<Catalog>(LOG).state;
                let role = state.role(branch, &loaded(number as usize % ROLES));
                assert!(role.expect("a state that reads").is_some());
            }
            times[side].push(micros(begun.elapsed()) / f64::from(READS_PER_ROUND));
        }
    }
    for (side, depth) in [SHALLOW, DEEP].into_iter().enumerate() {
        println!("  depth {depth:>5}   {:>8.2} us", median(&times[side]));
    }
    let ratio = ratio(&times[1], &times[0]);
    print("the time, by that at depth 1", ratio, Wanted::AtMost(1.5));
}
