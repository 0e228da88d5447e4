//! What is measured while a program works.

use es_runtime::prelude::*;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use std::convert::Infallible;

#[event("order.paid")]
struct OrderPaid {}

#[derive(Aggregate, Default)]
#[aggregate("order", id = u32, events(OrderPaid))]
struct Order {}

impl Apply<OrderPaid> for Order {
    fn apply(&mut self, _: &OrderPaid) {}
}

fn measured(program: impl Future<Output = ()>) -> Snapshotter {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    metrics::with_local_recorder(&recorder, || runtime.block_on(program));
    snapshotter
}

fn value(snapshotter: &Snapshotter, name: &str) -> Option<DebugValue> {
    let all = snapshotter.snapshot().into_vec();
    all.into_iter().find(|(key, ..)| key.key().name() == name).map(|(.., value)| value)
}

#[test]
fn commits_and_their_batches_are_counted() {
    let snapshotter = measured(async {
        let orders = Store::connect("memory:").await.expect("a store").repository::<Order>();
        for id in [1, 1, 2] {
            orders.execute(&id, |_| Ok::<_, Infallible>(OrderPaid {})).await.expect("a commit");
        }
    });
    let all = snapshotter.snapshot().into_hashmap();
    let of =
        |name: &str| all.iter().find(|(key, _)| key.key().name() == name).map(|(_, (_, _, value))| value);
    assert_eq!(of("es.commits"), Some(&DebugValue::Counter(3)));
    let Some(DebugValue::Histogram(batches)) = of("es.batch_commits") else { panic!("{all:?}") };
    assert_eq!(batches.iter().map(|size| size.into_inner()).sum::<f64>(), 3.0);
    let Some(DebugValue::Histogram(seconds)) = of("es.append_seconds") else { panic!("{all:?}") };
    assert_eq!(seconds.len(), batches.len());
    let Some(DebugValue::Histogram(replayed)) = of("es.replayed_events") else { panic!("{all:?}") };
    let mut replayed: Vec<_> = replayed.iter().map(|events| events.into_inner() as u64).collect();
    replayed.sort_unstable();
    assert_eq!(replayed, [0, 0, 1]);
}

#[test]
fn a_repeated_command_is_counted_as_one() {
    let snapshotter = measured(async {
        let orders = Store::connect("memory:").await.expect("a store").repository::<Order>();
        for _ in 0..2 {
            let command = orders.command(&1).commit_id(CommitId::derive(&CommitId::ROOT, "pay"));
            command.execute(|_| Ok::<_, Infallible>(OrderPaid {})).await.expect("an outcome");
        }
    });
    assert_eq!(value(&snapshotter, "es.repeats"), Some(DebugValue::Counter(1)));
}
