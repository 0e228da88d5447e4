//! A server whose disk loses power.

use super::scene::Scene;
use super::{HASTE, rounds};
use crate::machine::Mounted;
use crate::moment;
use servers::postgres::Server;
use std::time::Duration;

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let (disk, rounds) = (Mounted::disk(1024), rounds(4));
    let builder = Server::builder().below(disk.path()).setting("max_wal_size", "64MB");
    let server = builder.start();
    let mut scene = Scene::begin(&format!("{}?{HASTE}", server.create_database("tally")));
    for round in 0..rounds {
        if round > 0 {
            scene.begin_again();
        }
        std::thread::sleep(moment(300));
        if round % 2 == 1 {
            // Also with some of the tables on the disk, and some not.
            disk.write_back();
        }
        // A flush that is under way while the power goes may be called a success by the kernel. Elsewhere than
        // here nobody would be there to hear of it, nor to read what was stored by it.
        scene.tail.release();
        scene.kill_the_writers_after(|| {
            disk.cut_power();
            std::thread::sleep(Duration::from_millis(20));
        });
        server.kill();
        disk.restore_power();
        server.start_again();
        scene.tail.go_on();
    }
    scene.end(format_args!("{rounds} power cuts")).await;
}
