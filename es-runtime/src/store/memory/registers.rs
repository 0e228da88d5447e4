//! Registers in memory.

use super::Memory;
use crate::error::ReadError;
use crate::register::{Register, Registers, Write};
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

impl Memory {
    fn lock_registers(&self) -> MutexGuard<'_, BTreeMap<String, Register>> {
        self.inner.registers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registers for Memory {
    async fn read_register(&self, key: &str) -> Result<Option<Register>, ReadError> {
        Ok(self.lock_registers().get(key).cloned())
    }

    async fn list_registers(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
        let registers = self.lock_registers();
        let from = registers.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        Ok(from.take(limit).map(|(key, register)| (key.clone(), register.clone())).collect())
    }

    async fn write_registers(&self, writes: Vec<Write>) -> Result<bool, ReadError> {
        let mut registers = self.lock_registers();
        let is_at = |write: &Write| {
            registers.get(&write.key).map_or(0, |register| register.revision) == write.expected
        };
        if !writes.iter().all(is_at) {
            return Ok(false);
        }
        for Write { key, expected, value } in writes {
            match value {
                Some(value) => {
                    registers.insert(key, Register { revision: expected + 1, value });
                }
                None => {
                    registers.remove(&key);
                }
            }
        }
        Ok(true)
    }
}
