//! A projection that is kept up to date by this program.

use super::Projection;
use super::builds::{self, BuildState};
use super::delivers::Delivers;
use super::projector::{Projector, check_version};
use super::read_model::ReadModel;
use crate::following::{Board, Crew, FollowError, OnUnknown, Part, Settings, Worker, is_told, race, told};
use crate::id::fresh;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A projection that this program keeps up to date, and its [`ReadModel`]. When it is dropped, what is underway is
/// finished, and then it stops.
pub struct Running<P: Projection> {
    model: ReadModel<P>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<P: Projection> Running<P> {
    pub(super) const fn new(model: ReadModel<P>, stop: watch::Sender<bool>, task: JoinHandle<()>) -> Self {
        Self { model, stop, task }
    }

    pub(super) fn board(&self) -> &Board {
        self.model.board()
    }

    /// The read model, to be handed to those who ask it.
    pub const fn read_model(&self) -> &ReadModel<P> {
        &self.model
    }

    /// Stops when what is underway is finished, and gives the parts back, so that others go on at once.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // It ends early only where the runtime shuts down.
        let _ = self.task.await;
    }
}

impl<P: Projection> Deref for Running<P> {
    type Target = ReadModel<P>;

    fn deref(&self) -> &ReadModel<P> {
        &self.model
    }
}

impl<P: Projection> fmt::Debug for Running<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("projection", &P::NAME).finish_non_exhaustive()
    }
}

/// Sees to it that every part of the builds of this program's version has a worker, and that a build takes its place
/// when it has caught up.
pub(super) struct Supervisor<P> {
    projector: Projector<P>,
    board: Board,
    crew: Crew,
    name: Arc<str>,
}

/// How long a transaction may go on to the next event while a projection is built anew: few of them end on the disk.
const REBUILD_BUDGET: Duration = Duration::from_millis(250);

/// How long to wait between two looks at a build that is being built.
const BUILDING: Duration = Duration::from_millis(50);
/// And at one that has caught up, and only waits for its turn.
const CAUGHT_UP: Duration = Duration::from_millis(3);

impl<P: Projection> Supervisor<P>
where
    P::Delivery: Delivers<P>,
{
    pub(super) fn new(projector: Projector<P>, board: Board) -> Self {
        let store = &projector.store;
        let name = fresh(store.now(), store.entropy()).to_string().into();
        Self { crew: Crew::new(board.clone()), projector, board, name }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) {
        let longest = (self.projector.settings.lease / 3).min(Duration::from_secs(1));
        while !is_told(&stop) {
            let mut nudges = self.board.nudges();
            let mut reports = self.board.changes();
            let wait = match self.look().await {
                Ok(Some(build)) => {
                    // It takes the other's place as soon as it has caught up, and that is known here first.
                    let board = self.board.clone();
                    let caught_up = async {
                        while !board.is_live(build) && reports.changed().await.is_ok() {}
                        sleep(CAUGHT_UP).await;
                    };
                    let wait = race(caught_up, sleep(BUILDING.min(longest)));
                    race(told(stop.clone()), race(nudges.changed(), wait)).await;
                    continue;
                }
                Ok(None) => longest,
                Err(error @ FollowError::NewerBuild { .. }) => {
                    tracing::error!(%error, "stopped following");
                    self.board.fail(error);
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot look at the builds of a projection");
                    longest
                }
            };
            race(told(stop.clone()), race(nudges.changed(), sleep(wait))).await;
        }
        self.crew.dismiss(|_| true).await;
    }

    /// Looks at the builds, and answers which one is being built.
    async fn look(&mut self) -> Result<Option<u32>, FollowError> {
        let store = self.projector.store.clone();
        let (_, builds) = builds::read(&store, P::NAME).await?;
        check_version::<P>(&builds)?;
        if let Some(active) = builds.active() {
            self.board.set_active(active.number);
        }
        let mut wanted: Vec<(Part, BuildState)> = Vec::new();
        for build in builds.of_version(P::VERSION) {
            wanted.extend(build.parts(P::NAME).into_iter().map(|part| (part, build.state)));
        }
        let is_done = |part: &Part| !wanted.iter().any(|(other, _)| other == part);
        self.crew.dismiss(is_done).await;
        self.board.forget(is_done);
        for (part, state) in &wanted {
            if !self.crew.has(part) {
                self.crew.add(self.worker(*part, *state));
            }
        }
        let building = wanted.iter().find(|(_, state)| *state == BuildState::Building);
        let building = building.map(|(part, _)| part.build);
        if let Some(number) = building {
            let patience = self.projector.settings.lease / 2;
            if builds::switch(&store, P::NAME, P::VERSION, &self.name, patience).await? {
                tracing::info!(projection = P::NAME, "a new build took the place of the old one");
                self.board.set_active(number);
                self.board.nudge();
            }
        }
        Ok(building)
    }

    fn worker(&self, part: Part, state: BuildState) -> Worker<P, <P::Delivery as Delivers<P>>::Engine> {
        let Projector { store, projection, settings, .. } = &self.projector;
        let settings = match state {
            BuildState::Building => {
                let budget = REBUILD_BUDGET.max(settings.budget);
                Settings { budget, on_unknown: OnUnknown::Stop, ..settings.clone() }
            }
            _ => settings.clone(),
        };
        Worker {
            store: store.clone(),
            follower: Arc::clone(projection),
            engine: Arc::new(<P::Delivery as Delivers<P>>::engine(store, part.build)),
            part,
            settings,
            board: self.board.clone(),
            name: Arc::clone(&self.name),
        }
    }
}
