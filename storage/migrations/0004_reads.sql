-- What reads answer with. Every operation, reading or writing, returns one array of numbers, read
-- by storage/outcome.c: status (enum dm_status), flags (enum dm_result_flag), thread, count,
-- cursor, how many users, threads, messages, messages now read; then these: ids, ids, and (thread,
-- seq, id, author) for each message.
CREATE FUNCTION outcome(p_status int, p_flags int DEFAULT 0, p_thread bigint DEFAULT 0,
                        p_count bigint DEFAULT 0, p_cursor bigint DEFAULT 0,
                        p_users bigint[] DEFAULT NULL, p_threads bigint[] DEFAULT NULL,
                        p_messages bigint[] DEFAULT NULL, p_read bigint[] DEFAULT NULL)
RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[p_status, p_flags, p_thread, p_count, p_cursor,
                 coalesce(cardinality(p_users), 0), coalesce(cardinality(p_threads), 0),
                 coalesce(cardinality(p_messages), 0) / 4, coalesce(cardinality(p_read), 0) / 4]
           || p_users || p_threads || p_messages || p_read
$$;

-- A reference by id, UUID or name; NULL when there is no such user. Numbers of enum dm_status bear
-- their names in comments below.
CREATE FUNCTION user_any(p_id bigint, p_uuid uuid, p_name text) RETURNS users
LANGUAGE plpgsql STABLE AS $$
DECLARE
    u users;
BEGIN
    IF p_id IS NOT NULL THEN
        SELECT * INTO u FROM users WHERE id = p_id;
    ELSIF p_uuid IS NOT NULL THEN
        SELECT * INTO u FROM users WHERE uuid = p_uuid;
    ELSIF p_name IS NOT NULL THEN
        SELECT x.* INTO u FROM user_names n JOIN users x ON x.id = n.user_id
        WHERE n.name = name_key(p_name);
    END IF;
    RETURN u;
END $$;

