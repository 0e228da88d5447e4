//! A disk that fails to flush: the server ends all its sessions and recovers.

use super::scene::Scene;
use super::{HASTE, rounds};
use crate::tracer::Tracer;
use servers::postgres::Server;

#[tokio::test]
#[ignore = "needs root: tests/run --faults"]
async fn a_flush_that_fails_is_never_called_a_success() {
    let server = Server::builder().start();
    let mut scene = Scene::begin(&format!("{}?{HASTE}", server.create_database("tally")));
    let mut panics = 0;
    for when in [5, 17, 40].into_iter().cycle().take(rounds(3) as usize) {
        let fault = format!("fdatasync:error=EIO:when={when}");
        let tracer = Tracer::attach(&server.processes(), &fault);
        // Each session has its own count, and the server follows none for long.
        let before = panics;
        while panics == before {
            scene.goes_on(1);
            panics = server.log().matches("PANIC:  could not fdatasync").count();
        }
        drop(tracer);
        if !server.is_running() {
            // It failed while it recovered too.
            server.stop();
            server.start_again();
        }
        server.wait_until_ready();
        scene.goes_on(20);
    }
    scene.end(format_args!("the server panicked {panics} times because a flush failed")).await;
}
