//! What a pass does where a Postgres turns against it: its settings, its functions, its hooks.

use offshoot::compute::{AnyCompute, Compute};
use offshoot::model::fault::Fault;
use offshoot::model::revision::Timestamp;
use offshoot::plan::desired::Desired;

use crate::support::{
    Catalog, MAINTENANCE, Server, about, converge_told, home, is_by_creator, refusal,
    sally_and_bob, texts, verifier,
};

/// Whatever anybody may set who owns a database, and that could bend what is done in it.
const HOSTILE: &[&str] = &[
    "role = bob",
    "search_path = public, pg_catalog",
    "statement_timeout = 1",
    "lock_timeout = 1",
    "idle_session_timeout = 1",
    "idle_in_transaction_session_timeout = 1",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "exit_on_error = on",
    "row_security = off",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "transform_null_equals = on",
    "bytea_output = 'escape'",
    "client_encoding = 'LATIN1'",
    "extra_float_digits = -15",
    "\"DateStyle\" = 'SQL, DMY'",
    "\"TimeZone\" = 'Asia/Kolkata'",
    "password_encryption = 'md5'",
    "client_min_messages = 'error'",
];

/// Tables of no rows, and functions and operators that fail, under the names of Postgres's own.
const IMPOSTORS: &str = r"
CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql
    AS $$ BEGIN RAISE 'an impostor'; END $$;
DO $do$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pg_authid', 'pg_roles', 'pg_auth_members', 'pg_database',
        'pg_shdepend', 'pg_stat_activity', 'pg_class', 'pg_namespace'] LOOP
        EXECUTE 'CREATE TABLE public.' || name || ' AS TABLE pg_catalog.' || name
            || ' WITH NO DATA';
    END LOOP;
    FOREACH name IN ARRAY ARRAY['textsend(text)', 'current_setting(text)', 'isfinite(timestamptz)',
        'hashtextextended(text, bigint)', 'pg_try_advisory_lock(bigint)', 'aclexplode(aclitem[])',
        'upper(text)', 'pg_identify_object(oid, oid, integer)', 'to_regclass(text)'] LOOP
        EXECUTE 'CREATE FUNCTION public.' || name || ' RETURNS text LANGUAGE plpgsql'
            ' AS $$ BEGIN RAISE ''an impostor''; END $$';
    END LOOP;
    FOREACH name IN ARRAY ARRAY['name', 'text', 'oid', 'bigint', 'boolean'] LOOP
        EXECUTE 'CREATE FUNCTION public.same(' || name || ', ' || name || ') RETURNS boolean'
            ' LANGUAGE plpgsql AS $$ BEGIN RAISE ''an impostor''; END $$';
        EXECUTE 'CREATE OPERATOR public.= (FUNCTION = public.same, LEFTARG = ' || name
            || ', RIGHTARG = ' || name || ')';
        EXECUTE 'CREATE OPERATOR public.<> (FUNCTION = public.same, LEFTARG = ' || name
            || ', RIGHTARG = ' || name || ')';
    END LOOP;
END $do$";

/// Keeps everybody from everything that an event trigger is asked about.
const GUARD: &str = "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql \
     AS $$ BEGIN RAISE 'not in here'; END $$; \
     CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()";

const OWNER_OF_BOBS: &str =
    "SELECT tableowner::text FROM pg_catalog.pg_tables WHERE tablename = 'of_bob'";

const MADE: &str =
    "SELECT rolname::text FROM pg_authid WHERE rolname LIKE 'role%' OR rolname = 'sally'";

/// Returns a Postgres in which bob has a table, as an administrator reaches it in whose database no test
/// asks anything.
async fn besieged() -> (Server, AnyCompute) {
    let server = Server::started().await;
    server.make_maintenance().await;
    let compute = if is_by_creator() {
        server.compute()
    } else {
        server.execute("postgres", "CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'of boss'").await;
        server.attached(server.address("boss", "of boss"))
    };
    converge_at_once(&compute, &sally_and_bob()).await;
    give_bob_a_table(&server).await;
    (server, compute)
}

