//! Trees with a history, some of which they have in common.

use super::*;

impl Kept {
    /// Returns how many nodes there are from the root to a leaf.
    pub fn levels(&self, tree: &Tree) -> usize {
        let mut levels = 0;
        let mut next = tree.root.clone();
        while let Some(link) = next {
            levels += 1;
            next = match &*self.load(&link) {
                Node::Inner(children) => Some(children[0].1.clone()),
                Node::Leaf(_) => None,
            };
        }
        levels
    }
}

/// How many keys the histories have to choose from.
pub const KEYS: u16 = 2048;

/// Returns a key under one of two prefixes. One key is often the beginning of another.
pub fn key_of(number: u16) -> Bytes {
    let prefix = if number.is_multiple_of(2) { 'd' } else { 'r' };
    format!("{prefix}{:x}", number % KEYS / 2).as_bytes().into()
}

#[derive(Clone, Debug)]
enum Event {
    Insert {
        key: u16,
        value: u8,
    },
    /// Many keys get the same value.
    InsertRun {
        from: u16,
        count: u16,
        value: u8,
    },
    Remove {
        key: u16,
    },
    /// Up to `count` keys go that follow each other.
    RemoveRun {
        from: u16,
        count: u16,
    },
    Keep,
}

fn event() -> impl Strategy<Value = Event> {
    let (key, count, value) = (0..KEYS, 1..700u16, 0..3u8);
    prop_oneof![
        8 => (key.clone(), value.clone()).prop_map(|(key, value)| Event::Insert { key, value }),
        2 => (key.clone(), count.clone(), value).prop_map(
            |(from, count, value)| Event::InsertRun { from, count, value }),
        4 => key.clone().prop_map(|key| Event::Remove { key }),
        1 => (key, count).prop_map(|(from, count)| Event::RemoveRun { from, count }),
        3 => Just(Event::Keep),
    ]
}

/// A tree, and the map that it should be.
#[derive(Clone, Default)]
pub struct Version {
    pub tree: Tree,
    pub map: Map,
    /// How many keys were inserted or removed to get here.
    pub edits: usize,
    /// How many levels the tree had when it had the most.
    pub levels: usize,
}

#[derive(Default)]
pub struct History {
    pub kept: Kept,
    revision: u64,
}

impl History {
    fn live_through(&mut self, version: &mut Version, events: &[Event]) {
        for event in events {
            match *event {
                Event::Insert { key, value } => self.insert(version, key_of(key), value),
                Event::InsertRun { from, count, value } => {
                    for key in from..from + count {
                        self.insert(version, key_of(key), value);
                    }
                }
                Event::Remove { key } => self.remove(version, &key_of(key)),
                Event::RemoveRun { from, count } => {
                    let from = version.map.range(key_of(from)..).map(|(key, _)| key);
                    let keys: Vec<Bytes> = from.take(count.into()).cloned().collect();
                    for key in &keys {
                        self.remove(version, key);
                    }
                }
                Event::Keep => self.keep(version),
            }
            version.levels = version.levels.max(self.kept.levels(&version.tree));
        }
    }

    pub fn insert(&self, version: &mut Version, key: Bytes, value: u8) {
        let value = Bytes::from([value]);
        version.tree.insert(&self.kept, key.clone(), value.clone()).expect("infallible");
        version.map.insert(key, value);
        version.edits += 1;
    }

    pub fn remove(&self, version: &mut Version, key: &Bytes) {
        version.tree.remove(&self.kept, key).expect("infallible");
        version.map.remove(key);
        version.edits += 1;
    }

    pub fn keep(&mut self, version: &mut Version) {
        self.revision += 1;
        self.kept.keep(&mut version.tree, self.revision);
    }
}

/// Where the history of the second version begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Origin {
    /// Where that of the first one begins.
    Together,
    /// Where that of the first one ends.
    Behind,
    /// With nothing.
    Apart,
}

#[derive(Clone, Debug)]
pub struct Pair {
    pub origin: Origin,
    /// What both have lived through, and then each.
    events: [Vec<Event>; 3],
    /// Whether the last edits of each are kept.
    pub is_kept: [bool; 2],
}

pub fn pair() -> impl Strategy<Value = Pair> {
    let origin = prop_oneof![
        3 => Just(Origin::Together),
        3 => Just(Origin::Behind),
        1 => Just(Origin::Apart),
    ];
    let events = |max| prop::collection::vec(event(), 0..max);
    let is_kept = prop::bool::weighted(0.7);
    (origin, events(16), events(10), events(10), is_kept, is_kept).prop_map(
        |(origin, both, first, second, first_is_kept, second_is_kept)| Pair {
            origin,
            events: [both, first, second],
            is_kept: [first_is_kept, second_is_kept],
        },
    )
}

impl Pair {
    pub fn live(&self) -> (Kept, Version, Version) {
        let mut history = History::default();
        let [both, first, second] = &self.events;
        let mut start = Version::default();
        history.live_through(&mut start, both);
        history.keep(&mut start);
        start.edits = 0;
        let mut a = start.clone();
        history.live_through(&mut a, first);
        if self.is_kept[0] {
            history.keep(&mut a);
        }
        let mut b = match self.origin {
            Origin::Together => start,
            Origin::Behind => a.clone(),
            Origin::Apart => Version::default(),
        };
        history.live_through(&mut b, second);
        if self.is_kept[1] {
            history.keep(&mut b);
        }
        (history.kept, a, b)
    }
}

/// Returns a kept tree of 10,000 entries, half of them under each prefix.
pub fn large() -> (History, Version) {
    let (mut history, mut version) = (History::default(), Version::default());
    for number in 0..10_000_u32 {
        history.insert(&mut version, wide_key(number), 0);
    }
    history.keep(&mut version);
    (history, version)
}

/// Returns the key of a number; numbers that follow each other are far apart.
pub fn wide_key(number: u32) -> Bytes {
    let prefix = if number.is_multiple_of(2) { 'd' } else { 'r' };
    format!("{prefix}{:08x}", number.wrapping_mul(0x9E37_79B1)).as_bytes().into()
}
