//! The oracle of merges: every branch is a map that is copied whole, with the whole past, and a
//! merge goes through all names that anybody has. It says of a password what it stands for beside
//! what it is, because it was there when it was put.

use std::collections::{BTreeMap, BTreeSet};

use offshoot::model::database::Database;
use offshoot::model::id::BranchId;
use offshoot::model::merge::Side;
use offshoot::model::role::{Login, Role};
use offshoot::model::rules::passwords::Passwords;

use crate::catalog::copies::State;

/// What a password is, in words that can be compared.
pub type Word = String;

#[derive(Clone, Debug, PartialEq)]
pub struct PlainRole {
    /// What people changed: the same on all branches where nobody did.
    pub common: Word,
    pub actual: Word,
    pub ends: String,
    pub protected: bool,
    born: u64,
    /// The branch for which the actual password was drawn.
    drawn_for: Option<BranchId>,
}

impl PlainRole {
    /// Whether somebody gave the role its password on that branch.
    fn was_reset_on(&self, branch: &BranchId) -> bool {
        self.common == self.actual && self.drawn_for.as_ref() == Some(branch)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plain {
    pub roles: BTreeMap<String, PlainRole>,
    /// Names and owners, by id.
    pub databases: BTreeMap<u64, (String, String)>,
    /// When this life began, and as whose copy.
    pub life: u64,
    pub source: Option<(BranchId, u64)>,
}

pub type Branches = BTreeMap<BranchId, Plain>;

/// A merge that was made: the source and its life, the target and its life, and the revision.
pub type Merge = [(BranchId, u64); 2];

#[derive(Default)]
pub struct Naive {
    /// The branches at each revision.
    pub past: Vec<Branches>,
    pub merges: Vec<(Merge, u64)>,
}

pub fn word(login: &Login) -> Word {
    match login {
        Login::Never => "never".into(),
        Login::Unset => "unset".into(),
        Login::Password(credential) => credential.verifier.reveal().into(),
    }
}

pub fn plain(role: &Role) -> PlainRole {
    let actual = word(&role.login);
    let ends = format!("{:?}", role.expires_at);
    let (protected, born) = (role.protected, role.born.0);
    let drawn_for = role.login.credential().map(|credential| credential.branch.clone());
    PlainRole { common: actual.clone(), actual, ends, protected, born, drawn_for }
}

pub fn databases<'a>(
    of: impl IntoIterator<Item = &'a Database>,
) -> BTreeMap<u64, (String, String)> {
    let row = |d: &Database| (d.id.0, (d.name.to_string(), d.owner.to_string()));
    of.into_iter().map(row).collect()
}

/// What becomes of a thing.
#[derive(Debug, PartialEq)]
pub enum Fate<T> {
    Stays(Option<T>),
    Contested,
}

/// Merges an attribute; nothing where the sides disagree and nobody decides.
fn attribute<T: PartialEq + Clone>(
    base: Option<&T>,
    source: &T,
    target: &T,
    side: Option<Side>,
) -> Option<T> {
    let is_changed = |here: &T| base != Some(here);
    match (is_changed(source), is_changed(target)) {
        (false, _) => Some(target.clone()),
        (true, false) => Some(source.clone()),
        (true, true) if source == target => Some(target.clone()),
        (true, true) => side.map(|side| match side {
            Side::Source => source.clone(),
            Side::Target => target.clone(),
        }),
    }
}

/// Merges what at least one side does not have; nothing where both do.
fn presence<T: PartialEq + Clone>(
    [base, source, target]: [Option<&T>; 3],
    is_same: impl Fn(&T, &T) -> bool,
    side: Option<Side>,
) -> Option<Fate<T>> {
    let same = |a: Option<&T>, b: Option<&T>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => is_same(a, b),
        _ => false,
    };
    let stays = |what: Option<&T>| Some(Fate::Stays(what.cloned()));
    if same(base, source) || same(source, target) {
        return stays(target);
    }
    if source.is_some() && target.is_some() {
        return None;
    }
    if same(base, target) {
        return stays(source);
    }
    match side {
        None => Some(Fate::Contested),
        Some(Side::Source) => stays(source),
        Some(Side::Target) => stays(target),
    }
}

