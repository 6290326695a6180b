//! Listing roles, against a walk over a map that holds them ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use offshoot::model::name::RoleName;
use offshoot::model::role::Role;
use offshoot::model::state::Read;
use offshoot::store::catalog::Catalog;

use crate::figures::{ROUNDS, Wanted, median, micros, print, ratio};
use crate::memory::Memory;
use crate::plane::{LOG, Plane, id};

const ROLES: usize = 1_000;

const PAGES_PER_ROUND: u32 = 200;

pub async fn measure() {
    let plane = Plane::over(Arc::new(Memory::default())).await;
    let branch = id("br-page");
    plane.branch(&id("br-main"), &branch).await;
    plane.load(&branch, ROLES, ROLES).await;
    let list = || plane.store.view::<Catalog>(LOG).state.roles(&branch).expect("a state");
    let named = list().into_iter().map(|role| (role.name.clone(), role));
    let map: BTreeMap<RoleName, Role> = named.collect();
    let (mut ours, mut walks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(time(list, map.len()));
        walks.push(time(|| map.values().cloned().collect(), map.len()));
    }
    println!("  through Store::view  {:>8.1} us", median(&ours));
    println!("  from a sorted map    {:>8.1} us", median(&walks));
    print("the time, by that of the map", ratio(&ours, &walks), Wanted::AtMost(5.0));
}

fn time(list: impl Fn() -> Vec<Role>, count: usize) -> f64 {
    let begun = Instant::now();
    for _ in 0..PAGES_PER_ROUND {
        assert_eq!(list().len(), count);
    }
    micros(begun.elapsed()) / f64::from(PAGES_PER_ROUND)
}