-- As user_any, active ones only: the id or NULL.
CREATE FUNCTION user_ref(p_id bigint, p_uuid uuid, p_name text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN (u).active THEN (u).id END FROM (SELECT user_any(p_id, p_uuid, p_name) u
                                                      OFFSET 0) x
$$;

CREATE FUNCTION direct_ref(p_a bigint, p_b bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT id FROM threads WHERE lo_id = least(p_a, p_b) AND hi_id = greatest(p_a, p_b)
$$;

CREATE FUNCTION is_member(t threads, p_user bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT CASE t.kind WHEN 0 THEN p_user IN (t.lo_id, t.hi_id)
           ELSE EXISTS (SELECT 1 FROM members m
                        WHERE m.thread_id = t.id AND m.user_id = p_user) END
$$;

-- p_thread, or the direct thread of the actor with the user named. p_status: OK, NO_USER (6) or
-- NO_THREAD (7: none, not the actor's, or a chat where p_direct). A user without a thread yet is OK
-- with thread NULL.
CREATE FUNCTION thread_ref(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid, p_name text,
                           p_direct boolean, OUT p_status int, OUT t threads)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_thread bigint := nullif(p_thread, 0);
    v_user   bigint;
BEGIN
    p_status := 0;
    IF v_thread IS NULL THEN
        v_user := user_ref(p_id, p_uuid, p_name);
        IF v_user IS NULL THEN
            p_status := 6;
            RETURN;
        END IF;
        v_thread := direct_ref(p_actor, v_user);
        IF v_thread IS NULL THEN
            RETURN;
        END IF;
    END IF;
    SELECT * INTO t FROM threads WHERE id = v_thread;
    IF NOT FOUND OR NOT is_member(t, p_actor) OR (p_direct AND t.kind = 1) THEN
        t := NULL;
        p_status := 7;
    END IF;
END $$;

CREATE FUNCTION op_user_find(p_actor bigint, p_id bigint, p_uuid uuid, p_name text)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_user bigint;
BEGIN
    IF p_id IS NULL AND p_uuid IS NULL AND p_name IS NULL THEN
        p_id := p_actor;
    END IF;
    v_user := user_ref(p_id, p_uuid, p_name);
    IF v_user IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    RETURN outcome(0, p_users => ARRAY[v_user]);
END $$;

-- Inactive ones too: for the core, not for users.
CREATE FUNCTION op_account_find(p_id bigint, p_uuid uuid, p_name text)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    u users := user_any(p_id, p_uuid, p_name);
BEGIN
    IF u.id IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    RETURN outcome(0, p_users => ARRAY[u.id]);
END $$;

CREATE FUNCTION op_users_find(p_ids bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT outcome(0, p_users => (SELECT array_agg(id) FROM users WHERE id = ANY (p_ids)))
$$;

CREATE FUNCTION op_user_page(p_actor bigint, p_limit int, p_cursor bigint, p_inactive boolean)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_users bigint[];
BEGIN
    SELECT array_agg(id) INTO v_users
    FROM (SELECT id FROM users
          WHERE id > p_cursor AND id <> p_actor AND (active OR p_inactive)
          ORDER BY id LIMIT p_limit + 1) u;
    IF cardinality(v_users) > p_limit THEN
        v_users := v_users[1:p_limit];
        RETURN outcome(0, p_users => v_users, p_cursor => v_users[p_limit]);
    END IF;
    RETURN outcome(0, p_users => v_users);
END $$;

-- Newest first by the last message the actor may see; the cursor is that message's id.
CREATE FUNCTION op_thread_list(p_actor bigint, p_limit int, p_before bigint, p_direct boolean)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
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
          ORDER BY l.id DESC LIMIT p_limit + 1) s;
    SELECT count(*) INTO v_unread
    FROM members m
    JOIN threads t ON t.id = m.thread_id
    WHERE m.user_id = p_actor AND (t.kind = 0 OR NOT p_direct)
      AND CASE WHEN t.kind = 1 THEN t.last_seq > m.read_seq
                                    AND chat_unread(p_actor, t.id, m.read_seq) > 0
               WHEN t.lo_id = p_actor THEN t.unread_lo > 0 ELSE t.unread_hi > 0 END;
    IF cardinality(v_threads) > p_limit THEN
        RETURN outcome(0, p_threads => v_threads[1:p_limit], p_cursor => v_keys[p_limit],
                       p_count => v_unread);
    END IF;
    RETURN outcome(0, p_threads => v_threads, p_count => v_unread);
END $$;

CREATE FUNCTION op_thread_get(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid,
                              p_name text, p_direct boolean)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM thread_ref(p_actor, p_thread, p_id, p_uuid, p_name, p_direct);
    IF r.p_status = 0 AND (r.t).id IS NULL THEN
        RETURN outcome(7 /* NO_THREAD */);
    END IF;
    RETURN outcome(r.p_status, p_thread => coalesce((r.t).id, 0));
END $$;

-- A page of what the actor may see of a thread, newest first: (thread, seq, id, author) each.
CREATE FUNCTION history_page(p_actor bigint, t threads, p_limit int, p_before bigint,
                             p_before_id bigint, p_offset bigint, p_after bigint)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_joined bigint := 0;
    v_before bigint := CASE WHEN p_before > 0 THEN p_before ELSE t.last_seq + 1 END;
    v_seq    bigint;
    v_page   bigint[];
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
    SELECT array_agg(x ORDER BY p.seq DESC, k) INTO v_page
    FROM (SELECT m.seq, m.id, m.author_id FROM messages m
          WHERE m.thread_id = t.id AND m.seq < v_before AND m.seq > v_joined AND NOT m.deleted
            AND (m.held = 0 OR m.author_id = p_actor)
          ORDER BY m.seq DESC LIMIT p_limit OFFSET p_offset) p,
         LATERAL unnest(ARRAY[t.id, p.seq, p.id, p.author_id]) WITH ORDINALITY u(x, k);
    RETURN v_page;
END $$;

-- Where the next page of a history told from its beginning starts; 0 after the last.
CREATE FUNCTION history_cursor(p_page bigint[], p_limit int, p_after bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_after >= 0 AND cardinality(p_page) = p_limit * 4
                THEN p_page[p_limit * 4 - 2] ELSE 0 END
$$;

CREATE FUNCTION op_history(p_actor bigint, p_thread bigint, p_id bigint, p_uuid uuid, p_name text,
                           p_direct boolean, p_limit int, p_before bigint, p_before_id bigint,
                           p_offset bigint, p_after bigint)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    r      record;
    v_page bigint[];
BEGIN
    SELECT * INTO r FROM thread_ref(p_actor, p_thread, p_id, p_uuid, p_name, p_direct);
    IF r.p_status <> 0 OR (r.t).id IS NULL THEN
        RETURN outcome(r.p_status);
    END IF;
    v_page := history_page(p_actor, r.t, p_limit, p_before, p_before_id, p_offset, p_after);
    RETURN outcome(0, p_thread => (r.t).id, p_messages => v_page,
                   p_cursor => history_cursor(v_page, p_limit, p_after));
END $$;

CREATE FUNCTION op_unread_count(p_actor bigint, p_id bigint, p_uuid uuid, p_name text)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM thread_ref(p_actor, 0, p_id, p_uuid, p_name, true);
    RETURN outcome(r.p_status,
                   p_count => coalesce(CASE WHEN (r.t).lo_id = p_actor THEN (r.t).unread_lo
                                            ELSE (r.t).unread_hi END, 0));
END $$;

-- The engine's own look-up: no membership asked.
CREATE FUNCTION op_thread_find(p_actor bigint, p_thread bigint, p_uuid uuid, p_message bigint,
                               p_other bigint)
RETURNS bigint[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_thread bigint;
BEGIN
    IF p_thread <> 0 THEN
        SELECT id INTO v_thread FROM threads WHERE id = p_thread;
    ELSIF p_uuid IS NOT NULL THEN
        SELECT id INTO v_thread FROM threads WHERE uuid = p_uuid;
    ELSIF p_message <> 0 THEN
        SELECT thread_id INTO v_thread FROM messages WHERE id = p_message;
        IF NOT FOUND THEN
            RETURN outcome(8 /* NO_MESSAGE */);
        END IF;
    ELSE
        v_thread := direct_ref(p_actor, p_other);
    END IF;
    RETURN outcome(CASE WHEN v_thread IS NULL THEN 7 /* NO_THREAD */ ELSE 0 END,
                   p_thread => coalesce(v_thread, 0));
END $$;

CREATE FUNCTION op_friends_check(p_actor bigint, p_other bigint) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT outcome(0, p_count => (SELECT count(*) FROM friendships
                                  WHERE user_id = p_actor AND friend_id = p_other))
$$;

CREATE FUNCTION op_friends(p_actor bigint, p_pending boolean) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT outcome(0, p_users => CASE WHEN p_pending
        THEN (SELECT array_agg(r.from_id ORDER BY r.created_at, r.from_id)
              FROM friend_requests r JOIN users u ON u.id = r.from_id AND u.active
              WHERE r.to_id = p_actor)
        ELSE (SELECT array_agg(f.friend_id ORDER BY f.friend_id)
              FROM friendships f JOIN users u ON u.id = f.friend_id AND u.active
              WHERE f.user_id = p_actor) END)
$$;
