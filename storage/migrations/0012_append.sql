-- The lean statement anew: it takes the mark that waited for a message of its thread along, in the
-- update that is due anyway, and serves chats without batch(). The one with six parameters stays
-- beside it: processes of the version before call it until they are replaced.

-- A batch of one message without attachments, and of what the thread's pair was pushed, a range
-- each: p_lo p_from_lo to p_to_lo (0: nothing), and p_hi likewise. Setting up batch()'s statements
-- costs several times what they do for one row, and at low load most batches are this one. Returns
-- what batch() does.
CREATE FUNCTION append_one(p_writer bigint, p_number bigint, p_thread bigint, p_author bigint,
                           p_uuid uuid, p_text text, p_lo bigint, p_from_lo bigint,
                           p_to_lo bigint, p_hi bigint, p_from_hi bigint, p_to_hi bigint,
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
        read_hi = CASE WHEN p_author = hi_id OR unread_hi > 0 THEN read_hi ELSE last_seq END,
        delivered_lo = CASE WHEN p_to_lo > delivered_lo AND p_from_lo <= delivered_lo + 1
                                 AND p_to_lo <= last_seq AND p_lo = lo_id AND NOT gaps_lo
                            THEN p_to_lo ELSE delivered_lo END,
        delivered_hi = CASE WHEN p_to_hi > delivered_hi AND p_from_hi <= delivered_hi + 1
                                 AND p_to_hi <= last_seq AND p_hi = hi_id AND NOT gaps_hi
                            THEN p_to_hi ELSE delivered_hi END
    WHERE id = p_thread AND state = 0 AND NOT blocked_lo AND NOT blocked_hi
      AND p_author IN (lo_id, hi_id)
    RETURNING last_seq, rev, unread_lo, unread_hi,
              p_to_lo > CASE p_lo WHEN lo_id THEN delivered_lo ELSE 0 END
              OR p_to_hi > CASE p_hi WHEN hi_id THEN delivered_hi ELSE 0 END AS late INTO r;
    IF FOUND THEN
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
        RETURNING last_seq, rev, 0::bigint AS unread_lo, 0::bigint AS unread_hi, member_rev INTO r;
        IF NOT FOUND THEN
            SELECT * INTO ret_at, ret_ids, ret_base, ret_rev, ret_unread_lo, ret_unread_hi,
                          ret_code, ret_lo, ret_hi, ret_member_rev, ret_taken
            FROM batch(p_writer, 0, ARRAY[p_thread, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], ARRAY[0],
                       ARRAY[p_author], ARRAY[p_uuid], ARRAY[p_text], NULL,
                       CASE WHEN p_to_lo + p_to_hi > 0
                            THEN ARRAY[0, p_lo, p_from_lo, p_to_lo,
                                       0, p_hi, p_from_hi, p_to_hi] END);
            RETURN;
        END IF;
        ret_code := ARRAY[2 + 4];
        ret_lo := ARRAY[0];
        ret_hi := ARRAY[0];
        ret_member_rev := ARRAY[r.member_rev];
        ret_taken := ARRAY[1];
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
