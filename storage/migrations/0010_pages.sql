-- A page of what the actor may see of a thread, newest first: (thread, seq, id, author) each.
CREATE OR REPLACE FUNCTION history_page(p_actor bigint, t threads, p_limit int, p_before bigint,
                                        p_before_id bigint, p_offset bigint, p_after bigint)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_joined bigint := 0;
    v_before bigint := CASE WHEN p_before > 0 THEN p_before ELSE t.last_seq + 1 END;
    v_seq    bigint;
    v_page   bigint[];
    v_offset bigint := p_offset;
BEGIN
    IF t.kind = 1 THEN
        SELECT joined_seq INTO v_joined FROM members
        WHERE thread_id = t.id AND user_id = p_actor;
    END IF;
    IF p_after >= 0 THEN
        SELECT array_agg(x ORDER BY p.seq, k) INTO v_page
        FROM (SELECT m.seq, m.id, m.author_id FROM messages m
              WHERE m.thread_id = t.id AND m.seq > greatest(v_joined, p_after) AND NOT m.deleted
                AND (m.held = 0 OR m.author_id = p_actor)
              ORDER BY m.seq LIMIT p_limit) p,
             LATERAL unnest(ARRAY[t.id, p.seq, p.id, p.author_id]) WITH ORDINALITY u(x, k);
        RETURN v_page;
    END IF;
    IF p_before_id > 0 THEN
        SELECT m.seq INTO v_seq FROM messages m WHERE m.id = p_before_id AND m.thread_id = t.id;
        IF NOT FOUND THEN
            -- No message of this thread: its nearest older one, since ids grow with seq.
            SELECT m.seq + 1 INTO v_seq FROM messages m
            WHERE m.thread_id = t.id AND m.id < p_before_id ORDER BY m.seq DESC LIMIT 1;
        END IF;
        v_before := least(v_before, coalesce(v_seq, 0));
    END IF;
    -- Where the actor sees all messages, a page lies where its number says, however deep.
    IF t.last_seq = (CASE WHEN t.kind = 1 OR t.lo_id = p_actor THEN t.count_lo
                          ELSE t.count_hi END) THEN
        v_before := v_before - v_offset;
        v_offset := 0;
    END IF;
    SELECT array_agg(x ORDER BY p.seq DESC, k) INTO v_page
    FROM (SELECT m.seq, m.id, m.author_id FROM messages m
          WHERE m.thread_id = t.id AND m.seq < v_before AND m.seq > v_joined AND NOT m.deleted
            AND (m.held = 0 OR m.author_id = p_actor)
          ORDER BY m.seq DESC LIMIT p_limit OFFSET v_offset) p,
         LATERAL unnest(ARRAY[t.id, p.seq, p.id, p.author_id]) WITH ORDINALITY u(x, k);
    RETURN v_page;
END $$;
