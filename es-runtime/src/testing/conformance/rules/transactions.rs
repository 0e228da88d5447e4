//! Transactions: tables of others beside the events.
//!
//! The tables are made of columns that the common dialects have: `BIGINT`, `DOUBLE PRECISION`, `TEXT`, `BYTEA` and
//! `BOOLEAN`.

use super::all;
use crate::testing::conformance::{Ability, Broken, Kept, Subject, ensure, ensure_eq, ensure_matches};
use crate::{Adapter, Registers, Sql, SqlError, ToSql, Transactions, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

type Boxed<'t, T> = Pin<Box<dyn Future<Output = Result<T, Broken>> + Send + 't>>;

/// Runs `work`, and answers with what the store answered. A rule that is broken inside rolls it back.
async fn write<A: Adapter>(
    store: &A,
    work: impl for<'t> FnOnce(&'t mut Sql) -> Boxed<'t, bool> + Send + 'static,
) -> Result<Result<bool, SqlError>, Broken> {
    let transactions = store.transactions().ok_or_else(|| Broken::new("it has transactions no more"))?;
    let broken = Arc::new(Mutex::new(None));
    let kept = broken.clone();
    let done = transactions.write(Box::new(move |sql| {
        Box::pin(async move {
            work(sql).await.unwrap_or_else(|broken| {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(broken);
                false
            })
        })
    }));
    let done = done.await;
    let broken = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    broken.map_or(Ok(done), Err)
}

/// Runs `work`, which reads, and answers with what it found.
async fn read<A: Adapter, T: Send + 'static>(
    store: &A,
    work: impl for<'t> FnOnce(&'t mut Sql) -> Boxed<'t, T> + Send + 'static,
) -> Result<T, Broken> {
    let transactions = store.transactions().ok_or_else(|| Broken::new("it has transactions no more"))?;
    let found = Arc::new(Mutex::new(None));
    let kept = found.clone();
    let work = transactions.read(Box::new(move |sql| {
        Box::pin(async move {
            let found = work(sql).await;
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
            true
        })
    }));
    work.await?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    found.unwrap_or_else(|| Err(Broken::new("the work was not done")))
}

/// A table of numbers.
async fn numbers<A: Adapter>(store: &A) -> Kept {
    let made = write(store, |sql| {
        Box::pin(async move {
            sql.batch(&format!("CREATE TABLE {} (n BIGINT PRIMARY KEY)", sql.table("number"))).await?;
            Ok(true)
        })
    });
    ensure!(made.await??, "a table that was made is not there");
    Ok(())
}

async fn insert(sql: &mut Sql, n: i64) -> Result<u64, SqlError> {
    let insert = format!("INSERT INTO {} (n) VALUES ($1)", sql.table("number"));
    sql.execute(&insert, &[&n]).await
}

async fn select(sql: &mut Sql) -> Result<Vec<i64>, SqlError> {
    let select = format!("SELECT n FROM {} ORDER BY n", sql.table("number"));
    sql.query(&select, &[]).await?.iter().map(|row| row.get(0)).collect()
}

async fn stored<A: Adapter>(store: &A) -> Result<Vec<i64>, Broken> {
    read(store, |sql| Box::pin(async move { Ok(select(sql).await?) })).await
}

