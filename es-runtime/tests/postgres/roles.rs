//! What roles may and may not do.

use super::*;
use es_runtime::postgres::grants;

/// The database's URL for a role that was just made.
fn role(place: &Place, name: &str) -> String {
    let role = format!("{}_{name}", place.name());
    place.sql(&format!("CREATE ROLE \"{}\" LOGIN", role.replace('"', "\"\"")));
    place.url.replace("postgres@", &format!("{role}@"))
}

async fn refused(url: &str) -> String {
    let error = Store::connect(url).await.map(drop).expect_err("no rights");
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_is_told_which_it_needs() {
    let place = Place::new();
    let url = role(&place, "guest");
    let error = refused(&url).await;
    assert!(error.contains("42501") && error.contains("grants"), "{error}");
    drop(place.open().await);
    let error = refused(&url).await;
    assert!(error.contains("42501") && error.contains("grants"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_what_grants_says_a_role_can_add_to_the_past_and_not_change_it() {
    let place = Place::new();
    drop(place.open().await);
    let url = role(&place, "o'brien\"; DROP").replace('"', "%22").replace(' ', "%20");
    let name = format!("{}_o'brien\"; DROP", place.name());
    place.sql(&grants("es", &name).expect("a good schema"));
    let store = Postgres::options(&url).expect("a URL").open().await.expect("the rights are enough");
    append(&store, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    let mut guarded = commit(2, "order/2", Expected::NoStream, 1);
    guarded.requires.push((stream("order/1"), exactly(2)));
    store.append_all(vec![guarded, commit(3, "order/3", Expected::Any, 1)]).await.expect("stored");
    assert_eq!(whole(&store, "order/1").await.len(), 2);
    assert_eq!(log(&store).await.len(), 4);
    assert!(store.find_commit(id(1)).await.expect("found").is_some());
    let state = Encoded::new(Format::Json, *b"{}");
    let snapshot = Snapshot { version: Version::new(2), commit: id(1), fingerprint: u64::MAX, state };
    let snapshots = store.snapshots().expect("it has some");
    for _ in 0..2 {
        snapshots.save_snapshot(&stream("order/1"), snapshot.clone()).await.expect("saved");
    }
    assert_eq!(snapshots.load_snapshot(&stream("order/1")).await.expect("loaded"), Some(snapshot));
    snapshots.delete_snapshot(&stream("order/1")).await.expect("deleted");

    let client = client(&url).await;
    for forbidden in [
        "UPDATE es.es_event SET payload = ''",
        "DELETE FROM es.es_event",
        "TRUNCATE es.es_event",
        "UPDATE es.es_kind SET name = ''",
        "DELETE FROM es.es_kind",
        "DROP TABLE es.es_event",
        "ALTER TABLE es.es_event DROP COLUMN payload",
        "UPDATE es.es_meta SET value = ''",
        "SELECT setval('es.es_position', 1)",
        "CREATE TABLE es.more (id int)",
        "CREATE OR REPLACE FUNCTION es.es_last(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    ] {
        let error = client.batch_execute(forbidden).await.expect_err(forbidden);
        let code = error.code().expect("the server refuses").code();
        assert_eq!(code, "42501", "{forbidden}: {error}");
    }
    assert_eq!(place.count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_loses_its_rights_is_told_so_and_not_to_try_again() {
    let place = Place::new();
    drop(place.open().await);
    let url = role(&place, "app");
    let name = format!("{}_app", place.name());
    place.sql(&grants("es", &name).expect("a good schema"));
    let store = Postgres::options(&url).expect("a URL").open().await.expect("the rights are enough");
    append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
    place.sql(&format!("REVOKE INSERT ON es.es_event FROM \"{name}\""));
    let error = append(&store, commit(2, "order/1", exactly(1), 1)).await.expect_err("no right");
    assert!(matches!(&error, AppendError::Fatal(cause) if cause.to_string().contains("42501")), "{error:?}");
    assert_eq!(whole(&store, "order/1").await.len(), 1);
    place.sql(&format!("GRANT INSERT ON es.es_event TO \"{name}\""));
    append(&store, commit(2, "order/1", exactly(1), 1)).await.expect("stored");
}

/// Somebody else's functions in a schema that is searched by default.
#[tokio::test(flavor = "multi_thread")]
async fn functions_of_others_that_fit_better_are_not_called() {
    let place = Place::new();
    let trap = "LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trap'; END $$";
    place.sql(&format!(
        "CREATE FUNCTION public.cardinality(integer[]) RETURNS integer {trap};
         CREATE FUNCTION public.array_agg_trap(text[], text) RETURNS text[] {trap};
         CREATE AGGREGATE public.array_agg(text) (SFUNC = public.array_agg_trap, STYPE = text[]);
         CREATE FUNCTION public.hashtext(varchar) RETURNS integer {trap};
         CREATE DOMAIN public.text AS pg_catalog.text CHECK (value = 'a trap');
         ALTER DATABASE \"{}\" SET search_path = public, pg_catalog",
        place.name()
    ));
    let store = place.open().await;
    let mut guarded = commit(1, "order/1", Expected::NoStream, 1);
    guarded.requires.push((stream("order/2"), Expected::NoStream));
    append(&store, guarded).await.expect("stored");
    assert_eq!(log(&store).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_for_a_role_does_not_get_in_the_way() {
    let place = Place::new();
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "plan_cache_mode = force_custom_plan",
        "bytea_output = 'escape'",
        "DateStyle = 'German'",
        "TimeZone = 'Asia/Kathmandu'",
        "IntervalStyle = 'postgres_verbose'",
        "client_min_messages = debug5",
        "standard_conforming_strings = off",
    ] {
        // From elsewhere: what is set here holds for the next who comes.
        Server::shared().sql("postgres", &format!("ALTER DATABASE \"{}\" SET {setting}", place.name()));
    }
    let store = place.open().await;
    append(&store, commit(1, "order/1", Expected::NoStream, 2)).await.expect("stored");
    assert_eq!(log(&store).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_reading_is_allowed_nothing_is_written_and_it_is_said() {
    let place = Place::new();
    drop(place.open().await);
    place.sql(&format!("ALTER DATABASE \"{}\" SET default_transaction_read_only = on", place.name()));
    let store = place.open().await;
    let error = append(&store, commit(1, "order/1", Expected::NoStream, 1)).await.expect_err("read only");
    assert!(
        matches!(&error, AppendError::Unavailable(why) if why.to_string().contains("25006")),
        "{error:?}"
    );
    assert!(log(&store).await.is_empty());
    let reset = format!("ALTER DATABASE \"{}\" RESET default_transaction_read_only", place.name());
    Server::shared().sql("postgres", &reset);
    // The connections that there are were told otherwise; each is let go of when it is refused.
    let store = Store::new(store);
    store.append(commit(1, "order/1", Expected::NoStream, 1)).await.expect("stored");
}
