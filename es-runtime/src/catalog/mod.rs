//! The catalog: what a program stores and who takes it, as documents. Behind the feature `schema`.
//!
//! It is made of what is linked, of doc comments and of `events.lock`, so it is made without running the application
//! and without a store. The same program makes the same documents, byte for byte; they are made to be committed, and
//! a test tells when they are not what the program is.
//!
//! | file | |
//! | --- | --- |
//! | `catalog.md` | aggregates, commands, events with their versions and examples, consumers, retired names |
//! | `events.schema.json` | JSON Schema, draft 2020-12: each version of each event under `$defs`, as `order.paid.v1` |
//! | `asyncapi.json` | AsyncAPI 3.0: a channel an aggregate, an operation for whoever raises or takes events |
//! | `flow.mmd` | a Mermaid flowchart from commands to aggregates, events and consumers |
//!
//! An event that a consumer names in `ignore(...)` is none that it takes.
//!
//! ```no_run
//! use es_runtime::catalog::Catalog;
//!
//! # const LOCK: &str = "";
//! # fn main() -> Result<(), es_runtime::catalog::CatalogError> {
//! // const LOCK: &str = include_str!("../events.lock");
//! let catalog = Catalog::with_lock("The shop", LOCK)?;
//! catalog.write("docs")?;
//! // In a test, and on a build server:
//! catalog.check("docs", "cargo run -- docs")?;
//! # Ok(())
//! # }
//! ```
//!
//! Schemas say what a version's type takes as JSON. Where a type takes only some values, such as dates, or describes
//! itself (`tag`, `untagged`, `flatten`), a schema says less than the type, and the examples tell.

mod asyncapi;
mod files;
mod flow;
mod json;
mod markdown;
mod model;
mod prose;
mod schema;

pub use self::files::CatalogError;

use self::json::Document;
use self::model::Model;

/// What a program stores and who takes it.
///
/// ```standalone_crate
/// use es_runtime::catalog::Catalog;
/// # use es_runtime::prelude::*;
///
/// /// The customer paid.
/// #[event("order.paid")]
/// pub struct OrderPaid {
///     pub amount_cents: u64,
/// }
///
/// # fn main() -> Result<(), es_runtime::catalog::CatalogError> {
/// let files = Catalog::of_program("The shop")?.render();
/// let (name, text) = &files[0];
/// assert_eq!(name, "asyncapi.json");
/// assert!(text.contains("The customer paid."));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Catalog(Model);

impl Catalog {
    /// The catalog of everything that is linked into this program. Its examples are values that were found by
    /// looking at the types; those of a [lock](Self::with_lock) stay the same for as long as they are read.
    ///
    /// # Errors
    ///
    /// [`DuplicateName`](CatalogError::DuplicateName), and [`Unseen`](CatalogError::Unseen) where a type takes only
    /// values that cannot be guessed.
    pub fn of_program(title: &str) -> Result<Self, CatalogError> {
        Self::with_lock(title, "")
    }

    /// The same with the text of `events.lock`: its golden payloads are the examples, its retired names are listed,
    /// and what it was given samples for needs no others.
    ///
    /// # Errors
    ///
    /// As [`of_program`](Self::of_program), and [`Lock`](CatalogError::Lock) when the text is not a lock.
    pub fn with_lock(title: &str, lock: &str) -> Result<Self, CatalogError> {
        Model::linked(title, lock).map(Self)
    }

    /// The version of the program, which AsyncAPI asks for. 1 unless set.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.0.version = version.into();
        self
    }

    /// Every document with the name of its file, in the order of the names. Each ends with a line break.
    pub fn render(&self) -> Vec<(String, String)> {
        let files = [
            ("asyncapi.json", Document::sorted(asyncapi::document(&self.0)).to_string()),
            ("catalog.md", markdown::page(&self.0)),
            ("events.schema.json", Document::sorted(schema::document(&self.0)).to_string()),
            ("flow.mmd", flow::chart(&self.0)),
        ];
        files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
    }
}
