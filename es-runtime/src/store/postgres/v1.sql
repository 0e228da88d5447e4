-- Version 1 of the tables. A step that was released is never changed.
-- {schema} stands for the schema's quoted name, {lock} for the store's own class of advisory locks.

CREATE TABLE {schema}.es_meta (
    key text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

-- A batch takes one number, and its commits the positions from number * 65536 on: so commits that are stored
-- together are seen together by whoever reads up to a number. CACHE 1: a session that kept numbers back would
-- give them out later, below a number that readers have passed.
CREATE SEQUENCE {schema}.es_position AS bigint CACHE 1;

CREATE TABLE {schema}.es_event (
    position bigint NOT NULL,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    place integer NOT NULL,
    commit_size integer NOT NULL,
    schema_version integer NOT NULL,
    format smallint NOT NULL,
    commit_id uuid NOT NULL,
    stream text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    metadata bytea,
    payload bytea NOT NULL,
    PRIMARY KEY (position, place),
    CONSTRAINT es_event_version UNIQUE (stream, version)
);
CREATE UNIQUE INDEX es_event_commit ON {schema}.es_event (commit_id) WHERE place = 0;

CREATE TABLE {schema}.es_snapshot (
    stream text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    fingerprint bigint NOT NULL,
    commit_id uuid NOT NULL,
    format smallint NOT NULL,
    state bytea NOT NULL
);

-- Whether a stream with `actual` events is as expected: NULL is anything, -1 is at least one event.
CREATE FUNCTION {schema}.es_accepts(expected bigint, actual bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT expected IS NULL OR expected = actual OR (expected = -1 AND actual > 0) $$;

-- Stores each of the commits that can be stored, or with p_all all of them or none.
--
-- Every writer holds a lock of the store's class before it takes a position, until its transaction can be
-- seen: a reader that has seen them go knows that nothing comes below the position it looked at. The locks
-- are shared, so writers do not wait for each other; only the streams that a commit requires something of
-- are locked against their writers, and those at which a batch lost again and again against others. The locks
-- come sorted, so two batches never wait for each other in a circle. Each statement after them sees what was
-- committed before they were had.
--
-- o_status: 0 stored, 1 the stream is not as expected, 2 the id is stored already, 3 guard o_guard does not
-- hold, 4 it could be stored but another of the group could not.
CREATE FUNCTION {schema}.es_append(
    p_streams text[], p_expected bigint[], p_commits uuid[], p_sizes integer[],
    p_commit integer[], p_place integer[], p_name text[], p_schema_version integer[], p_format smallint[],
    p_occurred_at timestamptz[], p_metadata bytea[], p_payload bytea[],
    p_guard_commit integer[], p_guard_stream text[], p_guard_expected bigint[],
    p_locks integer[], p_exclusive boolean[],
    p_now timestamptz, p_all boolean, p_lock_timeout text
) RETURNS TABLE (o_commit integer, o_status integer, o_version bigint, o_position bigint, o_guard integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- By commit: the first of its guards that does not hold, and the version it met. NULL where all hold.
    broken integer[];
    actual bigint[];
BEGIN
    -- In a transaction of the caller's the level may be another, in which statements do not see what was
    -- committed while they waited.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'events are stored in transactions of the isolation level "read committed", not "%"',
            current_setting('transaction_isolation') USING ERRCODE = 'feature_not_supported';
    END IF;
    IF p_lock_timeout IS NOT NULL THEN
        PERFORM set_config('lock_timeout', p_lock_timeout, true);
    END IF;
    IF NOT true = ANY (p_exclusive) THEN
        PERFORM pg_advisory_xact_lock_shared({lock}, l) FROM unnest(p_locks) AS l;
    ELSE
        FOR i IN 1 .. cardinality(p_locks) LOOP
            IF p_exclusive[i] THEN
                PERFORM pg_advisory_xact_lock({lock}, p_locks[i]);
            ELSE
                PERFORM pg_advisory_xact_lock_shared({lock}, p_locks[i]);
            END IF;
        END LOOP;
    END IF;
    p_now := coalesce(p_now, clock_timestamp());
    -- A statement of its own: most batches require nothing, and should not pay for it.
    FOR i IN REVERSE cardinality(p_guard_commit) .. 1 LOOP
        SELECT coalesce(max(e.version), 0) INTO o_version FROM {schema}.es_event e
        WHERE e.stream = p_guard_stream[i];
        IF NOT {schema}.es_accepts(p_guard_expected[i], o_version) THEN
            broken[p_guard_commit[i]] := i;
            actual[p_guard_commit[i]] := o_version;
        END IF;
    END LOOP;

    RETURN QUERY
    WITH checked AS MATERIALIZED (
        SELECT c.*, CASE
            -- After the snapshot, so that the order of a stream is that of the log. Once: it stands alone.
            WHEN c.status = 0 AND NOT (p_all AND c.failed > 0)
            THEN ((SELECT nextval('{schema}.es_position')) << 16) + c.number - 1
        END AS taken
        FROM (
            SELECT s.*, count(*) FILTER (WHERE s.status <> 0) OVER () AS failed
            FROM (
                SELECT u.number::integer AS number, u.stream, u.commit_id, u.size,
                    coalesce(head.version, 0) AS head, head.recorded_at, known.position, known.version,
                    CASE
                        WHEN known.position IS NOT NULL THEN 2
                        WHEN NOT {schema}.es_accepts(u.expected, coalesce(head.version, 0)) THEN 1
                        WHEN broken[u.number] IS NOT NULL THEN 3
                        ELSE 0
                    END AS status
                FROM unnest(p_streams, p_expected, p_commits, p_sizes)
                    WITH ORDINALITY AS u (stream, expected, commit_id, size, number)
                -- LIMIT keeps them look-ups: as joins they would be planned over the whole table.
                LEFT JOIN LATERAL (
                    SELECT e.position, e.version FROM {schema}.es_event e
                    WHERE e.commit_id = u.commit_id AND e.place = 0 LIMIT 1
                ) known ON true
                LEFT JOIN LATERAL (
                    SELECT e.version, e.recorded_at FROM {schema}.es_event e
                    WHERE e.stream = u.stream ORDER BY e.version DESC LIMIT 1
                ) head ON true
            ) s
        ) c
    ), written AS (
        INSERT INTO {schema}.es_event (
            position, version, recorded_at, occurred_at, place, commit_size, schema_version, format,
            commit_id, stream, name, metadata, payload
        )
        SELECT c.taken, c.head + 1 + u.place, greatest(p_now, c.recorded_at), u.occurred_at, u.place, c.size,
            u.schema_version, u.format, c.commit_id, c.stream, u.name, u.metadata, u.payload
        FROM unnest(
            p_commit, p_place, p_name, p_schema_version, p_format, p_occurred_at, p_metadata, p_payload
        ) AS u (commit, place, name, schema_version, format, occurred_at, metadata, payload)
        JOIN checked c ON c.number = u.commit AND c.taken IS NOT NULL
    )
    SELECT c.number, CASE WHEN c.status = 0 AND c.taken IS NULL THEN 4 ELSE c.status END,
        CASE c.status WHEN 2 THEN c.version WHEN 3 THEN actual[c.number] ELSE c.head END,
        coalesce(c.taken, c.position, 0), coalesce(broken[c.number], 0)
    FROM checked c;
END
$$;

-- The newest event whose position belongs to a number up to this one. Not the number itself: a crash of the server
-- may undo that it was taken by a transaction that stored nothing, and it is given out again.
CREATE FUNCTION {schema}.es_last(p_newest bigint) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((
        SELECT e.position FROM {schema}.es_event e
        WHERE e.position <= (p_newest << 16) + 65535 ORDER BY e.position DESC LIMIT 1
    ), 0)
$$;

-- The newest number that was taken, and the transactions that may still be about to store theirs. In this
-- order: whoever took a number up to it had a lock before, and is among them or has ended. Where there are
-- none, o_last is the newest event. Where nothing was taken after p_known, which has been waited for, nobody
-- needs to be looked for.
CREATE FUNCTION {schema}.es_fence(p_known bigint, OUT o_newest bigint, OUT o_writers text[], OUT o_last bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO o_newest FROM {schema}.es_position s;
    IF o_newest <> p_known THEN
        SELECT array_agg(DISTINCT l.virtualtransaction) INTO o_writers FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.classid = {lock} AND l.objsubid = 2 AND l.granted
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
        IF o_writers IS NULL THEN
            o_last := {schema}.es_last(o_newest);
        END IF;
    END IF;
END
$$;

-- Which of these transactions have not ended, and the process of one of them; where all have, the newest event
-- up to p_newest. A transaction that is prepared has no process and another name than before, so it may be one
-- of them, whichever it is.
CREATE FUNCTION {schema}.es_writing(
    p_newest bigint, p_writers text[], OUT o_writers text[], OUT o_pid integer, OUT o_last bigint
) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    SELECT array_agg(DISTINCT l.virtualtransaction), min(l.pid) INTO o_writers, o_pid FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.classid = {lock} AND l.objsubid = 2 AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        AND (l.virtualtransaction = ANY (p_writers) OR l.pid IS NULL);
    IF o_writers IS NULL THEN
        o_last := {schema}.es_last(p_newest);
    END IF;
END
$$;
