//! What a store must hold and must not hold, by what its writers were told, and the check of that.

use crate::{Counted, Numbered, Report};
use es_runtime::{
    AppendError, Appended, Cursor, Filter, Limit, ReadError, Recorded, Store, StreamName, Timestamp, Version,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The writer whose commits prove that a store takes new ones.
const PROBE: u64 = 999;

/// How much of what was acknowledged may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// The newest commits of each report, but none that is older than one that is there.
    Newest,
}

/// What the writers of one store were told.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Acknowledged, or seen by an earlier check: the last version.
    must: BTreeMap<Numbered, u64>,
    /// An error said that it is not stored.
    must_not: BTreeSet<Numbered>,
    /// The acknowledged ones of each report since the last check, in their order.
    newest: Vec<Vec<Numbered>>,
    probes: u64,
}

/// What a check found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Checked {
    /// Commits in the store.
    pub commits: usize,
    /// Of these, acknowledged or seen before.
    pub acknowledged: usize,
    /// Acknowledged ones that are not there, where that is allowed.
    pub lost: usize,
    /// Whole days between the times of the earliest and the latest event.
    pub days: u64,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commits, acknowledged, lost, .. } = self;
        write!(f, "{commits} commits, {acknowledged} acknowledged, {lost} lost")
    }
}

impl std::ops::AddAssign for Checked {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.days = self.days.max(other.days);
    }
}

/// A commit as it is in the log.
pub(crate) struct Stored {
    stream: StreamName,
    events: Vec<Recorded<Counted>>,
}

impl Stored {
    fn last(&self) -> u64 {
        self.events.last().expect("no commit is empty").version().get()
    }
}

impl Ledger {
    /// Takes down what a writer was told. Each report is taken once.
    pub fn take(&mut self, report: &Report) {
        let (sure, unsure): (Vec<_>, Vec<_>) =
            report.failed.iter().partition(|(_, failure)| failure.is_not_stored());
        self.must_not.extend(sure.iter().map(|(number, _)| report.commit(*number)));
        // One attempt that wrote nothing says nothing about another.
        unsure.iter().for_each(|(number, _)| _ = self.must_not.remove(&report.commit(*number)));
        for (number, last) in &report.stored {
            let before = self.must.insert(report.commit(*number), *last);
            assert!(before.is_none_or(|before| before == *last), "{number} was answered in two ways");
        }
        self.newest.push(report.stored.iter().map(|(number, _)| report.commit(*number)).collect());
    }

    /// Opens the store at `url` and checks it, then that it takes new commits.
    ///
    /// # Panics
    ///
    /// When it does not hold what it must, with a sentence that says what is wrong.
    pub async fn check(&mut self, url: &str, loss: Loss) -> Checked {
        let store = Store::connect(url).await.unwrap_or_else(|error| panic!("it does not open: {error}"));
        let checked = self.check_open(&store, loss).await;
        self.expect_more(&store).await;
        checked
    }

    /// Checks a store that is open, without writing.
    ///
    /// # Panics
    ///
    /// When it does not hold what it must, with a sentence that says what is wrong.
    pub async fn check_open(&mut self, store: &Store, loss: Loss) -> Checked {
        let log = read_log(store).await.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
        let stored = commits(&log);
        expect_same_streams(store, &log).await;

        let mut checked = Checked { commits: stored.len(), days: days(&log), ..Checked::default() };
        let mut lost = BTreeSet::new();
        for commit in self.must.keys() {
            let found = store.find_commit(commit.id()).await.expect("an answer");
            assert_eq!(found.is_some(), stored.contains_key(commit), "find_commit({commit}): {found:?}");
            if found.is_none() {
                lost.insert(*commit);
            }
        }
        for (commit, last) in &self.must {
            if let Some(found) = stored.get(commit) {
                assert_eq!(found.last(), *last, "{commit} is not where it was acknowledged");
                checked.acknowledged += 1;
            }
        }
        match loss {
            Loss::Nothing => assert!(lost.is_empty(), "acknowledged and lost: {}", listed(&lost)),
            Loss::Newest => self.expect_newest(&lost),
        }
        checked.lost = lost.len();
        let wrong = self.must_not.iter().filter(|commit| !self.must.contains_key(commit));
        let wrong: BTreeSet<_> = wrong.filter(|commit| stored.contains_key(commit)).copied().collect();
        assert!(wrong.is_empty(), "an error said `not stored`, but they are: {}", listed(&wrong));

        // Who has read it may have told others.
        self.must = stored.iter().map(|(commit, stored)| (*commit, stored.last())).collect();
        self.newest.clear();
        checked
    }

    /// The commits of a writer that are known to be stored.
    pub fn stored_by(&self, writer: u64) -> impl Iterator<Item = u64> {
        self.must.keys().filter(move |commit| commit.writer == writer).map(|commit| commit.number)
    }

    /// Whatever is lost was acknowledged after everything that is not.
    fn expect_newest(&self, lost: &BTreeSet<Numbered>) {
        let new: BTreeSet<_> = self.newest.iter().flatten().copied().collect();
        let old: BTreeSet<_> = lost.difference(&new).copied().collect();
        assert!(old.is_empty(), "lost although they had been read: {}", listed(&old));
        for acknowledged in &self.newest {
            let lost_from = acknowledged.iter().position(|commit| lost.contains(commit));
            let gaps: BTreeSet<_> =
                acknowledged.iter().skip(lost_from.unwrap_or(acknowledged.len())).copied().collect();
            let kept: BTreeSet<_> = gaps.difference(lost).copied().collect();
            // Those of two batches in a row may be told in any order.
            assert!(kept.len() <= 16, "an older one was lost, but these are there: {}", listed(&kept));
        }
    }

