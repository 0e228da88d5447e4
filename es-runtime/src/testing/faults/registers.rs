//! Registers and transactions that fail when they are told to.

use super::Faulty;
use super::script::Call;
use crate::adapter::Adapter;
use crate::error::ReadError;
use crate::register::{Register, Registers, Write};
use crate::sql::{SqlError, Transactions, Work};

const NO_REGISTERS: ReadError = ReadError::Unsupported("registers");

/// Those of the store behind; it fails where that keeps none.
impl<A: Adapter> Registers for Faulty<A> {
    async fn read_register(&self, key: &str) -> Result<Option<Register>, ReadError> {
        self.faults.arrive(Call::Register).await;
        self.outcome(Call::Register)?;
        self.adapter.registers().ok_or(NO_REGISTERS)?.read_register(key).await
    }

    async fn list_registers(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
        self.faults.arrive(Call::Register).await;
        self.outcome(Call::Register)?;
        self.adapter.registers().ok_or(NO_REGISTERS)?.list_registers(prefix, limit).await
    }

    /// The answer may be lost as well, after the changes were made.
    async fn write_registers(&self, writes: Vec<Write>) -> Result<bool, ReadError> {
        self.faults.arrive(Call::Register).await;
        self.outcome(Call::Register)?;
        let is_made = self.adapter.registers().ok_or(NO_REGISTERS)?.write_registers(writes).await?;
        self.outcome(Call::Register)?;
        Ok(is_made)
    }
}

/// Those of the store behind; it fails where that has none.
impl<A: Adapter> Transactions for Faulty<A> {
    /// The answer may be lost as well, after the transaction was committed.
    async fn write(&self, work: Work) -> Result<bool, SqlError> {
        self.faults.arrive(Call::Register).await;
        self.sql_outcome()?;
        let transactions = self.adapter.transactions().ok_or(SqlError::Unsupported)?;
        let is_committed = transactions.write(work).await?;
        match self.faults.fails(Call::Register) {
            true => Err(SqlError::Unknown(self.faults.cause("the answer was lost"))),
            false => Ok(is_committed),
        }
    }

    async fn read(&self, work: Work) -> Result<(), SqlError> {
        self.faults.arrive(Call::Register).await;
        self.sql_outcome()?;
        self.adapter.transactions().ok_or(SqlError::Unsupported)?.read(work).await
    }
}

impl<A: Adapter> Faulty<A> {
    fn sql_outcome(&self) -> Result<(), SqlError> {
        let fails = self.faults.fails(Call::Register);
        if fails { Err(SqlError::Unavailable(self.faults.cause("it failed"))) } else { Ok(()) }
    }
}
