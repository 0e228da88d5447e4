//! A read model compared with tables that are made anew beside it.
//!
//! The fresh tables are those of a build that is in no list, number 0. They are filled up to where the old ones have
//! come, part by part. Then both are compared in one transaction, unless the old ones have moved on: then they are
//! followed once more.

use super::finding::{Fault, Finding};
use crate::adapter::{Filter, Limit};
use crate::follow::{Follower, Task, task};
use crate::following::{
    Checkpoint, FollowError, NO_REGISTERS, Part, PartState, caught, decode_bytes, list_parked, part_of,
};
use crate::format::Cause;
use crate::position::{Cursor, Position};
use crate::projection::{Build, Delivers, ExactlyOnce, LONGEST_NAME, Projection, Tables, builds_of, prefix};
use crate::recorded::Recorded;
use crate::sql::{Sql, SqlError, SqlValue};
use crate::store::Store;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

/// No build has this number.
const BESIDE: u32 = 0;

/// How often a projection that goes on meanwhile is followed.
const TRIES: usize = 200;

/// How many rows are shown of each kind.
const SHOWN: usize = 10;

pub(super) enum Checked {
    Compared(Vec<Finding>),
    /// There is nothing to compare, and why.
    Skipped(&'static str),
}

type Telling<'a> = &'a mut (dyn FnMut(u64, f64) + Send);

type Checking<'a> = Pin<Box<dyn Future<Output = Result<Checked, FollowError>> + Send + 'a>>;

/// What is asked of a projection without knowing its type.
pub(super) trait CheckTables: Send + Sync {
    fn name(&self) -> &'static str;
    fn check<'a>(&'a self, store: &'a Store, tell: Telling<'a>) -> Checking<'a>;
}

pub(super) struct Checker<P>(Arc<P>);

impl<P> Checker<P> {
    pub(super) fn new(projection: P) -> Self {
        Self(Arc::new(projection))
    }
}

impl<P: Tables + Follower<Context = Sql>> CheckTables for Checker<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn check<'a>(&'a self, store: &'a Store, tell: Telling<'a>) -> Checking<'a> {
        Box::pin(check(store, &self.0, tell))
    }
}

async fn check<P: Tables + Follower<Context = Sql>>(
    store: &Store,
    projection: &Arc<P>,
    tell: Telling<'_>,
) -> Result<Checked, FollowError> {
    if <ExactlyOnce as Delivers<P>>::check(store).is_err() {
        return Ok(Checked::Skipped("this store keeps no tables"));
    }
    let (_, builds) = builds_of(store, P::NAME).await?;
    let Some(build) = builds.active() else { return Ok(Checked::Skipped("nothing was built yet")) };
    if build.version != P::VERSION {
        return Ok(Checked::Skipped("it was built by another program, and this one would build it anew"));
    }
    let parked = list_parked(store, &format!("parked/{}/{}/", P::NAME, build.number)).await?;
    if !parked.is_empty() {
        let findings = parked.into_iter().map(|parked| Finding {
            stream: Some(parked.state.stream),
            version: Some(parked.state.version),
            position: Some(parked.state.position),
            fault: Fault::Parked { projection: P::NAME, error: parked.state.error },
        });
        return Ok(Checked::Compared(findings.collect()));
    }
    let tables = make(store, projection).await?;
    let checked = Beside { store, projection, build, tell, handled: 0 }.compare().await;
    drop_tables(store, tables).await?;
    checked
}

/// Makes the fresh tables, in place of those that an audit has left behind that was killed.
async fn make<P: Tables>(store: &Store, projection: &Arc<P>) -> Result<Vec<String>, FollowError> {
    let mut is_second = false;
    loop {
        let projection = Arc::clone(projection);
        let (tables, made) = store
            .write_sql(move |sql| {
                Box::pin(async move {
                    sql.set_prefix(prefix(P::NAME, BESIDE));
                    sql.keep_names();
                    let made = projection.create(sql).await;
                    (made.is_ok(), (sql.take_names(), made))
                })
            })
            .await?;
        if let Some(name) = tables.iter().find(|name| name.len() > LONGEST_NAME) {
            return Err(FollowError::NameTooLong { name: name.clone(), limit: LONGEST_NAME });
        }
        match made {
            Ok(()) => return Ok(tables),
            Err(error) if is_second => {
                return Err(FollowError::Create { follower: P::NAME, error: Cause::new(error) });
            }
            Err(_) => drop_tables(store, tables).await?,
        }
        is_second = true;
    }
}

