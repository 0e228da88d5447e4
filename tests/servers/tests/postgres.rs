//! What a test relies on when it starts a PostgreSQL server.

use servers::Proxy;
use servers::postgres::Server;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn rows(server: &Server) -> String {
    server.sql("postgres", "SELECT count(*) FROM kept")[0][0].clone()
}

fn keep(server: &Server, rows: u32) {
    server.sql("postgres", "CREATE TABLE IF NOT EXISTS kept (number int)");
    server.sql("postgres", &format!("INSERT INTO kept SELECT generate_series(1, {rows})"));
}

/// What the program `psql` says, which reads the same URLs.
fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql").args([url, "-Atc", statement]).stdin(Stdio::null()).output();
    let output = output.expect("psql (Debian: apt-get install postgresql)");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn one_server_is_shared_and_each_test_has_a_database() {
    let (one, other) = (Server::shared(), Server::shared());
    assert_eq!(one.process_id(), other.process_id());
    assert_ne!(one.new_database(), other.new_database());
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(one.sql("postgres", &format!("SHOW {setting}")), [["on"]], "{setting}");
    }
}

#[tokio::test]
async fn it_can_be_used_within_a_runtime() {
    let server = Server::shared();
    server.create_database("a_name");
    assert_eq!(server.sql("a_name", "SELECT current_database(), NULL"), [["a_name", ""]]);
    let error = server.try_sql("a_name", "SELECT nothing").expect_err("no such column");
    assert!(error.contains("\"nothing\" does not exist"), "{error}");
}

#[test]
fn what_is_committed_outlives_restarts_and_kills() {
    let server = Server::builder().setting("max_connections", 33).start();
    assert_eq!(server.sql("postgres", "SHOW max_connections"), [["33"]]);
    keep(&server, 10);
    server.restart();
    server.kill();
    assert!(!server.is_running() && server.processes().is_empty());
    assert!(server.try_sql("postgres", "SELECT 1").is_err());
    server.start_again();
    assert_eq!(rows(&server), "10");

    let before = server.cpu_time();
    server.sql("postgres", "SELECT sum(sqrt(number)) FROM generate_series(1, 300000) AS number");
    assert!(server.cpu_time() > before, "what a backend used that has ended counts");
    server.set("work_mem", "5MB");
    server.restart();
    assert_eq!(server.sql("postgres", "SHOW work_mem"), [["5MB"]]);
}

#[test]
fn a_killed_backend_takes_the_others_with_it_and_the_server_recovers() {
    let server = Server::start();
    keep(&server, 3);
    let sleep = || server.try_sql("postgres", "SELECT pg_sleep(60)");
    std::thread::scope(|scope| {
        let sleepers = [scope.spawn(sleep), scope.spawn(sleep)];
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.backends("postgres").len() < 2 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        server.terminate_backend(server.backends("postgres")[0]);
        server.kill_backend(server.backends("postgres")[0]);
        for sleeper in sleepers {
            sleeper.join().expect("no panic").expect_err("it was ended");
        }
    });
    server.wait_until_ready();
    assert_eq!(rows(&server), "3");
    assert!(server.log().contains("was terminated by signal 9"), "{}", server.log());
}

#[test]
fn a_synchronous_standby_has_what_was_committed_and_can_be_promoted() {
    let primary = Server::start();
    keep(&primary, 5);
    let standby = primary.synchronous_standby();
    keep(&primary, 6);
    assert!(standby.try_sql("postgres", "INSERT INTO kept VALUES (0)").is_err(), "it only reads");
    primary.kill();
    standby.promote();
    assert_eq!(rows(&standby), "11");
    keep(&standby, 1);
    assert_eq!(rows(&standby), "12");
}

#[test]
fn whoever_comes_over_tcp_needs_the_password_and_may_use_tls() {
    let server =
        Server::builder().password("it's secret").tls().access("hostnossl all all all reject").start();
    assert!(server.root_certificate().expect("it speaks TLS").exists());
    assert!(server.tcp_url("postgres").starts_with("postgres://postgres:it%27s%20secret@127.0.0.1:"));
    let run = |url: &str| psql(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let url = server.tcp_url("postgres");
    let root = server.root_certificate().map(Path::display).expect("it speaks TLS");
    assert_eq!(run(&format!("{url}?sslmode=verify-full&sslrootcert={root}")).trim(), "t");
    assert!(run(&format!("{url}?sslmode=disable")).contains("rejects connection"));
    let wrong = url.replace("secret", "wrong");
    assert!(run(&wrong).contains("password authentication failed"), "{}", run(&wrong));
}

#[test]
fn a_proxy_stands_between_a_client_and_the_server() {
    let server = Server::shared();
    let proxy = Proxy::new(server.port());
    let run = |url: String| psql(&url, "SELECT 1");
    assert_eq!(run(server.url_at(proxy.port(), "postgres")).trim(), "1");
    proxy.refuse(true);
    assert_ne!(run(server.url_at(proxy.port(), "postgres")).trim(), "1");
    assert_eq!(proxy.counts().connections, 2);
}

#[test]
fn a_server_and_its_files_are_gone_with_the_process_that_started_it() {
    use std::io::{BufRead, BufReader};
    let mut process =
        Command::new(env!("CARGO_BIN_EXE_holder")).stdout(Stdio::piped()).spawn().expect("ours");
    let mut folder = String::new();
    let mut out = BufReader::new(process.stdout.take().expect("a pipe"));
    out.read_line(&mut folder).expect("it starts");
    let folder = folder.trim_end();
    let data = Path::new(folder).join("data");
    assert!(data.join("postmaster.pid").exists());
    let running = || {
        let find = ["/proc", "-maxdepth", "2", "-name", "cwd", "-lname", data.to_str().expect("UTF-8")];
        Command::new("find").args(find).output().expect("find").stdout.len()
    };
    assert_ne!(running(), 0);
    process.kill().expect("our child");
    process.wait().expect("our child");
    let deadline = Instant::now() + Duration::from_secs(20);
    while running() > 0 || Path::new(folder).exists() {
        assert!(Instant::now() < deadline, "{folder} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
