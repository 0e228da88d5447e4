//! Opening: what is there is a store, becomes one, or is left alone and spoken of.

use super::*;
use servers::Proxy;

async fn fails(url: &str) -> ConnectError {
    soon(Store::connect(url)).await.map(drop).expect_err(url)
}

fn refused(error: &ConnectError, says: &[&str]) {
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    says.iter().for_each(|says| assert!(error.to_string().contains(says), "{error}"));
}

fn unavailable(error: &ConnectError, says: &[&str]) {
    assert!(matches!(error, ConnectError::Unavailable { .. }), "{error:?}");
    says.iter().for_each(|says| assert!(error.to_string().contains(says), "{error}"));
}

fn not_a_store(error: &ConnectError, says: &[&str]) {
    assert!(matches!(error, ConnectError::NotAStore { .. }), "{error:?}");
    says.iter().for_each(|says| assert!(error.to_string().contains(says), "{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_server_answers_the_error_says_so() {
    unavailable(&fails("postgres://u@127.0.0.1:1/db").await, &["127.0.0.1:1", "refused"]);
    unavailable(&fails("postgres://u@%2Fnowhere/db").await, &["/nowhere", "No such file"]);
    unavailable(&fails("postgres://u@no.such.host.invalid/db").await, &["no.such.host.invalid"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let proxy = Proxy::new(Server::shared().port());
    proxy.pause();
    let url = format!("{}?timeout_ms=300", Server::shared().url_at(proxy.port(), "postgres"));
    unavailable(&fails(&url).await, &["did not answer within 0.3 s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_server_does_not_let_in_is_told_what_to_look_at() {
    let server = Server::builder().in_memory().password("a secret").start();
    let url = server.tcp_url("postgres");
    refused(&fails(&url.replace("secret", "guess")).await, &["28P01", "the password of the URL"]);
    refused(&fails(&url.replace(":a%20secret", "")).await, &["password", "of the URL"]);
    refused(&fails(&server.tcp_url("missing")).await, &["3D000", "createdb"]);
    refused(&fails(&url.replace("postgres:a", "nobody:a")).await, &["the user and the password"]);
    Store::connect(&url).await.expect("the right one is let in");
}

#[cfg(feature = "postgres-tls")]
#[tokio::test(flavor = "multi_thread")]
async fn tls_is_required_of_the_server_and_its_name_is_checked() {
    let place = Place::new();
    let plain = Server::shared().tcp_url(place.name());
    refused(&fails(&format!("{plain}?sslmode=require")).await, &["TLS", "sslmode"]);

    let server = Server::builder().in_memory().tls().access("hostnossl all all all reject").start();
    let url = server.tcp_url("postgres");
    refused(&fails(&url).await, &["28000", "pg_hba.conf"]);
    let unknown = fails(&format!("{url}?sslmode=require")).await;
    assert!(unknown.to_string().contains("sslrootcert"), "{unknown}");
    let root = server.root_certificate().expect("it speaks TLS").display().to_string();
    let trusted = format!("{url}?sslmode=require&sslrootcert={root}");
    Store::connect(&trusted).await.expect("it is who it says it is");
    let missing = fails(&trusted.replace("root.crt", "missing.crt")).await;
    assert!(
        matches!(&missing, ConnectError::InvalidUrl(reason) if reason.contains("missing.crt")),
        "{missing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_name_is_refused() {
    let server = Server::shared();
    let latin = "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'";
    server.sql("postgres", latin);
    refused(&fails(&server.url("latin")).await, &["LATIN1", "ENCODING 'UTF8'"]);
    assert!(server.sql("latin", "SELECT 1 FROM pg_namespace WHERE nspname = 'es'").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    drop(place.open().await);
    place.sql("UPDATE es.es_meta SET value = '9000' WHERE key = 'schema_version'");
    let error = fails(&place.url).await;
    assert!(matches!(error, ConnectError::NewerSchema { found: 9000, newest: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("upgrade the program"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_a_store_are_left_alone() {
    for damage in [
        "DROP TABLE es.es_meta",
        "DROP TABLE es.es_event CASCADE",
        "DELETE FROM es.es_meta",
        "UPDATE es.es_meta SET value = 'x'",
        "DROP SEQUENCE es.es_position",
    ] {
        let place = Place::new();
        drop(place.open().await);
        place.sql(damage);
        not_a_store(&fails(&place.url).await, &["es"]);
    }
    let place = Place::new();
    place.sql("CREATE SCHEMA es; CREATE TABLE es.other (id int); CREATE TABLE es.es_event (id int)");
    not_a_store(&fails(&place.url).await, &["name another schema"]);
    // What is not ours stays beside ours.
    let place = Place::new();
    place.sql("CREATE SCHEMA es; CREATE TABLE es.other (id int)");
    place.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_that_was_left_behind_is_noticed() {
    let place = Place::new();
    let store = place.open().await;
    for n in 1..=3 {
        append(&store, commit(n, &format!("order/{n}"), Expected::NoStream, 1)).await.expect("stored");
    }
    drop(store);
    place.sql("SELECT setval('es.es_position', 2)");
    let error = fails(&place.url).await;
    not_a_store(&error, &["number 3", "only 2"]);
    // The statement that it names is the remedy.
    let remedy = error.to_string().split('"').skip(1).collect::<Vec<_>>().join("\"");
    place.sql(remedy.trim_end_matches('"'));
    assert_eq!(log(&place.open().await).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_with_another_name_than_it_was_made_with_is_refused() {
    let place = Place::new();
    drop(place.open().await);
    place.sql("ALTER SCHEMA es RENAME TO old");
    not_a_store(&fails(&format!("{}?schema=old", place.url)).await, &["ALTER SCHEMA"]);
    // Else what is meant for the old one would be stored here.
    place.open().await;
    not_a_store(&fails(&format!("{}?schema=old", place.url)).await, &["ALTER SCHEMA"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_make_tables_makes_none() {
    let place = Place::new();
    let error = fails(&format!("{}?create=false", place.url)).await;
    not_a_store(&error, &["`create` is false"]);
    assert!(place.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'es'").is_empty());
    drop(place.open().await);
    Store::connect(&format!("{}?create=false", place.url)).await.expect("it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_open_an_empty_database_at_once_make_one_store() {
    for _ in 0..3 {
        let place = Place::new();
        let opening: Vec<_> = (0..8).map(|_| tokio::spawn(place.options().open())).collect();
        let mut identities = std::collections::HashSet::new();
        for store in opening {
            identities.insert(store.await.expect("no panic").expect("a store").identity());
        }
        assert_eq!(identities.len(), 1);
        assert_eq!(place.sql("SELECT count(*) FROM es.es_meta"), [["2"]]);
    }
}

/// Longer than a batch waits for a lock.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_another_to_make_the_tables_waits_as_long_as_it_takes() {
    let place = Place::new();
    let (mut first, second) = (place.client().await, place.options());
    let making = first.transaction().await.expect("a transaction");
    let lock = format!("SELECT pg_advisory_xact_lock({}, hashtext('es'))", 0x6573_7274);
    making.batch_execute(&lock).await.expect("a lock");
    let opening = tokio::spawn(second.lock_timeout(Duration::from_millis(10)).open());
    let waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    soon(async {
        while place.sql(waiting).is_empty() {
            assert!(!opening.is_finished(), "it gave up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    making.rollback().await.expect("rolled back");
    soon(opening).await.expect("no panic").expect("a store");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_schemas_are_taken_as_they_are_or_refused() {
    let place = Place::new();
    for name in ["", "Es", "a\"b", "es; DROP SCHEMA es", "pg_es", "1"] {
        let error = place.options().schema(name).open().await.expect_err(name);
        assert!(matches!(error, ConnectError::InvalidUrl(_)), "{error:?}");
    }
    place.options().schema("select").open().await.expect("a word of SQL is a name like others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_refused_and_passed_over_where_the_primary_is_named_too() {
    let primary = Server::start();
    let standby = primary.standby();
    let hosts = |first: u16, second: u16| {
        format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres")
    };
    unavailable(&fails(&standby.tcp_url("postgres")).await, &["standby", "name the primary"]);
    let store = Store::connect(&hosts(standby.port(), primary.port())).await.expect("the primary is found");
    store.append(commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    let store = Store::connect(&hosts(primary.port(), standby.port())).await.expect("the primary is found");
    store.append(commit(2, "order/1", exactly(1), 1)).await.expect("stored");
    primary.stop();
    unavailable(&fails(&hosts(primary.port(), standby.port())).await, &["postgres"]);
}
