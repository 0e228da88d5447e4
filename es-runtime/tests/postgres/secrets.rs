//! The password is for the server alone.

use super::*;
use std::fmt::Debug;
use std::sync::{Mutex, OnceLock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};

const PASSWORD: &str = "hunter2";

/// What is to be seen of a failure.
fn shown(error: &ConnectError) -> String {
    let chain = std::iter::successors(std::error::Error::source(error), |error| error.source());
    format!("{error}\n{error:?}\n{error:#?}\n{}", chain.map(|e| format!("{e} {e:?}")).collect::<String>())
}

#[test]
fn a_url_that_makes_no_sense_says_what_is_wrong_and_not_the_password() {
    for (url, says) in [
        ("postgres:u:hunter2@h/db", "`//` is missing"),
        ("postgres:host=h password=hunter2", "`//` is missing"),
        ("postgres:/u:hunter2@h/db", "`//` is missing"),
        ("postgres://", "names no host"),
        ("postgres://u:hunter2@", "names no host"),
        ("postgres://u:hunter2@/db", "names no host"),
        ("postgres://u:hunter2@?schema=es", "names no host"),
        ("postgres:///db?password=hunter2", "names no host"),
        ("postgres://u:hunter2", "invalid value for option `port`"),
        ("postgres://u:hunter2/h/db", "invalid value for option `port`"),
        ("postgres://u:hunter2%40h/db", "invalid value for option `port`"),
        ("postgres://u:x@hunter2@h/db", "`@` is written `%40`"),
        ("postgres://u:hunter2/x@h/db", "`/` `%2F`"),
        ("postgres://u:hunter2?x@h/db", "`?` `%3F`"),
        ("postgres://u:x?hunter2@h/db", "`?` `%3F`"),
        ("postgres://u:x?connections=hunter2@h/db", "`?` `%3F`"),
        ("postgres://u:x#hunter2@h/db", "`#` `%23`"),
        ("postgres://h/db?user=u&password=x@hunter2", "`@` is written `%40`"),
        ("postgres://u@h/db?password=x@hunter2", "`@` is written `%40`"),
        ("postgres://u@h/db?password=x&hunter2", "unterminated parameter"),
        ("postgres://u@h/db?password=x&hunter2=", "one of the options after the `?` is unknown"),
        ("postgres://h/db?hunter2=1", "one of the options after the `?` is unknown"),
        ("postgres://h/db?hunter2", "unterminated parameter"),
        ("postgres://hunter2%ff:x@h/db", "utf-8"),
        ("postgres://u:hunter2@h:x/db", "invalid value for option `port`"),
        ("postgres://u:hunter2@h:99999/db", "invalid value for option `port`"),
        ("postgres://u:hunter2@[::1/db", "invalid value for option `host`"),
        ("postgres://u:hunter2@h/db?connections=0", "`connections` is a number from 1 to 65535"),
        ("postgres://u:hunter2@h/db?connections=-1", "`connections` is a number from 1 to 65535"),
        ("postgres://u:hunter2@h/db?timeout_ms=soon", "`timeout_ms` is a number of milliseconds"),
        ("postgres://u:hunter2@h/db?timeout_ms=0", "`timeout_ms` is at least 1"),
        ("postgres://u:hunter2@h/db?patience_ms=1.5", "`patience_ms` is a number of milliseconds"),
        ("postgres://u:hunter2@h/db?create=yes", "`create` is `true` or `false`"),
        ("postgres://u:hunter2@h/db?sslmode=allow", "`sslmode` is `disable`, `require` or `verify-full`"),
        ("postgres://u:hunter2@h/db?connect_timeout=x", "invalid value for option `connect_timeout`"),
    ] {
        let Err(error) = Postgres::options(url) else { panic!("{url} is no URL") };
        assert!(matches!(error, ConnectError::InvalidUrl(_)), "{url}: {error:?}");
        let shown = shown(&error);
        assert!(shown.contains(says), "{url}: {shown}");
        assert!(!shown.contains(PASSWORD), "{url}: {shown}");
        assert!(!shown.contains("x@h"), "{url}: {shown}");
    }
}

