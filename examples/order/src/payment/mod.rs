//! Payments: one an order, asked for, charged to a card, given back when the order is called off.
//!
//! It is a service of its own, and knows of orders what their events tell. In the order to read: [`events`] is
//! what can happen, [`Payment`] is what becomes of a payment by it and what it decides, and [`Refusal`] is why it
//! says no. None of these knows a gateway or a store. [`Requests`] and [`Cashier`] follow what happens, the second
//! with a [`gateway`], here a simulated one; `src/bin/payment` is the program that runs them.
//!
//! ```
//! use es_runtime::prelude::*;
//! use order::payment::{CardRef, Payment, Status};
//!
//! let mut payment = Root::<Payment>::new("o-1".parse()?)?;
//! payment.decide(|payment| payment.request(4000))?;
//! payment.decide(|payment| payment.offer(&CardRef::new("card_7f")))?;
//! assert!(payment.charge().is_some());
//!
//! payment.decide(Payment::succeed)?;
//! assert_eq!(payment.status(), Status::Succeeded);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod aggregate;
mod card;
mod cashier;
pub mod events;
pub mod gateway;
mod id;
mod refusal;
mod requests;

pub use aggregate::{Charge, Payment, Status};
pub use card::CardRef;
pub use cashier::Cashier;
pub use events::Reason;
pub use id::PaymentId;
pub use refusal::Refusal;
pub use requests::Requests;
