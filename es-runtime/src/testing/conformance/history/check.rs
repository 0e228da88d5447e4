//! The invariants of a history.

use super::evidence::{Evidence, Sent, Stored};
use super::{Call, Exchange};
use crate::testing::conformance::compare::{Shown, same_events};
use crate::testing::conformance::{Kept, ensure, ensure_eq};
use crate::{AppendError, Appended, CommitId, Expected, Recorded, StreamName, Version};
use std::collections::{HashMap, HashSet};

impl Evidence {
    /// I1: what was acknowledged is there once, where it was said to be, and nothing is there that nobody sent.
    pub fn i1_acknowledged_commits_are_there_once(&self) -> Kept {
        let (sent, stored) = (self.sent(), self.stored_commits());
        for (id, sends) in &sent {
            for send in sends.iter().filter(|send| send.range().is_some()) {
                let found = stored.get(id).map(Stored::range);
                ensure_eq!(found, send.range(), "I1: where {} really is", send.call);
                let found = self.found[id].as_ref().map(|found| found.range);
                ensure_eq!(found, send.range(), "I1: where {} is found by its id", send.call);
            }
        }
        for (id, commit) in &stored {
            let Some(sends) = sent.get(id) else {
                ensure!(false, "I1: nobody sent {:?}, but it is stored", Shown(&commit.events[0]));
                continue;
            };
            let is_that = sends.iter().any(|send| send.commit.is_same_as(commit.events));
            ensure!(is_that, "I1: commit {id} is stored, but not as it was sent: {:?}", commit.events);
        }
        Ok(())
    }

