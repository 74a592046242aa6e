-- The hot statement anew. Most of a batch are messages and marks of direct threads that are neither
-- requested nor blocked: one UPDATE with little to compute takes them, and all other threads are
-- looked at one by one. storage/batch.c is its other half: what the arrays hold is told there too.

DROP FUNCTION append_one(bigint, bigint, bigint, bigint, uuid, text);
DROP FUNCTION batch(bigint, bigint, bigint[], bigint[], bigint[], uuid[], text[], text[], bigint[]);
DROP FUNCTION chats_delivered(bigint[], bigint[], int[]);
-- The engine knows which ranges join.
ALTER TABLE threads DROP COLUMN recent;

-- The marks of threads of a batch that the UPDATE there did not take. p_index: which threads; the
-- other arguments as in batch().
CREATE FUNCTION marks_rest(p_thread bigint[], p_mark bigint[], p_index int[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_thread bigint[];
    v_user   bigint[];
    v_from   bigint[];
    v_to     bigint[];
BEGIN
    SELECT array_agg(p_thread[p_mark[j * 4 + 1] * 11 + 1]), array_agg(p_mark[j * 4 + 2]),
           array_agg(p_mark[j * 4 + 3]), array_agg(p_mark[j * 4 + 4])
    INTO v_thread, v_user, v_from, v_to
    FROM generate_series(0, cardinality(p_mark) / 4 - 1) j
    WHERE p_mark[j * 4 + 1] = ANY (p_index);
    -- Members of chats whose prefix goes on.
    UPDATE members m SET delivered_seq = k.to_seq
    FROM unnest(v_thread, v_user, v_from, v_to) k(thread_id, user_id, from_seq, to_seq)
    JOIN threads t ON t.id = k.thread_id AND t.last_seq >= k.to_seq AND t.kind = 1
    WHERE m.thread_id = k.thread_id AND m.user_id = k.user_id
      AND k.from_seq <= m.delivered_seq + 1 AND k.to_seq > m.delivered_seq
      AND NOT EXISTS (SELECT 1 FROM marks x
                      WHERE x.thread_id = k.thread_id AND x.user_id = k.user_id AND x.kind = 1);
    -- Beyond a gap, the last range usually goes on.
    UPDATE marks x SET to_seq = k.to_seq
    FROM unnest(v_thread, v_user, v_from, v_to) k(thread_id, user_id, from_seq, to_seq)
    JOIN threads t ON t.id = k.thread_id AND t.last_seq >= k.to_seq
    WHERE x.thread_id = k.thread_id AND x.user_id = k.user_id AND x.kind = 1
      AND x.from_seq < k.from_seq AND x.to_seq = k.from_seq - 1
      AND NOT EXISTS (SELECT 1 FROM marks y
                      WHERE y.thread_id = k.thread_id AND y.user_id = k.user_id AND y.kind = 1
                        AND y.from_seq >= k.from_seq);
    PERFORM delivered_join(k.thread_id, k.user_id, k.from_seq, k.to_seq)
    FROM unnest(v_thread, v_user, v_from, v_to) k(thread_id, user_id, from_seq, to_seq)
    JOIN threads t ON t.id = k.thread_id
    LEFT JOIN members m ON m.thread_id = k.thread_id AND m.user_id = k.user_id
    WHERE k.to_seq > CASE WHEN t.kind = 1 THEN m.delivered_seq WHEN k.user_id = t.lo_id
                          THEN t.delivered_lo WHEN k.user_id = t.hi_id THEN t.delivered_hi END
      AND NOT EXISTS (SELECT 1 FROM marks x
                      WHERE x.thread_id = k.thread_id AND x.user_id = k.user_id AND x.kind = 1
                        AND x.from_seq <= k.from_seq AND x.to_seq >= k.to_seq);
END $$;

-- One batch of messages and delivered marks.
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
-- exists, 4 it is a chat, 8 requested, 16 blocked. With ret_code, also: ret_lo, ret_hi: the pair;
-- ret_member_rev; ret_taken: the messages (from 1) taken in threads that are not plain, in order.
CREATE FUNCTION batch(p_writer bigint, p_number bigint, p_thread bigint[], p_place bigint[],
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
            ret_base[r.i + 1] := r.last_seq;
            ret_rev[r.i + 1] := r.rev + v_count;
            ret_lo[r.i + 1] := coalesce(r.lo_id, 0);
            ret_hi[r.i + 1] := coalesce(r.hi_id, 0);
            ret_member_rev[r.i + 1] := r.member_rev;
            ret_code[r.i + 1] := 2 + CASE WHEN r.kind = 1 THEN 4 ELSE 0 END
                                 + CASE WHEN r.state = 1 THEN 8 ELSE 0 END
                                 + CASE WHEN r.blocked_lo OR r.blocked_hi THEN 16 ELSE 0 END;
            IF v_count > 0 AND r.kind = 1 THEN
                UPDATE threads SET last_seq = last_seq + v_count, rev = rev + v_count,
                                   count_lo = count_lo + v_count, updated_at = now()
                WHERE id = r.id;
            ELSIF v_count > 0 THEN
                -- Of a request, the one asked sees the first message alone.
                UPDATE threads SET
                    last_seq = last_seq + v_count, rev = rev + v_count, updated_at = now(),
                    count_lo = count_lo + v_lo + s.hi, count_hi = count_hi + v_hi + s.lo,
                    unread_lo = unread_lo + s.hi, unread_hi = unread_hi + s.lo,
                    read_lo = CASE WHEN s.hi > 0 AND unread_lo = 0 THEN last_seq ELSE read_lo END,
                    read_hi = CASE WHEN s.lo > 0 AND unread_hi = 0 THEN last_seq ELSE read_hi END
                FROM (SELECT CASE WHEN r.state = 0 THEN v_lo WHEN r.last_seq > 0 THEN 0
                                  ELSE least(v_lo, 1) END AS lo,
                             CASE WHEN r.state = 0 THEN v_hi WHEN r.last_seq > 0 THEN 0
                                  ELSE least(v_hi, 1) END AS hi) s
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
               CASE WHEN ret_code[x + 1] & 8 <> 0 AND seq > 1 THEN 1 ELSE 0 END, p_text[o],
               p_attachments[o]::text[]
        FROM (SELECT o, x, ret_base[x + 1] + row_number() OVER (PARTITION BY x ORDER BY o) AS seq
              FROM (SELECT o, p_place[o]::int AS x FROM unnest(ret_taken) o OFFSET 0) t) m;
    END IF;
    IF p_attachments IS NOT NULL THEN
        PERFORM files_attach(ret_ids);
    END IF;
END $$;

-- A batch of one message without attachments. Setting up batch()'s statements costs several times
-- what they do for one row, and at low load most batches are this one. Returns what batch() does.
CREATE FUNCTION append_one(p_writer bigint, p_number bigint, p_thread bigint, p_author bigint,
                           p_uuid uuid, p_text text,
                           OUT ret_at timestamptz, OUT ret_ids bigint[], OUT ret_base bigint[],
                           OUT ret_rev bigint[], OUT ret_unread_lo bigint[],
                           OUT ret_unread_hi bigint[], OUT ret_code int[], OUT ret_lo bigint[],
                           OUT ret_hi bigint[], OUT ret_member_rev bigint[], OUT ret_taken int[])
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    UPDATE writer SET number = p_number, result = NULL, at = now()
    WHERE id = p_writer AND number = p_number - 1;
    IF NOT FOUND THEN
        PERFORM writer_mark(p_writer, p_number);
    END IF;
    UPDATE threads SET
        last_seq = last_seq + 1, rev = rev + 1, updated_at = now(),
        count_lo = count_lo + 1, count_hi = count_hi + 1,
        unread_lo = CASE p_author WHEN lo_id THEN unread_lo ELSE unread_lo + 1 END,
        unread_hi = CASE p_author WHEN hi_id THEN unread_hi ELSE unread_hi + 1 END,
        read_lo = CASE WHEN p_author = lo_id OR unread_lo > 0 THEN read_lo ELSE last_seq END,
        read_hi = CASE WHEN p_author = hi_id OR unread_hi > 0 THEN read_hi ELSE last_seq END
    WHERE id = p_thread AND state = 0 AND NOT blocked_lo AND NOT blocked_hi
      AND p_author IN (lo_id, hi_id)
    RETURNING last_seq, rev, unread_lo, unread_hi INTO r;
    IF NOT FOUND THEN
        SELECT * INTO ret_at, ret_ids, ret_base, ret_rev, ret_unread_lo, ret_unread_hi, ret_code,
                      ret_lo, ret_hi, ret_member_rev, ret_taken
        FROM batch(p_writer, 0, ARRAY[p_thread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], ARRAY[0],
                   ARRAY[p_author], ARRAY[p_uuid], ARRAY[p_text], NULL, NULL);
        RETURN;
    END IF;
    INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, text)
    VALUES (p_thread, r.last_seq, nextval('message_id_seq'), p_author, clock_timestamp(), p_uuid,
            p_text)
    RETURNING created_at, ARRAY[id] INTO ret_at, ret_ids;
    ret_base := ARRAY[r.last_seq - 1];
    ret_rev := ARRAY[r.rev];
    ret_unread_lo := ARRAY[r.unread_lo];
    ret_unread_hi := ARRAY[r.unread_hi];
END $$;

-- A batch of one mark.
CREATE OR REPLACE FUNCTION mark_one(p_writer bigint, p_number bigint, p_thread bigint,
                                    p_user bigint, p_from bigint, p_to bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE writer SET number = p_number, result = NULL, at = now()
    WHERE id = p_writer AND number = p_number - 1;
    IF NOT FOUND THEN
        PERFORM writer_mark(p_writer, p_number);
    END IF;
    UPDATE threads SET
        delivered_lo = CASE p_user WHEN lo_id THEN p_to ELSE delivered_lo END,
        delivered_hi = CASE p_user WHEN hi_id THEN p_to ELSE delivered_hi END
    WHERE id = p_thread AND kind = 0 AND p_to <= last_seq
      AND CASE p_user
          WHEN lo_id THEN NOT gaps_lo AND p_to > delivered_lo AND p_from <= delivered_lo + 1
          WHEN hi_id THEN NOT gaps_hi AND p_to > delivered_hi AND p_from <= delivered_hi + 1
          ELSE false END;
    IF NOT FOUND THEN
        PERFORM 1 FROM threads WHERE id = p_thread FOR NO KEY UPDATE;
        PERFORM marks_rest(ARRAY[p_thread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
                           ARRAY[0, p_user, p_from, p_to], ARRAY[0]);
    END IF;
END $$;

-- Unread messages of others in a chat. Counting stops at 10000. Only who has read single messages
-- is asked about each.
CREATE OR REPLACE FUNCTION chat_unread(p_viewer bigint, p_thread bigint, p_read bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM marks k
               WHERE k.thread_id = p_thread AND k.user_id = p_viewer AND k.kind = 0) THEN
        RETURN (SELECT count(*) FROM (
            SELECT 1 FROM messages m
            WHERE m.thread_id = p_thread AND m.seq > p_read AND NOT m.deleted
              AND m.author_id <> p_viewer
              AND NOT EXISTS (SELECT 1 FROM marks k
                              WHERE k.thread_id = p_thread AND k.user_id = p_viewer
                                AND k.kind = 0 AND k.from_seq <= m.seq AND k.to_seq >= m.seq)
            LIMIT 10000) u);
    END IF;
    RETURN (SELECT count(*) FROM (
        SELECT 1 FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > p_read AND NOT m.deleted
          AND m.author_id <> p_viewer
        LIMIT 10000) u);
END $$;
