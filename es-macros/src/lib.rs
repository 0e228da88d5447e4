//! The macros of `es-runtime`.
