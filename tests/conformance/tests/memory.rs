//! The store in memory keeps every promise but that of outliving the process.

use es_runtime::SystemEntropy;
use es_runtime::memory::Memory;
use es_runtime::testing::conformance;

conformance!(memory, without(Durability, Transactions, TwoHandles), |setup| async move {
    Memory::with(setup.clock, SystemEntropy::default())
});
