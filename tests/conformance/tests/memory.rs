//! The store in memory keeps every promise.

use conformance::conformance;
use es_runtime::SystemEntropy;
use es_runtime::memory::Memory;
use std::sync::Arc;

conformance!(memory, |setup| async move { Memory::with(setup.clock, Arc::new(SystemEntropy::default())) });
