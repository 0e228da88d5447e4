//! Commands: what can be asked of an order, as data.

use crate::events::OrderCancelled;
use crate::{Line, Order, Refusal};
use es_runtime::prelude::*;
use serde::Deserialize;

/// What can be asked of an order. Amounts are in cents.
///
/// As JSON it is told by its field `command`:
///
/// ```
/// use order::Command;
///
/// let pay: Command = serde_json::from_str(r#"{"command": "pay", "amount_cents": 4000, "method": "card"}"#)?;
/// assert_eq!(pay, Command::Pay { amount_cents: 4000, method: "card".into() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the events")]
pub enum Command {
    /// See [`Order::place`].
    Place { customer: String, lines: Vec<Line>, freight_cents: i64 },
    /// See [`Order::pay`].
    Pay { amount_cents: i64, method: String },
    /// See [`Order::ship`].
    Ship,
    /// See [`Order::deliver`].
    Deliver,
    /// See [`Order::cancel`].
    Cancel { reason: String },
}

impl Handle<Command> for Order {
    type Decision = Events<Self>;
    type Error = Refusal;

    fn handle(&self, command: &Command) -> Result<Events<Self>, Refusal> {
        let mut events = Events::after(self);
        match command {
            Command::Place { customer, lines, freight_cents } => {
                events.raise(self.place(customer, lines, *freight_cents)?);
            }
            Command::Pay { amount_cents, method } => events.raise(self.pay(*amount_cents, method)?),
            Command::Ship => events.raise(self.ship()?),
            Command::Deliver => events.raise(self.deliver()?),
            Command::Cancel { reason } => events.raise(self.cancel(reason)?),
        }
        Ok(events)
    }
}

/// Calls the order off, unless it is paid: see [`Order::cancel_unpaid`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelUnpaid {
    /// Why, in somebody's words.
    pub reason: String,
}

impl Handle<CancelUnpaid> for Order {
    type Decision = Option<OrderCancelled>;
    type Error = Refusal;

    fn handle(&self, command: &CancelUnpaid) -> Result<Option<OrderCancelled>, Refusal> {
        self.cancel_unpaid(&command.reason)
    }
}
