//! Several processes on one file, and processes that are killed.
//!
//! A child is this very program, told by its environment what to do.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const PATH: &str = "ES_TEST_SQLITE_PATH";
const NUMBER: &str = "ES_TEST_SQLITE_NUMBER";

fn child(test: &str, path: &Path, number: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let test = format!("processes::{test}");
    command.args(["--exact", &test, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(PATH, path).env(NUMBER, number.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the parent asked for, or nothing when there is none.
fn asked() -> Option<(PathBuf, u64)> {
    let number = std::env::var(NUMBER).ok()?.parse().expect("a number");
    Some((std::env::var_os(PATH)?.into(), number))
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}").and_then(|()| out.flush()).expect("a parent that listens");
}

/// Waits until the child has said `ack` so often, and kills it. Answers every number it said.
fn acks_until_killed(mut child: Child, enough: usize) -> Vec<u64> {
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut acks = Vec::new();
    for line in out.lines().map_while(Result::ok) {
        acks.extend(line.split_once("ack ").and_then(|(_, number)| number.parse::<u64>().ok()));
        if acks.len() == enough {
            // SIGKILL: nothing in the child runs any more. What it said before is still in the pipe.
            child.kill().expect("killed");
        }
    }
    child.wait().expect("gone");
    acks
}

#[test]
#[ignore = "runs as the child of `who_is_killed_loses_nothing_that_was_acknowledged`"]
fn write_until_killed() {
    let Some((path, number)) = asked() else { return };
    let durability = if number == 0 { Durability::Fsync } else { Durability::ProcessCrash };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let store = open(&path, durability).await;
        for n in 0_u64.. {
            let batch = vec![
                commit(u128::from(n) * 2, "order/1", exactly(n * 3), 3),
                commit(u128::from(n) * 2 + 1, &format!("order/n{n}"), Expected::NoStream, 1),
            ];
            assert!(store.append_batch(batch).await.iter().all(Result::is_ok));
            say(&format!("ack {n}"));
        }
    });
}

#[tokio::test]
async fn who_is_killed_loses_nothing_that_was_acknowledged() {
    for (number, durability) in [(0, Durability::Fsync), (1, Durability::ProcessCrash)] {
        for enough in [1, 17, 60] {
            let place = Place::new();
            let child = child("write_until_killed", &place.path(), number).spawn().expect("a child");
            let acks = acks_until_killed(child, enough);
            assert!(acks.len() >= enough, "{acks:?}");
            let store = open(&place.path(), durability).await;
            let stored = whole(&store, "order/1").await;
            assert_eq!(stored.len() % 3, 0, "half a commit");
            for n in &acks {
                assert!(store.find_commit(id(u128::from(*n) * 2)).await.expect("an answer").is_some(), "{n}");
                assert_eq!(whole(&store, &format!("order/n{n}")).await.len(), 1, "{n}");
            }
            // The commit in doubt is sent again, and the next ones go on.
            let n = acks.len() as u64;
            append(&store, commit(u128::from(n) * 2, "order/1", exactly(n * 3), 3)).await.expect("stored");
            append(&store, commit(u128::from(u64::MAX), "order/1", Expected::Exists, 1))
                .await
                .expect("stored");
        }
    }
}

/// So many commits does a racer store on each of its streams.
const EACH: u64 = 60;

/// Stores `EACH` commits on a stream that all share, each deciding by what it read, and on its own.
async fn race(path: &Path, racer: u64) -> Vec<u64> {
    let store = open(path, Durability::ProcessCrash).await;
    let mut won = Vec::new();
    for n in 0..EACH {
        let number = u128::from(racer * 1_000 + n);
        loop {
            let page = page(&store, "shared/1", u64::MAX, Direction::Backward, 1).await.expect("a page");
            let version = page.events.first().map_or(0, |event| event.version().get());
            let mut shared = commit(number, "shared/1", exactly(version), 1);
            // A name nobody had before, so that ids of names are given while others write.
            let name: Arc<str> = format!("raced.{racer}.{n}").into();
            let mut event = event("raced", &format!("\"{racer}\""));
            event.name = name.into();
            shared.events = NonEmpty::new(vec![event]).expect("one");
            let own = commit(number + 500, &format!("own/{racer}-{n}"), Expected::NoStream, 2);
            let outcomes = store.append_batch(vec![shared, own]).await;
            let Ok(_) = &outcomes[1] else { panic!("{outcomes:?}") };
            match &outcomes[0] {
                Ok(Appended::Committed(range)) => {
                    won.push(range.last.get());
                    break;
                }
                Err(AppendError::Conflict { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    won
}

/// Every version was won once, and every event reads back under its own name.
async fn judge(path: &Path, racers: u64, won: &mut [u64]) {
    won.sort_unstable();
    assert!(won.iter().copied().eq(1..=racers * EACH), "{won:?}");
    let store = open(path, Durability::Fsync).await;
    let shared = whole(&store, "shared/1").await;
    assert_eq!(shared.len() as u64, racers * EACH);
    for event in &shared {
        let number = event.commit().as_uuid().as_u128();
        assert_eq!(event.name(), format!("raced.{}.{}", number / 1_000, number % 1_000));
    }
    let (all, _) = log(&store, &Filter::all(), Limit::default()).await.expect("a log");
    assert_eq!(all.len() as u64, racers * EACH * 3);
    assert!(all.is_sorted_by_key(Recorded::position));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_of_one_process_may_race() {
    let place = Place::new();
    let racers: Vec<_> = (0..3)
        .map(|racer| {
            let path = place.path();
            tokio::spawn(async move { race(&path, racer).await })
        })
        .collect();
    let mut won = Vec::new();
    for racer in racers {
        won.extend(racer.await.expect("a racer"));
    }
    judge(&place.path(), 3, &mut won).await;
}

#[test]
#[ignore = "runs as the child of `processes_may_race`"]
fn race_as_a_process() {
    let Some((path, racer)) = asked() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for version in runtime.block_on(race(&path, racer)) {
        say(&format!("ack {version}"));
    }
}

#[tokio::test]
async fn processes_may_race() {
    let place = Place::new();
    let racers: Vec<_> = (0..3)
        .map(|racer| child("race_as_a_process", &place.path(), racer).spawn().expect("a child"))
        .collect();
    let mut won: Vec<_> = racers.into_iter().flat_map(|racer| acks_until_killed(racer, usize::MAX)).collect();
    judge(&place.path(), 3, &mut won).await;
}

#[test]
#[ignore = "runs as the child of `a_process_that_closes_the_file_leaves_it_to_the_others`"]
fn append_and_close() {
    let Some((path, number)) = asked() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = open(&path, Durability::Fsync).await;
        append(&store, commit(number.into(), "order/1", Expected::Exists, 1)).await.expect("stored");
    });
}

#[tokio::test]
async fn a_process_that_closes_the_file_leaves_it_to_the_others() {
    let place = Place::new();
    let first = place.open_fast().await;
    append(&first, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let second = place.open_fast().await;
    for number in 2..5 {
        let other = child("append_and_close", &place.path(), number * 2).output().expect("a child");
        assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
        assert!(place.path().with_extension("db-wal").exists(), "the log was deleted under us");
        let store = if number % 2 == 0 { &first } else { &second };
        append(store, commit(u128::from(number) * 2 + 1, "order/1", Expected::Exists, 1))
            .await
            .expect("stored");
    }
    drop((first, second));
    assert_eq!(whole(&place.open().await, "order/1").await.len(), 7);
}

/// The size of a payload that a small file soon has no room for.
const LARGE: usize = 64 << 10;

fn large(n: u64) -> Commit {
    let mut commit = commit(n.into(), "order/1", exactly(n), 1);
    let mut large = event("order.placed", "");
    large.payload = Encoded::new(Format::Json, vec![b'1'; LARGE]);
    commit.events = NonEmpty::new(vec![large]).expect("one");
    commit
}

#[test]
#[ignore = "runs as the child of `a_write_that_fails_leaves_the_truth`"]
fn write_until_it_fails() {
    let Some((path, _)) = asked() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let store = open(&path, Durability::ProcessCrash).await;
        let mut n = 0;
        loop {
            match append(&store, large(n)).await {
                Ok(_) => {}
                Err(AppendError::Unknown { .. } | AppendError::Unavailable(_)) => {
                    // To open the file again copies the log into it, which may make room, once.
                    match append(&store, large(n)).await {
                        Ok(_) => say("it went on"),
                        Err(AppendError::Unknown { .. } | AppendError::Unavailable(_)) => break,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                Err(error) => panic!("{error:?}"),
            }
            say(&format!("ack {n}"));
            n += 1;
        }
        assert_eq!(whole(&store, "order/1").await.len() as u64, n, "what is stored can be read");
        say("it failed honestly");
    });
}

/// A limit on the size of files, which makes the log of the file end in the middle of a commit.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_write_that_fails_leaves_the_truth() {
    let place = Place::new();
    let this = child("write_until_it_fails", &place.path(), 0);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""]).arg(this.get_program());
    limited.args(this.get_args()).envs(this.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().expect("a shell");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("it failed honestly"), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let acks = said.lines().filter(|line| line.contains("ack ")).count() as u64;

    let store = place.open().await;
    let stored = whole(&store, "order/1").await.len() as u64;
    assert_eq!(stored, acks);
    append(&store, large(acks)).await.expect("stored when there is room again");
    assert_eq!(whole(&store, "order/1").await.len() as u64, acks + 1);
}