/// Converges twice, the second time with nothing left to do.
async fn converge_at_once(compute: &AnyCompute, desired: &Desired) {
    let converged = converge_told(compute, desired).await;
    assert_eq!((&*converged.problems, &*converged.delayed), (&[][..], &[][..]));
    assert!(0 < converged.steps);
    assert_eq!(converge_told(compute, desired).await.steps, 0, "something is never done");
}

/// Makes the changes that a pass can be asked for, in two passes.
async fn change_everything(server: &Server, compute: &AnyCompute) {
    let far = Timestamp::from_timestamp_micros(10_413_792_000_000_000);
    let changed = sally_and_bob()
        .role("sally", 1, "new")
        .role("carol", 3, "of carol")
        .until("carol", far)
        .database(2, "other", "carol");
    converge_at_once(compute, &changed).await;
    let left = changed.without_role("bob").database(1, "neondb", "carol").without_database(2);
    converge_at_once(compute, &left).await;
    compute.sessions().await.expect("a list of sessions");
    let carol = "carol".parse().expect("a name");
    assert!(!compute.holdings(&carol).await.expect("a list of holdings").is_empty());
    assert_eq!(refusal(server.login("bob", "of bob", MAINTENANCE).await), "28P01");
}

/// Asserts what the changes came to.
async fn assert_changed(server: &Server) {
    assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, ["carol"]);
    let roles = "SELECT format('%s %s', rolname, rolvaliduntil AT TIME ZONE 'UTC') FROM pg_authid \
         WHERE rolname IN ('sally', 'bob', 'carol') ORDER BY 1";
    let roles = texts(&server.admin("postgres").await, roles).await;
    assert_eq!(roles, ["carol 2300-01-01 00:00:00", "sally "]);
    server.login("sally", "new", "neondb").await.expect("the new password");
    server.login("carol", "of carol", "neondb").await.expect("a new role");
}

async fn give_bob_a_table(server: &Server) {
    let made = "CREATE TABLE of_bob (id int); ALTER TABLE of_bob OWNER TO bob; \
         GRANT SELECT ON of_bob TO sally WITH GRANT OPTION";
    server.execute("neondb", made).await;
}

#[tokio::test]
async fn what_is_set_for_a_database_or_the_administrator_bends_nothing() {
    let (server, compute) = besieged().await;
    let admin = server.admin("postgres").await;
    let administrator = if is_by_creator() { "creator" } else { "boss" };
    for setting in HOSTILE {
        for whose in ["DATABASE neondb", "DATABASE maintenance", &format!("ROLE {administrator}")] {
            let sql = format!("ALTER {whose} SET {setting}");
            admin.batch_execute(&sql).await.expect(&sql);
        }
    }
    // Postgres has that since 17.
    admin.batch_execute("ALTER DATABASE neondb SET transaction_timeout = 1").await.ok();
    server.end_warm_sessions().await;
    change_everything(&server, &compute).await;
    admin.batch_execute("ALTER DATABASE neondb RESET ALL").await.expect("legal SQL");
    assert_changed(&server).await;
}

#[tokio::test]
async fn functions_operators_and_tables_named_as_those_of_postgres_are_not_taken_for_them() {
    let (server, compute) = besieged().await;
    let admin = server.admin("postgres").await;
    for database in ["neondb", MAINTENANCE] {
        server.execute(database, IMPOSTORS).await;
        let sql = format!("ALTER DATABASE {database} SET search_path = public, pg_catalog");
        admin.batch_execute(&sql).await.expect("legal SQL");
        let deceived = server.admin(database).await;
        let roles = texts(&deceived, "SELECT rolname::pg_catalog.text FROM pg_roles").await;
        assert!(roles.is_empty(), "nobody is deceived: {roles:?}");
    }
    server.end_warm_sessions().await;
    change_everything(&server, &compute).await;
    admin.batch_execute("ALTER DATABASE neondb RESET ALL").await.expect("legal SQL");
    assert_changed(&server).await;
}