async fn drop_tables(store: &Store, tables: Vec<String>) -> Result<(), FollowError> {
    let dropped = store.write_sql(move |sql| {
        Box::pin(async move {
            for table in &tables {
                let statement = format!("DROP TABLE IF EXISTS {}", sql.table(table));
                if let Err(error) = sql.execute(&statement, &[]).await {
                    return (false, Err(error));
                }
            }
            (true, Ok(()))
        })
    });
    Ok(dropped.await??)
}

/// The fresh tables beside those of `build`.
struct Beside<'a, P> {
    store: &'a Store,
    projection: &'a Arc<P>,
    build: &'a Build,
    tell: Telling<'a>,
    handled: u64,
}

impl<P: Tables + Follower<Context = Sql>> Beside<'_, P> {
    async fn compare(&mut self) -> Result<Checked, FollowError> {
        let parts = self.build.parts(P::NAME);
        let mut reached: Vec<Option<Checkpoint>> = vec![None; parts.len()];
        for _ in 0..TRIES {
            let mut goal = Vec::new();
            for part in &parts {
                let registers = self.store.registers().ok_or(NO_REGISTERS)?;
                let Some(register) = registers.read(&part.key()).await? else {
                    return Ok(Checked::Skipped("it was built anew meanwhile; run the audit again"));
                };
                let state: PartState = decode_bytes(&part.key(), &register.value)?;
                goal.push(state.checkpoint);
            }
            if let Some(finding) = self.follow(&reached, &goal).await? {
                return Ok(Checked::Compared(vec![finding]));
            }
            if let Some(findings) = self.compare_at(&parts, &goal).await? {
                return Ok(Checked::Compared(findings));
            }
            reached = goal.into_iter().map(Some).collect();
        }
        Ok(Checked::Skipped("it moves on all the time; run the audit when less is written"))
    }

    /// Hands on the events behind `reached`, up to `goal`. Answers with the one that is not handled.
    async fn follow(
        &mut self,
        reached: &[Option<Checkpoint>],
        goal: &[Checkpoint],
    ) -> Result<Option<Finding>, FollowError> {
        let of = u32::try_from(goal.len()).unwrap_or(u32::MAX);
        let Some(last) = goal.iter().filter_map(Checkpoint::reached).max() else { return Ok(None) };
        let starts = reached.iter().map(|it| it.as_ref().map_or_else(Cursor::start, |it| it.cursor.clone()));
        let mut cursor = starts.reduce(Cursor::meet).unwrap_or_default();
        let filter = P::FOLLOWS.iter().fold(Filter::all(), |filter, it| filter.category(it.category()));
        while !cursor.covers(last) {
            let page = self.store.read_all(&cursor, &filter, Limit::default()).await?;
            let is_due = |event: &Recorded| {
                let part = part_of(event.stream(), of) as usize;
                let covers = |it: Option<&Checkpoint>| it.is_some_and(|it| it.covers(event.position()));
                covers(goal.get(part)) && !covers(reached.get(part).and_then(Option::as_ref))
            };
            let events: Vec<Recorded> = page.events.into_iter().filter(is_due).collect();
            self.handled += events.len() as u64;
            if let Some(finding) = hand_on(self.store, self.projection, events).await? {
                return Ok(Some(finding));
            }
            let commit = |position: Option<Position>| position.map_or(0, Position::commit).max(1) as f64;
            let fraction = commit(page.next.position()) / commit(Some(last));
            (self.tell)(self.handled, fraction.min(1.0));
            if page.is_end {
                break;
            }
            cursor = page.next;
        }
        Ok(None)
    }

    /// Compares the tables on one state of the database; nothing where the old ones are not at `goal` in it.
    async fn compare_at(
        &mut self,
        parts: &[Part],
        goal: &[Checkpoint],
    ) -> Result<Option<Vec<Finding>>, FollowError> {
        let (parts, goal) = (parts.to_vec(), goal.to_vec());
        let (tables, number) = (self.build.tables.clone(), self.build.number);
        let compared = self.store.read_sql(move |sql| {
            Box::pin(async move { (true, compare_tables::<P>(sql, &parts, &goal, &tables, number).await) })
        });
        compared.await?
    }
}

async fn hand_on<P: Follower<Context = Sql>>(
    store: &Store,
    projection: &Arc<P>,
    events: Vec<Recorded>,
) -> Result<Option<Finding>, FollowError> {
    if events.is_empty() {
        return Ok(None);
    }
    let projection = Arc::clone(projection);
    let handed = store.write_sql(move |sql| {
        Box::pin(async move {
            sql.set_prefix(prefix(P::NAME, BESIDE));
            for event in &events {
                if let Err(error) = caught(handle(&*projection, event, sql)).await.unwrap_or_else(Err) {
                    let fault = Fault::Unhandled { projection: P::NAME, error };
                    return (false, Some(Finding::at(event, fault)));
                }
            }
            (true, None)
        })
    });
    Ok(handed.await?)
}

