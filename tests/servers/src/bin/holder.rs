//! Starts a server, stops its processes, says where it is, and waits to be killed.

use servers::Signal;
use servers::postgres::Server;
use std::io::Write;

fn main() {
    // On a thread that ends, as that of a test does.
    let server = std::thread::spawn(|| Server::builder().in_memory().start()).join().expect("a server");
    server.signal(Signal::STOP);
    writeln!(std::io::stdout(), "{}", server.socket_folder().display()).expect("somebody reads it");
    // Not for ever, should nobody kill it.
    std::thread::sleep(std::time::Duration::from_secs(60));
}