#[tokio::test]
async fn a_refused_password_keeps_no_other_role_from_being_made() {
    let server = Server::started().await;
    server.restart_with("shared_preload_libraries = 'passwordcheck'").await;
    let names: Vec<_> = (0..10).map(|number| format!("role_{number}")).collect();
    let others =
        names.iter().fold(Desired::empty(), |catalog, name| catalog.role(name, 1, "of it"));
    let others = others.database(1, "neondb", "role_0");
    // It refuses a password that is the name.
    let refused = others.clone().role("sally", 2, "sally");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &refused).await;
        let [problem] = &*converged.problems else { panic!("{converged:?}") };
        assert_eq!((&problem.subject, problem.fault), (&about("sally"), Fault::BadInput));
        assert_eq!(problem.code.as_deref(), Some("22023"));
        assert!(problem.message.contains("password"), "{}", problem.message);
        assert!(!problem.message.contains("SCRAM"), "{}", problem.message);
        assert_eq!(texts(&server.admin("postgres").await, MADE).await, names);
        let marked = "SELECT name FROM offshoot.managed_role ORDER BY 1";
        assert_eq!(texts(&server.admin(home()).await, marked).await, names);
    }
    server.login("role_9", "of it", "neondb").await.expect("the others' logins");
    server.converge(&others.clone().role("sally", 2, "better")).await;
    server.login("sally", "better", "neondb").await.expect("a password that is taken");
    // A role that is there already keeps the password that it has.
    let reset = others.role("sally", 2, "sally").role("role_9", 1, "new");
    let converged = converge_told(&server.compute(), &reset).await;
    let [problem] = &*converged.problems else { panic!("{converged:?}") };
    assert_eq!((&problem.subject, problem.fault), (&about("sally"), Fault::BadInput));
    server.login("sally", "better", "neondb").await.expect("the password that it has");
    server.login("role_9", "new", "neondb").await.expect("the others' changes");
}

#[tokio::test]
async fn an_event_trigger_that_refuses_a_clean_up_keeps_nothing_else_from_being_done() {
    let server = Server::started().await;
    server.converge(&sally_and_bob().role("dave", 3, "of dave")).await;
    give_bob_a_table(&server).await;
    server.execute("neondb", GUARD).await;
    server.execute(home(), GUARD).await;
    let desired =
        sally_and_bob().without_role("bob").role("carol", 4, "of carol").role("sally", 1, "new");
    let desired = desired.database(2, "other", "carol");
    for _ in 0..2 {
        let converged = converge_told(&server.compute(), &desired).await;
        let [problem] = &*converged.problems else { panic!("{converged:?}") };
        assert_eq!(problem.subject, about("bob"));
        assert!(problem.message.contains("not in here"), "{}", problem.message);
        assert_eq!(converged.delayed, []);
        let roles = "SELECT format('%s %s %s', rolname, rolcanlogin, rolpassword IS NULL) \
             FROM pg_authid WHERE rolname IN ('bob', 'carol', 'dave', 'sally') ORDER BY 1";
        let roles = texts(&server.admin("postgres").await, roles).await;
        assert_eq!(roles, ["bob f t", "carol t f", "sally t f"]);
        assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, ["bob"]);
    }
    server.login("carol", "of carol", "other").await.expect("the others' changes");
    let kept = "SELECT rolpassword FROM pg_authid WHERE rolname = 'sally'";
    let kept = texts(&server.admin("postgres").await, kept).await;
    assert_eq!(kept, [verifier("new").reveal()]);
    server.execute("neondb", "DROP EVENT TRIGGER no").await;
    server.converge(&desired).await;
    assert_eq!(texts(&server.admin("neondb").await, OWNER_OF_BOBS).await, ["sally"]);
}