async fn handle<P: Follower>(
    projection: &P,
    event: &Recorded,
    context: &mut P::Context,
) -> Result<(), String> {
    match task(projection, event, context).map_err(|error| error.to_string())? {
        Task::Handle(handling) => handling.await.map_err(|error| error.to_string()),
        // What it did with an event that it does not know is for its policy, and that the event is unknown is said.
        Task::Pass | Task::Unknown => Ok(()),
    }
}

async fn compare_tables<P: Projection>(
    sql: &mut Sql,
    parts: &[Part],
    goal: &[Checkpoint],
    tables: &[String],
    number: u32,
) -> Result<Option<Vec<Finding>>, FollowError> {
    for (part, goal) in parts.iter().zip(goal) {
        let select = format!("SELECT value FROM {} WHERE key = $1", sql.registers());
        let key = part.key();
        let rows = sql.query(&select, &[&key]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let state: PartState = decode_bytes(&key, &row.get::<Vec<u8>>(0)?)?;
        // Events that it does not follow move it on too, and change nothing.
        if (state.checkpoint.reached(), state.checkpoint.handled) != (goal.reached(), goal.handled) {
            return Ok(None);
        }
    }
    let position = goal.iter().filter_map(Checkpoint::reached).max();
    let mut findings = Vec::new();
    let names: BTreeSet<&str> =
        tables.iter().filter_map(|table| table.strip_prefix(&prefix(P::NAME, number))).collect();
    for name in names {
        let (projection, table) = (P::NAME, name.to_owned());
        let fault = match compare_table(sql, &prefix(P::NAME, number), &prefix(P::NAME, BESIDE), name).await {
            Ok(None) => continue,
            Ok(Some((extra, missing, rows))) => Fault::Rows { projection, table, extra, missing, rows },
            Err(error) => Fault::NotComparable { projection, table, error: error.to_string() },
        };
        let is_spoiled = matches!(fault, Fault::NotComparable { .. });
        findings.push(Finding { stream: None, version: None, position, fault });
        if is_spoiled {
            // A statement that fails spoils the transaction.
            break;
        }
    }
    Ok(Some(findings))
}

type Difference = (u64, u64, Vec<String>);

async fn compare_table(
    sql: &mut Sql,
    old: &str,
    fresh: &str,
    name: &str,
) -> Result<Option<Difference>, SqlError> {
    sql.set_prefix(old.to_owned());
    let old = sql.table(name);
    sql.set_prefix(fresh.to_owned());
    let fresh = sql.table(name);
    let except = |a: &str, b: &str| format!("SELECT * FROM {a} EXCEPT SELECT * FROM {b}");
    let (extra, missing) = (except(&old, &fresh), except(&fresh, &old));
    let count = format!(
        "SELECT (SELECT count(*) FROM ({extra}) AS extra), (SELECT count(*) FROM ({missing}) AS missing), \
         (SELECT count(*) FROM {old}), (SELECT count(*) FROM {fresh})"
    );
    let counted = sql.query(&count, &[]).await?;
    let Some(row) = counted.first() else { return Ok(None) };
    let (mut more, mut less): (u64, u64) = (row.get(0)?, row.get(1)?);
    let (rows_old, rows_fresh): (u64, u64) = (row.get(2)?, row.get(3)?);
    if more == 0 && less == 0 {
        // The same row twice is one row to `EXCEPT`.
        (more, less) = (rows_old.saturating_sub(rows_fresh), rows_fresh.saturating_sub(rows_old));
    }
    if more == 0 && less == 0 {
        return Ok(None);
    }
    let mut shown = Vec::new();
    for (mark, query) in [('-', extra), ('+', missing)] {
        // Of a type that the facade does not know, the numbers must do.
        for row in sql.query(&format!("{query} ORDER BY 1 LIMIT {SHOWN}"), &[]).await.unwrap_or_default() {
            let values: Vec<String> = row
                .columns()
                .iter()
                .enumerate()
                .map(|(at, column)| format!("{column}={}", row.value(at).map_or_else(String::new, text)))
                .collect();
            shown.push(format!("{mark} {}", values.join(" ")));
        }
    }
    Ok(Some((more, less, shown)))
}

fn text(value: &SqlValue<'_>) -> String {
    match value {
        SqlValue::Null => "NULL".into(),
        SqlValue::Bool(value) => value.to_string(),
        SqlValue::Integer(value) => value.to_string(),
        SqlValue::Real(value) => value.to_string(),
        SqlValue::Text(value) => format!("{value:?}"),
        SqlValue::Blob(value) => value.iter().fold("0x".into(), |text, byte| format!("{text}{byte:02x}")),
    }
}
