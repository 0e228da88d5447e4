//! Mutants that read streams wrongly.

use super::{Bug, Mutant, folded};
use es_runtime::{
    Adapter, Bare, Direction, Freshness, Limit, Page, ReadError, Reader, Recorded, StreamName, Version,
};

impl Mutant {
    pub(super) async fn page_of_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
        freshness: Freshness,
    ) -> Result<Page, ReadError> {
        let stream = if self.bug == Bug::FoldsCase { &folded(stream) } else { stream };
        let from = match (self.bug, direction) {
            (Bug::ReadsFromOneBefore, Direction::Forward) => Version::new(from.get().saturating_sub(1)),
            _ => from,
        };
        let mut page = self.memory.read_stream(stream, from, direction, limit, freshness).await?;
        match self.bug {
            Bug::SkipsAnEvent => page.events.retain(|event| event.version() != Version::new(5)),
            Bug::SplitsPages if page.events.len() > limit.events.max(1) => {
                page.next = Some(page.events[limit.events.max(1)].version());
                page.events.truncate(limit.events.max(1));
            }
            Bug::ReadsNothingFromBeyond if from > self.version(stream).await => {
                page = Page { events: Vec::new(), next: None };
            }
            Bug::SaysThereIsMore if page.next.is_none() && page.events.len() >= limit.events => {
                page.next = page.events.last().map(|last| last.version().next());
            }
            Bug::ReadsALittleLate => {
                let newest = page.events.iter().max_by_key(|event| event.version()).map(Recorded::commit);
                if let Some(newest) = newest.filter(|id| self.known(|known| known.shown.insert(*id))) {
                    page.events.retain(|event| event.commit() != newest);
                }
            }
            Bug::LeavesGapsWhereItMayLag if freshness == Freshness::Any => {
                page.events.retain(|event| event.version() != Version::new(2));
            }
            _ => {}
        }
        Ok(Page { events: self.spoil(page.events), ..page })
    }

    pub(super) async fn shown(
        &self,
        stream: &StreamName,
        from: Version,
        reader: Reader<'_>,
    ) -> Result<(), ReadError> {
        let (mut next, direction) = (Some(from), Direction::Forward);
        while let Some(from) = next {
            let page = self.read_stream(stream, from, direction, Limit::default(), Freshness::Latest).await?;
            for event in &page.events {
                let is_enough = reader(&Bare::of(event)).is_break();
                if is_enough && self.bug != Bug::ReplaysMoreThanIsWanted {
                    return Ok(());
                }
            }
            next = page.next.filter(|_| self.bug != Bug::ReplaysTheFirstPageOnly);
        }
        Ok(())
    }
}
