-- What several gateways on one database need of each other beside the bus.

-- The gateways alive; each renews its row every few seconds.
CREATE TABLE nodes (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What happened to threads beside new messages, for gateways that did not hear of it: written only
-- while there are several, kept for minutes. rev: of the thread, after it; span: how many revs it
-- took; kind: enum dm_command_kind; result: its outcome.
--
-- Each message takes one rev, and they grow with seq. So the revs between two points that no row
-- here accounts for are those of the messages between them, in order.
CREATE TABLE thread_events (
    thread_id bigint NOT NULL,
    rev       bigint NOT NULL,
    span      bigint NOT NULL,
    actor_id  bigint NOT NULL,
    kind      integer NOT NULL,
    result    bigint[] NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (thread_id, rev)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);
CREATE INDEX thread_events_at ON thread_events (at);

-- As in 0004, with one more number: the thread's rev after a change, filled by thread_keep().
CREATE OR REPLACE FUNCTION outcome(p_status int, p_flags int DEFAULT 0, p_thread bigint DEFAULT 0,
                        p_count bigint DEFAULT 0, p_cursor bigint DEFAULT 0,
                        p_users bigint[] DEFAULT NULL, p_threads bigint[] DEFAULT NULL,
                        p_messages bigint[] DEFAULT NULL, p_read bigint[] DEFAULT NULL)
RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[p_status, p_flags, p_thread, p_count, p_cursor,
                 coalesce(cardinality(p_users), 0), coalesce(cardinality(p_threads), 0),
                 coalesce(cardinality(p_messages), 0) / 4, coalesce(cardinality(p_read), 0) / 4, 0]
           || p_users || p_threads || p_messages || p_read
$$;

-- writer_keep() for operations that change one thread: p_kind by p_actor. The thread's row is
-- locked by the operation, so its rev is the operation's own.
CREATE FUNCTION thread_keep(p_writer bigint, p_kind int, p_actor bigint, p_result bigint[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    IF p_result[1] = 0 AND p_result[2] & 2 <> 0 AND p_result[3] <> 0 THEN
        p_result[10] := (SELECT rev FROM threads WHERE id = p_result[3]);
        IF EXISTS (SELECT 1 FROM nodes WHERE at > now() - interval '1 minute' OFFSET 1) THEN
            -- 67: APPROVE, which also takes one rev for each message that it releases.
            INSERT INTO thread_events (thread_id, rev, span, actor_id, kind, result)
            VALUES (p_result[3], p_result[10],
                    CASE WHEN p_kind = 67 THEN 1 + p_result[8] ELSE 1 END, p_actor, p_kind,
                    p_result)
            ON CONFLICT DO NOTHING;
        END IF;
    END IF;
    UPDATE writer SET result = p_result WHERE id = p_writer;
    RETURN p_result;
END $$;

-- Renews a gateway's row. Returns the time, in microseconds; how many others are surely alive; their
-- ids; and the ids of those that may be. Each gateway holds a shared advisory lock on its id over the
-- connection that listens: one without is alive only if it has been so a moment ago, since that
-- connection may just have been lost.
CREATE FUNCTION node_beat(p_node bigint) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_sure  bigint[];
    v_maybe bigint[];
BEGIN
    UPDATE nodes SET at = clock_timestamp() WHERE id = p_node;
    IF NOT FOUND THEN
        INSERT INTO nodes VALUES (p_node, clock_timestamp());
        DELETE FROM nodes WHERE id IN (SELECT id FROM nodes WHERE at < now() - interval '1 hour'
                                       FOR UPDATE SKIP LOCKED);
    END IF;
    IF random() < 0.05 THEN
        DELETE FROM thread_events WHERE (thread_id, rev) IN (
            SELECT thread_id, rev FROM thread_events WHERE at < now() - interval '10 minutes'
            ORDER BY at LIMIT 10000 FOR UPDATE SKIP LOCKED);
    END IF;
    WITH locked AS MATERIALIZED (
        SELECT (classid::bigint << 32) | objid::bigint AS id FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    SELECT array_agg(n.id ORDER BY n.id) FILTER (WHERE l.id IS NOT NULL),
           array_agg(n.id ORDER BY n.id) FILTER (WHERE l.id IS NULL)
    INTO v_sure, v_maybe
    FROM nodes n LEFT JOIN (SELECT DISTINCT id FROM locked) l ON l.id = n.id
    WHERE n.id <> p_node
      AND n.at > clock_timestamp() - CASE WHEN l.id IS NULL THEN interval '5 s'
                                          ELSE interval '10 s' END;
    RETURN ARRAY[(extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
                 coalesce(cardinality(v_sure), 0)] || v_sure || v_maybe;
END $$;

-- The revs of a thread's newest p_count messages, newest first.
CREATE FUNCTION message_revs(t threads, p_count bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT r FROM generate_series(t.rev, greatest(
        t.rev - p_count - (SELECT coalesce(sum(e.span), 0)::bigint FROM thread_events e
                           WHERE e.thread_id = t.id AND e.rev <= t.rev) + 1, 1), -1) r
    WHERE NOT EXISTS (SELECT 1 FROM thread_events e
                      WHERE e.thread_id = t.id AND e.rev <= t.rev
                        AND r <= e.rev AND r > e.rev - e.span)
    ORDER BY r DESC LIMIT p_count
$$;

-- As in 0002, with the rev of each message itself.
CREATE OR REPLACE FUNCTION batch_lookup(p_threads bigint[], p_authors bigint[], p_uuids uuid[])
RETURNS TABLE (seq bigint, id bigint, created_at timestamptz, held smallint, rev bigint,
               member_rev bigint, unread bigint, member boolean, requested boolean,
               blocked boolean)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(m.seq, 0), coalesce(m.id, 0), m.created_at, coalesce(m.held, 0::smallint),
           coalesce((SELECT min(r) FROM message_revs(t, t.last_seq - m.seq + 1) r), 0),
           coalesce(t.member_rev, 0),
           CASE i.author WHEN t.lo_id THEN t.unread_hi WHEN t.hi_id THEN t.unread_lo ELSE 0 END,
           EXISTS (SELECT 1 FROM members b WHERE b.thread_id = t.id AND b.user_id = i.author),
           coalesce(t.state = 1, false), coalesce(t.blocked_lo OR t.blocked_hi, false)
    FROM unnest(p_threads, p_authors, p_uuids) WITH ORDINALITY i(thread, author, uuid, o)
    LEFT JOIN threads t ON t.id = i.thread
    LEFT JOIN LATERAL (
        SELECT x.seq, x.id, x.created_at, x.held FROM messages x
        WHERE x.thread_id = t.id AND x.seq > t.last_seq - 100000 AND x.uuid = i.uuid
        ORDER BY x.seq DESC LIMIT 1) m ON true
    ORDER BY i.o
$$;

-- Threads of p_users in which something happened after p_since.
CREATE FUNCTION op_threads_touched(p_users bigint[], p_since timestamptz) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT outcome(0, p_threads => (
        SELECT array_agg(id ORDER BY id) FROM (
            SELECT DISTINCT t.id
            FROM members m JOIN threads t ON t.id = m.thread_id
            WHERE m.user_id = ANY (p_users)
              AND (t.updated_at > p_since
                   OR EXISTS (SELECT 1 FROM thread_events e
                              WHERE e.thread_id = t.id AND e.at > p_since))) x))
$$;

-- What happened in a thread behind p_rev and p_seq (when p_rev is 0: after p_since), but only below
-- p_before (0: no limit), in order. kind 128 is a message, 0 one that nobody is shown. A row of
-- kind -1 comes last and bears the rev up to which this is all.
CREATE FUNCTION thread_events_read(p_thread bigint, p_rev bigint, p_seq bigint,
                                   p_since timestamptz, p_before bigint)
RETURNS TABLE (rev bigint, span bigint, actor_id bigint, kind int, result bigint[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
    t       threads;
    v_count bigint;
    v_seq   bigint := p_seq;
BEGIN
    SELECT * INTO t FROM threads WHERE id = p_thread;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF p_rev > 0 THEN
        SELECT t.rev - p_rev - coalesce(sum(least(e.span, e.rev - p_rev)), 0) INTO v_count
        FROM thread_events e WHERE e.thread_id = p_thread AND e.rev > p_rev AND e.rev <= t.rev;
        v_seq := greatest(v_seq, t.last_seq - v_count);
    ELSE
        v_seq := greatest(v_seq, coalesce(
            (SELECT m.seq FROM messages m WHERE m.thread_id = p_thread AND m.created_at <= p_since
             ORDER BY m.seq DESC LIMIT 1), 0));
    END IF;
    v_count := greatest(t.last_seq - v_seq, 0);
    RETURN QUERY
    WITH cold AS (
        SELECT e.rev, e.span, e.actor_id, e.kind, e.result, e.at FROM thread_events e
        WHERE e.thread_id = p_thread AND e.rev <= t.rev
    ), free AS (
        SELECT r, row_number() OVER (ORDER BY r DESC) AS n FROM message_revs(t, v_count) r
    ), hot AS (
        SELECT m.*, row_number() OVER (ORDER BY m.seq DESC) AS n FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > v_seq AND m.seq <= t.last_seq
    )
    SELECT * FROM (
        SELECT coalesce(f.r, t.rev) AS rev, 1::bigint AS span, h.author_id,
               CASE WHEN h.deleted OR h.held <> 0 THEN 0 ELSE 128 END,
               outcome(0, p_thread => p_thread,
                       p_messages => ARRAY[p_thread, h.seq, h.id, h.author_id])
        FROM hot h LEFT JOIN free f ON f.n = h.n
        UNION ALL
        SELECT c.rev, c.span, c.actor_id, c.kind, c.result FROM cold c
        WHERE CASE WHEN p_rev > 0 THEN c.rev > p_rev ELSE c.at > p_since END
    ) x
    WHERE p_before = 0 OR x.rev < p_before
    ORDER BY x.rev LIMIT 1000;
    RETURN QUERY SELECT CASE WHEN p_before = 0 THEN t.rev ELSE least(t.rev, p_before - 1) END,
                        0::bigint, 0::bigint, -1, NULL::bigint[];
END $$;
