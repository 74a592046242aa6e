-- The lean statement anew: it takes the mark that waited for a message of its thread along, in the
-- update that is due anyway, serves chats without batch(), and answers with one array: of a
-- function that returns a row, PostgreSQL works out the columns again at each call, which cost a
-- tenth of the statement. The one with six parameters stays beside it: processes of the version
-- before call it until they are replaced.

-- A batch of one message without attachments, and of what the thread's pair was pushed, a range
-- each: p_lo p_from_lo to p_to_lo (0: nothing), and p_hi likewise; p_lo 0: a chat, or not known.
-- Setting up batch()'s statements costs several times what they do for one row, and at low load
-- most batches are this one.
--
-- Returns of what batch() does, for the one message and thread: 1 ret_at in microseconds since
-- 1970, 2 ret_ids, 3 ret_base, 4 ret_rev, 5 ret_unread_lo, 6 ret_unread_hi, 7 ret_code (1 also
-- where batch() says NULL), 8 ret_lo, 9 ret_hi, 10 ret_member_rev, 11 how many ret_taken.
CREATE FUNCTION append_one(p_writer bigint, p_number bigint, p_thread bigint, p_author bigint,
                           p_uuid uuid, p_text text, p_lo bigint, p_from_lo bigint,
                           p_to_lo bigint, p_hi bigint, p_from_hi bigint, p_to_hi bigint)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_at timestamptz;
    v_id bigint;
    r    record;
BEGIN
    UPDATE writer SET number = p_number, result = NULL, at = now()
    WHERE id = p_writer AND number = p_number - 1;
    IF NOT FOUND THEN
        PERFORM writer_mark(p_writer, p_number);
    END IF;
    -- Of r, both branches fill the same columns of the same types: one plan reads them.
    IF p_lo > 0 THEN
        UPDATE threads SET
            last_seq = last_seq + 1, rev = rev + 1, updated_at = now(),
            count_lo = count_lo + 1, count_hi = count_hi + 1,
            unread_lo = CASE p_author WHEN lo_id THEN unread_lo ELSE unread_lo + 1 END,
            unread_hi = CASE p_author WHEN hi_id THEN unread_hi ELSE unread_hi + 1 END,
            read_lo = CASE WHEN p_author = lo_id OR unread_lo > 0 THEN read_lo ELSE last_seq END,
            read_hi = CASE WHEN p_author = hi_id OR unread_hi > 0 THEN read_hi ELSE last_seq END,
            delivered_lo = CASE WHEN p_to_lo > delivered_lo AND p_from_lo <= delivered_lo + 1
                                     AND p_to_lo <= last_seq AND p_lo = lo_id AND NOT gaps_lo
                                THEN p_to_lo ELSE delivered_lo END,
            delivered_hi = CASE WHEN p_to_hi > delivered_hi AND p_from_hi <= delivered_hi + 1
                                     AND p_to_hi <= last_seq AND p_hi = hi_id AND NOT gaps_hi
                                THEN p_to_hi ELSE delivered_hi END
        WHERE id = p_thread AND state = 0 AND NOT blocked_lo AND NOT blocked_hi
          AND p_author IN (lo_id, hi_id)
        RETURNING last_seq, rev, unread_lo, unread_hi, 1 AS code, 0::bigint AS member_rev,
                  p_to_lo > CASE p_lo WHEN lo_id THEN delivered_lo ELSE 0 END
                  OR p_to_hi > CASE p_hi WHEN hi_id THEN delivered_hi ELSE 0 END AS late INTO r;
        IF r.late THEN
            PERFORM marks_rest(ARRAY[p_thread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
                               ARRAY[0, p_lo, p_from_lo, p_to_lo, 0, p_hi, p_from_hi, p_to_hi],
                               ARRAY[0]);
        END IF;
    ELSE
        -- The UPDATE is a statement of its own: it sees the membership as it is under the lock.
        PERFORM 1 FROM threads WHERE id = p_thread AND kind = 1 FOR NO KEY UPDATE;
        UPDATE threads SET last_seq = last_seq + 1, rev = rev + 1, count_lo = count_lo + 1,
                           updated_at = now()
        WHERE id = p_thread AND kind = 1 AND state = 0 AND NOT blocked_lo AND NOT blocked_hi
          AND EXISTS (SELECT FROM members m
                      WHERE m.thread_id = p_thread AND m.user_id = p_author)
        RETURNING last_seq, rev, 0::bigint AS unread_lo, 0::bigint AS unread_hi, 2 + 4 AS code,
                  member_rev INTO r;
    END IF;
    IF r.last_seq IS NULL THEN
        RETURN (SELECT ARRAY[(date_part('epoch', ret_at) * 1000000::float8)::bigint, ret_ids[1],
                             ret_base[1], ret_rev[1], ret_unread_lo[1], ret_unread_hi[1],
                             coalesce(ret_code[1], 1), coalesce(ret_lo[1], 0),
                             coalesce(ret_hi[1], 0), coalesce(ret_member_rev[1], 0),
                             coalesce(cardinality(ret_taken), 0)]
                FROM batch(p_writer, 0, ARRAY[p_thread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], ARRAY[0],
                           ARRAY[p_author], ARRAY[p_uuid], ARRAY[p_text], NULL,
                           CASE WHEN p_to_lo + p_to_hi > 0
                                THEN ARRAY[0, p_lo, p_from_lo, p_to_lo,
                                           0, p_hi, p_from_hi, p_to_hi] END));
    END IF;
    v_at := clock_timestamp();
    INSERT INTO messages (thread_id, seq, id, author_id, created_at, uuid, text)
    VALUES (p_thread, r.last_seq, nextval('message_id_seq'), p_author, v_at, p_uuid, p_text)
    RETURNING id INTO v_id;
    RETURN ARRAY[(date_part('epoch', v_at) * 1000000::float8)::bigint, v_id, r.last_seq - 1, r.rev,
                 r.unread_lo, r.unread_hi, r.code, 0, 0, r.member_rev,
                 CASE r.code WHEN 1 THEN 0 ELSE 1 END];
END $$;
