//! A Postgres that is to get another catalog, and what must be true of it whatever cuts the pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offshoot::compute::attached::AttachedCompute;
use offshoot::compute::error::ComputeError;
use offshoot::compute::{Address, Compute, Converged, DumpPrograms};
use offshoot::model::database::DatabaseId;
use offshoot::model::endpoint::TlsMode;
use offshoot::model::name::ROLE_GROUP;
use offshoot::model::progress::Trace;
use offshoot::model::role::Login;
use offshoot::model::secret::Password;
use offshoot::plan::desired::Desired;
use offshoot::plan::observed::{Observed, ObservedDatabase, ObservedRole, Oid, VerifierDigest};
use offshoot::plan::plan;
use tokio_postgres::Client;

use crate::cut::frames::{Side, Wire};
use crate::cut::proxy::{Cut, How, Proxy};
use crate::cut::secrets::assert_kept;
use crate::end_to_end::support::cluster::{BOSS, BOSS_PASSWORD, Cluster};
use crate::end_to_end::support::session::login;
use crate::support::{Catalog, branch};

/// How long anything is waited for that comes about by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// Makes what is the guest's own and what it was granted, where nothing of it is left.
const BELONGINGS: &str = "DROP TABLE IF EXISTS of_guest, lent; CREATE TABLE of_guest (id int); \
     ALTER TABLE of_guest OWNER TO guest; CREATE TABLE lent (id int); \
     GRANT SELECT ON lent TO guest";

/// Who owns what was the guest's, and whether somebody still has what it was granted.
const HOLDERS: &str = "SELECT (SELECT relowner FROM pg_class WHERE relname = 'of_guest'), \
     (SELECT a.grantee FROM pg_class, aclexplode(relacl) a \
         WHERE relname = 'lent' AND a.grantee <> relowner)";

/// Whether a session of Offshoot's is still there. One that was cut off ends when Postgres notices.
const IS_LEFT: &str =
    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'offshoot')";

/// What becomes of a pass that is held.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// It is let go.
    LetGo,
    /// Nobody waits for it any more; what was held arrives later.
    GiveUp,
    /// It waits for as long as it cares to.
    Wait,
}

/// A Postgres with the catalog of one generation, and a proxy before it.
pub struct Scene {
    pub cluster: Cluster,
    pub proxy: Proxy,
    /// How long the last pass waited for a Postgres that was silent, as it thinks.
    pub waited: Duration,
    counts: bool,
    boss: Client,
    shop: Client,
    /// A session that was there before anything was cut.
    sally: Client,
    generation: u64,
    before: Observed,
    passwords: Vec<String>,
    traces: Vec<Trace>,
}

/// Returns the catalog of a generation. To the next one a password is reset, a role that has
/// something is dropped and another of its name made, and so is a database.
pub fn catalog(generation: u64) -> Desired {
    Desired::empty()
        .at(generation)
        .role("sally", 1, &format!("of-sally-{generation}"))
        .role("guest", generation, &format!("of-guest-{generation}"))
        .database(1, "shop", "sally")
        .database(generation + 1, "stock", "sally")
}

impl Scene {
    pub async fn new() -> Self {
        let (cluster, counts) = Cluster::start_loud().await;
        let boss = cluster.boss().await;
        boss.batch_execute(&format!("CREATE ROLE {ROLE_GROUP}")).await.expect("a group");
        let proxy = Proxy::of(cluster.port(), Wire::Plain).await;
        let first = compute(cluster.port());
        first.converge(&catalog(1), &mut Trace::default()).await.expect("a pass");
        let shop = login(&cluster.uri_of(BOSS, BOSS_PASSWORD, "shop")).await.expect("a session");
        let sally = cluster.uri_of("sally", "of-sally-1", "shop");
        let sally = login(&sally).await.expect("a session");
        let before = first.observe(&branch()).await.expect("a look");
        let (passwords, traces) = (vec!["of-guest-1".into()], Vec::new());
        shop.batch_execute(BELONGINGS).await.expect("belongings");
        Self {
            cluster,
            proxy,
            waited: Duration::ZERO,
            counts,
            boss,
            shop,
            sally,
            generation: 1,
            before,
            passwords,
            traces,
        }
    }

