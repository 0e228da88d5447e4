//! The workers of this program, each a task of its own.

use super::board::Board;
use super::engine::Engine;
use super::error::FollowError;
use super::part::Part;
use super::worker::Worker;
use crate::follow::Follower;
use std::collections::BTreeMap;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

/// Workers by their parts. When it is dropped, they are told to stop.
pub(crate) struct Crew {
    board: Board,
    members: BTreeMap<Part, Member>,
}

struct Member {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Crew {
    pub(crate) const fn new(board: Board) -> Self {
        Self { board, members: BTreeMap::new() }
    }

    pub(crate) fn has(&self, part: &Part) -> bool {
        self.members.contains_key(part)
    }

    /// Sets a worker to work on its part.
    pub(crate) fn add<F: Follower, E: Engine<F>>(&mut self, worker: Worker<F, E>) {
        let (part, board) = (worker.part(), self.board.clone());
        let (stop, stopped) = watch::channel(false);
        let span = tracing::debug_span!(
            "es.follow",
            follower = part.follower,
            build = part.build,
            part = part.number
        );
        let work = async move {
            // A task of its own for the loop, so that its panic is reported like an error.
            let outcome = tokio::spawn(worker.run(stopped).in_current_span()).await;
            let error = match outcome {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(error) => Some(FollowError::Panicked(error.to_string())),
            };
            if let Some(error) = &error {
                tracing::error!(%error, "stopped following");
            }
            board.report(part, |report| (report.is_ours, report.error) = (false, error));
        };
        self.members.insert(part, Member { stop, task: tokio::spawn(work.instrument(span)) });
    }

    /// Stops those workers of which `is_done` holds, when they have finished what they are at.
    pub(crate) async fn dismiss(&mut self, is_done: impl Fn(&Part) -> bool) {
        let done: Vec<Part> = self.members.keys().filter(|part| is_done(part)).copied().collect();
        let done: Vec<Member> = done.iter().filter_map(|part| self.members.remove(part)).collect();
        for member in &done {
            member.stop.send_replace(true);
        }
        for member in done {
            // Its own panics are reported; this one has none.
            let _ = member.task.await;
        }
    }
}