/// Everything that was done in a transaction is there when it was committed, and nothing when its answer was not to,
/// or a statement failed.
///
/// Without it a read model holds half of what an event meant, and what is handled again after a failure is counted
/// twice.
///
/// Holds what [`Transactions`] promises.
pub async fn a_transaction_is_committed_whole_or_not_at_all<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Transactions)? {
        return Ok(());
    }
    numbers(&*store).await?;
    let twice = |first: i64, answer: bool| {
        write(&*store, move |sql| {
            Box::pin(async move {
                ensure_eq!(insert(sql, first).await?, 1, "rows of an insert");
                ensure_eq!(insert(sql, first + 1).await?, 1, "rows of an insert");
                ensure!(select(sql).await?.contains(&first), "a transaction does not see what it wrote");
                Ok(answer)
            })
        })
    };
    ensure_eq!(twice(10, true).await??, true, "whether it was committed");
    ensure_eq!(stored(&*store).await?, [10, 11], "what was committed");
    ensure_eq!(twice(20, false).await??, false, "whether it was committed");
    ensure_eq!(stored(&*store).await?, [10, 11], "what is there after an answer of `false`");
    for spoils in ["INSERT INTO {} (n) VALUES (10)", "SELECT nothing FROM {}", "INSERT {}"] {
        let failed = write(&*store, move |sql| {
            Box::pin(async move {
                insert(sql, 30).await?;
                let spoilt = sql.execute(&spoils.replace("{}", &sql.table("number")), &[]).await;
                ensure_matches!(spoilt, Err(SqlError::Refused(_)), "a statement that cannot be done");
                let _ = insert(sql, 31).await;
                Ok(true)
            })
        });
        ensure_matches!(failed.await?, Err(SqlError::Refused(_)), "a transaction after {spoils:?}");
        ensure_eq!(stored(&*store).await?, [10, 11], "what is there after {spoils:?}");
    }
    // Tables too.
    let made = write(&*store, |sql| {
        Box::pin(async move {
            sql.batch(&format!("CREATE TABLE {} (n BIGINT)", sql.table("other"))).await?;
            Ok(false)
        })
    });
    ensure_eq!(made.await??, false, "whether it was committed");
    let gone = read(&*store, |sql| {
        Box::pin(async move {
            Ok(sql.query(&format!("SELECT n FROM {}", sql.table("other")), &[]).await.is_err())
        })
    });
    ensure!(gone.await?, "a table of a transaction that was rolled back is there");
    let store = if store.can(Ability::Durability)? { store.again().await } else { store };
    ensure_eq!(stored(&*store).await?, [10, 11], "what is there when it is opened again");
    Ok(())
}

/// Who stops waiting for a transaction leaves all of it or nothing, and is in nobody's way.
///
/// Callers are cut off by timeouts and by shutting down. A lock that is held for one of them stops everybody else.
///
/// Holds what [`Transactions`] promises.
pub async fn a_transaction_that_is_left_leaves_all_or_nothing<A: Adapter>(store: Subject<A>) -> Kept {
    const ROUNDS: i64 = 40;
    const EACH: i64 = 20;
    if !store.can(Ability::Transactions)? {
        return Ok(());
    }
    numbers(&*store).await?;
    for round in 0..ROUNDS {
        let all = write(&*store, move |sql| {
            Box::pin(async move {
                for n in 0..EACH {
                    insert(sql, round * EACH + n).await?;
                    tokio::task::yield_now().await;
                }
                Ok(true)
            })
        });
        let patience = Duration::from_micros(u64::try_from(round * round * 20).unwrap_or_default());
        if let Ok(done) = tokio::time::timeout(patience, all).await {
            ensure!(done??, "a transaction was not committed");
        }
    }
    let waits = write(&*store, |sql| {
        Box::pin(async move {
            insert(sql, -1).await?;
            std::future::pending().await
        })
    });
    let left = tokio::time::timeout(Duration::from_millis(50), waits).await;
    ensure!(left.is_err(), "a transaction ended before its work: {left:?}");
    let next = write(&*store, |sql| {
        Box::pin(async move {
            insert(sql, -1).await?;
            Ok(true)
        })
    });
    let next = tokio::time::timeout(Duration::from_secs(10), next).await;
    let next = next.map_err(|_| Broken::new("a transaction that was left keeps the others waiting"))?;
    ensure!(next??, "a transaction was not committed");
    let stored = stored(&*store).await?;
    for round in 0..ROUNDS {
        let part = stored.iter().filter(|n| **n >= 0 && **n / EACH == round).count() as i64;
        ensure!(part == 0 || part == EACH, "{part} of {EACH} rows of a transaction that was left");
    }
    Ok(())
}

