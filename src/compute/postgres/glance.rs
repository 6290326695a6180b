//! A glance: whether anything that a pass looks at may have changed, in one round trip.
//!
//! Who changes a row of a catalog leaves the number of the own transaction in it. Before a pass looks,
//! a glance takes the number below which all transactions had ended. A row whose number is not below
//! it came later; where there is none, and there are as many rows as before, they are the same rows.
//! What the first glance saw must have reached the disk by then: Postgres may forget the rest when it
//! crashes, and gives its numbers to others.

use crate::compute::error::ComputeError;
use crate::compute::postgres::Session;
use crate::compute::postgres::failure::{Class, told_row};
use crate::model::lsn::Lsn;

/// After how many transactions the numbers of old ones may look like those of new ones.
const MAX_DISTANCE: u64 = 1 << 30;

/// The tables in which a pass looks for what differs.
const TABLES: [&str; 7] = [
    "pg_authid",
    "pg_auth_members",
    "pg_database",
    "pg_tablespace",
    "offshoot.managed_role",
    "offshoot.managed_database",
    "offshoot.state",
];

/// Whether somebody is connected whose sessions a pass ends.
const UNWANTED: &str = "EXISTS (SELECT FROM pg_stat_activity JOIN offshoot.managed_role \
     ON oid = usesysid WHERE retired OR NOT active)";

/// How the tables looked that a pass looks into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::compute) struct Glance {
    /// Which server it was, and since when it ran: it may be another one by now, or an older one that
    /// was restored.
    server: String,
    /// All transactions below this number had ended.
    horizon: u64,
    /// How many rows each table had.
    counts: String,
    /// Everything that had happened is before this place in the write-ahead log.
    inserted: Lsn,
}

/// What a glance shows.
#[derive(Debug)]
pub(in crate::compute) struct Seen {
    pub(in crate::compute) glance: Glance,
    /// The place in the write-ahead log before which everything is on the disk.
    flushed: Lsn,
    /// Whether there are rows that came after the horizon of the glance before, or sessions to be ended.
    has_news: bool,
    /// The place that the write-ahead log has reached.
    pub(in crate::compute) lsn: Lsn,
}

impl Seen {
    /// Whether nothing has changed since `before`, and nothing of that can be lost.
    pub(in crate::compute) fn confirms(&self, before: &Glance) -> bool {
        let Glance { server, horizon, counts, inserted: _ } = &self.glance;
        let is_near = horizon.checked_sub(before.horizon).is_some_and(|by| by < MAX_DISTANCE);
        let is_same = *server == before.server && *counts == before.counts;
        is_same && is_near && before.inserted <= self.flushed && !self.has_news
    }
}

/// Looks, and says what is new since `before`; nothing for an administrator who may not look.
pub(super) async fn glance(
    session: &mut Session,
    before: Option<&Glance>,
) -> Result<Option<Seen>, ComputeError> {
    if !session.admin.is_superuser {
        return Ok(None);
    }
    let rows = match session.run(&sql(before)).await {
        Ok(rows) => rows,
        // There are no tables of marks yet, or this is a Postgres of another kind.
        Err(failure) if failure.class == Class::Lasting => return Ok(None),
        Err(failure) => return Err(failure.into()),
    };
    Ok(told_row(&rows).and_then(|row| {
        let place = |column| row.get(column)?.parse::<Lsn>().ok();
        let glance = Glance {
            server: row.get(0)?.into(),
            horizon: row.get(1)?.parse().ok()?,
            counts: row.get(2)?.into(),
            inserted: place(3)?,
        };
        let has_news = row.get(4)? == "t";
        Some(Seen { glance, flushed: place(5)?, has_news, lsn: place(6)? })
    }))
}

fn sql(before: Option<&Glance>) -> String {
    let is_new = before.map_or_else(
        || "false".into(),
        // Ages, since these numbers begin again from time to time.
        |before| format!("age(xmin) <= age('{}'::xid8::xid)", before.horizon),
    );
    let count = |(number, table): (usize, &&str)| {
        format!("SELECT {number}, count(*), count(*) FILTER (WHERE {is_new}) FROM {table}")
    };
    let counts: Vec<_> = TABLES.iter().enumerate().map(count).collect();
    format!(
        "WITH seen (number, had, news) AS ({counts}) \
         SELECT concat_ws(' ', (SELECT system_identifier FROM pg_control_system()), \
             left(pg_walfile_name(pg_current_wal_lsn()), 8), pg_postmaster_start_time()), \
         pg_snapshot_xmin(pg_current_snapshot()), \
         string_agg(had::text, ' ' ORDER BY number), \
         pg_current_wal_insert_lsn(), 0 < sum(news) OR {UNWANTED}, \
         pg_current_wal_flush_lsn(), pg_current_wal_lsn() FROM seen",
        counts = counts.join(" UNION ALL "),
    )
}
