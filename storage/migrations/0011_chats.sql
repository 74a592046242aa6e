-- Changes of chats anew: they are told in updated_at, a direct thread may have a title, and only
-- known users can be removed.

-- Unlike members, the title of a direct thread may change, once the two may talk.
CREATE OR REPLACE FUNCTION op_chat_update(p_actor bigint, p_thread bigint, p_title text)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, NULL, NULL, NULL, false);
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF (r.t).kind = 0 AND ((r.t).state <> 0 OR (r.t).blocked_lo OR (r.t).blocked_hi) THEN
        RETURN outcome(12 /* BLOCKED */);
    ELSIF (r.t).title IS NOT DISTINCT FROM p_title THEN
        RETURN outcome(0, p_thread => p_thread);
    END IF;
    -- member_rev is of chats: nobody waits for the members of a direct thread.
    UPDATE threads SET title = p_title, rev = rev + 1, member_rev = member_rev + kind,
                       updated_at = now()
    WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread);
END $$;

CREATE OR REPLACE FUNCTION op_chat_add(p_actor bigint, p_thread bigint, p_ids bigint[],
                                       p_uuids uuid[], p_names text[], p_limit int)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_users bigint[] := user_refs(p_ids, p_uuids, p_names);
    v_added bigint[];
    r       record;
BEGIN
    SELECT * INTO r FROM chat_lock(p_actor, p_thread);
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF v_users IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    SELECT array_agg(u ORDER BY o) INTO v_added
    FROM unnest(v_users) WITH ORDINALITY x(u, o)
    WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.thread_id = p_thread AND m.user_id = u);
    IF v_added IS NULL THEN
        RETURN outcome(0, p_thread => p_thread);
    ELSIF (SELECT count(*) FROM members WHERE thread_id = p_thread) + cardinality(v_added)
          > p_limit THEN
        RETURN outcome(16 /* TOO_LARGE */);
    END IF;
    INSERT INTO members (thread_id, user_id, joined_seq, joined_count, read_seq, delivered_seq)
    SELECT p_thread, u, (r.t).last_seq, (r.t).count_lo, (r.t).last_seq, (r.t).last_seq
    FROM unnest(v_added) u;
    UPDATE threads SET rev = rev + 1, member_rev = member_rev + 1, updated_at = now()
    WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread, p_users => v_added);
END $$;

CREATE OR REPLACE FUNCTION op_chat_remove(p_actor bigint, p_thread bigint, p_ids bigint[],
                                          p_uuids uuid[], p_names text[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    -- An inactive member can still be removed.
    v_users   bigint[] := ARRAY(SELECT (user_any(i, u, n)).id
                                FROM unnest(p_ids, p_uuids, p_names) x(i, u, n));
    v_removed bigint[];
    r         record;
BEGIN
    SELECT * INTO r FROM chat_lock(p_actor, p_thread);
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF array_position(v_users, NULL) IS NOT NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    WITH gone AS (
        DELETE FROM members WHERE thread_id = p_thread AND user_id = ANY (v_users)
        RETURNING user_id
    )
    SELECT array_agg(user_id ORDER BY user_id) INTO v_removed FROM gone;
    IF v_removed IS NULL THEN
        RETURN outcome(0, p_thread => p_thread);
    END IF;
    DELETE FROM marks WHERE thread_id = p_thread AND user_id = ANY (v_removed);
    UPDATE threads SET rev = rev + 1, member_rev = member_rev + 1, updated_at = now()
    WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread, p_users => v_removed);
END $$;