/// A transaction that moves a register does both or none, and of those who found the same revision one does.
///
/// This is what exactly once is made of: the checkpoint moves with what the event meant, and the work of a node that
/// was taken for dead is rolled back with its checkpoint.
///
/// Holds what [`Transactions`] promises.
pub async fn a_transaction_moves_registers_with_its_tables<A: Adapter>(store: Subject<A>) -> Kept {
    const NODES: i64 = 4;
    const EACH: i64 = 8;
    if !store.can(Ability::Transactions)? || !store.can(Ability::Registers)? {
        return Ok(());
    }
    numbers(&*store).await?;
    let registers = store.registers().ok_or_else(|| Broken::new("it has registers no more"))?;
    let new = Write { key: "part/'1'".into(), expected: 0, value: Some(b"0".to_vec()) };
    ensure!(registers.write_registers(vec![new]).await?, "a new register");
    let nodes = (0..NODES).map(|node| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while done < EACH {
                let registers = store.registers().ok_or_else(|| Broken::new("it has registers no more"))?;
                let found = registers.read_register("part/'1'").await?;
                let revision = found.ok_or_else(|| Broken::new("the register is gone"))?.revision;
                let moved = write(&*store, move |sql| {
                    Box::pin(async move {
                        let n = i64::try_from(revision).unwrap_or(i64::MAX);
                        // A row that belongs to who wins, and is not in the way of the others.
                        insert(sql, n * NODES + node).await?;
                        let update = format!(
                            "UPDATE {} SET revision = revision + 1, value = $1 WHERE key = $2 AND revision = $3",
                            sql.registers()
                        );
                        let value = n.to_string().into_bytes();
                        let rows = sql.execute(&update, &[&value, &"part/'1'", &revision]).await?;
                        ensure!(rows <= 1, "{rows} registers were moved");
                        Ok(rows == 1)
                    })
                });
                match moved.await? {
                    Ok(moved) => done += i64::from(moved),
                    Err(error) if error.is_retryable() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        })
    });
    all(nodes.collect::<Vec<_>>()).await?;
    let found =
        registers.read_register("part/'1'").await?.ok_or_else(|| Broken::new("the register is gone"))?;
    let wins = NODES * EACH;
    ensure_eq!(found.revision, wins as u64 + 1, "the revision after {wins} moves");
    ensure_eq!(found.value, wins.to_string().into_bytes(), "the value after {wins} moves");
    let of: Vec<_> = stored(&*store).await?.into_iter().map(|n| n / NODES).collect();
    ensure_eq!(of, (1..=wins).collect::<Vec<_>>(), "rows, one for each move");
    Ok(())
}

/// A work that reads sees one state of the database, with all that was committed before.
///
/// A page that is made of two queries would show a sum that does not fit its parts.
///
/// Holds what [`Transactions`] promises.
pub async fn a_transaction_that_reads_sees_one_state<A: Adapter>(store: Subject<A>) -> Kept {
    if !store.can(Ability::Transactions)? {
        return Ok(());
    }
    numbers(&*store).await?;
    for n in 0..5 {
        let add = |n: i64| {
            write(&*store, move |sql| {
                Box::pin(async move {
                    insert(sql, n).await?;
                    Ok(true)
                })
            })
        };
        ensure!(add(2 * n).await??, "a row");
        let (looked, mut was_looked) = mpsc::channel(1);
        let (wrote, mut was_written) = mpsc::channel(1);
        let reader = read(&*store, move |sql| {
            Box::pin(async move {
                let before = select(sql).await?;
                let _ = looked.send(()).await;
                was_written.recv().await;
                Ok((before, select(sql).await?))
            })
        });
        let writer = async {
            was_looked.recv().await;
            let added = add(2 * n + 1).await;
            let _ = wrote.send(()).await;
            added
        };
        let (found, added) = tokio::join!(reader, writer);
        let (before, after) = found?;
        ensure!(added??, "a row");
        ensure_eq!(before, (0..=2 * n).collect::<Vec<_>>(), "what was committed before");
        ensure_eq!(after, before, "what the same transaction sees later");
    }
    Ok(())
}

