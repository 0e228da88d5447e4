//! What tests of aggregates and of adapters are written with.
