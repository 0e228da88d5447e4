//! Drivers of statements that go wrong.

use es_runtime::sqlite::Sqlite;
use es_runtime::{Adapter, Sql, SqlDriver, SqlError, SqlRow, SqlValue, Transactions, Work};
use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, SqlError>> + Send + 'a>>;
type Owned = Vec<SqlValue<'static>>;

/// Each statement in a transaction of its own.
pub(super) struct Each(pub(super) Sqlite);

impl Each {
    async fn alone<T: Send + 'static>(
        &self,
        statement: impl for<'t> FnOnce(&'t mut dyn SqlDriver) -> Boxed<'t, T> + Send + 'static,
    ) -> Result<T, SqlError> {
        let answer = Arc::new(Mutex::new(None));
        let kept = answer.clone();
        let work: Work = Box::new(move |sql| {
            Box::pin(async move {
                let nothing = Sql::new(Box::new(Nothing));
                let mut driver = std::mem::replace(sql, nothing).into_driver();
                let done = statement(&mut *driver).await;
                *sql = Sql::new(driver);
                let is_done = done.is_ok();
                *kept.lock().expect("ours") = Some(done);
                is_done
            })
        });
        self.0.transactions().expect("it has SQL").write(work).await?;
        let answer = answer.lock().expect("ours").take();
        answer.expect("it was done")
    }
}

fn owned(parameters: &[SqlValue<'_>]) -> Owned {
    parameters.iter().map(|value| value.clone().into_owned()).collect()
}

impl SqlDriver for Each {
    fn execute<'a>(&'a mut self, sql: &'a str, parameters: &'a [SqlValue<'a>]) -> Boxed<'a, u64> {
        let (sql, parameters) = (sql.to_owned(), owned(parameters));
        Box::pin(self.alone(move |driver| Box::pin(async move { driver.execute(&sql, &parameters).await })))
    }

    fn query<'a>(&'a mut self, sql: &'a str, parameters: &'a [SqlValue<'a>]) -> Boxed<'a, Vec<SqlRow>> {
        let (sql, parameters) = (sql.to_owned(), owned(parameters));
        Box::pin(self.alone(move |driver| Box::pin(async move { driver.query(&sql, &parameters).await })))
    }

    fn batch<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, ()> {
        let sql = sql.to_owned();
        Box::pin(self.alone(move |driver| Box::pin(async move { driver.batch(&sql).await })))
    }

    fn qualified(&self, table: &str) -> String {
        format!("\"{table}\"")
    }

    fn registers(&self) -> &str {
        "es_register"
    }

    fn connection(&mut self) -> &mut dyn Any {
        &mut self.0
    }
}

/// The values in the order in which their parameters first stand in the statement.
pub(super) struct Reordered(Box<dyn SqlDriver>);

impl Reordered {
    pub(super) fn around(work: Work) -> Work {
        Box::new(move |sql| {
            Box::pin(async move {
                let driver = std::mem::replace(sql, Sql::new(Box::new(Nothing))).into_driver();
                let mut wrong = Sql::new(Box::new(Self(driver)));
                let answer = work(&mut wrong).await;
                let wrong: Box<dyn Any> = wrong.into_driver();
                *sql = Sql::new(wrong.downcast::<Self>().expect("it was made here").0);
                answer
            })
        })
    }
}

fn reordered(sql: &str, parameters: &[SqlValue<'_>]) -> Owned {
    let mut numbers: Vec<usize> = Vec::new();
    for rest in sql.split('$').skip(1) {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let number = digits.parse().expect("the rules number their parameters");
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let mut values = owned(parameters);
    for (place, number) in numbers.into_iter().enumerate() {
        if let (Some(value), true) = (parameters.get(place), number <= values.len()) {
            values[number - 1] = value.clone().into_owned();
        }
    }
    values
}

impl SqlDriver for Reordered {
    fn execute<'a>(&'a mut self, sql: &'a str, parameters: &'a [SqlValue<'a>]) -> Boxed<'a, u64> {
        Box::pin(async move { self.0.execute(sql, &reordered(sql, parameters)).await })
    }

    fn query<'a>(&'a mut self, sql: &'a str, parameters: &'a [SqlValue<'a>]) -> Boxed<'a, Vec<SqlRow>> {
        Box::pin(async move { self.0.query(sql, &reordered(sql, parameters)).await })
    }

    fn batch<'a>(&'a mut self, sql: &'a str) -> Boxed<'a, ()> {
        self.0.batch(sql)
    }

    fn qualified(&self, table: &str) -> String {
        self.0.qualified(table)
    }

    fn registers(&self) -> &str {
        self.0.registers()
    }

    fn connection(&mut self) -> &mut dyn Any {
        self.0.connection()
    }
}

/// Stands where another one was taken away.
struct Nothing;

impl SqlDriver for Nothing {
    fn execute<'a>(&'a mut self, _: &'a str, _: &'a [SqlValue<'a>]) -> Boxed<'a, u64> {
        Box::pin(async { Err(SqlError::Unsupported) })
    }

    fn query<'a>(&'a mut self, _: &'a str, _: &'a [SqlValue<'a>]) -> Boxed<'a, Vec<SqlRow>> {
        Box::pin(async { Err(SqlError::Unsupported) })
    }

    fn batch<'a>(&'a mut self, _: &'a str) -> Boxed<'a, ()> {
        Box::pin(async { Err(SqlError::Unsupported) })
    }

    fn qualified(&self, table: &str) -> String {
        table.to_owned()
    }

    fn registers(&self) -> &str {
        "none"
    }

    fn connection(&mut self) -> &mut dyn Any {
        self
    }
}