    /// Returns the catalog that is to be reached.
    pub fn wanted(&self) -> Desired {
        catalog(self.generation + 1)
    }

    /// Returns the Postgres as it is reached through the proxy.
    pub fn proxied(&self) -> AttachedCompute {
        compute(self.proxy.port)
    }

    /// Makes a pass that is cut, and returns how it ended.
    pub async fn cut(&mut self, cut: Cut) -> Result<Converged, ComputeError> {
        self.proxy.cut(cut).await;
        let mut trace = Trace::default();
        let result = self.proxied().converge(&self.wanted(), &mut trace).await;
        self.traces.push(trace);
        result
    }

    /// Makes a pass that is held at a message, and returns how it ended; nothing, where it was given
    /// up.
    pub async fn hold(
        &mut self,
        (side, at): (Side, usize),
        then: Then,
    ) -> Option<Result<Converged, ComputeError>> {
        self.proxy.cut(Cut::Message { side, at, how: How::Held }).await;
        let (compute, wanted, mut trace) = (self.proxied(), self.wanted(), Trace::default());
        let mut pass = Box::pin(compute.converge(&wanted, &mut trace));
        let result = tokio::select! {
            // What is said last is waited for by nobody.
            result = &mut pass => Some(result),
            () = self.proxy.holds() => match then {
                Then::LetGo => {
                    self.proxy.let_go();
                    Some(pass.as_mut().await)
                }
                Then::GiveUp => None,
                Then::Wait => {
                    let (result, time) = in_no_time(pass.as_mut()).await;
                    self.waited = time;
                    Some(result)
                }
            }
        };
        drop(pass);
        self.traces.push(trace);
        self.proxy.let_go();
        result
    }

    /// Returns what Postgres has, once no session of Offshoot's is left.
    pub async fn look(&self) -> Observed {
        self.wait_until_left().await;
        compute(self.cluster.port()).observe(&branch()).await.expect("a look")
    }

    /// Checks what must be true after a pass that was cut, mends it with one that is not, and checks
    /// what must be true then.
    pub async fn recover(&mut self, result: Option<Result<Converged, ComputeError>>, what: &str) {
        let observed = self.look().await;
        self.assert_whole(&observed, what).await;
        match result {
            Some(Ok(converged)) => self.assert_reached(&converged, &observed, what),
            Some(Err(error)) => assert!(error.is_retryable(), "{what}: {error:?}"),
            None => {}
        }
        self.go_on(what).await;
    }

    /// Makes passes that are not cut until one comes to its end: the wanted generation is then there.
    async fn go_on(&mut self, what: &str) {
        self.proxy.cut(Cut::Nowhere).await;
        let until = Instant::now() + PATIENCE;
        let converged = loop {
            let mut trace = Trace::default();
            let result = self.proxied().converge(&self.wanted(), &mut trace).await;
            self.traces.push(trace);
            match result {
                Ok(converged) => break converged,
                Err(error) => assert!(error.is_retryable(), "{what}: {error:?}"),
            }
            assert!(Instant::now() < until, "{what}: no pass comes to its end");
            tokio::time::sleep(POLL).await;
        };
        let observed = self.look().await;
        self.assert_reached(&converged, &observed, what);
        self.generation += 1;
        let password = format!("of-guest-{}", self.generation);
        let guest = self.cluster.uri_of("guest", &password, "shop");
        login(&guest).await.expect("a login with the password of the catalog");
        self.passwords.push(password);
        self.sally.batch_execute("SELECT 1").await.expect("a session that stayed open");
        self.before = observed;
        self.shop.batch_execute(BELONGINGS).await.expect("belongings");
    }