fn merge_role(
    name: &str,
    three: [Option<&PlainRole>; 3],
    passwords: &Passwords,
    side: Option<Side>,
) -> Fate<PlainRole> {
    let told = |role: &PlainRole| (role.common.clone(), role.ends.clone(), role.protected);
    let fate = presence(three, |a, b| told(a) == told(b), side).unwrap_or_else(|| {
        let [base, Some(source), Some(target)] = three else { unreachable!("both sides have it") };
        let is_own = *passwords != Passwords::Inherited;
        let side_of_password = if is_own { Some(Side::Target) } else { side };
        let merged = (
            attribute(base.map(|b| &b.common), &source.common, &target.common, side_of_password),
            attribute(base.map(|b| &b.ends), &source.ends, &target.ends, side),
            attribute(base.map(|b| &b.protected), &source.protected, &target.protected, side),
        );
        let (Some(common), Some(ends), Some(protected)) = merged else { return Fate::Contested };
        Fate::Stays(Some(PlainRole { common, ends, protected, ..target.clone() }))
    });
    match fate {
        Fate::Contested | Fate::Stays(None) => fate,
        Fate::Stays(Some(role)) => Fate::Stays(Some(settled(name, role, three[2], passwords))),
    }
}

/// Returns a role of the target with the password that it has there.
fn settled(
    name: &str,
    role: PlainRole,
    target: Option<&PlainRole>,
    passwords: &Passwords,
) -> PlainRole {
    let drawn = match passwords {
        Passwords::Inherited => role.common.clone(),
        Passwords::Unset => "unset".into(),
        Passwords::Fresh(drawn) => {
            drawn.iter().find(|(drawn, _)| drawn.as_str() == name).map_or_else(
                || "unset".into(),
                |(_, credential)| credential.verifier.reveal().to_owned(),
            )
        }
    };
    let had = target.filter(|had| had.common == role.common || *passwords != Passwords::Inherited);
    let actual = match had {
        _ if role.common == "never" => role.common.clone(),
        Some(had) if had.actual != "never" => had.actual.clone(),
        Some(_) | None => drawn,
    };
    PlainRole { actual, ..role }
}

type Row = (u64, (String, String));

fn merge_database(three: [Option<&Row>; 3], side: Option<Side>) -> Fate<Row> {
    presence(three, |a, b| a.1 == b.1, side).unwrap_or_else(|| {
        let [base, Some((_, source)), Some((id, target))] = three else {
            unreachable!("both sides have it")
        };
        let name = attribute(base.map(|b| &b.1.0), &source.0, &target.0, side);
        let owner = attribute(base.map(|b| &b.1.1), &source.1, &target.1, side);
        match (name, owner) {
            (Some(name), Some(owner)) => Fate::Stays(Some((*id, (name, owner)))),
            _ => Fate::Contested,
        }
    })
}

/// What a merge comes to when nothing but contents is looked at.
#[derive(Default)]
pub struct Expected {
    pub target: Plain,
    /// Names of contested things.
    pub contested: BTreeSet<String>,
}

impl Naive {
    pub fn now(&self) -> &Branches {
        self.past.last().expect("a state")
    }

    fn at(&self, revision: u64) -> &Branches {
        &self.past[usize::try_from(revision).expect("a revision of a test")]
    }

    /// Notes what a commit left that was no merge.
    pub fn note(&mut self, state: &State) {
        let mut branches = Branches::new();
        for (id, branch) in &state.branches {
            let copy = &state.catalogs[id];
            let life = branch.began.moment.revision.0;
            let source = branch.began.source.clone().map(|s| (s.branch, s.cutoff.0));
            let before = self.past.last().and_then(|past| past.get(id));
            let before = match (before.filter(|before| before.life == life), &source) {
                (Some(before), _) => Some(before),
                (None, Some((source, cutoff))) => self.at(*cutoff).get(source),
                (None, None) => None,
            };
            let had = self.past.last().and_then(|past| past.get(id));
            let is_begun = had.is_none_or(|had| had.life != life);
            let role = |role: &Role| {
                let mut role_now = plain(role);
                let was = before.and_then(|before| before.roles.get(role.name.as_str()));
                let is_untouched = |was: &&PlainRole| {
                    was.born == role_now.born && (is_begun || was.actual == role_now.actual)
                };
                let had = had.and_then(|had| had.roles.get(role.name.as_str()));
                let both = was.into_iter().chain(had).filter(|role| role.was_reset_on(id)).count();
                // Of two that people gave it, the newer is what they changed.
                let is_newer =
                    is_begun && both == 2 && had.is_some_and(|h| h.actual == role_now.actual);
                if let Some(was) = was.filter(is_untouched).filter(|_| !is_newer) {
                    role_now.common.clone_from(&was.common);
                }
                (role.name.to_string(), role_now)
            };
            let roles = copy.roles.values().map(role).collect();
            let databases = databases(copy.databases.values());
            branches.insert(id.clone(), Plain { roles, databases, life, source });
        }
        self.past.push(branches);
    }

    /// Notes a merge, after which the target has what was expected.
    pub fn note_merge(&mut self, source: &BranchId, target: &BranchId, now: Plain, revision: u64) {
        let mut branches = self.now().clone();
        let lives = [source, target].map(|id| (id.clone(), branches[id].life));
        branches.insert(target.clone(), now);
        self.past.push(branches);
        self.merges.push((lives, revision));
    }

