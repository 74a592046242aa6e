-- Operations that change threads. Each runs behind writer_mark() in one transaction, locks the
-- thread's row first, then does all else under that lock. writer_keep() leaves the outcome where a
-- resumed writer finds it.

CREATE FUNCTION writer_keep(p_writer bigint, p_result bigint[]) RETURNS bigint[]
LANGUAGE sql AS $$
    UPDATE writer SET result = p_result WHERE id = p_writer RETURNING result
$$;

-- How far reading everything reaches: what waits behind the gate stays unread for the asked one.
CREATE FUNCTION read_limit(t threads, p_user bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN t.state = 1 AND t.opener_id <> p_user THEN least(t.last_seq, 1)
           ELSE t.last_seq END
$$;

-- Everything the actor may see of the locked thread becomes read. Returns (thread, seq, id,
-- author) of the messages that were not, oldest first, the newest 10000 at most.
CREATE FUNCTION read_all(p_actor bigint, t threads) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    v_prefix bigint;
    v_unread bigint := 1;
    v_limit  bigint := read_limit(t, p_actor);
    v_read   bigint[];
BEGIN
    IF t.kind = 1 THEN
        SELECT read_seq INTO v_prefix FROM members
        WHERE thread_id = t.id AND user_id = p_actor;
    ELSIF p_actor = t.lo_id THEN
        v_prefix := t.read_lo;
        v_unread := t.unread_lo;
    ELSE
        v_prefix := t.read_hi;
        v_unread := t.unread_hi;
    END IF;
    IF v_unread > 0 AND v_prefix < v_limit THEN
        SELECT array_agg(x ORDER BY n.seq, k) INTO v_read
        FROM (SELECT m.seq, m.id, m.author_id FROM messages m
              WHERE m.thread_id = t.id AND m.seq > v_prefix AND m.author_id <> p_actor
                AND NOT m.deleted AND m.held = 0
                AND NOT EXISTS (SELECT 1 FROM marks k
                                WHERE k.thread_id = t.id AND k.user_id = p_actor AND k.kind = 0
                                  AND k.from_seq <= m.seq AND k.to_seq >= m.seq)
              ORDER BY m.seq DESC LIMIT 10000) n,
             LATERAL unnest(ARRAY[t.id, n.seq, n.id, n.author_id]) WITH ORDINALITY u(x, k);
    END IF;
    IF v_prefix >= v_limit AND v_read IS NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM marks WHERE thread_id = t.id AND user_id = p_actor;
    IF t.kind = 1 THEN
        UPDATE members SET read_seq = v_limit, delivered_seq = v_limit
        WHERE thread_id = t.id AND user_id = p_actor;
    ELSIF p_actor = t.lo_id THEN
        UPDATE threads SET read_lo = v_limit, unread_lo = 0, gaps_lo = false,
                           delivered_lo = greatest(delivered_lo, v_limit) WHERE id = t.id;
    ELSE
        UPDATE threads SET read_hi = v_limit, unread_hi = 0, gaps_hi = false,
                           delivered_hi = greatest(delivered_hi, v_limit) WHERE id = t.id;
    END IF;
    IF v_read IS NOT NULL THEN
        UPDATE threads SET rev = rev + 1 WHERE id = t.id;
    END IF;
    RETURN v_read;
END $$;

-- thread_ref() with the row locked.
CREATE FUNCTION thread_lock(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid,
                            p_name text, p_direct boolean, OUT p_status int, OUT t threads)
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM thread_ref(p_actor, p_thread, p_id, p_uuid, p_name, p_direct);
    p_status := r.p_status;
    IF p_status <> 0 OR (r.t).id IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM threads WHERE id = (r.t).id FOR NO KEY UPDATE;
    -- Again, as they are under the lock.
    SELECT * INTO r FROM thread_ref(p_actor, (r.t).id, NULL, NULL, NULL, p_direct);
    p_status := r.p_status;
    t := r.t;
END $$;

CREATE FUNCTION op_read(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid, p_name text,
                        p_direct boolean)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    r      record;
    v_read bigint[];
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, p_id, p_uuid, p_name, p_direct);
    IF r.p_status <> 0 OR (r.t).id IS NULL THEN
        RETURN outcome(r.p_status);
    END IF;
    v_read := read_all(p_actor, r.t);
    RETURN outcome(0, p_flags => CASE WHEN v_read IS NULL THEN 0 ELSE 2 END,
                   p_thread => (r.t).id, p_messages => v_read);
END $$;

