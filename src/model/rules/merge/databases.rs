//! The databases of a merge.
//!
//! A database keeps its id on whichever branch it is, so that it is known as the same one there,
//! renamed or not. No two databases of a project share an id: it is the number of the revision that
//! created the one, and a commit creates one at the most. Two that were created under one name on
//! two branches have two ids, and are taken for one thing: a name leads to one database.

use std::collections::BTreeSet;

use crate::model::database::{Database, DatabaseId};
use crate::model::merge::{Choices, Conflict, Contested, Thing, Versions};
use crate::model::name::{DatabaseName, RoleName};
use crate::model::refusal::Refusal;
use crate::model::rules::merge::three_way::{Attributes, Content, Verdict, decide};
use crate::model::rules::merge::{Draft, Edit, MAX_COMPARED, Task};
use crate::model::rules::{refuse, roles};
use crate::model::state::{Denied, Page, Read};

/// A database as far as merges compare it.
#[derive(Clone, PartialEq)]
struct Compared {
    name: DatabaseName,
    owner: RoleName,
}

impl Compared {
    fn of(database: &Database) -> Self {
        Self { name: database.name.clone(), owner: database.owner.clone() }
    }
}

impl Content for Compared {
    fn merge(merge: &mut Attributes, base: Option<&Self>, source: &Self, target: &Self) -> Self {
        let name = merge.pick("name", base.map(|b| &b.name), &source.name, &target.name);
        let owner = merge.pick("owner_name", base.map(|b| &b.owner), &source.owner, &target.owner);
        Self { name, owner }
    }
}

/// Compares the databases that the source changed, and drafts what becomes of the target's, which
/// are `kept`.
pub(super) fn draft<S: Read>(
    state: &S,
    task: &Task<'_, S::Inventory>,
    choices: &Choices,
    kept: &[Database],
    draft: &mut Draft,
) -> Result<(), Denied<S::Error>> {
    let differences = state.compare_databases(&task.base, &task.now, Page::first(MAX_COMPARED))?;
    if differences.has_more {
        return refuse(Refusal::MergeTooLarge { max: MAX_COMPARED });
    }
    if differences.found.is_empty() {
        return Ok(());
    }
    let source = state.databases(&task.source.id)?;
    let mut base = source.clone();
    base.retain(|database| {
        let is = |now: &Option<Database>| now.as_ref().is_some_and(|now| now.id == database.id);
        !differences.found.iter().any(|(_, now)| is(now))
    });
    base.extend(differences.found.into_iter().filter_map(|(before, _)| before));
    for versions in pair(&base, &source, kept) {
        decide_about(task, choices, draft, versions);
    }
    Ok(())
}

fn decide_about<I>(
    task: &Task<'_, I>,
    choices: &Choices,
    draft: &mut Draft,
    versions: Versions<Database>,
) {
    let of = |database: &Option<Database>| database.as_ref().map(Compared::of);
    let (base, source, target) = (of(&versions.base), of(&versions.source), of(&versions.target));
    draft.has_news |= base != source;
    let thing = thing(&versions);
    let verdict = decide(base.as_ref(), source.as_ref(), target.as_ref(), choices.of(&thing));
    let after = match verdict {
        Verdict::Leave => return,
        Verdict::Contest { why, attributes } => {
            let versions = Contested::Database(Box::new(versions));
            draft.conflicts.push(Conflict { thing, why, attributes, versions });
            return;
        }
        Verdict::Remove => None,
        Verdict::Put(Compared { name, owner }) => {
            let (moment, origin) = (task.moment, roles::origin(task.target, task.moment));
            let (id, created_at) = match (&versions.target, &versions.source) {
                (Some(known), _) => (known.id, known.created_at),
                (None, source) => {
                    let source = source.as_ref().expect("what nobody has is not put");
                    (source.id, moment.at)
                }
            };
            Some(Database { id, name, owner, origin, created_at, updated_at: moment.at })
        }
    };
    draft.databases.push(Edit { versions, after });
}

/// Returns the name by which a database is spoken of.
pub(super) fn thing(versions: &Versions<Database>) -> Thing {
    let Versions { base, source, target } = versions;
    let named = [source, base, target].into_iter().flatten().next();
    Thing::Database(named.expect("a database that somebody has").name.clone())
}

/// Returns what the base, the source and the target have of each database that the base or the
/// source has.
fn pair(base: &[Database], source: &[Database], target: &[Database]) -> Vec<Versions<Database>> {
    let ids = |databases: &[Database]| databases.iter().map(|database| database.id).collect();
    let of_base: BTreeSet<DatabaseId> = ids(base);
    let of_both: BTreeSet<DatabaseId> = of_base.union(&ids(source)).copied().collect();
    let mut in_source =
        Counterparts { databases: source, foreign: &of_base, taken: BTreeSet::new() };
    let mut in_target =
        Counterparts { databases: target, foreign: &of_both, taken: BTreeSet::new() };
    let mut pairs = Vec::new();
    for old in base {
        let source = in_source.take(old);
        let target = in_target.take(old);
        pairs.push(Versions { base: Some(old.clone()), source, target });
    }
    for new in source.iter().filter(|new| !in_source.taken.contains(&new.id)) {
        let target = in_target.take(new);
        pairs.push(Versions { base: None, source: Some(new.clone()), target });
    }
    pairs
}

/// The databases of a branch, to be found by those of another.
struct Counterparts<'a> {
    databases: &'a [Database],
    /// The ids of those that are others, whatever they are called.
    foreign: &'a BTreeSet<DatabaseId>,
    taken: BTreeSet<DatabaseId>,
}

impl Counterparts<'_> {
    /// Takes the one that is the same as `wanted`, or else the one of its name that is no other.
    fn take(&mut self, wanted: &Database) -> Option<Database> {
        let Self { databases, foreign, taken } = self;
        let same = databases.iter().find(|database| database.id == wanted.id);
        let namesake = || {
            let mut others = databases
                .iter()
                .filter(|database| database.name == wanted.name && !foreign.contains(&database.id));
            others.next()
        };
        let found = same.or_else(namesake).filter(|found| !taken.contains(&found.id))?;
        taken.insert(found.id);
        Some(found.clone())
    }
}
