//! An aggregate small enough to be looked through at a glance.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part of it")]

use es_runtime::memory::Memory;
use es_runtime::prelude::*;
use es_runtime::testing::Faulty;
use es_runtime::{Retry, StoreBuilder};
use std::time::Duration;

#[event("account.opened")]
#[derive(Debug, PartialEq)]
pub struct Opened {
    pub owner: String,
}

#[event("account.deposited", alias = "account.paid_in")]
#[derive(Debug, PartialEq)]
pub struct Deposited {
    pub amount: u64,
}

#[event("account.closed")]
#[derive(Debug, PartialEq)]
pub struct Closed {}

#[derive(Aggregate, Default, Debug, Clone, PartialEq)]
#[aggregate("account", id = String, events(Opened, Deposited, Closed))]
pub struct Account {
    pub open: bool,
    pub balance: u64,
}

impl Apply<Opened> for Account {
    fn apply(&mut self, _: &Opened) {
        self.open = true;
    }
}

impl Apply<Deposited> for Account {
    fn apply(&mut self, event: &Deposited) {
        self.balance += event.amount;
    }
}

impl Apply<Closed> for Account {
    fn apply(&mut self, _: &Closed) {
        self.open = false;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the account is open already")]
    AlreadyOpen,
    #[error("the account is not open")]
    NotOpen,
}

impl Account {
    pub fn open(&self, owner: &str) -> Result<Opened, Refusal> {
        if self.open { Err(Refusal::AlreadyOpen) } else { Ok(Opened { owner: owner.into() }) }
    }

    pub fn deposit(&self, amount: u64) -> Result<Deposited, Refusal> {
        if self.open { Ok(Deposited { amount }) } else { Err(Refusal::NotOpen) }
    }

    pub fn close(&self) -> Result<Closed, Refusal> {
        if self.open { Ok(Closed {}) } else { Err(Refusal::NotOpen) }
    }
}

pub fn id(text: &str) -> String {
    text.to_owned()
}

/// A store in memory and the handle that makes it misbehave; it tries again at once.
pub fn memory() -> (Store, Faulty<Memory>) {
    memory_with(Store::builder().retry(Retry { first: Duration::ZERO, ..Retry::default() }))
}

pub fn memory_with(builder: StoreBuilder) -> (Store, Faulty<Memory>) {
    let memory = Faulty::new(Memory::new());
    (builder.adapter(memory.clone()), memory)
}

/// The names and versions of every event of a stream.
pub async fn names(store: &Store, account: &str) -> Vec<(u64, String)> {
    let history =
        store.repository::<Account>().history(&id(account), Version::new(1)).await.expect("readable");
    history.events.iter().map(|event| (event.version().get(), event.name().to_owned())).collect()
}