    /// Checks that nothing secret was told to anybody.
    pub async fn end(self) {
        let generations = 1..=self.generation + 1;
        let mut secrets = self.passwords;
        secrets.extend(generations.map(|generation| format!("of-sally-{generation}")));
        let told: Vec<_> = self.traces.iter().map(|trace| format!("{trace:?}")).collect();
        assert!(told.concat().contains("guest"), "passes tell what they do");
        let told: Vec<_> = told.iter().map(String::as_str).collect();
        assert_kept(&self.cluster, self.counts, &secrets, &told).await;
    }

    async fn wait_until_left(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.boss.query_one(IS_LEFT, &[]).await.expect("an answer").get(0) {
                return;
            }
            assert!(Instant::now() < until, "a session that was cut off does not end");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Postgres is exactly what is wanted, and there is nothing left to plan.
    fn assert_reached(&self, converged: &Converged, observed: &Observed, what: &str) {
        let Converged { problems, delayed, deviations, lsn: _, steps: _ } = converged;
        assert_eq!((problems, delayed, deviations), (&vec![], &vec![], &vec![]), "{what}");
        let wanted = self.wanted();
        let left = plan(&wanted, observed);
        assert_eq!(
            (left.steps, left.problems, left.deviations),
            (vec![], vec![], vec![]),
            "{what}"
        );
        assert_eq!(observed.applied, Some(wanted.revision), "{what}");
        let names: Vec<_> = of_users(observed).map(|(name, _)| name).collect();
        assert_eq!(names, ["guest", "sally"], "{what}");
        let names: Vec<_> = made(observed).map(|(name, _)| name).collect();
        assert_eq!(names, ["shop", "stock"], "{what}");
        assert_generation(observed, &wanted, what);
    }

    /// Of each transaction there is all or nothing, with its marks.
    async fn assert_whole(&self, observed: &Observed, what: &str) {
        assert_marks_of_roles(observed, what);
        self.assert_marks_of_databases(observed, what);
        let (old, new) = (catalog(self.generation), self.wanted());
        let is_old = observed.applied == Some(old.revision);
        assert!(is_old || observed.applied == Some(new.revision), "{what}: {observed:?}");
        if is_old {
            assert_eq!(observed.roles, self.before.roles, "{what}");
            assert_eq!(observed.role_marks, self.before.role_marks, "{what}");
            assert_eq!(observed.databases, self.before.databases, "{what}");
            assert_eq!(observed.database_marks, self.before.database_marks, "{what}");
        } else {
            assert_generation(observed, &new, what);
        }
        self.assert_belongings(observed, is_old, what).await;
    }

    /// A database is announced before it is made and forgotten after it is dropped; there is none
    /// that nobody knows of.
    fn assert_marks_of_databases(&self, observed: &Observed, what: &str) {
        let find = |oid: Oid| made(observed).find(|(_, it)| it.oid == oid);
        for (id, mark) in &observed.database_marks {
            match mark.oid {
                Some(oid) => match find(oid) {
                    Some((name, found)) => {
                        assert_eq!((name, &*found.owner), (mark.name.as_str(), "sally"), "{what}");
                    }
                    None => assert_eq!(*id, DatabaseId(self.generation + 1), "{what}: {mark:?}"),
                },
                None => assert_eq!(*id, DatabaseId(self.generation + 2), "{what}: {mark:?}"),
            }
        }
        for (name, found) in made(observed) {
            let mut marks = observed.database_marks.values();
            let is_known = marks.any(|mark| match mark.oid {
                Some(oid) => oid == found.oid,
                None => mark.name.as_str() == name,
            });
            assert!(is_known, "{what}: nobody knows of {name}, {found:?}");
        }
    }

    /// What the dropped guest had is still its own and granted to it, or neither.
    async fn assert_belongings(&self, observed: &Observed, is_old: bool, what: &str) {
        let is_handed_over = self.is_handed_over(observed).await;
        assert!(!(is_old && is_handed_over), "{what}");
        let guest = self.before.roles["guest"].oid;
        let is_gone = observed.roles.values().all(|role| role.oid != guest);
        assert!(!is_gone || is_handed_over, "{what}");
    }

    /// Whether what the last guest had is somebody else's. It is all of it, or nothing.
    pub async fn is_handed_over(&self, observed: &Observed) -> bool {
        let guest = self.before.roles["guest"].oid;
        let row = self.shop.query_one(HOLDERS, &[]).await.expect("an answer");
        let holders = (Oid(row.get(0)), row.get::<_, Option<u32>>(1).map(Oid));
        let after = (observed.roles["sally"].oid, None);
        assert!([(guest, Some(guest)), after].contains(&holders), "{holders:?}");
        holders == after
    }
}

/// Returns the Postgres on a port.
pub fn compute(port: u16) -> AttachedCompute {
    let address = Address {
        host: "127.0.0.1".into(),
        port,
        database: "postgres".into(),
        user: BOSS.into(),
        password: Password::new(BOSS_PASSWORD),
        tls: TlsMode::Disable,
    };
    AttachedCompute::new(branch(), address, Arc::new(DumpPrograms(BTreeMap::new())))
}

/// Waits for a pass while time flies: whatever it waits for itself is over at once. Returns how long
/// it thinks that it has waited.
async fn in_no_time<T>(pass: impl Future<Output = T>) -> (T, Duration) {
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let ended = pass.await;
    let waited = began.elapsed();
    tokio::time::resume();
    (ended, waited)
}

/// The roles are those of a catalog; beside them there is at most one that was dropped and waits.
fn assert_generation(observed: &Observed, wanted: &Desired, what: &str) {
    let marks = observed.role_marks.values();
    let (retired, living): (Vec<_>, Vec<_>) = marks.partition(|mark| mark.is_retired);
    assert!(retired.len() <= 1, "{what}: {retired:?}");
    assert!(retired.iter().all(|mark| mark.born < wanted.revision), "{what}: {retired:?}");
    let found: BTreeMap<_, _> =
        living.iter().map(|it| (&it.name, (it.born, it.login.clone()))).collect();
    let wanted = wanted.roles.iter();
    let wanted = wanted.map(|(name, it)| (name, (it.born, it.login.of(VerifierDigest::of))));
    assert_eq!(found, wanted.collect(), "{what}");
    assert!(living.iter().all(|mark| mark.in_group), "{what}: {living:?}");
}

/// Every role that somebody made has a mark that says what it has, and every mark a role.
fn assert_marks_of_roles(observed: &Observed, what: &str) {
    let made: Vec<_> = of_users(observed).map(|(_, role)| role.oid).collect();
    assert_eq!(made.len(), observed.role_marks.len(), "{what}: {observed:?}");
    for (name, role) in of_users(observed) {
        let mark = observed.role_marks.get(&role.oid);
        let mark = mark.unwrap_or_else(|| panic!("{what}: {name} has no mark"));
        assert!(mark.is_retired || mark.name.as_str() == name, "{what}: {name}, {mark:?}");
        assert_eq!(role.can_login, mark.login != Login::Never, "{what}: {name}, {mark:?}");
        assert_eq!(role.password.digest(), mark.login.credential().copied(), "{what}: {name}");
        let group = observed.roles[ROLE_GROUP].oid;
        assert_eq!(role.member_of.contains(&group), mark.in_group, "{what}: {name}");
    }
}

/// Returns the roles that somebody made, but for the group of those that Offshoot makes.
fn of_users(observed: &Observed) -> impl Iterator<Item = (&str, &ObservedRole)> {
    let roles = observed.roles.iter().map(|(name, role)| (name.as_str(), role));
    roles.filter(|(name, role)| Oid::FIRST_OF_USERS <= role.oid && *name != ROLE_GROUP)
}

/// Returns the databases that somebody made.
fn made(observed: &Observed) -> impl Iterator<Item = (&str, &ObservedDatabase)> {
    let databases = observed.databases.iter().map(|(name, database)| (name.as_str(), database));
    databases.filter(|(_, database)| Oid::FIRST_OF_USERS <= database.oid)
}
