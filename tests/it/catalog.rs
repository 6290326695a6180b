//! The catalog against oracles that copy: every branch, revision and name, after random histories.

mod churn;
pub mod command;
pub mod copies;
mod cutoffs;
mod event;
mod flat;
mod groups;
mod inventories;
mod merges;
mod past;
mod plain;
mod shelf;
mod trims;
mod world;

use std::sync::Arc;

use proptest::prelude::*;

use self::event::{Event, event};
use self::world::{Place, World};
use crate::store::memory::Memory;

fn live_through(events: &[Event], place: Place) {
    let mut world = World::new(place);
    for (number, event) in (1..).zip(events) {
        world.happen(event, number);
    }
    world.check();
    world.reopen();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_catalog_holds_what_full_copies_hold(events in prop::collection::vec(event(), 0..60)) {
        live_through(&events, Place::Memory(Arc::new(Memory::default())));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_catalog_on_a_disk_holds_what_full_copies_hold(
        events in prop::collection::vec(event(), 0..40),
    ) {
        live_through(&events, Place::Disk(tempfile::tempdir().expect("a directory")));
    }
}
