//! When the tailer runs, and on whose runtime.

use crate::support::*;
use es_runtime::Filter;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn it_ends_with_the_last_subscriber_and_begins_with_the_next() {
    let (store, memory) = memory();
    for round in 0..3 {
        let mut one = store.subscribe(Filter::all()).from_now().start().await.expect("starts");
        let mut other = store.subscribe(Filter::all()).from_now().start().await.expect("starts");
        assert!(next_batch(&mut one).await.is_end && next_batch(&mut other).await.is_end);
        drop(one);
        let position = commit(&store, "a/1", 2 * round, &["happened"]).await;
        assert_eq!(next(&mut other).await.position(), position);
        drop(other);

        sleep(Duration::from_millis(20)).await;
        let reads = memory.faults().calls().reads;
        commit(&store, "a/1", 2 * round + 1, &["happened"]).await;
        sleep(Duration::from_millis(50)).await;
        assert_eq!(memory.faults().calls().reads, reads, "nobody reads for nobody");
    }
}

#[test]
fn it_is_replaced_when_its_runtime_ends() {
    let (store, _) = memory();
    let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (one, other) = (runtime(), runtime());
    let begin = async || {
        let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
        catch_up(&mut subscription).await;
        subscription
    };
    let mut kept = one.block_on(begin());
    let mut survivor = other.block_on(begin());
    let waiting = other.spawn(async move { next(&mut survivor).await.position() });
    drop(one);
    other.block_on(async {
        let position = commit(&store, "a/1", 0, &["happened"]).await;
        // Not only when its patience ends.
        let waiting = timeout(Duration::from_secs(5), waiting).await.expect("at once");
        assert_eq!(waiting.expect("no panic"), position);
        // A subscription may move from one runtime to another.
        assert_eq!(next(&mut kept).await.position(), position);
    });
}

/// A runtime of one thread stands still when that thread does something else.
#[test]
fn it_is_replaced_when_its_runtime_stands_still() {
    let (store, _) = memory();
    let still = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begin = async || {
        let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
        catch_up(&mut subscription).await;
        assert!(is_idle(&mut subscription).await);
        subscription
    };
    let _held = still.block_on(begin());
    // Time that passes as soon as all wait for it.
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    paused.block_on(async {
        let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
        catch_up(&mut subscription).await;
        let position = commit(&store, "a/1", 0, &["happened"]).await;
        let event = timeout(Duration::from_secs(60), subscription.next()).await;
        assert_eq!(event.expect("it does not wait for ever").expect("readable").position(), position);
        // And from now on it is at once again.
        let position = commit(&store, "a/1", 1, &["happened"]).await;
        let event = timeout(Duration::from_millis(100), subscription.next()).await;
        assert_eq!(event.expect("at once").expect("readable").position(), position);
    });
}

/// A hint that there is something new may be missed.
#[tokio::test(start_paused = true)]
async fn it_looks_by_itself_now_and_then() {
    let (store, memory) = memory();
    let mut subscription = store.subscribe(Filter::all()).start().await.expect("starts");
    assert!(next_batch(&mut subscription).await.is_end);
    assert!(is_idle(&mut subscription).await);
    memory.faults().lag(1);
    let position = commit(&store, "a/1", 0, &["happened"]).await;
    let event = timeout(Duration::from_secs(2), subscription.next()).await;
    assert_eq!(event.expect("within two seconds").expect("readable").position(), position);
}