CREATE FUNCTION op_history_read(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid,
                                p_name text, p_direct boolean, p_limit int, p_before bigint,
                                p_before_id bigint, p_offset bigint, p_after bigint)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    r      record;
    v_read bigint[];
    v_page bigint[];
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, p_id, p_uuid, p_name, p_direct);
    IF r.p_status <> 0 OR (r.t).id IS NULL THEN
        RETURN outcome(r.p_status);
    END IF;
    v_read := read_all(p_actor, r.t);
    v_page := history_page(p_actor, r.t, p_limit, p_before, p_before_id, p_offset, p_after);
    RETURN outcome(0, p_flags => CASE WHEN v_read IS NULL THEN 0 ELSE 2 END,
                   p_thread => (r.t).id, p_read => v_read, p_messages => v_page,
                   p_cursor => history_cursor(v_page, p_limit, p_after));
END $$;

-- The other one of a direct thread has nothing unread any more: no exceptions are needed.
CREATE FUNCTION unread_settle(p_thread bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t threads;
BEGIN
    SELECT * INTO t FROM threads WHERE id = p_thread;
    DELETE FROM marks k
    WHERE k.thread_id = t.id AND k.kind = 0
      AND ((k.user_id = t.lo_id AND t.unread_lo = 0) OR (k.user_id = t.hi_id AND t.unread_hi = 0));
    UPDATE threads SET
        read_lo = CASE WHEN t.unread_lo = 0 THEN read_limit(t, t.lo_id) ELSE read_lo END,
        read_hi = CASE WHEN t.unread_hi = 0 THEN read_limit(t, t.hi_id) ELSE read_hi END
    WHERE id = t.id;
END $$;

-- The thread and message that a message id names, locked. p_status NO_MESSAGE (8) when it is not
-- there, or not the actor's to see.
CREATE FUNCTION message_lock(p_actor bigint, p_message bigint, OUT p_status int, OUT t threads,
                             OUT m messages)
LANGUAGE plpgsql AS $$
DECLARE
    v_joined bigint := 0;
BEGIN
    p_status := 8;
    SELECT * INTO m FROM messages WHERE id = p_message;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO t FROM threads WHERE id = m.thread_id FOR NO KEY UPDATE;
    IF NOT is_member(t, p_actor) THEN
        RETURN;
    END IF;
    SELECT * INTO m FROM messages WHERE thread_id = t.id AND seq = m.seq;
    IF t.kind = 1 THEN
        SELECT joined_seq INTO v_joined FROM members
        WHERE thread_id = t.id AND user_id = p_actor;
    END IF;
    IF NOT m.deleted AND m.seq > v_joined AND (m.held = 0 OR m.author_id = p_actor) THEN
        p_status := 0;
    END IF;
END $$;

CREATE FUNCTION op_read_one(p_actor bigint, p_message bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r        record;
    t        threads;
    m        messages;
    v_read   bigint;
    v_got    bigint;
    v_left   bigint;
    v_change boolean;
BEGIN
    SELECT * INTO r FROM message_lock(p_actor, p_message);
    t := r.t;
    m := r.m;
    IF r.p_status <> 0 OR m.author_id = p_actor THEN
        RETURN outcome(8 /* NO_MESSAGE */);
    END IF;
    IF t.kind = 1 THEN
        SELECT read_seq, delivered_seq INTO v_read, v_got FROM members
        WHERE thread_id = t.id AND user_id = p_actor;
        v_change := m.seq > v_read AND NOT marked(t.id, p_actor, 0::smallint, m.seq);
        IF v_change THEN
            UPDATE members SET
                read_seq = marks_join(t.id, p_actor, 0::smallint, v_read, m.seq, m.seq),
                delivered_seq = marks_join(t.id, p_actor, 1::smallint, v_got, m.seq, m.seq)
            WHERE thread_id = t.id AND user_id = p_actor
            RETURNING read_seq INTO v_read;
        END IF;
        SELECT count(*) INTO v_left FROM (
            SELECT 1 FROM messages x
            WHERE x.thread_id = t.id AND x.seq > v_read AND x.author_id = m.author_id
              AND NOT x.deleted AND NOT marked(t.id, p_actor, 0::smallint, x.seq)
            LIMIT 10000) u;
    ELSE
        IF p_actor = t.lo_id THEN
            v_read := t.read_lo;
            v_left := t.unread_lo;
        ELSE
            v_read := t.read_hi;
            v_left := t.unread_hi;
        END IF;
        v_change := v_left > 0 AND m.seq > v_read
                    AND NOT marked(t.id, p_actor, 0::smallint, m.seq);
        IF v_change THEN
            v_left := v_left - 1;
            v_read := marks_join(t.id, p_actor, 0::smallint, v_read, m.seq, m.seq);
            UPDATE threads SET
                read_lo = CASE WHEN p_actor = lo_id THEN v_read ELSE read_lo END,
                unread_lo = CASE WHEN p_actor = lo_id THEN v_left ELSE unread_lo END,
                read_hi = CASE WHEN p_actor = hi_id THEN v_read ELSE read_hi END,
                unread_hi = CASE WHEN p_actor = hi_id THEN v_left ELSE unread_hi END
            WHERE id = t.id;
            PERFORM delivered_join(t.id, p_actor, m.seq, m.seq);
            IF v_left = 0 THEN
                PERFORM unread_settle(t.id);
            END IF;
        END IF;
    END IF;
    IF v_change THEN
        UPDATE threads SET rev = rev + 1 WHERE id = t.id;
    END IF;
    RETURN outcome(0, p_flags => CASE WHEN v_change THEN 2 ELSE 0 END, p_thread => t.id,
                   p_count => v_left, p_messages => ARRAY[t.id, m.seq, m.id, m.author_id]);
END $$;

CREATE FUNCTION op_delete(p_actor bigint, p_message bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r        record;
    t        threads;
    m        messages;
    v_unread boolean;
BEGIN
    SELECT * INTO r FROM message_lock(p_actor, p_message);
    t := r.t;
    m := r.m;
    IF r.p_status <> 0 OR m.author_id <> p_actor THEN
        RETURN outcome(8 /* NO_MESSAGE */);
    END IF;
    UPDATE messages SET deleted = true, text = '', attachments = NULL
    WHERE thread_id = t.id AND seq = m.seq;
    IF m.attachments IS NOT NULL THEN
        PERFORM files_detach(m);
    END IF;
    IF t.kind = 1 THEN
        UPDATE threads SET count_lo = count_lo - 1, rev = rev + 1 WHERE id = t.id;
        -- Who joined behind it no longer has it among the messages before.
        UPDATE members SET joined_count = joined_count - 1
        WHERE thread_id = t.id AND joined_seq >= m.seq;
    ELSIF p_actor = t.lo_id THEN
        v_unread := m.held = 0 AND t.unread_hi > 0 AND m.seq > t.read_hi
                    AND NOT marked(t.id, t.hi_id, 0::smallint, m.seq);
        UPDATE threads SET count_lo = count_lo - 1, rev = rev + 1,
                           count_hi = count_hi - CASE WHEN m.held = 0 THEN 1 ELSE 0 END,
                           unread_hi = unread_hi - CASE WHEN v_unread THEN 1 ELSE 0 END
        WHERE id = t.id;
    ELSE
        v_unread := m.held = 0 AND t.unread_lo > 0 AND m.seq > t.read_lo
                    AND NOT marked(t.id, t.lo_id, 0::smallint, m.seq);
        UPDATE threads SET count_hi = count_hi - 1, rev = rev + 1,
                           count_lo = count_lo - CASE WHEN m.held = 0 THEN 1 ELSE 0 END,
                           unread_lo = unread_lo - CASE WHEN v_unread THEN 1 ELSE 0 END
        WHERE id = t.id;
    END IF;
    IF v_unread THEN
        PERFORM unread_settle(t.id);
    END IF;
    RETURN outcome(0, p_flags => 2, p_thread => t.id,
                   p_messages => ARRAY[t.id, m.seq, m.id, m.author_id]);
END $$;

-- Opens a requested or blocked thread and releases what the gate held: the messages answered.
CREATE FUNCTION op_approve(p_actor bigint, p_thread bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r          record;
    t          threads;
    v_released bigint[];
    v_count    bigint;
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, NULL, NULL, NULL, false);
    t := r.t;
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF t.kind = 1 OR (t.state = 1 AND t.opener_id = p_actor) THEN
        RETURN outcome(5 /* FORBIDDEN */);
    ELSIF t.state = 0 AND NOT (t.blocked_lo AND p_actor = t.lo_id)
          AND NOT (t.blocked_hi AND p_actor = t.hi_id) THEN
        RETURN outcome(0, p_thread => t.id);
    END IF;
    IF t.state = 1 THEN
        WITH released AS (
            UPDATE messages SET held = 0
            WHERE thread_id = t.id AND seq > 1 AND held = 1 AND NOT deleted
            RETURNING seq, id, author_id
        )
        SELECT array_agg(x ORDER BY seq, k) INTO v_released
        FROM released, LATERAL unnest(ARRAY[t.id, seq, id, author_id]) WITH ORDINALITY u(x, k);
    END IF;
    v_count := coalesce(cardinality(v_released), 0) / 4;
    UPDATE threads SET state = 0, rev = rev + 1 + v_count,
        blocked_lo = blocked_lo AND p_actor <> lo_id,
        blocked_hi = blocked_hi AND p_actor <> hi_id,
        count_lo = count_lo + CASE WHEN t.opener_id = lo_id THEN 0 ELSE v_count END,
        unread_lo = unread_lo + CASE WHEN t.opener_id = lo_id THEN 0 ELSE v_count END,
        count_hi = count_hi + CASE WHEN t.opener_id = hi_id THEN 0 ELSE v_count END,
        unread_hi = unread_hi + CASE WHEN t.opener_id = hi_id THEN 0 ELSE v_count END
    WHERE id = t.id;
    RETURN outcome(0, p_flags => 2, p_thread => t.id, p_messages => v_released);
END $$;

CREATE FUNCTION op_block(p_actor bigint, p_thread bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r record;
    t threads;
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, NULL, NULL, NULL, false);
    t := r.t;
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF t.kind = 1 THEN
        RETURN outcome(5 /* FORBIDDEN */);
    ELSIF (CASE p_actor WHEN t.lo_id THEN t.blocked_lo ELSE t.blocked_hi END) THEN
        RETURN outcome(0, p_thread => t.id);
    END IF;
    IF t.state = 1 THEN
        UPDATE messages SET held = 2 WHERE thread_id = t.id AND seq > 1 AND held = 1;
    END IF;
    UPDATE threads SET rev = rev + 1, blocked_lo = blocked_lo OR p_actor = lo_id,
                       blocked_hi = blocked_hi OR p_actor = hi_id
    WHERE id = t.id;
    RETURN outcome(0, p_flags => 2, p_thread => t.id);
END $$;

-- What was pushed to no session of the actor and not read either, oldest first, over all threads;
-- from now on it counts as pushed.
CREATE FUNCTION op_undelivered(p_actor bigint, p_limit int, p_direct boolean) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    v_found bigint[];
    r       record;
BEGIN
    -- In the order in which a batch locks them.
    PERFORM 1 FROM threads t
    WHERE t.id IN (SELECT m.thread_id FROM members m JOIN threads x ON x.id = m.thread_id
                   WHERE m.user_id = p_actor
                     AND CASE WHEN x.kind = 1 THEN m.delivered_seq < x.last_seq
                              WHEN x.lo_id = p_actor THEN x.delivered_lo < x.last_seq
                              ELSE x.delivered_hi < x.last_seq END)
    ORDER BY t.kind, t.id FOR NO KEY UPDATE;
    SELECT array_agg(x ORDER BY f.id, k) INTO v_found
    FROM (SELECT n.thread_id, n.seq, n.id, n.author_id
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
          CROSS JOIN LATERAL (
              SELECT m.thread_id, m.seq, m.id, m.author_id FROM messages m
              WHERE m.thread_id = t.id AND m.seq > greatest(p.got, p.have, b.joined_seq)
                AND m.author_id <> p_actor AND NOT m.deleted AND m.held = 0
                AND NOT marked(t.id, p_actor, 1::smallint, m.seq)
                AND NOT marked(t.id, p_actor, 0::smallint, m.seq)
              ORDER BY m.seq LIMIT p_limit) n
          WHERE b.user_id = p_actor AND p.got < t.last_seq
          ORDER BY n.id LIMIT p_limit) f,
         LATERAL unnest(ARRAY[f.thread_id, f.seq, f.id, f.author_id]) WITH ORDINALITY u(x, k);
    -- Of each thread the first ones were found: its run from the prefix to the last of them.
    FOR r IN SELECT v_found[i * 4 + 1] AS thread_id, max(v_found[i * 4 + 2]) AS seq
             FROM generate_series(0, coalesce(cardinality(v_found), 0) / 4 - 1) i
             GROUP BY 1 ORDER BY 1
    LOOP
        DELETE FROM marks WHERE thread_id = r.thread_id AND user_id = p_actor AND kind = 1
                            AND to_seq <= r.seq;
        UPDATE members SET delivered_seq = greatest(delivered_seq, r.seq)
        WHERE thread_id = r.thread_id AND user_id = p_actor;
        UPDATE threads SET
            delivered_lo = CASE WHEN lo_id = p_actor THEN greatest(delivered_lo, r.seq)
                                ELSE delivered_lo END,
            delivered_hi = CASE WHEN hi_id = p_actor THEN greatest(delivered_hi, r.seq)
                                ELSE delivered_hi END
        WHERE id = r.thread_id AND kind = 0;
        PERFORM delivered_join(r.thread_id, p_actor, r.seq + 1, r.seq + 1)
        WHERE marked(r.thread_id, p_actor, 1::smallint, r.seq + 1);
    END LOOP;
    RETURN outcome(0, p_flags => CASE WHEN v_found IS NULL THEN 0 ELSE 2 END,
                   p_messages => v_found);
END $$;