/// Parameters of every type come back as they were given, wherever their numbers stand, and too few or too many are
/// refused.
///
/// A database that counts them by their places would put the customer's name where the amount belongs.
///
/// Holds what [`Transactions`] promises.
pub async fn parameters_of_a_transaction_stand_where_their_numbers_say<A: Adapter>(
    store: Subject<A>,
) -> Kept {
    if !store.can(Ability::Transactions)? {
        return Ok(());
    }
    let done = write(&*store, |sql| {
        Box::pin(async move {
            let table = sql.table("every type");
            let columns = "id BIGINT, n BIGINT, r DOUBLE PRECISION, t TEXT, b BYTEA, f BOOLEAN";
            sql.batch(&format!("CREATE TABLE {table} ({columns})")).await?;
            let insert = format!("INSERT INTO {table} (f, b, t, r, n, id) VALUES ($2, $5, $1, $6, $4, $3)");
            let texts = ["", "it's \"quoted\" $1", "für 日本 \u{10ffff}"];
            let numbers = [i64::MIN, 0, i64::MAX];
            for (id, (text, number)) in texts.into_iter().zip(numbers).enumerate() {
                let (id, real, bytes) = (id as u32, 0.1 + number as f64, [0, 255, id as u8].to_vec());
                let parameters: [&(dyn ToSql + Sync); 6] = [&text, &(id == 1), &id, &number, &bytes, &real];
                ensure_eq!(sql.execute(&insert, &parameters).await?, 1, "rows of an insert");
                // One number twice, and the largest first.
                let select = format!("SELECT n, r, t, b, f FROM {table} WHERE n = $2 AND id = $1 AND $2 = n");
                let rows = sql.query(&select, &[&id, &number]).await?;
                ensure_eq!(rows.len(), 1, "rows with the id {id}");
                let row = &rows[0];
                ensure_eq!(row.get::<i64>(0)?, number, "a whole number");
                ensure_eq!(row.get::<f64>(1)?, real, "a number");
                ensure_eq!(row.get_named::<String>("t")?, text, "text");
                ensure_eq!(row.get::<Vec<u8>>(3)?, bytes, "bytes");
                ensure_eq!(row.get_named::<bool>("f")?, id == 1, "a truth value");
            }
            let nothing: [&(dyn ToSql + Sync); 6] =
                [&None::<String>, &None::<bool>, &9_i64, &None::<i64>, &None::<Vec<u8>>, &None::<f64>];
            sql.execute(&insert, &nothing).await?;
            let rows =
                sql.query(&format!("SELECT n, r, t, b, f FROM {table} WHERE id = $1"), &[&9_i64]).await?;
            ensure_eq!(rows.len(), 1, "rows with nothing in them");
            for column in 0..5 {
                ensure_eq!(rows[0].get::<Option<i64>>(column)?, None, "column {column} of a row of nothing");
            }
            let count = format!("SELECT count(*), sum(id) FROM {table} WHERE id < $1");
            let row = sql.query(&count, &[&5_i64]).await?.remove(0);
            ensure_eq!((row.get::<i64>(0)?, row.get::<i64>(1)?), (3, 3), "a count and a sum");
            for parameters in [&[&1_i64 as &(dyn ToSql + Sync)][..], &[&1_i64, &2_i64, &3_i64]] {
                let wrong =
                    sql.query(&format!("SELECT n FROM {table} WHERE id = $1 OR id = $2"), parameters).await;
                let given = parameters.len();
                ensure_matches!(wrong, Err(SqlError::Value(_)), "2 parameters, of which {given} are given");
            }
            Ok(true)
        })
    });
    ensure!(done.await??, "it was not committed, though no statement failed");
    Ok(())
}
