//! Orders: placed, paid, shipped, delivered, or cancelled.
//!
//! Read it in this order: [`events`] is what can happen, [`Order`] is what becomes of an order by it and
//! what it decides, [`Command`] is what can be asked of it, and [`Refusal`] is why it says no. None of these
//! knows a store; `src/bin/order` is a program that has one. [`by_day`], [`Settlement`] and [`Checkout`] follow what
//! happens. [`payment`] is told in the same way, for another program, and [`service`] is what both need to speak HTTP.
//!
//! ```
//! use order::{Line, Order, Refusal, Status};
//! use es_runtime::prelude::*;
//!
//! let mut order = Root::<Order>::new("o-1".parse()?)?;
//! let teapot = Line { sku: "teapot".into(), quantity: 1, unit_price_cents: 3490 };
//! order.decide(|order| order.place("ada", &[teapot], 510))?;
//! assert!(matches!(order.decide(Order::ship), Err(DecideError::Refused(Refusal::NotPaid))));
//!
//! order.decide(|order| order.pay(4000, "card"))?;
//! assert_eq!(order.status(), Status::Paid);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod by_day;
pub mod checkout;
mod command;
pub mod events;
mod id;
mod order;
pub mod payment;
mod refusal;
pub mod service;
mod settlement;

pub use checkout::Checkout;
pub use command::{CancelUnpaid, Command};
pub use events::Line;
pub use id::OrderId;
pub use order::{Order, Status};
pub use refusal::Refusal;
pub use settlement::Settlement;

// They share a store: no event of one may have a name of the other's.
es_runtime::catalog!(Order, payment::Payment, Checkout);
