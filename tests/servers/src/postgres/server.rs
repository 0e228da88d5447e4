//! A server that runs, and what can be done to it.

use super::cluster::{Cluster, free_port};
use super::{Builder, sql};
use crate::processes::{cpu_time, kill_all_in, running_in, signal};
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any start or stop takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A PostgreSQL server of the test's own. Its superuser is `postgres`.
///
/// It listens on a socket and on a port of 127.0.0.1. It and its files are gone when it is dropped, or when
/// this process ends in whatever way.
#[derive(Debug)]
pub struct Server {
    // First, so that it is waited for before its files go.
    process: Mutex<Option<Child>>,
    pub(super) cluster: Cluster,
    databases: AtomicU64,
}

impl Server {
    /// One server for all tests of this process, started by the first that asks. It is durable as far as it
    /// knows, but keeps its data in memory where it can, so flushes cost nothing.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Self::builder().in_memory().start())
    }

    /// A server with the settings that PostgreSQL comes with, its data on the disk.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Makes a server that is to be as the test needs it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn new(mut cluster: Cluster) -> Self {
        // Somebody may take the port before the server does.
        for _ in 0..5 {
            cluster.set_places();
            match launch(&cluster) {
                Ok(child) => {
                    return Self { process: Mutex::new(Some(child)), cluster, databases: AtomicU64::new(0) };
                }
                Err(log) if log.contains("Address already in use") => cluster.port = free_port(),
                Err(log) => panic!("PostgreSQL does not start: {log}"),
            }
        }
        panic!("PostgreSQL finds no free port")
    }

    /// The URL of a database, over the socket.
    pub fn url(&self, database: &str) -> String {
        let folder = encoded(self.cluster.folder.to_str().expect("a path is UTF-8"));
        format!("postgres://postgres@{folder}:{}/{database}", self.cluster.port)
    }

    /// The URL of a database, over TCP, with the password if there is one.
    pub fn tcp_url(&self, database: &str) -> String {
        self.url_at(self.cluster.port, database)
    }

    /// The URL of a database, over TCP, at another port of 127.0.0.1, such as a [`Proxy`](crate::Proxy)'s.
    pub fn url_at(&self, port: u16, database: &str) -> String {
        let password = self.cluster.password.as_ref().map(|password| format!(":{}", encoded(password)));
        format!("postgres://postgres{}@127.0.0.1:{port}/{database}", password.unwrap_or_default())
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// The folder of the socket, for clients that take it as a host.
    pub fn socket_folder(&self) -> &Path {
        &self.cluster.folder
    }

    /// The folder of the data.
    pub fn data(&self) -> &Path {
        &self.cluster.data
    }

    /// The certificate of the authority that signed the server's, where it speaks TLS.
    pub fn root_certificate(&self) -> Option<&Path> {
        self.cluster.root_certificate.as_deref()
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        fs::read(self.cluster.log()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Makes a database and answers with its URL over the socket.
    pub fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\" TEMPLATE template0"));
        self.url(name)
    }

    /// Makes a database that nobody else uses and answers with its URL over the socket.
    pub fn new_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        self.create_database(&format!("test_{number}"))
    }

    /// Runs statements as the superuser and answers with the rows, as text; what is NULL is empty.
    ///
    /// It waits for the answer on this thread, so a test that has tasks to run meanwhile needs a runtime with
    /// several threads.
    ///
    /// # Panics
    ///
    /// When a statement fails; [`try_sql`](Self::try_sql) does not.
    pub fn sql(&self, database: &str, statements: &str) -> Vec<Vec<String>> {
        self.try_sql(database, statements).unwrap_or_else(|error| panic!("{statements}: {error}"))
    }

    /// The same, where statements may fail.
    ///
    /// # Errors
    ///
    /// What the server, or the connection, says.
    pub fn try_sql(&self, database: &str, statements: &str) -> Result<Vec<Vec<String>>, String> {
        sql::run(&self.url(database), statements)
    }

    /// Stops it as an operator does (`fast`: transactions are rolled back), and waits for that.
    pub fn stop(&self) {
        let mut process = self.process();
        if let Some(mut child) = process.take() {
            signal(child.id(), Signal::INT);
            wait(&mut child, &self.cluster);
        }
    }

    /// Kills all its processes at once, as `kill -9` does, and waits until they are gone.
    pub fn kill(&self) {
        let mut process = self.process();
        if let Some(mut child) = process.take() {
            let rest = running_in(&self.cluster.data);
            // The parent first, or it takes the end of the others for a crash and starts new ones.
            signal(child.id(), Signal::KILL);
            rest.into_iter().for_each(|process| signal(process, Signal::KILL));
            // It would keep its number, and the next one would think that it still runs.
            let _ = child.wait();
        }
        kill_all_in(&self.cluster.data);
    }

    /// Starts it again after [`stop`](Self::stop) or [`kill`](Self::kill), and waits until it takes connections.
    pub fn start_again(&self) {
        let mut process = self.process();
        assert!(process.is_none(), "the server runs already");
        *process =
            Some(launch(&self.cluster).unwrap_or_else(|log| panic!("PostgreSQL does not start: {log}")));
    }

    /// Stops it and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.start_again();
    }

    /// Sets something in `postgresql.conf`; it counts from the next start on.
    pub fn set(&self, name: &str, value: &str) {
        self.cluster.set(&[(name, value)]);
    }

    /// Whether its first process runs.
    pub fn is_running(&self) -> bool {
        self.process().as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_none()))
    }

    /// Waits until it takes connections again, as after a crash from which it recovers by itself.
    pub fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self.try_sql("postgres", "SELECT 1") {
            assert!(Instant::now() < deadline, "it does not recover: {error}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The processes that serve the clients of a database.
    pub fn backends(&self, database: &str) -> Vec<u32> {
        let list = format!(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' \
             AND pid <> pg_backend_pid() AND datname = '{database}'"
        );
        self.sql("postgres", &list).iter().filter_map(|row| row[0].parse().ok()).collect()
    }

    /// Ends one of them as an operator does: its transaction is rolled back, its client is told.
    pub fn terminate_backend(&self, backend: u32) {
        self.sql("postgres", &format!("SELECT pg_terminate_backend({backend})"));
    }

    /// Kills one of them as `kill -9` does, upon which the server ends all of them and recovers.
    pub fn kill_backend(&self, backend: u32) {
        signal(backend, Signal::KILL);
    }

    /// Sends a signal to each of its processes, such as one that stops them.
    pub fn signal(&self, to_send: Signal) {
        running_in(&self.cluster.data).into_iter().for_each(|process| signal(process, to_send));
    }

    /// Its processes, the first one among them.
    pub fn processes(&self) -> Vec<u32> {
        running_in(&self.cluster.data)
    }

    /// Its first process.
    pub fn process_id(&self) -> u32 {
        self.process().as_ref().expect("the server runs").id()
    }

    /// The time on a processor that all its processes used, those that ended among them, since it was started.
    pub fn cpu_time(&self) -> Duration {
        cpu_time(self.process_id(), &self.processes())
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Else it leaves its shared memory.
        self.signal(Signal::QUIT);
        self.signal(Signal::CONT);
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.is_running() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(3));
        }
        self.kill();
    }
}

