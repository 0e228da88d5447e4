//! Applies rules to stores.

use super::setup::{Afterwards, Setup};
use super::subject::{Kind, Subject};
use super::{Broken, Kept};
use crate::Adapter;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a rule may take before the store is taken to hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// Something that a good store may be unable to do. It has to say so in its
/// [`Capabilities`](crate::Capabilities) and to refuse it; and whoever applies the rules has to say so, so
/// that no rule is passed over in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Commits that require something of streams that they do not write.
    Guards,
    /// Commits to several streams, all or none.
    SeveralStreams,
    /// One order of the log for every reader.
    TotalOrder,
    /// Being there after the process.
    Durability,
    /// Keeping snapshots.
    Snapshots,
    /// Keeping registers.
    Registers,
    /// Taking tables of others beside its events, and SQL to write them with.
    Transactions,
    /// Being opened again while it is open: by a second process, say.
    TwoHandles,
}

type Applying = Pin<Box<dyn Future<Output = Kept>>>;

/// A promise, and how to find out whether a store keeps it.
pub struct Rule<A> {
    /// The name of its function.
    pub name: &'static str,
    pub(super) apply: Box<dyn FnOnce(Subject<A>) -> Applying>,
}

impl<A: Adapter> Rule<A> {
    /// A rule of your own, or one of [`rules`](super::rules).
    pub fn new<K: Future<Output = Kept> + 'static>(
        name: &'static str,
        rule: impl FnOnce(Subject<A>) -> K + 'static,
    ) -> Self {
        Self { name, apply: Box::new(move |store| Box::pin(rule(store))) }
    }

    /// Every rule of the suite.
    pub fn all() -> Vec<Self> {
        crate::__conformance_rules! { __conformance_list, [A] }
    }
}

/// A kind of store, to apply rules to. [`conformance!`](super::super::conformance!) makes tests of it.
pub struct Suite<A>(Arc<Kind<A>>);

impl<A: Adapter> Suite<A> {
    /// Of the stores that `open` opens, which cannot do the things in `without`.
    pub fn new<O, F>(open: O, without: &[Ability]) -> Self
    where
        O: Fn(Setup) -> F + Send + Sync + 'static,
        F: Future<Output = A> + Send + 'static,
    {
        let open = Box::new(move |setup| Box::pin(open(setup)) as _);
        Self(Arc::new(Kind { open, without: without.to_vec(), afterwards: Afterwards::default() }))
    }

    /// Applies a rule to a new store, on a runtime of its own.
    ///
    /// # Errors
    ///
    /// When the promise is not kept: the rule says so, panics, or does not come to an end.
    pub fn check(&self, rule: Rule<A>) -> Kept {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let subject = Subject::start(self.0.clone()).await;
                tokio::time::timeout(PATIENCE, (rule.apply)(subject)).await
            })
        }));
        runtime.block_on(self.0.afterwards.run());
        runtime.shutdown_background();
        match outcome {
            Ok(Ok(kept)) => kept,
            Ok(Err(_)) => Err(Broken::new(format!("it has come to no end after {} s", PATIENCE.as_secs()))),
            Err(panic) => Err(Broken::new(said(&*panic))),
        }
    }

    /// Applies a rule to a new store.
    ///
    /// # Panics
    ///
    /// When the promise is not kept: the message says which, and how.
    #[track_caller]
    pub fn run(&self, rule: Rule<A>) {
        let name = rule.name;
        if let Err(broken) = self.check(rule) {
            panic!("the store breaks the rule `{name}`: {broken}");
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked").to_owned()
}
