//! Every statement that is prepared, once for a connection and when it is first used.

use super::schema::quoted;

/// The columns that [`Decoder`](super::rows::Decoder) reads, in its order. What the events of a commit share comes
/// with those of `$with` alone, and each column that is left out is a twentieth of a row. The first row of a
/// statement must be among them, and the first of each commit.
macro_rules! event_columns {
    ($with:literal) => {
        concat!(
            "position, version, kind, occurred_at, metadata, payload, ",
            event_columns!($with, "place"),
            ", ",
            event_columns!($with, "commit_size"),
            ", ",
            event_columns!($with, "commit_id"),
            ", ",
            event_columns!($with, "recorded_at")
        )
    };
    ($with:literal, $column:literal) => {
        concat!("CASE WHEN ", $with, " THEN ", $column, " END")
    };
    () => {
        "position, version, kind, occurred_at, metadata, payload, place, commit_size, commit_id, recorded_at"
    };
}

macro_rules! statements {
    ($($name:ident = $sql:expr,)*) => {
        /// Names a statement.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Sql {
            $($name,)*
        }

        impl Sql {
            pub(super) const COUNT: usize = [$(stringify!($name),)*].len();

            /// Its text, for the store in `schema`.
            pub(super) fn text(self, schema: &str) -> String {
                let sql = match self {
                    $(Self::$name => $sql,)*
                };
                sql.replace("{schema}", &quoted(schema))
            }
        }
    };
}

/// Where a filter leaves out some events of a commit, each of the others has all of its columns.
macro_rules! log {
    ($columns:expr, $stream:literal $(, $condition:literal)*) => {
        concat!(
            "SELECT ", $columns, ", ", $stream, " FROM {schema}.es_event WHERE position > $1 AND position <= $2",
            $($condition,)*
            " ORDER BY position LIMIT $3"
        )
    };
}

statements! {
    Append = "SELECT o_status, o_version, o_guard, o_before FROM {schema}.es_append(\
              $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
    AppendOne = "SELECT o_status, o_version, o_before FROM {schema}.es_append_one(\
                 $1, $2, $3, $4, $5, $6, $7, $8, $9)",
    Kinds = "SELECT id, name, schema_version, format FROM {schema}.es_kind",
    AddKinds = "INSERT INTO {schema}.es_kind (name, schema_version, format) \
                SELECT * FROM unnest($1::text[], $2::integer[], $3::smallint[]) ON CONFLICT DO NOTHING",
    Fence = "SELECT o_newest, o_writers, o_last FROM {schema}.es_fence($1)",
    Writing = "SELECT o_writers, o_pid, o_last FROM {schema}.es_writing($1, $2)",
    After = "SELECT position FROM {schema}.es_event WHERE position > $1 AND position <= $2 \
             ORDER BY position OFFSET $3 LIMIT 1",
    Place = "SELECT place, commit_size FROM {schema}.es_event WHERE position = $1",
    Forward = concat!(
        "SELECT ", event_columns!("place = 0 OR version = $2"), " FROM {schema}.es_event \
         WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3"
    ),
    Backward = concat!(
        "SELECT ", event_columns!(), " FROM {schema}.es_event \
         WHERE stream = $1 AND version <= $2 ORDER BY version DESC LIMIT $3"
    ),
    Replay = "SELECT version, kind, payload FROM {schema}.es_event \
              WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3",
    ReplayGroup = "SELECT e.version, e.kind, e.payload, load.number \
                   FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS load (stream, since, number) \
                   CROSS JOIN LATERAL (\
                       SELECT s.version, s.kind, s.payload FROM {schema}.es_event s \
                       WHERE s.stream = load.stream AND s.version >= load.since ORDER BY s.version LIMIT $3\
                   ) e",
    Log = log!(
        event_columns!("place = 0 OR position = $1::bigint + 1"),
        "CASE WHEN place = 0 OR position = $1::bigint + 1 THEN stream END"
    ),
    LogByName = log!(
        event_columns!(), "stream",
        " AND kind = ANY (ARRAY(SELECT k.id FROM {schema}.es_kind k WHERE k.name = ANY ($4)))"
    ),
    LogByCategory = log!(event_columns!(), "stream", " AND split_part(stream, '/', 1) = ANY ($4)"),
    LogByBoth = log!(
        event_columns!(), "stream",
        " AND kind = ANY (ARRAY(SELECT k.id FROM {schema}.es_kind k WHERE k.name = ANY ($4))) \
          AND split_part(stream, '/', 1) = ANY ($5)"
    ),
    FindCommit = "SELECT position, place, commit_size, version, stream FROM {schema}.es_event \
                  WHERE commit_id = $1 AND place = 0",
    EventsOf = concat!(
        "WITH first AS MATERIALIZED (\
             SELECT f.position, f.commit_size FROM {schema}.es_event f WHERE f.commit_id = $1 AND f.place = 0\
         ) SELECT ", event_columns!(), ", stream FROM {schema}.es_event WHERE commit_id = $1 \
         AND position >= (SELECT first.position FROM first) \
         AND position < (SELECT first.position + first.commit_size FROM first) ORDER BY position"
    ),
    LoadSnapshot = "SELECT version, commit_id, fingerprint, format, state FROM {schema}.es_snapshot \
                    WHERE stream = $1",
    SaveSnapshot = "INSERT INTO {schema}.es_snapshot AS s (stream, version, commit_id, fingerprint, format, state) \
                    VALUES ($1, $2, $3, $4, $5, $6) \
                    ON CONFLICT (stream) DO UPDATE SET version = excluded.version, \
                    commit_id = excluded.commit_id, fingerprint = excluded.fingerprint, \
                    format = excluded.format, state = excluded.state \
                    WHERE s.fingerprint <> excluded.fingerprint OR s.version <= excluded.version",
    DeleteSnapshot = "DELETE FROM {schema}.es_snapshot WHERE stream = $1",
    Newest = "SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END FROM {schema}.es_position s",
    ReadRegister = "SELECT key, revision, value FROM {schema}.es_register WHERE key = $1",
    ListRegisters = "SELECT key, revision, value FROM {schema}.es_register WHERE key >= $1 AND key < $2 \
                     ORDER BY key LIMIT $3",
    ListRegistersToEnd = "SELECT key, revision, value FROM {schema}.es_register WHERE key >= $1 \
                          ORDER BY key LIMIT $2",
    WriteRegisters = "SELECT {schema}.es_write_registers($1, $2, $3)",
}
