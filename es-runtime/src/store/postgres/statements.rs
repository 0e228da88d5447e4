//! Every statement that is prepared, once for a connection and when it is first used.

use super::schema::quoted;

/// The columns that [`Decoder`](super::rows::Decoder) reads, in its order.
macro_rules! event_columns {
    () => {
        "position, place, commit_size, version, schema_version, format, commit_id, recorded_at, occurred_at, \
         name, metadata, payload"
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

macro_rules! log {
    ($($condition:literal),*) => {
        concat!(
            "SELECT ", event_columns!(), ", stream FROM {schema}.es_event \
             WHERE (position, place) > ($1, $2) AND position <= $3",
            $($condition,)*
            " ORDER BY position, place LIMIT $4"
        )
    };
}

statements! {
    Append = "SELECT o_commit, o_status, o_version, o_position, o_guard FROM {schema}.es_append(\
              $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    Fence = "SELECT o_newest, o_writers, o_last FROM {schema}.es_fence($1)",
    Writing = "SELECT o_writers, o_pid, o_last FROM {schema}.es_writing($1, $2)",
    After = "SELECT position FROM {schema}.es_event WHERE position > $1 AND position <= $2 \
             ORDER BY position OFFSET $3 LIMIT 1",
    Forward = concat!(
        "SELECT ", event_columns!(), " FROM {schema}.es_event \
         WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3"
    ),
    Backward = concat!(
        "SELECT ", event_columns!(), " FROM {schema}.es_event \
         WHERE stream = $1 AND version <= $2 ORDER BY version DESC LIMIT $3"
    ),
    Replay = "SELECT version, name, schema_version, format, payload FROM {schema}.es_event \
              WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3",
    Log = log!(),
    LogByName = log!(" AND name = ANY ($5)"),
    LogByCategory = log!(" AND split_part(stream, '/', 1) = ANY ($5)"),
    LogByBoth = log!(" AND name = ANY ($5) AND split_part(stream, '/', 1) = ANY ($6)"),
    FindCommit = "SELECT position, place, commit_size, version, stream FROM {schema}.es_event \
                  WHERE commit_id = $1 AND place = 0",
    EventsOf = concat!(
        "SELECT ", event_columns!(), ", stream FROM {schema}.es_event WHERE position = \
         (SELECT position FROM {schema}.es_event WHERE commit_id = $1 AND place = 0) ORDER BY place"
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
