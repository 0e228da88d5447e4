//! Reading: a stream as it is, and the log behind a fence.

use super::state::Row;
use super::{Flaw, Session};
use es_runtime::{Cursor, Direction, Filter, Limit, LogPage, Page, Position, Recorded, StreamName, Version};
use tokio::task::yield_now;

impl Session {
    pub(super) fn page_of_stream(
        &self,
        stream: &StreamName,
        from: Version,
        direction: Direction,
        limit: Limit,
    ) -> Page {
        let mut events: Vec<Recorded> = self.database.look(self.sight(), |rows| {
            let of_stream = rows.iter().filter(|row| row.stream == *stream);
            of_stream.flat_map(|row| row.events.iter().cloned()).collect()
        });
        events.sort_by_key(Recorded::version);
        match direction {
            Direction::Forward => events.retain(|event| event.version() >= from),
            Direction::Backward => {
                events.retain(|event| event.version() <= from);
                events.reverse();
            }
        }
        let end = cut(&events, limit);
        let next = events.get(end).map(Recorded::version);
        events.truncate(end);
        Page { events, next }
    }

    /// What may be read: up to which position, and how many commits of those that there are.
    async fn fence(&self) -> (u64, usize) {
        match self.flaw {
            Flaw::ReadsWithoutAFence => (u64::MAX, self.sight().commits),
            Flaw::LooksBeforeTheFence => {
                let seen = self.sight().commits;
                for _ in 0..8 {
                    yield_now().await;
                }
                let state = self.database.state();
                let lowest = state.writing.values().min().map_or(u64::MAX, |position| position - 1);
                (lowest.min(state.last_position), seen)
            }
            _ => {
                let (last, holders) = {
                    let state = self.database.state();
                    (state.last_position, state.writing.keys().copied().collect::<Vec<_>>())
                };
                while holders.iter().any(|holder| self.database.state().writing.contains_key(holder)) {
                    yield_now().await;
                }
                (last, self.sight().commits)
            }
        }
    }

    pub(super) async fn page_of_log(&self, after: &Cursor, filter: &Filter, limit: Limit) -> LogPage {
        let (up_to, commits) = self.fence().await;
        let sight = super::state::Sight { commits, ..self.sight() };
        let mut rows: Vec<Row> = self.database.look(sight, |rows| {
            let new = |row: &&Row| row.position <= up_to && !after.covers(row.range().position);
            rows.iter().filter(new).cloned().collect()
        });
        rows.sort_by_key(|row| row.position);
        let end = rows.last().map(|row| row.range().position);
        let mut events: Vec<Recorded> = rows.into_iter().flat_map(|row| row.events).collect();
        events.retain(|event| {
            !after.covers(event.position()) && filter.matches(event.stream().category(), event.name())
        });
        let count = cut(&events, limit);
        let is_end = count == events.len();
        events.truncate(count);
        let last = events.last().map(|last| Position::new(last.position().commit(), u64::MAX));
        let reached = if is_end { end } else { last };
        LogPage { events, next: reached.map_or_else(|| after.clone(), Cursor::at), is_end }
    }
}

/// How many events fill a page: whole commits, and one at least.
fn cut(events: &[Recorded], limit: Limit) -> usize {
    let (mut count, mut bytes) = (0, 0);
    for commit in events.chunk_by(|a, b| a.commit() == b.commit()) {
        if count > 0 && limit.is_reached(count, bytes) {
            break;
        }
        count += commit.len();
        bytes += commit.iter().map(|event| event.event().bytes().len()).sum::<usize>();
    }
    count
}