    /// Returns what two branches have in common, and whether there is anything.
    pub fn base(&self, source: &BranchId, target: &BranchId) -> Option<&Plain> {
        let now = self.now();
        let is_now = |(id, life): &(BranchId, u64)| now.get(id).is_some_and(|b| b.life == *life);
        let between = |[from, into]: &Merge| {
            [&from.0, &into.0] == [source, target] || [&from.0, &into.0] == [target, source]
        };
        let mut merges = self.merges.iter().rev();
        let last = merges.find(|(merge, _)| between(merge) && merge.iter().all(is_now));
        if let Some(([(from, _), _], revision)) = last {
            return self.at(revision - 1).get(from);
        }
        let (ours, theirs) = (self.ancestors(source), self.ancestors(target));
        let common = ours.iter().filter_map(|(life, until)| {
            theirs.get(life).map(|other| ((*until).min(*other), life.0.clone()))
        });
        let (revision, branch) = common.max()?;
        self.at(revision).get(&branch)
    }

    /// Whether a branch comes from a life whose record is a matter of the past.
    pub fn comes_from_the_past(&self, branch: &BranchId) -> bool {
        let is_now = |(id, life): &(BranchId, u64)| {
            self.now().get(id).is_some_and(|branch| branch.life == *life)
        };
        !self.ancestors(branch).keys().all(is_now)
    }

    /// Returns the lives from which a branch descends, and how much of each.
    fn ancestors(&self, branch: &BranchId) -> BTreeMap<(BranchId, u64), u64> {
        let mut found = BTreeMap::new();
        let mut next = Some((branch.clone(), self.past.len() as u64 - 1));
        while let Some((id, until)) = next.take() {
            let Some(branch) = self.at(until).get(&id) else { break };
            found.insert((id, branch.life), until);
            next.clone_from(&branch.source);
        }
        found
    }

    pub fn merge(
        &self,
        source: &BranchId,
        target: &BranchId,
        passwords: &Passwords,
        side: Option<Side>,
    ) -> Option<Expected> {
        let base = self.base(source, target)?;
        let (source, target) = (&self.now()[source], &self.now()[target]);
        let mut expected = Expected { target: target.clone(), contested: BTreeSet::new() };
        let names: BTreeSet<_> =
            [base, source, target].into_iter().flat_map(|of| of.roles.keys()).collect();
        for name in names {
            let three = [base, source, target].map(|of| of.roles.get(name));
            match merge_role(name, three, passwords, side) {
                Fate::Contested => drop(expected.contested.insert(format!("role {name}"))),
                Fate::Stays(None) => drop(expected.target.roles.remove(name)),
                Fate::Stays(Some(role)) => {
                    expected.target.roles.insert(name.clone(), role);
                }
            }
        }
        for three in pairs(base, source, target) {
            let [base_row, source_row, target_row] = &three;
            let (_, (name, _)) = source_row.as_ref().or(base_row.as_ref()).expect("one has it");
            match merge_database(
                [base_row.as_ref(), source_row.as_ref(), target_row.as_ref()],
                side,
            ) {
                Fate::Contested => {
                    expected.contested.insert(format!("database {name}"));
                }
                Fate::Stays(after) => {
                    if let Some((id, _)) = target_row {
                        expected.target.databases.remove(id);
                    }
                    expected.target.databases.extend(after);
                }
            }
        }
        Some(expected)
    }
}

/// Returns what each has of every database that the base or the source has: by its id, or else by
/// its name, where that is nothing else's.
fn pairs(base: &Plain, source: &Plain, target: &Plain) -> Vec<[Option<Row>; 3]> {
    let row = |(id, row): (&u64, &(String, String))| (*id, row.clone());
    let known = |id: &u64| base.databases.contains_key(id);
    let mut used = [BTreeSet::new(), BTreeSet::new()];
    let mut find = |which: usize, wanted: &Row| {
        let side = [source, target][which];
        let is_other = |id: &u64| known(id) || (which == 1 && source.databases.contains_key(id));
        let by_id = side.databases.get_key_value(&wanted.0).map(row);
        let by_name = || {
            let mut rows = side.databases.iter();
            rows.find(|(id, row)| row.0 == wanted.1.0 && !is_other(id)).map(row)
        };
        by_id.or_else(by_name).filter(|(id, _)| used[which].insert(*id))
    };
    let mut found = Vec::new();
    for old in base.databases.iter().map(row) {
        let three = [Some(old.clone()), find(0, &old), find(1, &old)];
        found.push(three);
    }
    for new in source.databases.iter().map(row) {
        if let Some(new) = find(0, &new) {
            let theirs = find(1, &new);
            found.push([None, Some(new), theirs]);
        }
    }
    found
}
