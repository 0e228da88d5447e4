//! A worker: carries out the lines of its orders, one after the other.

use super::progress::{Done, Progress};
use super::{Import, Job, Summary};
use crate::failure::Failure;
use es_runtime::prelude::*;
use order::OrderId;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) struct Worker {
    import: Arc<Import>,
    orders: HashMap<OrderId, Progress>,
    summary: Summary,
}

impl Worker {
    pub(super) fn new(import: Arc<Import>) -> Self {
        Self { import, orders: HashMap::new(), summary: Summary::default() }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) -> Result<Summary, Failure> {
        while let Some(job) = jobs.recv().await {
            let line = job.line.number;
            let done = self.carry_out(&job).await.map_err(|source| Failure::Import { line, source })?;
            if matches!(done, Done::Changed) {
                self.import.complain(format_args!("line {line} has changed since it was carried out"));
            }
            self.summary.count(done);
            self.import.bar.inc(job.line.size);
        }
        self.summary.orders = self.orders.len() as u64;
        Ok(self.summary)
    }

    async fn carry_out(&mut self, job: &Job) -> Result<Done, StoreError> {
        let Job { line, at, order, command, .. } = job;
        let import = &*self.import;
        if !self.orders.contains_key(order) {
            let mut progress = Progress::default();
            progress.catch_up(import, order).await?;
            self.orders.insert(order.clone(), progress);
        }
        let Some(progress) = self.orders.get_mut(order) else { unreachable!("it was just inserted") };
        loop {
            if let Some(done) = progress.find(line) {
                return Ok(done);
            }
            let attempt = import
                .orders
                .command(order)
                .commit_id(import.commit_id(line))
                .expect_version(progress.version())
                .metadata(import.note(line))
                .occurred_at(*at)
                .execute(|order| order.handle(command))
                .await;
            match attempt {
                // The same import runs in another process, and was faster.
                Ok(outcome) if outcome.is_repeated() => {
                    progress.catch_up(import, order).await?;
                    return Ok(progress.find(line).unwrap_or(Done::Before));
                }
                Ok(outcome) => {
                    progress.advance(line, outcome.version());
                    return Ok(Done::Accepted(outcome));
                }
                Err(CommandError::Refused(refusal)) => return Ok(Done::Refused(refusal)),
                Err(CommandError::Store(StoreError::Append(AppendError::Conflict { .. }))) => {
                    self.summary.conflicts_retried += 1;
                    progress.catch_up(import, order).await?;
                }
                // It was carried out when it spoke of another order.
                Err(CommandError::Store(StoreError::Append(AppendError::IdReused { .. }))) => {
                    return Ok(Done::Changed);
                }
                Err(CommandError::Store(error)) => return Err(error),
            }
        }
    }
}

impl Summary {
    fn count(&mut self, done: Done) {
        match done {
            Done::Accepted(outcome) => {
                self.accepted += 1;
                for event in outcome.events() {
                    *self.events.entry(event.name.to_string()).or_default() += 1;
                }
            }
            Done::Refused(refusal) => *self.refused.entry(refusal).or_default() += 1,
            Done::Before => self.done_before += 1,
            Done::Changed => self.changed_lines += 1,
        }
    }
}
