//! Both services, as programs of their own on one store.

use super::http::{Answer, Request};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How the services are started: with these flags, in this folder.
#[derive(Clone)]
pub struct Setup {
    pub folder: PathBuf,
    pub store: String,
    /// What `order serve` is given beside.
    pub order: String,
    /// What `payment serve` is given beside.
    pub payment: String,
}

impl Setup {
    pub fn on_sqlite(folder: &Path) -> Self {
        Self::on(folder, &format!("sqlite:{}", folder.join("shop.db").display()))
    }

    /// Times are short, so that the tests are.
    pub fn on(folder: &Path, store: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            store: store.to_owned(),
            order: "--pay-within 30s --lease 500ms".to_owned(),
            payment: "--deadline 300ms --late 600ms --lease 500ms".to_owned(),
        }
    }

    pub fn order(&self) -> Service {
        Service::start(env!("CARGO_BIN_EXE_order"), &self.folder, &self.store, &self.order)
    }

    pub fn payment(&self) -> Service {
        Service::start(env!("CARGO_BIN_EXE_payment"), &self.folder, &self.store, &self.payment)
    }

    /// What the gateway has in its books: order, cents taken, whether they were given back.
    pub fn taken(&self) -> Vec<(String, i64, bool)> {
        let books = Connection::open(self.folder.join("gateway.db")).expect("books");
        books.busy_timeout(Duration::from_secs(5)).expect("a connection");
        let select = "SELECT key, amount_cents, refunded FROM charges \
                      WHERE approved AND due <= unixepoch('subsec') * 1000 ORDER BY key";
        let mut taken = books.prepare(select).expect("its table");
        let rows = taken.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("readable");
        rows.collect::<Result<_, _>>().expect("rows")
    }
}

/// One of the services. It is killed when it is dropped.
pub struct Service {
    child: Child,
    pub address: String,
    pub log: PathBuf,
}

impl Service {
    fn start(program: &str, folder: &Path, store: &str, flags: &str) -> Self {
        let name = Path::new(program).file_name().expect("a name").to_string_lossy().into_owned();
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        let mut child = Command::new(program)
            .args(["serve", "--store", store, "--listen", "127.0.0.1:0"])
            .args(flags.split_whitespace())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says where");
        let address = line.trim().rsplit_once("http://").map(|(_, address)| address.to_owned());
        let log_now = || std::fs::read_to_string(&log).unwrap_or_default();
        let address = address.unwrap_or_else(|| panic!("{name} did not start: {}", log_now()));
        Self { child, address, log }
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.address, method, path)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    #[track_caller]
    pub fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.request("POST", path).key(key).json(body).send()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }

    /// Tells it to end, and waits until it has; its exit status.
    pub fn stop(mut self) -> Option<i32> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        self.child.wait().expect("a child").code()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An order of 40.00.
pub fn placement(order: &str) -> Value {
    json!({
        "order": order, "customer": "ada", "freight_cents": 510,
        "lines": [{ "sku": "teapot", "quantity": 1, "unit_price_cents": 3490 }],
    })
}

/// Asks until the answer is as it should become.
#[track_caller]
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(30), "not after 30 seconds: {what}");
        sleep(Duration::from_millis(10));
    }
}
