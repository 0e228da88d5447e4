//! What everything that follows the log has in common: it is divided into parts, each part has one owner at a
//! time, and the owner reads on from its checkpoint, hands the events on in order and moves the checkpoint.
//!
//! What differs is the [`Engine`]: how events are handed on and the checkpoint is moved. [`Direct`] calls handlers
//! and writes the checkpoint afterwards; [`InTransaction`] does both in one transaction of the store.
//!
//! To follow something takes three things: parts, whose registers [`Part::begin`] makes; a [`Worker`] for each of
//! them, which is given its engine, its policies and the [`Board`] on which it tells how far it has come; and a
//! [`Crew`] that lets them work until they are dismissed. What is parked is read and released by [`list_parked`] and
//! [`mark_parked`].

mod board;
mod caught;
mod crew;
mod direct;
mod engine;
mod error;
mod in_transaction;
mod lease;
mod parked;
mod part;
mod policy;
mod race;
mod worker;

pub(crate) use board::Board;
pub(crate) use caught::{caught, panic_text};
pub(crate) use crew::Crew;
pub(crate) use direct::Direct;
pub(crate) use engine::Engine;
pub use error::{EventPlace, FollowError};
pub(crate) use error::{check_name, check_registers};
pub(crate) use in_transaction::{InTransaction, change};
pub(crate) use lease::NO_REGISTERS;
pub use parked::Parked;
pub(crate) use parked::{ALL, Mark, list_parked, mark_parked};
pub(crate) use part::{Checkpoint, Part, PartState, decode, decode_bytes, encode, part_of};
pub use policy::{OnFailure, OnUnknown};
pub(crate) use race::{Either, race};
pub(crate) use worker::{Settings, Worker, is_told, told};
