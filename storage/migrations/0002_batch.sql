-- The hot statement. storage/batch.c is its other half: what the arrays hold is told there too.

-- Moves a write connection's row to p_number, or says why not: DM001 that unit is committed
-- already, DM002 there is no such row, DM003 the row is elsewhere (two owners: a fault).
CREATE FUNCTION writer_mark(p_writer bigint, p_number bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_number bigint;
BEGIN
    UPDATE writer SET number = p_number, result = NULL, at = now()
    WHERE id = p_writer AND number = p_number - 1;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT number INTO v_number FROM writer WHERE id = p_writer;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'writer % is unknown', p_writer USING ERRCODE = 'DM002';
    ELSIF v_number = p_number THEN
        RAISE EXCEPTION 'unit % of writer % is done', p_number, p_writer USING ERRCODE = 'DM001';
    END IF;
    RAISE EXCEPTION 'writer % is at %, not %', p_writer, v_number, p_number - 1
        USING ERRCODE = 'DM003';
END $$;

-- Joins [p_from, p_to] to what p_user has been pushed in a thread (p_kind 1) or read (0) and
-- returns the new prefix. The thread's row is locked by the caller. What is not p_user's to
-- receive (own, deleted, held messages) does not break a run.
CREATE FUNCTION marks_join(p_thread bigint, p_user bigint, p_kind smallint, p_prefix bigint,
                           p_from bigint, p_to bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    v_from bigint := p_from;
    v_to   bigint := p_to;
    v_gap  bigint;
    r      record;
BEGIN
    IF p_to <= p_prefix THEN
        RETURN p_prefix;
    END IF;
    LOOP
        -- The nearest message below the run that somebody still owes the user.
        SELECT m.seq INTO v_gap FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > p_prefix AND m.seq < v_from
          AND m.author_id <> p_user AND NOT m.deleted AND m.held <> 2
        ORDER BY m.seq DESC LIMIT 1;
        IF v_gap IS NULL THEN
            v_from := p_prefix + 1;
            EXIT;
        END IF;
        v_from := v_gap + 1;
        SELECT k.from_seq INTO r FROM marks k
        WHERE k.thread_id = p_thread AND k.user_id = p_user AND k.kind = p_kind
          AND k.from_seq <= v_gap AND k.to_seq >= v_gap;
        EXIT WHEN NOT FOUND;
        v_from := least(v_from, r.from_seq);
    END LOOP;
    LOOP
        SELECT min(m.seq) INTO v_gap FROM messages m
        WHERE m.thread_id = p_thread AND m.seq > v_to
          AND m.author_id <> p_user AND NOT m.deleted AND m.held <> 2;
        EXIT WHEN v_gap IS NULL;
        v_to := v_gap - 1;
        SELECT k.to_seq INTO r FROM marks k
        WHERE k.thread_id = p_thread AND k.user_id = p_user AND k.kind = p_kind
          AND k.from_seq <= v_gap AND k.to_seq >= v_gap;
        EXIT WHEN NOT FOUND;
        v_to := greatest(v_to, r.to_seq);
    END LOOP;
    v_to := greatest(v_to, p_to);
    DELETE FROM marks k
    WHERE k.thread_id = p_thread AND k.user_id = p_user AND k.kind = p_kind
      AND k.from_seq <= v_to AND k.to_seq >= v_from;
    IF v_from <= p_prefix + 1 THEN
        RETURN v_to;
    END IF;
    INSERT INTO marks VALUES (p_thread, p_user, p_kind, v_from, v_to);
    RETURN p_prefix;
END $$;

-- As marks_join for what a member was pushed, with the prefix where it lies.
CREATE FUNCTION delivered_join(p_thread bigint, p_user bigint, p_from bigint, p_to bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t        threads;
    v_to     bigint;
    v_prefix bigint;
    v_gaps   boolean;
BEGIN
    SELECT * INTO t FROM threads WHERE id = p_thread;
    v_to := least(p_to, t.last_seq);
    IF p_from < 1 OR p_from > v_to THEN
        RETURN;
    END IF;
    IF t.kind = 1 THEN
        SELECT delivered_seq INTO v_prefix FROM members
        WHERE thread_id = p_thread AND user_id = p_user;
        IF FOUND THEN
            UPDATE members
            SET delivered_seq = marks_join(p_thread, p_user, 1::smallint, v_prefix, p_from, v_to)
            WHERE thread_id = p_thread AND user_id = p_user;
        END IF;
        RETURN;
    END IF;
    CASE p_user
        WHEN t.lo_id THEN v_prefix := t.delivered_lo;
        WHEN t.hi_id THEN v_prefix := t.delivered_hi;
        ELSE RETURN;
    END CASE;
    v_prefix := marks_join(p_thread, p_user, 1::smallint, v_prefix, p_from, v_to);
    v_gaps := EXISTS (SELECT 1 FROM marks
                      WHERE thread_id = p_thread AND user_id = p_user AND kind = 1);
    IF p_user = t.lo_id THEN
        UPDATE threads SET delivered_lo = v_prefix, gaps_lo = v_gaps WHERE id = p_thread;
    ELSE
        UPDATE threads SET delivered_hi = v_prefix, gaps_hi = v_gaps WHERE id = p_thread;
    END IF;
END $$;

-- The marks of a batch that concern chats; arguments as in batch().
CREATE FUNCTION chats_delivered(p_thread bigint[], p_mark bigint[], p_code int[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE members m SET delivered_seq = k.to_seq
    FROM (SELECT p_thread[p_mark[j * 4 + 1] * 16 + 1] AS thread_id, p_mark[j * 4 + 2] AS user_id,
                 p_mark[j * 4 + 3] AS from_seq, p_mark[j * 4 + 4] AS to_seq
          FROM generate_series(0, cardinality(p_mark) / 4 - 1) j
          WHERE p_code[p_mark[j * 4 + 1] + 1] & 128 <> 0 OFFSET 0) k
    JOIN threads t ON t.id = k.thread_id AND t.last_seq >= k.to_seq
    WHERE m.thread_id = k.thread_id AND m.user_id = k.user_id
      AND k.from_seq <= m.delivered_seq + 1 AND k.to_seq > m.delivered_seq
      AND NOT EXISTS (SELECT 1 FROM marks x
                      WHERE x.thread_id = k.thread_id AND x.user_id = k.user_id AND x.kind = 1);
    PERFORM delivered_join(k.thread_id, k.user_id, k.from_seq, k.to_seq)
    FROM (SELECT p_thread[p_mark[j * 4 + 1] * 16 + 1] AS thread_id, p_mark[j * 4 + 2] AS user_id,
                 p_mark[j * 4 + 3] AS from_seq, p_mark[j * 4 + 4] AS to_seq
          FROM generate_series(0, cardinality(p_mark) / 4 - 1) j
          WHERE p_code[p_mark[j * 4 + 1] + 1] & 128 <> 0 OFFSET 0) k
    JOIN members m ON m.thread_id = k.thread_id AND m.user_id = k.user_id
    WHERE m.delivered_seq < k.to_seq;
END $$;

-- One batch of messages and delivered marks.
--
-- p_number 0: the writer's row is moved already.
-- p_thread: 16 numbers for each thread of the batch, ascending by id:
--   1 thread, 2 author a, 3 how many of a, 4 author b (0 none), 5 how many of b, a < b; of others
--   there may be more, which a direct thread refuses; 6 who wrote the last 62 of them, the newest
--   in bit 0, 1 for b; 7 user u, 8 from, 9 to, 10 bits; 11 user v, 12 from, 13 to, 14 bits, u < v:
--   u was pushed from..to, and before that what the bits say (bit 0 is `to`); 0 for no user;
--   15 its first message (from 1) and 16 how many: messages are ordered by thread.
-- p_message: index of the thread << 24 | messages of a up to and with this one << 13 | of b << 2
--   | author (0 a, 1 b, 2 another).
-- p_mark: 4 numbers for each range pushed: index of the thread, user, from, to.
--
-- ret_ids: one for each message, used or not. The other arrays have one entry for each thread:
-- ret_base: its last seq before the batch; ret_rev: after it; ret_code: 0 unknown thread, else 1 a
-- accepted, 2 b accepted, 8 a is a member, 16 b is, 32 requested, 64 blocked, 128 chat;
-- ret_unread_a: left to the reader of a. ret_chat: the messages (from 1) that chats accepted, in
-- order of seq.
CREATE FUNCTION batch(p_writer bigint, p_number bigint, p_thread bigint[], p_message bigint[],
                      p_author bigint[], p_uuid uuid[], p_text text[], p_attachments text[],
                      p_mark bigint[],
                      OUT ret_at timestamptz, OUT ret_ids bigint[], OUT ret_base bigint[],
                      OUT ret_rev bigint[], OUT ret_code int[],
                      OUT ret_unread_a bigint[], OUT ret_unread_b bigint[],
                      OUT ret_member_rev bigint[], OUT ret_chat int[])
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_material = off SET enable_bitmapscan = off SET jit = off
AS $$
DECLARE
    v_threads  int := coalesce(cardinality(p_thread), 0) / 16;
    v_messages int := coalesce(cardinality(p_message), 0);
    v_marks    int := coalesce(cardinality(p_mark), 0) / 4;
    v_index    int[];
    v_late     int[];
    v_taken    int[];
    v_count    int;
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
        UPDATE threads t
        SET (last_seq, rev, unread_lo, unread_hi, read_lo, read_hi, delivered_lo, delivered_hi,
             count_lo, count_hi, recent, updated_at) = (
            SELECT t.last_seq + n, t.rev + n,
                   t.unread_lo + seen_hi, t.unread_hi + seen_lo,
                   CASE WHEN seen_hi > 0 AND t.unread_lo = 0 THEN t.last_seq ELSE t.read_lo END,
                   CASE WHEN seen_lo > 0 AND t.unread_hi = 0 THEN t.last_seq ELSE t.read_hi END,
                   CASE WHEN to_lo <= t.delivered_lo OR to_lo > t.last_seq OR t.gaps_lo
                        THEN t.delivered_lo
                        WHEN from_lo <= t.delivered_lo + 1 THEN to_lo
                        WHEN t.last_seq - t.delivered_lo <= 62
                             AND ~(bits_lo | ~(t.recent >> (t.last_seq - to_lo)::int))
                                 & ((1::bigint << (to_lo - t.delivered_lo)::int) - 1) = 0
                        THEN to_lo ELSE t.delivered_lo END,
                   CASE WHEN to_hi <= t.delivered_hi OR to_hi > t.last_seq OR t.gaps_hi
                        THEN t.delivered_hi
                        WHEN from_hi <= t.delivered_hi + 1 THEN to_hi
                        WHEN t.last_seq - t.delivered_hi <= 62
                             AND ~(bits_hi | (t.recent >> (t.last_seq - to_hi)::int))
                                 & ((1::bigint << (to_hi - t.delivered_hi)::int) - 1) = 0
                        THEN to_hi ELSE t.delivered_hi END,
                   t.count_lo + n_lo + seen_hi, t.count_hi + n_hi + seen_lo,
                   ((t.recent << least(n, 62)::int)
                    | CASE WHEN n_hi = 0 THEN 0 WHEN n_lo > 0 THEN g.bits
                           ELSE (1::bigint << least(n, 62)::int) - 1 END)
                   & ((1::bigint << 62) - 1),
                   CASE WHEN n > 0 THEN now() ELSE t.updated_at END
            FROM (
                SELECT n_lo, n_hi, n_lo + n_hi AS n,
                       CASE WHEN t.state = 0 THEN n_lo WHEN t.last_seq > 0 THEN 0
                            ELSE least(n_lo, 1) END AS seen_lo,
                       CASE WHEN t.state = 0 THEN n_hi WHEN t.last_seq > 0 THEN 0
                            ELSE least(n_hi, 1) END AS seen_hi,
                       CASE t.lo_id WHEN g.u THEN g.u_from WHEN g.v THEN g.v_from END AS from_lo,
                       CASE t.lo_id WHEN g.u THEN g.u_to WHEN g.v THEN g.v_to ELSE 0 END AS to_lo,
                       CASE t.lo_id WHEN g.u THEN g.u_bits WHEN g.v THEN g.v_bits END AS bits_lo,
                       CASE t.hi_id WHEN g.u THEN g.u_from WHEN g.v THEN g.v_from END AS from_hi,
                       CASE t.hi_id WHEN g.u THEN g.u_to WHEN g.v THEN g.v_to ELSE 0 END AS to_hi,
                       CASE t.hi_id WHEN g.u THEN g.u_bits WHEN g.v THEN g.v_bits END AS bits_hi
                FROM (
                    SELECT CASE WHEN t.blocked_lo OR t.blocked_hi
                                     OR (t.state = 1 AND t.opener_id <> t.lo_id) THEN 0
                                ELSE CASE t.lo_id WHEN g.a THEN g.na WHEN g.b THEN g.nb ELSE 0 END
                           END AS n_lo,
                           CASE WHEN t.blocked_lo OR t.blocked_hi
                                     OR (t.state = 1 AND t.opener_id <> t.hi_id) THEN 0
                                ELSE CASE t.hi_id WHEN g.a THEN g.na WHEN g.b THEN g.nb ELSE 0 END
                           END AS n_hi
                    OFFSET 0
                ) accepted
                OFFSET 0
            ) c
        )
        FROM (
            SELECT i, p_thread[i * 16 + 1] AS id,
                   p_thread[i * 16 + 2] AS a, p_thread[i * 16 + 3] AS na,
                   p_thread[i * 16 + 4] AS b, p_thread[i * 16 + 5] AS nb,
                   p_thread[i * 16 + 6] AS bits,
                   p_thread[i * 16 + 7] AS u, p_thread[i * 16 + 8] AS u_from,
                   p_thread[i * 16 + 9] AS u_to, p_thread[i * 16 + 10] AS u_bits,
                   p_thread[i * 16 + 11] AS v, p_thread[i * 16 + 12] AS v_from,
                   p_thread[i * 16 + 13] AS v_to, p_thread[i * 16 + 14] AS v_bits
            FROM generate_series(0, v_threads - 1) i
            OFFSET 0
        ) g
        WHERE t.id = g.id AND t.kind = 0
        RETURNING g.i, g.na, g.nb, t.last_seq, t.rev,
                  CASE WHEN t.blocked_lo OR t.blocked_hi THEN 64
                       ELSE CASE WHEN g.a = t.lo_id OR g.a = t.hi_id
                                 THEN CASE WHEN t.state = 0 OR g.a = t.opener_id THEN 1 ELSE 0 END
                                 ELSE 0 END
                            + CASE WHEN g.b = t.lo_id OR g.b = t.hi_id
                                   THEN CASE WHEN t.state = 0 OR g.b = t.opener_id THEN 2 ELSE 0 END
                                   ELSE 0 END
                  END
                  + CASE WHEN g.a = t.lo_id OR g.a = t.hi_id THEN 8 ELSE 0 END
                  + CASE WHEN g.b = t.lo_id OR g.b = t.hi_id THEN 16 ELSE 0 END
                  + CASE WHEN t.state = 1 THEN 32 ELSE 0 END AS code,
                  CASE g.a WHEN t.lo_id THEN t.unread_hi ELSE t.unread_lo END AS unread_a,
                  CASE g.b WHEN t.lo_id THEN t.unread_hi ELSE t.unread_lo END AS unread_b,
                  t.member_rev,
                  CASE WHEN g.u = 0 THEN false ELSE
                      CASE g.u WHEN t.lo_id THEN t.delivered_lo WHEN t.hi_id THEN t.delivered_hi
                               ELSE g.u_to END < g.u_to
                      OR CASE g.v WHEN t.lo_id THEN t.delivered_lo
                                  WHEN t.hi_id THEN t.delivered_hi ELSE g.v_to END < g.v_to
                  END AS late
    )
    SELECT array_agg(i), array_agg(base), array_agg(rev), array_agg(code),
           array_agg(unread_a), array_agg(unread_b), array_agg(member_rev),
           array_agg(i) FILTER (WHERE late)
    INTO v_index, ret_base, ret_rev, ret_code, ret_unread_a, ret_unread_b, ret_member_rev, v_late
    FROM (SELECT *, last_seq - CASE WHEN code & 1 = 0 THEN 0 ELSE na END
                             - CASE WHEN code & 2 = 0 THEN 0 ELSE nb END AS base
          FROM done ORDER BY i) d;

    IF coalesce(cardinality(v_index), 0) < v_threads THEN
        -- Chats, or threads that do not exist. All chats after all direct threads, each by id:
        -- whoever locks several threads keeps to that order.
        SELECT array_agg(coalesce(base, 0)), array_agg(coalesce(rev, 0)),
               array_agg(coalesce(code, 0)), array_agg(coalesce(ua, 0)),
               array_agg(coalesce(ub, 0)), array_agg(coalesce(mr, 0))
        INTO ret_base, ret_rev, ret_code, ret_unread_a, ret_unread_b, ret_member_rev
        FROM (SELECT * FROM generate_series(0, v_threads - 1) i
              LEFT JOIN unnest(v_index, ret_base, ret_rev, ret_code, ret_unread_a, ret_unread_b,
                               ret_member_rev) d(x, base, rev, code, ua, ub, mr) ON d.x = i
              ORDER BY i) aligned;
        FOR r IN
            SELECT i, t.id, t.last_seq, t.rev, t.member_rev,
                   p_thread[i * 16 + 15]::int AS first, p_thread[i * 16 + 16]::int AS n
            FROM generate_series(0, v_threads - 1) i
            JOIN threads t ON t.id = p_thread[i * 16 + 1] AND t.kind = 1
            WHERE ret_code[i + 1] = 0
            ORDER BY t.id FOR NO KEY UPDATE OF t
        LOOP
            -- A statement of its own: it sees the membership as it is under the lock.
            SELECT array_agg(o) INTO v_taken
            FROM generate_series(r.first, r.first + r.n - 1) o
            WHERE EXISTS (SELECT 1 FROM members m
                          WHERE m.thread_id = r.id AND m.user_id = p_author[o]);
            v_count := coalesce(cardinality(v_taken), 0);
            IF v_count > 0 THEN
                UPDATE threads SET last_seq = last_seq + v_count, rev = rev + v_count,
                                   count_lo = count_lo + v_count, updated_at = now()
                WHERE id = r.id;
                ret_chat := ret_chat || v_taken;
            END IF;
            ret_base[r.i + 1] := r.last_seq;
            ret_rev[r.i + 1] := r.rev + v_count;
            ret_code[r.i + 1] := 128;
            ret_member_rev[r.i + 1] := r.member_rev;
        END LOOP;
        IF v_marks > 0 THEN
            PERFORM chats_delivered(p_thread, p_mark, ret_code);
        END IF;
    END IF;
    IF v_late IS NOT NULL THEN
        PERFORM delivered_join(p_thread[p_mark[j * 4 + 1] * 16 + 1], p_mark[j * 4 + 2],
                               p_mark[j * 4 + 3], p_mark[j * 4 + 4])
        FROM generate_series(0, v_marks - 1) j
        WHERE p_mark[j * 4 + 1] = ANY (v_late);
    END IF;

    ret_at := clock_timestamp();
    IF v_messages > 0 THEN
        -- After the row locks: that is why ids grow with seq.
        SELECT array_agg(nextval('message_id_seq')) INTO ret_ids
        FROM generate_series(1, v_messages);

        INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, held, text,
                              attachments)
        SELECT thread, seq, ret_ids[o], p_author[o], ret_at, p_uuid[o],
               CASE WHEN code & 32 <> 0 AND seq > 1 THEN 1 ELSE 0 END, p_text[o],
               p_attachments[o]::text[]
        FROM (
            SELECT o, code, p_thread[x * 16 + 1] AS thread,
                   base + CASE WHEN code & 1 = 0 THEN 0 ELSE (m >> 13) & 2047 END
                        + CASE WHEN code & 2 = 0 THEN 0 ELSE (m >> 2) & 2047 END AS seq
            FROM (
                SELECT o, m, x, ret_code[x + 1] AS code, ret_base[x + 1] AS base
                FROM (
                    SELECT o, p_message[o] AS m, (p_message[o] >> 24)::int AS x
                    FROM generate_series(1, v_messages) o
                ) p
                OFFSET 0
            ) q
            WHERE code & (1 << (m & 3)::int) <> 0
            OFFSET 0
        ) r;
    END IF;
    IF ret_chat IS NOT NULL THEN
        INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, text, attachments)
        SELECT p_thread[x * 16 + 1],
               ret_base[x + 1] + row_number() OVER (PARTITION BY x ORDER BY o),
               ret_ids[o], p_author[o], ret_at, p_uuid[o], p_text[o], p_attachments[o]::text[]
        FROM (SELECT o, (p_message[o] >> 24)::int AS x FROM unnest(ret_chat) o OFFSET 0) c;
    END IF;
    IF p_attachments IS NOT NULL THEN
        PERFORM files_attach(ret_ids);
    END IF;
END $$;

-- A batch of one message without attachments. Setting up batch()'s statements costs several times
-- what they do for one row, and at low load most batches are this one.
CREATE FUNCTION append_one(p_writer bigint, p_number bigint, p_thread bigint, p_author bigint,
                           p_uuid uuid, p_text text,
                           OUT ret_at timestamptz, OUT ret_ids bigint[], OUT ret_base bigint[],
                           OUT ret_rev bigint[], OUT ret_code int[],
                           OUT ret_unread_a bigint[], OUT ret_unread_b bigint[],
                           OUT ret_member_rev bigint[], OUT ret_chat int[])
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
        read_hi = CASE WHEN p_author = hi_id OR unread_hi > 0 THEN read_hi ELSE last_seq END,
        recent = ((recent << 1) | CASE p_author WHEN hi_id THEN 1 ELSE 0 END)
                 & ((1::bigint << 62) - 1)
    WHERE id = p_thread AND kind = 0 AND state = 0 AND NOT blocked_lo AND NOT blocked_hi
      AND p_author IN (lo_id, hi_id)
    RETURNING last_seq, rev, member_rev,
              CASE p_author WHEN lo_id THEN unread_hi ELSE unread_lo END AS unread INTO r;
    IF NOT FOUND THEN
        SELECT * INTO ret_at, ret_ids, ret_base, ret_rev, ret_code, ret_unread_a, ret_unread_b,
                      ret_member_rev, ret_chat
        FROM batch(p_writer, 0, ARRAY[p_thread, p_author, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
                   ARRAY[1::bigint << 13], ARRAY[p_author], ARRAY[p_uuid], ARRAY[p_text], NULL,
                   NULL);
        RETURN;
    END IF;
    INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, text)
    VALUES (p_thread, r.last_seq, nextval('message_id_seq'), p_author, clock_timestamp(), p_uuid,
            p_text)
    RETURNING created_at, ARRAY[id] INTO ret_at, ret_ids;
    ret_base := ARRAY[r.last_seq - 1];
    ret_rev := ARRAY[r.rev];
    ret_code := ARRAY[1 + 8];
    ret_unread_a := ARRAY[r.unread];
    ret_unread_b := ARRAY[0];
    ret_member_rev := ARRAY[r.member_rev];
END $$;

-- A batch of one mark.
CREATE FUNCTION mark_one(p_writer bigint, p_number bigint, p_thread bigint, p_user bigint,
                         p_from bigint, p_to bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE writer SET number = p_number, result = NULL, at = now()
    WHERE id = p_writer AND number = p_number - 1;
    IF NOT FOUND THEN
        PERFORM writer_mark(p_writer, p_number);
    END IF;
    -- What lies between the prefix and the range must be the user's own; see threads.recent.
    UPDATE threads SET
        delivered_lo = CASE p_user WHEN lo_id THEN p_to ELSE delivered_lo END,
        delivered_hi = CASE p_user WHEN hi_id THEN p_to ELSE delivered_hi END
    WHERE id = p_thread AND kind = 0 AND p_to <= last_seq
      AND CASE p_user
          WHEN lo_id THEN NOT gaps_lo AND p_to > delivered_lo
              AND CASE WHEN p_from <= delivered_lo + 1 THEN true
                       WHEN last_seq - delivered_lo > 62 THEN false
                       ELSE (recent >> (last_seq - p_from + 1)::int)
                            & ((1::bigint << (p_from - 1 - delivered_lo)::int) - 1) = 0 END
          WHEN hi_id THEN NOT gaps_hi AND p_to > delivered_hi
              AND CASE WHEN p_from <= delivered_hi + 1 THEN true
                       WHEN last_seq - delivered_hi > 62 THEN false
                       ELSE ~(recent >> (last_seq - p_from + 1)::int)
                            & ((1::bigint << (p_from - 1 - delivered_hi)::int) - 1) = 0 END
          ELSE false END;
    IF NOT FOUND THEN
        PERFORM 1 FROM threads WHERE id = p_thread FOR NO KEY UPDATE;
        PERFORM delivered_join(p_thread, p_user, p_from, p_to);
    END IF;
END $$;

-- What became of a batch whose answer was lost, for each message as batch() would have told it.
-- seq 0: it was refused. Looks through the newest 100000 of each thread.
CREATE FUNCTION batch_lookup(p_threads bigint[], p_authors bigint[], p_uuids uuid[])
RETURNS TABLE (seq bigint, id bigint, created_at timestamptz, held smallint, rev bigint,
               member_rev bigint, unread bigint, member boolean, requested boolean,
               blocked boolean)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(m.seq, 0), coalesce(m.id, 0), m.created_at, coalesce(m.held, 0::smallint),
           coalesce(t.rev, 0), coalesce(t.member_rev, 0),
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
