-- What was missed counts as pushed when it has been told, and no sooner: who leaves amid it gets the
-- rest the next time. The function with three parameters stays beside the new one: processes of the
-- version before call it until they are replaced.

-- All of the thread up to p_seq was pushed to the actor: the run from their prefix grows.
CREATE FUNCTION delivered_upto(p_actor bigint, p_thread bigint, p_seq bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM marks WHERE thread_id = p_thread AND user_id = p_actor AND kind = 1
                        AND to_seq <= p_seq;
    UPDATE members SET delivered_seq = greatest(delivered_seq, p_seq)
    WHERE thread_id = p_thread AND user_id = p_actor;
    UPDATE threads SET
        delivered_lo = CASE WHEN lo_id = p_actor THEN greatest(delivered_lo, p_seq)
                            ELSE delivered_lo END,
        delivered_hi = CASE WHEN hi_id = p_actor THEN greatest(delivered_hi, p_seq)
                            ELSE delivered_hi END
    WHERE id = p_thread AND kind = 0;
    PERFORM delivered_join(p_thread, p_actor, p_seq + 1, p_seq + 1)
    WHERE marked(p_thread, p_actor, 1::smallint, p_seq + 1);
END $$;

-- What was pushed to no session of the actor and not read either, oldest first, over all threads:
-- p_limit at most, with p_last up to that id.
CREATE FUNCTION undelivered(p_actor bigint, p_limit int, p_direct boolean, p_last bigint)
RETURNS TABLE (thread_id bigint, seq bigint, id bigint, author_id bigint)
LANGUAGE sql STABLE AS $$
    SELECT n.thread_id, n.seq, n.id, n.author_id
    FROM members b
    JOIN threads t ON t.id = b.thread_id AND (t.kind = 0 OR NOT p_direct)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN t.kind = 1 THEN b.delivered_seq
                    WHEN t.lo_id = p_actor THEN t.delivered_lo
                    ELSE t.delivered_hi END AS got,
               CASE WHEN t.kind = 1 THEN b.read_seq
                    WHEN t.lo_id = p_actor
                    THEN CASE WHEN t.unread_lo = 0 THEN t.last_seq ELSE t.read_lo END
                    ELSE CASE WHEN t.unread_hi = 0 THEN t.last_seq ELSE t.read_hi END
               END AS have
        OFFSET 0) p
    -- Ids grow with seq: what lies behind the first one beyond p_last is not looked at.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p_last IS NULL THEN t.last_seq
                    ELSE coalesce((SELECT m.seq - 1 FROM messages m
                                   WHERE m.thread_id = t.id AND m.seq > p.got AND m.id > p_last
                                   ORDER BY m.seq LIMIT 1), t.last_seq) END AS upto
        OFFSET 0) q
    CROSS JOIN LATERAL (
        SELECT m.thread_id, m.seq, m.id, m.author_id FROM messages m
        WHERE m.thread_id = t.id AND m.seq > greatest(p.got, p.have, b.joined_seq)
          AND m.seq <= q.upto
          AND m.author_id <> p_actor AND NOT m.deleted AND m.held = 0
          AND NOT marked(t.id, p_actor, 1::smallint, m.seq)
          AND NOT marked(t.id, p_actor, 0::smallint, m.seq)
        ORDER BY m.seq LIMIT p_limit) n
    WHERE b.user_id = p_actor AND p.got < t.last_seq
    ORDER BY n.id LIMIT p_limit
$$;

-- Those of undelivered(). With p_later they count as pushed only when a later call has the id of the
-- last that was told as p_told, without it from now on.
CREATE FUNCTION op_undelivered(p_actor bigint, p_limit int, p_direct boolean, p_later boolean,
                               p_told bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    v_found  bigint[];
    v_marked int := 0;
BEGIN
    -- In the order in which a batch locks them.
    PERFORM 1 FROM threads t
    WHERE t.id IN (SELECT m.thread_id FROM members m JOIN threads x ON x.id = m.thread_id
                   WHERE m.user_id = p_actor
                     AND CASE WHEN x.kind = 1 THEN m.delivered_seq < x.last_seq
                              WHEN x.lo_id = p_actor THEN x.delivered_lo < x.last_seq
                              ELSE x.delivered_hi < x.last_seq END)
    ORDER BY t.kind, t.id FOR NO KEY UPDATE;
    IF p_later AND p_told > 0 THEN
        SELECT count(delivered_upto(p_actor, f.thread_id, f.seq)) INTO v_marked
        FROM (SELECT u.thread_id, max(u.seq) AS seq
              FROM undelivered(p_actor, NULL, p_direct, p_told) u GROUP BY 1 ORDER BY 1) f;
    END IF;
    SELECT array_agg(x ORDER BY f.id, k) INTO v_found
    FROM undelivered(p_actor, p_limit, p_direct, NULL) f,
         LATERAL unnest(ARRAY[f.thread_id, f.seq, f.id, f.author_id]) WITH ORDINALITY u(x, k);
    -- Of each thread the first ones were found: its run from the prefix to the last of them.
    IF NOT p_later THEN
        SELECT count(delivered_upto(p_actor, f.thread_id, f.seq)) INTO v_marked
        FROM (SELECT v_found[i * 4 + 1] AS thread_id, max(v_found[i * 4 + 2]) AS seq
              FROM generate_series(0, coalesce(cardinality(v_found), 0) / 4 - 1) i
              GROUP BY 1 ORDER BY 1) f;
    END IF;
    RETURN outcome(0, p_flags => CASE WHEN v_marked > 0 THEN 2 ELSE 0 END,
                   p_messages => v_found);
END $$;

CREATE OR REPLACE FUNCTION op_undelivered(p_actor bigint, p_limit int, p_direct boolean)
RETURNS bigint[] LANGUAGE sql AS $$
    SELECT op_undelivered(p_actor, p_limit, p_direct, false, 0)
$$;
