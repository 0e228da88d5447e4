//! Mutants that keep registers wrongly.

use super::{Bug, Mutant};
use es_runtime::{ReadError, Register, Registers, Write};

impl Mutant {
    fn key(&self, key: &str) -> String {
        if self.bug == Bug::FoldsTheCaseOfRegisters { key.to_lowercase() } else { key.to_owned() }
    }

    async fn is_at(&self, write: &Write) -> Result<bool, ReadError> {
        let found = self.memory.read_register(&write.key).await?;
        Ok(found.map_or(0, |found| found.revision) == write.expected)
    }
}

impl Registers for Mutant {
    async fn read_register(&self, key: &str) -> Result<Option<Register>, ReadError> {
        let found = self.memory.read_register(&self.key(key)).await?;
        if self.bug != Bug::ReadsRegistersLate {
            return Ok(found);
        }
        let before = self.known(|known| known.registers.insert(key.to_owned(), found.clone()));
        Ok(before.unwrap_or(found))
    }

    async fn list_registers(&self, prefix: &str, limit: usize) -> Result<Vec<(String, Register)>, ReadError> {
        if self.bug != Bug::ListsRegistersByPattern {
            return self.memory.list_registers(&self.key(prefix), limit).await;
        }
        let all = self.memory.list_registers("", usize::MAX).await?;
        let is_like = |key: &str| {
            let mut letters = key.chars();
            prefix.chars().all(|wanted| letters.next().is_some_and(|found| found == wanted || wanted == '_'))
        };
        Ok(all.into_iter().filter(|(key, _)| is_like(key)).take(limit).collect())
    }

    async fn write_registers(&self, writes: Vec<Write>) -> Result<bool, ReadError> {
        let writes: Vec<_> =
            writes.into_iter().map(|write| Write { key: self.key(&write.key), ..write }).collect();
        match self.bug {
            Bug::WritesRegistersOneByOne => {
                for write in writes {
                    if !self.memory.write_registers(vec![write]).await? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Bug::ChecksRegistersThenWrites => {
                for write in &writes {
                    if !self.is_at(write).await? {
                        return Ok(false);
                    }
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                for mut write in writes {
                    let found = self.memory.read_register(&write.key).await?;
                    write.expected = found.map_or(0, |found| found.revision);
                    self.memory.write_registers(vec![write]).await?;
                }
                Ok(true)
            }
            _ => self.memory.write_registers(writes).await,
        }
    }
}
