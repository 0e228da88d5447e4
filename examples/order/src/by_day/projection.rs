//! How the read model is kept up to date.

use super::day::Day;
use crate::events::{OrderCancelled, OrderDelivered, OrderPaid, OrderPlaced, OrderShipped, PaymentReceived};
use crate::{Order, Status};
use es_runtime::SqlError;
use es_runtime::prelude::*;

/// Orders by day and status. Each row says where in the log it has changed last, so that whoever has seen a part
/// can ask for the rest.
#[derive(Projection)]
#[projection("orders-by-day", follows(Order), ignore(PaymentReceived))]
#[derive(Debug)]
pub struct OrdersByDay;

impl Tables for OrdersByDay {
    async fn create(&self, sql: &mut Sql) -> Handled {
        let (orders, days) = (sql.table("orders"), sql.table("days"));
        let tables = format!(
            "CREATE TABLE {orders} (id TEXT PRIMARY KEY, day TEXT NOT NULL, status TEXT NOT NULL);
             CREATE TABLE {days} (
                 day TEXT NOT NULL, status TEXT NOT NULL, orders BIGINT NOT NULL,
                 changed_commit BIGINT NOT NULL, changed_index BIGINT NOT NULL, PRIMARY KEY (day, status)
             );"
        );
        Ok(sql.batch(&tables).await?)
    }
}

impl On<OrderPlaced> for OrdersByDay {
    async fn on(&self, event: &Recorded<OrderPlaced>, sql: &mut Sql) -> Handled {
        let (id, day) = (event.stream().key(), Day::of(event.recorded_at()));
        let insert = format!("INSERT INTO {} (id, day, status) VALUES ($1, $2, $3)", sql.table("orders"));
        sql.execute(&insert, &[&id, &day.as_str(), &name_of(Status::Placed)]).await?;
        Ok(count(event, sql, day.as_str(), name_of(Status::Placed), 1).await?)
    }
}

impl On<OrderPaid> for OrdersByDay {
    async fn on(&self, event: &Recorded<OrderPaid>, sql: &mut Sql) -> Handled {
        becomes(event, sql, Status::Paid).await
    }
}

impl On<OrderShipped> for OrdersByDay {
    async fn on(&self, event: &Recorded<OrderShipped>, sql: &mut Sql) -> Handled {
        becomes(event, sql, Status::Shipped).await
    }
}

impl On<OrderDelivered> for OrdersByDay {
    async fn on(&self, event: &Recorded<OrderDelivered>, sql: &mut Sql) -> Handled {
        becomes(event, sql, Status::Delivered).await
    }
}

impl On<OrderCancelled> for OrdersByDay {
    async fn on(&self, event: &Recorded<OrderCancelled>, sql: &mut Sql) -> Handled {
        becomes(event, sql, Status::Cancelled).await
    }
}

/// The order is counted elsewhere from now on.
async fn becomes<E>(event: &Recorded<E>, sql: &mut Sql, status: Status) -> Handled {
    let (orders, id) = (sql.table("orders"), event.stream().key());
    let select = format!("SELECT day, status FROM {orders} WHERE id = $1");
    let rows = sql.query(&select, &[&id]).await?;
    let row = rows.first().ok_or_else(|| format!("order `{id}` was never placed"))?;
    let (day, before): (String, String) = (row.get(0)?, row.get(1)?);
    sql.execute(&format!("UPDATE {orders} SET status = $2 WHERE id = $1"), &[&id, &name_of(status)]).await?;
    count(event, sql, &day, &before, -1).await?;
    Ok(count(event, sql, &day, name_of(status), 1).await?)
}

async fn count<E>(
    event: &Recorded<E>,
    sql: &mut Sql,
    day: &str,
    status: &str,
    more: i64,
) -> Result<(), SqlError> {
    let position = event.position();
    let add = format!(
        "INSERT INTO {} AS days (day, status, orders, changed_commit, changed_index) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (day, status) DO UPDATE SET orders = days.orders + excluded.orders, \
         changed_commit = excluded.changed_commit, changed_index = excluded.changed_index",
        sql.table("days")
    );
    sql.execute(&add, &[&day, &status, &more, &position.commit(), &position.index()]).await?;
    Ok(())
}

/// As it is kept, and as JSON has it.
pub const fn name_of(status: Status) -> &'static str {
    match status {
        Status::NotPlaced => "not_placed",
        Status::Placed => "placed",
        Status::Paid => "paid",
        Status::Shipped => "shipped",
        Status::Delivered => "delivered",
        Status::Cancelled => "cancelled",
    }
}
