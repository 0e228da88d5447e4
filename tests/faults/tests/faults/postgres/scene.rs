//! Writers and a reader at work, while a test does something bad.

use crate::say;
use crate::writer::{Plan, Running};
use faults::{Checked, Ledger, Loss, Tail};
use std::fmt::Display;

/// Writers in processes of their own, and a reader that follows what they write.
pub(super) struct Scene {
    url: String,
    pub(super) ledger: Ledger,
    pub(super) tail: Tail,
    writers: Vec<Running>,
    next: u64,
    environment: Vec<(String, String)>,
}

impl Scene {
    /// A store at `url` that three writers write to, one of them with decisions.
    pub(super) fn begin(url: &str) -> Self {
        Self::begin_with(url, Vec::new())
    }

    /// The same, with this in the environment of the writers.
    pub(super) fn begin_with(url: &str, environment: Vec<(String, String)>) -> Self {
        let (ledger, tail) = (Ledger::default(), Tail::follow(url));
        let mut scene = Self { url: url.into(), ledger, tail, writers: Vec::new(), next: 0, environment };
        for _ in 0..3 {
            scene.add_writer();
        }
        scene.goes_on(10);
        scene
    }

    fn add_writer(&mut self) {
        // Those who decide have streams to themselves, or the others would always be faster.
        let (writer, decides) =
            if self.next % 3 == 2 { (1000 + self.next, "--decide") } else { (self.next, "") };
        let plan = Plan::new(writer, &self.url).environment(self.environment.clone());
        let plan = plan.options("--concurrency 4 --pause-ms 15 --persist --read").options(decides);
        self.writers.push(plan.start());
        self.next += 1;
    }

    /// Waits until every writer has stored so many more commits.
    pub(super) fn goes_on(&mut self, commits: usize) {
        let before: Vec<_> = self.writers.iter_mut().map(|writer| writer.report().stored.len()).collect();
        for (writer, before) in self.writers.iter_mut().zip(before) {
            writer.until(|report| report.stored.len() >= before + commits);
        }
    }

    /// Kills the oldest writer, which another takes the place of.
    pub(super) fn kill_a_writer(&mut self) {
        let ended = self.writers.remove(0).kill();
        self.ledger.take(&ended.report);
        self.add_writer();
    }

    /// Does something, and then kills all of the writers. What they had said before counts.
    pub(super) fn kill_the_writers_after(&mut self, something: impl FnOnce()) {
        let mut writers = std::mem::take(&mut self.writers);
        for writer in &mut writers {
            let said = writer.report().clone();
            self.ledger.take(&said);
        }
        something();
        writers.into_iter().for_each(|writer| _ = writer.kill());
    }

    /// Three new writers.
    pub(super) fn begin_again(&mut self) {
        (0..3).for_each(|_| self.add_writer());
        self.goes_on(10);
    }

    /// Ends it, checks everything and says so. What is at `url` counts.
    pub(super) async fn end_at(mut self, url: &str, what: impl Display) -> Checked {
        let mut failures = std::collections::BTreeMap::<String, usize>::new();
        for writer in self.writers.drain(..) {
            let report = writer.kill().report;
            for (variant, count) in report.failures() {
                *failures.entry(variant.to_owned()).or_default() += count;
            }
            self.ledger.take(&report);
        }
        let checked = self.ledger.check(url, Loss::Nothing).await;
        let seen = self.tail.finish(url).await;
        for variant in failures.keys() {
            assert!(matches!(&**variant, "Unavailable" | "Unknown" | "Conflict"), "{failures:?}");
        }
        say(format_args!("{what}: {checked}; {seen}; errors: {failures:?}"));
        checked
    }

    /// The same, at the URL that it began with.
    pub(super) async fn end(self, what: impl Display) -> Checked {
        let url = self.url.clone();
        self.end_at(&url, what).await
    }
}
