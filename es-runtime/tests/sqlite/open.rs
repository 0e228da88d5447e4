//! Opening: what is there, what is made, and what is left alone.

use super::*;
use std::time::Duration;

async fn refusal(path: &Path) -> ConnectError {
    Sqlite::options().open(path).await.expect_err("a refusal")
}

#[tokio::test]
async fn a_store_is_the_same_when_it_is_opened_again() {
    let place = Place::new();
    let store = place.open().await;
    let identity = store.identity();
    assert_eq!(place.open_fast().await.identity(), identity);
    drop(store);
    assert_eq!(place.open().await.identity(), identity);
    assert_ne!(Place::new().open().await.identity(), identity);
}

#[tokio::test]
async fn it_is_as_durable_as_it_says() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.capabilities().durability, Durability::Fsync);
    assert_eq!(place.open_fast().await.capabilities().durability, Durability::ProcessCrash);
    for other in [Durability::Memory, Durability::Quorum] {
        let refused = Sqlite::options().durability(other).open(place.path()).await;
        assert!(matches!(refused, Err(ConnectError::InvalidUrl(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn the_file_is_whole_when_the_store_is_gone() {
    let place = Place::new();
    let store = place.open_fast().await;
    append(&store, commit(1, "order/1", Expected::Any, 9)).await.expect("stored");
    let copy = place.folder.path().join("copy.db");
    drop(store);
    assert!(!place.path().with_extension("db-wal").exists());
    std::fs::copy(place.path(), &copy).expect("a copy");
    assert_eq!(whole(&open(&copy, Durability::Fsync).await, "order/1").await.len(), 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_make_a_file_at_once() {
    let place = Place::new();
    let opened: Vec<_> = (0..8)
        .map(|_| {
            let path = place.path();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(async { open(&path, Durability::Fsync).await.identity() })
            })
        })
        .collect();
    let identities: Vec<_> = opened.into_iter().map(|thread| thread.join().expect("opened")).collect();
    assert!(identities.iter().all(|identity| *identity == identities[0]), "{identities:?}");
}

#[tokio::test]
async fn what_is_not_a_store_is_left_as_it_is() {
    let place = Place::new();
    let text = b"This is a letter, not a database. ".repeat(200);
    std::fs::write(place.path(), &text).expect("a file");
    let refused = refusal(&place.path()).await;
    assert!(matches!(refused, ConnectError::NotAStore { .. }), "{refused:?}");
    assert_eq!(std::fs::read(place.path()).expect("the file"), text);

    for sql in [
        "CREATE TABLE song (title TEXT)",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 7",
        "PRAGMA application_id = 7; PRAGMA user_version = 1; CREATE TABLE es_event (position INTEGER)",
    ] {
        let place = Place::new();
        place.sql(sql);
        let before = std::fs::read(place.path()).expect("the file");
        let refused = refusal(&place.path()).await;
        assert!(
            matches!(&refused, ConnectError::NotAStore { reason, .. } if reason.contains("another program")),
            "{sql}: {refused:?}"
        );
        assert_eq!(std::fs::read(place.path()).expect("the file"), before, "{sql}");
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let place = Place::new();
    std::fs::write(place.path(), "").expect("a file");
    append(&place.open().await, commit(1, "order/1", Expected::Any, 1)).await.expect("stored");
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let place = Place::new();
    drop(place.open().await);
    place.sql("PRAGMA user_version = 9000");
    let refused = refusal(&place.path()).await;
    assert!(
        matches!(&refused, ConnectError::NewerSchema { found: 9000, newest: 2, .. })
            && refused.to_string().contains("upgrade the program"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_store_that_lacks_something_is_damaged() {
    for sql in [
        "DROP TABLE es_snapshot",
        "DROP TABLE es_register",
        "DROP INDEX es_event_commit",
        "ALTER TABLE es_event DROP COLUMN metadata",
        "DELETE FROM es_meta",
        "UPDATE es_meta SET value = x'01'",
    ] {
        let place = Place::new();
        drop(place.open().await);
        place.sql(sql);
        let refused = refusal(&place.path()).await;
        assert!(
            matches!(&refused, ConnectError::NotAStore { reason, .. } if reason.contains("damaged")),
            "{sql}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named() {
    let place = Place::new();
    let here = place.folder.path();
    std::fs::write(here.join("file"), "x").expect("a file");
    for (path, says) in [
        (here.join("missing/events.db"), "missing"),
        (here.join("file/events.db"), "file"),
        (here.to_owned(), "it is a folder"),
        (PathBuf::from("/dev/null"), "no regular file"),
    ] {
        let refused = refusal(&path).await;
        let ConnectError::Unavailable { store, reason } = &refused else { panic!("{refused:?}") };
        assert_eq!(*store, format!("sqlite:{}", path.display()));
        assert!(reason.to_string().contains(says), "{refused}");
    }
    let refused = Sqlite::options().create(false).open(place.path()).await;
    assert!(refused.expect_err("no file").to_string().contains("`create` is false"));
    assert!(!place.path().exists());
    assert!(matches!(refusal(Path::new("")).await, ConnectError::InvalidUrl(_)));
}

/// Permissions do not bind root, who therefore asks somebody else to look.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_only_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    drop(place.open().await);
    let allow = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    allow(&place.path(), 0o444);
    if std::fs::OpenOptions::new().append(true).open(place.path()).is_ok() {
        // Nothing is forbidden to root.
        return as_nobody(&place);
    }
    let refused = refusal(&place.path()).await;
    assert!(matches!(&refused, ConnectError::Unavailable { .. }), "{refused:?}");
    assert!(refused.to_string().contains("not written"), "{refused}");
    allow(&place.path(), 0o000);
    assert!(matches!(refusal(&place.path()).await, ConnectError::Unavailable { .. }));

    // A folder in which SQLite cannot make its log.
    let place = Place::new();
    drop(place.open().await);
    allow(place.folder.path(), 0o555);
    let refused = refusal(&place.path()).await;
    allow(place.folder.path(), 0o755);
    assert!(matches!(&refused, ConnectError::Unavailable { .. }), "{refused:?}");
}

/// Runs the test that calls it in a process of the user `nobody`.
#[cfg(unix)]
fn as_nobody(place: &Place) {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let test = std::thread::current().name().expect("a test has a name").to_owned();
    // Where `nobody` may read it, which is not said of the place it was built in.
    let program = place.folder.path().join("test");
    std::fs::copy(std::env::current_exe().expect("this program"), &program).expect("a copy");
    std::fs::set_permissions(place.folder.path(), std::fs::Permissions::from_mode(0o755))
        .expect("permissions");
    let child = std::process::Command::new(program)
        .args(["--exact", &test])
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn names_that_mean_something_to_sqlite_are_names_of_files() {
    let place = Place::new();
    for name in ["file:a?mode=memory", ":memory:", "a b#c%20.db", "заказы.db"] {
        let path = place.folder.path().join(name);
        append(&open(&path, Durability::Fsync).await, commit(1, "order/1", Expected::Any, 1))
            .await
            .expect("stored");
        assert!(path.is_file(), "{name}");
    }
    let url = format!("sqlite://{}?create=false", place.folder.path().join("a b%23c%2520.db").display());
    let store = Store::connect(&url).await.expect(&url);
    assert!(store.find_commit(id(1)).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_writer_that_holds_the_file_is_waited_for() {
    let place = Place::new();
    let store = place.open().await;
    let impatient = Sqlite::options().busy_timeout(Duration::from_millis(50)).open(place.path()).await;
    let impatient = impatient.expect("a store");
    let other = rusqlite::Connection::open(place.path()).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let refused = append(&impatient, commit(1, "order/1", Expected::NoStream, 1)).await;
    assert!(matches!(&refused, Err(AppendError::Unavailable(_))), "{refused:?}");
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(other);
    });
    append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    release.join().expect("released");
}

#[tokio::test]
async fn a_store_opens_while_another_process_writes() {
    let place = Place::new();
    drop(place.open().await);
    let other = rusqlite::Connection::open(place.path()).expect("the file");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let options = Sqlite::options().busy_timeout(Duration::from_millis(50));
    options.open(place.path()).await.expect("there is nothing to write");
}