    /// I2: what was refused is not there: not after a conflict, nor after any error that says so. What is there
    /// was let in rightly.
    pub fn i2_refused_commits_are_not_there(&self) -> Kept {
        let (sent, stored) = (self.sent(), self.stored_commits());
        for (id, commit) in &stored {
            let Some(sends) = sent.get(id) else { continue };
            let told: Vec<_> = sends.iter().map(|send| send.call.to_string()).collect();
            let candidates: Vec<_> = sends.iter().filter(|send| send.may_have_stored()).collect();
            ensure!(!candidates.is_empty(), "I2: commit {id} is stored, but the only answers were: {told:?}");
            let before = Version::new(commit.range().first.get().saturating_sub(1));
            let holds = candidates.iter().any(|send| send.commit.expected.accepts(before));
            ensure!(holds, "I2: commit {id} was let in at version {before}, in spite of {told:?}");
        }
        for send in sent.values().flatten() {
            match send.told {
                Some(Err(AppendError::Conflict { stream, expected, actual })) => {
                    let is_own = send.commit.stream == *stream && send.commit.expected == *expected;
                    let is_guard = send.commit.requires.iter().any(|(s, e)| s == stream && e == expected);
                    ensure!(
                        is_own || is_guard,
                        "I2: nobody expected what is said to have failed: {}",
                        send.call
                    );
                    ensure!(!expected.accepts(*actual), "I2: a conflict where there is none: {}", send.call);
                }
                Some(Err(AppendError::IdReused { id })) => {
                    let is_reused = sent[id].iter().any(|other| {
                        let others =
                            stored.get(id).is_some_and(|stored| other.commit.is_same_as(stored.events));
                        others && !send.commit.is_same_as(stored[id].events)
                    });
                    ensure!(is_reused, "I2: the id was not used for anything else: {}", send.call);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// I3: what nobody knows is there once or not at all, and who asks again learns which.
    pub fn i3_unknown_outcomes_are_found_out(&self) -> Kept {
        let stored = self.stored_commits();
        for (id, sends) in self.sent() {
            let is_open = sends.iter().all(|send| send.range().is_none());
            let place = stored.get(&id).map(Stored::range);
            let found = self.found[&id].as_ref().map(|found| found.range);
            ensure_eq!(
                found,
                place,
                "I3: where commit {id} is found, though its outcome was not known to all"
            );
            // After everybody has stopped, whoever sent it last has an answer, unless nobody asked again.
            let last = sends.iter().max_by_key(|send| send.call.invoked);
            let is_refused = last.is_some_and(|send| matches!(send.told, Some(Err(e)) if e.is_not_stored()));
            if is_open && is_refused {
                let told = last.map(|send| send.call.to_string());
                ensure!(place.is_none(), "I3: commit {id} is stored, but who asked again was told {told:?}");
            }
        }
        Ok(())
    }

    /// I4: versions are 1, 2, 3 and so on, and the events of a commit stand together, whole and in order.
    pub fn i4_commits_are_whole(&self) -> Kept {
        for (stream, events) in &self.streams {
            let mut seen = HashSet::new();
            for commit in events.chunk_by(|a, b| a.commit() == b.commit()) {
                let id = commit[0].commit();
                ensure!(seen.insert(id), "I4: commit {id} is in `{stream}` in two parts, or twice");
                for (index, event) in (0..).zip(commit) {
                    ensure_eq!(event.index(), index, "I4: the place in its commit of {:?}", Shown(event));
                }
            }
            for (version, event) in (1..).zip(events) {
                ensure_eq!(
                    event.version().get(),
                    version,
                    "I4: the version of event {version} of `{stream}`"
                );
                ensure_eq!(event.stream(), stream, "I4: the stream of an event in `{stream}`");
            }
        }
        for call in &self.calls {
            if let Exchange::Read(stream, events) = &call.exchange {
                let end = &self.streams[stream];
                same_events(events, &end[..events.len().min(end.len())], format_args!("I4: {call}"))?;

                let next = end.get(events.len()).map(Recorded::commit);
                let is_whole = events.last().map(Recorded::commit) != next || events.is_empty();
                ensure!(is_whole, "I4: {call} ended inside commit {next:?}");
            }
        }
        Ok(())
    }

    /// I6: the log has each stream's events in the stream's order, and all of them once.
    pub fn i6_streams_keep_their_order_in_the_log(&self) -> Kept {
        let mut in_log: HashMap<&StreamName, Vec<Recorded>> = HashMap::new();
        for event in &self.log {
            in_log.entry(event.stream()).or_default().push(event.clone());
        }
        for (stream, events) in &self.streams {
            let seen = in_log.remove(stream).unwrap_or_default();
            same_events(&seen, events, format_args!("I6: `{stream}` in the log"))?;
        }
        ensure!(in_log.is_empty(), "I6: the log has streams to which nobody wrote: {:?}", in_log.keys());
        let back = self.log.windows(2).find(|pair| pair[0].position() >= pair[1].position());
        let back = back.map(|pair| (Shown(&pair[0]), Shown(&pair[1])));
        ensure!(!self.is_ordered || back.is_none(), "I6: positions go back in the log: {back:?}");
        Ok(())
    }

    /// I8: a commit that was sent several times has one effect, and everybody is told the same of it.
    pub fn i8_repetitions_have_one_effect(&self) -> Kept {
        for (id, sends) in self.sent() {
            let committed: Vec<_> = sends.iter().filter(|send| send.is_committed()).collect();
            let calls: Vec<_> = committed.iter().map(|send| send.call.to_string()).collect();
            ensure!(committed.len() <= 1, "I8: commit {id} was stored more than once: {calls:?}");
            let ranges: HashSet<_> = sends
                .iter()
                .filter_map(Sent::range)
                .map(|range| (range.first, range.last, range.position))
                .collect();
            ensure!(ranges.len() <= 1, "I8: commit {id} was said to be at several places: {ranges:?}");
            for again in sends.iter().filter(|send| send.range().is_some() && !send.is_committed()) {
                let answered = again.call.answered.unwrap_or(u64::MAX);
                let before = |send: &Sent<'_>| send.may_have_stored() && send.call.invoked < answered;
                ensure!(sends.iter().any(before), "I8: nobody had sent it before: {}", again.call);
            }
        }
        Ok(())
    }

    /// I7: everything that was told can have happened at one moment between asking and answering: what was
    /// acknowledged is seen by everybody who asks later. Where the log has a single order, what was
    /// acknowledged before something else was sent comes before it there as well.
    pub fn i7_answers_fit_into_one_order(&self) -> Kept {
        let sent = self.sent();
        for (stream, events) in &self.streams {
            let commits: Vec<_> = events.chunk_by(|a, b| a.commit() == b.commit()).collect();
            let mut order: Vec<_> = commits.iter().map(|commit| Span::of(commit, &sent)).collect();
            for call in &self.calls {
                self.narrow(&mut order, stream, call)?;
            }
            in_order(&order)?;
        }
        if self.is_ordered {
            let commits = self.log.chunk_by(|a, b| a.commit() == b.commit());
            in_order(&commits.map(|commit| Span::of(commit, &sent)).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// What a call says about when the commits of a stream were stored.
    fn narrow<'a>(&'a self, order: &mut [Span<'a>], stream: &StreamName, call: &'a Call) -> Kept {
        match &call.exchange {
            Exchange::Read(read, events) if read == stream => {
                seen(order, call, Version::new(events.len() as u64))
            }
            Exchange::Append(commit, Some(Err(AppendError::Conflict { stream: of, actual, .. }))) => {
                if let Some(span) = order.iter_mut().find(|span| span.id == commit.id) {
                    span.not_before(call);
                }
                if of == stream { seen(order, call, *actual) } else { Ok(()) }
            }
            Exchange::Append(commit, Some(Ok(Appended::Committed(_)))) => {
                // A repetition is answered whatever it requires.
                for (guarded, expected) in commit.requires.iter().filter(|(guarded, _)| guarded == stream) {
                    guard_held(order, guarded, *expected, call)?;
                }
                Ok(())
            }
            Exchange::Find(id, found) => {
                if let Some(span) = order.iter_mut().find(|span| span.id == *id) {
                    if found.is_some() { span.not_after(call) } else { span.not_before(call) }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// When a commit can have been stored, and who says so.
struct Span<'a> {
    id: CommitId,
    last: Version,
    from: (u64, Option<&'a Call>),
    to: (u64, Option<&'a Call>),
}

impl<'a> Span<'a> {
    fn of(commit: &[Recorded], sent: &HashMap<CommitId, Vec<Sent<'a>>>) -> Self {
        let (id, last) = (commit[0].commit(), commit[commit.len() - 1].version());
        let mut span = Self { id, last, from: (0, None), to: (u64::MAX, None) };
        let sends = sent.get(&id).map(Vec::as_slice).unwrap_or_default();
        let first = sends.iter().filter(|send| send.may_have_stored()).min_by_key(|send| send.call.invoked);
        span.from = first.map_or((0, None), |send| (send.call.invoked, Some(send.call)));
        for told in sends.iter().filter(|send| send.range().is_some()) {
            span.not_after(told.call);
        }
        span
    }

    fn not_after(&mut self, call: &'a Call) {
        let tick = call.answered.unwrap_or(u64::MAX);
        if tick < self.to.0 {
            self.to = (tick, Some(call));
        }
    }

    fn not_before(&mut self, call: &'a Call) {
        if call.invoked > self.from.0 {
            self.from = (call.invoked, Some(call));
        }
    }
}

/// `call` saw the stream when it had `version` events: what is up to there was stored, and the rest was not.
fn seen<'a>(order: &mut [Span<'a>], call: &'a Call, version: Version) -> Kept {
    let before = order.iter().take_while(|span| span.last <= version).count();
    let is_end = version == Version::NONE || before > 0 && order[before - 1].last == version;
    ensure!(is_end, "I4: no commit ends at version {version}, which was seen by {call}");
    if let Some(span) = before.checked_sub(1).map(|n| &mut order[n]) {
        span.not_after(call);
    }
    if let Some(span) = order.get_mut(before) {
        span.not_before(call);
    }
    Ok(())
}

/// Whether the guarded stream was as expected at some moment of the call.
fn guard_held(order: &[Span<'_>], guarded: &StreamName, expected: Expected, call: &Call) -> Kept {
    let surely = order.iter().take_while(|span| span.to.0 < call.invoked).last();
    let from = surely.map_or(Version::NONE, |span| span.last);
    let perhaps = order.iter().filter(|span| span.from.0 < call.answered.unwrap_or(u64::MAX));
    let versions = perhaps.map(|span| span.last).filter(|last| *last > from).chain([from]);
    let holds = versions.into_iter().any(|version| expected.accepts(version));
    ensure!(holds, "I2: `{guarded}` was never as {call} required: {expected}");
    Ok(())
}

/// Whether there is a moment for each, one after the other. The earliest that is possible is the best.
fn in_order(order: &[Span<'_>]) -> Kept {
    let mut earliest: (u64, Option<&Call>) = (0, None);
    for span in order {
        if span.from.0 > earliest.0 {
            earliest = span.from;
        }
        let who = |call: Option<&Call>| call.map_or_else(String::new, ToString::to_string);
        ensure!(
            earliest.0 <= span.to.0,
            "I7: commit {} up to version {} was there by the end of {}; but it cannot have been before the \
             beginning of {}",
            span.id,
            span.last,
            who(span.to.1),
            who(earliest.1)
        );
    }
    Ok(())
}
