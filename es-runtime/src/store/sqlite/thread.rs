//! The thread that writes where an async one must not wait.

use super::Shared;
use super::writer::Writer;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// For so long nothing must have been written before the log is copied into the file in peace.
const IDLE: Duration = Duration::from_millis(500);

type Job = Box<dyn FnOnce(&mut Writer) + Send>;

/// The thread, and the queue before it. Dropped, it finishes what is queued, and the file is closed.
pub(super) struct WriterThread {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread ended, which only a panic makes it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Before the work reached it: nothing was done.
    Before,
    /// Before it answered: the work was done, or not.
    Within,
}

impl WriterThread {
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let thread =
            std::thread::Builder::new().name("es-sqlite".into()).spawn(move || run(&shared, &queue))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Does `work` when all that was queued before it is done, even if nobody waits for it any more.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (answer, answered) = oneshot::channel();
        self.send(Box::new(move |writer| {
            let _ = answer.send(work(writer));
        }))?;
        answered.await.map_err(|_| Ended::Within)
    }

    /// Lets the thread look whether a checkpoint is due.
    pub(super) fn wake(&self) {
        // A thread that ended makes no checkpoints, and says so at the next append.
        let _ = self.send(Box::new(|_| ()));
    }

    fn send(&self, job: Job) -> Result<(), Ended> {
        self.jobs.as_ref().ok_or(Ended::Before)?.send(job).map_err(|_| Ended::Before)
    }
}

/// Waits, so that the file is whole and alone where it lies as soon as the store is gone.
impl Drop for WriterThread {
    fn drop(&mut self) {
        self.jobs = None;
        // Where the last handle was in a work that nobody waited for, this is the thread itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, queue: &Receiver<Job>) {
    let mut seen = shared.commits.load(Ordering::Relaxed);
    let mut is_clean = true;
    loop {
        let next = if is_clean { queue.recv().map_err(Into::into) } else { queue.recv_timeout(IDLE) };
        match next {
            Ok(job) => {
                let mut writer = shared.writer();
                job(&mut writer);
                if writer.is_checkpoint_due() {
                    writer.checkpoint();
                }
                drop(writer);
                is_clean = false;
            }
            Err(RecvTimeoutError::Timeout) => {
                let commits = shared.commits.load(Ordering::Relaxed);
                if commits == seen {
                    // Before the checkpoint: who commits after it must find that the thread has to be woken.
                    shared.is_dirty.store(false, Ordering::Release);
                    shared.writer().checkpoint();
                    is_clean = true;
                }
                seen = commits;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    shared.readers.close();
    shared.writer().close();
}