    /// The store takes new commits, on every stream, and each of them once.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub async fn expect_more(&mut self, store: &Store) {
        for number in self.probes..self.probes + 16 {
            let probe = Numbered { writer: PROBE, number };
            let first = store.append(probe.commit(0)).await;
            let first = first.unwrap_or_else(|error| panic!("it takes no more commits: {error}")).range();
            let again = store.append(probe.commit(0)).await.expect("an answer");
            assert_eq!(again, Appended::AlreadyCommitted(first), "sent again, {probe} is another");
            self.must.insert(probe, first.last.get());
        }
        self.probes += 16;
    }

    /// Sends again what may be stored or not, and takes down the answers: each is stored once in the end.
    ///
    /// # Panics
    ///
    /// When a commit that was acknowledged is stored now, or one is refused.
    pub async fn send_again(&mut self, store: &Store, report: &Report, filler: usize) {
        let numbers: BTreeSet<u64> = report.failed.iter().map(|(number, _)| *number).collect();
        for number in numbers {
            let commit = report.commit(number);
            let appended = store.append(commit.commit(filler)).await;
            let appended = appended.unwrap_or_else(|error: AppendError| panic!("{commit}: {error}"));
            let last = appended.range().last.get();
            match self.must.insert(commit, last) {
                Some(before) => assert_eq!(before, last, "{commit} is stored twice"),
                None => assert!(!matches!(appended, Appended::AlreadyCommitted(_)), "{commit} was not seen"),
            }
        }
    }
}

fn listed(commits: &BTreeSet<Numbered>) -> String {
    let some: Vec<String> = commits.iter().take(10).map(ToString::to_string).collect();
    format!("{} in all, such as {}", commits.len(), some.join(", "))
}

pub(crate) async fn read_log(store: &Store) -> Result<Vec<Recorded>, ReadError> {
    let (mut events, mut cursor) = (Vec::new(), Cursor::start());
    loop {
        let page = store.read_all(&cursor, &Filter::all(), Limit::events(500)).await?;
        events.extend(page.events);
        if page.is_end {
            return Ok(events);
        }
        cursor = page.next;
    }
}

fn days(log: &[Recorded]) -> u64 {
    let times = || log.iter().map(|event| event.recorded_at().as_micros());
    let spread = times().max().unwrap_or_default() - times().min().unwrap_or_default();
    spread / (24 * 60 * 60 * 1_000_000)
}

/// The commits of the log: each once, whole, and with the events that its number gives it.
pub(crate) fn commits(log: &[Recorded]) -> BTreeMap<Numbered, Stored> {
    let mut commits = BTreeMap::new();
    let mut versions = BTreeMap::<StreamName, u64>::new();
    let mut times = BTreeMap::<StreamName, Timestamp>::new();
    for events in log.chunk_by(|one, next| one.commit() == next.commit()) {
        let events: Vec<Recorded<Counted>> =
            events.iter().map(|event| event.decode::<Counted>().expect("one of ours")).collect();
        let commit = Numbered::of(events[0].event());
        let stream = commit.stream();
        assert_eq!(events.len() as u64, commit.size(), "{commit} is stored in part");
        let version = versions.entry(stream.clone()).or_default();
        let time = times.entry(stream.clone()).or_insert(Timestamp::EPOCH);
        for (index, event) in (0..).zip(&events) {
            *version += 1;
            let told = event.event();
            assert_eq!((Numbered::of(told), told.index), (commit, index), "{commit} is mixed with another");
            assert_eq!((event.commit(), event.index()), (commit.id(), index), "{commit}");
            assert_eq!((event.stream(), event.version().get()), (&stream, *version), "{commit}");
            assert!(
                event.recorded_at() >= *time,
                "{commit} is older than what was stored before in `{stream}`"
            );
            *time = event.recorded_at();
            let decided = told.version.unwrap_or(*version);
            assert_eq!(decided, *version, "{commit} was decided at another version of its stream");
        }
        let before = commits.insert(commit, Stored { stream, events });
        assert!(before.is_none(), "{commit} is stored twice");
    }
    assert!(commits.values().all(|stored| versions.contains_key(&stored.stream)));
    commits
}

/// The streams, read page by page, are what the log says.
async fn expect_same_streams(store: &Store, log: &[Recorded]) {
    let mut streams = BTreeMap::<&StreamName, Vec<&Recorded>>::new();
    for event in log {
        streams.entry(event.stream()).or_default().push(event);
    }
    for (stream, logged) in streams {
        let (mut events, mut from) = (Vec::new(), Some(Version::new(1)));
        while let Some(version) = from {
            let page = store.read_stream(stream, version, Limit::events(300)).await;
            let page = page.unwrap_or_else(|error| panic!("`{stream}` cannot be read: {error}"));
            events.extend(page.events);
            from = page.next;
        }
        assert!(events.iter().eq(logged), "`{stream}` is not what the log says of it");
    }
}