#[test]
fn what_is_shown_of_options_has_no_password() {
    for url in [
        "postgres://u:hunter2@h/db",
        "postgresql://u:hunter2@h1,h2:5433/db?schema=orders",
        "postgres://u@h/db?password=hunter2",
        "postgres://h/db?user=u&password=%68unter2&options=-c%20x%3Dy",
        "postgres://u:%68unter2@%2Ftmp/db",
    ] {
        let options = Postgres::options(url).expect(url);
        let shown = format!("{options:?} {options:#?}");
        assert!(shown.contains("postgres://u@"), "{shown}");
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

/// Everything that is said while it is listened to, by whoever says it.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Ear {
    fn get() -> &'static Self {
        static EAR: OnceLock<Ear> = OnceLock::new();
        EAR.get_or_init(Self::default)
    }

    fn hear(&self, line: String) {
        self.0.lock().expect("not poisoned").push(line);
    }
}

impl log::Log for Ear {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        self.hear(format!("log {}: {}", record.target(), record.args()));
    }
    fn flush(&self) {}
}

impl Visit for &Ear {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.hear(format!("{field}={value:?}"));
    }
}

struct Listening;

impl tracing::Subscriber for Listening {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        Ear::get().hear(format!("span {}", span.metadata().name()));
        span.record(&mut Ear::get());
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Ear::get());
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, message: &tracing::Event<'_>) {
        message.record(&mut Ear::get());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// One server that asks for a password, for the only test that listens to the whole process.
#[tokio::test]
async fn nothing_that_is_said_while_a_store_is_used_has_the_password() {
    let server = Server::builder().in_memory().password(PASSWORD).start();
    let _ = log::set_logger(Ear::get());
    log::set_max_level(log::LevelFilter::Trace);
    // With a single one, an event that is first said on the thread of another test is heard by nobody ever after.
    let _second = tracing::Dispatch::new(Listening);
    let _guard = tracing::subscriber::set_default(Listening);

    let url = server.tcp_url("postgres");
    assert!(url.contains(PASSWORD));
    let options = Postgres::options(&url).expect("a URL").patience(Duration::from_secs(3));
    let adapter = options.open().await.expect("the password is right");
    let builder = Store::builder();
    let mut said = format!("{adapter:?} {builder:?}");
    let store = builder.adapter(adapter.clone());
    store.append(commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    adapter.read_all(&Cursor::start(), &Filter::all(), Limit::default()).await.expect("a page");
    server.terminate_backend(server.backends("postgres")[0]);
    store.append(commit(2, "order/1", exactly(2), 1)).await.expect("stored");
    let accounts = store.repository::<common::Account>();
    said += &format!("{store:?} {accounts:?}");

    for wrong in [
        url.replace(PASSWORD, "hunter22"),
        url.replace(&format!(":{PASSWORD}"), ""),
        url.replace("/postgres", "/missing"),
        url.replace("postgres:hunter2", "nobody:hunter2"),
        server.url_at(1, "postgres"),
        format!("{url}?sslmode=require"),
    ] {
        said += &shown(&Store::connect(&wrong).await.map(drop).expect_err(&wrong));
    }
    server.stop();
    let unavailable = append(&adapter, commit(3, "order/1", exactly(3), 1)).await.expect_err("no server");
    let unread = adapter.find_commit(id(1)).await.expect_err("no server");
    said += &format!("{unavailable} {unavailable:?} {unread} {unread:?}");

    let heard = Ear::get().0.lock().expect("not poisoned").join("\n");
    for expected in ["span es.append", "log tokio_postgres", "a connection ended"] {
        assert!(heard.contains(expected), "nobody listened: {expected} is missing in {heard}");
    }
    assert!(!heard.contains(PASSWORD), "{heard}");
    assert!(!said.contains(PASSWORD), "{said}");
}
