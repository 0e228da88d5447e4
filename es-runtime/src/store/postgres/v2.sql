-- Version 2 of the tables: what readers note, and what their transactions need.

CREATE TABLE {schema}.es_register (
    key text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL,
    value bytea NOT NULL
);

-- Makes all of the changes, or none where one register is not at the revision expected of it; 0 is one that does
-- not exist, and a value of NULL removes one. In the order of the keys, so that two callers never wait for each
-- other in a circle.
CREATE FUNCTION {schema}.es_write_registers(p_keys text[], p_expected bigint[], p_values bytea[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    w record;
BEGIN
    FOR w IN
        SELECT u.key, u.expected, u.value FROM unnest(p_keys, p_expected, p_values) AS u (key, expected, value)
        ORDER BY u.key COLLATE "C"
    LOOP
        IF w.expected > 0 AND w.value IS NOT NULL THEN
            UPDATE {schema}.es_register r SET revision = r.revision + 1, value = w.value
            WHERE r.key = w.key AND r.revision = w.expected;
        ELSIF w.expected > 0 THEN
            DELETE FROM {schema}.es_register r WHERE r.key = w.key AND r.revision = w.expected;
        ELSIF w.value IS NOT NULL THEN
            INSERT INTO {schema}.es_register (key, revision, value) VALUES (w.key, 1, w.value)
            ON CONFLICT DO NOTHING;
        ELSE
            PERFORM WHERE NOT EXISTS (SELECT FROM {schema}.es_register r WHERE r.key = w.key);
        END IF;
        IF NOT FOUND THEN
            -- What was written before it is undone.
            RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = 'another revision';
        END IF;
    END LOOP;
    RETURN true;
EXCEPTION WHEN serialization_failure THEN
    RETURN false;
END
$$;

-- Fails where this is not the transaction that was begun for a work: what is set for that one goes with it.
CREATE FUNCTION {schema}.es_expect_work() RETURNS void
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF pg_catalog.current_setting('es_runtime.work', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'the transaction was ended by one of its statements; leave it to its answer'
            USING ERRCODE = 'invalid_transaction_termination';
    END IF;
END
$$;
