-- A list of threads knows what lies behind its first page. The function with four parameters stays
-- beside the new one: processes of the version before call it until they are replaced.

-- Newest first by the last message the actor may see; the cursor is that message's id. Behind the
-- p_limit of the page come p_behind more.
CREATE FUNCTION op_thread_list(p_actor bigint, p_limit int, p_before bigint, p_direct boolean,
                               p_behind int) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_threads bigint[];
    v_keys    bigint[];
    v_unread  bigint;
BEGIN
    SELECT array_agg(thread_id), array_agg(key) INTO v_threads, v_keys
    FROM (SELECT t.id AS thread_id, l.id AS key
          FROM members m
          JOIN threads t ON t.id = m.thread_id
          CROSS JOIN LATERAL last_visible(p_actor, t.id, m.joined_seq) l
          WHERE m.user_id = p_actor AND t.last_seq > 0 AND (t.kind = 0 OR NOT p_direct)
            AND (p_before = 0 OR l.id < p_before)
          ORDER BY l.id DESC LIMIT p_limit + p_behind) s;
    SELECT count(*) INTO v_unread
    FROM members m
    JOIN threads t ON t.id = m.thread_id
    WHERE m.user_id = p_actor AND (t.kind = 0 OR NOT p_direct)
      AND CASE WHEN t.kind = 1 THEN t.last_seq > m.read_seq
                                    AND chat_unread(p_actor, t.id, m.read_seq) > 0
               WHEN t.lo_id = p_actor THEN t.unread_lo > 0 ELSE t.unread_hi > 0 END;
    RETURN outcome(0, p_threads => v_threads, p_count => v_unread,
                   p_cursor => CASE WHEN cardinality(v_threads) > p_limit
                                    THEN v_keys[p_limit] ELSE 0 END);
END $$;
