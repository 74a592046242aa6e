-- The request of a thread that waits for its approval is the one message that the asked one may see,
-- be it the first of the thread or one that has followed where that was deleted.

-- Of a direct thread: whether it waits for a request to be sent.
CREATE FUNCTION lacks_request(p_state smallint, p_opener bigint, p_lo bigint, p_count_lo bigint,
                              p_count_hi bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_state = 1 AND CASE p_opener WHEN p_lo THEN p_count_hi ELSE p_count_lo END = 0
$$;

-- The first of the messages that wait behind the gate; NULL when none does.
CREATE FUNCTION waits_from(p_thread bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT min(m.seq) FROM messages m
    WHERE m.thread_id = p_thread AND m.held = 1 AND NOT m.deleted
$$;

-- The first that waits becomes the request of a thread that lacks one: (thread, seq, id, author),
-- or NULL when there is nothing to do. What lies before it is deleted.
CREATE FUNCTION request_renew(p_thread bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    t threads;
    m messages;
BEGIN
    SELECT * INTO t FROM threads WHERE id = p_thread FOR NO KEY UPDATE;
    IF NOT lacks_request(t.state, t.opener_id, t.lo_id, t.count_lo, t.count_hi) THEN
        RETURN NULL;
    END IF;
    UPDATE messages SET held = 0 WHERE thread_id = t.id AND seq = waits_from(t.id)
    RETURNING * INTO m;
    IF m.id IS NULL THEN
        RETURN NULL;
    ELSIF m.author_id = t.lo_id THEN
        UPDATE threads SET count_hi = count_hi + 1, unread_hi = unread_hi + 1,
                           read_hi = CASE unread_hi WHEN 0 THEN m.seq - 1 ELSE read_hi END
        WHERE id = t.id;
    ELSE
        UPDATE threads SET count_lo = count_lo + 1, unread_lo = unread_lo + 1,
                           read_lo = CASE unread_lo WHEN 0 THEN m.seq - 1 ELSE read_lo END
        WHERE id = t.id;
    END IF;
    RETURN ARRAY[t.id, m.seq, m.id, m.author_id];
END $$;

-- How far reading everything reaches: what waits behind the gate stays unread for the asked one.
CREATE OR REPLACE FUNCTION read_limit(t threads, p_user bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN t.state = 1 AND t.opener_id <> p_user
                THEN coalesce(waits_from(t.id) - 1, t.last_seq) ELSE t.last_seq END
$$;

-- Messages by position, and the newest visible one of each of p_last; whole, in no order.
CREATE OR REPLACE FUNCTION message_view(p_viewer bigint, p_threads bigint[], p_seqs bigint[],
                                        p_last bigint[])
RETURNS TABLE (thread_id bigint, thread_uuid uuid, seq bigint, id bigint, uuid uuid,
               author_id bigint, recipient_id bigint, body text, attachments text[],
               file_rows text[], created_at timestamptz, held smallint, first boolean, reach int)
LANGUAGE sql STABLE AS $$
    SELECT m.thread_id, t.uuid, m.seq, m.id, m.uuid, m.author_id,
           CASE WHEN t.kind = 1 THEN 0 WHEN m.author_id = t.lo_id THEN t.hi_id
                ELSE t.lo_id END,
           m.text, m.attachments,
           CASE WHEN m.attachments IS NOT NULL THEN attached_files(m.attachments) END,
           m.created_at, m.held, m.held = 0 AND t.state = 1,
           CASE WHEN m.held <> 0 THEN CASE WHEN m.author_id = p_viewer THEN 8 ELSE 0 END
                WHEN t.kind = 1 THEN chat_reach(p_viewer, t.id, m.author_id, m.seq)
                ELSE reach_bits(d.got, d.read, d.read,
                                m.author_id = p_viewer OR (d.read AND d.peer = p_viewer)) END
    FROM (SELECT x.thread_id, x.seq FROM unnest(p_threads, p_seqs) x(thread_id, seq)
          UNION
          SELECT y.thread_id, l.seq
          FROM unnest(p_last) y(thread_id)
          -- Fenced: never by way of all threads of the viewer.
          CROSS JOIN LATERAL (SELECT m.joined_seq FROM members m
                              WHERE m.thread_id = y.thread_id AND m.user_id = p_viewer
                              OFFSET 0) b
          CROSS JOIN LATERAL last_visible(p_viewer, y.thread_id, b.joined_seq) l) w
    JOIN messages m ON m.thread_id = w.thread_id AND m.seq = w.seq
    JOIN threads t ON t.id = m.thread_id
    LEFT JOIN LATERAL (
        SELECT t.hi_id AS peer,
               t.unread_hi = 0 OR m.seq <= t.read_hi
               OR marked(t.id, t.hi_id, 0::smallint, m.seq) AS read,
               m.seq <= t.delivered_hi
               OR (t.gaps_hi AND marked(t.id, t.hi_id, 1::smallint, m.seq)) AS got
        WHERE m.author_id = t.lo_id
        UNION ALL
        SELECT t.lo_id,
               t.unread_lo = 0 OR m.seq <= t.read_lo
               OR marked(t.id, t.lo_id, 0::smallint, m.seq),
               m.seq <= t.delivered_lo
               OR (t.gaps_lo AND marked(t.id, t.lo_id, 1::smallint, m.seq))
        WHERE m.author_id = t.hi_id) d ON true
$$;

-- In 0005. What takes the place of a deleted request is answered behind it.
CREATE OR REPLACE FUNCTION op_delete(p_actor bigint, p_message bigint) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r        record;
    t        threads;
    m        messages;
    v_unread boolean;
    v_next   bigint[];
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
    IF t.state = 1 THEN
        v_next := request_renew(t.id);
    END IF;
    RETURN outcome(0, p_flags => 2, p_thread => t.id,
                   p_messages => ARRAY[t.id, m.seq, m.id, m.author_id] || v_next);
END $$;

-- As in 0009, but that what opens a request is the first message while there is none.
--
-- p_number 0: the writer's row is moved already.
-- p_thread: 11 numbers for each thread of the batch, ascending by id:
--   1 thread, 2 lo, 3 hi: the pair of a direct thread, if it is known and nobody else writes, else
--   0; 4 how many messages of lo, 5 of hi; 6 lo was pushed from, 7 to; 8 hi was pushed from, 9 to
--   (0: nothing; from too large: p_mark says more); 10 its first message (from 1) and 11 how many:
--   messages are ordered by thread.
-- p_place: for each message, the index of its thread (from 0).
-- p_mark: 4 numbers for each range pushed: index of the thread, user, from, to.
--
-- ret_ids: one for each message, used or not. ret_base, ret_rev, ret_unread_lo, ret_unread_hi: one
-- for each thread: its last seq before the batch, and what is so after it. ret_code: NULL when all
-- threads are plain, or one for each: 1 plain (all its messages are taken, in order), else 2 it
-- exists, 4 it is a chat, 8 requested, 16 blocked, 32 the first message taken is the request. With
-- ret_code, also: ret_lo, ret_hi: the pair; ret_member_rev; ret_taken: the messages (from 1) taken
-- in threads that are not plain, in order.
CREATE OR REPLACE FUNCTION batch(
                      p_writer bigint, p_number bigint, p_thread bigint[], p_place bigint[],
                      p_author bigint[], p_uuid uuid[], p_text text[], p_attachments text[],
                      p_mark bigint[],
                      OUT ret_at timestamptz, OUT ret_ids bigint[], OUT ret_base bigint[],
                      OUT ret_rev bigint[], OUT ret_unread_lo bigint[], OUT ret_unread_hi bigint[],
                      OUT ret_code int[], OUT ret_lo bigint[], OUT ret_hi bigint[],
                      OUT ret_member_rev bigint[], OUT ret_taken int[])
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    v_threads  int := coalesce(cardinality(p_thread), 0) / 11;
    v_messages int := coalesce(cardinality(p_place), 0);
    v_index    int[];
    v_late     int[];
    v_taken    int[];
    v_count    int;
    v_lo       int;
    v_hi       int;
    v_asks     boolean;
    r          record;
BEGIN
    -- writer_mark() by hand: a call costs more than the update, so it only says what is wrong.
    IF p_number > 0 THEN
        UPDATE writer SET number = p_number, result = NULL, at = now()
        WHERE id = p_writer AND number = p_number - 1;
        IF NOT FOUND THEN
            PERFORM writer_mark(p_writer, p_number);
        END IF;
    END IF;

    -- The settings above leave only plans that visit the rows in the order of their ids: two
    -- batches with the same threads wait for each other, and cannot deadlock.
    WITH done AS (
        UPDATE threads t SET
            last_seq = t.last_seq + g.n, rev = t.rev + g.n,
            unread_lo = t.unread_lo + g.n_hi, unread_hi = t.unread_hi + g.n_lo,
            read_lo = CASE WHEN g.n_hi > 0 AND t.unread_lo = 0 THEN t.last_seq ELSE t.read_lo END,
            read_hi = CASE WHEN g.n_lo > 0 AND t.unread_hi = 0 THEN t.last_seq ELSE t.read_hi END,
            delivered_lo = CASE WHEN g.to_lo > t.delivered_lo AND g.from_lo <= t.delivered_lo + 1
                                     AND g.to_lo <= t.last_seq AND NOT t.gaps_lo
                                THEN g.to_lo ELSE t.delivered_lo END,
            delivered_hi = CASE WHEN g.to_hi > t.delivered_hi AND g.from_hi <= t.delivered_hi + 1
                                     AND g.to_hi <= t.last_seq AND NOT t.gaps_hi
                                THEN g.to_hi ELSE t.delivered_hi END,
            count_lo = t.count_lo + g.n, count_hi = t.count_hi + g.n,
            updated_at = CASE WHEN g.n > 0 THEN now() ELSE t.updated_at END
        FROM (
            SELECT i, p_thread[i * 11 + 1] AS id, p_thread[i * 11 + 2] AS lo,
                   p_thread[i * 11 + 3] AS hi, p_thread[i * 11 + 4] AS n_lo,
                   p_thread[i * 11 + 5] AS n_hi, p_thread[i * 11 + 6] AS from_lo,
                   p_thread[i * 11 + 7] AS to_lo, p_thread[i * 11 + 8] AS from_hi,
                   p_thread[i * 11 + 9] AS to_hi, p_thread[i * 11 + 11] AS n
            -- True, and taken for rare: the plan begins here and not with all threads, however
            -- few they were when it was made.
            FROM generate_series(0, v_threads - 1) i WHERE i * 0 = 0 AND i - i = 0
            OFFSET 0
        ) g
        -- Found by id alone, in its order.
        WHERE t.id = g.id AND t.lo_id + 0 = g.lo AND t.hi_id + 0 = g.hi
          AND t.state = 0 AND NOT t.blocked_lo AND NOT t.blocked_hi
        RETURNING g.i, t.last_seq - g.n AS base, t.rev, t.unread_lo, t.unread_hi,
                  g.to_lo > t.delivered_lo OR g.to_hi > t.delivered_hi AS late
    )
    SELECT array_agg(i), array_agg(base), array_agg(rev), array_agg(unread_lo),
           array_agg(unread_hi), array_agg(i) FILTER (WHERE late)
    INTO v_index, ret_base, ret_rev, ret_unread_lo, ret_unread_hi, v_late
    FROM (SELECT * FROM done ORDER BY i) d;

    IF coalesce(cardinality(v_index), 0) < v_threads THEN
        SELECT array_agg(coalesce(base, 0)), array_agg(coalesce(rev, 0)),
               array_agg(coalesce(lo, 0)), array_agg(coalesce(hi, 0)),
               array_agg(CASE WHEN x IS NULL THEN 0 ELSE 1 END), array_agg(0), array_agg(0),
               array_agg(0), array_agg(i) FILTER (WHERE x IS NULL)
        INTO ret_base, ret_rev, ret_unread_lo, ret_unread_hi, ret_code, ret_lo, ret_hi,
             ret_member_rev, v_taken
        FROM (SELECT * FROM generate_series(0, v_threads - 1) i
              LEFT JOIN unnest(v_index, ret_base, ret_rev, ret_unread_lo, ret_unread_hi)
                        d(x, base, rev, lo, hi) ON d.x = i
              ORDER BY i) aligned;
        v_late := v_late || v_taken;
        -- Direct threads before chats, each by id, and all behind the plain ones.
        FOR r IN
            SELECT i, t.*, p_thread[i * 11 + 10]::int AS first, p_thread[i * 11 + 11]::int AS n
            FROM generate_series(0, v_threads - 1) i
            JOIN threads t ON t.id = p_thread[i * 11 + 1]
            WHERE ret_code[i + 1] = 0 AND i * 0 = 0 AND i - i = 0
            ORDER BY t.kind, t.id FOR NO KEY UPDATE OF t
        LOOP
            -- A statement of its own: it sees the membership as it is under the lock.
            SELECT array_agg(o), count(*), count(*) FILTER (WHERE p_author[o] = r.lo_id),
                   count(*) FILTER (WHERE p_author[o] = r.hi_id)
            INTO v_taken, v_count, v_lo, v_hi
            FROM generate_series(r.first, r.first + r.n - 1) o
            WHERE CASE WHEN r.kind = 1
                       THEN EXISTS (SELECT 1 FROM members m
                                    WHERE m.thread_id = r.id AND m.user_id = p_author[o])
                       ELSE p_author[o] IN (r.lo_id, r.hi_id)
                            AND NOT r.blocked_lo AND NOT r.blocked_hi
                            AND (r.state = 0 OR p_author[o] = r.opener_id) END;
            v_asks := v_count > 0 AND lacks_request(r.state, r.opener_id, r.lo_id, r.count_lo,
                                                    r.count_hi);
            ret_base[r.i + 1] := r.last_seq;
            ret_rev[r.i + 1] := r.rev + v_count;
            ret_lo[r.i + 1] := coalesce(r.lo_id, 0);
            ret_hi[r.i + 1] := coalesce(r.hi_id, 0);
            ret_member_rev[r.i + 1] := r.member_rev;
            ret_code[r.i + 1] := 2 + CASE WHEN r.kind = 1 THEN 4 ELSE 0 END
                                 + CASE WHEN r.state = 1 THEN 8 ELSE 0 END
                                 + CASE WHEN r.blocked_lo OR r.blocked_hi THEN 16 ELSE 0 END
                                 + CASE WHEN v_asks THEN 32 ELSE 0 END;
            IF v_count > 0 AND r.kind = 1 THEN
                UPDATE threads SET last_seq = last_seq + v_count, rev = rev + v_count,
                                   count_lo = count_lo + v_count, updated_at = now()
                WHERE id = r.id;
            ELSIF v_count > 0 THEN
                -- Of a requested thread, the one asked sees the request alone.
                UPDATE threads SET
                    last_seq = last_seq + v_count, rev = rev + v_count, updated_at = now(),
                    count_lo = count_lo + v_lo + s.hi, count_hi = count_hi + v_hi + s.lo,
                    unread_lo = unread_lo + s.hi, unread_hi = unread_hi + s.lo,
                    read_lo = CASE WHEN s.hi > 0 AND unread_lo = 0 THEN last_seq ELSE read_lo END,
                    read_hi = CASE WHEN s.lo > 0 AND unread_hi = 0 THEN last_seq ELSE read_hi END
                FROM (SELECT CASE WHEN r.state = 0 THEN v_lo WHEN v_asks THEN least(v_lo, 1)
                                  ELSE 0 END AS lo,
                             CASE WHEN r.state = 0 THEN v_hi WHEN v_asks THEN least(v_hi, 1)
                                  ELSE 0 END AS hi) s
                WHERE id = r.id
                RETURNING unread_lo, unread_hi INTO r.unread_lo, r.unread_hi;
                ret_unread_lo[r.i + 1] := r.unread_lo;
                ret_unread_hi[r.i + 1] := r.unread_hi;
            END IF;
            ret_taken := ret_taken || v_taken;
        END LOOP;
    END IF;
    IF v_late IS NOT NULL AND p_mark IS NOT NULL THEN
        PERFORM marks_rest(p_thread, p_mark, v_late);
    END IF;

    ret_at := clock_timestamp();
    IF v_messages > 0 THEN
        -- After the row locks: that is why ids grow with seq.
        SELECT array_agg(nextval('message_id_seq')) INTO ret_ids
        FROM generate_series(1, v_messages);

        INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, text, attachments)
        SELECT p_thread[x * 11 + 1], ret_base[x + 1] + o + 1 - p_thread[x * 11 + 10], ret_ids[o],
               p_author[o], ret_at, p_uuid[o], p_text[o], p_attachments[o]::text[]
        FROM (SELECT o, p_place[o]::int AS x FROM generate_series(1, v_messages) o OFFSET 0) m
        WHERE ret_code IS NULL OR ret_code[x + 1] = 1;
    END IF;
    IF ret_taken IS NOT NULL THEN
        INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, held, text,
                              attachments)
        SELECT p_thread[x * 11 + 1], seq, ret_ids[o], p_author[o], ret_at, p_uuid[o],
               CASE WHEN ret_code[x + 1] & 8 <> 0
                         AND (ret_code[x + 1] & 32 = 0 OR seq > ret_base[x + 1] + 1)
                    THEN 1 ELSE 0 END,
               p_text[o], p_attachments[o]::text[]
        FROM (SELECT o, x, ret_base[x + 1] + row_number() OVER (PARTITION BY x ORDER BY o) AS seq
              FROM (SELECT o, p_place[o]::int AS x FROM unnest(ret_taken) o OFFSET 0) t) m;
    END IF;
    IF p_attachments IS NOT NULL THEN
        PERFORM files_attach(ret_ids);
    END IF;
END $$;

-- Requests that were deleted before.
DO $$
BEGIN
    PERFORM request_renew(x.id)
    FROM (SELECT id FROM threads t
          WHERE t.kind = 0
            AND lacks_request(t.state, t.opener_id, t.lo_id, t.count_lo, t.count_hi)
          ORDER BY id OFFSET 0) x;
END $$;
