//! The promises of [`Adapter`](es_runtime::Adapter), kept by the stores of es-runtime and broken by wrong ones.
//!
//! The rules are in [`es_runtime::testing::conformance`]; the tests are in the folder beside this one.
