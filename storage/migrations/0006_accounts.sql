-- Operations that open threads and chats, and on accounts, friends and tokens.

CREATE FUNCTION direct_open(p_actor bigint, p_other bigint, p_gated boolean, p_uuid uuid,
                            OUT p_thread bigint, OUT p_created boolean)
LANGUAGE plpgsql AS $$
BEGIN
    p_created := false;
    p_thread := direct_ref(p_actor, p_other);
    IF p_thread IS NOT NULL THEN
        RETURN;
    END IF;
    INSERT INTO threads (id, lo_id, hi_id, opener_id, updated_at, created_at, uuid, kind, state)
    VALUES (nextval('thread_id_seq'), least(p_actor, p_other), greatest(p_actor, p_other), p_actor,
            now(), now(), p_uuid, 0, CASE WHEN p_gated THEN 1 ELSE 0 END)
    ON CONFLICT (lo_id, hi_id) DO NOTHING
    RETURNING id INTO p_thread;
    IF p_thread IS NULL THEN
        -- Somebody else's, committed just now: a new statement sees it.
        p_thread := direct_ref(p_actor, p_other);
        RETURN;
    END IF;
    p_created := true;
    INSERT INTO members (thread_id, user_id) VALUES (p_thread, p_actor), (p_thread, p_other);
END $$;

CREATE FUNCTION op_direct_open(p_actor bigint, p_other bigint, p_gated boolean, p_uuid uuid)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    IF p_actor = p_other THEN
        RETURN outcome(11 /* SELF */);
    ELSIF user_ref(p_actor, NULL, NULL) IS NULL OR user_ref(p_other, NULL, NULL) IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    SELECT * INTO r FROM direct_open(p_actor, p_other, p_gated, p_uuid);
    RETURN outcome(0, p_flags => CASE WHEN r.p_created THEN 3 ELSE 0 END, p_thread => r.p_thread);
END $$;

-- The users that parallel arrays refer to, each once, in the order given; NULL when one of them
-- is unknown or inactive.
CREATE FUNCTION user_refs(p_ids bigint[], p_uuids uuid[], p_names text[]) RETURNS bigint[]
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN bool_or(id IS NULL) THEN NULL ELSE coalesce(array_agg(id ORDER BY o), '{}') END
    FROM (SELECT user_ref(i, u, n) AS id, min(o) AS o
          FROM unnest(p_ids, p_uuids, p_names) WITH ORDINALITY x(i, u, n, o) GROUP BY 1) d
$$;

CREATE FUNCTION op_chat_create(p_actor bigint, p_uuid uuid, p_title text, p_ids bigint[],
                               p_uuids uuid[], p_names text[], p_limit int, p_gated boolean)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_users  bigint[] := user_refs(p_ids, p_uuids, p_names);
    v_thread bigint;
    r        record;
BEGIN
    IF v_users IS NULL OR user_ref(p_actor, NULL, NULL) IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    v_users := array_remove(v_users, p_actor);
    IF cardinality(v_users) = 0 THEN
        RETURN outcome(11 /* SELF */);
    ELSIF cardinality(v_users) + 1 > p_limit THEN
        RETURN outcome(16 /* TOO_LARGE */);
    ELSIF cardinality(v_users) = 1 AND p_title IS NULL THEN
        SELECT * INTO r FROM direct_open(p_actor, v_users[1], p_gated, p_uuid);
        RETURN outcome(CASE WHEN r.p_created THEN 0 ELSE 15 /* EXISTS */ END,
                       p_flags => CASE WHEN r.p_created THEN 3 ELSE 0 END,
                       p_thread => r.p_thread);
    END IF;
    v_thread := nextval('thread_id_seq');
    INSERT INTO threads (id, opener_id, rev, updated_at, created_at, uuid, kind, title)
    VALUES (v_thread, p_actor, 1, now(), now(), p_uuid, 1, p_title);
    INSERT INTO members (thread_id, user_id)
    SELECT v_thread, u FROM unnest(p_actor || v_users) u;
    RETURN outcome(0, p_flags => 3, p_thread => v_thread);
END $$;

-- Locks a chat of the actor's. FORBIDDEN (5) for a direct thread.
CREATE FUNCTION chat_lock(p_actor bigint, p_thread bigint, OUT p_status int, OUT t threads)
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM thread_lock(p_actor, p_thread, NULL, NULL, NULL, false);
    t := r.t;
    p_status := CASE WHEN r.p_status = 0 AND t.kind = 0 THEN 5 ELSE r.p_status END;
