//! How far an import has come with an order.

use super::{Import, Line};
use es_runtime::prelude::*;
use order::{OrderId, Refusal};
use std::collections::VecDeque;
use uuid::Uuid;

/// What an order's history tells of an import.
#[derive(Default)]
pub(super) struct Progress {
    /// Up to where the history was read.
    version: Version,
    /// The last line that left an event; 0 if none did.
    last: u64,
    /// The lines that left events, as far as the file has not come to them in this run.
    ahead: VecDeque<(u64, Uuid)>,
}

/// What came of a line.
pub(super) enum Done {
    Accepted(Outcome),
    Refused(Refusal),
    /// In an earlier run.
    Before,
    /// In an earlier run, when it was another line.
    Changed,
}

impl Progress {
    pub(super) const fn version(&self) -> Version {
        self.version
    }

    /// Reads what has happened to the order since.
    pub(super) async fn catch_up(&mut self, import: &Import, order: &OrderId) -> Result<(), StoreError> {
        let mut next = Some(self.version.next());
        while let Some(from) = next {
            let page = import.orders.history(order, from).await?;
            for event in &page.events {
                self.version = event.version();
                if let Some((line, fingerprint)) = import.line_noted_in(event.metadata())
                    && line > self.last
                {
                    self.last = line;
                    self.ahead.push_back((line, fingerprint));
                }
            }
            next = page.next;
        }
        Ok(())
    }

    /// What an earlier run made of a line, or nothing if it is left to do. The lines of an order must come in
    /// the order of the file.
    pub(super) fn find(&mut self, line: &Line) -> Option<Done> {
        if line.number > self.last {
            return None;
        }
        while self.ahead.pop_front_if(|(number, _)| *number < line.number).is_some() {}
        match self.ahead.front() {
            Some((number, stored)) if *number == line.number && *stored != line.fingerprint => {
                Some(Done::Changed)
            }
            _ => Some(Done::Before),
        }
    }

    /// Takes note that this run carried `line` out.
    pub(super) fn advance(&mut self, line: &Line, version: Version) {
        self.last = line.number;
        self.version = version;
    }
}
