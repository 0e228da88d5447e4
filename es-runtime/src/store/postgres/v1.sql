-- Version 1 of the tables. A step that was released is never changed.
-- {schema} stands for the schema's quoted name, {lock} for the store's own class of advisory locks.

CREATE TABLE {schema}.es_meta (
    key text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

-- A batch takes one number, and its events the positions from number * 1048576 on: so commits that are stored
-- together are seen together by whoever reads up to a number, and an event has one key of 8 bytes. CACHE 1: a
-- session that kept numbers back would give them out later, below a number that readers have passed.
CREATE SEQUENCE {schema}.es_position AS bigint CACHE 1;

-- What events are called, and how they are written: a handful of combinations that every event would repeat. Rows
-- are added, each in a transaction of its own before the first event that needs it, and never changed, so programs
-- may remember them. One that no event needs does no harm.
CREATE TABLE {schema}.es_kind (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    schema_version integer NOT NULL,
    format smallint NOT NULL,
    UNIQUE (name, schema_version, format)
);

-- The commit of an event is at position - place. No foreign key to the kind: it would be looked up again for each
-- event.
CREATE TABLE {schema}.es_event (
    position bigint PRIMARY KEY,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    commit_id uuid NOT NULL,
    kind integer NOT NULL,
    place integer NOT NULL,
    commit_size integer NOT NULL,
    stream text COLLATE "C" NOT NULL,
    metadata bytea,
    payload bytea NOT NULL,
    CONSTRAINT es_event_version UNIQUE (stream, version)
);
CREATE UNIQUE INDEX es_event_commit ON {schema}.es_event (commit_id) WHERE place = 0;

-- The events with their names, for people.
CREATE VIEW {schema}.es_log AS
SELECT e.position, e.stream, e.version, k.name, k.schema_version, k.format, e.commit_id, e.place, e.commit_size,
    e.recorded_at, e.occurred_at, e.metadata, e.payload
FROM {schema}.es_event e LEFT JOIN {schema}.es_kind k ON k.id = e.kind;

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
-- What there is none of comes as NULL: guards, locks that keep others out, metadata. The answers are arrays by
-- commit, in one row. o_status: 0 stored, 1 the stream is not as expected, 2 the id is stored already, 3 guard
-- o_guard does not hold, 4 it could be stored but another of the group could not. o_version is that of the stream,
-- before the commit, or of the guard's. Event n has the position o_before + n.
CREATE FUNCTION {schema}.es_append(
    p_streams text[], p_expected bigint[], p_commits uuid[], p_firsts integer[], p_sizes integer[],
    p_commit integer[], p_kind integer[], p_occurred_at timestamptz[], p_metadata bytea[], p_payload bytea[],
    p_guard_commit integer[], p_guard_stream text[], p_guard_expected bigint[],
    p_locks integer[], p_exclusive boolean[],
    p_now timestamptz, p_all boolean, p_lock_timeout text,
    OUT o_status integer[], OUT o_version bigint[], OUT o_guard integer[], OUT o_before bigint
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    times timestamptz[];
    is_locked boolean;
    broken integer;
    actual bigint;
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
    -- Assignments, because a statement for each would cost more than the lock.
    FOR i IN 1 .. cardinality(p_locks) LOOP
        IF p_exclusive[i] THEN
            is_locked := pg_advisory_xact_lock({lock}, p_locks[i]) IS NOT NULL;
        ELSE
            is_locked := pg_advisory_xact_lock_shared({lock}, p_locks[i]) IS NOT NULL;
        END IF;
    END LOOP;
    p_now := coalesce(p_now, clock_timestamp());

    -- In the order of the commits: look-ups that depend on a row can only be made row by row. LIMIT keeps them
    -- look-ups: as joins they would be planned over the whole table.
    SELECT array_agg(coalesce(head.version, 0)), array_agg(greatest(p_now, head.recorded_at)),
        array_agg(CASE
            WHEN known.found THEN 2
            WHEN NOT {schema}.es_accepts(u.expected, coalesce(head.version, 0)) THEN 1
            ELSE 0
        END)
    INTO o_version, times, o_status
    FROM unnest(p_streams, p_expected, p_commits) AS u (stream, expected, commit_id)
    LEFT JOIN LATERAL (
        SELECT true AS found FROM {schema}.es_event e
        WHERE e.commit_id = u.commit_id AND e.place = 0 LIMIT 1
    ) known ON true
    LEFT JOIN LATERAL (
        SELECT e.version, e.recorded_at FROM {schema}.es_event e
        WHERE e.stream = u.stream ORDER BY e.version DESC LIMIT 1
    ) head ON true;

    -- A statement of its own: most batches require nothing, and should not pay for it. Backwards, so that the
    -- first that does not hold is told.
    IF p_guard_commit IS NOT NULL THEN
        o_guard := array_fill(0, ARRAY[cardinality(p_streams)]);
        FOR i IN REVERSE cardinality(p_guard_commit) .. 1 LOOP
            broken := p_guard_commit[i];
            IF o_status[broken] IN (0, 3) THEN
                SELECT coalesce(max(e.version), 0) INTO actual FROM {schema}.es_event e
                WHERE e.stream = p_guard_stream[i];
                IF NOT {schema}.es_accepts(p_guard_expected[i], actual) THEN
                    o_status[broken] := 3;
                    o_version[broken] := actual;
                    o_guard[broken] := i;
                END IF;
            END IF;
        END LOOP;
    END IF;
    IF p_all AND NOT 0 = ALL (o_status) THEN
        o_status := array_replace(o_status, 0, 4);
    END IF;
    IF NOT 0 = ANY (o_status) THEN
        RETURN;
    END IF;

    -- After the look at the streams, so that the order of a stream is that of the log: who stored the events that
    -- were seen there took their positions before.
    o_before := (nextval('{schema}.es_position') << 20) - 1;
    INSERT INTO {schema}.es_event (
        position, version, recorded_at, occurred_at, commit_id, kind, place, commit_size, stream, metadata, payload
    )
    SELECT o_before + n, o_version[p_commit[n]] + 1 + n - p_firsts[p_commit[n]], times[p_commit[n]],
        p_occurred_at[n], p_commits[p_commit[n]], p_kind[n], n - p_firsts[p_commit[n]], p_sizes[p_commit[n]],
        p_streams[p_commit[n]], p_metadata[n], p_payload[n]
    FROM generate_series(1, cardinality(p_commit)) AS n
    WHERE o_status[p_commit[n]] = 0;
END
$$;

-- es_append for one commit that requires nothing, which most batches are: without arrays of one item, and with the id
-- looked for only where the stream is not as expected. Elsewhere the index finds it, and the writer asks es_append.
CREATE FUNCTION {schema}.es_append_one(
    p_stream text, p_expected bigint, p_commit uuid, p_lock integer,
    p_kind integer[], p_occurred_at timestamptz[], p_metadata bytea[], p_payload bytea[], p_now timestamptz,
    OUT o_status integer, OUT o_version bigint, OUT o_before bigint
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    is_locked boolean;
    last timestamptz;
BEGIN
    is_locked := pg_advisory_xact_lock_shared({lock}, p_lock) IS NOT NULL;
    SELECT e.version, e.recorded_at INTO o_version, last FROM {schema}.es_event e
    WHERE e.stream = p_stream ORDER BY e.version DESC LIMIT 1;
    o_version := coalesce(o_version, 0);
    o_status := 0;
    -- Spelt out, as a call that is not inlined would cost more than the rest.
    IF NOT (p_expected IS NULL OR p_expected = o_version OR (p_expected = -1 AND o_version > 0)) THEN
        SELECT 1 + count(*) INTO o_status FROM {schema}.es_event e WHERE e.commit_id = p_commit AND e.place = 0;
        RETURN;
    END IF;

    p_now := greatest(coalesce(p_now, clock_timestamp()), last);
    o_before := (nextval('{schema}.es_position') << 20) - 1;
    INSERT INTO {schema}.es_event (
        position, version, recorded_at, occurred_at, commit_id, kind, place, commit_size, stream, metadata, payload
    )
    SELECT o_before + n, o_version + n, p_now, p_occurred_at[n], p_commit, p_kind[n], n - 1, cardinality(p_payload),
        p_stream, p_metadata[n], p_payload[n]
    FROM (SELECT generate_series(1, cardinality(p_payload)) AS n) numbers;
END
$$;

-- The newest event whose position belongs to a number up to this one. Not the number itself: a crash of the server
-- may undo that it was taken by a transaction that stored nothing, and it is given out again.
CREATE FUNCTION {schema}.es_last(p_newest bigint) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT coalesce((
        SELECT e.position FROM {schema}.es_event e
        WHERE e.position <= (p_newest << 20) + 1048575 ORDER BY e.position DESC LIMIT 1
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