/// A text as it stands in a part of a URL.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Starts the server and waits until it takes connections; otherwise answers with what it wrote to its log.
fn launch(cluster: &Cluster) -> Result<Child, String> {
    let (path, pid_file) = (cluster.log(), cluster.data.join("postmaster.pid"));
    let mut log = File::options().create(true).append(true).open(&path).expect("a folder of ours");
    let before = log.metadata().map_or(0, |log| log.len());
    let out = |log: &mut File| Stdio::from(log.try_clone().expect("a file"));
    let mut command = cluster.programs.command("postgres");
    command.arg("-D").arg(&cluster.data).envs(cluster.environment.iter().map(|(name, value)| (name, value)));
    command.stdout(out(&mut log)).stderr(out(&mut log));
    // One that was killed left its file.
    let old = fs::read_to_string(&pid_file).unwrap_or_default();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("postgres cannot be run: {error}"));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = fs::read_to_string(&pid_file).unwrap_or_default();
        if state != old && state.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
            note_shared_memory(cluster, &state);
            return Ok(child);
        }
        let has_ended = child.try_wait().is_ok_and(|status| status.is_some());
        if has_ended || Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read(&path).unwrap_or_default();
            return Err(String::from_utf8_lossy(&log[(before as usize).min(log.len())..]).into_owned());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Notes what the guardian is to take away, should the server be killed. By then its own file may be out of
/// reach.
fn note_shared_memory(cluster: &Cluster, pid_file: &str) {
    let memory = pid_file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
    fs::write(cluster.folder.join("shared-memory"), memory).expect("a folder of ours");
}

fn wait(child: &mut Child, cluster: &Cluster) {
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server does not stop, see {}", cluster.log().display());
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}
