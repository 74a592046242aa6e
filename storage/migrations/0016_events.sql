-- As in 0008, but that a message which was let out later is told there alone.
--
-- What happened in a thread behind p_rev and p_seq (when p_rev is 0: after p_since), but only below
-- p_before (0: no limit), in order. kind 128 is a message, 0 one that nobody is shown. A row of
-- kind -1 comes last and bears the rev up to which this is all.
CREATE OR REPLACE FUNCTION thread_events_read(p_thread bigint, p_rev bigint, p_seq bigint,
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
    ), let_out AS (
        -- By APPROVE (67), or by DELETE (131) behind what was deleted.
        SELECT c.result[12 + 4 * i] AS seq
        FROM cold c, generate_series(CASE c.kind WHEN 131 THEN 1 ELSE 0 END,
                                     c.result[8]::int - 1) i
        WHERE c.kind IN (67, 131)
    ), free AS (
        SELECT r, row_number() OVER (ORDER BY r DESC) AS n FROM message_revs(t, v_count) r
    ), hot AS (
        SELECT m.*, row_number() OVER (ORDER BY m.seq DESC) AS n FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > v_seq AND m.seq <= t.last_seq
    )
    SELECT * FROM (
        SELECT coalesce(f.r, t.rev) AS rev, 1::bigint AS span, h.author_id,
               CASE WHEN h.deleted OR h.held <> 0 OR h.seq IN (SELECT o.seq FROM let_out o)
                    THEN 0 ELSE 128 END,
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