END $$;

CREATE FUNCTION op_chat_update(p_actor bigint, p_thread bigint, p_title text) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    SELECT * INTO r FROM chat_lock(p_actor, p_thread);
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    ELSIF (r.t).title IS NOT DISTINCT FROM p_title THEN
        RETURN outcome(0, p_thread => p_thread);
    END IF;
    UPDATE threads SET title = p_title, rev = rev + 1, member_rev = member_rev + 1
    WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread);
END $$;

CREATE FUNCTION op_chat_add(p_actor bigint, p_thread bigint, p_ids bigint[], p_uuids uuid[],
                            p_names text[], p_limit int)
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
    UPDATE threads SET rev = rev + 1, member_rev = member_rev + 1 WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread, p_users => v_added);
END $$;

CREATE FUNCTION op_chat_remove(p_actor bigint, p_thread bigint, p_ids bigint[], p_uuids uuid[],
                               p_names text[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_removed bigint[];
    r         record;
BEGIN
    SELECT * INTO r FROM chat_lock(p_actor, p_thread);
    IF r.p_status <> 0 THEN
        RETURN outcome(r.p_status);
    END IF;
    -- An inactive member can still be removed.
    WITH gone AS (
        DELETE FROM members WHERE thread_id = p_thread AND user_id IN (
            SELECT (user_any(i, u, n)).id FROM unnest(p_ids, p_uuids, p_names) x(i, u, n))
        RETURNING user_id
    )
    SELECT array_agg(user_id ORDER BY user_id) INTO v_removed FROM gone;
    IF v_removed IS NULL THEN
        RETURN outcome(0, p_thread => p_thread);
    END IF;
    DELETE FROM marks WHERE thread_id = p_thread AND user_id = ANY (v_removed);
    UPDATE threads SET rev = rev + 1, member_rev = member_rev + 1 WHERE id = p_thread;
    RETURN outcome(0, p_flags => 2, p_thread => p_thread, p_users => v_removed);
END $$;

-- Friends

CREATE FUNCTION op_friend_request(p_actor bigint, p_id bigint, p_uuid uuid, p_name text)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_user bigint := user_ref(p_id, p_uuid, p_name);
BEGIN
    IF v_user IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    ELSIF v_user = p_actor THEN
        RETURN outcome(11 /* SELF */);
    ELSIF EXISTS (SELECT 1 FROM friendships WHERE user_id = p_actor AND friend_id = v_user) THEN
        RETURN outcome(15 /* EXISTS */, p_users => ARRAY[v_user]);
    END IF;
    INSERT INTO friend_requests (to_id, from_id) VALUES (v_user, p_actor) ON CONFLICT DO NOTHING;
    RETURN outcome(0, p_flags => CASE WHEN FOUND THEN 3 ELSE 0 END, p_users => ARRAY[v_user]);
END $$;

CREATE FUNCTION op_friend_answer(p_actor bigint, p_id bigint, p_uuid uuid, p_name text,
                                 p_accept boolean)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_user bigint := user_ref(p_id, p_uuid, p_name);
BEGIN
    IF v_user IS NULL THEN
        RETURN outcome(6 /* NO_USER */);
    END IF;
    DELETE FROM friend_requests WHERE to_id = p_actor AND from_id = v_user;
    IF NOT FOUND THEN
        RETURN outcome(10 /* NO_REQUEST */);
    END IF;
    IF p_accept THEN
        DELETE FROM friend_requests WHERE to_id = v_user AND from_id = p_actor;
        INSERT INTO friendships (user_id, friend_id)
        SELECT a, b FROM (VALUES (p_actor, v_user), (v_user, p_actor)) p(a, b)
        ORDER BY a ON CONFLICT DO NOTHING;
    END IF;
    RETURN outcome(0, p_flags => 2, p_users => ARRAY[v_user]);
END $$;

-- Accounts

-- Gives a user exactly the names in p_username and p_email. False when one is another's.
CREATE FUNCTION names_take(p_user bigint, p_username text, p_email text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM user_names
    WHERE user_id = p_user AND name IS DISTINCT FROM name_key(p_username)
      AND name IS DISTINCT FROM lower(p_email COLLATE "C");
    INSERT INTO user_names (name, user_id)
    SELECT DISTINCT n COLLATE "C", p_user
    FROM unnest(ARRAY[name_key(p_username), lower(p_email COLLATE "C")]) n
    WHERE n IS NOT NULL ORDER BY 1
    ON CONFLICT DO NOTHING;
    RETURN NOT EXISTS (
        SELECT 1 FROM user_names
        WHERE name IN (name_key(p_username), lower(p_email COLLATE "C")) AND user_id <> p_user);
END $$;

CREATE FUNCTION op_user_create(p_id bigint, p_uuid uuid, p_username text, p_email text,
                               p_first text, p_last text, p_photo text, p_color text, p_role text,
                               p_location text, p_password text, p_pin text, p_active boolean)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := nullif(p_id, 0);
BEGIN
    IF v_id IS NULL THEN
        -- Ids that were chosen by hand lie in the way.
        LOOP
            v_id := nextval('user_id_seq');
            EXIT WHEN NOT EXISTS (SELECT 1 FROM users WHERE id = v_id);
        END LOOP;
    ELSIF v_id < 10000000 OR v_id > 9007199254740991 THEN
        RETURN outcome(2 /* INVALID */);
    END IF;
    IF p_username IS NULL AND p_email IS NULL THEN
        RETURN outcome(2 /* INVALID */);
    END IF;
    BEGIN
        INSERT INTO users (id, uuid, username, email, first_name, last_name, photo, color, role,
                           location, password_hash, pin_hash, active)
        VALUES (v_id, p_uuid, p_username, p_email, p_first, p_last, p_photo, p_color, p_role,
                p_location, p_password, p_pin, p_active);
        IF NOT names_take(v_id, p_username, p_email) THEN
            RAISE unique_violation;
        END IF;
    EXCEPTION WHEN unique_violation THEN
        RETURN outcome(15 /* EXISTS */);
    END;
    PERFORM pg_notify('dragoman', 'user_created ' || v_id);
    RETURN outcome(0, p_flags => 3, p_users => ARRAY[v_id]);
END $$;

-- NULL leaves a column as it is. p_activity: 0 as it is, 1 activate, 2 deactivate.
CREATE FUNCTION op_user_update(p_id bigint, p_username text, p_email text, p_first text,
                               p_last text, p_photo text, p_color text, p_role text,
                               p_location text, p_password text, p_pin text, p_activity int)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    u users;
BEGIN
    BEGIN
        UPDATE users SET
            username = coalesce(p_username, username), email = coalesce(p_email, email),
            first_name = coalesce(p_first, first_name), last_name = coalesce(p_last, last_name),
            photo = coalesce(p_photo, photo), color = coalesce(p_color, color),
            role = coalesce(p_role, role), location = coalesce(p_location, location),
            password_hash = coalesce(p_password, password_hash),
            pin_hash = coalesce(p_pin, pin_hash), updated_at = now(),
            active = CASE p_activity WHEN 1 THEN true WHEN 2 THEN false ELSE active END
        WHERE id = p_id RETURNING * INTO u;
        IF NOT FOUND THEN
            RETURN outcome(6 /* NO_USER */);
        END IF;
        IF (p_username IS NOT NULL OR p_email IS NOT NULL)
           AND NOT names_take(p_id, u.username, u.email) THEN
            RAISE unique_violation;
        END IF;
    EXCEPTION WHEN unique_violation THEN
        RETURN outcome(15 /* EXISTS */);
    END;
    PERFORM pg_notify('dragoman', CASE WHEN p_activity = 2 THEN 'user_deactivated '
                                       ELSE 'user_changed ' END || p_id);
    RETURN outcome(0, p_flags => 2, p_users => ARRAY[p_id]);
END $$;

CREATE FUNCTION op_token_revoke(p_fingerprint bytea, p_expires timestamptz) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM revoked_tokens WHERE expires_at < now() - interval '1 hour';
    INSERT INTO revoked_tokens VALUES (p_fingerprint, p_expires)
    ON CONFLICT (fingerprint) DO UPDATE SET expires_at = greatest(revoked_tokens.expires_at,
                                                                  excluded.expires_at);
    PERFORM pg_notify('dragoman', 'token_revoked ' || encode(p_fingerprint, 'hex'));
    RETURN outcome(0, p_flags => 2);
END $$;
