//! Mutants that read the log wrongly.

use super::{Bug, Mutant, WIDE};
use es_runtime::{Adapter, Cursor, Envelope, Filter, Limit, LogPage, Position, ReadError, Recorded};
use std::sync::Arc;

impl Mutant {
    pub(super) async fn page_of_log(
        &self,
        after: &Cursor,
        filter: &Filter,
        limit: Limit,
    ) -> Result<LogPage, ReadError> {
        let mut page = match self.bug {
            Bug::FiltersAfterCounting => {
                let mut page = self.memory.read_all(after, &Filter::all(), limit).await?;
                page.events.retain(|event| filter.matches(event.stream().category(), event.name()));
                page.is_end |= page.events.is_empty();
                page
            }
            Bug::FiltersByPrefix => {
                let mut page = self.memory.read_all(after, &Filter::all(), WIDE).await?;
                let fits = |list: &[Arc<str>], text: &str| {
                    list.is_empty() || list.iter().any(|item| text.starts_with(&**item))
                };
                page.events.retain(|event| {
                    fits(&filter.categories, event.stream().category()) && fits(&filter.events, event.name())
                });
                page
            }
            Bug::RepeatsTheLastCommit => {
                let back = after.position().map(|at| Position::new(at.commit() - 1, u64::MAX));
                self.memory.read_all(&back.map_or_else(Cursor::start, Cursor::at), filter, limit).await?
            }
            _ => self.memory.read_all(after, filter, limit).await?,
        };
        page.events.retain(|event| !self.known(|known| known.hidden.contains(&event.commit())));
        if self.bug == Bug::SplitsPages && page.events.len() > limit.events.max(1) {
            page.events.truncate(limit.events.max(1));
            page.next = page.events.last().map_or_else(Cursor::start, |last| Cursor::at(last.position()));
            page.is_end = false;
        }
        if self.bug == Bug::CoversTheEnd && !page.is_end {
            page.next = self.memory.read_all(after, &Filter::all(), WIDE).await?.next;
        }
        if self.bug == Bug::CoversTheFuture
            && page.is_end
            && let Some(at) = page.next.position()
        {
            page.next = Cursor::at(Position::new(at.commit() + 1, u64::MAX));
        }
        Ok(LogPage { events: self.spoil(page.events), ..page })
    }

    pub(super) async fn end_of_log(&self) -> Result<Cursor, ReadError> {
        let head = self.memory.head().await?;
        Ok(match (self.bug, head.position()) {
            (Bug::SaysTheStartIsTheHead, _) => Cursor::start(),
            (Bug::SaysTheHeadIsFurther, at) => {
                Cursor::at(Position::new(at.map_or(0, |at| at.commit()) + 1, u64::MAX))
            }
            (Bug::SaysWhereTheHeadWas, _) => self.known(|known| {
                known.heads.push(head);
                known.heads[known.heads.len().saturating_sub(2)].clone()
            }),
            _ => head,
        })
    }

    pub(super) fn spoil(&self, events: Vec<Recorded>) -> Vec<Recorded> {
        if self.bug != Bug::GoesBackInTime {
            return events;
        }
        let at = |event: &Recorded| self.known(|known| known.times[&event.commit()]);
        let spoilt = |event: Recorded| {
            let envelope = Envelope {
                commit: event.commit(),
                index: event.index(),
                stream: event.stream().clone(),
                version: event.version(),
                position: event.position(),
                recorded_at: at(&event),
                occurred_at: event.occurred_at(),
                name: Arc::<str>::from(event.name()).into(),
                schema_version: event.schema_version(),
                metadata: Arc::new(event.metadata().clone()),
            };
            Recorded::from_store(envelope, event.event().clone())
        };
        events.into_iter().map(spoilt).collect()
    }
}
